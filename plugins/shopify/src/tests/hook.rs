use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Received, RecordKind, Source, WebhookHeader, WebhookRequest};

use super::configured;
use crate::Shopify;

const RECEIVED_AT: i64 = 1_800_000_000_000;

fn receive(topic: &str, body: &str) -> Received {
    let header = |name: &str, value: &str| WebhookHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let request = WebhookRequest {
        method: "POST".to_owned(),
        path: String::new(),
        query: String::new(),
        headers: vec![
            header("shopify-topic", topic),
            header("x-shopify-triggered-at", "2026-11-22T05:00:00.123Z"),
        ],
        body: body.as_bytes().to_vec(),
        received_at: RECEIVED_AT,
    };
    let test = TestContext::default();
    Shopify::receive(&test.context(), &configured(json!({})), request).unwrap()
}

#[test]
fn objects_come_as_records() {
    let received = receive(
        "customers/update",
        include_str!("../../fixtures/webhook-customer.json"),
    );
    assert_eq!(received.parts[0].stream, "customers");
    assert_eq!(received.parts[0].records.len(), 2);
    let order = include_str!("../../fixtures/webhook-order.json");
    let received = receive("orders/paid", order);
    assert_eq!(received.parts[0].records[0].id, "5001");
    // What was paid back stands in no single field.
    let received = receive(
        "orders/updated",
        &order.replace("\"paid\"", "\"partially_refunded\""),
    );
    assert_eq!(
        (received.parts.len(), received.poke),
        (0, vec!["orders".to_owned()])
    );
    let received = receive(
        "orders/paid",
        &order.replace("\"test\":false", "\"test\":true"),
    );
    assert!(received.parts.is_empty());
}

#[test]
fn deletions_are_tombstones() {
    let tombstone = |received: &Received| {
        let record = &received.parts[0].records[0];
        match &record.body {
            Body::Tombstone(it) => (record.id.clone(), it.kind, it.erasure, it.deleted_at),
            _ => panic!(),
        }
    };
    let at = 1_795_323_600_123;
    assert_eq!(
        tombstone(&receive("orders/delete", r#"{"id":5001}"#)),
        ("5001".to_owned(), RecordKind::Order, false, at)
    );
    let body = r#"{"shop_id":1,"customer":{"id":7001,"email":"a@example.test"},"orders_to_redact":[5001,5002]}"#;
    let received = receive("customers/redact", body);
    assert_eq!(
        tombstone(&received),
        ("7001".to_owned(), RecordKind::Contact, true, at)
    );
    assert_eq!(received.parts[1].records.len(), 2);
    let received = receive(
        "customers/redact",
        r#"{"customer":{"email":"a@example.test"}}"#,
    );
    assert_eq!(received.parts[0].rejects.len(), 1);
}

#[test]
fn what_is_not_complete_is_read() {
    for (topic, stream) in [
        ("products/update", "products"),
        ("checkouts/create", "carts"),
        ("customer.tags_added", "customers"),
        ("customers_email_marketing_consent/update", "customers"),
        ("refunds/create", "orders"),
    ] {
        let received = receive(topic, r#"{"id":1}"#);
        assert_eq!(
            (received.parts.len(), received.poke),
            (0, vec![stream.to_owned()]),
            "{topic}"
        );
    }
}

#[test]
fn what_cannot_be_understood_is_rejected_and_never_an_error() {
    for (topic, body) in [
        ("customers/update", "not json"),
        ("customers/update", "[]"),
        ("orders/create", r#"{"id":1}"#),
        ("themes/publish", r#"{"id":1}"#),
        ("", ""),
        ("shop/redact", r#"{"shop_id":1}"#),
    ] {
        let received = receive(topic, body);
        let rejects: usize = received.parts.iter().map(|part| part.rejects.len()).sum();
        assert_eq!(rejects, 1, "{topic}");
        assert!(received.parts.iter().all(|part| part.records.is_empty()));
    }
}
