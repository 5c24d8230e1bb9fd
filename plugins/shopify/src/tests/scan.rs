use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Budget, Error, Page, Record, Source};
use proptest::prelude::*;

use super::{answered, configured, graphql, variables};
use crate::Shopify;
use crate::cursor::Cursor;

const WIDE: Budget = Budget {
    records: 1_000,
    bytes: 1 << 20,
};

fn customer(number: u32, at: &str) -> Value {
    json!({
        "id": format!("gid://shopify/Customer/{number}"), "updatedAt": at,
        "defaultEmailAddress": {
            "emailAddress": format!("c{number}@example.test"),
            "marketingState": "SUBSCRIBED", "marketingUpdatedAt": "2026-01-01T00:00:00Z",
        },
    })
}

fn order(number: u32, at: &str) -> Value {
    json!({
        "id": format!("gid://shopify/Order/{number}"), "updatedAt": at, "processedAt": at,
        "totalPriceSet": { "shopMoney": { "amount": "1.00", "currencyCode": "EUR" } },
        "lineItems": { "pageInfo": { "hasNextPage": false }, "nodes": [] },
    })
}

fn list(root: &str, nodes: &[Value], more: bool) -> Value {
    let edges: Vec<_> = nodes
        .iter()
        .map(|node| json!({ "cursor": format!("at-{}", node["id"]), "node": node }))
        .collect();
    let end = edges.last().map(|edge| edge["cursor"].clone());
    json!({ root: { "pageInfo": { "hasNextPage": more, "endCursor": end }, "edges": edges } })
}

