//! WooCommerce 10.0.2, REST API `wc/v3`: customers, orders with notes and refunds, products,
//! coupons, webhooks, batches. The site's clock is one hour ahead of UTC. It believes that it is
//! reached over plain HTTP, as it is, so that Basic counts for nothing and calls are signed with
//! OAuth 1.0a; after the command `set-tls` Basic counts.
//!
//! Orders and products cannot be made through the API here. A webhook is sent once; six failures
//! in a row disable it. Its body shows the moment of sending.
//!
//! Faults of its own: `batch-partial` `{"index": 1}` (one item of a batch fails), `php-notice` (a
//! notice stands before the JSON), `rest-disabled` (401 to everything).
//!
//! Commands: `set-tls` `{"on"}`, `drop-authorization` `{"on"}` (the host loses the header),
//! `set-permissions` `{"permissions": "read" | "write" | "read_write"}`, `revoke-keys`,
//! `drop-capability`, `reset-status` (webhooks become active again), `set-time-zone` (see
//! [`Zone::from_json`]).

// The answer that refuses a call is the error; there is one a call.
#![allow(clippy::result_large_err)]

mod auth;
mod hooks;
mod list;
mod make;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::hook::Hook;
use crate::{Answer, Call, Options, Sim, Vendor, World, Zone, iso_local};
use auth::Keys;
use make::Items;

/// Berlin in winter.
const OFFSET_S: i64 = 3600;
/// What the truth says of an order beside its dates and status.
const TOLD_OF_ORDERS: &[&str] = &[
    "coupon_lines",
    "currency",
    "customer_id",
    "discount_total",
    "email",
    "line_items",
    "meta_data",
    "refunds",
    "total",
];

/// One thing of the shop.
#[derive(Clone, Debug)]
struct Item {
    id: u64,
    /// Its place in the world, where it came from there.
    source: Option<usize>,
    created_ms: i64,
    modified_ms: i64,
    /// Of a customer: the role.
    status: String,
    is_deleted: bool,
    /// What was written over what the world says.
    fields: Map<String, Value>,
}

/// The shop.
pub struct WooCommerce {
    world: World,
    zone: Zone,
    items: BTreeMap<&'static str, Items>,
    keys: Keys,
    emails: BTreeMap<String, u64>,
    notes: Vec<(String, Value)>,
    /// Failures in a row of webhooks.
    failures: BTreeMap<u64, u32>,
    next_post: u64,
    next_meta: u64,
}

fn now(sim: &Sim) -> i64 {
    sim.now_ms().div_euclid(1000) * 1000
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "code": code, "message": message, "data": { "status": status } }),
    )
}

fn no_route() -> Answer {
    error(
        404,
        "rest_no_route",
        "No route was found matching the URL and request method.",
    )
}

