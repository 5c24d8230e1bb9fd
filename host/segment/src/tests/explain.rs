//! What is told about why a profile is in a segment.

use crosspoint_model::Instant;
use crosspoint_model::time::{DAY_MS, HOUR_MS};
use proptest::prelude::*;

use super::generate::{Choices, Scope, condition};
use super::incremental::random_profile;
use super::language::{NOW, customer};
use super::world::World;
use crate::Clause;

#[test]
fn explain_shows_every_clause() {
    let world = World::default();
    let rule = "traits.country == 'DE' &&\n  (orders.within('30d').count() >= 2 || has(traits.city)) \
                && !in_segment('other')";
    let set = world.compile(&[("vip", rule), ("other", "false")]).unwrap();
    let profile = customer(&world);
    let clauses = set
        .rule_named("vip")
        .unwrap()
        .explain(&profile, Instant(NOW), &world.view());
    let told: Vec<String> = clauses
        .iter()
        .map(|clause| {
            let detail = clause.detail.as_deref().unwrap_or("-");
            format!(
                "{} {} {} [{detail}]",
                clause.depth, clause.text, clause.value
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "0 traits.country == 'DE' true [traits.country = DE]",
            "0 orders.within('30d').count() >= 2 || has(traits.city) false [-]",
            "1 orders.within('30d').count() >= 2 false [orders.within('30d').count() = 1]",
            "1 has(traits.city) false [traits.city is absent]",
            "0 !in_segment('other') true [in_segment('other') = false]",
        ]
    );
    assert_eq!(clauses[2].next_change, Some(Instant(NOW + DAY_MS)));
}

/// The clauses of a rule for the customer, as a person would read them.
fn told(rule: &str) -> Vec<String> {
    let world = World::default();
    let set = world.compile(&[("vip", rule), ("other", "true")]).unwrap();
    let mut profile = customer(&world);
    set.reevaluate_all(&mut profile, Instant(NOW - 7 * DAY_MS), &world.view());
    let rule = set.rule_named("vip").unwrap();
    let clauses = rule.explain(&profile, Instant(NOW), &world.view());
    clauses.iter().map(line).collect()
}

/// Whole days from now, and what they are off by.
fn days(at: Instant) -> String {
    let ms = at.0 - NOW;
    let whole = (ms + DAY_MS / 2).div_euclid(DAY_MS);
    match ms - whole * DAY_MS {
        0 => format!("{whole:+}d"),
        rest => format!("{whole:+}d{rest:+}ms"),
    }
}

fn line(clause: &Clause) -> String {
    let mut text = clause.value.to_string();
    if let Some(since) = clause.since {
        text += &format!(" since {}", days(since));
    }
    if let Some(until) = clause.next_change {
        text += &format!(" until {}", days(until));
    }
    for evidence in &clause.evidence {
        let at = evidence.at.map(days).unwrap_or_default();
        text += &format!(" ({} {at})", evidence.what);
    }
    if let Some(detail) = &clause.detail {
        text += &format!(" [{detail}]");
    }
    text
}

#[test]
fn windows_show_the_fact_behind_them_and_when_they_end() {
    // Orders 60, 30 and 10 days ago, and one to come in a day.
    assert_eq!(
        told("orders.within('15d').exists()"),
        ["true since -10d until +16d (last order -10d)"]
    );
    assert_eq!(
        told("orders.within('5d').count() >= 1"),
        ["false since -5d until +1d (last order -10d) [orders.within('5d').count() = 0]"]
    );
    assert_eq!(
        told("orders.within('45d').where(o, o.total > 15).exists()"),
        ["true since -10d until +46d (last such order -10d)"]
    );
    assert_eq!(
        told("events('Signed Up').within('1d').exists()"),
        ["false (no event `Signed Up` )"]
    );
    // Not a window: the second order made it true.
    assert_eq!(
        told("orders.count() >= 2"),
        ["true since -30d [orders.count() = 3]"]
    );
}

#[test]
fn dates_show_the_instant_behind_them() {
    assert_eq!(
        told("now - traits.joined > duration('60d')"),
        ["true since -30d+1ms (traits.joined -90d) [now - traits.joined = 90d]"]
    );
    assert_eq!(
        told("days_since(orders.last('at')) > 9"),
        ["true since +0d until +1d (orders.last('at') -10d) [days_since(orders.last('at')) = 10]"]
    );
    let shown = Instant(NOW - 10 * DAY_MS);
    assert_eq!(
        told("orders.last('at') <= now - duration('9d')"),
        [format!(
            "true since -1d until +1d [orders.last('at') = {shown}]"
        )]
    );
}

#[test]
fn memberships_and_decisions_show_since_when_they_stand() {
    assert_eq!(told("in_segment('other')"), ["true since -7d"]);
    let decided = told("consent('email-marketing')");
    assert!(decided[0].contains("(decided "), "{decided:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    /// Between `since` and `next_change` the value is the same at every instant that is tried; just
    /// outside it is the other.
    #[test]
    fn turns_are_where_they_are_said_to_be(choices in prop::collection::vec(any::<u32>(), 400)) {
        let world = World::default();
        let now = Instant(500 * HOUR_MS);
        let mut choices = Choices(choices.iter());
        let scope = Scope { segments: Vec::new(), orders: Vec::new(), events: Vec::new(), depth: 0 };
        let text = condition(&mut choices, &scope);
        let set = world.compile(&[("s", &text)]).unwrap();
        let profile = random_profile(&world, &mut choices, now.0);
        let rule = set.rule_named("s").unwrap();
        let at = |instant: Instant| rule.evaluate(&profile, instant, &world.view()).value;
        let whole = &rule.explain(&profile, now, &world.view())[0];
        prop_assert_eq!(whole.value, at(now), "{}", &text);
        if let Some(since) = whole.since {
            prop_assert!(since <= now);
            prop_assert_eq!(at(since), whole.value, "{} since {}", &text, since);
            prop_assert_ne!(at(since.plus_ms(-1)), whole.value, "{} before {}", &text, since);
        }
        if let Some(until) = whole.next_change {
            prop_assert!(until > now);
            prop_assert_ne!(at(until), whole.value, "{} from {}", &text, until);
            prop_assert_eq!(at(until.plus_ms(-1)), whole.value, "{} until {}", &text, until);
        }
        for hour in 0..1_000 {
            let instant = Instant(hour * HOUR_MS);
            let after = whole.since.is_none_or(|since| instant >= since);
            let before = whole.next_change.is_none_or(|until| instant < until);
            if after && before && (whole.since.is_some() || instant >= now) {
                prop_assert_eq!(at(instant), whole.value, "{} at {}", &text, instant);
            }
        }
    }
}
