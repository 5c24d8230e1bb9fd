//! Mailchimp's Marketing API 3.0: lists with their members, tags, merge fields, events and
//! webhooks, synchronous and asynchronous batches, campaigns with reports. Stores of goods and
//! Transactional are not there. Unknown parameters and body fields are refused, so that a slip is
//! seen where the vendor would drop it; unknown merge tags are dropped, as by the vendor.
//!
//! Where the vendor's documents leave it open: `since_…` and `before_…` exclude their instant and
//! instants are whole seconds; the same value again is no change; a member that nobody could
//! archive (cleaned, pending, archived) answers 405; two rows with one address fail both; a path
//! that is not the hash of a new address is refused; tags and permanent deletion take the hash
//! only; results of a batch come in several files in no certain order, and their address refuses
//! an `authorization` header.
//!
//! Faults of its own: `bare-403` (403 without a body); `batch-partial` `{"emails": […]}` or
//! `{"index": 1}` (rows of `POST /lists/ID` fail); `operation-fails` `{"index": 1, "status": 500}`,
//! `result-missing` `{"index": 1}` and `batch-stuck` (of the batch that the call makes);
//! `resubscribe-500` (500 instead of a refusal).
//!
//! Commands: `revoke-tokens` and `expire-tokens` (the API key and the access token are no longer
//! valid), `rotate-key` (answers with the new one), `drop-scope` (the key's owner may only read),
//! `disable-account`, `set-rate` `{"calls", "window_ms"}`, `set-connections` `{"limit"}`,
//! `set-job-time` `{"ms"}`, `set-result-time` `{"ms"}`, `set-batch-limit` `{"open"}`,
//! `require-field` `{"tag", "on"}`, `set-hook-signing` `{"on"}`, `unsubscribe`, `clean`, `archive`
//! and `forget` `{"email"}` (by the member or a clerk), `send-campaign`.

mod batch;
mod data;
mod fields;
mod find;
mod hooks;
mod list;
mod make;
mod member;
mod report;
mod request;
mod tags;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::hook::Hook;
use crate::{Answer, Call, Options, Sim, Vendor, Window, World};
use data::{Campaign, List};
use request::{Outcome, Problem, Request};

const DC: &str = "us21";
const CLIENT: &str = "628190467112";
const CLIENT_SECRET: &str = "c4a1f0de7745b7f0b9b8a7d6e5f40312c4a1f0de7745b7f0b9";
const CODE: &str = "5f3a8b1c9d7e2046";
const TOKEN: &str = "0d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c";
/// Simultaneous calls of a key.
const CONNECTIONS: usize = 10;

/// One account.
pub struct Mailchimp {
    lists: BTreeMap<String, List>,
    campaigns: BTreeMap<String, Campaign>,
    batches: BTreeMap<String, batch::Batch>,
    batch_hooks: BTreeMap<String, String>,
    world: World,
    /// Of the call, in whole seconds.
    now_ms: i64,
    last_change_ms: i64,
    made: u64,
    key: Option<String>,
    token: Option<String>,
    may_write: bool,
    is_disabled: bool,
    rate: Option<Window>,
    connections: usize,
    job_ms: i64,
    result_ms: i64,
    open_batches: usize,
    has_signatures: bool,
    hook_failures: BTreeMap<Vec<u8>, u32>,
}

