//! The checks see what they are there to see: a plugin that is careless in one way passes all of
//! them but the one that looks for it.

mod book;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crosspoint_plugin_build::build_component;
use crosspoint_testkit::{Subject, Verdict};
use simulators::{Options, Simulator};

use book::Book;

/// What is looked at here.
const CHECKS: [&str; 8] = [
    "delivers",
    "golden-requests",
    "partial-batch",
    "lost-answer",
    "destination-faults",
    "erases",
    "consent-withheld",
    "no-answer",
];

static WASM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = super::root().join("tests/guests/careless");
    fs::read(build_component(folder, "crosspoint-guest-careless").unwrap()).unwrap()
});

/// How the plugin is checked, with golden files in that folder.
fn subject(folder: &Path, misdeed: &str) -> Subject {
    let path = folder.join("conformance.toml");
    fs::write(&path, include_str!("conformance.toml")).unwrap();
    let mut subject = Subject::read(&path).unwrap();
    subject.only = CHECKS.map(str::to_owned).to_vec();
    subject
        .settings
        .insert("misdeed".to_owned(), misdeed.into());
    subject
}

/// What did not pass, and why.
fn failed(subject: &Subject) -> Vec<(String, String)> {
    let make = |_: &Options| Box::new(Book::default()) as Box<dyn simulators::Vendor>;
    let book = Simulator::serve("book", Box::new(make), &Options::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = crosspoint_testkit::test(&WASM, subject, book.url(), |_| {});
    let report = runtime.block_on(report).unwrap();
    assert_eq!(report.findings.len(), subject.only.len());
    let failed = report.findings.into_iter().filter_map(|finding| {
        let reason = match finding.verdict {
            Verdict::Passed => return None,
            Verdict::Failed { reason } | Verdict::Skipped { reason } => reason,
            Verdict::Waived { reason, .. } => reason,
        };
        Some((finding.check, reason))
    });
    failed.collect()
}

#[test]
fn a_careful_plugin_passes_and_each_misdeed_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut blessing = subject(folder.path(), "");
    blessing.bless = true;
    assert_eq!(failed(&blessing), []);
    assert_eq!(failed(&subject(folder.path(), "")), []);
    for (misdeed, checks, wanted) in [
        (
            "drops-field",
            &["delivers", "golden-requests"][..],
            "`city` is `` at the vendor, `Ulm` was asked for",
        ),
        (
            "ignores-rows",
            &["partial-batch"],
            "0 objects of one person at the vendor",
        ),
        (
            "believes-status",
            &["partial-batch", "destination-faults"],
            "HTML with 200: Done(None), wanted Fault",
        ),
        (
            "believes-silence",
            &["no-answer"],
            "the vendor never answers, and the outcome is Done",
        ),
        (
            "keeps-everybody",
            &["erases"],
            "the vendor still has `kit-0@example.com`",
        ),
        (
            "ignores-consent",
            &["consent-withheld"],
            "email-marketing is withdrawn, and 1 requests left",
        ),
    ] {
        let found = failed(&subject(folder.path(), misdeed));
        for check in checks {
            let is_seen = found.iter().any(|(name, _)| name == check);
            assert!(is_seen, "{misdeed}: `{check}` does not see it: {found:?}");
        }
        let is_told = found.iter().any(|(_, reason)| reason.contains(wanted));
        assert!(is_told, "{misdeed}: {found:?}");
    }
}

#[test]
fn golden_files_that_differ_or_are_of_nothing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut only = subject(folder.path(), "");
    only.only = vec!["golden-requests".to_owned()];
    let told = |only: &Subject| failed(only).remove(0).1;
    assert!(told(&only).contains("golden/upsert-contact-all.http: is not there"));
    only.bless = true;
    assert_eq!(failed(&only), []);
    only.bless = false;
    let golden = folder.path().join("golden");
    let file = golden.join("upsert-contact-all.http");
    let text = fs::read_to_string(&file).unwrap();
    let expected = "POST /people\ncontent-type: application/json\n\n{\"people\":[{\"city\":\"Ulm\",\
                    \"email\":\"kit-1@example.com\",\"name\":\"Kit 1\"}]}\n";
    assert_eq!(text, expected);
    fs::write(&file, text.replace("Ulm", "Bonn")).unwrap();
    fs::write(golden.join("nobody-all.http"), "").unwrap();
    let reason = told(&only);
    assert!(
        reason.contains("golden/upsert-contact-all.http: line 4"),
        "{reason}"
    );
    assert!(
        reason.contains("- {\"people\":[{\"city\":\"Bonn\""),
        "{reason}"
    );
    assert!(
        reason.contains("+ {\"people\":[{\"city\":\"Ulm\""),
        "{reason}"
    );
    assert!(
        reason.contains("golden/nobody-all.http belongs to no action"),
        "{reason}"
    );
}
