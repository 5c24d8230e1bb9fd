pub(crate) mod pressure;
mod retention;
mod triggers;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::admin::{Reply, Request, Status, Synced};
use crate::{Host, HostOptions, check, replay};

const PROJECT: &str = r#"
[project]
name = "test"
clock = "data"

[connectors.shop]
plugin = "tabular"

[connectors.shop.settings]
path = "orders*.csv"
currency = "EUR"

[connectors.shop.settings.records]
kind = "order"
id = "order"
identifiers = { customer = "customer", email = "email" }

[connectors.shop.settings.records.fields]
placed_at = "date"
total = "total"

[connectors.shop.grant]
files = "feeds"

[segments.buyers]
when = "orders.count() >= 2"

[segments.recent]
when = "orders.within('30d').exists()"
"#;

const ORDERS: &str = "\
order,customer,email,date,total
1,ana,ana@example.com,2026-01-01,10.00
2,ana,ana@example.com,2026-02-01,20.00
3,bo,bo@example.com,2026-03-01,soon
4,bo,bo@example.com,2026-03-02,40.00
5,carla,,2026-03-03,50.00
";

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crosspoint.toml"), PROJECT).unwrap();
    fs::create_dir(folder.path().join("feeds")).unwrap();
    fs::write(folder.path().join("feeds/orders.csv"), ORDERS).unwrap();
    folder
}

fn options(folder: &Path) -> HostOptions {
    HostOptions {
        project: folder.to_owned(),
        data: None,
        edges: false,
    }
}

fn open(folder: &Path) -> Arc<Host> {
    Host::open(options(folder), &|_| {}).unwrap()
}

fn ask(host: &Host, request: Request) -> Reply {
    host.ask(request, &|_| {}).unwrap()
}

fn sync(host: &Host) -> Synced {
    let request = Request::Sync {
        connector: "shop".into(),
        stream: None,
        deliver: false,
    };
    let Reply::Synced(synced) = ask(host, request) else {
        panic!("another reply")
    };
    synced
}

fn status(host: &Host) -> Status {
    let Reply::Status(mut status) = ask(host, Request::Status) else {
        panic!("another reply")
    };
    // Grows while the test looks.
    for connector in &mut status.connectors {
        connector.usage.lag_ms = None;
    }
    status
}

fn members(host: &Host) -> Vec<(String, i64)> {
    status(host)
        .segments
        .into_iter()
        .map(|segment| (segment.name, segment.members))
        .collect()
}

#[test]
fn a_feed_becomes_profiles_and_segments() {
    let folder = project();
    let host = open(folder.path());
    let synced = sync(&host);
    assert_eq!((synced.records, synced.quarantined), (4, 1));
    assert_eq!(status(&host).profiles, 3);
    assert_eq!(
        members(&host),
        [("buyers".to_owned(), 1), ("recent".to_owned(), 2)]
    );
    assert_eq!(sync(&host).records, 0, "nothing new");

    let Reply::Verified(verified) = ask(&host, Request::SegmentVerify { segment: None }) else {
        panic!("another reply")
    };
    assert!(
        verified
            .iter()
            .all(|it| it.different.is_empty() && it.stored == it.expected)
    );

    let request = Request::ProfileFind {
        query: "ANA@".into(),
        limit: 5,
    };
    let Reply::Profiles(found) = ask(&host, request) else {
        panic!("another reply")
    };
    assert_eq!(found.len(), 1);
    assert!(
        found[0]
            .identifiers
            .contains(&"email:ana@example.com".to_owned())
    );
    let request = Request::ProfileWhy {
        profile: "shop:ana".into(),
        segment: None,
    };
    let Reply::Why(why) = ask(&host, request) else {
        panic!("another reply")
    };
    assert!(
        why.segments
            .iter()
            .any(|it| it.segment == "buyers" && it.member)
    );
    host.close().unwrap();
}