fn read(test: &TestContext, stream: &str, cursor: Option<&[u8]>, budget: Budget) -> Page {
    Shopify::read(
        &test.context(),
        &configured(json!({})),
        stream,
        cursor,
        budget,
    )
    .unwrap()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

#[test]
fn a_sweep_goes_on_until_the_end_and_begins_a_day_earlier() {
    let test = TestContext::default();
    let first = [
        customer(1, "2026-03-02T00:00:00Z"),
        customer(2, "2026-03-05T03:04:05Z"),
    ];
    test.http.push(answered(list("customers", &first, true)));
    let second = [customer(3, "2026-03-06T00:00:00Z")];
    test.http.push(answered(list("customers", &second, false)));
    let page = read(&test, "customers", None, WIDE);
    assert_eq!(page.records.len(), 6);
    assert!(!page.more);
    assert_eq!(
        variables(&test, 0),
        json!({ "first": 50, "after": null, "query": null })
    );
    assert_eq!(
        variables(&test, 1)["after"],
        "at-\"gid://shopify/Customer/2\""
    );

    // Found again: the third is passed over, a fourth comes, and the first has changed.
    let again = [
        customer(3, "2026-03-06T00:00:00Z"),
        customer(4, "2026-03-06T00:00:00Z"),
        customer(1, "2026-03-07T00:00:00Z"),
    ];
    test.http.push(answered(list("customers", &again, false)));
    let page = read(&test, "customers", Some(&page.next_cursor), WIDE);
    assert_eq!(
        variables(&test, 2)["query"],
        "updated_at:>='2026-03-05T00:00:00Z'"
    );
    assert_eq!(
        ids(&page.records),
        [
            "4",
            "4/consent/email-marketing",
            "1",
            "1/consent/email-marketing"
        ]
    );
    test.http.push(answered(list("customers", &again, false)));
    let idle = read(&test, "customers", Some(&page.next_cursor), WIDE);
    assert!(idle.records.is_empty());
    assert_eq!(idle.next_cursor, page.next_cursor);
    test.http.assert_done();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever the budget, reading on from each cursor gives what one read gives.
    #[test]
    fn every_cursor_continues(count in 1_u32..7, budget in 1_u32..9) {
        let nodes: Vec<_> = (1..=count)
            .map(|number| customer(number, &format!("2026-03-0{number}T00:00:00Z")))
            .collect();
        let mut cursor: Option<Vec<u8>> = None;
        let mut got = Vec::new();
        // What the shop has behind each of its cursors.
        let shop = |after: &Value| -> usize {
            let found = nodes.iter().position(|node| json!(format!("at-{}", node["id"])) == *after);
            found.map_or(0, |at| at + 1)
        };
        for _ in 0..50 {
            let test = TestContext::default();
            let position: Value = match &cursor {
                Some(bytes) => {
                    let plain: Value = crosspoint_sdk::serde_json::from_slice(bytes).unwrap();
                    plain["after"].clone()
                }
                None => Value::Null,
            };
            let mut start = shop(&position);
            // As many pages as the call may ask for; the rest of the script stays unused.
            let mut left = budget;
            loop {
                let end = (start + left as usize).min(nodes.len());
                test.http.push(answered(list("customers", &nodes[start..end], end < nodes.len())));
                if end >= nodes.len() || end == start { break; }
                left = left.saturating_sub(2 * (end - start) as u32);
                start = end;
                if left == 0 { break; }
            }
            let page = read(&test, "customers", cursor.as_deref(), Budget { records: budget, bytes: 1 << 20 });
            prop_assert!(page.records.len() as u32 <= budget);
            prop_assert!(!page.more || cursor.as_ref() != Some(&page.next_cursor));
            got.extend(ids(&page.records).into_iter().map(str::to_owned));
            let more = page.more;
            cursor = Some(page.next_cursor);
            if !more { break; }
        }
        let wanted: Vec<_> = (1..=count)
            .flat_map(|number| [number.to_string(), format!("{number}/consent/email-marketing")])
            .collect();
        prop_assert_eq!(got, wanted);
    }
}

#[test]
fn an_ignored_filter_brings_nothing_twice() {
    let test = TestContext::default();
    let mut cursor = Cursor::start();
    cursor.since = Some(1_772_420_645_500);
    let all = [
        order(1, "2026-01-01T00:00:00Z"),
        order(2, "2026-03-02T03:04:05Z"),
    ];
    test.http.push(answered(list("orders", &all, false)));
    let page = read(&test, "orders", Some(&cursor.encode().unwrap()), WIDE);
    assert_eq!(ids(&page.records), ["2"]);
    assert_eq!(
        variables(&test, 0)["query"],
        "updated_at:>='2026-03-02T03:04:05Z' test:false"
    );
}

#[test]
fn further_lines_are_fetched() {
    let test = TestContext::default();
    let line =
        |number: u32| json!({ "id": format!("gid://shopify/LineItem/{number}"), "quantity": 1 });
    let mut node = order(1, "2026-03-01T00:00:00Z");
    node["lineItems"] =
        json!({ "pageInfo": { "hasNextPage": true, "endCursor": "l1" }, "nodes": [line(1)] });
    test.http.push(answered(list("orders", &[node], false)));
    for (number, more) in [(2, true), (3, false)] {
        test.http.push(answered(json!({ "order": { "lineItems": {
            "pageInfo": { "hasNextPage": more, "endCursor": format!("l{number}") },
            "nodes": [line(number)] } } })));
    }
    let page = read(&test, "orders", None, WIDE);
    let crosspoint_sdk::Body::Order(order) = &page.records[0].body else {
        panic!()
    };
    let lines: Vec<_> = order
        .lines
        .iter()
        .filter_map(|line| line.id.as_deref())
        .collect();
    assert_eq!(lines, ["1", "2", "3"]);
    assert_eq!(variables(&test, 2)["after"], "l2");
    test.http.assert_done();
}

#[test]
fn costs_decide_how_many_are_asked_for() {
    let test = TestContext::default();
    let costly = r#"{"errors":[{"message":"Query cost is 1200","extensions":{"code":"MAX_COST_EXCEEDED"}}]}"#;
    test.http.push(graphql().answer(200, costly));
    let body = json!({
        "data": list("orders", &[order(1, "2026-03-01T00:00:00Z")], true),
        "extensions": { "cost": { "requestedQueryCost": 90.0 } },
    });
    test.http.push(graphql().answer(200, body.to_string()));
    test.http.push(answered(list("orders", &[], false)));
    read(&test, "orders", None, WIDE);
    let asked: Vec<_> = (0..3)
        .map(|at| variables(&test, at)["first"].clone())
        .collect();
    assert_eq!(asked, [json!(10), json!(5), json!(5)]);

    let test = TestContext::default();
    test.http.push(graphql().answer(200, body.to_string()));
    test.http.push(answered(list("orders", &[], false)));
    read(&test, "orders", None, WIDE);
    assert_eq!(variables(&test, 1)["first"], 100);
}

#[test]
fn what_was_read_before_a_fault_is_kept() {
    let settings = configured(json!({}));
    let throttled = r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":500,"throttleStatus":{"maximumAvailable":2000.0,"currentlyAvailable":300.0,"restoreRate":100.0}}}}"#;
    let test = TestContext::default();
    test.http.push(answered(list(
        "orders",
        &[order(1, "2026-03-01T00:00:00Z")],
        true,
    )));
    test.http.push(graphql().answer(200, throttled));
    let page = read(&test, "orders", None, WIDE);
    assert_eq!((page.records.len(), page.more), (1, true));
    test.http.push(graphql().answer(200, throttled));
    let error = Shopify::read(
        &test.context(),
        &settings,
        "orders",
        Some(&page.next_cursor),
        WIDE,
    );
    assert_eq!(
        error.unwrap_err(),
        Error::RateLimited(Some(17_000)),
        "until the bucket is full: the call asks from its beginning"
    );

    // A look back that brings nothing new, yet the next call need not ask for it again.
    let test = TestContext::default();
    let orders = [1, 2].map(|number| order(number, "2026-03-01T00:00:00Z"));
    test.http.push(answered(list("orders", &orders, false)));
    let swept = read(&test, "orders", None, WIDE);
    test.http.push(answered(list("orders", &orders[..1], true)));
    test.http.push(graphql().answer(200, throttled));
    let back = read(&test, "orders", Some(&swept.next_cursor), WIDE);
    assert_eq!((back.records.len(), back.more), (0, true));
    test.http
        .push(answered(list("orders", &orders[1..], false)));
    let rest = read(&test, "orders", Some(&back.next_cursor), WIDE);
    assert_eq!((rest.records.len(), rest.more), (0, false));
    assert_eq!(
        variables(&test, 3)["after"],
        format!("at-{}", orders[0]["id"])
    );
}

#[test]
fn faults_have_their_class() {
    let class = |exchange: Exchange| {
        let test = TestContext::default();
        test.http.push(exchange);
        let settings = configured(json!({}));
        Shopify::read(&test.context(), &settings, "products", None, WIDE).unwrap_err()
    };
    let status = |status: u16| class(graphql().answer(status, "<html>"));
    for code in [401, 402, 403, 423] {
        assert!(matches!(status(code), Error::Auth(_)), "{code}");
    }
    for code in [301, 404] {
        assert!(matches!(status(code), Error::Invalid { .. }), "{code}");
    }
    for code in [200, 408, 409, 500, 502, 504] {
        assert!(matches!(status(code), Error::Transient(_)), "{code}");
    }
    assert_eq!(
        class(graphql().answer(429, "").answer_header("retry-after", "2")),
        Error::RateLimited(Some(2_000))
    );
    assert!(matches!(
        class(graphql().answer(200, r#"{"data":{"prod"#)),
        Error::Transient(_)
    ));
    let internal = r#"{"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#;
    assert!(matches!(
        class(graphql().answer(200, internal)),
        Error::Transient(_)
    ));
    assert!(matches!(
        class(graphql().answer(200, r#"{"errors":"Not Found"}"#)),
        Error::Fatal(_)
    ));
}

#[test]
fn strange_cursors_start_over() {
    let settings = configured(json!({}));
    let test = TestContext::default();
    for bytes in [
        &b"?"[..],
        b"{}",
        br#"{"v":2}"#,
        br#"{"v":1,"more":true}"#,
        b"null",
    ] {
        let error = Shopify::read(&test.context(), &settings, "orders", Some(bytes), WIDE);
        assert!(matches!(error, Err(Error::CursorExpired(_))), "{bytes:?}");
    }
    let mut ahead = Cursor::start();
    ahead.since = Some(4_000_000_000_000);
    let ahead = ahead.encode().unwrap();
    let date = "Sun, 22 Nov 2026 05:00:00 GMT";
    test.http
        .push(answered(list("orders", &[], false)).answer_header("date", date));
    let error = Shopify::read(&test.context(), &settings, "orders", Some(&ahead), WIDE);
    assert!(matches!(error, Err(Error::CursorExpired(_))));
}

#[test]
fn a_poisoned_object_goes_alone() {
    let test = TestContext::default();
    let mut poisoned = order(2, "2026-03-02T00:00:00Z");
    poisoned["totalPriceSet"] = Value::Null;
    let nodes = [
        order(1, "2026-03-01T00:00:00Z"),
        poisoned,
        order(3, "2026-03-03T00:00:00Z"),
    ];
    test.http.push(answered(list("orders", &nodes, false)));
    let page = read(&test, "orders", None, WIDE);
    assert_eq!(ids(&page.records), ["1", "3"]);
    assert_eq!(page.rejects[0].locator, "orders/2");
    assert_eq!(page.rejects[0].field.as_deref(), Some("totalPriceSet"));
    let raw = vec![page.rejects[0].raw.clone()];
    let settings = configured(json!({}));
    let again = Shopify::retry(&test.context(), &settings, "orders", raw).unwrap();
    assert_eq!(again.rejects, page.rejects);
}

#[test]
fn checkouts_go_back_to_when_the_sweep_began() {
    let test = TestContext::default();
    let cart = |number: u32, at: &str| {
        json!({
        "id": format!("gid://shopify/AbandonedCheckout/{number}"), "updatedAt": at })
    };
    let nodes = [
        cart(1, "2026-11-22T04:00:00Z"),
        cart(2, "2026-11-22T06:00:00Z"),
    ];
    let date = "Sun, 22 Nov 2026 05:00:00 GMT";
    test.http
        .push(answered(list("abandonedCheckouts", &nodes, false)).answer_header("date", date));
    let page = read(&test, "carts", None, WIDE);
    test.http
        .push(answered(list("abandonedCheckouts", &[], false)));
    read(&test, "carts", Some(&page.next_cursor), WIDE);
    assert_eq!(
        variables(&test, 1)["query"],
        "updated_at:>='2026-11-22T04:50:00Z'"
    );
}

#[test]
fn another_api_version_is_told() {
    let test = TestContext::default();
    test.http.push(
        answered(list("orders", &[], false)).answer_header("x-shopify-api-version", "2027-01"),
    );
    let page = read(&test, "orders", None, WIDE);
    assert!(page.notices[0].contains("2027-01"), "{:?}", page.notices);
}
