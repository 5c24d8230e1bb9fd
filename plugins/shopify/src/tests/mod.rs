//! What the tests share.

mod bulk;
mod deliver;
mod hook;
mod map;
mod scan;
mod settings;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::settings::parse;
use crosspoint_sdk::testing::{Exchange, TestContext};

use crate::Settings;

const URL: &str = "https://my-shop.myshopify.com";
const GRAPHQL: &str = "https://my-shop.myshopify.com/admin/api/2026-10/graphql.json";

fn configured(extra: Value) -> Settings {
    let mut json = json!({ "url": URL, "bulk_history": false });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    parse(&json.to_string()).unwrap()
}

fn fixture(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn graphql() -> Exchange {
    Exchange::expect(Method::Post, GRAPHQL)
}

fn answered(data: Value) -> Exchange {
    graphql().answer(200, json!({ "data": data }).to_string())
}

/// The variables of the request at `index`.
fn variables(test: &TestContext, index: usize) -> Value {
    let request = &test.http.requests()[index];
    let body: Value = serde_json::from_slice(request.body.as_ref().unwrap()).unwrap();
    body["variables"].clone()
}