#[test]
fn quarantined_rows_wait_for_a_second_chance() {
    let folder = project();
    let host = open(folder.path());
    sync(&host);
    let list = Request::QuarantineList {
        connector: None,
        after: None,
        limit: 10,
    };
    let Reply::Quarantine(items) = ask(&host, list.clone()) else {
        panic!("another reply")
    };
    assert_eq!(items.len(), 1);
    assert!(
        items[0].locator.contains("orders.csv:4"),
        "{}",
        items[0].locator
    );
    let retry = Request::QuarantineRetry {
        items: vec![items[0].id.clone()],
        connector: None,
    };
    let Reply::Retried(retried) = ask(&host, retry) else {
        panic!("another reply")
    };
    assert_eq!(
        (retried.tried, retried.accepted, retried.refused_again),
        (1, 0, 1)
    );
    let Reply::Quarantine(again) = ask(&host, list) else {
        panic!("another reply")
    };
    assert_eq!(again.len(), 1, "refused again, still kept");
    assert_ne!(again[0].id, items[0].id);
    host.close().unwrap();
}

#[test]
fn opening_again_changes_nothing() {
    let folder = project();
    let host = open(folder.path());
    sync(&host);
    let before = status(&host);
    host.close().unwrap();
    drop(host);
    let host = open(folder.path());
    let after = status(&host);
    assert_eq!(before, after);
    assert_eq!(after.rebuilt, None);
    host.close().unwrap();
}

#[test]
fn a_lost_store_is_rebuilt_from_the_ledger() {
    let folder = project();
    let host = open(folder.path());
    sync(&host);
    let before = status(&host);
    host.close().unwrap();
    drop(host);
    fs::remove_dir_all(folder.path().join("data/store")).unwrap();
    let host = open(folder.path());
    let mut after = status(&host);
    assert!(after.rebuilt.take().is_some());
    assert_eq!(before, after);
    host.close().unwrap();
}

#[test]
fn a_second_host_is_refused_with_what_to_do() {
    let folder = project();
    let host = open(folder.path());
    let error = Host::open(options(folder.path()), &|_| {}).err().unwrap();
    assert_eq!(error.code.as_deref(), Some("XP-RUN-001"));
    assert!(error.hint.is_some());
    host.close().unwrap();
}

#[test]
fn replay_equals_the_store() {
    let folder = project();
    let host = open(folder.path());
    sync(&host);
    fs::write(
        folder.path().join("feeds/orders-2.csv"),
        "order,customer,email,date,total\n6,carla,carla@example.com,2026-03-20,5.00\n",
    )
    .unwrap();
    sync(&host);
    host.close().unwrap();
    drop(host);
    let report = replay(&options(folder.path()), None, true, &|_| {}).unwrap();
    assert_eq!(report.equal, Some(true), "{report:?}");
    assert_eq!(report.profiles, 3);
}

#[test]
fn another_configuration_reaches_everybody() {
    let folder = project();
    let host = open(folder.path());
    sync(&host);
    host.close().unwrap();
    drop(host);
    let text = PROJECT.replace("orders.count() >= 2", "orders.count() >= 1");
    fs::write(folder.path().join("crosspoint.toml"), text).unwrap();
    let host = open(folder.path());
    assert_eq!(members(&host)[0], ("buyers".to_owned(), 3));
    host.close().unwrap();
}

#[test]
fn importing_a_file_twice_counts_once() {
    let folder = project();
    let host = open(folder.path());
    let path = folder.path().join("elsewhere.csv");
    fs::write(
        &path,
        "order,customer,email,date,total\n9,dora,,2026-03-04,1.00\n",
    )
    .unwrap();
    let import = Request::Import {
        connector: "shop".into(),
        path: path.display().to_string(),
        deliver: false,
    };
    for _ in 0..2 {
        let Reply::Synced(synced) = ask(&host, import.clone()) else {
            panic!("another reply")
        };
        assert_eq!(synced.records, 1);
    }
    let shop = &status(&host).connectors[0];
    assert_eq!((shop.received, shop.duplicates), (2, 1));
    assert_eq!(status(&host).profiles, 1);
    host.close().unwrap();
}

#[test]
fn check_finds_what_does_not_fit_the_plugin() {
    let folder = project();
    assert_eq!(check(folder.path(), None, true), []);
    let text = PROJECT.replace("currency = \"EUR\"", "curency = \"EUR\"");
    fs::write(folder.path().join("crosspoint.toml"), text).unwrap();
    let findings = check(folder.path(), None, true);
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].message.contains("curency"),
        "{}",
        findings[0].message
    );
    assert!(findings[0].line.is_some());
}
