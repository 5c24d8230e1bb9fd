//! Shopify's Admin API 2026-10: GraphQL over `POST /admin/api/VERSION/graphql.json`, tokens from
//! `/admin/oauth/access_token`, files of bulk operations, webhooks. Calls are validated against
//! `shopify/schema.graphql`; what stands there and is called works, anything else is refused.
//! REST is not there, but webhooks have its shapes.
//!
//! Where the vendor's documents leave it open: customers' `updated_at` filters compare whole days;
//! lists end after 25 000 objects; connections cost as measured in 2025 (`set-cost` switches to
//! full price for every row); a webhook's address may be plain http on loopback.
//!
//! A webhook that failed eight times ends its subscription.
//!
//! Faults of its own: `throttled`; `internal-error` (200 with an error); `user-error`
//! `{"index": 1, "field": […], "message", "code"}` (one of several mutations of a call is refused);
//! `bulk-fail` `{"code"}` (the started job fails with partial data); `stale` `{"ms": 60000}` (this
//! call's filtered lists lag).
//!
//! Commands: `expire-tokens`, `revoke-tokens`, `drop-scope` `{"scope"}`, `add-scope`, `set-bucket`
//! `{"maximum", "restore"}`, `set-cost` `{"linear", "maximum"}`, `set-lag` `{"ms"}`, `set-job-time`
//! `{"ms"}`, `set-bulk-limit` `{"running"}`, `set-paging-depth` `{"objects"}`, `set-day-filter`
//! `{"on"}`, `hide-personal-data` `{"on"}` (the app is not approved for it), `rotate-secret`,
//! `set-shop-state` `{"status": 402 | 423 | 404}`, `data-request` and `redact` `{"customer"}`.

mod bulk;
mod consent;
mod data;
mod graphql;
mod hooks;
mod list;
mod make;
mod metafields;
mod oauth;
mod offer;
mod resolve;
mod search;
#[cfg(test)]
mod tests;
mod truth;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::hook::Hook;
use crate::{Answer, Bucket, Call, Options, Sim, Tokens, Vendor, World};
use data::Data;
use hooks::Subscription;

const SHOP: &str = "crosspoint-test.myshopify.com";
const CLIENT: &str = "4f5e6d7c8b9a0f1e2d3c4b5a69788796";
/// The newest stable version.
const VERSION: &str = "2026-10";
/// The oldest that still answers.
const OLDEST: &str = "2026-01";
const INTERNAL: &str = "Internal error. Looks like something went wrong on our end.";
/// Where metafields go that name no namespace: the app's own.
const APP_SPACE: &str = "app--1";
/// How often a webhook is tried.
const HOOK_TRIES: u32 = 8;
/// Ids begin above what 32 bits hold.
const CUSTOMERS: u64 = 7_100_000_000_000;
const ORDERS: u64 = 5_900_000_000_000;
const LINES: u64 = 14_300_000_000_000;
const PRODUCTS: u64 = 8_200_000_000_000;
const VARIANTS: u64 = 44_000_000_000_000;
const CHECKOUTS: u64 = 33_000_000_000_000;

const SCOPES: &[&str] = &[
    "read_all_orders",
    "read_checkouts",
    "read_customers",
    "read_discounts",
    "read_gift_cards",
    "read_orders",
    "read_products",
    "write_customers",
    "write_discounts",
    "write_gift_cards",
];

/// The shop and the app that is installed in it.
pub struct Shopify {
    data: Arc<Data>,
    world: World,
    url: String,
    now_ms: i64,
    last_change_ms: i64,
    // access
    client_secret: String,
    /// A token of the old kind, without an end.
    offline: Option<String>,
    tokens: Tokens,
    ttl_ms: i64,
    refresh: Option<String>,
    refresh_until_ms: i64,
    first_access: String,
    scopes: BTreeSet<String>,
    is_personal_hidden: bool,
    shop_state: u16,
    // limits
    bucket: Bucket,
    max_cost: i64,
    is_linear_cost: bool,
    paging_depth: u64,
    by_day: bool,
    lag_ms: i64,
    // work of its own
    job_ms: i64,
    bulk_limit: usize,
    jobs: Vec<bulk::Job>,
    uploads: BTreeMap<String, Option<String>>,
    subscriptions: Vec<Subscription>,
    hooks_made: u64,
    /// Failures of webhooks by their ids.
    hook_failures: BTreeMap<String, u32>,
    calls: u64,
}

/// Whole seconds: the vendor shows no finer instant.
fn now(sim: &Sim) -> i64 {
    sim.now_ms().div_euclid(1000) * 1000
}

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

fn gid(kind: &str, id: u64) -> String {
    view::gid(kind, id)
}

