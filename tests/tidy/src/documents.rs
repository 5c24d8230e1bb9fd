//! What the documents promise about the repository and about each other.

use std::collections::BTreeSet;

use crate::tree::{Text, crates, ending, read, refuse, root};

/// Top-level folders by which a path in a text is recognised.
const TOP: [&str; 8] = [
    ".ci/",
    "docs/",
    "host/",
    "plugins/",
    "sdk/",
    "tests/",
    "wit/",
    "Cargo.toml",
];

/// What stands in single backticks outside code blocks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2))
}

#[test]
fn paths_in_the_architecture_exist() {
    let page = read("docs/architecture.md");
    let mut faults = Vec::new();
    for path in quoted(page).filter(|path| TOP.iter().any(|top| path.starts_with(top))) {
        let plain = path.split(['<', '*', ' ']).next().unwrap_or(path);
        if !root().join(plain).exists() {
            faults.push(format!("there is no `{path}`"));
        }
    }
    for package in crates()
        .iter()
        .filter(|package| package.folder.starts_with("host/"))
    {
        if !quoted(page).any(|path| path.starts_with(&package.folder)) {
            faults.push(format!("{} is not on the page", package.folder));
        }
    }
    refuse(
        "docs/architecture.md shows every crate of the host, with files that exist",
        &faults,
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for page in ending(".md").filter(|page| !page.path.contains("/fixtures/")) {
        let folder = root().join(&page.path).parent().unwrap().to_owned();
        let prose: String = page.text.split("```").step_by(2).collect();
        for link in prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            let is_outside = link.contains("://") || link.starts_with("mailto:");
            if !is_outside && !path.is_empty() && !folder.join(path).exists() {
                faults.push(format!("{}: {link}", page.path));
            }
        }
    }
    refuse("links lead to files that exist", &faults);
}

#[test]
fn decisions_are_numbered_and_say_context_decision_consequences() {
    let mut faults = Vec::new();
    let pages: Vec<&Text> = ending(".md")
        .filter(|text| text.path.starts_with("docs/adr/0"))
        .collect();
    assert!(!pages.is_empty(), "there are no decisions");
    for (at, page) in pages.iter().enumerate() {
        let number = format!("{:04}", at + 1);
        let name = page.path.strip_prefix("docs/adr/").unwrap_or_default();
        if !name.starts_with(&number) || !page.text.starts_with(&format!("# {number}: ")) {
            faults.push(format!(
                "{} must be number {number}, in name and heading",
                page.path
            ));
        }
        for part in ["## Context", "## Decision", "## Consequences"] {
            if !page.text.contains(&format!("\n{part}\n")) {
                faults.push(format!("{} lacks `{part}`", page.path));
            }
        }
    }
    refuse(
        "a decision has a number, context, decision and consequences",
        &faults,
    );
}

/// The rules of the contract: what stands between `**C1**` and the next blank line.
fn rules(page: &str) -> Vec<(usize, String)> {
    let mut rules = Vec::new();
    for paragraph in page.split("\n\n") {
        let Some(rest) = paragraph.trim_start().strip_prefix("**C") else {
            continue;
        };
        let Some((number, text)) = rest.split_once("**") else {
            continue;
        };
        rules.push((
            number.parse().unwrap_or(0),
            text.split_whitespace().collect::<Vec<_>>().join(" "),
        ));
    }
    rules
}

#[test]
fn rules_of_the_contract_are_numbered_and_say_what_the_host_does() {
    let mut faults = Vec::new();
    let rules = rules(read("docs/contract.md"));
    assert!(
        rules.len() > 10,
        "the contract has only {} rules",
        rules.len()
    );
    for (at, (number, text)) in rules.iter().enumerate() {
        if *number != at + 1 {
            faults.push(format!("C{number} stands where C{} is expected", at + 1));
        }
        if !["MUST", "SHOULD", "MAY"]
            .iter()
            .any(|word| text.contains(word))
        {
            faults.push(format!("C{number} says neither MUST nor SHOULD nor MAY"));
        }
        if !text.contains("*Host:*") {
            faults.push(format!(
                "C{number} does not say what the host does: `*Host:*`"
            ));
        }
    }
    refuse(
        "a rule has a number, an obligation, and what the host does",
        &faults,
    );
}

#[test]
fn codes_named_in_documents_have_pages() {
    let pages: BTreeSet<_> = ending(".md").map(|text| text.path.as_str()).collect();
    let mut faults = Vec::new();
    for text in ending(".md") {
        for code in quoted(&text.text).filter(|word| word.starts_with("XP-") && word.len() == 10) {
            if !pages.contains(format!("docs/errors/{code}.md").as_str()) {
                faults.push(format!("{}: {code}", text.path));
            }
        }
    }
    refuse("error codes in documents have pages", &faults);
}
