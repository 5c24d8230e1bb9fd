//! What expressions give for one profile.

use crosspoint_model::profile::{FactKind, Profile};
use crosspoint_model::record::{ConsentState, ConsentTopic};
use crosspoint_model::time::{DAY_MS, HOUR_MS};
use crosspoint_model::{Instant, Symbol, Touched, Value};

use super::world::{World, decide, line, put_fact};
use crate::{STANDARD_COMPUTED, Timed, View};

/// 2026-11-20T12:00:00Z, a Friday.
pub(super) const NOW: i64 = 1_795_176_000_000;

pub(super) fn customer(world: &World) -> Profile {
    let mut profile = world.profile();
    let fragment = &mut profile.fragments[0];
    world.set_trait(fragment, "email", Value::text("Ann@Example.com"));
    world.set_trait(fragment, "country", Value::text("DE"));
    world.set_trait(fragment, "odd name", Value::text("yes"));
    world.set_trait(fragment, "visits", Value::text("12"));
    world.set_trait(fragment, "score", Value::Int(7));
    world.set_trait(fragment, "flag", Value::Bool(true));
    world.set_trait(fragment, "anything", Value::text("35"));
    world.set_trait(fragment, "tags", Value::Json("[\"vip\", 5]".into()));
    world.set_trait(
        fragment,
        "joined",
        Value::Instant(Instant(NOW - 90 * DAY_MS)),
    );
    fragment.first_seen = Instant(NOW - 100 * DAY_MS);
    fragment.last_seen = Instant(NOW - DAY_MS);
    decide(
        fragment,
        ConsentTopic::EmailMarketing,
        ConsentState::Granted,
    );
    decide(fragment, ConsentTopic::Ads, ConsentState::Withdrawn);
    for (id, days, total) in [("1", 60, "10.10"), ("2", 30, "0"), ("3", 10, "20.20")] {
        let mut order = world.order(id, NOW - days * DAY_MS, total, "EUR");
        order.lines.push(line("a", 1, 4));
        order.lines.push(line(id, 2, 6));
        order
            .properties
            .push((world.symbol("coupons"), Value::Json("[\"SUMMER\"]".into())));
        put_fact(fragment, order);
    }
    let mut cancelled = world.order("4", NOW - DAY_MS, "999", "EUR");
    cancelled.counts = false;
    put_fact(fragment, cancelled);
    put_fact(fragment, world.order("5", NOW + DAY_MS, "1000", "USD"));
    put_fact(
        fragment,
        world.fact(FactKind::Event, "Product Viewed", "e1", NOW - HOUR_MS),
    );
    let mut opened = world.fact(FactKind::Engagement, "opened", "g1", NOW - HOUR_MS);
    opened
        .properties
        .push((world.symbol("channel"), Value::text("email")));
    put_fact(fragment, opened);
    profile
}

fn value_at(text: &str, now: i64) -> Timed<Option<Value>> {
    let world = World::default();
    let set = world.compile(&[("vip", "traits.country == 'DE'")]).unwrap();
    let mut profile = customer(&world);
    set.reevaluate_all(&mut profile, Instant(now), &world.view());
    let program = set.compile_value("field", text, &mut |name| world.symbol(name));
    let program = program.unwrap_or_else(|errors| panic!("{text}: {errors:#?}"));
    program.value(&profile, Instant(now), &world.view())
}

fn shown(text: &str) -> String {
    value_at(text, NOW)
        .value
        .map_or("absent".to_owned(), |value| value.to_string())
}