fn shop() -> Value {
    json!({
        "id": gid("Shop", 1), "name": "Crosspoint test", "email": "owner@shop.example", "myshopifyDomain": SHOP, "currencyCode": "EUR",
        "ianaTimezone": "Europe/Berlin", "timezoneOffset": "+0100", "url": format!("https://{SHOP}"),
        "plan": { "publicDisplayName": "Basic", "partnerDevelopment": false, "shopifyPlus": false }
    })
}

impl Shopify {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let now_ms = options.start_ms();
        let mut new = Self {
            data: Arc::new(make::data(&world)),
            world,
            url: String::new(),
            now_ms,
            last_change_ms: 0,
            client_secret: "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".to_owned(),
            offline: None,
            tokens: Tokens::default(),
            ttl_ms: options
                .token_ttl
                .map_or(3_600_000, |it| it.as_millis() as i64),
            refresh: None,
            refresh_until_ms: 0,
            first_access: String::new(),
            scopes: SCOPES.iter().map(|&it| it.to_owned()).collect(),
            is_personal_hidden: false,
            shop_state: 200,
            bucket: Bucket::new(2000.0, 100.0),
            max_cost: 1000,
            is_linear_cost: false,
            paging_depth: 25_000,
            by_day: true,
            lag_ms: 0,
            job_ms: 200,
            bulk_limit: 5,
            jobs: Vec::new(),
            uploads: BTreeMap::new(),
            subscriptions: Vec::new(),
            hooks_made: 0,
            hook_failures: BTreeMap::new(),
            calls: 0,
        };
        let (access, _) = new.hand_out(now_ms);
        new.first_access = access;
        if options.token_ttl.is_none() {
            let old = "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";
            new.offline = Some(old.to_owned());
            old.clone_into(&mut new.first_access);
        }
        new
    }

    /// The shop, to be changed. Who looks at it as it was goes on doing so.
    fn change(&mut self) -> &mut Data {
        Arc::make_mut(&mut self.data)
    }

    /// Whether the app was granted this; writing includes reading.
    fn may(&self, scope: &str) -> bool {
        let write = scope.replace("read_", "write_");
        self.scopes.contains(scope) || self.scopes.contains(&write)
    }

    /// Whether the app may not see this field of a customer.
    fn is_blind(&self, field: &str) -> bool {
        let personal = [
            "firstName",
            "lastName",
            "email",
            "phone",
            "defaultEmailAddress",
            "defaultPhoneNumber",
            "defaultAddress",
        ];
        self.is_personal_hidden && personal.contains(&field)
    }

    /// Things that are no part of what a shop sells.
    fn machinery(&self, text: &str) -> Option<(&'static str, Value)> {
        let (kind, id) = view::parse_gid(text)?;
        Some(match kind {
            "BulkOperation" => (
                "BulkOperation",
                self.jobs
                    .iter()
                    .find(|it| it.id == id)?
                    .view(&self.url, self.now_ms),
            ),
            "WebhookSubscription" => (
                "WebhookSubscription",
                self.subscriptions.iter().find(|it| it.id == id)?.view(),
            ),
            "DiscountRedeemCodeBulkCreation" => (
                "DiscountRedeemCodeBulkCreation",
                view::code_job(self.data.code_jobs.get(&id)?, self.now_ms),
            ),
            _ => return None,
        })
    }

    /// Root fields without paging through the shop.
    fn query(&self, field: &str, args: &Value) -> Result<Value, String> {
        Ok(match field {
            "shop" => shop(),
            "currentAppInstallation" => {
                let scopes: Vec<Value> = self
                    .scopes
                    .iter()
                    .map(|it| json!({ "handle": it, "description": it }))
                    .collect();
                json!({ "id": gid("AppInstallation", 1), "accessScopes": scopes })
            }
            "publicApiVersions" => ["2026-01", "2026-04", "2026-07", VERSION]
                .map(|it| json!({ "handle": it, "displayName": it, "supported": true }))
                .into_iter()
                .collect(),
            "customerByIdentifier" => {
                let wanted = &args["identifier"];
                let id = write::customer_id(&wanted["id"])
                    .or_else(|| self.data.by_email(wanted["emailAddress"].as_str()?))
                    .or_else(|| self.data.by_phone(wanted["phoneNumber"].as_str()?));
                view::reference("Customer", id)
            }
            "codeDiscountNodeByCode" => {
                let found = self
                    .data
                    .discount_of(args["code"].as_str().unwrap_or_default());
                view::reference("DiscountCodeNode", found.map(|it| it.id))
            }
            "currentBulkOperation" => {
                let is_mutation = args["type"] == "MUTATION";
                let last = self
                    .jobs
                    .iter()
                    .rev()
                    .find(|it| it.lines.is_some() == is_mutation);
                view::reference("BulkOperation", last.map(|it| it.id))
            }
            "webhookSubscriptions" => {
                let topics = args["topics"].as_array();
                let wanted = self.subscriptions.iter().filter(|it| {
                    topics
                        .is_none_or(|topics| topics.iter().any(|topic| topic == it.topic.as_str()))
                        && args["uri"].as_str().is_none_or(|uri| uri == it.uri)
                });
                wanted.map(Subscription::view).collect()
            }
            _ => return Err(INTERNAL.to_owned()),
        })
    }

    fn mutate(&mut self, field: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        self.mutate_customer(field, args, sim)
            .or_else(|| self.mutate_offer(field, args, sim))
            .or_else(|| self.mutate_bulk(field, args, sim))
            .ok_or(INTERNAL.to_owned())
    }

    /// What a path of `/admin/api` is answered.
    fn api(&mut self, version: &str, call: &Call, sim: &mut Sim) -> Answer {
        let is_version = version.len() == 7
            && version.as_bytes()[4] == b'-'
            && matches!(&version[5..], "01" | "04" | "07" | "10");
        if !is_version || version > VERSION {
            return Answer::json(404, &json!({ "errors": "Not Found" }));
        }
        if let Some(refusal) = self.refuse(call, sim) {
            return refusal;
        }
        if call.method != http::Method::POST {
            return Answer::json(405, &json!({ "errors": "Method Not Allowed" }));
        }
        let is_json = call
            .header("content-type")
            .is_some_and(|it| it.starts_with("application/json"));
        let body = call.json().filter(|it| is_json && it.is_object());
        let Some(body) = body else {
            return Answer::json(
                400,
                &json!({ "errors": { "query": "Required parameter missing or invalid" } }),
            );
        };
        let lag_ms = self.lag_ms;
        if let Some(args) = sim.vendor_fault("stale") {
            self.lag_ms = args["ms"].as_i64().unwrap_or(60_000);
        }
        let answer = graphql::answer(self, sim, &body);
        self.lag_ms = lag_ms;
        // A retired version is answered by the oldest that is left.
        let used = if version < OLDEST { OLDEST } else { version };
        Answer::json(200, &answer).with("x-shopify-api-version", used)
    }

    fn upload(&mut self, call: &Call) -> Answer {
        let kind = call.header("content-type").unwrap_or_default();
        let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
            return Answer::text(400, "multipart/form-data is expected");
        };
        let text = String::from_utf8_lossy(&call.body);
        let (mut key, mut file) = (None, None);
        for part in text.split(&format!("--{}", boundary.trim_matches('"'))) {
            let Some((head, content)) = part.split_once("\r\n\r\n") else {
                continue;
            };
            let content = content.strip_suffix("\r\n").unwrap_or(content).to_owned();
            if head.contains("name=\"key\"") {
                key = Some(content);
            } else if head.contains("name=\"file\"") {
                file = Some(content);
            }
        }
        match key.and_then(|key| self.uploads.get_mut(&key)) {
            Some(place) if file.is_some() => {
                *place = file;
                Answer::empty(201)
            }
            _ => Answer::text(403, "the policy does not allow this"),
        }
    }

    /// Takes a person's data away, as the vendor does some days after it was asked to.
    fn redact(&mut self, id: u64, sim: &mut Sim) -> Option<Value> {
        let body = self.tell_law("CUSTOMERS_REDACT", id, sim)?;
        let mut it = self.data.customers.get(&id)?.clone();
        (it.first_name, it.last_name, it.email, it.phone, it.note) = (None, None, None, None, None);
        (it.tags, it.addresses, it.erasure_ms) = (Vec::new(), Vec::new(), None);
        it.email_consent.state = "REDACTED".to_owned();
        it.updated_ms = now(sim);
        let orders = it.orders.clone();
        self.change().put_customer(it);
        for order in orders {
            if let Some(mut order) = self.data.orders.get(&order).cloned() {
                (order.email, order.phone, order.address) = (None, None, None);
                order.updated_ms = now(sim);
                self.change().put_order(order);
            }
        }
        Some(body)
    }
}

