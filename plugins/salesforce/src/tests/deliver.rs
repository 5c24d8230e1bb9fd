use std::fs;

use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{Value as Json, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    Action, ActionKind, Attribute, Batch, Destination, Found, Idempotency, Identifier, Item,
    Outcome, Value,
};
use proptest::prelude::*;

use super::{configured, exchange, item};
use crate::{Salesforce, Settings};

const UPSERT: &str = "/composite/sobjects/Contact/Ext__c";

fn deliver(
    settings: &Settings,
    action: ActionKind,
    items: Vec<Item>,
    exchanges: Vec<Exchange>,
) -> Vec<Outcome> {
    let test = TestContext::default();
    exchanges.into_iter().for_each(|it| test.http.push(it));
    let batch = Batch { action, items };
    let outcomes = Salesforce::deliver(&test.context(), settings, batch).unwrap();
    test.http.assert_done();
    outcomes
}

fn upsert(items: Vec<Item>, exchanges: Vec<Exchange>) -> Vec<Outcome> {
    deliver(
        &configured(json!({})),
        ActionKind::UpsertContact,
        items,
        exchanges,
    )
}

fn saved(id: &str) -> Json {
    json!({ "id": id, "success": true, "errors": [], "created": true })
}

fn failed(code: &str, fields: &[&str]) -> Json {
    let errors =
        json!([{ "statusCode": code, "message": "about ana@example.com", "fields": fields }]);
    json!({ "success": false, "errors": errors })
}

fn patch(results: Json) -> Exchange {
    exchange(Method::Patch, UPSERT).answer(200, results.to_string())
}

/// Compares the bytes: a number must keep its notation.
fn golden(name: &str, body: &[u8]) {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let sent = String::from_utf8(body.to_vec()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &sent).unwrap();
    }
    assert_eq!(sent, fs::read_to_string(&path).unwrap(), "{name}");
}

fn full() -> Item {
    let consent = |topic, state, decided_at| Consent {
        topic,
        state,
        decided_at,
        evidence: None,
    };
    let field = |name: &str, value: Value| Attribute::new(name, value);
    Item {
        fields: vec![
            field("LastName", Value::Text("Itō \"Jr\"".to_owned())),
            field(
                "Amount__c",
                Value::Decimal("12345678901234567.10".to_owned()),
            ),
            field("Score__c", Value::Integer(-7)),
            field("Vip__c", Value::Boolean(true)),
            field("Title", Value::Null),
            field("Since__c", Value::Instant(1_770_091_506_000)),
            field("Interests__c", Value::Json("[\"a\",\"b\"]".to_owned())),
            field("Raw__c", Value::Json("{\"a\":1.50}".to_owned())),
            field("Account.Ext__c", Value::Text("A-1".to_owned())),
        ],
        consents: vec![
            consent(ConsentTopic::EmailMarketing, ConsentState::Granted, 1),
            consent(ConsentTopic::EmailMarketing, ConsentState::Withdrawn, 2),
            consent(ConsentTopic::PhoneMarketing, ConsentState::Granted, 1),
            consent(ConsentTopic::Ads, ConsentState::Withdrawn, 1),
        ],
        ..item("k1", "p1")
    }
}

#[test]
fn golden_upserts() {
    for (name, item) in [
        ("upsert-required.json", item("k1", "p1")),
        ("upsert-all.json", full()),
    ] {
        let test = TestContext::default();
        let answer = patch(json!([saved("003RO000000AbCdYAK")]));
        test.http
            .push(answer.with_header("sforce-call-options", "client=crosspoint"));
        let batch = Batch {
            action: ActionKind::UpsertContact,
            items: vec![item],
        };
        let outcomes = Salesforce::deliver(&test.context(), &configured(json!({})), batch).unwrap();
        assert_eq!(
            outcomes,
            [Outcome::Done(Some("003RO000000AbCdYAK".to_owned()))]
        );
        let body = test.http.requests()[0].body.clone().unwrap();
        golden(name, &body);
        if name == "upsert-all.json" {
            let text = String::from_utf8(body).unwrap();
            assert!(
                text.contains("\"Amount__c\":12345678901234567.10,"),
                "{text}"
            );
        }
    }
}

