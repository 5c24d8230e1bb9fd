//! One word per thing, in public type names, configuration keys and the nouns of the command line.
//! A vendor's own words stay inside its plugin.

use std::collections::BTreeSet;

use crate::tree::{crates, read, refuse};

/// A word that is not used, and the one that is.
const NOT: &[(&str, &str)] = &[
    ("adapter", "plugin"),
    ("alias", "identifier"),
    ("attribute", "trait"),
    ("audience", "segment"),
    ("bookmark", "cursor"),
    ("canvas", "journey"),
    ("cohort", "segment"),
    ("collection", "stream"),
    ("contact", "profile"),
    ("document", "record"),
    ("extension", "plugin"),
    ("flow", "journey"),
    ("gdpr", "erasure"),
    ("hit", "event"),
    ("input", "source"),
    ("integration", "connector"),
    ("list", "segment"),
    ("message", "event"),
    ("method", "action"),
    ("migrate", "swap"),
    ("offset", "cursor"),
    ("optout", "suppression"),
    ("permission", "grant"),
    ("queue", "outbox"),
    ("resync", "backfill or replay"),
    ("row", "record"),
    ("send", "delivery"),
    ("sink", "destination"),
    ("state", "checkpoint"),
    ("stitch", "merge"),
    ("table", "stream"),
    ("tap", "source"),
    ("target", "destination"),
    ("user", "profile"),
];

/// Names in which such a word means something else.
const ALSO: &[(&str, &str)] = &[
    (
        "Attribute",
        "the contract's word for a vendor's field before it becomes a trait",
    ),
    (
        "Contact",
        "the contract's word for a person as one vendor knows them, before identity",
    ),
    (
        "ConsentState",
        "granted, withdrawn or pending: no position in a stream",
    ),
    (
        "State",
        "all that is folded from the ledger, of which a checkpoint is one writing",
    ),
    ("StateError", "an error of `State`"),
    ("CallInput", "what goes into one call of a plugin"),
    (
        "RejectedInput",
        "what a source was given, before there is a record",
    ),
    ("Table", "lines and columns on a terminal"),
    ("methods", "those of HTTP, in what a manifest asks for"),
    (
        "list",
        "the destination's own list, by the name it has there",
    ),
];

/// The words of a name in any of the usual spellings, in lower case and singular.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut before = ' ';
    for char in name.chars() {
        if char.is_uppercase() && !before.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if char.is_alphanumeric() { char } else { ' ' });
        before = char;
    }
    spaced
        .to_lowercase()
        .split_whitespace()
        .map(singular)
        .collect()
}

fn singular(word: &str) -> String {
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

fn instead(name: &str) -> Option<(&'static str, &'static str)> {
    let words = words(name);
    NOT.iter()
        .copied()
        .find(|(not, _)| words.contains(&singular(not)))
}

/// Public types of the host and the SDK, with where they stand.
fn types() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for package in crates() {
        if !package.folder.starts_with("host/") && !package.folder.starts_with("sdk/") {
            continue;
        }
        for source in package.sources().filter(|source| !source.is_test()) {
            for three in source.product_tokens().windows(3) {
                let kind =
                    ["struct", "enum", "trait", "type", "union"].contains(&three[1].as_str());
                if three[0] == "pub" && kind {
                    found.insert((three[2].clone(), source.path.clone()));
                }
            }
        }
    }
    found
}

/// Keys of a reference page: the first column of its tables.
fn keys(page: &str) -> BTreeSet<(String, String)> {
    let cells = read(page)
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let keys = cells.filter_map(|line| line.split("` |").next());
    keys.flat_map(|cell| cell.split("`, `"))
        .map(|key| (key.to_owned(), page.to_owned()))
        .collect()
}

/// First words of the commands, out of the reference's headings.
fn nouns(page: &str) -> BTreeSet<(String, String)> {
    let headings = read(page)
        .lines()
        .filter_map(|line| line.strip_prefix("## `crosspoint "));
    let nouns = headings.filter_map(|line| line.split([' ', '`']).next());
    nouns
        .map(|noun| (noun.to_owned(), page.to_owned()))
        .collect()
}

#[test]
fn one_word_per_thing() {
    let mut names = types();
    names.extend(keys("docs/reference/config.md"));
    names.extend(keys("docs/reference/manifest.md"));
    names.extend(nouns("docs/reference/cli.md"));
    let mut faults = Vec::new();
    for (name, place) in &names {
        if let Some((not, but)) = instead(name)
            && !ALSO.iter().any(|(also, _)| also == name)
        {
            faults.push(format!(
                "{place}: `{name}` says `{not}`; the word here is {but}"
            ));
        }
    }
    for (also, _) in ALSO {
        if !names.iter().any(|(name, _)| name == also) {
            faults.push(format!(
                "nothing is called `{also}` any more: remove its exception"
            ));
        }
    }
    refuse(
        "one word per thing: see the glossary in CONTRIBUTING.md",
        &faults,
    );
}

#[test]
fn the_glossary_is_the_one_people_read() {
    let page = read("CONTRIBUTING.md");
    let (_, glossary) = page.split_once("## Glossary").unwrap();
    let mut faults = Vec::new();
    for (not, but) in NOT {
        let says = |line: &&str| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let word = |cell: &str, wanted: &str| words(cell).contains(&singular(wanted));
            cells.len() > 3
                && but.split(" or ").any(|but| word(cells[1], but))
                && word(&cells[3].replace("opt-out", "optout"), not)
        };
        if !glossary.lines().any(|line| says(&line)) {
            faults.push(format!("no line for {but}, not {not}"));
        }
    }
    refuse(
        "CONTRIBUTING.md must hold every word of the glossary",
        &faults,
    );
}

#[test]
fn words_are_found_in_any_spelling() {
    assert_eq!(words("DeadLetterQueue"), ["dead", "letter", "queue"]);
    assert_eq!(words("send_offsets"), ["send", "offset"]);
    assert!(instead("Listener").is_none());
}