impl Mailchimp {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let lists = make::lists(&world);
        let campaigns = make::campaigns(&world, &lists);
        Self {
            lists,
            campaigns,
            batches: BTreeMap::new(),
            batch_hooks: BTreeMap::new(),
            now_ms: world.now_ms,
            last_change_ms: world.now_ms,
            world,
            made: 0,
            key: Some(format!("7be5c1f0a9d84e63b2f1075ce98d34aa-{DC}")),
            token: Some(format!("{TOKEN}-{DC}")),
            may_write: true,
            is_disabled: false,
            rate: None,
            connections: CONNECTIONS,
            job_ms: 200,
            result_ms: 600_000,
            open_batches: 500,
            has_signatures: true,
            hook_failures: BTreeMap::new(),
        }
    }

    /// Ten hexadecimal digits that no other thing has.
    fn new_id(&mut self, kind: &str) -> String {
        self.made += 1;
        data::md5(&format!("{kind}:{}", self.made))[..10].to_owned()
    }

    fn authorize(&self, call: &Call) -> Outcome<()> {
        let Some(header) = call.header("authorization") else {
            return Err(Problem::new(
                401,
                "API Key Missing",
                "Your request did not include an API key.",
            ));
        };
        let given = match header.split_once(' ') {
            Some(("Basic", _)) => call.basic().map(|(_, password)| password),
            Some(("Bearer" | "OAuth", token)) => Some(token.to_owned()),
            _ => None,
        };
        let is_known = given.is_some() && (given == self.key || given == self.token);
        if !is_known {
            let detail =
                "Your API key may be invalid, or you've attempted to access the wrong datacenter.";
            return Err(Problem::new(401, "API Key Invalid", detail));
        }
        if self.is_disabled {
            return Err(Problem::new(
                403,
                "User Disabled",
                "This account has been deactivated.",
            ));
        }
        if !self.may_write && call.method != http::Method::GET {
            let detail = "Based on your user role, you are not allowed to perform this action.";
            return Err(Problem::new(403, "Wrong User Role", detail));
        }
        Ok(())
    }

    fn limits(&mut self, sim: &Sim) -> Outcome<()> {
        let is_over = sim.in_flight > self.connections
            || (self.rate.as_mut()).is_some_and(|rate| rate.take(sim.now_ms()).is_err());
        if is_over {
            sim.refuse_for_rate();
            let detail = "You have exceeded the limit of 10 simultaneous connections.";
            return Err(Problem::new(429, "Too Many Requests", detail));
        }
        Ok(())
    }

    fn oauth(&self, call: &Call, parts: &[&str], sim: &Sim) -> Answer {
        let refuse = |status, error: &str, text: &str| {
            Answer::json(
                status,
                &json!({ "error": error, "error_description": text }),
            )
        };
        match (call.method.as_str(), parts) {
            ("GET", ["metadata"]) => {
                let given = call
                    .header("authorization")
                    .and_then(|it| it.strip_prefix("OAuth "));
                if given.is_none() || given != self.token.as_deref() {
                    return refuse(401, "invalid_token", "The access token is not valid.");
                }
                Answer::json(
                    200,
                    &json!({ "dc": DC, "role": "owner", "accountname": "A shop", "user_id": 15_243_817,
                             "login": { "login_id": 15_243_817, "login_name": "shop" },
                             "login_url": "https://login.mailchimp.com", "api_endpoint": sim.url }),
                )
            }
            ("POST", ["token"]) => {
                let form: BTreeMap<String, String> = call.form().into_iter().collect();
                let is = |name: &str, value: &str| form.get(name).is_some_and(|it| it == value);
                if !is("grant_type", "authorization_code") {
                    return refuse(
                        400,
                        "unsupported_grant_type",
                        "Only authorization_code is there.",
                    );
                }
                if !is("client_id", CLIENT) || !is("client_secret", CLIENT_SECRET) {
                    return refuse(401, "invalid_client", "The client is not known.");
                }
                match &self.token {
                    Some(token) if is("code", CODE) => Answer::json(
                        200,
                        &json!({ "access_token": token, "expires_in": 0, "scope": null }),
                    ),
                    _ => refuse(400, "invalid_grant", "The code is not valid."),
                }
            }
            _ => refuse(404, "not_found", "There is nothing here."),
        }
    }

    /// Also an operation of a batch comes here.
    fn route(&mut self, request: &Request, sim: &mut Sim) -> Outcome<Value> {
        let parts: Vec<&str> = request.parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", []) => Ok(json!({
                "account_id": "8d3a3db4d97663a9074efcc16", "account_name": "A shop", "email": "clerk@shop.example",
                "role": "owner", "total_subscribers": self.lists.values().map(|list| list.members.len()).sum::<usize>()
            })),
            ("GET", ["ping"]) => Ok(json!({ "health_status": "Everything's Chimpy!" })),
            (_, ["lists", rest @ ..]) => self.lists(request, rest, sim),
            ("GET", ["search-members"]) => self.search(request),
            ("GET", ["campaigns" | "reports", ..]) => self.reports(request, &parts),
            (_, ["batches", rest @ ..]) => self.batches(request, rest, sim),
            (_, ["batch-webhooks", rest @ ..]) => self.batch_hooks(request, rest),
            _ => Err(Problem::not_found()),
        }
    }
}

impl Vendor for Mailchimp {
    fn settings(&self, url: &str) -> Value {
        json!({ "base_url": format!("{url}/3.0"), "dc": DC, "list_id": make::NEWSLETTER })
    }

