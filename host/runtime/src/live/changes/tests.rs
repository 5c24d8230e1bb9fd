use std::collections::BTreeSet;
use std::fs;

use crosspoint_model::entry::{Records, What};
use crosspoint_model::record::{Body, Event, Record};
use crosspoint_model::{ConnectorId, Identifier};

use super::*;
use crate::HostOptions;
use crate::clock::machine_now;

const SEGMENTS: [Symbol; 2] = [Symbol(1), Symbol(2)];

fn transition(segment: Symbol, number: u8) -> SegmentChange {
    SegmentChange {
        profile: ProfileId([number; 16]),
        segment,
        entered: true,
        at: Instant(0),
        cause: ChangeCause::Rule,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap()
}

/// Everything that a listener hears without waiting; `None` where there was a gap.
fn heard(listener: &mut Listener) -> Option<Vec<Place>> {
    runtime().block_on(async {
        let mut places = Vec::new();
        loop {
            tokio::select! {
                biased;
                heard = listener.next() => match heard.unwrap() {
                    Heard::Changes(changes) => places.extend(changes.iter().map(|it| it.place)),
                    Heard::Gap(_) => return None,
                },
                () = std::future::ready(()) => return Some(places),
            }
        }
    })
}

/// Entry `seq` with so many transitions of each segment, in turns.
fn entry(ring: &Ring, seq: u64, each: usize) {
    let transitions: Vec<_> = (0..each)
        .flat_map(|number| SEGMENTS.map(|segment| transition(segment, number as u8)))
        .collect();
    ring.note(seq, &transitions);
    ring.announce(seq);
}

#[test]
fn a_listener_goes_on_at_any_place_and_misses_nothing() {
    let ring = Arc::new(Ring::new(4));
    let mut all = Listener::new(&ring, SEGMENTS[0], None);
    for (seq, each) in [(5, 3), (6, 0), (7, 300), (8, 5_000), (9, 1)] {
        entry(&ring, seq, each);
    }
    let places = heard(&mut all).unwrap();
    assert_eq!(places.len(), 3 + 300 + 5_000 + 1);
    assert!(places.is_sorted());
    for at in [0, 1, 2, 3, 150, 303, 4_000, 5_303] {
        let mut resumed = Listener::new(&ring, SEGMENTS[0], Some(places[at]));
        assert_eq!(heard(&mut resumed).unwrap(), places[at + 1..]);
        assert_eq!(resumed.place(), Place::behind(9));
    }
    let mut later = Listener::new(&ring, SEGMENTS[1], Some(Place::behind(8)));
    assert_eq!(heard(&mut later).unwrap(), [Place { seq: 9, ordinal: 2 }]);
}

#[test]
fn what_is_not_announced_is_not_heard() {
    let ring = Arc::new(Ring::new(0));
    let mut listener = Listener::new(&ring, SEGMENTS[0], None);
    ring.note(1, &[transition(SEGMENTS[0], 1)]);
    assert_eq!(heard(&mut listener).unwrap(), []);
    assert_eq!(listener.place(), Place::behind(0));
    ring.announce(1);
    assert_eq!(heard(&mut listener).unwrap().len(), 1);
}

#[test]
fn who_falls_behind_learns_that() {
    let ring = Arc::new(Ring::new(0));
    let mut slow = Listener::new(&ring, SEGMENTS[0], None);
    for seq in 1..=3 {
        entry(&ring, seq, KEPT / 4);
    }
    assert_eq!(heard(&mut slow), None);
    // From there on it hears everything again.
    entry(&ring, 4, 1);
    assert_eq!(heard(&mut slow).unwrap(), [Place { seq: 4, ordinal: 1 }]);
    // The oldest place that is still good, and the one before.
    let floor = ring.kept().floor;
    let mut good = Listener::new(&ring, SEGMENTS[0], Some(floor));
    assert!(heard(&mut good).is_some());
    let before = Place {
        ordinal: floor.ordinal - 1,
        ..floor
    };
    let mut late = Listener::new(&ring, SEGMENTS[0], Some(before));
    assert_eq!(heard(&mut late), None);
}

#[test]
fn a_place_of_another_ledger_is_a_gap() {
    let ring = Arc::new(Ring::new(7));
    for place in [Place::behind(6), Place::behind(8)] {
        let mut listener = Listener::new(&ring, SEGMENTS[0], Some(place));
        assert_eq!(listener.place(), place, "asking for it mends nothing");
        assert_eq!(heard(&mut listener), None);
    }
    assert_eq!(
        "7/12".parse(),
        Ok(Place {
            seq: 7,
            ordinal: 12
        })
    );
    for nonsense in ["", "7", "7/", "/7", "-1/0", "7/1/2", "7/4294967296"] {
        assert!(nonsense.parse::<Place>().is_err(), "{nonsense}");
    }
}

const PROJECT: &str = r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["wk-1"]

[segments.seen]
when = "events.exists()"
"#;

fn visit(host: &Host, person: u32) {
    let event = Event {
        name: "Seen".into(),
        occurred_at: machine_now(),
    };
    let record = Record {
        id: format!("e{person}").into(),
        updated_at: machine_now(),
        identifiers: Identifier::anonymous_id(&person.to_string())
            .into_iter()
            .collect(),
        attributes: Vec::new(),
        body: Body::Event(event),
    };
    let what = What::Records(Records {
        connector: ConnectorId::from("website"),
        stream: "all".into(),
        records: vec![record],
        rejects: Vec::new(),
        cursor: None,
        jobs: Vec::new(),
    });
    let seq = host.ledger.append(machine_now(), &what).unwrap().seq;
    host.tokio.block_on(host.handle.applied(seq)).unwrap();
}

/// Pages are read while others enter: the list alone may miss some, the list and what is heard
/// from its first page's position on never.
#[test]
fn members_and_what_follows_are_all_members() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("crosspoint.toml"), PROJECT).unwrap();
    let options = HostOptions {
        project: folder.path().to_owned(),
        data: None,
        edges: false,
    };
    let host = Host::open(options, &|_| {}).unwrap();
    (0..20).for_each(|person| visit(&host, person));
    let mut members = BTreeSet::new();
    let (mut after, mut first) = (None, None);
    for person in 20.. {
        let page = host.tokio.block_on(host.member_page("seen", after, 4));
        let page = page.unwrap().unwrap();
        assert!(page.members.len() <= 4);
        first.get_or_insert(page.position);
        members.extend(page.members.into_iter().map(|member| member.profile));
        visit(&host, person);
        match page.next {
            Some(next) => after = Some(next.parse().unwrap()),
            None => break,
        }
    }
    let listed = members.len();
    let from = first.map(Place::behind);
    let listener = host.tokio.block_on(host.listen("seen", from));
    let mut listener = listener.unwrap().unwrap();
    let Some(Heard::Changes(changes)) = host.tokio.block_on(listener.next()) else {
        panic!("nothing is heard")
    };
    members.extend(changes.into_iter().map(|change| change.profile));
    let page = host.tokio.block_on(host.member_page("seen", None, 1_000));
    let all: BTreeSet<_> = page
        .unwrap()
        .unwrap()
        .members
        .into_iter()
        .map(|it| it.profile)
        .collect();
    assert_eq!(members, all);
    assert!(listed >= 20);
    let nobody = host.tokio.block_on(host.member_page("nobody", None, 1));
    assert_eq!(nobody.unwrap(), None);
    host.close().unwrap();
}
