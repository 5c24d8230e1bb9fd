//! Klaviyo's API, revision 2026-07-15: profiles, bulk imports, lists, consent, suppression,
//! deletion, events, metrics, webhooks. Coupons are not there; segments can only be read.
//! Unknown attributes, parameters, filters and sort orders are refused.
//!
//! Where the vendor's documents leave it open: a missing `revision` is 400; a body that is too
//! large is 413; an unknown id fails a whole call to a list; a new profile and a new event are not
//! found at once (`set-lag`); every write moves `updated`, which is a whole second; webhooks may
//! go to plain http on loopback; jobs are worked off in the order in which they came.
//!
//! Faults of its own: `import-partial` `{"index": 1}` or `{"emails": […]}` (rows of the job that the
//! call makes fail), `job-stuck`, `job-cancelled` (it ends half-way), `event-lost` (202, and
//! nothing comes of it).
//!
//! Commands: `expire-tokens`, `revoke-tokens` (the key and all tokens), `drop-scope` `{"scope"}`
//! (absent: all that write), `set-rate` `{"burst", "steady"}` (of every endpoint), `set-lag`
//! `{"ms"}`, `set-job-time` `{"ms"}`, `set-plan` `{"cdp": false}` (a key may then not manage
//! webhooks), `set-double-opt-in` `{"list", "on"}`, `retire-revision` `{"before"}`.

mod consent;
mod data;
mod event;
mod jobs;
mod list;
mod make;
mod profile;
mod query;
mod refusal;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::hook::Hook;
use crate::{Answer, Call, Options, Sim, Tokens, Vendor, Window, World};
use data::{Event, List, Profile};
use refusal::{Outcome, Refusal};

/// The newest revision.
const REVISION: &str = "2026-07-15";
const CLIENT: &str = "7f3c2a90-5b1e-4c7d-9e52-0a6b8c4d1e2f";
const CLIENT_SECRET: &str = "ks_4Zr9vQ2mXw7bT1nLp8cYd3fGh6jK0sAe";
const ACCOUNT: &str = "XyZ123";
const SCOPES: &[&str] = &[
    "accounts:read",
    "data-privacy:write",
    "events:read",
    "events:write",
    "lists:read",
    "lists:write",
    "metrics:read",
    "profiles:read",
    "profiles:write",
    "segments:read",
    "subscriptions:write",
    "webhooks:read",
    "webhooks:write",
];

fn answer(status: u16, body: &Value) -> Answer {
    Answer::bytes(status, "application/vnd.api+json", body.to_string())
}

fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))[..16].to_owned()
}

/// One account.
pub struct Klaviyo {
    profiles: BTreeMap<String, Profile>,
    by_email: BTreeMap<String, String>,
    by_phone: BTreeMap<String, String>,
    by_external_id: BTreeMap<String, String>,
    /// Deleted and merged ones, with the instant.
    gone: BTreeMap<String, i64>,
    /// Events of deleted profiles, with the instant.
    gone_events: BTreeMap<String, i64>,
    lists: BTreeMap<String, List>,
    events: Vec<Event>,
    /// Profile, metric and unique id.
    seen: BTreeSet<(String, String, String)>,
    /// Name by id.
    metrics: BTreeMap<String, String>,
    jobs: BTreeMap<String, jobs::Job>,
    webhooks: BTreeMap<String, webhook::Webhook>,
    /// Webhook and event, not yet on the way.
    outgoing: Vec<(String, Value)>,
    world: World,
    /// Of the call, in whole seconds.
    now_ms: i64,
    made: u64,
    key: Option<String>,
    tokens: Tokens,
    refresh_token: String,
    ttl_ms: i64,
    scopes: BTreeSet<String>,
    rates: BTreeMap<String, (Window, Window)>,
    rate: Option<(u64, u64)>,
    lag_ms: i64,
    job_ms: i64,
    has_cdp: bool,
    oldest_revision: String,
}

