use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Budget, Error, Page, Record, Source};

use super::{API, configured};
use crate::{Settings, WooCommerce};

const WIDE: Budget = Budget {
    records: 1_000,
    bytes: 1 << 20,
};

/// A product that changed so many seconds after midnight of 2026-03-02.
fn product(id: u32, second: i64) -> Value {
    let at = instant::to_rfc3339((1_772_409_600 + second) * 1000);
    json!({ "id": id, "name": "Mug", "date_modified_gmt": at.trim_end_matches('Z') })
}

fn customer(id: u32, second: i64) -> Value {
    let mut row = product(id, second);
    row["email"] = json!(format!("c{id}@example.test"));
    row
}

fn dated(size: u32, page: u32, after: &str) -> String {
    let after = match after {
        "" => String::new(),
        at => format!("&modified_after=2026-03-0{at}&dates_are_gmt=true").replace(':', "%3A"),
    };
    format!(
        "{API}/products?per_page={size}&page={page}&orderby=modified&order=asc&status=any{after}"
    )
}

fn scanned(offset: u32) -> String {
    format!("{API}/customers?per_page=2&offset={offset}&orderby=id&order=asc&role=all")
}

fn rows(url: &str, rows: &[Value]) -> Exchange {
    Exchange::expect(Method::Get, url)
        .answer(200, json!(rows).to_string())
        .answer_header("date", "Mon, 02 Mar 2026 01:00:00 GMT")
}

fn read(
    test: &TestContext,
    settings: &Settings,
    stream: &str,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Page {
    WooCommerce::read(&test.context(), settings, stream, cursor, budget).unwrap()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.id.as_str()).collect()
}

#[test]
fn changes_are_asked_for_in_utc() {
    let settings = configured(json!({}));
    let test = TestContext::default();
    test.http
        .push(rows(&dated(50, 1, ""), &[product(1, 3_600)]));
    let page = read(&test, &settings, "products", None, WIDE);
    assert_eq!((ids(&page.records), page.more), (vec!["1"], false));
    // A minute before the newest change; what is found again is passed over.
    test.http.push(rows(
        &dated(50, 1, "2T00:59:00"),
        &[product(1, 3_600), product(2, 3_601)],
    ));
    let page = read(&test, &settings, "products", Some(&page.next_cursor), WIDE);
    assert_eq!(ids(&page.records), ["2"]);
    test.http
        .push(rows(&dated(50, 1, "2T00:59:01"), &[product(2, 3_601)]));
    let idle = read(&test, &settings, "products", Some(&page.next_cursor), WIDE);
    assert_eq!((idle.records.len(), idle.more), (0, false));
    assert_eq!(idle.next_cursor, page.next_cursor);
    test.http.assert_done();
}

#[test]
fn rows_that_move_are_not_lost() {
    let settings = configured(json!({ "page_size": 2 }));
    let test = TestContext::default();
    test.http
        .push(rows(&dated(2, 1, ""), &[product(1, 10), product(2, 20)]));
    // The first was changed meanwhile and stands at the end; numbers of pages would skip the third.
    test.http.push(rows(
        &dated(2, 1, "2T00:00:19"),
        &[product(2, 20), product(3, 30)],
    ));
    test.http.push(rows(
        &dated(2, 1, "2T00:00:29"),
        &[product(3, 30), product(1, 40)],
    ));
    test.http
        .push(rows(&dated(2, 1, "2T00:00:39"), &[product(1, 40)]));
    let page = read(&test, &settings, "products", None, WIDE);
    assert_eq!(ids(&page.records), ["1", "2", "3", "1"]);
    test.http.assert_done();
}

#[test]
fn many_changes_in_one_second_are_paged() {
    let settings = configured(json!({ "page_size": 2 }));
    let test = TestContext::default();
    test.http
        .push(rows(&dated(2, 1, ""), &[product(1, 10), product(2, 10)]));
    test.http.push(rows(
        &dated(2, 1, "2T00:00:09"),
        &[product(1, 10), product(2, 10)],
    ));
    test.http.push(rows(
        &dated(2, 2, "2T00:00:09"),
        &[product(3, 10), product(4, 10)],
    ));
    test.http.push(rows(&dated(2, 3, "2T00:00:09"), &[]));
    let page = read(&test, &settings, "products", None, WIDE);
    assert_eq!(ids(&page.records), ["1", "2", "3", "4"]);
    test.http.assert_done();
}

