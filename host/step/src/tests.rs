mod sweep;
mod turns;
mod watched;

use std::collections::BTreeSet;

use crosspoint_identity::testing::MemoryState;
use crosspoint_model::delivery::{Action, Delivery, Outcome, Receipt};
use crosspoint_model::entry::{Configured, Entry, IdentityDecision, Records, What};
use crosspoint_model::profile::Profile;
use crosspoint_model::record::{Body, Contact, Order, OrderStatus, Record, RecordKind, Tombstone};
use crosspoint_model::state::{Counter, State};
use crosspoint_model::time::DAY_MS;
use crosspoint_model::{ConnectorId, Identifier, Instant, Money, ProfileId, Symbol};
use proptest::prelude::*;

use crate::{SegmentChange, Stepper};

const PROJECT: &str = r#"
[project]
name = "test"

[connectors.shop]
plugin = "tabular"

[connectors.crm]
plugin = "tabular"

[connectors.hook]
plugin = "webhook"

[segments.buyers]
when = "orders.count() >= 2"

[segments.recent]
when = "orders.within('10d').exists()"

[syncs.list]
connector = "hook"
segment = "buyers"
action = "add-to-list"
list = "Buyers"

[syncs.mail]
connector = "hook"
segment = "buyers"
action = "send-message"

[syncs.address]
connector = "hook"
traits = ["email"]
action = "upsert-contact"

[syncs.address.fields]
email = "traits.email"
"#;

/// A state, its stepper, and the ledger that made it.
#[derive(Default)]
struct World {
    state: MemoryState,
    stepper: Stepper,
    ledger: Vec<Entry>,
    transitions: Vec<SegmentChange>,
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        world.configure(PROJECT);
        world
    }

    fn configure(&mut self, text: &str) {
        let files = vec![("crosspoint.toml".to_owned(), text.to_owned())];
        self.step(Instant(0), What::Configured(Configured { files }));
        while let Some(after) = Stepper::pending_sweep(&mut self.state).unwrap() {
            self.step(Instant(0), What::Sweep { after, count: 3 });
        }
    }

    fn step(&mut self, at: Instant, what: What) {
        let last = self.ledger.last().map_or(Instant(0), |entry| entry.at);
        let entry = Entry {
            at: at.max(last),
            what,
        };
        self.ledger.push(entry);
        let (seq, entry) = (
            self.ledger.len() as u64,
            &self.ledger[self.ledger.len() - 1],
        );
        // In pieces, as a host does it; a replay does it at once.
        let (stepper, state) = (&mut self.stepper, &mut self.state);
        let mut begun = stepper.begin(state, seq, entry).unwrap();
        while !stepper.advance(state, entry, &mut begun, 2).unwrap() {}
        self.transitions.extend(begun.effects().transitions);
    }

    fn records(&mut self, at: Instant, connector: &str, records: Vec<Record>) {
        let records = Records {
            connector: ConnectorId::from(connector),
            stream: "all".into(),
            records,
            rejects: Vec::new(),
            cursor: None,
            jobs: Vec::new(),
        };
        self.step(at, What::Records(records));
    }

    fn outbox(&self) -> Vec<Delivery> {
        self.state.deliveries.values().cloned().collect()
    }

    fn actions(&self) -> Vec<Action> {
        self.outbox()
            .into_iter()
            .map(|delivery| delivery.action)
            .collect()
    }

    fn only_profile(&self) -> Profile {
        assert_eq!(self.state.profiles.len(), 1);
        self.state.profiles.values().next().unwrap().clone()
    }
}

fn order(id: &str, customer: &str, email: Option<&str>, placed_at: i64, version: i64) -> Record {
    let mut identifiers = vec![Identifier::vendor("shop", customer).unwrap()];
    identifiers.extend(email.and_then(Identifier::email));
    Record {
        id: id.into(),
        updated_at: Instant(version),
        identifiers,
        attributes: Vec::new(),
        body: Body::Order(Box::new(Order {
            number: None,
            status: OrderStatus::Paid,
            placed_at: Instant(placed_at),
            total: Money {
                amount: "10.50".parse().unwrap(),
                currency: "EUR".into(),
            },
            subtotal: None,
            tax: None,
            shipping: None,
            discount: None,
            refunded: None,
            coupons: Vec::new(),
            channel: None,
            lines: Vec::new(),
            shipping_address: None,
        })),
    }
}

fn contact(id: &str, connector: &str, email: &str, name: &str, version: i64) -> Record {
    Record {
        id: id.into(),
        updated_at: Instant(version),
        identifiers: vec![
            Identifier::vendor(connector, id).unwrap(),
            Identifier::email(email).unwrap(),
        ],
        attributes: Vec::new(),
        body: Body::Contact(Box::new(Contact {
            first_name: Some(name.into()),
            ..Contact::default()
        })),
    }
}

