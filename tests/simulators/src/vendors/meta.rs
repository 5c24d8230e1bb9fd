//! Meta's Graph API v26.0 as far as lead ads and Custom Audiences go: pages with forms and leads,
//! one ad account with audiences, apps' and pages' subscriptions, tokens. The plugins for lead ads
//! and for audiences meet the same system under two names.
//!
//! Where the vendor's documents leave it open: v21.0 to v26.0 live, an older Graph version is
//! served by the oldest of them and says so in `facebook-api-version`; marketing edges live from
//! v25.0 on and answer 2635 before; a page holds at most 500 leads; a full page has `next` even if
//! nothing follows; lists of forms want the Page's own token; a session is required for every
//! upload and lives ninety minutes; an entry with one malformed value is invalid as a whole; rows
//! of another length than the schema refuse the call; two test leads of one form do not go
//! together. A webhook is tried for 36 hours, then the subscription is off.
//!
//! Faults of its own: `transient` `{"code": 1 | 2}`; `throttle` `{"code": 4 | 17 | 32 | 613 | 80003
//! | 80005, "minutes": 3}`; `empty-page` (no data, but `next`); `too-much-data` (500, code 1);
//! `poison-row` `{"index": 1}` (one row of an upload counts as invalid); `blocked` (368);
//! `update-failed` (2650 of an audience).
//!
//! Commands: `expire-tokens`, `revoke-tokens` `{"subcode": 460 | 458 | 467}`, `restore-tokens`,
//! `revoke-page-tokens`, `drop-scope` and `add-scope` `{"scope"}`, `require-proof` `{"on"}`,
//! `restrict-leads` `{"how": "empty" | "error" | "off"}` (Leads Access Manager), `hide-lead`
//! `{"id", "code": 803 | 100}`, `show-lead` `{"id"}`, `delete-lead` `{"id"}`, `new-lead`
//! `{"person"}`, `set-limit` `{"kind": "app" | "leadgen" | "custom_audience", "calls",
//! "window_ms"}`, `set-throttle-status` `{"status"}`, `expire-version` `{"version": "v25.0"}`,
//! `set-session-required` `{"on"}`, `set-page-token-required` `{"on"}`, `set-match-time` `{"ms"}`,
//! `flag-audience` and `clear-audience` `{"id"}` (operation status 471), `drop-terms` and
//! `accept-terms`, `share-people` `{"count"}` (how many of the world the vendor knows),
//! `set-hook-numbers` `{"on"}` (ids as JSON numbers), `set-hook-text` `{"on"}` (a text with escapes
//! in each event), `batch-hooks` `{"count"}` (so many leads of two pages in one call),
//! `data-deletion` `{"url", "user", "forged"}`.

// The answer that refuses a call is the error; there is one a call.
#![allow(clippy::result_large_err)]

mod audiences;
mod graph;
mod hooks;
mod leads;
mod make;
mod nodes;
mod rows;
#[cfg(test)]
mod tests;
mod tokens;
mod uploads;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::hook::Hook;
use crate::{Answer, Call, Options, Sim, Vendor, Window, World};
use audiences::Audience;
use graph::{Ask, Problem};
use hooks::Subscription;
use leads::{Ad, Form, Lead, Page};
use tokens::Token;
use uploads::Session;

const APP: &str = "556677889900112";
const APP_SECRET: &str = "meta-app-secret-1";
const BUSINESS: &str = "778899001122334";
/// Without `act_`.
const ACCOUNT: &str = "331122445566778";
const VERIFY: &str = "verify-token-of-the-operator";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Leads are kept so long.
const KEPT_MS: i64 = 90 * DAY_MS;
const NEWEST: u32 = 26;
const OLDEST: u32 = 21;
const OLDEST_MARKETING: u32 = 25;

const SCOPES: &[&str] = &[
    "ads_management",
    "business_management",
    "leads_retrieval",
    "pages_manage_ads",
    "pages_manage_metadata",
    "pages_read_engagement",
    "pages_show_list",
];

/// The business and its assets.
pub struct Meta {
    world: World,
    pages: Vec<Page>,
    forms: Vec<Form>,
    ads: Vec<Ad>,
    leads: Vec<Lead>,
    by_id: BTreeMap<u64, usize>,
    /// By creation and id, which is the order of lists.
    by_form: Vec<BTreeSet<(i64, u64)>>,
    by_ad: Vec<BTreeSet<(i64, u64)>>,
    audiences: BTreeMap<u64, Audience>,
    sessions: BTreeMap<u64, Session>,
    /// Hashes of addresses and numbers of people with an account here.
    known: BTreeSet<String>,
    tokens: BTreeMap<String, Token>,
    scopes: BTreeSet<String>,
    subscriptions: Vec<Subscription>,
    tries: BTreeMap<String, i64>,
    limits: BTreeMap<&'static str, Window>,
    throttle_status: u16,
    expired: BTreeSet<u32>,
    restricted: String,
    needs_proof: bool,
    needs_session: bool,
    needs_page_token: bool,
    has_terms: bool,
    numbers_in_hooks: bool,
    text_in_hooks: bool,
    match_ms: i64,
    /// When somebody looked last.
    now_ms: i64,
    made: u64,
}

