use crosspoint_sdk::http::HttpError;
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{Value as JsonValue, from_str, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Identifier, Item, Outcome, Value,
};

use super::{answered, configured, graphql, variables};
use crate::Shopify;

const AT: i64 = 1_793_697_327_000;

fn item(identifiers: Vec<Identifier>, fields: Vec<Attribute>) -> Item {
    Item {
        key: "k1abcdefghijklmnopqrstuvwxyz0123".to_owned(),
        profile_id: "p1".to_owned(),
        identifiers,
        list: Some("vip".to_owned()),
        fields,
        consents: Vec::new(),
        occurred_at: AT,
        attempt: 0,
    }
}

fn ann() -> Vec<Identifier> {
    vec![Identifier::Email("ann@example.test".to_owned())]
}

fn known(state: &str, decided_at: &str) -> JsonValue {
    json!({ "id": "gid://shopify/Customer/7001", "tags": ["VIP"], "defaultEmailAddress": {
        "emailAddress": "ann@example.test", "marketingState": state,
        "marketingUpdatedAt": decided_at } })
}

fn set(customer: JsonValue) -> Exchange {
    answered(json!({ "customerSet": { "customer": customer, "userErrors": [] } }))
}

fn deliver(
    test: &TestContext,
    action: ActionKind,
    items: Vec<Item>,
) -> Result<Vec<Outcome>, Error> {
    let result = Shopify::deliver(
        &test.context(),
        &configured(json!({})),
        Batch { action, items },
    );
    test.http.assert_done();
    result
}

fn done(id: &str) -> Outcome {
    Outcome::Done(Some(id.to_owned()))
}