fn tombstone(id: &str, kind: RecordKind, at: i64) -> Record {
    Record {
        id: id.into(),
        updated_at: Instant(at),
        identifiers: Vec::new(),
        attributes: Vec::new(),
        body: Body::Tombstone(Tombstone {
            kind,
            deleted_at: Instant(at),
            erasure: false,
        }),
    }
}

#[test]
fn membership_ends_at_the_instant_the_window_ends() {
    let mut world = World::new();
    world.records(
        Instant(1_000),
        "shop",
        vec![order("1", "a", None, 1_000, 1_000)],
    );
    let end = Instant(1_000 + 10 * DAY_MS);
    world.step(end.plus_ms(-1), What::Tick);
    assert_eq!(world.only_profile().memberships.len(), 1);
    // Nothing arrives for a year: the profile left at the very instant nevertheless.
    world.step(end.plus_ms(365 * DAY_MS), What::Tick);
    assert!(world.only_profile().memberships.is_empty());
    let left = world.transitions.last().unwrap();
    assert_eq!((left.entered, left.at), (false, end));
    assert_eq!(world.state.next_timer().unwrap(), None);
}

#[test]
fn a_merge_sends_nothing_twice() {
    let mut world = World::new();
    world.records(
        Instant(1),
        "shop",
        vec![
            order("1", "a", Some("ana@example.com"), 1, 1),
            order("2", "a", None, 1, 1),
        ],
    );
    let entered = world.outbox();
    assert_eq!(world.actions(), [Action::AddToList, Action::SendMessage]);
    // The same person at the CRM: joined by address, whichever of the two ids is smaller.
    world.records(
        Instant(2),
        "crm",
        vec![contact("77", "crm", "ana@example.com", "Ana", 2)],
    );
    assert_eq!(world.only_profile().fragments.len(), 2);
    let added: Vec<_> = world
        .outbox()
        .into_iter()
        .filter(|it| !entered.contains(it))
        .map(|it| it.action)
        .collect();
    assert_eq!(added, [Action::UpsertContact]);
}

#[test]
fn an_unmerge_takes_memberships_and_facts_apart() {
    let mut world = World::new();
    world.records(
        Instant(1),
        "shop",
        vec![order("1", "a", Some("ana@example.com"), 1, 1)],
    );
    world.records(
        Instant(1),
        "crm",
        vec![contact("77", "crm", "ana@example.com", "Ana", 2)],
    );
    let profile = world.only_profile();
    let (shop, crm): (Vec<_>, Vec<_>) = profile.fragments.iter().partition(
        |part| matches!(&part.key, Identifier::Vendor { system, .. } if system == "shop"),
    );
    let decision = IdentityDecision::Unmerge {
        fragments: crm.iter().map(|part| part.id).collect(),
        from: shop.iter().map(|part| part.id).collect(),
    };
    world.step(Instant(3), What::Identity(decision));
    assert_eq!(world.state.profiles.len(), 2);
    let members: Vec<_> = world
        .state
        .profiles
        .values()
        .map(|profile| profile.memberships.len())
        .collect();
    assert_eq!(
        members.iter().sum::<usize>(),
        1,
        "only the buyer is recent: {members:?}"
    );
    let recent = world.state.symbol("recent").unwrap();
    assert_eq!(world.state.counter(Counter::Members(recent)).unwrap(), 1);
    assert_eq!(world.state.counter(Counter::Profiles).unwrap(), 2);
}

#[test]
fn an_order_that_moves_to_another_customer_counts_there_only() {
    for reversed in [false, true] {
        let mut versions = vec![order("1", "a", None, 1, 1), order("1", "b", None, 1, 2)];
        if reversed {
            versions.reverse();
        }
        let mut world = World::new();
        for version in versions {
            world.records(Instant(5), "shop", vec![version]);
        }
        let holders: Vec<_> = world
            .state
            .profiles
            .values()
            .filter(|profile| profile.facts().next().is_some())
            .map(|profile| profile.fragments[0].key.value().to_owned())
            .collect();
        assert_eq!(holders, ["b"], "reversed: {reversed}");
    }
}

#[test]
fn a_tombstone_counts_whether_it_comes_before_or_after_its_order() {
    for reversed in [false, true] {
        let mut steps = vec![
            order("1", "a", None, 1, 1),
            tombstone("1", RecordKind::Order, 2),
        ];
        if reversed {
            steps.reverse();
        }
        let mut world = World::new();
        for record in steps {
            world.records(Instant(5), "shop", vec![record]);
        }
        let profile = world.only_profile();
        assert!(
            profile.facts().all(|fact| !fact.counts),
            "reversed: {reversed}"
        );
        assert!(profile.memberships.is_empty(), "reversed: {reversed}");
    }
}