fn seconds(at_ms: i64) -> i64 {
    at_ms.div_euclid(1000)
}

/// `2026-02-03T04:05:06+0000`
fn stamp(at_ms: i64) -> String {
    crate::iso(at_ms).replace('Z', "+0000")
}

impl Meta {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let mut meta = Self {
            pages: make::pages(),
            forms: make::forms(world.now_ms),
            ads: make::ads(),
            leads: Vec::new(),
            by_id: BTreeMap::new(),
            by_form: vec![BTreeSet::new(); make::FORMS],
            by_ad: vec![BTreeSet::new(); make::ADS],
            audiences: make::audiences(world.now_ms),
            sessions: BTreeMap::new(),
            known: make::known(&world, usize::MAX),
            tokens: tokens::first(options),
            scopes: SCOPES.iter().map(|&it| it.to_owned()).collect(),
            subscriptions: Vec::new(),
            tries: BTreeMap::new(),
            limits: BTreeMap::new(),
            throttle_status: 400,
            expired: BTreeSet::new(),
            restricted: "off".to_owned(),
            needs_proof: false,
            needs_session: true,
            needs_page_token: true,
            has_terms: true,
            numbers_in_hooks: false,
            text_in_hooks: false,
            match_ms: 200,
            now_ms: world.now_ms,
            made: 0,
            world,
        };
        meta.fill(options.seed);
        let leads = meta.leads.len().max(10) as u64;
        let audiences = meta.audiences.len() as u64;
        meta.limits = BTreeMap::from([
            ("app", Window::new(200 * 1000, HOUR_MS)),
            ("leadgen", Window::new(4800 * leads, DAY_MS)),
            (
                "custom_audience",
                Window::new(5000 + 40 * audiences, HOUR_MS),
            ),
        ]);
        meta
    }

    /// A number for whatever is made next.
    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn one(&mut self, ask: &Ask, sim: &mut Sim) -> (Result<Value, Problem>, Option<&'static str>) {
        if ask.is("GET", &["oauth", "access_token"]) || ask.is("POST", &["oauth", "access_token"]) {
            return (self.exchange(ask, sim), None);
        }
        let token = match self.admit(ask, sim) {
            Ok(token) => token,
            Err(problem) => return (Err(problem), None),
        };
        let kind = self.kind_of(ask);
        if let Err(problem) = self.count(kind, sim) {
            return (Err(problem), kind);
        }
        if let Some(problem) = scripted(sim) {
            return (Err(problem), kind);
        }
        (self.route(ask, &token, sim), kind)
    }

    fn batch(&mut self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        let calls = ask.params.json("batch");
        let Some(calls) = calls.as_ref().and_then(Value::as_array) else {
            return Err(Problem::parameter("batch parameter must be a JSON array"));
        };
        if calls.len() > 50 {
            return Err(Problem::parameter(
                "Too many requests in batch message. Maximum batch size is 50",
            ));
        }
        let mut answers = Vec::new();
        for call in calls {
            let Some(target) = call["relative_url"].as_str() else {
                return Err(Problem::parameter(
                    "batch: relative_url must be set in each request",
                ));
            };
            let method = call["method"].as_str().unwrap_or("GET");
            let body = call["body"].as_str().unwrap_or_default();
            let inner = ask.inner(method, target, body);
            let (done, _) = self.one(&inner, sim);
            let (code, body) = match done {
                Ok(body) => (200, body),
                Err(problem) => (problem.status, problem.body(self.next())),
            };
            answers.push(json!({ "code": code, "headers": [{ "name": "Content-Type", "value": "text/javascript; charset=UTF-8" }], "body": body.to_string() }));
        }
        Ok(Value::Array(answers))
    }
}

/// What the script says about this call.
fn scripted(sim: &mut Sim) -> Option<Problem> {
    if let Some(args) = sim.vendor_fault("transient") {
        let code = args["code"].as_i64().unwrap_or(2);
        return Some(Problem::transient(code));
    }
    if sim.vendor_fault("too-much-data").is_some() {
        let text = "Please reduce the amount of data you're asking for, then retry your request";
        return Some(Problem::new(500, 1, text));
    }
    if sim.vendor_fault("blocked").is_some() {
        let text = "(#368) The action attempted has been deemed abusive or is otherwise disallowed";
        return Some(Problem::new(400, 368, text));
    }
    let args = sim.vendor_fault("throttle")?;
    let code = args["code"].as_i64().unwrap_or(4);
    let mut problem = Problem::throttled(400, code);
    problem.minutes = Some(args["minutes"].as_i64().unwrap_or(3));
    Some(problem)
}