#[test]
fn every_record_has_its_own_outcome() {
    let results = json!([
        saved("003RO000000AbCdYAK"),
        failed("REQUIRED_FIELD_MISSING", &["LastName"]),
        failed("UNABLE_TO_LOCK_ROW", &[]),
        failed("DUPLICATE_VALUE", &["Ext__c"]),
        failed("REQUEST_LIMIT_EXCEEDED", &[]),
        failed("DUPLICATES_DETECTED", &[]),
    ]);
    let items = (0..6)
        .map(|at| item(&format!("k{at}"), &format!("p{at}")))
        .collect();
    let outcomes = upsert(items, vec![patch(results)]);
    assert_eq!(
        outcomes[0],
        Outcome::Done(Some("003RO000000AbCdYAK".to_owned()))
    );
    let Outcome::Rejected(rejected) = &outcomes[1] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(rejected.field.as_deref(), Some("LastName"));
    assert!(!rejected.reason.contains("ana"), "{rejected:?}");
    assert!(matches!(outcomes[2], Outcome::Transient(_)));
    assert!(
        matches!(outcomes[3], Outcome::Transient(_)),
        "another writer was faster"
    );
    assert_eq!(outcomes[4], Outcome::RateLimited(None));
    assert!(matches!(outcomes[5], Outcome::Rejected(_)));
    let stubborn = Item {
        attempt: 2,
        ..item("k", "p")
    };
    let again = upsert(
        vec![stubborn],
        vec![patch(json!([failed("DUPLICATE_VALUE", &["Ext__c"])]))],
    );
    assert!(matches!(again[0], Outcome::Rejected(_)));
}

#[test]
fn a_key_that_repeats_goes_in_calls_of_its_own() {
    let mut items = vec![item("k0", "p0"), item("k1", "p1"), item("k2", "p0")];
    items[2].fields.push(Attribute::new("LastName", "Later"));
    let one = |body: &Exchange| body.clone();
    let first = patch(json!([
        saved("003000000000001AAA"),
        saved("003000000000002AAA")
    ]));
    let second = patch(json!([saved("003000000000001AAA")]));
    let outcomes = upsert(items, vec![one(&first), one(&second)]);
    assert!(
        outcomes
            .iter()
            .all(|it| matches!(it, Outcome::Done(Some(_)))),
        "{outcomes:?}"
    );
}

#[test]
fn poisoned_record_is_found_by_halving() {
    let items: Vec<_> = (0..4)
        .map(|at| item(&format!("k{at}"), &format!("p{at}")))
        .collect();
    let refused = || {
        let body = json!([{ "errorCode": "INVALID_FIELD", "message": "No such column", "fields": ["No__c"] }]);
        exchange(Method::Patch, UPSERT).answer(400, body.to_string())
    };
    let outcomes = upsert(
        items,
        vec![
            refused(),
            patch(json!([
                saved("003000000000001AAA"),
                saved("003000000000002AAA")
            ])),
            refused(),
            refused(),
            patch(json!([saved("003000000000004AAA")])),
        ],
    );
    let done = |at: usize| matches!(outcomes[at], Outcome::Done(_));
    assert!(done(0) && done(1) && !done(2) && done(3), "{outcomes:?}");
    let Outcome::Rejected(rejected) = &outcomes[2] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(rejected.field.as_deref(), Some("No__c"));
}

#[test]
fn fields_that_are_none_are_refused_before_the_call() {
    for name in ["Id", "attributes", "a b", "A.b.c", ""] {
        let mut bad = item("k0", "p0");
        bad.fields.push(Attribute::new(name, "x"));
        let outcomes = upsert(
            vec![bad, item("k1", "p1")],
            vec![patch(json!([saved("003000000000001AAA")]))],
        );
        assert!(matches!(outcomes[0], Outcome::Rejected(_)), "{name}");
        assert!(matches!(outcomes[1], Outcome::Done(_)), "{name}");
    }
}

fn find(field: &str, object: &str, values: &str, rows: Json) -> Exchange {
    let soql =
        format!("SELECT Id,{field} FROM {object} WHERE {field} IN ({values}) ORDER BY Id ASC");
    let path = format!("/query?q={}", crosspoint_sdk::http::encode_component(&soql));
    exchange(Method::Get, &path).answer(200, json!({ "done": true, "records": rows }).to_string())
}