#[test]
fn expressions_give_what_the_manual_says() {
    for (text, expected) in [
        // traits and their types
        ("traits.email", "Ann@Example.com"),
        ("traits['odd name']", "yes"),
        ("traits.visits + 1", "13"),
        ("traits.score / 2", "3.5"),
        ("traits.anything > 34.5", "true"),
        ("traits.anything + 1", "36"),
        (
            "'vip' in traits.tags && 5 in traits.tags && !('x' in traits.tags)",
            "true",
        ),
        ("size(traits.tags) + traits.email.size()", "17"),
        ("has(traits.city) || traits.city == null", "true"),
        ("traits['odd name'] != null", "true"),
        // numbers
        ("7 / 2", "3"),
        ("7 % 4", "3"),
        ("7 / 2.0", "3.5"),
        ("0.1 + 0.2", "0.3"),
        ("-5 + 1u", "-4"),
        ("round(2.345, 2)", "2.35"),
        ("round(2.5)", "3"),
        ("double('1.50')", "1.50"),
        // text
        ("traits.email.lowerAscii()", "ann@example.com"),
        ("traits.country.lowerAscii().upperAscii()", "DE"),
        (
            "traits.email.contains('@') && traits.email.startsWith('Ann')",
            "true",
        ),
        ("traits.email.endsWith('.org')", "false"),
        ("traits.email.matches('^[A-Z].*\\\\.com$')", "true"),
        ("'a' + string(1)", "a1"),
        ("traits.country in ['AT', 'DE']", "true"),
        // facts
        ("orders.count()", "3"),
        ("orders.sum('total')", "30.30"),
        ("orders.within('30d').count()", "1"),
        ("orders.within('721h').count()", "2"),
        ("orders.since(now - duration('30d')).count()", "2"),
        ("orders.before(traits.joined).exists()", "false"),
        ("orders.where(o, o.total > 0).avg('total')", "15.15"),
        ("orders.where(o, o.total > 0).min('total')", "10.10"),
        ("orders.max('at') == orders.last('at')", "true"),
        ("orders.first('status')", "paid"),
        ("orders.last('id')", "3"),
        ("orders.distinct('total')", "3"),
        ("orders.where(o, 'SUMMER' in o.coupons).count()", "3"),
        (
            "orders.where(o, o.lines.where(l, l.sku == '2').exists()).sum('total')",
            "0",
        ),
        (
            "orders.where(o, o['total'] > 15 && o.currency == 'EUR').exists()",
            "true",
        ),
        ("products.distinct('sku')", "4"),
        ("products.where(p, p.sku == 'a').sum('quantity')", "3"),
        ("products.last('sku')", "3"),
        ("events.count()", "1"),
        ("events('Product Viewed').exists()", "true"),
        ("events('Searched').exists()", "false"),
        (
            "events.where(e, e.name == 'Product Viewed').exists()",
            "true",
        ),
        (
            "engagements('opened').where(e, e.channel == 'email').count()",
            "1",
        ),
        (
            "carts.exists() || submissions('newsletter').exists()",
            "false",
        ),
        ("spend('EUR') == spend() && spend('USD') == 0", "true"),
        // computed traits
        ("traits.orders_count", "3"),
        ("traits.average_order", "15.15"),
        ("traits.days_between_orders", "25"),
        ("traits.products_bought", "9"),
        ("traits.emails_opened", "1"),
        // consent and segments
        ("consent('email-marketing')", "true"),
        ("consent('ads') || consent('analytics')", "false"),
        ("consent_state('ads')", "withdrawn"),
        ("in_segment('vip')", "true"),
        // time
        ("days_since(traits.joined)", "90"),
        ("(now - traits.joined).getHours()", "2160"),
        (
            "now.getFullYear() * 10000 + (now.getMonth() + 1) * 100 + now.getDate()",
            "20261120",
        ),
        ("now.getDayOfWeek()", "5"),
        ("timestamp('2026-01-01') < now", "true"),
        ("traits.last_seen > now - duration('2d')", "true"),
        ("duration('1h30m') == duration('90m')", "true"),
        ("traits.flag ? 'yes' : 'no'", "yes"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn absent_is_never_an_error() {
    for (text, expected) in [
        ("traits.city", "absent"),
        ("traits.city == 'x'", "false"),
        ("traits.city != 'x'", "true"),
        ("traits.city < 'x' || traits.city >= 'x'", "false"),
        ("traits.city == traits.region", "false"),
        ("traits.city in ['x']", "false"),
        ("traits.city.contains('x')", "false"),
        ("!traits.city.contains('x')", "true"),
        ("traits.city + 'x'", "absent"),
        ("size(traits.city)", "absent"),
        ("1 / 0", "absent"),
        ("1 % 0 == 0", "false"),
        ("9223372036854775807 + 1", "absent"),
        ("7e28 * 10", "absent"),
        ("orders.where(o, o.total > 5000).avg('total')", "absent"),
        ("orders.where(o, o.total > 5000).sum('total')", "0"),
        ("orders.where(o, o.total > 5000).last('at') < now", "false"),
        ("orders.since(carts.first('at')).count()", "0"),
        ("double(traits.country)", "absent"),
        ("timestamp(traits.country) > now", "false"),
        (
            "traits.joined + duration('9223372036854775807ms') > now",
            "false",
        ),
        ("days_since(traits.anything)", "absent"),
        ("traits.anything && true", "false"),
        ("orders.where(o, o.nothing > 1).exists()", "false"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn results_change_exactly_when_they_say() {
    let after = |text: &str| value_at(text, NOW).next_change.map(|at| at.0 - NOW);
    // An order of 10 days ago leaves a window of 30 days in 20 days.
    assert_eq!(after("orders.within('30d').count() > 0"), Some(20 * DAY_MS));
    assert_eq!(
        after("orders.within('30d').sum('total') * 1 > 0"),
        Some(DAY_MS)
    );
    // An order of tomorrow is worth 1000 then.
    assert_eq!(after("orders.count() >= 4"), Some(DAY_MS));
    assert_eq!(after("orders.count() >= 3"), None);
    assert_eq!(after("spend('EUR') > 10"), None);
    assert_eq!(
        after("orders.last('at') < now - duration('30d')"),
        Some(DAY_MS)
    );
    assert_eq!(
        after("orders.before(now).last('at') > now - duration('30d')"),
        Some(DAY_MS)
    );
    assert_eq!(
        after("now - duration('91d') > traits.joined"),
        Some(DAY_MS + 1)
    );
    assert_eq!(after("days_since(traits.joined) > 91"), Some(DAY_MS));
    assert_eq!(after("now.getHours() == 12"), Some(HOUR_MS));
    assert_eq!(
        after("now.getFullYear() == 2026"),
        Some((41 * 24 + 12) * HOUR_MS)
    );
    assert_eq!(
        after("traits.country == 'AT' && now.getHours() == 12"),
        None
    );
    assert_eq!(
        after("traits.country == 'DE' || now.getHours() == 12"),
        None
    );
    assert_eq!(after("traits.country"), None);
    assert_eq!(after("now"), Some(1));
}

#[test]
fn thresholds_wait_for_the_fact_that_turns_them() {
    let world = World::default();
    let rules = [
        ("three", "events.within('100h').count() >= 3"),
        ("any", "events.within('100h').exists()"),
        ("exactly", "events.within('100h').count() == 10"),
        ("named", "events('Searched').within('100h').count() >= 3"),
        ("few", "events('Searched').within('100h').count() < 3"),
    ];
    let set = world.compile(&rules).unwrap();
    let expiries = |profile: &mut Profile| {
        set.reevaluate_all(profile, Instant(10 * HOUR_MS), &world.view());
        let told = profile.expiries.iter();
        let mut told: Vec<_> = told
            .map(|it| (it.at.0 / HOUR_MS, world.view().name(it.of).to_string()))
            .collect();
        told.sort();
        told
    };
    let expected = [
        (100, "exactly"),
        (107, "few"),
        (107, "named"),
        (107, "three"),
        (109, "any"),
    ];
    let expected = expected.map(|(hour, name)| (hour, name.to_owned()));
    let (mut alone, mut joined) = (world.profile(), world.profile());
    joined.fragments.push(world.fragment(2));
    for hour in 0..10 {
        let id = format!("e{hour}");
        let fact = world.fact(FactKind::Event, "Searched", &id, hour * HOUR_MS);
        put_fact(&mut alone.fragments[0], fact.clone());
        put_fact(&mut joined.fragments[hour as usize % 2], fact);
    }
    assert_eq!(expiries(&mut alone), expected);
    assert_eq!(expiries(&mut joined), expected);
}

#[test]
fn standard_computed_traits_compile() {
    let world = World::default();
    let set = world.compile(&[]).unwrap();
    let computed = set.computed_traits(&mut |name| world.symbol(name));
    for (name, _) in STANDARD_COMPUTED {
        assert!(computed.contains_key(name), "{name}");
    }
    let profile = customer(&world);
    let spend = computed["spend"].value(&profile, Instant(NOW), &world.view());
    assert_eq!(spend.value, Some(Value::Decimal("30.30".parse().unwrap())));
    assert_eq!(spend.next_change, Some(Instant(NOW + DAY_MS)));
}

#[test]
fn declared_computed_traits_come_before_all_others() {
    let world = World::default();
    let computed = [
        ("spend", "orders.count() * 2"),
        ("country", "'computed'"),
        ("loyal", "traits.spend > 5 && traits.country == 'computed'"),
    ];
    let set = world
        .compile_with(&[("s", "traits.loyal")], &computed)
        .unwrap();
    let mut profile = customer(&world);
    set.reevaluate_all(&mut profile, Instant(NOW), &world.view());
    assert!(profile.is_member(world.symbol("s")));
    assert_eq!(
        set.memberships_batch(&profile, Instant(NOW), &world.view()),
        [world.symbol("s")]
    );
}

#[test]
fn only_readers_are_affected() {
    let world = World::default();
    let rules = [
        ("trait", "traits.country == 'DE'"),
        ("event", "events('Searched').exists()"),
        ("events", "events.count() > 3"),
        ("orders", "traits.spend > 3"),
        ("consent", "consent('ads')"),
        ("follows", "in_segment('trait')"),
        ("seen", "days_since(traits.last_seen) > 5"),
    ];
    let set = world.compile(&rules).unwrap();
    let affected = |touched: &Touched| {
        set.affected(touched)
            .map(|at| set.rules()[at].name().to_string())
            .collect::<Vec<_>>()
    };
    let mut touched = Touched::default();
    assert!(affected(&touched).is_empty());
    touched.touch_trait(world.symbol("country"));
    assert_eq!(affected(&touched), ["trait"]);
    touched.clear();
    touched.touch_fact(FactKind::Event, world.symbol("Searched"));
    assert_eq!(affected(&touched), ["event", "events"]);
    touched.clear();
    touched.touch_fact(FactKind::Event, world.symbol("Signed Up"));
    touched.touch_fact(FactKind::Order, world.symbol("paid"));
    assert_eq!(affected(&touched), ["events", "orders"]);
    touched.clear();
    (touched.consents, touched.seen) = (true, true);
    assert_eq!(affected(&touched), ["consent", "seen"]);
    assert_eq!(affected(&Touched::everything()).len(), rules.len());
}

#[test]
fn a_segment_that_waits_for_another_keeps_its_timer() {
    let world = World::default();
    let rules = [
        (
            "late",
            "in_segment('base') && now > timestamp('1970-01-05')",
        ),
        ("base", "traits.flag"),
    ];
    let set = world.compile(&rules).unwrap();
    let mut profile = world.profile();
    world.set_trait(&mut profile.fragments[0], "flag", Value::Bool(true));
    for _ in 0..2 {
        set.reevaluate_all(&mut profile, Instant(0), &world.view());
        assert_eq!(profile.memberships.len(), 1);
        assert_eq!(profile.expiries[0].at, Instant(4 * DAY_MS + 1));
    }
    let due = profile.expiries[0].at;
    let entered = set.reevaluate(&mut profile, &Touched::default(), due, &world.view());
    assert_eq!(entered.len(), 1);
    assert_eq!(entered[0].segment, world.symbol("late"));
    assert!(profile.expiries.is_empty());
}

#[test]
fn segments_that_are_no_more_are_left() {
    let world = World::default();
    let set = world.compile(&[("old", "true"), ("kept", "true")]).unwrap();
    let mut profile = world.profile();
    assert_eq!(
        set.reevaluate_all(&mut profile, Instant(5), &world.view())
            .len(),
        2
    );
    let set = world.compile(&[("kept", "true"), ("new", "true")]).unwrap();
    let transitions = set.reevaluate_all(&mut profile, Instant(6), &world.view());
    let told: Vec<(Symbol, bool)> = transitions
        .iter()
        .map(|transition| (transition.segment, transition.entered))
        .collect();
    assert_eq!(
        told,
        [(world.symbol("old"), false), (world.symbol("new"), true)]
    );
    assert_eq!(profile.memberships[0].since, Instant(5));
}

#[test]
fn order_of_arrival_does_not_matter() {
    let world = World::default();
    let rules = [
        (
            "first",
            "orders.first('id') == 'o0' && orders.last('id') == 'o4'",
        ),
        (
            "loyal",
            "orders.within('3d').count() >= 2 && in_segment('first')",
        ),
        ("dear", "orders.where(o, o.total > 2).sum('total') == 7"),
    ];
    let set = world.compile(&rules).unwrap();
    let facts: Vec<_> = (0..5)
        .map(|at| world.order(&format!("o{at}"), at * DAY_MS, &at.to_string(), "EUR"))
        .collect();
    let mut seen = None;
    for turn in 0..120 {
        let mut profile = world.profile();
        set.reevaluate_all(&mut profile, Instant(5 * DAY_MS), &world.view());
        let (mut rest, mut turn) = (facts.clone(), turn);
        while !rest.is_empty() {
            let fact = rest.remove(turn % rest.len());
            turn /= rest.len() + 1;
            let mut touched = Touched::default();
            touched.touch_fact(fact.kind, fact.name);
            put_fact(&mut profile.fragments[0], fact);
            set.reevaluate(&mut profile, &touched, Instant(5 * DAY_MS), &world.view());
        }
        let end = (profile.memberships, profile.expiries);
        assert_eq!(end.0.len(), 3);
        assert_eq!(*seen.get_or_insert_with(|| end.clone()), end);
    }
}

#[test]
fn examples_in_the_manual_compile() {
    let manual = include_str!("../../../../docs/concepts/rules.md");
    let world = World::default();
    let rules = [("vip", "true"), ("staff", "false"), ("win-back", "true")];
    let set = world.compile(&rules).unwrap();
    let blocks = manual
        .split("```cel\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    let quoted = manual.lines().filter_map(|line| {
        let text = line
            .strip_prefix("when = ")
            .or(line.strip_prefix("compute = "))?;
        text.strip_prefix('"')?.strip_suffix('"')
    });
    let mut count = 0;
    for text in blocks.flat_map(str::lines).chain(quoted) {
        let program = set.compile_value("manual", text, &mut |name| world.symbol(name));
        assert!(program.is_ok(), "{text}: {program:?}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