#[test]
fn golden_upserts() {
    let test = TestContext::default();
    test.http.push(set(known("", "")));
    let outcomes = deliver(&test, ActionKind::UpsertContact, vec![item(ann(), vec![])]);
    assert_eq!(outcomes, Ok(vec![done("7001")]));
    let least: JsonValue = from_str(include_str!("../../fixtures/upsert-least.json")).unwrap();
    assert_eq!(variables(&test, 0), least);

    let test = TestContext::default();
    test.http.push(set(known("NOT_SUBSCRIBED", "")));
    test.http.push(answered(
        json!({ "customerEmailMarketingConsentUpdate": { "userErrors": [] } }),
    ));
    test.http
        .push(answered(json!({ "metafieldsSet": { "userErrors": [] } })));
    let mut all = item(
        vec![
            Identifier::Customer("7001".to_owned()),
            Identifier::Email("ann@example.test".to_owned()),
        ],
        vec![
            Attribute::new("email", "ann@example.test"),
            Attribute::new("phone", "+491700000000"),
            Attribute::new("firstName", "Ann"),
            Attribute::new("lastName", "Lée 😀"),
            Attribute::new("locale", "de"),
            Attribute::new("note", Value::Null),
            Attribute::new("tags", "a, b"),
            Attribute::new("taxExempt", false),
            Attribute::new("addresses", Value::Json(r#"[{"city":"Ulm"}]"#.to_owned())),
            Attribute::new("crosspoint.orders", 3),
            Attribute::new("crosspoint.revenue", Value::Decimal("129.90".to_owned())),
            Attribute::new("crosspoint.seen", Value::Instant(AT)),
            Attribute::new("crosspoint.text", "a\nb"),
        ],
    );
    all.consents.push(Consent {
        topic: ConsentTopic::EmailMarketing,
        state: ConsentState::Granted,
        decided_at: AT,
        evidence: None,
    });
    let outcomes = deliver(&test, ActionKind::UpsertContact, vec![all]);
    assert_eq!(outcomes, Ok(vec![done("7001")]));
    let sent: Vec<_> = (0..3).map(|at| variables(&test, at)).collect();
    let golden: JsonValue = from_str(include_str!("../../fixtures/upsert-all.json")).unwrap();
    assert_eq!(json!(sent), golden);
}

#[test]
fn newer_consent_stays() {
    for (state, theirs, ours) in [
        (
            "UNSUBSCRIBED",
            "2026-12-01T00:00:00Z",
            ConsentState::Granted,
        ),
        ("SUBSCRIBED", "2026-01-01T00:00:00Z", ConsentState::Granted),
    ] {
        let test = TestContext::default();
        test.http.push(set(known(state, theirs)));
        let mut item = item(ann(), vec![]);
        item.consents.push(Consent {
            topic: ConsentTopic::EmailMarketing,
            state: ours,
            decided_at: AT,
            evidence: None,
        });
        let outcomes = deliver(&test, ActionKind::UpsertContact, vec![item]);
        assert_eq!(outcomes, Ok(vec![done("7001")]), "{state}");
    }
}

#[test]
fn poisoned_neighbour() {
    let test = TestContext::default();
    test.http.push(set(known("", "")));
    test.http.push(answered(json!({ "customerSet": { "customer": null, "userErrors": [
        { "field": ["input", "phone"], "message": "Phone +49170 is invalid", "code": "INVALID" }] } })));
    test.http.push(set(known("", "")));
    let unknown_field = item(ann(), vec![Attribute::new("shoeSize", 41)]);
    let items = vec![
        item(ann(), vec![]),
        item(ann(), vec![]),
        unknown_field,
        item(vec![], vec![]),
        item(ann(), vec![]),
    ];
    let outcomes = deliver(&test, ActionKind::UpsertContact, items).unwrap();
    assert_eq!(outcomes[0], done("7001"));
    // The vendor's words held a number of the person's.
    assert_eq!(outcomes[1], Outcome::rejected(Some("phone"), "INVALID"));
    assert!(
        matches!(&outcomes[2], Outcome::Rejected(it) if it.field.as_deref() == Some("shoeSize"))
    );
    assert!(
        matches!(&outcomes[3], Outcome::Rejected(it) if it.field.as_deref() == Some("identifiers"))
    );
    assert_eq!(outcomes[4], done("7001"));
}

#[test]
fn status_decides() {
    let one = |exchange: Exchange| {
        let test = TestContext::default();
        test.http.push(exchange);
        deliver(&test, ActionKind::UpsertContact, vec![item(ann(), vec![])])
    };
    let outcome = |status: u16| one(graphql().answer(status, "x")).unwrap().remove(0);
    for status in [200, 202, 207] {
        assert!(matches!(outcome(status), Outcome::Unknown(_)), "{status}");
    }
    for status in [401, 402, 403, 423] {
        assert!(matches!(outcome(status), Outcome::Auth(_)), "{status}");
    }
    for status in [400, 413, 422] {
        assert!(matches!(outcome(status), Outcome::Rejected(_)), "{status}");
    }
    for status in [408, 409, 500, 502, 503, 504] {
        assert!(matches!(outcome(status), Outcome::Transient(_)), "{status}");
    }
    assert!(matches!(outcome(410), Outcome::Gone(_)));
    assert!(matches!(outcome(204), Outcome::Unknown(_)));
    for status in [301, 404] {
        let result = one(graphql().answer(status, ""));
        assert!(matches!(result, Err(Error::Invalid { .. })), "{status}");
    }
    let wait = graphql().answer(429, "").answer_header("retry-after", "3");
    assert_eq!(one(wait), Ok(vec![Outcome::RateLimited(Some(3_000))]));
    let unknown =
        |error: HttpError| matches!(one(graphql().fail(error)).unwrap()[0], Outcome::Unknown(_));
    assert!(unknown(HttpError::Timeout) && unknown(HttpError::Reset("x".to_owned())));
    let refused = one(graphql().fail(HttpError::Connect("x".to_owned()))).unwrap();
    assert!(matches!(refused[0], Outcome::Transient(_)));
    let html = one(graphql().answer(200, "<html>maintenance")).unwrap();
    assert!(matches!(html[0], Outcome::Unknown(_)));
}

#[test]
fn a_full_bucket_ends_the_batch() {
    let test = TestContext::default();
    test.http.push(set(known("", "")));
    let throttled = r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}]}"#;
    test.http.push(graphql().answer(200, throttled));
    let items = vec![
        item(ann(), vec![]),
        item(ann(), vec![]),
        item(ann(), vec![]),
    ];
    let outcomes = deliver(&test, ActionKind::UpsertContact, items);
    let later = Outcome::RateLimited(None);
    assert_eq!(outcomes, Ok(vec![done("7001"), later.clone(), later]));
}

#[test]
fn lists_are_tags() {
    let customer = vec![Identifier::Customer("7001".to_owned())];
    let test = TestContext::default();
    test.http
        .push(answered(json!({ "tagsAdd": { "userErrors": [] } })));
    let outcomes = deliver(&test, ActionKind::AddToList, vec![item(customer, vec![])]);
    assert_eq!(outcomes, Ok(vec![done("7001")]));
    assert_eq!(
        variables(&test, 0),
        json!({ "id": "gid://shopify/Customer/7001", "tags": ["vip"] })
    );

    // Whom the shop does not know has no tag to lose.
    let test = TestContext::default();
    test.http.push(answered(json!({ "customers": { "nodes": [
        { "id": "gid://shopify/Customer/1", "defaultEmailAddress": { "emailAddress": "joann@example.test" } }] } })));
    let outcomes = deliver(&test, ActionKind::RemoveFromList, vec![item(ann(), vec![])]);
    assert_eq!(outcomes, Ok(vec![Outcome::Done(None)]));
    assert_eq!(variables(&test, 0)["query"], "email:'ann@example.test'");
}

