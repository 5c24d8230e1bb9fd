use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::{ConsentState, ConsentTopic, OrderStatus};
use crosspoint_sdk::{Attribute, Body, Identifier, Money, Record, Value};

use super::fixture;
use crate::entity::Entity;
use crate::map::{self, records, rest};

const CUSTOMER: &str = include_str!("../../fixtures/customer.json");
const ORDER: &str = include_str!("../../fixtures/order.json");

fn attribute<'a>(record: &'a Record, name: &str) -> Option<&'a Value> {
    let mut found = record.attributes.iter().filter(|it| it.name == name);
    let first = found.next().map(|attribute| &attribute.value);
    assert!(found.next().is_none(), "`{name}` stands twice");
    first
}

#[test]
fn a_customer_is_a_contact_and_decisions() {
    let made = records(Entity::Customers, &fixture(CUSTOMER)).unwrap();
    assert_eq!(
        made.len(),
        2,
        "who was never asked about SMS has decided nothing"
    );
    let contact = &made[0];
    assert_eq!(
        (contact.id.as_str(), contact.updated_at),
        ("7001", 1_772_420_645_000)
    );
    assert_eq!(
        contact.identifiers,
        [
            Identifier::Customer("7001".to_owned()),
            Identifier::Email("ann@example.test".to_owned()),
            Identifier::Phone("+491700000000".to_owned()),
        ]
    );
    let Body::Contact(body) = &contact.body else {
        panic!()
    };
    assert_eq!(body.last_name.as_deref(), Some("Lée 😀"));
    let address = body.address.as_ref().unwrap();
    assert_eq!(address.street, ["Am Weg 1"]);
    assert_eq!(address.country.as_deref(), Some("DE"));
    assert_eq!(attribute(contact, "note"), Some(&Value::Null));
    assert_eq!(
        attribute(contact, "numberOfOrders"),
        Some(&Value::Text("3".to_owned()))
    );
    assert_eq!(
        attribute(contact, "aFieldOfTomorrow"),
        Some(&Value::Json(r#"{"x":[1.50]}"#.to_owned()))
    );
    assert_eq!(attribute(contact, "nothing"), None);
    let Body::Consent(consent) = &made[1].body else {
        panic!()
    };
    assert_eq!(made[1].id, "7001/consent/email-marketing");
    assert_eq!(
        consent.topic.as_str(),
        ConsentTopic::EmailMarketing.as_str()
    );
    assert_eq!(consent.state, ConsentState::Granted);
    assert_eq!(consent.decided_at, 1_767_323_045_000);
}

#[test]
fn states_become_decisions() {
    let decided = |state: &str, at: &str| {
        let at = if at.is_empty() {
            "null".to_owned()
        } else {
            format!("\"{at}\"")
        };
        let node = fixture(&format!(
            r#"{{"id":"gid://shopify/Customer/1","updatedAt":"2026-03-02T03:04:05Z","defaultEmailAddress":{{"emailAddress":"a@example.test","marketingState":"{state}","marketingUpdatedAt":{at}}}}}"#
        ));
        let made = records(Entity::Customers, &node).unwrap();
        made.into_iter().find_map(|record| match record.body {
            Body::Consent(consent) => Some(consent.state),
            _ => None,
        })
    };
    let at = "2026-01-01T00:00:00Z";
    assert_eq!(decided("SUBSCRIBED", ""), Some(ConsentState::Granted));
    assert_eq!(decided("UNSUBSCRIBED", at), Some(ConsentState::Withdrawn));
    assert_eq!(decided("REDACTED", at), Some(ConsentState::Withdrawn));
    assert_eq!(decided("PENDING", at), Some(ConsentState::Pending));
    assert_eq!(decided("NOT_SUBSCRIBED", ""), None);
    assert_eq!(decided("NOT_SUBSCRIBED", at), Some(ConsentState::Withdrawn));
    assert_eq!(decided("INVALID", at), None);
}

#[test]
fn an_order_keeps_every_amount() {
    let made = records(Entity::Orders, &fixture(ORDER)).unwrap();
    let Body::Order(order) = &made[0].body else {
        panic!()
    };
    assert_eq!(order.total, Money::new("24.90", "EUR"));
    assert_eq!(order.shipping, Some(Money::new("4.90", "EUR")));
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(order.coupons, ["TENOFF"]);
    let line = &order.lines[0];
    assert_eq!(line.product_id.as_deref(), Some("9"));
    assert_eq!(line.unit_price, Some(Money::new("11.25", "EUR")));
    assert_eq!(line.total, Some(Money::new("20.00", "EUR")));
    assert!(line.attributes.contains(&Attribute::new("variantId", "8")));
    assert!(line.attributes.contains(&Attribute::new("vendor", "Acme")));
    let presentment =
        Value::Json(r#"{"presentmentMoney":{"amount":"27.10","currencyCode":"USD"}}"#.to_owned());
    assert_eq!(attribute(&made[0], "totalPriceSet"), Some(&presentment));
    assert_eq!(attribute(&made[0], "test"), Some(&Value::Boolean(false)));
}

#[test]
fn an_orders_status_is_the_latest_that_happened() {
    let status = |cancelled: &str, paid: &str, shipped: &str| {
        let text = ORDER
            .replace(
                r#""cancelledAt":null"#,
                &format!(r#""cancelledAt":{cancelled}"#),
            )
            .replace("PAID", paid)
            .replace("UNFULFILLED", shipped);
        match &records(Entity::Orders, &fixture(&text)).unwrap()[0].body {
            Body::Order(order) => order.status.clone(),
            _ => panic!(),
        }
    };
    assert_eq!(status("null", "PAID", "FULFILLED"), OrderStatus::Fulfilled);
    assert_eq!(
        status("null", "PENDING", "UNFULFILLED"),
        OrderStatus::Pending
    );
    assert_eq!(
        status("null", "REFUNDED", "FULFILLED"),
        OrderStatus::Refunded
    );
    assert_eq!(
        status("null", "PARTIALLY_REFUNDED", "FULFILLED"),
        OrderStatus::PartiallyRefunded
    );
    assert_eq!(
        status("\"2026-02-02T10:00:00Z\"", "REFUNDED", "FULFILLED"),
        OrderStatus::Cancelled
    );
    assert_eq!(
        status("null", "EXPIRED", "X"),
        OrderStatus::Other("EXPIRED".to_owned())
    );
}

#[test]
fn products_and_checkouts_are_mapped() {
    let node = fixture(include_str!("../../fixtures/product.json"));
    let made = records(Entity::Products, &node).unwrap();
    let Body::Product(product) = &made[0].body else {
        panic!()
    };
    assert_eq!(product.sku.as_deref(), Some("MUG-1"));
    assert_eq!(product.price, Some(Money::new("11.25", "EUR")));
    assert_eq!(product.stock.as_deref(), Some("12"));
    assert!(product.available);
    assert!(
        matches!(attribute(&made[0], "variants"), Some(Value::Json(text)) if text.contains("selectedOptions"))
    );

    let node = fixture(include_str!("../../fixtures/cart.json"));
    let made = records(Entity::Carts, &node).unwrap();
    let Body::Cart(cart) = &made[0].body else {
        panic!()
    };
    assert_eq!(made[0].id, "77");
    assert_eq!(made[0].identifiers.len(), 2);
    assert_eq!(cart.closed_at, None);
    assert_eq!(cart.lines[0].total, Some(Money::new("22.50", "EUR")));
}

#[test]
fn a_webhook_makes_the_same_record() {
    let by_page = records(Entity::Customers, &fixture(CUSTOMER)).unwrap();
    let hook = rest::customer(&fixture(include_str!(
        "../../fixtures/webhook-customer.json"
    )));
    let by_hook = records(Entity::Customers, &hook).unwrap();
    assert_eq!(sorted(by_hook), sorted(by_page));

    let by_page = records(Entity::Orders, &fixture(ORDER)).unwrap();
    let hook = rest::order(&fixture(include_str!("../../fixtures/webhook-order.json")));
    let mut by_hook = records(Entity::Orders, &hook).unwrap();
    // What only webhooks tell keeps its name.
    let only_there = ["refunds", "note_attributes", "discount_codes"];
    by_hook[0]
        .attributes
        .retain(|it| !only_there.contains(&it.name.as_str()));
    assert_eq!(sorted(by_hook), sorted(by_page));
}

/// Attributes by name; the order of members in JSON means nothing.
pub(super) fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    fn plain(value: &mut Value) {
        if let Value::Json(text) = value {
            let parsed: crosspoint_sdk::serde_json::Value =
                crosspoint_sdk::serde_json::from_str(text).unwrap();
            *text = parsed.to_string();
        }
    }
    for record in &mut records {
        record.attributes.sort_by(|a, b| a.name.cmp(&b.name));
        record
            .attributes
            .iter_mut()
            .for_each(|it| plain(&mut it.value));
        if let Body::Order(order) = &mut record.body {
            for line in &mut order.lines {
                line.attributes.sort_by(|a, b| a.name.cmp(&b.name));
                line.attributes
                    .iter_mut()
                    .for_each(|it| plain(&mut it.value));
            }
        }
    }
    records
}

#[test]
fn what_is_wrong_is_named_and_can_be_tried_again() {
    let node = fixture(&ORDER.replace("\"24.90\"", "\"24,90 or so\""));
    let fault = records(Entity::Orders, &node).unwrap_err();
    assert_eq!(fault.field, "totalPriceSet");
    let raw = map::quarantined(Entity::Orders, &node);
    assert_eq!(map::from_quarantine(Entity::Orders, &raw).unwrap(), node);
    assert!(map::from_quarantine(Entity::Products, &raw).is_err());
    assert!(records(Entity::Products, &Json::Text("no object".to_owned())).is_err());
}
