use std::collections::BTreeSet;

use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Body, Error, Source};
use proptest::prelude::*;

use super::site::{Row, Site};
use super::{budget, configured, read_all};
use crate::WordPress;

const START: i64 = 1_770_000_000_000;
const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600_000;

#[test]
fn a_scheduled_post_is_met_when_it_is_published() {
    let site = Site::default();
    let mut scheduled = Row::post(2, START);
    (scheduled.status, scheduled.date) = ("future", START + 50 * HOUR);
    site.0.borrow_mut().rows = vec![Row::post(1, START - 100 * HOUR), scheduled];
    let test = site.context();
    let mut cursor = None;
    let first = read_all(&test, "posts", &mut cursor, 10, false);
    assert_eq!(first.len(), 2);
    assert_eq!(read_all(&test, "posts", &mut cursor, 10, false), []);
    site.0.borrow_mut().rows[1].status = "publish";
    let later = read_all(&test, "posts", &mut cursor, 10, false);
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].updated_at, START + 50 * HOUR, "a newer version");
    assert!(matches!(&later[0].body, Body::Content(it) if it.published));
    assert_eq!(read_all(&test, "posts", &mut cursor, 10, false), []);
}

#[test]
fn a_trashed_post_is_a_tombstone() {
    let site = Site::default();
    site.0.borrow_mut().rows = vec![Row::post(1, START)];
    let test = site.context();
    let mut cursor = None;
    read_all(&test, "posts", &mut cursor, 10, false);
    {
        let mut state = site.0.borrow_mut();
        (state.rows[0].status, state.rows[0].modified) = ("trash", START + HOUR);
    }
    let records = read_all(&test, "posts", &mut cursor, 10, false);
    assert_eq!(records.len(), 1);
    assert!(matches!(&records[0].body, Body::Tombstone(it) if it.deleted_at == START + HOUR));
}

#[test]
fn a_comment_approved_late_is_found() {
    let site = Site::default();
    let comment = |id: u64, date: i64| Row {
        date,
        ..Row::post(id, date)
    };
    site.0.borrow_mut().rows = vec![comment(1, START - 200 * HOUR), comment(3, START)];
    let test = site.context();
    let mut cursor = None;
    assert_eq!(read_all(&test, "comments", &mut cursor, 10, false).len(), 2);
    site.0
        .borrow_mut()
        .rows
        .push(comment(2, START - 100 * HOUR));
    let late = read_all(&test, "comments", &mut cursor, 10, false);
    assert_eq!(
        late.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["2"]
    );
    assert_eq!(read_all(&test, "comments", &mut cursor, 10, false), []);
}

#[test]
fn a_changed_zone_hides_nothing() {
    let site = Site::default();
    site.0.borrow_mut().rows = vec![Row {
        zone: 14 * 60,
        ..Row::post(1, START)
    }];
    site.0.borrow_mut().zone = 14 * 60;
    let test = site.context();
    let mut cursor = None;
    read_all(&test, "posts", &mut cursor, 10, false);
    {
        let mut state = site.0.borrow_mut();
        state.zone = -12 * 60;
        let row = Row {
            zone: -12 * 60,
            ..Row::post(2, START + SECOND)
        };
        state.rows.push(row);
    }
    let ids: Vec<_> = read_all(&test, "posts", &mut cursor, 10, false)
        .into_iter()
        .map(|it| it.id)
        .collect();
    assert_eq!(ids, ["2"]);
}

#[test]
fn rows_that_leave_a_crowded_second_hide_none() {
    let site = Site::default();
    site.0.borrow_mut().rows = (1..=30).map(|id| Row::post(id, START)).collect();
    site.0.borrow_mut().meanwhile = Some(Box::new(|request, rows| {
        // Two rows of the first page are edited while the second page is asked for.
        if request == 3 {
            rows[0].modified = START + 9 * SECOND;
            rows[1].modified = START + 9 * SECOND;
        }
    }));
    let records = read_all(&site.context(), "posts", &mut None, 7, false);
    let ids: BTreeSet<_> = records
        .iter()
        .map(|it| it.id.parse::<u64>().unwrap())
        .collect();
    assert_eq!(ids, (1..=30).collect());
    let moved = records
        .iter()
        .filter(|it| it.updated_at == START + 9 * SECOND);
    assert_eq!(moved.count(), 2);
}

#[test]
fn cursors_that_are_not_ours_start_over() {
    let ctx = TestContext::default().context();
    for text in [
        "",
        "{}",
        "?",
        "null",
        r#"{"v":2,"lane":0,"lanes":[],"recent":[]}"#,
        r#"{"v":1,"lane":0,"lanes":[],"recent":[]}"#,
        r#"{"v":1,"lane":7,"lanes":[],"recent":[]}"#,
    ] {
        let page = WordPress::read(
            &ctx,
            &configured(json!({})),
            "posts",
            Some(text.as_bytes()),
            budget(1),
        );
        assert!(
            matches!(page, Err(Error::CursorExpired(_))),
            "{text}: {page:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_resumption_yields_every_row(
        rows in prop::collection::vec((0i64..5, prop_oneof![Just(0i64), Just(120), Just(-300)], 0u8..4), 0..50),
        records in 1u32..20, restart: bool, split in 0usize..50,
    ) {
        let site = Site::default();
        let rows: Vec<_> = rows.into_iter().enumerate().map(|(at, (second, zone, status))| Row {
            zone,
            status: if status == 0 { "trash" } else { "publish" },
            ..Row::post(at as u64 + 1, START + second * SECOND)
        }).collect();
        let split = split.min(rows.len());
        site.0.borrow_mut().rows = rows[..split].to_vec();
        let test = site.context();
        let mut cursor = None;
        let mut found = read_all(&test, "posts", &mut cursor, records, restart);
        site.0.borrow_mut().rows = rows.clone();
        found.extend(read_all(&test, "posts", &mut cursor, records, restart));
        let mut found: Vec<_> = found.into_iter().map(|it| it.id.parse::<u64>().unwrap()).collect();
        found.sort();
        prop_assert_eq!(found, (1..=rows.len() as u64).collect::<Vec<_>>(), "every row once");
    }
}