#[test]
fn suppression_unsubscribes_and_only_consent_subscribes() {
    let test = TestContext::default();
    test.http.push(answered(
        json!({ "customers": { "nodes": [known("SUBSCRIBED", "")] } }),
    ));
    test.http.push(answered(
        json!({ "customerEmailMarketingConsentUpdate": { "userErrors": [] } }),
    ));
    let outcomes = deliver(&test, ActionKind::Suppress, vec![item(ann(), vec![])]);
    assert_eq!(outcomes, Ok(vec![done("7001")]));
    let consent = &variables(&test, 1)["input"]["emailMarketingConsent"];
    assert_eq!(consent["marketingState"], "UNSUBSCRIBED");

    let test = TestContext::default();
    let outcomes = deliver(&test, ActionKind::Unsuppress, vec![item(ann(), vec![])]).unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Rejected(it) if it.field.as_deref() == Some("consents"))
    );
}

#[test]
fn erasure_deletes_or_redacts() {
    let customer = vec![Identifier::Customer("7001".to_owned())];
    let test = TestContext::default();
    test.http
        .push(answered(json!({ "customer": known("", "") })));
    test.http.push(answered(json!({ "customerDelete": { "userErrors": [
        { "field": ["id"], "message": "Customer can't be deleted because they have associated orders" }] } })));
    test.http.push(answered(
        json!({ "customerRequestDataErasure": { "userErrors": [] } }),
    ));
    let outcomes = deliver(
        &test,
        ActionKind::DeleteContact,
        vec![item(customer.clone(), vec![])],
    );
    assert_eq!(outcomes, Ok(vec![done("7001")]));

    let test = TestContext::default();
    test.http.push(answered(json!({ "customer": null })));
    let outcomes = deliver(
        &test,
        ActionKind::DeleteContact,
        vec![item(customer, vec![])],
    );
    assert_eq!(outcomes, Ok(vec![Outcome::Done(None)]));
}

#[test]
fn golden_discounts() {
    let action = ActionKind::Custom("create-discount-code".to_owned());
    let created = || answered(json!({ "discountCodeBasicCreate": { "userErrors": [] } }));
    let test = TestContext::default();
    test.http.push(created());
    let fields = vec![Attribute::new(
        "percentage",
        Value::Decimal("12.5".to_owned()),
    )];
    let outcomes = deliver(&test, action.clone(), vec![item(ann(), fields.clone())]);
    assert_eq!(outcomes, Ok(vec![done("XPK1ABCDEFGHIJ")]));
    let least: JsonValue = from_str(include_str!("../../fixtures/discount-least.json")).unwrap();
    assert_eq!(variables(&test, 0), least);

    let test = TestContext::default();
    test.http.push(created());
    let fields_all = vec![
        Attribute::new("code", "COMEBACK"),
        Attribute::new("title", "Win back"),
        Attribute::new("amount", Value::Decimal("5.00".to_owned())),
        Attribute::new("startsAt", "2026-12-01"),
        Attribute::new("endsAt", Value::Instant(AT)),
        Attribute::new("usageLimit", 3),
        Attribute::new("minimumSubtotal", "20"),
        Attribute::new("onlyThisCustomer", true),
    ];
    let customer = vec![Identifier::Customer("7001".to_owned())];
    let outcomes = deliver(&test, action.clone(), vec![item(customer, fields_all)]);
    assert_eq!(outcomes, Ok(vec![done("COMEBACK")]));
    let all: JsonValue = from_str(include_str!("../../fixtures/discount-all.json")).unwrap();
    assert_eq!(variables(&test, 0), all);

    // The answer was lost, and the delivery comes again.
    let test = TestContext::default();
    test.http.push(answered(json!({ "discountCodeBasicCreate": { "userErrors": [
        { "field": ["basicCodeDiscount", "code"], "code": "TAKEN", "message": "Code must be unique" }] } })));
    let outcomes = deliver(&test, action.clone(), vec![item(ann(), fields)]);
    assert_eq!(outcomes, Ok(vec![done("XPK1ABCDEFGHIJ")]));

    for (percent, is_good) in [
        ("100", true),
        ("0.5", true),
        ("5", true),
        ("0", false),
        ("100.1", false),
    ] {
        let test = TestContext::default();
        if is_good {
            test.http.push(created());
        }
        let fields = vec![Attribute::new("percentage", percent)];
        let outcomes = deliver(&test, action.clone(), vec![item(ann(), fields)]).unwrap();
        assert_eq!(
            matches!(outcomes[0], Outcome::Done(_)),
            is_good,
            "{percent}"
        );
    }
}