impl Vendor for Meta {
    fn settings(&self, url: &str) -> Value {
        json!({
            "base_url": url, "api_version": "v26.0", "app_id": APP, "business_id": BUSINESS,
            "ad_account_id": ACCOUNT, "page_id": self.pages[0].id.to_string(),
            "page_ids": self.pages.iter().map(|it| it.id.to_string()).collect::<Vec<_>>(),
            "form_ids": self.forms.iter().map(|it| it.id.to_string()).collect::<Vec<_>>(),
        })
    }

    fn secrets(&self) -> Value {
        json!({
            "access_token": tokens::SYSTEM, "page_access_token": tokens::of_page(0),
            "app_secret": APP_SECRET, "verify_token": VERIFY
        })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        let ask = match Ask::read(call) {
            Ok(ask) => ask,
            Err(problem) => return problem.answer(self.next()),
        };
        let is_batch = ask.parts.is_empty() && ask.method == "POST";
        let (done, kind) = if is_batch {
            (self.batch(&ask, sim), None)
        } else {
            self.one(&ask, sim)
        };
        let minutes = match &done {
            Err(problem) => problem.minutes,
            Ok(_) => None,
        };
        let (served, trace) = (ask.served(), self.next());
        let answer = match done {
            Ok(body) => Answer::json(200, &body),
            Err(problem) => problem.answer(trace),
        };
        self.usage(
            answer.with("facebook-api-version", served),
            kind,
            minutes,
            &ask,
        )
    }

    fn error(&self, status: u16) -> Answer {
        let problem = match status {
            401 => Problem::token(Some(467)),
            403 => Problem::new(403, 200, "(#200) Permissions error"),
            404 => Problem::missing("0", "get"),
            429 => Problem::throttled(429, 4),
            408 | 500.. => Problem::transient(if status == 500 { 1 } else { 2 }),
            _ => Problem::parameter("Invalid parameter"),
        };
        let mut problem = problem;
        problem.status = status;
        problem.answer(0)
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.happen(sim)
    }

    fn truth(&self) -> Value {
        self.told()
    }

    fn subscribe(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        self.subscribed(url, args, sim)
    }

    fn sent(&mut self, hook: &Hook, status: u16, sim: &mut Sim) -> bool {
        self.heard(hook, status, sim)
    }

    fn pass_time(&mut self, sim: &mut Sim) {
        self.now_ms = sim.now_ms();
    }

    fn command(&mut self, name: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        let on = args["on"].as_bool().unwrap_or(true);
        let text = |name: &str| args[name].as_str().unwrap_or_default().to_owned();
        let id = || -> Option<u64> { args["id"].as_u64().or(text("id").parse().ok()) };
        match name {
            "expire-tokens" => self.kill_tokens(463),
            "revoke-tokens" => self.kill_tokens(args["subcode"].as_u64().unwrap_or(460)),
            "restore-tokens" => self.restore_tokens(),
            "revoke-page-tokens" => self.kill_page_tokens(),
            "drop-scope" => drop(self.scopes.remove(&text("scope"))),
            "add-scope" => drop(self.scopes.insert(text("scope"))),
            "require-proof" => self.needs_proof = on,
            "restrict-leads" => self.restricted = text("how"),
            "hide-lead" => {
                self.lead_mut(id()?)?.hidden = Some(args["code"].as_u64().unwrap_or(803));
            }
            "show-lead" => self.lead_mut(id()?)?.hidden = None,
            "delete-lead" => self.remove_lead(id()?, sim)?,
            "new-lead" => {
                let people = self.world.people.len();
                let person = (args["person"].as_u64().unwrap_or(0) as usize).checked_rem(people)?;
                return Some(self.submit(person, sim));
            }
            "set-limit" => {
                let kind = text("kind");
                let slot = self.limits.iter_mut().find(|(known, _)| **known == kind)?;
                let length_ms = args["window_ms"].as_i64().unwrap_or(slot.1.length_ms);
                *slot.1 = Window::new(args["calls"].as_u64()?, length_ms);
            }
            "set-throttle-status" => {
                self.throttle_status = u16::try_from(args["status"].as_u64()?).ok()?;
            }
            "expire-version" => drop(self.expired.insert(graph::version(&text("version"))?)),
            "set-session-required" => self.needs_session = on,
            "set-page-token-required" => self.needs_page_token = on,
            "set-match-time" => self.match_ms = args["ms"].as_i64()?,
            "flag-audience" => self.audiences.get_mut(&id()?)?.is_flagged = true,
            "clear-audience" => self.audiences.get_mut(&id()?)?.is_flagged = false,
            "drop-terms" => self.has_terms = false,
            "accept-terms" => self.has_terms = true,
            "share-people" => {
                self.known = make::known(&self.world, args["count"].as_u64()? as usize);
            }
            "set-hook-numbers" => self.numbers_in_hooks = on,
            "set-hook-text" => self.text_in_hooks = on,
            "batch-hooks" => return Some(self.burst(args["count"].as_u64().unwrap_or(3), sim)),
            "data-deletion" => self.data_deletion(args, sim),
            _ => return None,
        }
        Some(json!({}))
    }
}
