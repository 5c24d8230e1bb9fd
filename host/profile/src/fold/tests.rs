use std::collections::BTreeMap;

use crosspoint_model::record::{
    Attribute, Cart, ConsentTopic, Contact, Engagement, EngagementKind, Event, Line, Order,
    OrderStatus, Submission, Tombstone,
};
use crosspoint_model::{Decimal, Money, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use smol_str::{SmolStr, format_smolstr};

use super::*;
use crate::{fragment_key, insert_fact, remove_fact, trait_value};

/// Numbers names by what they are, so that fragments compare whatever was met first.
fn by_spelling(name: &str) -> Symbol {
    Symbol(name.bytes().fold(7, |hash: u32, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    }))
}

fn fold_all<'a>(records: impl IntoIterator<Item = &'a Record>) -> Fragment {
    let key = Identifier::vendor("shop", "c1").unwrap();
    let mut fragment = Fragment::new("shop", by_spelling("shop"), key);
    for record in records {
        fold_one(&mut fragment, record, Held::Here);
    }
    fragment
}

fn fold_one(fragment: &mut Fragment, record: &Record, held: Held) -> Folded {
    let names = Names::new(by_spelling);
    let ctx = FoldContext {
        connector: "shop",
        stream: by_spelling("all"),
        held,
        names: &names,
        intern: &mut by_spelling,
    };
    fold(fragment, record, ctx)
}

fn record(id: &str, updated_at: i64, body: Body) -> Record {
    Record {
        id: id.into(),
        updated_at: Instant(updated_at),
        identifiers: vec![Identifier::vendor("shop", "c1").unwrap()],
        attributes: Vec::new(),
        body,
    }
}

fn money(amount: i64, currency: &str) -> Money {
    Money {
        amount: Decimal::from(amount),
        currency: currency.into(),
    }
}

fn order(placed_at: i64, status: OrderStatus, amount: i64) -> Order {
    Order {
        number: None,
        status,
        placed_at: Instant(placed_at),
        total: money(amount, "EUR"),
        subtotal: None,
        tax: None,
        shipping: None,
        discount: None,
        refunded: None,
        coupons: Vec::new(),
        channel: None,
        lines: Vec::new(),
        shipping_address: None,
    }
}

fn tombstone(kind: RecordKind, deleted_at: i64) -> Body {
    Body::Tombstone(Tombstone {
        kind,
        deleted_at: Instant(deleted_at),
        erasure: false,
    })
}

fn texts() -> impl Strategy<Value = Option<SmolStr>> {
    option::of((0..3u8).prop_map(|number| format_smolstr!("text {number}")))
}

fn contacts() -> impl Strategy<Value = Contact> {
    (
        texts(),
        texts(),
        option::of(vec(Just(SmolStr::new("vip")), 0..2)),
    )
        .prop_map(|(first_name, company, tags)| Contact {
            first_name,
            company,
            tags,
            ..Contact::default()
        })
}