impl Vendor for Shopify {
    fn settings(&self, url: &str) -> Value {
        json!({ "shop": SHOP, "base_url": url, "api_version": VERSION, "client_id": CLIENT })
    }

    fn secrets(&self) -> Value {
        json!({ "access_token": self.first_access, "refresh_token": self.refresh, "client_secret": self.client_secret })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        self.now_ms = sim.now_ms();
        self.calls += 1;
        self.url.clone_from(&sim.url);
        self.tick(sim);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            _ if self.shop_state != 200 => self.error(self.shop_state),
            ["admin", "api", version, "graphql.json"] => self.api(version, call, sim),
            ["admin", "oauth", "access_token"] => self.token(call, sim),
            ["admin", "oauth", "authorize"] => self.authorize(call),
            ["bulk", name] if call.method == http::Method::GET => self.file(name, call),
            ["staged-uploads"] if call.method == http::Method::POST => self.upload(call),
            _ => Answer::json(404, &json!({ "errors": "Not Found" })),
        };
        answer.with("x-request-id", format!("5f1b0000-{:08}", self.calls))
    }

    fn error(&self, status: u16) -> Answer {
        let text = match status {
            401 => "[API] Invalid API key or access token (unrecognized login or wrong password)",
            402 => "Unavailable Shop",
            404 => "Not Found",
            423 => "This shop is locked",
            429 => {
                "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
            }
            _ => "Internal Server Error",
        };
        Answer::json(status, &json!({ "errors": text }))
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.now_ms = sim.now_ms();
        self.happen(sim)
    }

    fn truth(&self) -> Value {
        self.whole_truth()
    }

    fn subscribe(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        let usual = [
            "CUSTOMERS_CREATE",
            "CUSTOMERS_UPDATE",
            "CUSTOMERS_DELETE",
            "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE",
            "ORDERS_CREATE",
            "ORDERS_UPDATED",
            "ORDERS_DELETE",
            "CHECKOUTS_CREATE",
            "CHECKOUTS_UPDATE",
            "PRODUCTS_UPDATE",
            "PRODUCTS_DELETE",
            "CUSTOMERS_REDACT",
            "CUSTOMERS_DATA_REQUEST",
        ];
        let topics: Vec<String> = match args["topics"].as_array() {
            Some(topics) => topics
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            None => usual.map(str::to_owned).to_vec(),
        };
        for topic in topics {
            let id = self.change().new_id();
            self.subscriptions.push(Subscription::new(
                id,
                &topic,
                &json!({ "uri": url }),
                now(sim),
            ));
        }
        Ok(json!({ "secret": self.client_secret }))
    }

    /// Eight failures of one webhook end its subscription.
    fn sent(&mut self, hook: &Hook, status: u16, _: &mut Sim) -> bool {
        let id = hook
            .headers
            .iter()
            .find(|(name, _)| name == "x-shopify-webhook-id");
        let id = id.map(|(_, id)| id.clone()).unwrap_or_default();
        if (200..300).contains(&status) {
            self.hook_failures.remove(&id);
            return false;
        }
        let subscription: Option<u64> = id.split('-').nth(1).and_then(|it| it.parse().ok());
        let failures = self.hook_failures.entry(id).or_default();
        *failures += 1;
        if *failures < HOOK_TRIES {
            return true;
        }
        self.subscriptions.retain(|it| Some(it.id) != subscription);
        false
    }

    fn command(&mut self, name: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        self.now_ms = sim.now_ms();
        match name {
            "expire-tokens" => self.tokens.revoke_access(),
            "revoke-tokens" => {
                self.tokens.revoke_all();
                (self.offline, self.refresh) = (None, None);
            }
            "drop-scope" => drop(self.scopes.remove(args["scope"].as_str()?)),
            "add-scope" => drop(self.scopes.insert(args["scope"].as_str()?.to_owned())),
            "set-bucket" => {
                self.bucket = Bucket::new(args["maximum"].as_f64()?, args["restore"].as_f64()?)
            }
            "set-cost" => {
                self.is_linear_cost = args["linear"].as_bool().unwrap_or(self.is_linear_cost);
                self.max_cost = args["maximum"].as_i64().unwrap_or(self.max_cost);
            }
            "set-lag" => self.lag_ms = args["ms"].as_i64()?,
            "set-job-time" => self.job_ms = args["ms"].as_i64()?,
            "set-bulk-limit" => self.bulk_limit = args["running"].as_u64()? as usize,
            "set-paging-depth" => self.paging_depth = args["objects"].as_u64()?,
            "set-day-filter" => self.by_day = args["on"].as_bool()?,
            "hide-personal-data" => self.is_personal_hidden = args["on"].as_bool().unwrap_or(true),
            "set-shop-state" => self.shop_state = args["status"].as_u64()? as u16,
            "rotate-secret" => {
                self.client_secret = format!("shpss_{:032x}", sim.rng.u128(..));
                return Some(json!({ "client_secret": self.client_secret }));
            }
            "data-request" | "redact" => {
                let id = &args["customer"];
                let id = write::customer_id(id)
                    .or_else(|| id.as_u64())
                    .or_else(|| id.as_str()?.parse().ok())?;
                return match name {
                    "redact" => self.redact(id, sim),
                    _ => self.tell_law("CUSTOMERS_DATA_REQUEST", id, sim),
                };
            }
            _ => return None,
        }
        Some(json!({}))
    }
}
