use std::collections::BTreeSet;

use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Error, Page, Source};
use proptest::prelude::*;

use super::vendor::{Vendor, id};
use super::{budget, configured};
use crate::Salesforce;
use crate::cursor::Cursor;

const SECOND: i64 = 1_000;

/// Reads until caught up; `restart` reads every page a second time from its cursor, as after a
/// crash. Yields ids with their stamps, in order.
fn read_all(
    test: &TestContext,
    cursor: &mut Option<Vec<u8>>,
    records: u32,
    restart: bool,
) -> Vec<(String, i64)> {
    let settings = configured(json!({}));
    let ctx = test.context();
    let read = |cursor: &Option<Vec<u8>>| -> Page {
        let cursor = cursor.as_deref();
        <Salesforce as Source>::read(&ctx, &settings, "contacts", cursor, budget(records)).unwrap()
    };
    let mut found = Vec::new();
    for _ in 0..1_000 {
        let page = read(cursor);
        if restart {
            assert_eq!(read(cursor), page, "the same cursor gives the same page");
        }
        assert!(page.records.len() <= records as usize);
        found.extend(page.records.iter().map(|it| (it.id.clone(), it.updated_at)));
        assert!(
            !page.more || Some(&page.next_cursor) != cursor.as_ref(),
            "the cursor moves"
        );
        *cursor = Some(page.next_cursor);
        if !page.more {
            return found;
        }
    }
    panic!("never caught up");
}

#[test]
fn a_row_that_appears_late_is_found() {
    let vendor = Vendor::default();
    let newest = 1_770_000_000 * SECOND;
    vendor.0.borrow_mut().rows = vec![
        (id(1), newest - 3_600 * SECOND, false),
        (id(2), newest, false),
    ];
    let test = vendor.context();
    let mut cursor = None;
    assert_eq!(read_all(&test, &mut cursor, 100, false).len(), 2);
    assert_eq!(
        read_all(&test, &mut cursor, 100, false),
        [],
        "nothing twice"
    );
    vendor
        .0
        .borrow_mut()
        .rows
        .push((id(0), newest - 500 * SECOND, false));
    let late = read_all(&test, &mut cursor, 100, false);
    assert_eq!(late, [(id(0), newest - 500 * SECOND)]);
    assert_eq!(read_all(&test, &mut cursor, 100, false), []);
}

#[test]
fn rows_that_change_meanwhile_are_met_at_the_end() {
    let vendor = Vendor::default();
    let stamp = 1_770_000_000 * SECOND;
    vendor.0.borrow_mut().rows = (0..30)
        .map(|at| (id(at), stamp + at as i64 * SECOND, false))
        .collect();
    let test = vendor.context();
    let ctx = test.context();
    let settings = configured(json!({}));
    let first =
        <Salesforce as Source>::read(&ctx, &settings, "contacts", None, budget(10)).unwrap();
    assert!(first.more && first.records.len() == 10);
    for at in [3, 12, 29] {
        vendor.0.borrow_mut().rows[at].1 = stamp + (100 + at as i64) * SECOND;
    }
    let mut cursor = Some(first.next_cursor);
    let rest = read_all(&test, &mut cursor, 10, true);
    let ids: BTreeSet<_> = rest.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids, (10..30).chain([3]).map(id).collect());
    assert_eq!(rest.len(), 21, "nothing twice");
}

#[test]
fn deletions_are_tombstones() {
    let vendor = Vendor::default();
    let stamp = 1_770_000_000 * SECOND;
    vendor.0.borrow_mut().rows = vec![(id(1), stamp, true)];
    let test = vendor.context();
    let settings = configured(json!({}));
    let page =
        <Salesforce as Source>::read(&test.context(), &settings, "contacts", None, budget(10));
    let page = page.unwrap();
    let Body::Tombstone(tombstone) = &page.records[0].body else {
        panic!("{page:?}")
    };
    assert_eq!(
        (tombstone.deleted_at, page.records[0].id.as_str()),
        (stamp, id(1).as_str())
    );
}

