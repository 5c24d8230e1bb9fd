use crosspoint_sdk::model::{ConsentState, OrderStatus};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Body, Identifier, Money, Value};
use proptest::prelude::*;

use super::{configured, fixture};
use crate::decimal::{Fixed, sum};
use crate::entity::Entity;
use crate::map::{attribute, from_quarantine, records, rejected};

const ORDER: &str = include_str!("../../fixtures/order.json");

#[test]
fn a_customer_keeps_everything() {
    let settings = configured(json!({ "email_consent_key": "optin" }));
    let node = fixture(include_str!("../../fixtures/customer.json"));
    let made = records(&settings, Entity::Customers, &node).unwrap();
    assert_eq!(
        (made[0].id.as_str(), made[0].updated_at),
        ("25", 1_772_420_645_000)
    );
    assert_eq!(
        made[0].identifiers,
        [
            Identifier::Customer("25".to_owned()),
            Identifier::Email("ann@example.test".to_owned()),
            Identifier::Phone("+491700000000".to_owned()),
        ]
    );
    let Body::Contact(contact) = &made[0].body else {
        panic!()
    };
    assert_eq!(contact.last_name.as_deref(), Some("Lée 😀"));
    assert_eq!(
        contact.address.as_ref().unwrap().region,
        None,
        "empty is not a region"
    );
    assert_eq!(
        attribute(&made[0], "username"),
        Some(&Value::Text("ann".to_owned()))
    );
    let Some(Value::Json(meta)) = attribute(&made[0], "meta_data") else {
        panic!()
    };
    assert!(meta.contains("41.50"), "every digit: {meta}");
    let Body::Consent(consent) = &made[1].body else {
        panic!()
    };
    assert_eq!(
        (made[1].id.as_str(), consent.state),
        ("25/consent/email-marketing", ConsentState::Granted)
    );

    let other = configured(json!({ "email_consent_key": "optin", "consent_words": ["ja"] }));
    let made = records(&other, Entity::Customers, &node).unwrap();
    assert!(matches!(&made[1].body, Body::Consent(it) if it.state == ConsentState::Withdrawn));
    assert_eq!(
        records(&configured(json!({})), Entity::Customers, &node)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_order_adds_up() {
    let made = records(&configured(json!({})), Entity::Orders, &fixture(ORDER)).unwrap();
    assert_eq!(made.len(), 1, "a customer is no guest");
    let Body::Order(order) = &made[0].body else {
        panic!()
    };
    assert_eq!(order.total, Money::new("27.40", "EUR"));
    assert_eq!(order.refunded, Some(Money::new("5.50", "EUR")));
    assert_eq!(order.subtotal, Some(Money::new("25.00", "EUR")));
    assert_eq!(order.status, OrderStatus::PartiallyRefunded);
    assert_eq!(order.coupons, ["xp10"]);
    assert_eq!(order.lines[0].unit_price, Some(Money::new("11.25", "EUR")));
    assert_eq!(order.lines[0].total, Some(Money::new("22.50", "EUR")));
    assert_eq!(
        attribute(&made[0], "status"),
        Some(&Value::Text("processing".to_owned()))
    );
    assert_eq!(
        attribute(&made[0], "date_completed_gmt"),
        Some(&Value::Null)
    );

    let divided = ORDER.replace("11.25", "3.3333333333333333333333333333333333e0");
    let made = records(&configured(json!({})), Entity::Orders, &fixture(&divided)).unwrap();
    let Body::Order(order) = &made[0].body else {
        panic!()
    };
    assert_eq!(order.lines[0].unit_price, None);
    assert!(
        order.lines[0]
            .attributes
            .iter()
            .any(|it| it.name == "price")
    );
}

#[test]
fn guests_are_contacts() {
    let node = fixture(&ORDER.replace("\"customer_id\":25", "\"customer_id\":0"));
    let made = records(&configured(json!({})), Entity::Orders, &node).unwrap();
    assert_eq!(
        made[0].identifiers,
        [Identifier::Email("ann@example.test".to_owned())]
    );
    assert_eq!(made[1].id, "12/guest");
    assert!(matches!(&made[1].body, Body::Contact(it) if it.first_name.as_deref() == Some("Ann")));
    let without = configured(json!({ "guests": false }));
    assert_eq!(records(&without, Entity::Orders, &node).unwrap().len(), 1);
}

#[test]
fn what_lies_in_the_trash_is_gone() {
    let node = fixture(&ORDER.replace("\"processing\"", "\"trash\""));
    let made = records(&configured(json!({})), Entity::Orders, &node).unwrap();
    assert!(matches!(&made[0].body, Body::Tombstone(it) if it.deleted_at == made[0].updated_at));
}

#[test]
fn products_have_prices_where_the_currency_is_known() {
    let node = fixture(include_str!("../../fixtures/product.json"));
    for (currency, price) in [("", None), ("EUR", Some(Money::new("11.25", "EUR")))] {
        let settings = configured(json!({ "currency": currency }));
        let made = records(&settings, Entity::Products, &node).unwrap();
        let Body::Product(product) = &made[0].body else {
            panic!()
        };
        assert_eq!(product.price, price);
        assert_eq!(product.stock.as_deref(), Some("12"));
        assert!(product.available);
        assert_eq!(
            attribute(&made[0], "price"),
            Some(&Value::Text("11.25".to_owned()))
        );
    }
    let node = fixture(include_str!("../../fixtures/coupon.json"));
    let made = records(&configured(json!({})), Entity::Coupons, &node).unwrap();
    let Body::Content(coupon) = &made[0].body else {
        panic!()
    };
    assert_eq!(
        (coupon.kind.as_str(), coupon.title.as_str()),
        ("coupon", "xp10")
    );
    assert_eq!(coupon.expires_at, Some(1_798_758_000_000));
}

#[test]
fn what_is_wrong_is_named_and_can_be_tried_again() {
    let node = fixture(&ORDER.replace("\"27.40\"", "\"27,40\""));
    let fault = records(&configured(json!({})), Entity::Orders, &node).unwrap_err();
    assert_eq!(fault.field, "total");
    let reject = rejected(Entity::Orders, &node, fault);
    assert_eq!(reject.locator, "orders/12");
    assert_eq!(from_quarantine(Entity::Orders, &reject.raw).unwrap(), node);
    assert!(from_quarantine(Entity::Products, &reject.raw).is_err());
}

proptest! {
    /// Cents add up, however many places each amount is written with.
    #[test]
    fn sums_are_exact(cents in prop::collection::vec(-1_000_000_i64..1_000_000, 0..20)) {
        let texts: Vec<_> = cents.iter().map(|it| {
            let sign = if *it < 0 { "-" } else { "" };
            format!("{sign}{}.{:02}00", it.abs() / 100, it.abs() % 100)
        }).collect();
        let total = sum(texts.iter().map(String::as_str)).unwrap();
        let wanted: i64 = cents.iter().sum();
        let sign = if wanted < 0 { "" } else { "-" };
        let negated = format!("{sign}{}.{:02}", wanted.abs() / 100, wanted.abs() % 100);
        let difference = sum([total.text().as_str(), &negated]).unwrap();
        prop_assert!(difference.is_zero(), "{} and {negated}", total.text());
        prop_assert_eq!(Fixed::parse(&total.text()), Some(total));
    }
}