fn bodies() -> impl Strategy<Value = Body> {
    let at = 0..8i64;
    let statuses = prop_oneof![
        Just(OrderStatus::Paid),
        Just(OrderStatus::Refunded),
        Just(OrderStatus::Other("draft".into()))
    ];
    prop_oneof![
        3 => contacts().prop_map(|contact| Body::Contact(Box::new(contact))),
        3 => (at.clone(), statuses, 1..4i64)
            .prop_map(|(at, status, amount)| Body::Order(Box::new(order(at, status, amount)))),
        1 => option::of(at.clone()).prop_map(|closed_at| Body::Cart(Box::new(Cart {
            created_at: None,
            total: None,
            lines: Vec::new(),
            recovery_url: None,
            closed_at: closed_at.map(Instant),
            order_id: None,
        }))),
        2 => (0..2u8, at.clone()).prop_map(|(name, at)| Body::Event(Event {
            name: format_smolstr!("Event {name}"),
            occurred_at: Instant(at),
        })),
        1 => (option::of(contacts()), at.clone()).prop_map(|(contact, at)| {
            Body::Submission(Box::new(Submission {
                form_id: "form".into(),
                form_name: None,
                submitted_at: Instant(at),
                origin: Vec::new(),
                contact,
            }))
        }),
        1 => at.clone().prop_map(|at| Body::Engagement(Box::new(Engagement {
            kind: EngagementKind::Opened,
            occurred_at: Instant(at),
            channel: "email".into(),
            campaign: None,
            message_id: None,
            delivery_key: None,
            url: None,
            reason: None,
        }))),
        2 => (0..2u8, 0..3u8, at.clone()).prop_map(|(topic, state, at)| Body::Consent(Consent {
            topic: [ConsentTopic::Ads, ConsentTopic::EmailMarketing][topic as usize].clone(),
            state: [ConsentState::Granted, ConsentState::Pending, ConsentState::Withdrawn]
                [state as usize],
            decided_at: Instant(at),
            evidence: None,
        })),
        2 => (0..5usize, at).prop_map(|(kind, at)| {
            let kinds = [
                RecordKind::Contact,
                RecordKind::Order,
                RecordKind::Event,
                RecordKind::Cart,
                RecordKind::Consent,
            ];
            tombstone(kinds[kind], at)
        }),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (0..3i64).prop_map(Value::Int),
        Just(Value::text("x"))
    ]
}

fn records() -> impl Strategy<Value = Record> {
    let attributes = vec((0..3u8, values()), 0..3);
    (0..4u8, 0..8i64, 0..3u8, attributes, bodies()).prop_map(
        |(id, updated_at, address, attributes, body)| {
            let mut record = record(&format!("id-{id}"), updated_at, body);
            record
                .identifiers
                .extend(Identifier::email(&format!("{address}@example.org")));
            record.attributes = attributes
                .into_iter()
                .map(|(name, value)| {
                    let name = ["score", "first_name", "city"][name as usize].into();
                    Attribute { name, value }
                })
                .collect();
            record
        },
    )
}

/// A list, and the same in another order with repetitions.
fn arrivals() -> impl Strategy<Value = (Vec<Record>, Vec<Record>)> {
    vec(records(), 1..12).prop_flat_map(|records| {
        let count = records.len();
        let twice: Vec<Record> = records.iter().chain(&records).cloned().collect();
        let shuffled = Just(twice).prop_shuffle().prop_map(move |mut shuffled| {
            // Some twice, all at least once.
            let mut seen = Vec::new();
            shuffled.retain(|record| {
                let repeated = seen.contains(record);
                seen.push(record.clone());
                !repeated || seen.len() % 2 == 0
            });
            assert!(shuffled.len() <= 2 * count);
            shuffled
        });
        (Just(records), shuffled)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_order_and_repetition_give_the_same_fragment((records, shuffled) in arrivals()) {
        prop_assert_eq!(fold_all(&records), fold_all(&shuffled));
    }

    #[test]
    fn facts_are_sorted_and_unique(records in vec(records(), 1..20)) {
        let fragment = fold_all(&records);
        prop_assert!(fragment.facts.is_sorted_by(|a, b| a.sort_key() < b.sort_key()));
        let mut ids: Vec<_> = fragment.facts.iter().map(|fact| (fact.stream, &fact.id)).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), fragment.facts.len());
        prop_assert!(fragment.traits.is_sorted_by(|a, b| a.name < b.name));
        prop_assert!(fragment.identifiers.is_sorted());
    }

    #[test]
    fn what_is_folded_twice_is_a_duplicate(records in vec(records(), 1..12)) {
        let mut fragment = fold_all(&records);
        for record in &records {
            let folded = fold_one(&mut fragment, record, Held::Here);
            prop_assert!(folded.duplicate && !folded.changed, "{record:?} brought {folded:?}");
        }
    }

    #[test]
    fn touched_names_every_difference(records in vec(records(), 2..12)) {
        let (last, rest) = records.split_last().unwrap();
        let before = fold_all(rest);
        let mut after = before.clone();
        let touched = fold_one(&mut after, last, Held::Here).touched;
        let traits = |fragment: &Fragment| -> BTreeMap<_, _> {
            fragment.traits.iter().map(|said| (said.name, said.clone())).collect()
        };
        let (old, new) = (traits(&before), traits(&after));
        for name in new.keys().filter(|name| old.get(*name) != new.get(*name)) {
            prop_assert!(touched.traits.contains(name));
        }
        for (one, other) in [(&before, &after), (&after, &before)] {
            for fact in one.facts.iter().filter(|fact| !other.facts.contains(fact)) {
                prop_assert!(touched.facts.contains(&(fact.kind, fact.name)));
            }
        }
        prop_assert_eq!(touched.consents, before.consents != after.consents);
        let seen = |part: &Fragment| (part.first_seen, part.last_seen);
        prop_assert_eq!(touched.seen, seen(&before) != seen(&after));
    }
}

