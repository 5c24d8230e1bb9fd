use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::{Value as JsonValue, from_str, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Identifier, Item, Outcome, Value,
};

use super::{API, configured};
use crate::WooCommerce;

const AT: i64 = 1_793_697_327_000;

fn item(identifiers: Vec<Identifier>, fields: Vec<Attribute>) -> Item {
    Item {
        key: "k1abcdefghijklmnopqrstuvwxyz0123".to_owned(),
        profile_id: "p1".to_owned(),
        identifiers,
        list: None,
        fields,
        consents: Vec::new(),
        occurred_at: AT,
        attempt: 0,
    }
}

fn ann() -> Vec<Identifier> {
    vec![Identifier::Email("ann@example.test".to_owned())]
}

fn found(rows: JsonValue) -> Exchange {
    let url = format!("{API}/customers?email=ann%40example.test&role=all");
    Exchange::expect(Method::Get, &url).answer(200, rows.to_string())
}

fn known() -> JsonValue {
    json!([{ "id": 25, "email": "Ann@example.test" }])
}

fn post(path: &str) -> Exchange {
    Exchange::expect(Method::Post, &format!("{API}/{path}"))
}

fn deliver(
    test: &TestContext,
    action: ActionKind,
    items: Vec<Item>,
) -> Result<Vec<Outcome>, Error> {
    let result = WooCommerce::deliver(
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

fn everything() -> Vec<Attribute> {
    vec![
        Attribute::new("first_name", "Ann"),
        Attribute::new("last_name", "Lée 😀"),
        Attribute::new("username", "ann"),
        Attribute::new(
            "billing",
            Value::Json(r#"{"city":"Ulm","country":"DE"}"#.to_owned()),
        ),
        Attribute::new("billing.company", Value::Null),
        Attribute::new("shipping.postcode", 89_073),
        Attribute::new("meta_data.cp_orders", 3),
        Attribute::new("meta_data.cp_revenue", Value::Decimal("129.90".to_owned())),
        Attribute::new("meta_data.cp.seen", Value::Instant(AT)),
    ]
}

#[test]
fn golden_upserts() {
    for (fields, golden) in [
        (vec![], include_str!("../../fixtures/upsert-least.json")),
        (everything(), include_str!("../../fixtures/upsert-all.json")),
    ] {
        let golden: JsonValue = from_str(golden).unwrap();
        let test = TestContext::default();
        test.http
            .push(found(json!([{ "id": 9, "email": "joann@example.test" }])));
        test.http.push(
            post("customers")
                .with_json(golden.clone())
                .answer(201, r#"{"id":25}"#),
        );
        let created = deliver(
            &test,
            ActionKind::UpsertContact,
            vec![item(ann(), fields.clone())],
        );
        assert_eq!(created, Ok(vec![done("25")]));

        // A known one is sent what is mapped, without name and address of the account.
        let mut changed = golden.clone();
        changed
            .as_object_mut()
            .unwrap()
            .retain(|name, _| name != "email" && name != "username");
        let test = TestContext::default();
        test.http.push(found(known()));
        if changed != json!({}) {
            let url = format!("{API}/customers/25");
            test.http.push(
                Exchange::expect(Method::Put, &url)
                    .with_json(changed)
                    .answer(200, "{}"),
            );
        }
        let updated = deliver(&test, ActionKind::UpsertContact, vec![item(ann(), fields)]);
        assert_eq!(updated, Ok(vec![done("25")]));
    }
}

#[test]
fn a_lost_answer_creates_nobody_twice() {
    let test = TestContext::default();
    test.http.push(found(json!([])));
    let exists =
        r#"{"code":"registration-error-email-exists","message":"<a>ann@example.test</a>"}"#;
    test.http.push(post("customers").answer(400, exists));
    test.http.push(found(known()));
    let outcomes = deliver(&test, ActionKind::UpsertContact, vec![item(ann(), vec![])]);
    assert_eq!(outcomes, Ok(vec![done("25")]));
}

#[test]
fn poisoned_neighbour() {
    let test = TestContext::default();
    test.http.push(found(json!([])));
    let invalid = r#"{"code":"rest_invalid_param","message":"ann@example.test","data":{"status":400,"params":{"billing":"bad"}}}"#;
    test.http.push(post("customers").answer(400, invalid));
    test.http.push(found(known()));
    let items = vec![
        item(ann(), vec![]),
        item(vec![], vec![]),
        item(ann(), vec![Attribute::new("shoe_size", 41)]),
        item(ann(), vec![]),
    ];
    let outcomes = deliver(&test, ActionKind::UpsertContact, items).unwrap();
    let at = |outcome: &Outcome| match outcome {
        Outcome::Rejected(it) => {
            assert!(!it.reason.contains('@'), "{}", it.reason);
            it.field.clone().unwrap()
        }
        _ => panic!("{outcome:?}"),
    };
    let fields: Vec<_> = outcomes[..3].iter().map(at).collect();
    assert_eq!(fields, ["billing", "identifiers", "shoe_size"]);
    assert_eq!(outcomes[3], done("25"));
}

#[test]
fn status_decides() {
    let one = |exchange: Exchange| {
        let test = TestContext::default();
        test.http.push(found(json!([])));
        test.http.push(exchange);
        deliver(&test, ActionKind::UpsertContact, vec![item(ann(), vec![])])
    };
    let outcome = |status: u16| {
        one(post("customers").answer(status, "<html>"))
            .unwrap()
            .remove(0)
    };
    for status in [200, 202, 204, 207] {
        assert!(matches!(outcome(status), Outcome::Unknown(_)), "{status}");
    }
    for status in [401, 403] {
        assert!(matches!(outcome(status), Outcome::Auth(_)), "{status}");
    }
    for status in [400, 413, 422] {
        assert!(matches!(outcome(status), Outcome::Rejected(_)), "{status}");
    }
    for status in [408, 409, 423, 500, 502, 503] {
        assert!(matches!(outcome(status), Outcome::Transient(_)), "{status}");
    }
    assert!(matches!(outcome(410), Outcome::Gone(_)));
    for status in [301, 404] {
        let result = one(post("customers").answer(status, ""));
        assert!(matches!(result, Err(Error::Invalid { .. })), "{status}");
    }
    let wait = post("customers")
        .answer(429, "")
        .answer_header("retry-after", "3");
    assert_eq!(one(wait), Ok(vec![Outcome::RateLimited(Some(3_000))]));
    for error in [HttpError::Timeout, HttpError::Reset("x".to_owned())] {
        let outcome = one(post("customers").fail(error)).unwrap().remove(0);
        assert!(matches!(outcome, Outcome::Unknown(_)));
    }
    let refused = one(post("customers").fail(HttpError::Connect("x".to_owned()))).unwrap();
    assert!(matches!(refused[0], Outcome::Transient(_)));
}

#[test]
fn accounts_are_deleted_for_good() {
    let test = TestContext::default();
    test.http.push(found(known()));
    let url = format!("{API}/customers/25?force=true");
    test.http
        .push(Exchange::expect(Method::Delete, &url).answer(200, "{}"));
    let outcomes = deliver(&test, ActionKind::DeleteContact, vec![item(ann(), vec![])]);
    assert_eq!(outcomes, Ok(vec![done("25")]));

    let test = TestContext::default();
    let gone = r#"{"code":"woocommerce_rest_invalid_id","data":{"status":404}}"#;
    let url = format!("{API}/customers/7");
    test.http
        .push(Exchange::expect(Method::Get, &url).answer(404, gone));
    let customer = vec![Identifier::Customer("7".to_owned())];
    let outcomes = deliver(
        &test,
        ActionKind::DeleteContact,
        vec![item(customer, vec![])],
    );
    assert_eq!(outcomes, Ok(vec![Outcome::Done(None)]));
}

#[test]
fn golden_coupons() {
    let action = ActionKind::Custom("create-coupon".to_owned());
    let all = vec![
        Attribute::new("code", "ComeBack"),
        Attribute::new("discount_type", "fixed_cart"),
        Attribute::new("amount", Value::Decimal("5.00".to_owned())),
        Attribute::new("description", "Win back"),
        Attribute::new("date_expires_gmt", "2026-12-01"),
        Attribute::new("usage_limit", 3),
        Attribute::new("minimum_amount", "20"),
        Attribute::new("individual_use", true),
        Attribute::new("free_shipping", false),
        Attribute::new("only_this_customer", true),
    ];
    for (fields, golden, code) in [
        (
            vec![Attribute::new("amount", 10)],
            include_str!("../../fixtures/coupon-least.json"),
            "xp-k1abcdefghij",
        ),
        (
            all,
            include_str!("../../fixtures/coupon-all.json"),
            "comeback",
        ),
    ] {
        let golden: JsonValue = from_str(golden).unwrap();
        let exists = r#"{"code":"woocommerce_rest_coupon_code_already_exists"}"#;
        for (status, body) in [(201, r#"{"id":3}"#), (400, exists)] {
            let test = TestContext::default();
            test.http.push(
                post("coupons")
                    .with_json(golden.clone())
                    .answer(status, body),
            );
            let outcomes = deliver(&test, action.clone(), vec![item(ann(), fields.clone())]);
            assert_eq!(outcomes, Ok(vec![done(code)]));
        }
    }
    let test = TestContext::default();
    let outcomes = deliver(&test, action, vec![item(ann(), vec![])]).unwrap();
    assert!(matches!(&outcomes[0], Outcome::Rejected(it) if it.field.as_deref() == Some("amount")));
}
