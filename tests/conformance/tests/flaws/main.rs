//! A check that cannot fail says nothing: each of these sees the flaw that it is there for, and
//! nothing where there is none.

#![allow(clippy::unwrap_used)]

mod vendor;

use std::path::Path;
use std::sync::LazyLock;

use crosspoint_plugin_build::build_component;
use crosspoint_testkit::{Subject, Verdict};
use simulators::{Options, Simulator};

use vendor::Things;

static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/flawed");
    let component = build_component(folder, "crosspoint-guest-flawed").unwrap();
    std::fs::read(component).unwrap()
});

const SUBJECT: &str = r#"
simulator = "things"
customers = 24
time_zone = "set-time-zone"

[settings]
url = "{url}"
flaw = "FLAW"

[secrets]
hook = "{secrets.hook}"

[webhook]

[streams.things]
collection = "things"
expect = { full_name = "name" }
instants = { updated_at_ms = "updated_at_ms" }
spoil = { field = "changed_gmt", with = "soon" }

[credentials]
expire = "expire-tokens"
"#;

/// Requests a second that the vendor bears: as many as the manifest says, or any number.
const BORNE: u64 = 10;
const ANY: u64 = 1_000_000;

fn run(flaw: &str, borne: u64, checks: &[&str]) -> Vec<Verdict> {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), SUBJECT.replace("FLAW", flaw)).unwrap();
    let mut subject = Subject::read(path.path()).unwrap();
    subject.only = checks.iter().map(|&check| check.to_owned()).collect();
    let make = move |options: &Options| Things::boxed(options, borne);
    let simulator = Simulator::serve("things", Box::new(make), &Options::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let test = crosspoint_testkit::test(&COMPONENT, &subject, simulator.url(), |_| {});
    let report = runtime.block_on(test).unwrap();
    assert_eq!(report.findings.len(), checks.len(), "{}", report.to_text());
    let findings = report.findings.into_iter();
    findings.map(|finding| finding.verdict).collect()
}

#[track_caller]
fn sees(check: &str, flaw: &str, borne: u64, told: &str) {
    match run(flaw, borne, &[check]).as_slice() {
        [Verdict::Failed { reason }] => assert!(reason.contains(told), "{reason}"),
        other => panic!("`{check}` does not see `{flaw}`: {other:?}"),
    }
}

#[test]
fn without_a_flaw_nothing_is_seen() {
    let checks = [
        "same-twice",
        "resume-anywhere",
        "call-cut-anywhere",
        "counts",
        "time-zones",
        "webhook-replays",
        "rejects",
    ];
    for (check, verdict) in checks.iter().zip(run("none", ANY, &checks)) {
        assert_eq!(verdict, Verdict::Passed, "{check}");
    }
    assert_eq!(run("none", BORNE, &["rate"]), [Verdict::Passed]);
}

#[test]
fn what_the_vendor_forgets_is_lost_at_a_cut() {
    sees("call-cut-anywhere", "consumes", ANY, "is missing");
    sees("resume-anywhere", "consumes", ANY, "is missing");
}

#[test]
fn a_swallowed_fault_is_seen_at_the_request_that_broke() {
    sees("call-cut-anywhere", "swallows", ANY, "lost: `");
}

#[test]
fn words_of_chance_are_other_bytes() {
    sees("same-twice", "chance", ANY, "is another the second time");
}

#[test]
fn local_time_is_no_instant() {
    sees("time-zones", "local-time", ANY, "`updated_at_ms` is ");
}

#[test]
fn a_thing_that_comes_twice_is_counted_twice() {
    sees("counts", "twice", ANY, "2 times in one reading");
}

#[test]
fn a_dropped_object_is_missed() {
    sees("rejects", "drops", ANY, "0 rejects of 8 spoilt objects");
}

/// The vendor's tokens are said to expire, and nobody fetches a new one.
#[test]
fn a_token_that_nobody_renews_is_seen() {
    sees("token-renewal", "none", ANY, "0 tokens were fetched");
}

#[test]
fn an_old_call_undoes_nothing() {
    sees("webhook-replays", "call-time", ANY, "stream `things`");
}

#[test]
fn a_rate_that_the_vendor_does_not_bear_is_refused() {
    sees("rate", "none", BORNE - 2, "within the declared rate");
}