#[test]
fn every_cursor_continues() {
    let settings = configured(json!({ "page_size": 2 }));
    let one = Budget {
        records: 1,
        bytes: 1 << 20,
    };
    let all = [product(1, 10), product(2, 20), product(3, 30)];
    let mut cursor: Option<Vec<u8>> = None;
    let mut got = Vec::new();
    for _ in 0..12 {
        let test = TestContext::default();
        let after = cursor.as_ref().and_then(|bytes| {
            let plain: Value = crosspoint_sdk::serde_json::from_slice(bytes).unwrap();
            plain["live"]["after_s"].as_i64()
        });
        let second = after.map_or(i64::MIN, |after| after - 1_772_409_600);
        let left: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(at, _)| (*at as i64 + 1) * 10 > second)
            .map(|(_, row)| row.clone())
            .take(2)
            .collect();
        let filter = after.map_or(String::new(), |after| {
            let at = instant::to_rfc3339(after * 1000);
            at.trim_end_matches('Z')
                .trim_start_matches("2026-03-0")
                .to_owned()
        });
        // Before midnight it is another month.
        let url = dated(2, 1, &filter).replace("2026-03-02026", "2026");
        test.http.push(rows(&url, &left));
        let page = read(&test, &settings, "products", cursor.as_deref(), one);
        got.extend(ids(&page.records).into_iter().map(str::to_owned));
        assert!(!page.more || cursor.as_ref() != Some(&page.next_cursor));
        let more = page.more;
        cursor = Some(page.next_cursor);
        if !more {
            break;
        }
    }
    assert_eq!(got, ["1", "2", "3"]);
}

#[test]
fn orders_in_the_trash_are_read_too() {
    let settings = configured(json!({}));
    let test = TestContext::default();
    let url = |status: &str| {
        format!("{API}/orders?per_page=50&page=1&orderby=modified&order=asc&status={status}")
    };
    test.http.push(rows(&url("any"), &[]));
    let trashed =
        json!({ "id": 12, "status": "trash", "date_modified_gmt": "2026-03-02T00:00:10" });
    test.http.push(rows(&url("trash"), &[trashed]));
    let page = read(&test, &settings, "orders", None, WIDE);
    assert!(matches!(
        page.records[0].body,
        crosspoint_sdk::Body::Tombstone(_)
    ));
    assert!(!page.more);
    test.http.assert_done();
}

#[test]
fn customers_are_swept_and_what_changed_is_handed_over() {
    let settings = configured(json!({ "page_size": 2 }));
    let test = TestContext::default();
    test.http
        .push(rows(&scanned(0), &[customer(1, 10), customer(2, 20)]));
    test.http
        .push(rows(&scanned(1), &[customer(2, 20), customer(3, 3_000)]));
    test.http.push(rows(&scanned(2), &[customer(3, 3_000)]));
    let page = read(&test, &settings, "customers", None, WIDE);
    assert_eq!(
        (ids(&page.records), page.more),
        (vec!["1", "2", "3"], false)
    );

    test.http
        .push(rows(&scanned(0), &[customer(1, 10), customer(2, 3_500)]));
    test.http
        .push(rows(&scanned(1), &[customer(2, 3_500), customer(3, 3_000)]));
    test.http.push(rows(&scanned(2), &[customer(3, 3_000)]));
    let page = read(&test, &settings, "customers", Some(&page.next_cursor), WIDE);
    assert_eq!(ids(&page.records), ["2"]);

    // A day later everything comes, since meta data change without a date.
    let tomorrow = Exchange::expect(Method::Get, &scanned(0))
        .answer(200, json!([customer(1, 10)]).to_string())
        .answer_header("date", "Tue, 03 Mar 2026 02:00:00 GMT");
    test.http.push(tomorrow);
    let page = read(&test, &settings, "customers", Some(&page.next_cursor), WIDE);
    assert_eq!(ids(&page.records), ["1"]);
    test.http.assert_done();
}

