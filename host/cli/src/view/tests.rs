//! Each view against its golden.

use crosspoint_runtime::admin::Reply;
use crosspoint_runtime::{Finding, PluginSummary, ReplayReport};

use super::*;
use crate::golden::check;

/// The answers in `tests/goldens/replies.ndjson`: as a host would send them, one a line.
fn replies() -> Vec<Reply> {
    include_str!("../../tests/goldens/replies.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The name of an answer's kind, and a number for repeated kinds.
fn names(replies: &[Reply]) -> Vec<String> {
    let kinds: Vec<String> = replies
        .iter()
        .map(|reply| {
            serde_json::to_value(reply).unwrap()["reply"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    (0..kinds.len())
        .map(|at| {
            let before = kinds[..at]
                .iter()
                .filter(|kind| **kind == kinds[at])
                .count();
            match before {
                0 => kinds[at].clone(),
                _ => format!("{}-{}", kinds[at], before + 1),
            }
        })
        .collect()
}

#[test]
fn answers_look_as_they_did() {
    let replies = replies();
    for (name, answer) in names(&replies).iter().zip(&replies) {
        check(name, &reply(answer, Style::of(false)));
    }
}

#[test]
fn no_answer_can_steer_the_terminal() {
    for answer in replies() {
        let hostile = serde_json::to_string(&answer)
            .unwrap()
            .replace("Ada", r"\u001b[2J\u0007");
        let answer: Reply = serde_json::from_str(&hostile).unwrap();
        let text = reply(&answer, Style::of(false));
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(steers), "{text}");
    }
}

#[test]
fn findings_look_as_they_did() {
    let error = Finding {
        code: "XP-CFG-004".to_owned(),
        is_error: true,
        file: Some("crosspoint.toml".to_owned()),
        line: Some(12),
        column: Some(9),
        message: "unknown key `pluginn` in connector `hook`".to_owned(),
        hint: Some("did you mean `plugin`?".to_owned()),
    };
    let warning = Finding {
        code: "XP-CFG-017".to_owned(),
        is_error: false,
        line: None,
        column: None,
        message: "an action of the plugin's own".to_owned(),
        hint: None,
        ..error.clone()
    };
    let style = Style::of(false);
    check("findings", &findings(&[error, warning.clone()], style));
    check("findings-warning", &findings(&[warning], style));
    check("findings-none", &findings(&[], style));
}

#[test]
fn plugins_look_as_they_did() {
    let plugins: Vec<PluginSummary> =
        serde_json::from_str(include_str!("../../tests/goldens/plugins.json")).unwrap();
    check("plugins", &super::plugins(&plugins, Style::of(false)));
    check("plugin", &plugin(&plugins[0], Style::of(false)));
}

#[test]
fn replays_look_as_they_did() {
    let mut report = ReplayReport {
        entries: 6_925,
        profiles: 2_357,
        digest_replay: "6fae10155c0b0ba3".to_owned(),
        digest_store: None,
        equal: None,
    };
    check("replay", &replay(&report, Style::of(false)));
    report.digest_store = Some("6fae10155c0b0ba3".to_owned());
    report.equal = Some(true);
    check("replay-equal", &replay(&report, Style::of(false)));
    report.digest_store = Some("eff6889e00000000".to_owned());
    report.equal = Some(false);
    check("replay-different", &replay(&report, Style::of(false)));
}

#[test]
fn instants_are_shortened_and_nothing_else_is() {
    for (text, shown) in [
        ("1998-06-30T00:00:00Z", "1998-06-30"),
        ("2026-11-03T09:15:27.104Z", "2026-11-03 09:15:27Z"),
        ("2026-11-03T09:15:27+01:00", "2026-11-03T09:15:27+01:00"),
        ("äöü-11-03T00:00:00Z", "äöü-11-03T00:00:00Z"),
        ("Zoë", "Zoë"),
        ("", ""),
    ] {
        assert_eq!(instant(text), shown);
    }
}
