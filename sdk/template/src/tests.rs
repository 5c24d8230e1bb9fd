//! Runs natively, with scripted answers in place of the vendor.

use crosspoint_sdk::http::Method;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Budget, Destination, Item, Outcome, Source, settings,
};

use crate::{STREAM, Settings, Shop};

fn configured() -> Settings {
    settings::parse(r#"{ "url": "https://shop.example.com" }"#).unwrap()
}

#[test]
fn a_page_becomes_contacts_and_a_cursor() {
    let test = TestContext::default();
    let answer = json!({
        "customers": [
            { "id": "7", "updated_at_ms": 5, "email": "ana@example.com", "shoe_size": 38 },
        ],
        "next": "p2",
    });
    let url = "https://shop.example.com/customers?limit=100&after=p1";
    let exchange = Exchange::expect(Method::Get, url);
    test.http.push(exchange.answer(200, answer.to_string()));
    let budget = Budget {
        records: 100,
        bytes: 1 << 20,
    };
    let page = Shop::read(&test.context(), &configured(), STREAM, Some(b"p1"), budget).unwrap();
    test.http.assert_done();
    assert_eq!((page.more, page.next_cursor.as_slice()), (true, &b"p2"[..]));
    let record = &page.records[0];
    assert_eq!((record.id.as_str(), record.updated_at), ("7", 5));
    assert_eq!(record.identifiers.len(), 2);
    assert_eq!(record.attributes[0].name, "shoe_size");
}

#[test]
fn each_item_has_the_outcome_of_its_own_request() {
    let test = TestContext::default();
    for (id, status) in [("p1", 204), ("p2", 422)] {
        let url = format!("https://shop.example.com/customers/{id}");
        let exchange = Exchange::expect(Method::Put, &url).with_json(json!({ "city": "Riga" }));
        test.http.push(exchange.answer(status, ""));
    }
    let item = |id: &str| Item {
        key: format!("key-{id}"),
        profile_id: id.to_owned(),
        identifiers: Vec::new(),
        list: None,
        fields: vec![Attribute::new("city", "Riga")],
        consents: Vec::new(),
        occurred_at: 0,
        attempt: 0,
    };
    let batch = Batch {
        action: ActionKind::UpsertContact,
        items: vec![item("p1"), item("p2")],
    };
    let outcomes = Shop::deliver(&test.context(), &configured(), batch).unwrap();
    test.http.assert_done();
    assert!(matches!(
        outcomes[..],
        [Outcome::Done(None), Outcome::Rejected(_)]
    ));
}
