use std::fs;

use crosspoint_model::ConnectorId;
use crosspoint_model::entry::{Records, What};
use crosspoint_model::record::{Body, Contact, Engagement, EngagementKind, Event, Record};
use serde_json::json;

use super::*;
use crate::HostOptions;
use crate::admin::{Reply, Request};
use crate::clock::machine_now;

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["wk-1"]

[tracking.desk]
write_keys = ["wk-2"]

[traits.loyalty_tier]
type = "text"

[segments.seen]
when = "events.exists()"

[segments.clickers]
when = "traits.emails_clicked >= 1"
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

    /// Appends records and waits until they are stepped.
    fn bring(&self, connector: &str, records: Vec<Record>) -> u64 {
        let what = What::Records(Records {
            connector: ConnectorId::from(connector),
            stream: "all".into(),
            records,
            rejects: Vec::new(),
            cursor: None,
            jobs: Vec::new(),
        });
        let seq = self.host.ledger.append(machine_now(), &what).unwrap().seq;
        let applied = self.host.handle.applied(seq);
        self.host.tokio.block_on(applied).unwrap();
        seq
    }

    fn look(&self, who: &str, fields: Fields) -> Found {
        let who = Who::parse(who).unwrap();
        let looked = self.host.tokio.block_on(self.host.look_up(who, fields));
        looked.unwrap().found
    }

    fn see(&self, who: &str, fields: Fields) -> Seen {
        match self.look(who, fields) {
            Found::One(seen) => *seen,
            other => panic!("{other:?}"),
        }
    }
}

fn record(id: &str, who: &[&str], body: Body) -> Record {
    Record {
        id: id.into(),
        updated_at: machine_now(),
        identifiers: who.iter().filter_map(|it| Identifier::parse(it)).collect(),
        attributes: Vec::new(),
        body,
    }
}

fn event(id: &str, who: &[&str], name: &str, seconds_ago: i64) -> Record {
    let occurred_at = machine_now().plus_ms(-1_000 * seconds_ago);
    let event = Event {
        name: name.into(),
        occurred_at,
    };
    record(id, who, Body::Event(event))
}

fn named(id: &str, who: &[&str], first_name: &str) -> Record {
    let contact = Contact {
        first_name: Some(first_name.into()),
        ..Contact::default()
    };
    record(id, who, Body::Contact(Box::new(contact)))
}

fn traits(names: &[&str]) -> Fields {
    Fields {
        traits: Names::Only(names.iter().map(SmolStr::new).collect()),
        ..Fields::default()
    }
}

#[test]
fn a_lookup_gives_what_is_asked_for_and_nothing_else() {
    let rig = Rig::new();
    let ana = ["anonymous-id:a1", "email:ana@example.com"];
    rig.bring("website", vec![named("c", &ana, "Ana")]);
    rig.bring(
        "website",
        vec![
            event("1", &ana, "Page Viewed", 30),
            event("3", &ana, "Cart Viewed", 10),
            event("2", &ana, "Product Viewed", 20),
        ],
    );
    let seen = rig.see(
        "email:ANA@example.com",
        traits(&["first_name", "events_count", "loyalty_tier", "nonsense"]),
    );
    let expected = json!({ "traits": {
        "first_name": "Ana", "events_count": 3, "loyalty_tier": null, "nonsense": null,
    }});
    assert_eq!(json!(seen), expected);

    let fields = Fields {
        events: 2,
        segments: Names::All,
        ..Fields::default()
    };
    let nothing = rig.see("anonymous-id:a1", Fields::default());
    assert_eq!(json!(nothing), json!({}));
    let seen = rig.see("anonymous-id:a1", fields);
    let events: Vec<_> = seen
        .events
        .iter()
        .flatten()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(events, ["Cart Viewed", "Product Viewed"]);
    let segments: Vec<_> = seen
        .segments
        .iter()
        .flatten()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(segments, ["seen"]);
    rig.host.close().unwrap();
}

