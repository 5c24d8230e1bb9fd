mod destination;
mod source;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::settings;
use crosspoint_sdk::testing::Exchange;

use crate::Settings;

const BASE: &str = "https://a.klaviyo.com";

fn configured(extra: Value) -> Settings {
    settings::parse(&extra.to_string()).unwrap()
}

fn plain() -> Settings {
    configured(json!({}))
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Every request names the revision and refuses another.
fn expect(method: Method, path: &str) -> Exchange {
    Exchange::expect(method, &format!("{BASE}{path}"))
        .with_header("revision", "2026-07-15")
        .with_header("x-klaviyo-revision-fall-forward-opt-out", "1")
        .with_header("accept", "application/vnd.api+json")
}
