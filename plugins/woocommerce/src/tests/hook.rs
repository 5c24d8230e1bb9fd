use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Received, RecordKind, Source, WebhookHeader, WebhookRequest};

use super::{configured, fixture};
use crate::WooCommerce;
use crate::entity::Entity;
use crate::map::records;

fn receive(topic: &str, body: &str) -> Received {
    let request = WebhookRequest {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: vec![WebhookHeader {
            name: "x-wc-webhook-topic".to_owned(),
            value: topic.to_owned(),
        }],
        body: body.as_bytes().to_vec(),
        received_at: 1_800_000_000_000,
    };
    let test = TestContext::default();
    WooCommerce::receive(&test.context(), &configured(json!({})), request).unwrap()
}

#[test]
fn a_webhook_makes_the_same_record() {
    let settings = configured(json!({}));
    for (topic, entity, text) in [
        (
            "order.updated",
            Entity::Orders,
            include_str!("../../fixtures/order.json"),
        ),
        (
            "customer.created",
            Entity::Customers,
            include_str!("../../fixtures/customer.json"),
        ),
        (
            "product.restored",
            Entity::Products,
            include_str!("../../fixtures/product.json"),
        ),
        (
            "coupon.updated",
            Entity::Coupons,
            include_str!("../../fixtures/coupon.json"),
        ),
    ] {
        let received = receive(topic, text);
        assert_eq!(received.parts[0].stream, entity.stream());
        let wanted = records(&settings, entity, &fixture(text)).unwrap();
        assert_eq!(received.parts[0].records, wanted, "{topic}");
    }
}

#[test]
fn an_object_that_went_before_the_call_is_looked_for() {
    let error = r#"{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}"#;
    for body in [r#"{"id":1}"#, error] {
        let received = receive("order.updated", body);
        assert!(received.parts.is_empty(), "{body}");
        assert_eq!(received.poke, ["orders"], "{body}");
    }
}

#[test]
fn deletions_are_tombstones_and_nonsense_is_rejected() {
    let received = receive("customer.deleted", r#"{"id":25}"#);
    let record = &received.parts[0].records[0];
    assert!(matches!(&record.body, Body::Tombstone(it) if it.kind == RecordKind::Contact));
    assert_eq!(
        (record.id.as_str(), record.updated_at),
        ("25", 1_800_000_000_000)
    );
    for (topic, body) in [
        ("action.woocommerce_add_to_cart", "{}"),
        ("order.updated", "<html>"),
        ("order.deleted", "{}"),
        ("order.shipped", r#"{"id":1}"#),
        ("", ""),
    ] {
        let received = receive(topic, body);
        assert_eq!(received.parts[0].rejects.len(), 1, "{topic} {body}");
        assert!(received.parts[0].records.is_empty());
    }
}