#[test]
fn deleted_rows_hide_no_others() {
    let settings = configured(json!({ "page_size": 2 }));
    let test = TestContext::default();
    test.http
        .push(rows(&scanned(0), &[customer(1, 10), customer(2, 20)]));
    // The first two are deleted: what stood third stands first now.
    test.http
        .push(rows(&scanned(1), &[customer(4, 40), customer(5, 50)]));
    test.http
        .push(rows(&scanned(0), &[customer(3, 30), customer(4, 40)]));
    test.http
        .push(rows(&scanned(1), &[customer(4, 40), customer(5, 50)]));
    test.http.push(rows(&scanned(2), &[customer(5, 50)]));
    let page = read(&test, &settings, "customers", None, WIDE);
    assert_eq!(ids(&page.records), ["1", "2", "3", "4", "5"]);
    test.http.assert_done();
}

#[test]
fn what_was_read_before_a_fault_is_kept() {
    let settings = configured(json!({ "page_size": 2 }));
    let test = TestContext::default();
    test.http
        .push(rows(&dated(2, 1, ""), &[product(1, 10), product(2, 20)]));
    let busy = || {
        Exchange::expect(Method::Get, &dated(2, 1, "2T00:00:19"))
            .answer(429, "")
            .answer_header("retry-after", "7")
    };
    test.http.push(busy());
    let page = read(&test, &settings, "products", None, WIDE);
    assert_eq!((page.records.len(), page.more), (2, true));
    test.http.push(busy());
    let error = WooCommerce::read(
        &test.context(),
        &settings,
        "products",
        Some(&page.next_cursor),
        WIDE,
    );
    assert_eq!(error.unwrap_err(), Error::RateLimited(Some(7_000)));
}

#[test]
fn faults_have_their_class() {
    let settings = configured(json!({}));
    let class = |status: u16, body: &str| {
        let test = TestContext::default();
        test.http
            .push(Exchange::expect(Method::Get, &dated(50, 1, "")).answer(status, body));
        WooCommerce::read(&test.context(), &settings, "products", None, WIDE).unwrap_err()
    };
    let view =
        r#"{"code":"woocommerce_rest_cannot_view","message":"<b>Sorry</b>","data":{"status":401}}"#;
    assert!(matches!(class(401, view), Error::Auth(text) if text.contains("oauth1_secret")));
    assert!(matches!(class(403, ""), Error::Auth(_)));
    assert!(
        matches!(class(404, r#"{"code":"rest_no_route"}"#), Error::Invalid { field, .. } if field == "url")
    );
    assert!(matches!(class(301, ""), Error::Invalid { .. }));
    assert!(matches!(
        class(400, r#"{"code":"rest_invalid_param"}"#),
        Error::Fatal(_)
    ));
    for status in [408, 409, 423, 500, 502, 503] {
        assert!(
            matches!(class(status, "<html>"), Error::Transient(_)),
            "{status}"
        );
    }
    assert!(matches!(class(200, "<html>"), Error::Transient(_)));
    assert!(matches!(class(200, r#"[{"id":1"#), Error::Transient(_)));
    for bytes in [
        &b"?"[..],
        b"{}",
        br#"{"v":2,"live":{"after_s":null,"pages":0,"size":0}}"#,
    ] {
        let test = TestContext::default();
        let error = WooCommerce::read(&test.context(), &settings, "orders", Some(bytes), WIDE);
        assert!(matches!(error, Err(Error::CursorExpired(_))), "{bytes:?}");
    }
}

#[test]
fn settings_decide_the_address() {
    let test = TestContext::default();
    let settings = configured(
        json!({ "url": "https://example.com/shop", "pretty_permalinks": false, "key_in_query": true }),
    );
    let url =
        "https://example.com/shop/?rest_route=%2Fwc%2Fv3%2Forders&consumer_key=ck_1&per_page=1";
    test.http
        .push(Exchange::expect(Method::Get, url).answer(200, "[]"));
    assert_eq!(
        <WooCommerce as Source>::check(&test.context(), &settings),
        Ok(())
    );
    for bad in [
        json!({ "url": "shop.example.com" }),
        json!({ "url": "https://user@shop.example.com" }),
        json!({ "url": "http://shop.example.com", "key_in_query": true }),
        json!({ "currency": "Euro" }),
        json!({ "consumer_key": " " }),
    ] {
        assert!(configured(bad.clone()).validate().is_err(), "{bad}");
    }
}
