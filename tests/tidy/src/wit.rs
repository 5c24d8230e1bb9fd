//! The contract's comments are its calling convention, so nothing in it goes without.

use crate::tree::{ending, refuse};

/// Words that begin what must be explained.
const KEYWORDS: [&str; 7] = [
    "interface ",
    "world ",
    "record ",
    "variant ",
    "enum ",
    "flags ",
    "resource ",
];

fn declares(line: &str) -> bool {
    KEYWORDS.iter().any(|keyword| line.starts_with(keyword))
        || line.starts_with("type ")
        || line.contains(": func(")
}

fn undocumented(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let explained = |at: usize| {
        let before = lines[..at].iter().rev().find(|line| !line.starts_with('@'));
        before.is_some_and(|line| line.starts_with("///"))
    };
    let declared = lines.iter().enumerate().filter(|(_, line)| declares(line));
    declared
        .filter(|(at, _)| !explained(*at))
        .map(|(at, line)| (at + 1, *line))
        .collect()
}

#[test]
fn every_type_and_function_of_the_contract_is_explained() {
    let mut faults = Vec::new();
    for text in ending(".wit").filter(|text| !text.path.starts_with("wit/deps/")) {
        for (number, line) in undocumented(&text.text) {
            faults.push(format!("{}:{number}: no `///` above `{line}`", text.path));
        }
    }
    refuse(
        "every type and function of the contract has a comment",
        &faults,
    );
}

#[test]
fn what_goes_without_is_found() {
    let text = "/// Why.\ninterface a {\n    get: func() -> string;\n\n    /// Why.\n    enum b { c }\n}\n";
    assert_eq!(undocumented(text), [(3, "get: func() -> string;")]);
}