#[test]
fn opting_out_reaches_every_record_of_the_person() {
    let mut known = item("k0", "p0");
    known
        .identifiers
        .push(Identifier::Customer("00Q00000000000LAAA".to_owned()));
    let contact = json!([{ "Id": "00300000000000CAAA", "Email": "P0@example.com" }]);
    let outcomes = deliver(
        &configured(json!({})),
        ActionKind::Suppress,
        vec![known, item("k1", "p1")],
        vec![
            find(
                "Email",
                "Contact",
                "'p0@example.com','p1@example.com'",
                contact,
            ),
            find(
                "Email",
                "Lead",
                "'p0@example.com','p1@example.com'",
                json!([]),
            ),
            find("Ext__c", "Contact", "'p0','p1'", json!([])),
            exchange(Method::Patch, "/composite/sobjects")
                .with_json(
                    json!({ "allOrNone": false, "records": [{ "attributes": { "type": "Contact" },
                    "Id": "00300000000000CAAA", "HasOptedOutOfEmail": true }] }),
                )
                .answer(200, json!([saved("00300000000000CAAA")]).to_string()),
            exchange(Method::Patch, "/composite/sobjects")
                .with_json(
                    json!({ "allOrNone": false, "records": [{ "attributes": { "type": "Lead" },
                    "Id": "00Q00000000000LAAA", "HasOptedOutOfEmail": true }] }),
                )
                .answer(200, json!([failed("ENTITY_IS_DELETED", &[])]).to_string()),
        ],
    );
    assert!(
        matches!(outcomes[..], [Outcome::Done(_), Outcome::Done(_)]),
        "{outcomes:?}"
    );
}

#[test]
fn values_are_quoted() {
    let mut odd = item("k0", "p0");
    odd.identifiers = vec![Identifier::Email("o'neil\\@example.com".to_owned())];
    let settings = configured(json!({ "external_id_field": "" }));
    let outcomes = deliver(
        &settings,
        ActionKind::Unsuppress,
        vec![odd],
        vec![
            find("Email", "Contact", "'o\\'neil\\\\@example.com'", json!([])),
            find("Email", "Lead", "'o\\'neil\\\\@example.com'", json!([])),
        ],
    );
    assert_eq!(outcomes, [Outcome::Done(None)]);
}

fn looked_up(rows: Json) -> Vec<Exchange> {
    vec![
        find("Email", "Contact", "'p0@example.com'", rows),
        find("Email", "Lead", "'p0@example.com'", json!([])),
        find("Ext__c", "Contact", "'p0'", json!([])),
    ]
}

#[test]
fn an_activity_is_logged_with_the_person() {
    let mut fact = item("k0", "p0");
    fact.fields = vec![
        Attribute::new("Subject", "Cart abandoned"),
        Attribute::new("Priority", "Low"),
    ];
    let found = json!([{ "Id": "00300000000000CAAA", "Email": "p0@example.com" }]);
    let keyed = configured(json!({ "activity_key_field": "Key__c" }));
    let test = TestContext::default();
    looked_up(found.clone())
        .into_iter()
        .for_each(|it| test.http.push(it));
    let answer = json!([saved("00T000000000001AAA")]).to_string();
    test.http
        .push(exchange(Method::Patch, "/composite/sobjects/Task/Key__c").answer(200, answer));
    let batch = Batch {
        action: ActionKind::TrackEvent,
        items: vec![fact.clone()],
    };
    let outcomes = Salesforce::deliver(&test.context(), &keyed, batch).unwrap();
    assert_eq!(
        outcomes,
        [Outcome::Done(Some("00T000000000001AAA".to_owned()))]
    );
    golden(
        "task.json",
        test.http.requests()[3].body.as_deref().unwrap(),
    );

    // Without a key a lost answer must not lead to a second activity.
    for (lost, is_unknown) in [
        (HttpError::Timeout, true),
        (HttpError::Connect(String::new()), false),
    ] {
        let mut exchanges = looked_up(found.clone());
        exchanges.push(exchange(Method::Post, "/composite/sobjects").fail(lost));
        let outcomes = deliver(
            &configured(json!({})),
            ActionKind::TrackEvent,
            vec![fact.clone()],
            exchanges,
        );
        assert_eq!(
            matches!(outcomes[0], Outcome::Unknown(_)),
            is_unknown,
            "{outcomes:?}"
        );
    }
    let nobody = deliver(
        &keyed,
        ActionKind::TrackEvent,
        vec![fact],
        looked_up(json!([])),
    );
    assert!(matches!(nobody[0], Outcome::Gone(_)));
}

