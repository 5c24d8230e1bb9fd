//! What was measured, as text.

use std::fmt::Write as _;
use std::time::Duration;

use crate::machine::Machine;

/// One part of a run.
#[derive(Debug, Default)]
pub struct Section {
    pub title: &'static str,
    /// What was done.
    pub method: String,
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    pub goals: Vec<Goal>,
}

/// What was hoped for, and what came of it.
#[derive(Debug)]
pub struct Goal {
    pub subject: String,
    pub wanted: &'static str,
    pub measured: String,
    pub is_met: bool,
}

/// All parts of a run.
#[derive(Debug, Default)]
pub struct Report {
    sections: Vec<Section>,
}

impl Report {
    /// Adds a part and shows it.
    pub fn add(&mut self, section: Section) {
        println!("{}", section_text(&section));
        self.sections.push(section);
    }

    /// The table of goals.
    pub fn goals(&self) -> String {
        let goals = self.sections.iter().flat_map(|section| &section.goals);
        let rows: Vec<_> = goals
            .map(|goal| {
                let met = if goal.is_met { "yes" } else { "**no**" };
                vec![
                    goal.subject.clone(),
                    goal.wanted.to_owned(),
                    goal.measured.clone(),
                    met.into(),
                ]
            })
            .collect();
        table(&["what", "goal", "measured", "met"], &rows)
    }

    /// The whole of `docs/performance.md`.
    pub fn document(&self, machine: &Machine, load_at_end: &str, command: &str) -> String {
        let mut text = String::from(
            "# Performance\n\nWritten by `tests/bench`, from one run on one machine. Compare the \
             ratios with other runs; the absolute figures belong to this machine.\n\n",
        );
        let mut properties = machine.properties();
        properties.push(("load at the end (1, 5, 15 min)", load_at_end.to_owned()));
        let rows: Vec<_> = properties
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        text += &table(&["machine", ""], &rows);
        // Text takes any text.
        _ = write!(
            text,
            "\n```\n{command}\n```\n\n## Goals\n\n{}",
            self.goals()
        );
        for section in &self.sections {
            _ = write!(text, "\n{}", section_text(section));
        }
        text
    }
}

/// Where in the document begins what others measured: it is kept when the rest is written anew.
const KEPT_FROM: &str = "\n## End to end\n";

/// What of an earlier document is kept.
pub fn kept(earlier: &str) -> &str {
    earlier
        .find(KEPT_FROM)
        .map_or("", |start| &earlier[start..])
}

fn section_text(section: &Section) -> String {
    let Section { title, method, .. } = section;
    format!(
        "## {title}\n\n{method}\n\n{}",
        table(&section.header, &section.rows)
    )
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

/// With separators: `25,000`.
pub fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many a second.
pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

/// `1.23 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_says_so() {
        let goal = |is_met| Goal {
            subject: format!("met: {is_met}"),
            wanted: "all",
            measured: "some".to_owned(),
            is_met,
        };
        let mut report = Report::default();
        report.add(Section {
            goals: vec![goal(true), goal(false)],
            ..Section::default()
        });
        let text = report.goals();
        assert!(text.contains("| met: true | all | some | yes |"), "{text}");
        assert!(
            text.contains("| met: false | all | some | **no** |"),
            "{text}"
        );
    }

    #[test]
    fn what_others_measured_is_kept() {
        let earlier = "# Performance\n\n## Step\n\n## End to end\n\nA case.\n";
        assert_eq!(kept(earlier), "\n## End to end\n\nA case.\n");
        assert_eq!(kept("# Performance\n"), "");
    }

    #[test]
    fn numbers_have_separators() {
        let cases = [
            (0.0, "0"),
            (999.6, "1,000"),
            (69_190.0, "69,190"),
            (1e6, "1,000,000"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