/// The scope's name and the limits (a second, a minute) of a path.
fn class_of(method: &str, parts: &[&str]) -> Option<(&'static str, u64, u64)> {
    let is_write = method != "GET";
    Some(match parts {
        ["accounts"] => ("accounts", 1, 15),
        ["profile-import" | "profiles" | "profile-merge", ..] => ("profiles", 75, 700),
        ["profile-bulk-import-jobs", ..] if is_write => ("profiles", 10, 150),
        ["profile-bulk-import-jobs", ..] => ("profiles", 10, 150),
        ["lists", _, "relationships", ..] if is_write => ("lists", 10, 150),
        ["lists"] if is_write => ("lists", 10, 150),
        ["lists", ..] => ("lists", 75, 700),
        ["segments", ..] => ("segments", 75, 700),
        [
            "profile-subscription-bulk-create-jobs" | "profile-subscription-bulk-delete-jobs",
            ..,
        ] => ("subscriptions", 75, 700),
        [
            "profile-suppression-bulk-create-jobs" | "profile-suppression-bulk-delete-jobs",
            ..,
        ] => ("subscriptions", 75, 700),
        ["data-privacy-deletion-jobs"] => ("data-privacy", 3, 60),
        ["event-bulk-create-jobs"] => ("events", 10, 150),
        ["events", ..] => ("events", 350, 3500),
        ["metrics", ..] => ("metrics", 10, 150),
        ["webhooks" | "webhook-topics", ..] => ("webhooks", 1, 15),
        _ => return None,
    })
}

