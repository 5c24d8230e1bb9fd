use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic, ExternalId};
use crosspoint_sdk::serde_json::{self, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    Action, ActionKind, Attribute, Batch, Destination, Error, Idempotency, Identifier, Item,
    Outcome, settings,
};
use proptest::prelude::*;

use crate::{Settings, Webhook};

const URL: &str = "https://hooks.example.com/in";

fn configured(extra: serde_json::Value) -> Settings {
    let mut json = json!({ "url": URL });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    settings::parse(&json.to_string()).unwrap()
}

fn item(key: &str) -> Item {
    Item {
        key: key.to_owned(),
        profile_id: "p1".to_owned(),
        identifiers: vec![
            Identifier::Email("jane@example.com".to_owned()),
            Identifier::External(ExternalId {
                system: "purchases".to_owned(),
                id: "00004".to_owned(),
            }),
        ],
        list: Some("vip".to_owned()),
        fields: vec![
            Attribute::new("orders", 4),
            Attribute::new("note", "quote \" and ü"),
        ],
        consents: vec![Consent {
            topic: ConsentTopic::EmailMarketing,
            state: ConsentState::Granted,
            decided_at: 1_793_697_327_104,
            evidence: None,
        }],
        occurred_at: 1_793_697_327_104,
        attempt: 0,
    }
}

fn deliver(
    settings: &Settings,
    action: ActionKind,
    items: Vec<Item>,
    exchanges: Vec<Exchange>,
) -> Result<Vec<Outcome>, Error> {
    let test = TestContext::default();
    exchanges
        .into_iter()
        .for_each(|exchange| test.http.push(exchange));
    let result = Webhook::deliver(&test.context(), settings, Batch { action, items });
    test.http.assert_done();
    result
}

fn post() -> Exchange {
    Exchange::expect(Method::Post, URL)
}

#[test]
fn single_delivery_is_a_standard_webhook() {
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/single.json")).unwrap();
    let result = deliver(
        &configured(json!({ "headers": { "x-shop": "1" }, "type_prefix": "crosspoint" })),
        ActionKind::AddToList,
        vec![item("k1")],
        vec![
            post()
                .with_header("webhook-id", "k1")
                .with_header("content-type", "application/json")
                .with_header("x-shop", "1")
                .with_json(expected)
                .answer(204, ""),
        ],
    );
    assert_eq!(result, Ok(vec![Outcome::Done(None)]));
}

#[test]
fn erasure_carries_the_id_alone() {
    let expected = json!({
        "type": "profile.deleted",
        "timestamp": "2026-11-03T09:15:27.104Z",
        "data": { "key": "k1", "profile_id": "p1" },
    });
    let exchange = post().with_json(expected);
    deliver(
        &configured(json!({})),
        ActionKind::DeleteContact,
        vec![item("k1")],
        vec![exchange],
    )
    .unwrap();
}

#[test]
fn batch_is_one_request() {
    let settings = configured(json!({ "mode": "batch", "batch_size": 10 }));
    let test = TestContext::default();
    test.http.push(post().answer(200, ""));
    let batch = Batch {
        action: ActionKind::TrackEvent,
        items: vec![item("k1"), item("k2")],
    };
    let outcomes = Webhook::deliver(&test.context(), &settings, batch).unwrap();
    assert_eq!(outcomes, [Outcome::Done(None), Outcome::Done(None)]);
    let request = &test.http.requests()[0];
    let body: serde_json::Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["type"], "profiles.batch");
    assert_eq!(body["data"]["items"][1]["type"], "event.tracked");
    assert_eq!(body["data"]["items"][1]["data"]["key"], "k2");
    let id = &request
        .headers
        .iter()
        .find(|header| header.name == "webhook-id")
        .unwrap()
        .value;
    assert!(id.starts_with("batch_") && !id.contains('.'), "{id}");
}