#[test]
fn unknown_people_and_names_leave_no_trace() {
    let rig = Rig::new();
    rig.bring("website", vec![named("c", &["user-id:u"], "Uma")]);
    let names = || {
        let asked = rig.host.handle.ask(|core| Ok(core.state.symbols().len()));
        asked.unwrap()
    };
    let before = names();
    assert_eq!(rig.look("user-id:other", Fields::default()), Found::Nobody);
    assert_eq!(rig.look("neverheard:1", Fields::default()), Found::Nobody);
    rig.see("user-id:u", traits(&["never heard of"]));
    let everything = Fields {
        traits: Names::All,
        ..Fields::default()
    };
    rig.see("user-id:u", everything);
    assert_eq!(names(), before);
    rig.host.close().unwrap();
}

#[test]
fn a_computed_trait_reads_names_that_came_after_the_first_lookup() {
    let rig = Rig::new();
    let who = ["email:bo@example.com"];
    rig.bring("website", vec![named("c", &who, "Bo")]);
    let clicked = || rig.see(who[0], traits(&["emails_clicked"])).traits;
    assert_eq!(clicked().unwrap()["emails_clicked"], json!(0));
    let engagement = Engagement {
        kind: EngagementKind::Clicked,
        occurred_at: machine_now(),
        channel: "email".into(),
        campaign: None,
        message_id: None,
        delivery_key: None,
        url: None,
        reason: None,
    };
    rig.bring(
        "desk",
        vec![record("e", &who, Body::Engagement(Box::new(engagement)))],
    );
    assert_eq!(clicked().unwrap()["emails_clicked"], json!(1));
    rig.host.close().unwrap();
}

#[test]
fn the_id_of_a_joined_profile_finds_the_person() {
    let rig = Rig::new();
    let id = Fields {
        id: true,
        ..Fields::default()
    };
    rig.bring("website", vec![named("a", &["anonymous-id:a"], "A")]);
    rig.bring("desk", vec![named("b", &["user-id:b"], "B")]);
    let alone = |who: &str| rig.see(who, id.clone()).id.unwrap();
    let (a, b) = (alone("anonymous-id:a"), alone("user-id:b"));
    assert_ne!(a, b);
    rig.bring(
        "website",
        vec![named("a", &["anonymous-id:a", "user-id:b"], "A")],
    );
    let joined = alone("anonymous-id:a");
    for former in [a, b] {
        assert_eq!(alone(&former), joined);
        assert_eq!(alone(&format!("profile:{former}")), joined);
    }
    rig.host.close().unwrap();
}

#[test]
fn an_identifier_of_several_people_names_them_all() {
    let rig = Rig::new();
    rig.bring(
        "website",
        vec![named("a", &["website:a", "email:x@example.com"], "A")],
    );
    rig.bring(
        "desk",
        vec![named("b", &["desk:b", "email:x@example.com"], "B")],
    );
    let unmerge = Request::ProfileUnmerge {
        profile: "website:a".into(),
        fragments: vec!["desk:b".into()],
    };
    let Reply::Unmerged(unmerged) = rig.host.ask(unmerge, &|_| {}).unwrap() else {
        panic!("another reply")
    };
    let Found::Several(mut ids) = rig.look("email:x@example.com", Fields::default()) else {
        panic!("not several")
    };
    let mut expected = unmerged.profiles;
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    rig.host.close().unwrap();
}

#[test]
fn only_what_nobody_can_guess_is_public() {
    for (who, public) in [
        ("anonymous-id:a1", true),
        ("cookie:c1", true),
        ("email:ana@example.com", false),
        ("phone:+31201234567", false),
        ("user-id:17", false),
        ("shop:17", false),
        ("00000000000000000000000000000001", false),
        ("profile:00000000000000000000000000000001", false),
    ] {
        assert_eq!(Who::parse(who).unwrap().is_public(), public, "{who}");
    }
    assert_eq!(Who::parse("ana@example.com"), None);
    assert_eq!(Who::parse("email:ana"), None);
}