#[test]
fn failed_look_up_means_that_nothing_was_done() {
    for (status, is_auth) in [(401, true), (500, false)] {
        let mut first = looked_up(json!([])).remove(0);
        first = first.answer(status, "");
        let outcomes = deliver(
            &configured(json!({})),
            ActionKind::TrackEvent,
            vec![item("k0", "p0")],
            vec![first],
        );
        match &outcomes[0] {
            Outcome::Auth(_) => assert!(is_auth),
            Outcome::Transient(_) => assert!(!is_auth),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn read_back_tells_who_is_there() {
    let test = TestContext::default();
    let rows = json!([{ "Id": "00300000000000CAAA", "Ext__c": "P0" }]);
    test.http.push(find("Ext__c", "Contact", "'p0','p1'", rows));
    let items = vec![item("k0", "p0"), item("k1", "p1")];
    let settings = configured(json!({}));
    let found = Salesforce::read_back(&test.context(), &settings, ActionKind::UpsertContact, items);
    let present = Found::Present(Some("00300000000000CAAA".to_owned()));
    assert_eq!(found.unwrap(), [present, Found::Absent]);
}

#[test]
fn actions_say_what_the_settings_allow() {
    let actions = |extra: Json| -> Vec<Action> {
        Salesforce::actions(&TestContext::default().context(), &configured(extra)).unwrap()
    };
    let kind = |all: &[Action], kind: ActionKind| all.iter().find(|it| it.kind == kind).cloned();
    let bare = actions(json!({ "external_id_field": "" }));
    assert_eq!(kind(&bare, ActionKind::UpsertContact), None);
    let task = kind(&bare, ActionKind::TrackEvent).unwrap();
    assert_eq!(
        (task.idempotency, task.read_back),
        (Idempotency::AtMostOnce, false)
    );
    let full = actions(json!({ "activity_key_field": "Key__c", "hard_delete": true }));
    assert_eq!(
        kind(&full, ActionKind::UpsertContact).unwrap().batch_size,
        200
    );
    assert!(kind(&full, ActionKind::DeleteContact).unwrap().erases);
    assert!(!kind(&bare, ActionKind::DeleteContact).unwrap().erases);
    let task = kind(&full, ActionKind::TrackEvent).unwrap();
    assert_eq!(
        (task.idempotency, task.read_back),
        (Idempotency::Idempotent, true)
    );
}

proptest! {
    #[test]
    fn every_item_has_an_outcome(
        status in 200u16..600, results in prop::collection::vec(0u8..4, 0..6), items in 1usize..6,
    ) {
        let body = Json::from(results.iter().map(|kind| match kind {
            0 => saved("003000000000001AAA"),
            1 => failed("STRING_TOO_LONG", &["Title"]),
            2 => json!({ "success": false }),
            _ => json!(7),
        }).collect::<Vec<_>>()).to_string();
        let test = TestContext::default();
        test.http.serve(move |_| Ok(crosspoint_sdk::http::Response {
            status, headers: Vec::new(), body: body.clone().into_bytes(),
        }));
        let batch = Batch {
            action: ActionKind::UpsertContact,
            items: (0..items).map(|at| item(&format!("k{at}"), &format!("p{at}"))).collect(),
        };
        let outcomes = Salesforce::deliver(&test.context(), &configured(json!({})), batch).unwrap();
        prop_assert_eq!(outcomes.len(), items);
        for (at, outcome) in outcomes.iter().enumerate() {
            let is_done = matches!(outcome, Outcome::Done(_));
            let was_named = status < 300 && results.len() == items && results[at] == 0;
            prop_assert_eq!(is_done, was_named);
        }
    }
}
