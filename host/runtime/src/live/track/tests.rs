use std::fs;

use crosspoint_ingest::tracking::{Endpoint, parse};
use crosspoint_model::Instant;
use serde_json::{Value as Json, json};

use super::*;
use crate::HostOptions;
use crate::admin::{ProfileView, QuarantineView, Reply, Request, Retried};

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["website-1"]

[segments.buyers]
when = "orders.exists()"
"#;

struct Rig {
    host: Arc<Host>,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("crosspoint.toml"), PROJECT).unwrap();
        let options = HostOptions {
            project: folder.path().to_owned(),
            data: None,
            edges: false,
        };
        Self {
            host: Host::open(options, &|_| {}).unwrap(),
            _folder: folder,
        }
    }

    fn track(&self, calls: &Json) -> Result<Tracked, TrackError> {
        let body = json!({ "batch": calls }).to_string();
        let batch = parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap();
        let source = ConnectorId::from("website");
        self.host.tokio.block_on(self.host.track(&source, &batch))
    }

    /// Waits until all that was tracked is stepped.
    fn settle(&self) {
        let last = self.host.ledger.last_appended();
        self.host
            .tokio
            .block_on(self.host.handle.applied(last))
            .unwrap();
    }

    fn profile(&self, who: &str) -> ProfileView {
        self.settle();
        let request = Request::ProfileShow {
            profile: who.into(),
            facts: 100,
        };
        match self.host.ask(request, &|_| {}).unwrap() {
            Reply::Profile(profile) => *profile,
            other => panic!("{other:?}"),
        }
    }

    fn quarantine(&self) -> Vec<QuarantineView> {
        self.settle();
        let request = Request::QuarantineList {
            connector: Some("website".into()),
            after: None,
            limit: 10,
        };
        match self.host.ask(request, &|_| {}).unwrap() {
            Reply::Quarantine(items) => items,
            other => panic!("{other:?}"),
        }
    }

    fn retry(&self) -> Retried {
        let request = Request::QuarantineRetry {
            items: Vec::new(),
            connector: Some("website".into()),
        };
        match self.host.ask(request, &|_| {}).unwrap() {
            Reply::Retried(retried) => retried,
            other => panic!("{other:?}"),
        }
    }
}

fn sign_up() -> Json {
    json!([
        { "type": "identify", "userId": "u1", "anonymousId": "a1", "messageId": "m1",
          "timestamp": "2026-01-02T03:04:05Z", "traits": { "email": "a@example.com", "plan": "pro" } },
        { "type": "track", "userId": "u1", "messageId": "m2", "event": "Order Completed",
          "timestamp": "2026-01-02T03:05:05Z",
          "properties": { "order_id": "o1", "total": 12.5, "currency": "EUR" } },
        { "type": "page", "anonymousId": "a1", "messageId": "m3",
          "timestamp": "2026-01-02T03:03:05Z" },
    ])
}

#[test]
fn what_is_tracked_is_durable_and_becomes_a_profile() {
    let rig = Rig::new();
    let tracked = rig.track(&sign_up()).unwrap();
    assert_eq!((tracked.accepted, tracked.rejected), (3, 0));
    assert_eq!(
        rig.host.ledger.durable_position(),
        rig.host.ledger.last_appended()
    );
    let profile = rig.profile("email:a@example.com");
    assert_eq!(profile.traits["plan"], json!("pro"));
    assert!(profile.segments.contains_key("buyers"));
    let facts: Vec<_> = profile
        .facts
        .iter()
        .map(|fact| (&*fact.kind, &*fact.name))
        .collect();
    assert_eq!(
        facts,
        [
            ("order", "paid"),
            ("event", "Order Completed"),
            ("event", "identify"),
            ("event", "page"),
        ]
    );
    assert_eq!(rig.profile("anonymous-id:a1").id, profile.id);
    rig.host.close().unwrap();
}

#[test]
fn a_long_request_is_several_entries() {
    let rig = Rig::new();
    let before = rig.host.ledger.last_appended();
    let call = |number| {
        json!({ "type": "track", "userId": "u1", "messageId": format!("m{number}"),
                "event": "Signed Up", "timestamp": "2026-01-02T03:04:05Z" })
    };
    let count = 3 * CALLS_AT_ONCE - 1;
    let calls: Vec<_> = (0..count).map(call).collect();
    assert_eq!(rig.track(&json!(calls)).unwrap().accepted, count);
    assert_eq!(rig.host.ledger.last_appended(), before + 3);
    assert_eq!(rig.profile("user-id:u1").facts_total, count as u64);
    rig.host.close().unwrap();
}

