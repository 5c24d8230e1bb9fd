//! What the tests share.

mod deliver;
mod hook;
mod map;
mod read;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::settings::parse;

use crate::Settings;

const API: &str = "https://shop.example.com/wp-json/wc/v3";

fn configured(extra: Value) -> Settings {
    let mut json = json!({ "url": "https://shop.example.com/", "consumer_key": "ck_1" });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    parse(&json.to_string()).unwrap()
}

fn fixture(text: &str) -> Json {
    Json::parse(text).unwrap()
}