#[test]
fn retry_sends_the_same_bytes() {
    for mode in ["single", "batch"] {
        let settings = configured(json!({ "mode": mode }));
        let test = TestContext::default();
        for attempt in 0..2 {
            test.http.push(post());
            let batch = Batch {
                action: ActionKind::UpsertContact,
                items: vec![Item {
                    attempt,
                    ..item("k1")
                }],
            };
            Webhook::deliver(&test.context(), &settings, batch).unwrap();
        }
        let requests = test.http.requests();
        assert_eq!(requests[0], requests[1], "{mode}");
    }
}

#[test]
fn status_decides_the_outcome() {
    let one = |status: u16, headers: &[(&str, &str)]| {
        let exchange = headers.iter().fold(
            post().answer(status, "ignored"),
            |exchange, (name, value)| exchange.answer_header(name, value),
        );
        deliver(
            &configured(json!({})),
            ActionKind::UpsertContact,
            vec![item("k1")],
            vec![exchange],
        )
        .map(|mut outcomes| outcomes.remove(0))
    };
    assert_eq!(one(200, &[]), Ok(Outcome::Done(None)));
    assert_eq!(one(202, &[]), Ok(Outcome::Done(None)));
    for status in [301, 302, 307, 308] {
        assert!(
            matches!(one(status, &[]), Err(Error::Invalid { .. })),
            "{status}"
        );
    }
    for status in [400, 404, 405, 409, 413, 415, 422] {
        assert!(
            matches!(one(status, &[]), Ok(Outcome::Rejected(_))),
            "{status}"
        );
    }
    for status in [401, 403] {
        assert!(matches!(one(status, &[]), Err(Error::Auth(_))), "{status}");
    }
    assert!(matches!(one(410, &[]), Err(Error::Gone(_))));
    for status in [408, 425, 500, 501, 503] {
        assert!(
            matches!(one(status, &[]), Ok(Outcome::Transient(_))),
            "{status}"
        );
    }
    for status in [502, 504] {
        assert_eq!(one(status, &[]), Ok(Outcome::RateLimited(None)), "{status}");
    }
    assert_eq!(one(429, &[]), Err(Error::RateLimited(None)));
    assert_eq!(
        one(429, &[("retry-after", "7")]),
        Err(Error::RateLimited(Some(7000)))
    );
    assert_eq!(
        one(503, &[("retry-after", "7")]),
        Ok(Outcome::RateLimited(Some(7000)))
    );
}