impl WooCommerce {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let items = make::items(&world);
        let people = items["customers"].values();
        let emails = people
            .filter_map(|it| Some((world.people[it.source?].email.to_lowercase(), it.id)))
            .collect();
        Self {
            world,
            zone: Zone::fixed(OFFSET_S),
            items,
            keys: Keys::new(),
            emails,
            notes: Vec::new(),
            failures: BTreeMap::new(),
            next_post: make::NEXT,
            next_meta: 100_000_000,
        }
    }

    fn kind(&self, name: &str) -> Option<&'static str> {
        self.items.keys().find(|kind| **kind == name).copied()
    }

    fn customer_of(&self, email: &str) -> Option<u64> {
        self.emails.get(&email.to_lowercase()).copied()
    }

    fn next_id(&mut self, kind: &str) -> u64 {
        if matches!(kind, "customers" | "webhooks") {
            return self.items[kind].keys().next_back().map_or(1, |id| id + 1);
        }
        self.next_post += 1;
        self.next_post
    }

    /// Everything about a thing but its dates and status.
    fn fields(&self, kind: &str, id: u64) -> Map<String, Value> {
        let Some(item) = self.items[kind].get(&id) else {
            return Map::new();
        };
        let mut fields = make::base(kind, item, &self.world);
        fields.extend(item.fields.clone());
        fields
    }

    fn put(&mut self, kind: &'static str, item: Item) {
        let id = item.id;
        self.items.entry(kind).or_default().insert(id, item);
        if kind == "customers"
            && let Some(email) = self.fields(kind, id)["email"].as_str()
        {
            self.emails.insert(email.to_lowercase(), id);
        }
    }

    /// Changes a thing and sets its instant.
    fn edit(&mut self, kind: &'static str, id: u64, at_ms: i64, change: impl FnOnce(&mut Item)) {
        let Some(mut item) = self.items[kind].get(&id).cloned() else {
            return;
        };
        if kind == "customers" {
            let email = self.fields(kind, id)["email"]
                .as_str()
                .map(str::to_lowercase);
            self.emails.remove(&email.unwrap_or_default());
        }
        change(&mut item);
        item.modified_ms = at_ms;
        if item.is_deleted {
            self.items.entry(kind).or_default().insert(id, item);
        } else {
            self.put(kind, item);
        }
    }

    fn view(&self, kind: &str, item: &Item) -> Map<String, Value> {
        let mut shown = self.fields(kind, item.id);
        shown.insert("id".to_owned(), json!(item.id));
        for (name, at_ms) in [
            ("date_created", item.created_ms),
            ("date_modified", item.modified_ms),
        ] {
            shown.insert(
                name.to_owned(),
                json!(iso_local(at_ms, self.zone.offset_s(at_ms))),
            );
            shown.insert(format!("{name}_gmt"), json!(iso_local(at_ms, 0)));
        }
        if kind == "webhooks" {
            // It is written and never shown again.
            shown.remove("secret");
        }
        if kind != "customers" {
            shown.insert("status".to_owned(), json!(item.status));
        }
        shown.insert("_links".to_owned(), json!({}));
        shown
    }

    fn refunds(&self, order: &str, id: Option<&str>) -> Answer {
        let Some(item) = self.find("orders", order) else {
            return list::missing("orders");
        };
        let all = self.fields("orders", item.id)["refunds"].clone();
        let rows = all.as_array().into_iter().flatten().map(|it| {
            let amount = it["total"].as_str().unwrap_or_default().trim_start_matches('-').to_owned();
            json!({ "id": it["id"], "date_created_gmt": iso_local(item.modified_ms, 0), "date_created": iso_local(item.modified_ms, self.zone.offset_s(item.modified_ms)),
                "amount": amount, "reason": it["reason"], "refunded_by": 1, "refunded_payment": false, "meta_data": [], "line_items": [], "_links": {} })
        });
        let mut rows: Vec<Value> = rows.collect();
        match id {
            None => Answer::json(200, &Value::Array(rows)),
            Some(id) => {
                rows.retain(|it| it["id"].as_u64() == id.parse().ok());
                rows.pop().map_or_else(
                    || {
                        error(
                            404,
                            "woocommerce_rest_shop_order_refund_invalid_id",
                            "Invalid ID.",
                        )
                    },
                    |it| Answer::json(200, &it),
                )
            }
        }
    }

    fn routed(&mut self, parts: &[&str], call: &Call, sim: &mut Sim) -> Answer {
        let body = call.json().filter(Value::is_object);
        let is_write = matches!(call.method.as_str(), "POST" | "PUT" | "PATCH");
        if is_write && body.is_none() && !call.body.is_empty() {
            return Answer::json(
                400,
                &json!({ "code": "rest_invalid_json", "message": "Invalid JSON body passed.", "data": { "status": 400, "json_error_code": 4, "json_error_message": "Syntax error" } }),
            );
        }
        let body = body.unwrap_or_else(|| json!({}));
        let is_forced = call
            .param("force")
            .is_some_and(|it| it == "true" || it == "1")
            || body["force"] == true;
        match (call.method.as_str(), parts) {
            ("GET", ["system_status"]) => Answer::json(
                200,
                &json!({ "environment": { "home_url": sim.url, "site_url": sim.url, "version": "10.0.2", "wp_version": "7.1", "wp_multisite": false, "language": "en_US" },
                "settings": { "currency": "EUR", "api_enabled": false } }),
            ),
            ("GET", ["products", _, "variations"]) => Answer::json(200, &json!([]))
                .with("x-wp-total", 0)
                .with("x-wp-totalpages", 0),
            ("GET", ["orders", order, "refunds"]) => self.refunds(order, None),
            ("GET", ["orders", order, "refunds", id]) => self.refunds(order, Some(id)),
            ("GET", ["orders", order, "notes"]) => Answer::json(
                200,
                &self
                    .notes
                    .iter()
                    .filter(|(of, _)| of == order)
                    .map(|(_, it)| it.clone())
                    .collect(),
            ),
            ("POST", ["orders", order, "notes"]) => self.note(order, call, sim),
            (method, [name, rest @ ..]) => {
                let Some(kind) = self.kind(name) else {
                    return no_route();
                };
                let show = |shop: &Self, status: u16, done: Result<u64, Answer>| match done {
                    Ok(id) => Answer::json(
                        status,
                        &shop.cut(shop.view(kind, &shop.items[kind][&id]), call),
                    ),
                    Err(answer) => answer,
                };
                match (method, rest) {
                    ("GET", []) => self.list(kind, call, sim),
                    ("GET", [id]) if id.parse::<u64>().is_ok() => self.one(kind, id, call),
                    ("POST", []) => {
                        let done = self.create(kind, &body, sim);
                        show(self, 201, done)
                    }
                    ("POST" | "PUT" | "PATCH", ["batch"]) => self.batch(kind, &body, sim),
                    ("POST" | "PUT" | "PATCH", [id]) if id.parse::<u64>().is_ok() => {
                        let done = self.update(kind, id.parse().unwrap_or(0), &body, sim);
                        show(self, 200, done)
                    }
                    ("DELETE", [id]) if id.parse::<u64>().is_ok() => {
                        match self.delete(kind, id.parse().unwrap_or(0), is_forced, sim) {
                            Ok(shown) => Answer::json(200, &shown),
                            Err(answer) => answer,
                        }
                    }
                    _ => no_route(),
                }
            }
            _ => no_route(),
        }
    }
}