#[test]
fn deletion_hides_older_traits_in_any_order() {
    let named = |name: &str, at| {
        let contact = Contact {
            first_name: Some(name.into()),
            ..Contact::default()
        };
        record("c1", at, Body::Contact(Box::new(contact)))
    };
    let old = named("Old", 1);
    let deleted = record("c1", 2, tombstone(RecordKind::Contact, 2));
    let new = named("New", 3);
    let name = by_spelling("first_name");
    let view = |records: &[&Record]| {
        let profile = crosspoint_model::profile::Profile::alone(fold_all(records.iter().copied()));
        trait_value(&profile, name, &Default::default()).map(|value| value.to_string())
    };
    assert_eq!(view(&[&old, &deleted]), None);
    assert_eq!(view(&[&deleted, &old]), None);
    assert_eq!(view(&[&deleted, &new, &old]), Some("New".to_owned()));
    let blanked = fold_all([&old, &deleted]);
    assert!(!format!("{blanked:?}").contains("Old"));
}

#[test]
fn a_deleted_order_stays_deleted_when_its_older_version_comes_late() {
    let paid = record(
        "o1",
        1,
        Body::Order(Box::new(order(1, OrderStatus::Paid, 5))),
    );
    let deleted = record("o1", 1, tombstone(RecordKind::Order, 1));
    for records in [[&paid, &deleted], [&deleted, &paid]] {
        let fragment = fold_all(records);
        assert_eq!(fragment.facts.len(), 1);
        assert!(!fragment.facts[0].counts);
    }
}

#[test]
fn an_order_that_another_fragment_holds_newer_is_left_there() {
    let paid = record(
        "o1",
        1,
        Body::Order(Box::new(order(1, OrderStatus::Paid, 5))),
    );
    let newer = record(
        "o1",
        2,
        Body::Order(Box::new(order(1, OrderStatus::Paid, 6))),
    );
    let key = Identifier::vendor("shop", "c1").unwrap();
    let mut fragment = Fragment::new("shop", by_spelling("shop"), key);
    let stale = fold_one(&mut fragment, &paid, Held::Elsewhere(version_of(&newer)));
    assert!(!stale.holds && fragment.facts.is_empty());
    let taken = fold_one(&mut fragment, &newer, Held::Elsewhere(version_of(&paid)));
    assert!(taken.holds);

    let fact = remove_fact(&mut fragment, by_spelling("all"), "o1").unwrap();
    assert!(fragment.facts.is_empty());
    assert!(insert_fact(&mut fragment, fact.clone()));
    assert!(!insert_fact(&mut fragment, fact));
}

