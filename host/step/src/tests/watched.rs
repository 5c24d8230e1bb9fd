//! Syncs that watch values which time alone changes.

use std::collections::BTreeSet;

use crosspoint_identity::testing::MemoryState;
use crosspoint_model::Value;

use super::*;

const WATCHING: &str = r#"
[project]
name = "test"

[connectors.shop]
plugin = "tabular"

[connectors.hook]
plugin = "webhook"

[traits.recent]
compute = "orders.within('10d').count()"

[segments.recent]
when = "orders.within('10d').exists()"

[segments.buyers]
when = "orders.count() >= 2"

[traits.is_recent]
compute = "in_segment('recent')"

[syncs.recent]
connector = "hook"
traits = ["recent"]
action = "upsert-contact"
fields = { recent = "traits.recent" }

[syncs.recent-of-buyers]
connector = "hook"
traits = ["recent"]
segment = "buyers"
action = "track-event"
fields = { recent = "traits.recent" }

[syncs.flag]
connector = "hook"
traits = ["is_recent"]
action = "suppress"
fields = { flag = "traits.is_recent" }
"#;

const WINDOW_MS: i64 = 10 * DAY_MS;

fn world() -> World {
    let mut world = World::default();
    world.configure(WATCHING);
    world
}

/// What was handed over by deliveries of an action, and when.
fn handed_over(world: &World, action: &Action) -> Vec<(Instant, Value)> {
    let mut deliveries = world.outbox();
    deliveries.retain(|delivery| delivery.action == *action);
    deliveries.sort_by_key(|delivery| (delivery.id.seq, delivery.id.ordinal));
    let value = |delivery: &Delivery| delivery.fields[0].value.clone();
    deliveries
        .iter()
        .map(|delivery| (delivery.occurred_at, value(delivery)))
        .collect()
}

#[test]
fn what_time_changes_is_handed_over_at_its_instant() {
    let mut world = world();
    world.records(
        Instant(1_000),
        "shop",
        vec![order("1", "a", None, 1_000, 1_000)],
    );
    let end = Instant(1_000 + WINDOW_MS);
    world.step(end.plus_ms(-1), What::Tick);
    let first = (Instant(1_000), Value::Int(1));
    assert_eq!(
        handed_over(&world, &Action::UpsertContact),
        std::slice::from_ref(&first)
    );
    // Nothing arrives for a year.
    world.step(end.plus_ms(365 * DAY_MS), What::Tick);
    assert_eq!(
        handed_over(&world, &Action::UpsertContact),
        [first, (end, Value::Int(0))]
    );
    // A value that follows from a segment follows it at the same instant.
    assert_eq!(
        handed_over(&world, &Action::Suppress),
        [
            (Instant(1_000), Value::Bool(true)),
            (end, Value::Bool(false))
        ]
    );
    assert_eq!(world.state.next_timer().unwrap(), None);
}

#[test]
fn a_sync_of_a_segment_waits_only_for_its_members() {
    let mut world = world();
    world.records(Instant(1), "shop", vec![order("1", "a", None, 1, 1)]);
    world.records(
        Instant(DAY_MS),
        "shop",
        vec![order("2", "a", None, DAY_MS, 1)],
    );
    // The second order is withdrawn: the person is no buyer when its window would end.
    world.records(
        Instant(2 * DAY_MS),
        "shop",
        vec![tombstone("2", RecordKind::Order, 2)],
    );
    world.step(Instant(100 * DAY_MS), What::Tick);
    assert_eq!(
        handed_over(&world, &Action::TrackEvent),
        [(Instant(DAY_MS), Value::Int(2))]
    );
}

/// What follows from the definition of the window alone: the value at each instant at which it can
/// be another, with the orders that have arrived by then.
fn expected(arrivals: &[(i64, i64)], until: i64) -> Vec<(Instant, Value)> {
    let mut handed = Vec::new();
    let mut last = None;
    let mut hand = |at: i64, arrived: &[i64]| {
        let within = |placed: &&i64| **placed <= at && at < **placed + WINDOW_MS;
        let count = arrived.iter().filter(within).count() as i64;
        if last != Some(count) {
            last = Some(count);
            handed.push((Instant(at), Value::Int(count)));
        }
    };
    let mut arrived: Vec<i64> = Vec::new();
    let mut before = i64::MIN;
    let ends = arrivals.iter().map(|arrival| arrival.0).chain([until]);
    for (number, end) in ends.enumerate() {
        let turns: BTreeSet<i64> = arrived
            .iter()
            .flat_map(|placed| [*placed, *placed + WINDOW_MS])
            .collect();
        for turn in turns {
            if before < turn && turn <= end {
                hand(turn, &arrived);
            }
        }
        if let Some((at, placed)) = arrivals.get(number) {
            arrived.push(*placed);
            hand(*at, &arrived);
        }
        before = end;
    }
    handed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn handing_over_equals_the_definition_of_the_window(
        history in prop::collection::vec((0..6i64, -14..6i64, 0..3i64, prop::bool::ANY), 1..12),
    ) {
        let mut world = world();
        let mut now = 0;
        let mut arrivals = Vec::new();
        for (number, (gap, age, off, tick)) in history.into_iter().enumerate() {
            now += gap * DAY_MS;
            // Some orders are placed so that their windows end just about now.
            let placed = now + age * DAY_MS + off - 1;
            arrivals.push((now, placed));
            let id = format!("o{number}");
            world.records(Instant(now), "shop", vec![order(&id, "a", None, placed, 1)]);
            if tick {
                world.step(Instant(now), What::Tick);
            }
        }
        let until = now + 40 * DAY_MS;
        world.step(Instant(until), What::Tick);
        let handed = handed_over(&world, &Action::UpsertContact);
        prop_assert_eq!(handed, expected(&arrivals, until));

        let mut state = MemoryState::default();
        let mut stepper = Stepper::default();
        for (seq, entry) in (1u64..).zip(&world.ledger) {
            if seq % 9 == 0 {
                stepper = Stepper::resume(&mut state).unwrap();
            }
            stepper.step(&mut state, seq, entry).unwrap();
        }
        prop_assert!(state == world.state, "replay gives another state");
    }
}
