//! Every error that a person can see has a page, and every page an error.

use std::collections::BTreeSet;

use crate::tree::{ending, refuse};

/// Parts of a page, in this order.
const PARTS: [&str; 3] = ["## Cause", "## Check", "## Fix"];

/// Codes such as `XP-RUN-001` within a text.
fn codes(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, _) in text.match_indices("XP-") {
        let code: String = text[start..].chars().take("XP-CFG-001".len()).collect();
        let mut parts = code.split('-').skip(1);
        let room = parts.next().unwrap_or_default();
        let number = parts.next().unwrap_or_default();
        if room.len() == 3
            && room.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            found.insert(code);
        }
    }
    found
}

fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let pages =
        ending(".md").filter_map(|text| Some((text.path.strip_prefix("docs/errors/")?, text)));
    pages.filter_map(|(name, text)| Some((name.strip_suffix(".md")?, text.text.as_str())))
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let sources = ending(".rs").filter(|text| text.path.starts_with("host/") && !text.is_test());
    let used: BTreeSet<_> = sources.flat_map(|text| codes(text.product())).collect();
    let mut faults = Vec::new();
    for code in &used {
        if !pages().any(|(name, _)| name == code) {
            faults.push(format!("{code} has no page: write docs/errors/{code}.md"));
        }
    }
    for (name, _) in pages() {
        if !used.contains(name) {
            faults.push(format!(
                "docs/errors/{name}.md: nothing gives this error any more"
            ));
        }
    }
    refuse("codes and pages are the same", &faults);
}

#[test]
fn every_page_has_cause_check_and_fix() {
    let mut faults = Vec::new();
    for (name, text) in pages() {
        if !text.starts_with(&format!("# {name}: ")) {
            faults.push(format!(
                "docs/errors/{name}.md must begin with `# {name}: what happened`"
            ));
        }
        let mut rest = text;
        for part in PARTS {
            let Some((_, after)) = rest.split_once(&format!("\n{part}\n")) else {
                faults.push(format!(
                    "docs/errors/{name}.md lacks `{part}`, or it is out of order"
                ));
                continue;
            };
            if after
                .split("\n## ")
                .next()
                .is_none_or(|body| body.trim().is_empty())
            {
                faults.push(format!("docs/errors/{name}.md: `{part}` is empty"));
            }
            rest = after;
        }
    }
    refuse("a page says cause, check and fix", &faults);
}
