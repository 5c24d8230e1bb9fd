//! The CDNOW purchase history, first lines of both files. See `fixtures/README.md`.

use crosspoint_sdk::Identifier;
use crosspoint_sdk::model::{Money, OrderStatus};

use super::*;

fn records() -> Json {
    json!({
        "kind": "order",
        "identifiers": { "customer": "customer_id" },
        "fields": {
            "placed_at": { "column": "date", "format": "%Y%m%d" },
            "total": "dollar_value",
            "line.quantity": "number_of_cds",
        },
        "ignore": ["sample_id"],
    })
}

fn master() -> Settings {
    parse(&json!({ "format": "whitespace", "currency": "USD", "records": records() }))
}

fn sample() -> Settings {
    parse(&json!({
        "format": "whitespace",
        "header": false,
        "columns": ["customer_id", "sample_id", "date", "number_of_cds", "dollar_value"],
        "currency": "USD",
        "records": records(),
    }))
}

fn check(settings: &Settings, content: &[u8], rows: usize, first: (&str, &str, i64, &str, &str)) {
    let page = read(settings, content);
    assert_eq!(rejects(&page), []);
    assert_eq!(page.records.len(), rows);
    let (id, customer, placed_at, quantity, total) = first;
    let record = &page.records[0];
    assert_eq!(record.id, id);
    assert_eq!(record.updated_at, placed_at);
    assert_eq!(
        record.identifiers,
        [Identifier::Customer(customer.to_owned())]
    );
    assert_eq!(record.attributes, []);
    let Body::Order(order) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(order.placed_at, placed_at);
    assert_eq!(order.total, Money::new(total, "USD"));
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(order.lines.len(), 1);
    assert_eq!(order.lines[0].quantity, quantity);
}

#[test]
fn master_needs_settings_only() {
    let content = include_bytes!("../../fixtures/cdnow-master-head.txt");
    let first = ("feed.csv#2", "00001", 9862 * DAY_MS, "1", "11.77");
    check(&master(), content, 19, first);
}

#[test]
fn sample_needs_settings_only() {
    let content = include_bytes!("../../fixtures/cdnow-sample-head.txt");
    let first = ("feed.csv#1", "00004", 9862 * DAY_MS, "2", "29.33");
    check(&sample(), content, 20, first);
}

#[test]
fn master_is_found_out_without_a_format() {
    let settings = parse(&json!({ "currency": "USD", "records": records() }));
    let content = include_bytes!("../../fixtures/cdnow-master-head.txt");
    assert_eq!(read(&settings, &content[..]).records.len(), 19);
}