#[test]
fn a_new_sync_is_filled_with_present_members_but_writes_to_nobody() {
    let mut world = World::new();
    world.configure(&PROJECT.replace("[syncs.list]", "[syncs.other-list]").replace(
        "[syncs.mail]\nconnector = \"hook\"\nsegment = \"buyers\"\naction = \"send-message\"\n",
        "",
    ));
    for person in 0..8 {
        let customer = format!("c{person}");
        let ids = [format!("{person}-1"), format!("{person}-2")];
        let orders = ids
            .iter()
            .map(|id| order(id, &customer, None, 1, 1))
            .collect();
        world.records(Instant(1), "shop", orders);
    }
    assert_eq!(world.outbox().len(), 8);
    world.configure(PROJECT);
    let actions: Vec<_> = world.actions().split_off(8);
    assert_eq!(actions, vec![Action::AddToList; 8]);
}

#[test]
fn receipts_move_deliveries_and_counters_together() {
    let mut world = World::new();
    world.records(
        Instant(1),
        "shop",
        vec![order("1", "a", None, 1, 1), order("2", "a", None, 1, 1)],
    );
    let hook = world.state.symbol("hook").unwrap();
    let deliveries = world.outbox();
    let outcomes = [
        Outcome::Done(None),
        Outcome::Rejected {
            field: Some("email".into()),
            reason: "is missing".into(),
        },
    ];
    let receipts = deliveries
        .iter()
        .zip(outcomes)
        .map(|(delivery, outcome)| Receipt {
            seq: delivery.id.seq,
            ordinal: delivery.id.ordinal,
            outcome,
            retry_at: None,
        })
        .collect();
    let connector = ConnectorId::from("hook");
    world.step(
        Instant(2),
        What::Receipts {
            connector,
            receipts,
        },
    );
    let mut count = |counter| world.state.counter(counter).unwrap();
    assert_eq!(count(Counter::Done(hook)), 1);
    assert_eq!(count(Counter::Waiting(hook)), 0);
    assert_eq!(count(Counter::Stopped(hook)), 1);
    assert_eq!(
        world.outbox()[0].last_reason.as_deref(),
        Some("field `email`: is missing")
    );
}

#[test]
fn a_record_about_nobody_is_quarantined() {
    let mut world = World::new();
    let mut nobody = order("1", "a", None, 1, 1);
    nobody.identifiers.clear();
    let placeholder = order("2", "null", None, 1, 1);
    world.records(Instant(1), "shop", vec![nobody, placeholder.clone()]);
    let item = world.state.quarantined(2, 0).unwrap().unwrap();
    assert_eq!(item.reject.field.as_deref(), Some("identifiers"));
}

