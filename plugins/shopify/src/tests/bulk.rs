use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Body, Budget, Error, Page, Source};

use super::map::sorted;
use super::{answered, configured, fixture, variables};
use crate::Shopify;
use crate::entity::Entity;
use crate::map::records;

const FILE: &str = "https://storage.googleapis.com/x/result.jsonl";

const BUDGET: Budget = Budget {
    records: 1_000,
    bytes: 1 << 20,
};

fn read(test: &TestContext, cursor: Option<&[u8]>, budget: Budget) -> Result<Page, Error> {
    let settings = configured(json!({ "bulk_history": true }));
    Shopify::read(&test.context(), &settings, "orders", cursor, budget)
}

fn started(test: &TestContext) -> Page {
    test.http.push(answered(json!({ "bulkOperationRunQuery": {
        "bulkOperation": { "id": "gid://shopify/BulkOperation/1", "createdAt": "2026-11-22T05:00:00Z" },
        "userErrors": [] } })));
    read(test, None, BUDGET).unwrap()
}

fn operation(status: &str, url: Option<&str>, count: &str) -> Exchange {
    answered(json!({ "bulkOperation": {
        "id": "gid://shopify/BulkOperation/1", "status": status, "url": url, "objectCount": count } }))
}

fn file(text: &str) -> Exchange {
    Exchange::expect(Method::Get, FILE).answer(200, text)
}

/// The fixture as a bulk operation writes it, twice, under other numbers.
fn lines() -> Vec<String> {
    let mut out = Vec::new();
    for number in [5001, 5002] {
        let text = include_str!("../../fixtures/order.json").replace("5001", &number.to_string());
        let mut order: Value = crosspoint_sdk::serde_json::from_str(&text).unwrap();
        let mut items = order["lineItems"]["nodes"].clone();
        order.as_object_mut().unwrap().remove("lineItems");
        items[0]["__parentId"] = order["id"].clone();
        out.push(order.to_string());
        out.push(items[0].to_string());
    }
    out
}

fn totals(page: &Page) -> Vec<(String, usize)> {
    let lines = |body: &Body| match body {
        Body::Order(order) => order.lines.len(),
        _ => panic!(),
    };
    let records = page.records.iter();
    records
        .map(|record| (record.id.clone(), lines(&record.body)))
        .collect()
}

#[test]
fn bulk_equals_pages() {
    let test = TestContext::default();
    let page = started(&test);
    assert!(page.more && page.records.is_empty());
    let query = variables(&test, 0)["query"].as_str().unwrap().to_owned();
    assert!(
        query.contains("orders(query: \"test:false\")") && query.contains("lineItems(first: 250)")
    );

    test.http.push(operation("RUNNING", None, "0"));
    let waiting = read(&test, Some(&page.next_cursor), BUDGET);
    assert_eq!(waiting.unwrap_err(), Error::RateLimited(Some(5_000)));

    test.http.push(operation("COMPLETED", Some(FILE), "4"));
    test.http.push(file(&lines().join("\n")));
    let page = read(&test, Some(&page.next_cursor), BUDGET).unwrap();
    let wanted = records(
        Entity::Orders,
        &fixture(include_str!("../../fixtures/order.json")),
    )
    .unwrap();
    assert_eq!(sorted(vec![page.records[0].clone()]), sorted(wanted));
    assert_eq!(page.records.len(), 2);
    assert!(page.more, "what changed since it began is still to be read");
    let empty = json!({ "orders": { "pageInfo": { "hasNextPage": false }, "edges": [] } });
    test.http.push(answered(empty));
    let page = read(&test, Some(&page.next_cursor), BUDGET).unwrap();
    assert!(!page.more);
    let last = test.http.requests().len() - 1;
    assert_eq!(
        variables(&test, last)["query"],
        "updated_at:>='2026-11-22T04:50:00Z' test:false"
    );
    test.http.assert_done();
}

#[test]
fn every_cursor_of_the_file_continues() {
    let one = Budget {
        records: 1,
        bytes: 1 << 20,
    };
    let lines = lines();
    let scattered = [&lines[0], &lines[2], &lines[1], &lines[3]]
        .map(String::as_str)
        .join("\n");
    for text in [lines.join("\n"), lines.join("\n") + "\n", scattered] {
        let test = TestContext::default();
        let mut page = started(&test);
        let mut got = Vec::new();
        for _ in 0..2 {
            test.http.push(operation("COMPLETED", Some(FILE), "4"));
            test.http.push(file(&text));
            // Scattered: once more from the beginning, all of it.
            if got.is_empty() && !text.starts_with(&lines[0..2].join("\n")) {
                test.http.push(file(&text));
            }
            page = read(&test, Some(&page.next_cursor), one).unwrap();
            got.extend(totals(&page));
        }
        assert_eq!(got, [("5001".to_owned(), 1), ("5002".to_owned(), 1)]);
        test.http.assert_done();
    }
}

#[test]
fn a_file_comes_in_parts() {
    let test = TestContext::default();
    let page = started(&test);
    let text = lines().join("\n");
    let (head, tail) = text.split_at(text.len() / 2 + 7);
    test.http.push(operation("COMPLETED", Some(FILE), "4"));
    let part = |text: &str, start: usize, whole: usize| {
        let range = format!("bytes {start}-{}/{whole}", start + text.len() - 1);
        Exchange::expect(Method::Get, FILE)
            .answer(206, text)
            .answer_header("content-range", &range)
    };
    test.http
        .push(part(head, 0, text.len()).with_header("range", "bytes=0-2097151"));
    test.http.push(part(tail, head.len(), text.len()));
    let page = read(&test, Some(&page.next_cursor), BUDGET).unwrap();
    assert_eq!(
        totals(&page),
        [("5001".to_owned(), 1), ("5002".to_owned(), 1)]
    );
    test.http.assert_done();
}

#[test]
fn without_a_file_the_history_is_read_page_by_page() {
    let empty = json!({ "orders": { "pageInfo": { "hasNextPage": false }, "edges": [] } });
    let faults: [Vec<Exchange>; 4] = [
        vec![operation("FAILED", None, "0")],
        vec![operation("COMPLETED", None, "7")],
        vec![
            operation("COMPLETED", Some(FILE), "7"),
            Exchange::expect(Method::Get, FILE).answer(404, "gone"),
        ],
        vec![
            operation("COMPLETED", Some(FILE), "7"),
            Exchange::expect(Method::Get, FILE).fail(HttpError::Denied("host".to_owned())),
        ],
    ];
    for exchanges in faults {
        let test = TestContext::default();
        let page = started(&test);
        exchanges.into_iter().for_each(|it| test.http.push(it));
        test.http.push(answered(empty.clone()));
        let page = read(&test, Some(&page.next_cursor), BUDGET).unwrap();
        assert!(!page.more && page.notices.len() == 1, "{:?}", page.notices);
        test.http.assert_done();
    }
    // Refused at once.
    let test = TestContext::default();
    test.http.push(answered(json!({ "bulkOperationRunQuery": {
        "bulkOperation": null, "userErrors": [{ "code": "OPERATION_IN_PROGRESS" }] } })));
    test.http.push(answered(empty));
    assert!(!read(&test, None, BUDGET).unwrap().more);
    // Nothing matched: no file, and nothing is missing.
    let test = TestContext::default();
    let page = started(&test);
    test.http.push(operation("COMPLETED", None, "0"));
    let page = read(&test, Some(&page.next_cursor), BUDGET).unwrap();
    assert!(page.more && page.notices.is_empty());
}