#[test]
fn a_row_of_several_records_is_handed_over_in_parts() {
    let vendor = Vendor::default();
    vendor.0.borrow_mut().rows = (0..3)
        .map(|at| (id(at), 1_770_000_000 * SECOND, false))
        .collect();
    let test = vendor.context();
    let ctx = test.context();
    let settings = configured(json!({ "not_opted_out": "granted" }));
    let mut cursor: Option<Vec<u8>> = None;
    let mut ids = Vec::new();
    loop {
        let at = cursor.as_deref();
        let page = <Salesforce as Source>::read(&ctx, &settings, "contact-consents", at, budget(1));
        let page = page.unwrap();
        assert!(page.records.len() <= 1);
        ids.extend(page.records.into_iter().map(|it| it.id));
        cursor = Some(page.next_cursor);
        if !page.more {
            break;
        }
    }
    let topics = ["email-marketing", "phone-marketing"];
    let expected: Vec<_> = (0..3)
        .flat_map(|at| topics.map(|topic| format!("{}/{topic}", id(at))))
        .collect();
    assert_eq!(ids, expected);
}

#[test]
fn stale_locator_goes_on_behind_the_last_row() {
    let vendor = Vendor::default();
    {
        let mut state = vendor.0.borrow_mut();
        state.rows = (0..25)
            .map(|at| (id(at), 1_770_000_000 * SECOND, false))
            .collect();
        state.page_rows = 10;
        state.is_forgetful = true;
    }
    let all = read_all(&vendor.context(), &mut None, 100, true);
    assert_eq!(
        all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
        (0..25).map(id).collect::<Vec<_>>()
    );
}

#[test]
fn cursors_that_are_not_ours_start_over() {
    let settings = configured(json!({}));
    let ctx = TestContext::default().context();
    let mut good = Cursor::default();
    (good.at, good.id) = (Some(1), id(1));
    let good = good.encode().unwrap();
    assert!(Cursor::decode(Some(&good)).is_ok());
    let good = String::from_utf8(good).unwrap();
    for text in [
        "",
        "{}",
        "?",
        "null",
        "{\"v\":2}",
        &good.replace("\"v\":1", "\"v\":2"),
        &good.replace(&id(1), "x' OR Name != '"),
        &good.replace("\"at\":1", "\"at\":99999999999999999"),
        &good[..good.len() / 2],
    ] {
        let page = <Salesforce as Source>::read(
            &ctx,
            &settings,
            "contacts",
            Some(text.as_bytes()),
            budget(1),
        );
        assert!(
            matches!(page, Err(Error::CursorExpired(_))),
            "{text}: {page:?}"
        );
    }
}

#[test]
fn long_field_lists_go_as_a_part_of_composite() {
    let test = TestContext::default();
    let fields: Vec<_> = (0..600)
        .map(|at| json!({ "name": format!("A_Rather_Long_Name_{at}__c"), "type": "string" }))
        .chain([
            json!({ "name": "Id", "type": "id" }),
            json!({ "name": "SystemModstamp", "type": "datetime" }),
        ])
        .collect();
    use crosspoint_sdk::http::Method::{Get, Post};
    let described = json!({ "fields": fields }).to_string();
    test.http
        .push(super::exchange(Get, "/sobjects/User/describe").answer(200, described));
    let rows = json!({ "done": true, "records": [{ "Id": "005000000000001AAA", "Name": "Ann",
        "SystemModstamp": "2026-02-03T04:05:06.000+0000" }] });
    let body = json!({ "compositeResponse": [
        { "httpStatusCode": 200, "referenceId": "query", "httpHeaders": {}, "body": rows }] });
    test.http
        .push(super::exchange(Post, "/composite").answer(200, body.to_string()));
    let settings = configured(json!({}));
    let page = <Salesforce as Source>::read(&test.context(), &settings, "users", None, budget(9));
    assert_eq!(page.unwrap().records.len(), 1);
    test.http.assert_done();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_resumption_yields_every_row(
        stamps in prop::collection::vec(0i64..8, 0..60), page_rows in 0usize..7,
        records in 1u32..25, restart: bool, is_forgetful: bool, split in 0usize..60,
    ) {
        let vendor = Vendor::default();
        let rows: Vec<_> = stamps.iter().enumerate()
            .map(|(at, stamp)| (id(at), 1_770_000_000 * SECOND + stamp * SECOND, false)).collect();
        let split = split.min(rows.len());
        {
            let mut state = vendor.0.borrow_mut();
            state.rows = rows[..split].to_vec();
            state.page_rows = page_rows;
            state.is_forgetful = is_forgetful;
        }
        let test = vendor.context();
        let mut cursor = None;
        let mut found = read_all(&test, &mut cursor, records, restart);
        vendor.0.borrow_mut().rows = rows.clone();
        found.extend(read_all(&test, &mut cursor, records, restart));
        found.sort();
        let mut expected: Vec<_> = rows.into_iter().map(|(id, at, _)| (id, at)).collect();
        expected.sort();
        prop_assert_eq!(found, expected, "every row once");
    }
}