impl Klaviyo {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let mut tokens = Tokens::default();
        let refresh_token = tokens.issue_refresh(CLIENT, SCOPES);
        let ttl_ms = options.token_ttl.map_or(3_600_000, |it| {
            i64::try_from(it.as_millis()).unwrap_or(i64::MAX)
        });
        let mut new = Self {
            profiles: BTreeMap::new(),
            by_email: BTreeMap::new(),
            by_phone: BTreeMap::new(),
            by_external_id: BTreeMap::new(),
            gone: BTreeMap::new(),
            gone_events: BTreeMap::new(),
            lists: BTreeMap::new(),
            events: Vec::new(),
            seen: BTreeSet::new(),
            metrics: BTreeMap::new(),
            jobs: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            outgoing: Vec::new(),
            now_ms: world.now_ms,
            world,
            made: 0,
            key: Some("pk_5d1c7be0a94f3e2681b7c05d9e34af6210".to_owned()),
            tokens,
            refresh_token,
            ttl_ms,
            scopes: SCOPES.iter().map(|&it| it.to_owned()).collect(),
            rates: BTreeMap::new(),
            rate: None,
            lag_ms: 200,
            job_ms: 200,
            has_cdp: true,
            oldest_revision: "2024-07-15".to_owned(),
        };
        new.fill();
        new
    }

    fn new_id(&mut self, kind: &str) -> String {
        self.made += 1;
        let text = hex::encode(Sha256::digest(format!("{kind}:{}", self.made)));
        text[..if matches!(kind, "list" | "metric") {
            6
        } else {
            24
        }]
            .to_uppercase()
    }

    /// Says whether the caller came by OAuth.
    fn authorize(&self, call: &Call, scope: &str, sim: &Sim) -> Outcome<bool> {
        let refuse = |detail: &str| Refusal::new(401, "not_authenticated", detail);
        let header = call
            .header("authorization")
            .ok_or_else(|| refuse("Missing or invalid private key."))?;
        let scopes: BTreeSet<&str>;
        let is_oauth = match header.split_once(' ') {
            Some(("Klaviyo-API-Key", key)) if self.key.as_deref() == Some(key) => {
                scopes = self.scopes.iter().map(String::as_str).collect();
                false
            }
            Some(("Bearer", token)) => {
                let token = self
                    .tokens
                    .access(token, sim.now_ms())
                    .ok_or_else(|| refuse("The access token is invalid or has expired."))?;
                scopes = token
                    .scopes
                    .iter()
                    .map(String::as_str)
                    .filter(|it| self.scopes.contains(*it))
                    .collect();
                true
            }
            _ => return Err(refuse("Missing or invalid private key.")),
        };
        let wanted = format!(
            "{scope}:{}",
            if call.method == http::Method::GET {
                "read"
            } else {
                "write"
            }
        );
        // Jobs of consent are looked at with the scope that made them.
        let wanted = if scope == "subscriptions" {
            "subscriptions:write".to_owned()
        } else {
            wanted
        };
        if !scopes.contains(wanted.as_str()) {
            let detail =
                format!("You are missing the scope {wanted} required to perform this action.");
            return Err(Refusal::new(403, "permission_denied", &detail));
        }
        Ok(is_oauth)
    }

    /// The revision that answers.
    fn revision(&self, call: &Call) -> Outcome<String> {
        let given = call.header("revision").unwrap_or_default();
        if given
            .trim_end_matches(".pre")
            .parse::<jiff::civil::Date>()
            .is_err()
        {
            return Err(Refusal::new(
                400,
                "invalid",
                "A valid revision header (YYYY-MM-DD) is required.",
            ));
        }
        let is_served = given >= self.oldest_revision.as_str() && given <= REVISION;
        if !is_served && call.header("x-klaviyo-revision-fall-forward-opt-out") == Some("1") {
            return Err(Refusal::new(
                410,
                "revision_retired",
                "The requested revision is not available.",
            ));
        }
        Ok(if is_served {
            given.to_owned()
        } else {
            REVISION.to_owned()
        })
    }

    /// Counts the call; the windows after it, or the seconds to wait.
    fn count(
        &mut self,
        class: &str,
        burst: u64,
        steady: u64,
        now_ms: i64,
    ) -> Result<(u64, u64, i64), i64> {
        let (burst, steady) = self.rate.unwrap_or((burst, steady));
        let windows = self
            .rates
            .entry(class.to_owned())
            .or_insert_with(|| (Window::new(burst, 1000), Window::new(steady, 60_000)));
        let seconds = |ms: i64| (ms + 999) / 1000;
        windows.0.take(now_ms).map_err(seconds)?;
        windows.1.take(now_ms).map_err(seconds)?;
        Ok((
            steady,
            windows.1.left(),
            seconds(60_000 - now_ms.rem_euclid(60_000)),
        ))
    }

    fn oauth(&mut self, call: &Call, parts: &[&str], sim: &Sim) -> Answer {
        let refuse = |status, error: &str| Answer::json(status, &json!({ "error": error }));
        if call
            .basic()
            .as_ref()
            .map(|(id, secret)| (id.as_str(), secret.as_str()))
            != Some((CLIENT, CLIENT_SECRET))
        {
            return refuse(401, "invalid_client");
        }
        let form: BTreeMap<String, String> = call.form().into_iter().collect();
        match (parts, form.get("grant_type").map(String::as_str)) {
            (["token"], Some("refresh_token")) => {
                let given = form
                    .get("refresh_token")
                    .map(String::as_str)
                    .unwrap_or_default();
                if self.tokens.refresh(given).is_none() {
                    return refuse(400, "invalid_grant");
                }
                let token = self.tokens.issue(CLIENT, SCOPES, sim.now_ms(), self.ttl_ms);
                Answer::json(
                    200,
                    &json!({ "access_token": token, "refresh_token": given, "token_type": "Bearer",
                                           "expires_in": self.ttl_ms / 1000, "scope": SCOPES.join(" ") }),
                )
            }
            (["token"], _) => refuse(400, "unsupported_grant_type"),
            (["revoke"], _) => {
                self.tokens.revoke_all();
                Answer::json(200, &json!({}))
            }
            _ => refuse(404, "not_found"),
        }
    }

    fn serve(&mut self, call: &Call, parts: &[&str], sim: &mut Sim) -> Outcome<Answer> {
        let method = call.method.as_str();
        let (scope, burst, steady) = class_of(method, parts).ok_or_else(Refusal::not_found)?;
        let is_oauth = self.authorize(call, scope, sim)?;
        let revision = self.revision(call)?;
        let class = format!(
            "{method} {}",
            parts
                .iter()
                .step_by(2)
                .copied()
                .collect::<Vec<_>>()
                .join("/")
        );
        let is_costly = call
            .param("additional-fields[profile]")
            .is_some_and(|it| it.contains("predictive_analytics"));
        let (burst, steady) = if is_costly {
            (10, 150)
        } else {
            (burst, steady)
        };
        let (limit, left, reset) =
            self.count(&class, burst, steady, sim.now_ms())
                .map_err(|wait_s| {
                    sim.refuse_for_rate();
                    let detail =
                        format!("Request was throttled. Expected available in {wait_s} second.");
                    Refusal {
                        meta: json!({ "retry_after": wait_s }),
                        ..Refusal::new(429, "throttled", &detail)
                    }
                })?;
        let mut body = Value::Null;
        if !call.body.is_empty() {
            let kind = call
                .header("content-type")
                .unwrap_or_default()
                .split(';')
                .next()
                .unwrap_or_default()
                .trim();
            if kind != "application/vnd.api+json" && kind != "application/json" {
                return Err(Refusal::new(
                    415,
                    "unsupported_media_type",
                    "The content type is not application/vnd.api+json.",
                ));
            }
            body = call
                .json()
                .ok_or_else(|| Refusal::new(400, "invalid", "The body is not valid JSON."))?;
        }
        if scope == "webhooks" && !is_oauth && !self.has_cdp {
            return Err(Refusal::new(
                403,
                "permission_denied",
                "Webhooks need an OAuth app or the advanced plan.",
            ));
        }
        let (status, body) = self.route(call, parts, &body, &revision, sim)?;
        let answer = if body.is_null() {
            Answer::empty(status)
        } else {
            answer(status, &body)
        };
        Ok(answer
            .with("ratelimit-limit", limit)
            .with("ratelimit-remaining", left)
            .with("ratelimit-reset", reset))
    }

    fn route(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        revision: &str,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        match (call.method.as_str(), parts) {
            ("GET", ["accounts"]) => Ok((
                200,
                json!({ "data": [{ "type": "account", "id": ACCOUNT, "attributes": {
                "test_account": true, "contact_information": { "organization_name": "A shop" }, "public_api_key": ACCOUNT } }], "links": {} }),
            )),
            (_, ["profile-import" | "profiles" | "profile-merge", ..]) => {
                self.profile_calls(call, parts, body, sim)
            }
            (_, ["lists" | "segments", ..]) => self.list_calls(call, parts, body, sim),
            (_, ["events" | "metrics" | "event-bulk-create-jobs", ..]) => {
                self.event_calls(call, parts, body, revision, sim)
            }
            (_, ["webhooks" | "webhook-topics", ..]) => self.webhook_calls(call, parts, body, sim),
            _ => self.job_calls(call, parts, body, sim),
        }
    }
}