/// A history: versions of a few objects of a few people at two connectors.
fn a_record() -> impl Strategy<Value = (&'static str, Record)> {
    let people = ["a", "b", "c", "d"];
    let addresses = ["x@example.com", "y@example.com", "z@example.com"];
    let order_of = (
        0..6u8,
        0..4usize,
        prop::option::of(0..3usize),
        0..40i64,
        0..4i64,
    )
        .prop_map(move |(id, person, address, day, version)| {
            let email = address.map(|address| addresses[address]);
            let (placed, version) = (day * DAY_MS, version * DAY_MS + i64::from(id));
            (
                "shop",
                order(&format!("o{id}"), people[person], email, placed, version),
            )
        });
    let contact_of = (0..4u8, 0..3usize, 0..4i64).prop_map(move |(id, address, version)| {
        let (id, name) = (format!("p{id}"), format!("name {version}"));
        (
            "crm",
            contact(&id, "crm", addresses[address], &name, version),
        )
    });
    let tombstone_of = (0..6u8, 0..4i64).prop_map(|(id, version)| {
        let at = version * DAY_MS + 7;
        ("shop", tombstone(&format!("o{id}"), RecordKind::Order, at))
    });
    prop_oneof![6 => order_of, 3 => contact_of, 1 => tombstone_of]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn replay_equals_original(records in prop::collection::vec(a_record(), 1..40)) {
        let mut world = World::new();
        for (day, page) in (0i64..).zip(records.chunks(3)) {
            let records = page.iter().map(|(_, record)| record.clone()).collect();
            world.records(Instant(day * 3 * DAY_MS), page[0].0, records);
            world.transitions.clear();
        }
        let mut state = MemoryState::default();
        let mut stepper = Stepper::default();
        for (seq, entry) in (1u64..).zip(&world.ledger) {
            // A stepper that is made anew at any entry goes on alike.
            if seq % 5 == 0 {
                stepper = Stepper::resume(&mut state).unwrap();
            }
            stepper.step(&mut state, seq, entry).unwrap();
        }
        prop_assert!(state == world.state);
    }

    #[test]
    fn transitions_lead_to_the_members(
        records in prop::collection::vec(a_record(), 1..40),
        parting in 0..40usize,
    ) {
        let mut world = World::new();
        let mut members = BTreeSet::new();
        for (day, (connector, record)) in (0i64..).zip(records) {
            let at = Instant(day * 3 * DAY_MS);
            world.records(at, connector, vec![record]);
            if day as usize == parting {
                part(&mut world, at);
                world.configure(&PROJECT.replace("[segments.recent]", "[segments.lately]"));
            }
            for change in world.transitions.drain(..) {
                let key = (change.profile, change.segment);
                let changed = match change.entered {
                    true => members.insert(key),
                    false => members.remove(&key),
                };
                prop_assert!(changed, "{change:?}");
            }
            let stored: BTreeSet<_> = memberships(&world).collect();
            prop_assert_eq!(&members, &stored);
        }
    }

    #[test]
    fn a_look_ahead_equals_the_step(
        records in prop::collection::vec(a_record(), 1..25),
        wait in 0..30i64,
    ) {
        let mut world = World::new();
        for (day, (connector, record)) in (0i64..).zip(records) {
            world.records(Instant(day * DAY_MS), connector, vec![record]);
        }
        let later = world.ledger.last().unwrap().at.plus_ms(wait * DAY_MS);
        let compiled = world.stepper.compiled().unwrap();
        let derived = |profile: &Profile| {
            (profile.id, profile.memberships.clone(), profile.expiries.clone(), profile.epoch)
        };
        let ahead = |profile: &Profile| {
            let seen = compiled.look_ahead(profile, later, |symbol| world.state.name(symbol));
            derived(seen.as_ref().unwrap_or(profile))
        };
        let foreseen: Vec<_> = world.state.profiles.values().map(ahead).collect();
        world.step(later, What::Tick);
        let came: Vec<_> = world.state.profiles.values().map(derived).collect();
        prop_assert_eq!(foreseen, came);
    }

    #[test]
    fn arrival_order_and_repetition_change_nothing(
        records in prop::collection::vec(a_record(), 1..25),
        seed in any::<u64>(),
    ) {
        let now = Instant(100 * DAY_MS);
        let mut first = World::new();
        for (connector, record) in &records {
            first.records(now, connector, vec![record.clone()]);
        }
        let mut shuffled: Vec<_> = records.iter().chain(&records).collect();
        let len = shuffled.len();
        for at in 0..len {
            let other = (seed.rotate_left(at as u32) as usize).wrapping_mul(31 + at) % len;
            shuffled.swap(at, other);
        }
        let mut second = World::new();
        for (connector, record) in shuffled {
            second.records(now, connector, vec![record.clone()]);
        }
        prop_assert_eq!(people(&first), people(&second));
    }
}

/// Takes the first profile of several fragments apart.
fn part(world: &mut World, at: Instant) {
    let mut joined = world.state.profiles.values();
    let Some(profile) = joined.find(|profile| profile.fragments.len() > 1) else {
        return;
    };
    let mut fragments: Vec<_> = profile.fragments.iter().map(|part| part.id).collect();
    let from = fragments.split_off(1);
    world.step(
        at,
        What::Identity(IdentityDecision::Unmerge { fragments, from }),
    );
}

fn memberships(world: &World) -> impl Iterator<Item = (ProfileId, Symbol)> {
    let profiles = world.state.profiles.values();
    profiles.flat_map(|profile| {
        let memberships = profile.memberships.iter();
        memberships.map(|it| (profile.id, it.segment))
    })
}

/// What is known of people, without what depends on the order in which names were met.
fn people(world: &World) -> BTreeSet<String> {
    let profiles = world.state.profiles.values();
    profiles
        .map(|profile| {
            let name = |symbol| world.state.name(symbol);
            let segments: Vec<_> = profile
                .memberships
                .iter()
                .map(|it| name(it.segment))
                .collect();
            // The stub of a deleted object keeps late versions from counting; with whom it stands
            // is nobody's business.
            let mut facts: Vec<_> = profile
                .facts()
                .filter(|fact| name(fact.name) != "deleted")
                .map(|fact| {
                    format!(
                        "{} {} {} {:?} {}",
                        fact.id,
                        name(fact.name),
                        fact.at,
                        fact.version,
                        fact.counts
                    )
                })
                .collect();
            facts.sort();
            let mut traits: Vec<_> = profile
                .fragments
                .iter()
                .flat_map(|part| &part.traits)
                .map(|said| format!("{} = {} {:?}", name(said.name), said.value, said.version))
                .collect();
            traits.sort();
            let ids: Vec<_> = profile.fragments.iter().map(|part| part.id).collect();
            format!("{:?} {ids:?} {segments:?} {facts:?} {traits:?}", profile.id)
        })
        .collect()
}
