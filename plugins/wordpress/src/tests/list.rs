use std::collections::BTreeSet;

use super::read_all;
use super::site::{Row, Site};

const START: i64 = 1_770_000_000_000;

fn user(id: u64) -> Row {
    Row {
        date: START,
        name: format!("User {id}"),
        ..Row::post(id, START)
    }
}

#[test]
fn only_what_changed_is_handed_over_again() {
    let site = Site::default();
    site.0.borrow_mut().rows = (1..=25).map(user).collect();
    site.0.borrow_mut().now = Some("Sun, 22 Nov 2026 05:00:00 GMT");
    let test = site.context();
    let mut cursor = None;
    let first = read_all(&test, "users", &mut cursor, 10, true);
    assert_eq!(first.len(), 25);
    assert!(first.iter().all(|it| it.updated_at == START));
    assert_eq!(read_all(&test, "users", &mut cursor, 10, true), []);
    site.0.borrow_mut().rows[12].name = "Renamed".to_owned();
    site.0.borrow_mut().rows.push(user(99));
    let later = read_all(&test, "users", &mut cursor, 10, true);
    let seen: Vec<_> = later
        .iter()
        .map(|it| (it.id.as_str(), it.updated_at))
        .collect();
    assert_eq!(
        seen,
        [("13", 1_795_323_600_000), ("99", START)],
        "a newer version, and a new one"
    );
}

#[test]
fn deletions_meanwhile_lose_nobody() {
    for (deleted, records) in [(1, 5), (7, 5), (12, 10), (25, 5)] {
        let site = Site::default();
        site.0.borrow_mut().rows = (1..=25).map(user).collect();
        site.0.borrow_mut().meanwhile = Some(Box::new(move |request, rows| {
            if request == 3 {
                rows.drain(..deleted);
            }
        }));
        let found = read_all(&site.context(), "users", &mut None, records, false);
        let ids: BTreeSet<u64> = found.iter().map(|it| it.id.parse().unwrap()).collect();
        let left = deleted as u64 + 1..=25;
        assert!(
            left.clone().all(|id| ids.contains(&id)),
            "{deleted}: {ids:?}"
        );
    }
}

#[test]
fn a_page_of_large_rows_is_read_in_parts() {
    let site = Site::default();
    let large = |id: u64| Row {
        name: "x".repeat(1_000),
        ..user(id)
    };
    site.0.borrow_mut().rows = (1..=40).map(large).collect();
    let test = site.context();
    let settings = super::configured(crosspoint_sdk::serde_json::json!({}));
    let ctx = test.context();
    let mut cursor: Option<Vec<u8>> = None;
    let mut ids = Vec::new();
    loop {
        let budget = crosspoint_sdk::Budget {
            records: 1_000,
            bytes: 5_000,
        };
        let page = <crate::WordPress as crosspoint_sdk::Source>::read(
            &ctx,
            &settings,
            "users",
            cursor.as_deref(),
            budget,
        )
        .unwrap();
        assert!(page.records.len() <= 4);
        ids.extend(
            page.records
                .into_iter()
                .map(|it| it.id.parse::<u64>().unwrap()),
        );
        cursor = Some(page.next_cursor);
        if !page.more {
            break;
        }
    }
    assert_eq!(ids, (1..=40).collect::<Vec<_>>());
}