impl Vendor for Klaviyo {
    fn settings(&self, url: &str) -> Value {
        json!({ "base_url": url, "revision": REVISION, "list_id": make::NEWSLETTER })
    }

    fn secrets(&self) -> Value {
        json!({ "api_key": self.key, "client_id": CLIENT, "client_secret": CLIENT_SECRET, "refresh_token": self.refresh_token })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        self.tick(sim);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            ["oauth", rest @ ..] => self.oauth(call, rest, sim),
            ["api", rest @ ..] => match self.serve(call, rest, sim) {
                Ok(answer) => answer,
                Err(refusal) => match refusal.meta["retry_after"].as_i64() {
                    Some(wait_s) => refusal.answer().with("retry-after", wait_s),
                    None => refusal.answer(),
                },
            },
            _ => Refusal::not_found().answer(),
        };
        self.send_out(sim);
        answer
    }

    fn error(&self, status: u16) -> Answer {
        Refusal::new(status, "error", "An error occurred.").answer()
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        self.tick(sim);
        let change = self.random_change(sim);
        self.send_out(sim);
        change
    }

    fn truth(&self) -> Value {
        self.whole_truth()
    }

    fn subscribe(&mut self, url: &str, args: &Value, _: &mut Sim) -> Result<Value, String> {
        let topics: BTreeSet<String> = match args["topics"].as_array() {
            Some(topics) => topics
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            None => webhook::TOPICS
                .iter()
                .map(|(topic, _)| (*topic).to_owned())
                .collect(),
        };
        let secret = args["secret_key"]
            .as_str()
            .unwrap_or("klaviyo-secret-0123456")
            .to_owned();
        let id = self.add_webhook("by hand", url, &secret, topics);
        Ok(json!({ "id": id, "secret_key": secret }))
    }

    fn sending(&mut self, hook: &mut Hook, sim: &mut Sim) {
        self.sign(hook, sim.now_ms());
    }

    fn sent(&mut self, hook: &Hook, status: u16, sim: &mut Sim) -> bool {
        self.after_sending(hook, status, sim.now_ms())
    }

    fn pass_time(&mut self, sim: &mut Sim) {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        self.tick(sim);
        self.send_out(sim);
    }

    fn command(&mut self, name: &str, args: &Value, _: &mut Sim) -> Option<Value> {
        match name {
            "expire-tokens" => self.tokens.revoke_access(),
            "revoke-tokens" => {
                self.tokens.revoke_all();
                self.key = None;
            }
            "drop-scope" => match args["scope"].as_str() {
                Some(scope) => {
                    self.scopes.remove(scope);
                }
                None => self.scopes.retain(|it| it.ends_with(":read")),
            },
            "set-rate" => {
                self.rate = args["burst"].as_u64().zip(args["steady"].as_u64());
                self.rates.clear();
            }
            "set-lag" => self.lag_ms = args["ms"].as_i64()?,
            "set-job-time" => self.job_ms = args["ms"].as_i64()?,
            "set-plan" => self.has_cdp = args["cdp"].as_bool()?,
            "set-double-opt-in" => {
                self.lists.get_mut(args["list"].as_str()?)?.is_double_opt_in =
                    args["on"].as_bool()?
            }
            "retire-revision" => args["before"]
                .as_str()?
                .clone_into(&mut self.oldest_revision),
            _ => return None,
        }
        Some(json!({}))
    }
}
