use crate::shell::Shell;
use serde_json::Value as Json;

/// Customers of the sample in each segment of the demo, counted by an independent script.
const MEMBERS: [(&str, i64); 6] = [
    ("active", 229),
    ("big-spenders", 176),
    ("lapsed", 753),
    ("one-time-buyers", 1205),
    ("regulars", 388),
    ("win-back", 52),
];

fn members(status: &Json) -> Vec<(&str, i64)> {
    let mut members: Vec<_> = status["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["name"].as_str().unwrap(), s["members"].as_i64().unwrap()))
        .collect();
    members.sort_unstable();
    members
}

#[test]
fn demo_does_the_main_job_and_nothing_twice() {
    let shell = Shell::new();
    let first = shell.json(&["demo", "--no-serve"]);
    assert_eq!(first["read"]["records"], 6919);
    assert_eq!(first["read"]["quarantined"], 0);
    assert_eq!(first["status"]["profiles"], 2357);
    assert_eq!(first["status"]["now"], "1998-06-30T00:00:00Z");
    assert_eq!(members(&first["status"]), MEMBERS);
    let received = &first["receiver"];
    assert!(received["new"].as_u64().unwrap() >= 176 + 229);
    assert_eq!(
        (&received["refused"], &received["repeats"]),
        (&0.into(), &0.into())
    );
    let lists = serde_json::json!({"Active": 229, "Big spenders": 176, "Win back": 52});
    assert_eq!(
        received["lists"], lists,
        "the receiver's lists are the segments"
    );

    let second = shell.json(&["demo", "--no-serve"]);
    assert_eq!(second["read"]["records"], 0);
    assert_eq!(second["receiver"]["requests"], 0);
    assert_eq!(second["receiver"]["new"], 0);
    assert_eq!(second["receiver"]["total"], received["total"]);
    assert_eq!(second["receiver"]["lists"], lists);
    assert_eq!(members(&second["status"]), MEMBERS);

    let text = shell.good(&["demo", "--no-serve"]);
    for part in [
        "nothing new: all 6,919",
        "nothing again",
        "big-spenders",
        "Why?",
        "Try next",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\x1b'), "no colours in a pipe");
    explore(&shell, &first);
}

/// Every command that lists or shows, on the demo's project.
fn explore(shell: &Shell, story: &Json) {
    let project = ["--project", "crosspoint-demo"];
    let json = |arguments: &[&str]| shell.json(&[arguments, &project].concat());
    let text = |arguments: &[&str]| shell.good(&[arguments, &project].concat());
    let profile = story["example"]["profile"]["id"].as_str().unwrap();

    assert_eq!(json(&["status"])["profiles"], 2357);
    assert!(text(&["status"]).contains("2,357"));
    assert_eq!(json(&["segment", "list"]).as_array().unwrap().len(), 6);
    let preview = json(&["segment", "preview", "orders.count() >= 5"]);
    assert_eq!(preview["members"], 388);
    let page = json(&["segment", "members", "big-spenders", "--limit", "100"]);
    assert_eq!(page["members"].as_array().unwrap().len(), 100);
    let next = page["next"].as_str().unwrap();
    let rest = json(&[
        "segment",
        "members",
        "big-spenders",
        "--after",
        next,
        "--limit",
        "100",
    ]);
    assert_eq!(rest["members"].as_array().unwrap().len(), 76);
    assert_eq!(
        json(&["segment", "explain", "win-back", profile])["member"],
        true
    );
    assert!(text(&["segment", "verify"]).contains("equal a computation from scratch"));

    let shown = json(&["profile", "show", profile]);
    let identifier = shown["identifiers"][0].as_str().unwrap();
    assert_eq!(json(&["profile", "show", identifier]), shown);
    let found = json(&["profile", "find", identifier]);
    assert_eq!(found[0]["id"], profile);
    assert!(text(&["profile", "why", profile, "--segment", "win-back"]).contains("win-back"));

    assert_eq!(json(&["outbox", "list"]), serde_json::json!([]));
    assert_eq!(json(&["quarantine", "list"]), serde_json::json!([]));
    assert_eq!(json(&["deliver"])["done"], 0);
    assert_eq!(json(&["replay", "--check"])["equal"], true);
    assert!(text(&["replay", "--check"]).contains("byte for byte"));
}

#[test]
fn demo_overwrites_nothing() {
    let shell = Shell::new();
    std::fs::write(shell.folder().join("mine.txt"), "mine").unwrap();
    let done = shell.run(&["demo", "--no-serve", "--data", "."]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert!(
        done.stderr.contains("already holds something else"),
        "{}",
        done.stderr
    );
    let missing = shell.run(&["demo", "--no-serve", "--full", "none.txt"]);
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("hint: download CDNOW_master.txt"),
        "{}",
        missing.stderr
    );
}