/// The parts of the route, below `/wp-json` or in `?rest_route=`.
fn route(call: &Call) -> Option<Vec<String>> {
    if let Some(route) = call.param("rest_route") {
        return Some(
            route
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
        );
    }
    let segments = call.segments();
    let at = segments.iter().position(|part| part == "wp-json")?;
    Some(segments[at + 1..].to_vec())
}

impl Vendor for WooCommerce {
    fn settings(&self, url: &str) -> Value {
        json!({ "site": url })
    }

    fn secrets(&self) -> Value {
        json!({ "consumer_key": self.keys.key, "consumer_secret": self.keys.secret })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        if sim.vendor_fault("rest-disabled").is_some() {
            return error(
                401,
                "rest_not_logged_in",
                "You are not currently logged in.",
            );
        }
        let Some(route) = route(call) else {
            return Answer::html(404);
        };
        let parts: Vec<&str> = route.iter().map(String::as_str).collect();
        let has_notice = sim.vendor_fault("php-notice").is_some();
        let answer = match parts.as_slice() {
            [] => Answer::json(
                200,
                &json!({ "name": "A shop", "description": "", "url": sim.url, "home": sim.url, "gmt_offset": "1", "timezone_string": "Europe/Berlin",
                "namespaces": ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc/store/v1", "wc-analytics", "wp/v2"], "authentication": {}, "routes": {} }),
            ),
            ["wc", "v3", rest @ ..] => match self.keys.check(call, sim.callers_ms()) {
                Err(refusal) => refusal,
                Ok(false) => error(
                    401,
                    "woocommerce_rest_cannot_view",
                    "Sorry, you cannot list resources.",
                ),
                Ok(true) if !self.keys.is_capable => error(
                    403,
                    "woocommerce_rest_cannot_view",
                    "Sorry, you cannot list resources.",
                ),
                Ok(true) => self.routed(rest, call, sim),
            },
            _ => no_route(),
        };
        if has_notice {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return answer.with_body(&format!("<br />\n<b>Notice</b>: Undefined index: x in <b>/srv/plugin.php</b> on line <b>3</b><br />\n{text}"));
        }
        answer
    }

    fn error(&self, status: u16) -> Answer {
        match status {
            401 => error(
                401,
                "woocommerce_rest_cannot_view",
                "Sorry, you cannot list resources.",
            ),
            _ => error(
                status,
                "internal_server_error",
                "There has been a critical error on this website.",
            ),
        }
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.happen(sim)
    }

    fn truth(&self) -> Value {
        let row = |kind: &'static str| {
            move |it: &Item| {
                let mut told = self.fields(kind, it.id);
                if kind == "orders" {
                    let email = told["billing"]["email"].clone();
                    told.insert("email".to_owned(), email);
                    told.retain(|name, _| TOLD_OF_ORDERS.contains(&name.as_str()));
                }
                let mut told = Value::Object(told);
                told["id"] = json!(it.id.to_string());
                told["updated_at_ms"] = json!(it.modified_ms);
                told["created_at_ms"] = json!(it.created_ms);
                told["deleted"] = json!(it.is_deleted || it.status == "trash");
                told["status"] = json!(it.status);
                told
            }
        };
        let collections = self
            .items
            .iter()
            .map(|(kind, items)| ((*kind).to_owned(), items.values().map(row(kind)).collect()));
        Value::Object(collections.collect())
    }

    fn subscribe(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        let usual = [
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "order.created",
            "order.updated",
            "order.deleted",
            "product.updated",
        ];
        let topics: Vec<String> = match args["topics"].as_array() {
            Some(topics) => topics
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            None => usual.map(str::to_owned).to_vec(),
        };
        let secret = args["secret"]
            .as_str()
            .unwrap_or("s3cret-of-the-webhook")
            .to_owned();
        for topic in topics {
            let input =
                json!({ "name": topic, "topic": topic, "delivery_url": url, "secret": secret });
            self.create("webhooks", &input, sim)
                .map_err(|answer| String::from_utf8_lossy(&answer.body).into_owned())?;
        }
        Ok(json!({ "secret": secret }))
    }

    fn sending(&mut self, hook: &mut Hook, _: &mut Sim) {
        self.fill_in(hook);
    }

    fn sent(&mut self, hook: &Hook, status: u16, _: &mut Sim) -> bool {
        self.count_failure(hook, status);
        false
    }

    fn command(&mut self, name: &str, args: &Value, _: &mut Sim) -> Option<Value> {
        let is_on = args["on"].as_bool().unwrap_or(true);
        match name {
            "set-time-zone" => self.zone = Zone::from_json(args)?,
            "set-tls" => self.keys.is_tls = is_on,
            "drop-authorization" => self.keys.drops_header = is_on,
            "set-permissions" => {
                let permissions = args["permissions"].as_str()?;
                self.keys.may_read = permissions.contains("read");
                self.keys.may_write = permissions.contains("write");
            }
            "revoke-keys" => self.keys.is_revoked = true,
            "drop-capability" => self.keys.is_capable = false,
            "reset-status" => {
                self.failures.clear();
                self.items
                    .get_mut("webhooks")?
                    .values_mut()
                    .for_each(|it| it.status = "active".to_owned());
            }
            _ => return None,
        }
        Some(json!({}))
    }
}