#[test]
fn amounts_in_another_currency_are_kept_apart() {
    let mut body = order(1, OrderStatus::Paid, 10);
    body.tax = Some(money(2, "USD"));
    body.shipping = Some(money(3, "EUR"));
    let line = |total: Option<Money>, unit_price| Line {
        id: None,
        product_id: None,
        sku: Some("A".into()),
        name: None,
        category: None,
        quantity: Decimal::from(2),
        unit_price,
        total,
        attributes: Vec::new(),
    };
    body.lines = vec![
        line(Some(money(4, "USD")), None),
        line(None, Some(money(5, "EUR"))),
    ];
    let fragment = fold_all([&record("o1", 1, Body::Order(Box::new(body)))]);
    let fact = &fragment.facts[0];
    assert_eq!(fact.total, Some((Decimal::from(10), by_spelling("EUR"))));
    assert_eq!(fact.property(by_spelling("tax")), None);
    assert_eq!(
        fact.property(by_spelling("shipping")),
        Some(&Value::Decimal(Decimal::from(3)))
    );
    let foreign = Value::Json(r#"["tax: 2 USD","line 1: 4 USD"]"#.into());
    assert_eq!(fact.property(by_spelling("other_currency")), Some(&foreign));
    let totals: Vec<_> = fact.lines.iter().map(|line| line.total).collect();
    assert_eq!(totals, [None, Some(Decimal::from(10))]);
}

#[test]
fn the_strongest_identifier_names_the_fragment() {
    let event = Body::Event(Event {
        name: "Seen".into(),
        occurred_at: Instant(1),
    });
    let mut order = record("e1", 1, event);
    let key = |record: &Record| fragment_key("shop", record).map(|key| key.to_string());
    for (carried, expected) in [
        (
            vec!["cookie:x", "email:b@example.org", "email:a@example.org"],
            "email:a@example.org",
        ),
        (vec!["crm:1", "phone:+31201234567"], "phone:+31201234567"),
        (vec!["crm:1", "anonymous-id:z"], "crm:1"),
        (vec!["user-id:u", "shop:9", "shop:10"], "shop:10"),
    ] {
        order.identifiers = carried
            .iter()
            .filter_map(|text| Identifier::parse(text))
            .collect();
        assert_eq!(key(&order).as_deref(), Some(expected));
    }
    order.identifiers.clear();
    assert_eq!(key(&order), None);
    order.body = Body::Contact(Box::default());
    assert_eq!(key(&order).as_deref(), Some("shop:e1"));
    order.body = tombstone(RecordKind::Product, 1);
    assert_eq!(key(&order), None);
}

#[test]
fn the_first_value_is_the_first_that_was_not_empty() {
    let said = |value: Value, at| {
        let mut record = record("c1", at, Body::Contact(Box::default()));
        record.attributes = vec![Attribute {
            name: "channel".into(),
            value,
        }];
        record
    };
    let records = [
        said(Value::text("first"), 2),
        said(Value::Null, 1),
        said(Value::text("last"), 3),
    ];
    let fragment = fold_all(&records);
    let entry = fragment
        .traits
        .iter()
        .find(|said| said.name == by_spelling("channel"))
        .unwrap();
    assert_eq!(entry.first_value, Value::text("first"));
    assert_eq!(entry.first.updated_at, Instant(2));
    assert_eq!(entry.value, Value::text("last"));
}

#[test]
fn two_deletions_of_one_object_leave_the_same_stub_in_any_order() {
    let deleted = |at| record("o1", 5, tombstone(RecordKind::Order, at));
    let (early, late) = (deleted(3), deleted(5));
    assert_eq!(fold_all([&early, &late]), fold_all([&late, &early]));
}

#[test]
fn an_event_told_again_with_a_corrected_instant_is_one_fact() {
    let event = |at: i64| {
        let body = Body::Event(Event {
            name: "Product Viewed".into(),
            occurred_at: Instant(at),
        });
        record("m1", at, body)
    };
    let tellings = [event(1_000_000), event(1_000_250), event(1_000_900)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let key = Identifier::vendor("shop", "c1").unwrap();
        let mut fragment = Fragment::new("shop", by_spelling("shop"), key);
        for at in order {
            fold_one(&mut fragment, &tellings[at], Held::Nowhere);
        }
        let instants: Vec<_> = fragment.facts.iter().map(|fact| fact.at.0).collect();
        assert_eq!(instants, [1_000_900], "{order:?}");
    }
    let mut fragment = fold_all([]);
    fold_one(&mut fragment, &event(1_000_000), Held::Nowhere);
    let another = Record {
        id: "m2".into(),
        ..event(1_000_000)
    };
    fold_one(&mut fragment, &another, Held::Nowhere);
    assert_eq!(fragment.facts.len(), 2);
}