    fn secrets(&self) -> Value {
        json!({ "api_key": self.key, "access_token": self.token, "client_id": CLIENT,
                "client_secret": CLIENT_SECRET, "code": CODE })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        self.tick(sim);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["oauth2", rest @ ..] => return self.oauth(call, rest, sim),
            ["batch-results", file] => return self.result_file(call, file, sim),
            ["3.0", ..] => {}
            _ => return Problem::not_found().answer(),
        }
        if sim.vendor_fault("bare-403").is_some() {
            return Answer::empty(403);
        }
        let allowed = self.authorize(call).and_then(|()| self.limits(sim));
        let request = allowed.and_then(|()| Request::of(call, &segments[1..]));
        match request.and_then(|request| {
            let body = self.route(&request, sim)?;
            Ok(request.trimmed(body))
        }) {
            Ok(Value::Null) => Answer::empty(204),
            Ok(body) => Answer::json(200, &body),
            Err(problem) => problem.answer(),
        }
    }

    fn error(&self, status: u16) -> Answer {
        let (title, detail) = match status {
            401 => ("API Key Invalid", "Your API key may be invalid."),
            403 => (
                "Forbidden",
                "You are not permitted to access this resource.",
            ),
            404 => (
                "Resource Not Found",
                "The requested resource could not be found.",
            ),
            429 => (
                "Too Many Requests",
                "You have exceeded the limit of 10 simultaneous connections.",
            ),
            500.. => (
                "Internal Server Error",
                "An unexpected internal error has occurred.",
            ),
            _ => ("Bad Request", "Your request could not be processed."),
        };
        Problem::new(status, title, detail).answer()
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.random_change(sim)
    }

    fn truth(&self) -> Value {
        self.whole_truth()
    }

    fn subscribe(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        let id = args["list_id"]
            .as_str()
            .unwrap_or(make::NEWSLETTER)
            .to_owned();
        let events = &args["events"];
        let hook = self.new_hook(url, events, &args["sources"]);
        let shown = hook.view(&id, true);
        let list = self
            .lists
            .get_mut(&id)
            .ok_or_else(|| format!("there is no list `{id}`"))?;
        list.hooks.insert(hook.id.clone(), hook);
        let _ = sim;
        Ok(shown)
    }

    fn sending(&mut self, hook: &mut Hook, sim: &mut Sim) {
        self.sign(hook, sim.now_ms());
    }

    fn sent(&mut self, hook: &Hook, status: u16, _: &mut Sim) -> bool {
        self.after_sending(hook, status)
    }

    fn pass_time(&mut self, sim: &mut Sim) {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        self.tick(sim);
    }

    fn command(&mut self, name: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        self.now_ms = sim.now_ms().div_euclid(1000) * 1000;
        let email = args["email"].as_str();
        match name {
            "revoke-tokens" | "expire-tokens" => (self.key, self.token) = (None, None),
            "rotate-key" => {
                let id = self.new_id("key");
                self.key = Some(format!("{}-{DC}", data::md5(&id)));
                return Some(json!({ "api_key": self.key }));
            }
            "drop-scope" => self.may_write = false,
            "disable-account" => self.is_disabled = true,
            "set-rate" => {
                let length_ms = args["window_ms"].as_i64().unwrap_or(1000);
                self.rate = args["calls"]
                    .as_u64()
                    .map(|calls| Window::new(calls, length_ms));
            }
            "set-connections" => {
                self.connections = usize::try_from(args["limit"].as_u64()?).ok()?
            }
            "set-job-time" => self.job_ms = args["ms"].as_i64()?,
            "set-result-time" => self.result_ms = args["ms"].as_i64()?,
            "set-batch-limit" => {
                self.open_batches = usize::try_from(args["open"].as_u64()?).ok()?
            }
            "set-hook-signing" => self.has_signatures = args["on"].as_bool()?,
            "require-field" => {
                for list in self.lists.values_mut() {
                    for field in &mut list.merge_fields {
                        field.is_required ^= field.tag == args["tag"]
                            && field.is_required != args["on"].as_bool()?;
                    }
                }
            }
            "unsubscribe" | "clean" | "archive" | "forget" => {
                return Some(self.happens(name, email?, sim));
            }
            "send-campaign" => return Some(self.send_campaign(sim)),
            _ => return None,
        }
        Some(json!({}))
    }
}
