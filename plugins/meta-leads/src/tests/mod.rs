//! The plugin against scripted answers and a Graph API in memory.

mod faults;
mod graph;
mod hook;
mod map;
mod sweep;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::{Budget, Error};

use crate::Settings;

const BASE: &str = "https://graph.facebook.com/v26.0";

/// Settings with the manifest's defaults, and what a test changes.
fn configured(extra: Value) -> Settings {
    let mut all = json!({
        "url": "https://graph.facebook.com", "api_version": "v26.0", "pages": ["1029384756"],
        "overlap_hours": 24, "calling_code": "", "consents": {},
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

fn parsed(text: &str) -> Json {
    Json::parse(text).unwrap()
}

#[test]
fn wrong_settings_are_named() {
    for (extra, field) in [
        (json!({ "url": "graph.facebook.com" }), "url"),
        (json!({ "url": "https://graph.facebook.com/v26.0" }), "url"),
        (json!({ "api_version": "26" }), "api_version"),
        (json!({ "api_version": "v26.0/me" }), "api_version"),
        (json!({ "pages": [] }), "pages"),
        (json!({ "pages": ["my-page"] }), "pages"),
        (json!({ "calling_code": "AT" }), "calling_code"),
    ] {
        match configured(extra.clone()).validate() {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field, "{extra}"),
            other => panic!("{extra}: {other:?}"),
        }
    }
    assert_eq!(configured(json!({})).validate(), Ok(()));
}