#[test]
fn fault_without_answer_decides_the_outcome() {
    let one = |error: HttpError| {
        let exchange = post().fail(error);
        deliver(
            &configured(json!({})),
            ActionKind::UpsertContact,
            vec![item("k1")],
            vec![exchange],
        )
        .map(|mut outcomes| outcomes.remove(0))
    };
    assert!(matches!(one(HttpError::Timeout), Ok(Outcome::Unknown(_))));
    assert!(matches!(
        one(HttpError::Reset(String::new())),
        Ok(Outcome::Unknown(_))
    ));
    assert!(matches!(
        one(HttpError::TooLarge(9)),
        Ok(Outcome::Unknown(_))
    ));
    assert!(matches!(
        one(HttpError::Connect(String::new())),
        Ok(Outcome::Transient(_))
    ));
    assert!(matches!(
        one(HttpError::Denied(String::new())),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(
        one(HttpError::RateLimited(5)),
        Err(Error::RateLimited(Some(5)))
    );
    assert!(matches!(
        one(HttpError::Auth(String::new())),
        Err(Error::Auth(_))
    ));
}

#[test]
fn answer_may_speak_of_single_items() {
    let outcomes = deliver(
        &configured(json!({ "mode": "batch" })),
        ActionKind::UpsertContact,
        ["k0", "k1", "k2", "k3"].map(item).to_vec(),
        vec![post().answer(200, include_str!("../fixtures/results.json"))],
    )
    .unwrap();
    assert_eq!(outcomes[0], Outcome::Done(Some("r-1".to_owned())));
    assert_eq!(outcomes[1], Outcome::rejected(None, "unknown country"));
    assert_eq!(outcomes[2], Outcome::Transient("busy".to_owned()));
    assert!(
        matches!(outcomes[3], Outcome::Unknown(_)),
        "not named: {:?}",
        outcomes[3]
    );
}

#[test]
fn endpoint_fault_after_a_success_is_no_batch_error() {
    let outcomes = deliver(
        &configured(json!({})),
        ActionKind::UpsertContact,
        ["k1", "k2", "k3"].map(item).to_vec(),
        vec![post(), post().answer(401, "")],
    )
    .unwrap();
    assert_eq!(outcomes[0], Outcome::Done(None));
    assert!(
        matches!(outcomes[1..], [Outcome::Auth(_), Outcome::Auth(_)]),
        "{outcomes:?}"
    );
}

#[test]
fn actions_are_keyed_and_reversible() {
    let find = |actions: &[Action], kind: ActionKind| {
        actions
            .iter()
            .find(|action| action.kind == kind)
            .unwrap()
            .clone()
    };
    let context = TestContext::default().context();
    let settings = configured(json!({ "custom_actions": ["create-coupon"] }));
    let actions = Webhook::actions(&context, &settings).unwrap();
    assert_eq!(actions.len(), 9);
    assert!(
        actions
            .iter()
            .all(|one| one.idempotency == Idempotency::Keyed && one.open)
    );
    assert!(actions.iter().all(|action| action.batch_size == 1));
    let add = find(&actions, ActionKind::AddToList);
    assert!(add.needs_list && add.reverse == Some(ActionKind::RemoveFromList));
    assert!(find(&actions, ActionKind::DeleteContact).erases);
    find(&actions, ActionKind::Custom("create-coupon".to_owned()));

    let settings = configured(json!({ "mode": "batch", "batch_size": 40 }));
    let actions = Webhook::actions(&context, &settings).unwrap();
    assert!(actions.iter().all(|action| action.batch_size == 40));
}

#[test]
fn wrong_settings_are_named() {
    let context = TestContext::default().context();
    for (extra, field) in [
        (json!({ "url": "ftp://x" }), "url"),
        (json!({ "url": "https://" }), "url"),
        (json!({ "url": "https://u:p@x/" }), "url"),
        (json!({ "url": "https://x/#y" }), "url"),
        (json!({ "batch_size": 101 }), "batch_size"),
        (json!({ "type_prefix": "a..b" }), "type_prefix"),
        (
            json!({ "headers": { "Webhook-Id": "x" } }),
            "headers.Webhook-Id",
        ),
        (json!({ "headers": { "a b": "x" } }), "headers.a b"),
        (json!({ "custom_actions": ["a b"] }), "custom_actions"),
    ] {
        match Webhook::check(&context, &configured(extra.clone())) {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field, "{extra}"),
            other => panic!("{extra}: {other:?}"),
        }
    }
    assert_eq!(Webhook::check(&context, &configured(json!({}))), Ok(()));
}

proptest! {
    #[test]
    fn every_item_has_an_outcome(
        status in 100u16..600, body in ".{0,40}|\\{\"results\":\\[\\{\"index\":[0-9],\"status\":\"(ok|error|x)\"\\}\\]\\}",
        items in 1usize..6, is_batch: bool
    ) {
        let mode = if is_batch { "batch" } else { "single" };
        let exchanges = (0..if is_batch { 1 } else { items })
            .map(|_| post().answer(status, body.clone()));
        let test = TestContext::default();
        exchanges.for_each(|exchange| test.http.push(exchange));
        let keys = (0..items).map(|at| item(&format!("k{at}"))).collect();
        let batch = Batch { action: ActionKind::UpsertContact, items: keys };
        let settings = configured(json!({ "mode": mode }));
        if let Ok(outcomes) = Webhook::deliver(&test.context(), &settings, batch) {
            prop_assert_eq!(outcomes.len(), items);
            let is_ok = (200..300).contains(&status) || body.contains("\"ok\"");
            prop_assert!(is_ok || !outcomes.iter().any(|one| matches!(one, Outcome::Done(_))));
        }
    }
}
