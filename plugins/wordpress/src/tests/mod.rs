//! The plugin against scripted answers and a small site in memory.

mod faults;
mod list;
mod map;
mod site;
mod sweep;

use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Budget, Page, Source};

use crate::{Settings, WordPress};

/// Settings with the manifest's defaults, and what a test changes.
fn configured(extra: Value) -> Settings {
    let mut all = json!({
        "url": "https://www.example.com", "username": "ann", "access": "edit",
        "plain_permalinks": false, "content": ["posts", "pages"],
        "taxonomies": ["categories", "tags"], "users": true, "comments": true,
        "comment_days": 14,
    });
    let changes = extra.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(all).unwrap()
}

fn budget(records: u32) -> Budget {
    Budget {
        records,
        bytes: 4 << 20,
    }
}

/// Reads until caught up; with `restart` every call is made twice and its first answer lost.
fn read_all(
    test: &TestContext,
    stream: &str,
    cursor: &mut Option<Vec<u8>>,
    records: u32,
    restart: bool,
) -> Vec<crosspoint_sdk::Record> {
    let settings = configured(json!({}));
    let ctx = test.context();
    let read = |cursor: &Option<Vec<u8>>| -> Page {
        WordPress::read(&ctx, &settings, stream, cursor.as_deref(), budget(records)).unwrap()
    };
    let mut found = Vec::new();
    for _ in 0..2_000 {
        if restart {
            // As after a crash: what this call answers is lost.
            read(cursor);
        }
        let page = read(cursor);
        assert!(page.records.len() <= records as usize);
        assert!(
            !page.more || Some(&page.next_cursor) != cursor.as_ref(),
            "the cursor moves"
        );
        found.extend(page.records);
        *cursor = Some(page.next_cursor);
        if !page.more {
            return found;
        }
    }
    panic!("never caught up");
}

#[test]
fn wrong_settings_are_named() {
    for (extra, field) in [
        (json!({ "url": "www.example.com" }), "url"),
        (json!({ "url": "https://" }), "url"),
        (json!({ "url": "https://u:p@www.example.com" }), "url"),
        (json!({ "content": ["posts", "../users"] }), "content"),
        (json!({ "content": ["users"] }), "content"),
        (json!({ "taxonomies": ["posts"] }), "taxonomies"),
        (json!({ "content": ["a_b", "a-b"] }), "content"),
    ] {
        match configured(extra.clone()).validate() {
            Err(crosspoint_sdk::Error::Invalid { field: named, .. }) => {
                assert_eq!(named, field, "{extra}");
            }
            other => panic!("{extra}: {other:?}"),
        }
    }
    assert_eq!(configured(json!({})).validate(), Ok(()));
}
