//! The plugin against scripted answers and a small vendor in memory.

mod deliver;
mod erase;
mod faults;
mod map;
mod sweep;
mod vendor;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::testing::Exchange;
use crosspoint_sdk::{Budget, Identifier, Item};

use crate::Settings;

const BASE: &str = "https://acme.my.salesforce.com/services/data/v66.0";

/// Settings with the manifest's defaults, and what a test changes.
fn configured(extra: Value) -> Settings {
    let mut all = json!({
        "url": "https://acme.my.salesforce.com", "api_version": "66.0", "client_id": "key",
        "login_url": "https://login.salesforce.com", "username": "",
        "objects": ["Lead", "Contact", "Account", "Opportunity", "User", "Task", "Event"],
        "overlap_minutes": 10, "currency": "", "calling_code": "",
        "phone_fields": ["MobilePhone"], "external_ids": {}, "not_opted_out": "ignore",
        "person_object": "Contact", "external_id_field": "Ext__c", "activity_key_field": "",
        "pass_consent": true, "allow_duplicates": false, "hard_delete": false,
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

fn exchange(method: Method, path: &str) -> Exchange {
    Exchange::expect(method, &format!("{BASE}{path}"))
}

fn item(key: &str, profile: &str) -> Item {
    Item {
        key: key.to_owned(),
        profile_id: profile.to_owned(),
        identifiers: vec![Identifier::Email(format!("{profile}@example.com"))],
        list: None,
        fields: Vec::new(),
        consents: Vec::new(),
        occurred_at: 1_770_091_506_000,
        attempt: 0,
    }
}

fn parsed(text: &str) -> Json {
    Json::parse(text).unwrap()
}

#[test]
fn wrong_settings_are_named() {
    for (extra, field) in [
        (json!({ "url": "acme.my.salesforce.com" }), "url"),
        (
            json!({ "url": "https://acme.my.salesforce.com/services" }),
            "url",
        ),
        (
            json!({ "url": "https://u:p@acme.my.salesforce.com" }),
            "url",
        ),
        (json!({ "api_version": "v66.0" }), "api_version"),
        (json!({ "api_version": "66/../1.0" }), "api_version"),
        (json!({ "currency": "EURO" }), "currency"),
        (json!({ "calling_code": "Austria" }), "calling_code"),
        (json!({ "person_object": "Task" }), "person_object"),
        (
            json!({ "external_id_field": "Ext__c FROM User" }),
            "external_id_field",
        ),
        (json!({ "phone_fields": [""] }), "phone_fields"),
        (json!({ "external_ids": { "a b": "shop" } }), "external_ids"),
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
