//! What the crates that decide must not know: a result that depends on a clock, on the order of a
//! hash map or on the machine cannot be replayed.

use crate::tree::{crates, holds, refuse};

/// Given the same ledger these come to the same bytes.
const PURE: [&str; 5] = [
    "host/model",
    "host/identity",
    "host/profile",
    "host/segment",
    "host/step",
];

/// Crates through which the outside would come in.
const OUTSIDE: [&str; 10] = [
    "anyhow",
    "axum",
    "fastrand",
    "getrandom",
    "opendal",
    "rand",
    "reqwest",
    "rustix",
    "tokio",
    "tracing",
];

/// Words by which code reaches for the outside.
const WORDS: &[(&[&str], &str)] = &[
    (&["std", ":", ":", "fs"], "files"),
    (&["std", ":", ":", "net"], "the network"),
    (&["std", ":", ":", "env"], "the environment"),
    (&["std", ":", ":", "process"], "processes"),
    (&["std", ":", ":", "thread"], "threads"),
    (&["SystemTime"], "a clock"),
    (&["std", ":", ":", "time", ":", ":", "Instant"], "a clock"),
    (&["async"], "async"),
];

#[test]
fn crates_that_decide_know_nothing_of_the_outside() {
    let mut faults = Vec::new();
    for package in crates()
        .iter()
        .filter(|package| PURE.contains(&package.folder.as_str()))
    {
        for name in package.dependencies(&["dependencies"]) {
            if OUTSIDE.contains(&name.as_str()) {
                faults.push(format!("{} depends on `{name}`", package.folder));
            }
        }
        for source in package.sources().filter(|source| !source.is_test()) {
            let tokens = source.product_tokens();
            for (words, what) in WORDS {
                if holds(&tokens, words) {
                    faults.push(format!(
                        "{} reaches for {what}: `{}`",
                        source.path,
                        words.concat()
                    ));
                }
            }
        }
    }
    refuse(
        "crates that decide must know neither I/O nor clocks",
        &faults,
    );
}

#[test]
fn crates_that_decide_keep_order() {
    let mut faults = Vec::new();
    for package in crates()
        .iter()
        .filter(|package| PURE.contains(&package.folder.as_str()))
    {
        for source in package.sources().filter(|source| !source.is_test()) {
            let tokens = source.product_tokens();
            if ["HashMap", "HashSet"]
                .iter()
                .any(|word| holds(&tokens, &[word]))
            {
                faults.push(format!("{} uses a hash map: take a BTreeMap", source.path));
            }
        }
    }
    refuse("the order of a hash map must not decide anything", &faults);
}
