//! What was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crosspoint_sandbox::Manifest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checks::Check;
use crate::error::{Checked, Fault};

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The rule is kept.
    Passed,
    /// The rule is broken, so.
    Failed {
        /// What was seen, what was wanted.
        reason: String,
    },
    /// The rule is broken, and the waiver says why that is right for now.
    Waived {
        /// The waiver's.
        waiver: String,
        /// What was seen.
        reason: String,
    },
    /// There is nothing to check, so.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// One check of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name.
    pub check: String,
    /// The rule of docs/contract.md.
    pub rule: String,
    /// What a plugin must do.
    pub must: String,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long it took.
    #[serde(default)]
    pub took_ms: u64,
}

impl Finding {
    pub(crate) fn new(
        check: &Check,
        checked: Checked,
        waivers: &BTreeMap<String, String>,
        took_ms: u64,
    ) -> Self {
        let verdict = match (checked, waivers.get(check.name)) {
            (Ok(()), None) => Verdict::Passed,
            (Ok(()) | Err(Fault::Skipped(_)), Some(_)) => Verdict::Failed {
                reason: "its waiver is no longer needed: remove it".to_owned(),
            },
            (Err(Fault::Failed(reason)), None) => Verdict::Failed { reason },
            (Err(Fault::Failed(reason)), Some(waiver)) => Verdict::Waived {
                waiver: waiver.clone(),
                reason,
            },
            (Err(Fault::Skipped(reason)), None) => Verdict::Skipped { reason },
        };
        Self {
            check: check.name.to_owned(),
            rule: check.rule.to_owned(),
            must: check.must.to_owned(),
            verdict,
            took_ms,
        }
    }
}

/// Everything found of one plugin, bound to the component that was tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The plugin's id.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// By check.
    pub findings: Vec<Finding>,
    /// What was measured, by name; nothing depends on it.
    pub figures: BTreeMap<String, f64>,
}

impl Report {
    pub(crate) fn new(manifest: &Manifest, wasm: &[u8]) -> Self {
        Self {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            digest: hex::encode(Sha256::digest(wasm)),
            findings: Vec::new(),
            figures: BTreeMap::new(),
        }
    }

    /// Checks passed, of those that had something to check.
    pub fn score(&self) -> (usize, usize) {
        let count = |wanted: fn(&Verdict) -> bool| {
            self.findings
                .iter()
                .filter(|finding| wanted(&finding.verdict))
                .count()
        };
        let passed = count(|verdict| *verdict == Verdict::Passed);
        (
            passed,
            count(|verdict| !matches!(verdict, Verdict::Skipped { .. })),
        )
    }

    /// Whether nothing failed; what is waived did not fail.
    pub fn is_passed(&self) -> bool {
        let failed = |finding: &Finding| matches!(finding.verdict, Verdict::Failed { .. });
        !self.findings.iter().any(failed)
    }

    /// As a table for people.
    pub fn to_text(&self) -> String {
        let (passed, of) = self.score();
        let digest = &self.digest[..12];
        let mut text = format!(
            "{} {} ({digest}): {passed} of {of}\n",
            self.plugin, self.version
        );
        for finding in &self.findings {
            let _ = writeln!(text, "{}", finding.to_text());
        }
        for (name, value) in &self.figures {
            let _ = writeln!(text, "  {name}: {value:.1}");
        }
        text
    }
}

impl Finding {
    /// One line, and the reason below where there is one.
    pub fn to_text(&self) -> String {
        let (mark, reason) = match &self.verdict {
            Verdict::Passed => ("pass", None),
            Verdict::Failed { reason } => (
                "FAIL",
                Some(format!("{reason}\n         the rule: {}", self.must)),
            ),
            Verdict::Waived { waiver, reason } => {
                ("waiv", Some(format!("{waiver}; seen: {reason}")))
            }
            Verdict::Skipped { reason } => ("skip", Some(reason.clone())),
        };
        let reason = reason.map_or_else(String::new, |reason| format!("\n         {reason}"));
        let seconds = self.took_ms as f64 / 1_000.0;
        format!(
            "  {mark}  {} ({}, {seconds:.1} s){reason}",
            self.check, self.rule
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CHECKS;

    #[test]
    fn a_waiver_that_is_not_needed_fails() {
        let check = &CHECKS[0];
        let waivers = BTreeMap::from([(check.name.to_owned(), "the vendor forbids it".to_owned())]);
        let verdict = |checked| Finding::new(check, checked, &waivers, 0).verdict;
        assert!(matches!(verdict(Ok(())), Verdict::Failed { .. }));
        assert!(matches!(
            verdict(Err(Fault::Skipped(String::new()))),
            Verdict::Failed { .. }
        ));
        assert!(matches!(
            verdict(Err(Fault::Failed("x".to_owned()))),
            Verdict::Waived { .. }
        ));
    }
}