#[test]
fn a_request_sent_again_changes_nothing() {
    let rig = Rig::new();
    rig.track(&sign_up()).unwrap();
    let once = rig.profile("user-id:u1");
    for _ in 0..3 {
        assert_eq!(rig.track(&sign_up()).unwrap().accepted, 3);
    }
    assert_eq!(rig.profile("user-id:u1"), once);
    rig.host.close().unwrap();
}

#[test]
fn a_call_sent_again_by_a_clock_that_is_wrong_is_one_event() {
    let rig = Rig::new();
    let now = machine_now();
    for attempt in 0..3 {
        let sent_at = Instant(now.as_ms() - 7_200_000 + attempt * 500);
        let body = json!({
            "sentAt": sent_at.to_string(),
            "batch": [{ "type": "track", "userId": "u1", "event": "Signed Up", "messageId": "m1",
                        "timestamp": Instant(now.as_ms() - 7_230_000).to_string() }],
        });
        let body = body.to_string();
        let batch = parse(Endpoint::Batch, body.as_bytes(), Limits::default()).unwrap();
        let source = ConnectorId::from("website");
        rig.host
            .tokio
            .block_on(rig.host.track(&source, &batch))
            .unwrap();
    }
    assert_eq!(rig.profile("user-id:u1").facts_total, 1);
    rig.host.close().unwrap();
}

#[test]
fn a_bad_call_is_in_quarantine_until_it_can_be_used() {
    let rig = Rig::new();
    let calls = json!([
        { "type": "track", "userId": "u1", "messageId": "m1", "event": "Signed Up" },
        { "type": "track", "messageId": "m2", "event": "Signed Up" },
        { "type": "track", "userId": "null", "messageId": "m3", "event": "Signed Up" },
        "nonsense",
    ]);
    let tracked = rig.track(&calls).unwrap();
    assert_eq!((tracked.accepted, tracked.rejected), (2, 2));
    let items = rig.quarantine();
    let found: Vec<_> = items
        .iter()
        .map(|item| {
            (
                &*item.stream,
                &*item.locator,
                item.field.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("events", "id m3", "identifiers"),
            ("tracking", "call 2 (m2)", "userId"),
            ("tracking", "call 4", "call"),
        ]
    );
    let retried = rig.retry();
    assert_eq!(retried.tried, 3);
    assert_eq!(retried.refused_again, 2);
    assert_eq!(
        rig.quarantine().len(),
        3,
        "a placeholder still names nobody"
    );
    rig.host.close().unwrap();
}

#[test]
fn people_who_share_a_browser_stay_two() {
    let rig = Rig::new();
    let call = |user: Option<&str>, id: &str| {
        json!({ "type": "page", "userId": user, "anonymousId": "tablet", "messageId": id,
                "timestamp": "2026-01-02T03:04:05Z" })
    };
    rig.track(&json!([call(None, "m1"), call(Some("ana"), "m2")]))
        .unwrap();
    assert_eq!(rig.profile("user-id:ana").facts_total, 2);
    rig.track(&json!([call(Some("bo"), "m3")])).unwrap();
    let (ana, bo) = (rig.profile("user-id:ana"), rig.profile("user-id:bo"));
    assert_ne!(ana.id, bo.id);
    assert_eq!((ana.facts_total, bo.facts_total), (1, 1));
    rig.host.close().unwrap();
}

#[test]
fn a_host_that_has_closed_takes_nothing() {
    let rig = Rig::new();
    rig.host.close().unwrap();
    assert_eq!(rig.track(&sign_up()), Err(TrackError::Stopped));
}

#[test]
fn room_is_bounded_and_comes_back() {
    let room = Room::of(2, 100);
    let mut first = room.admit().unwrap();
    first.grow(60).unwrap();
    let mut second = room.admit().unwrap();
    assert_eq!(second.grow(60), Err(busy()));
    assert!(matches!(room.admit(), Err(TrackError::Busy { .. })));
    drop(first);
    second.grow(40).unwrap();
    second.grow(60).unwrap();
    assert_eq!(second.grow(1), Err(busy()));
    assert_eq!(room.admit().unwrap().grow(101), Err(busy()));
}
