//! Salesforce, REST v66.0 (v31.0 to v68.0 live): tokens, SOQL with locators, describe, change logs,
//! records one by one, by external id, in collections and composites, Bulk 2.0. An organisation
//! with accounts, contacts, leads, opportunities, tasks and events of the world's people under
//! their work addresses.
//!
//! Where the vendor's documents leave it open: an assertion is good for three minutes; a session
//! ends after two hours of rest, or by `token_ttl`; a column that the object does not have, or a
//! value of another type, refuses the whole collection; a locator ends after two days; wide rows
//! come in pages of 500; results of jobs stand in reverse; a locked row is status 400.
//!
//! Faults of its own: `row-error` `{"index", "code"}` (one record of a collection, or the only one,
//! is refused; `UNABLE_TO_LOCK_ROW` if nothing is said); `small-page` `{"rows"}`; `job-fail`
//! `{"message"}` (the job that is closed now fails); `concurrent` (403 for too many long calls);
//! `query-timeout` (400 `QUERY_TIMEOUT`).
//!
//! Commands: `expire-tokens`, `revoke-tokens` (refresh tokens too), `rotate-secret`, `drop-run-as`,
//! `drop-approval`, `block-app` (ends its sessions and grants no more), `set-rotation` `{"on"}`,
//! `drop-scope` and `add-scope` `{"scope"}`,
//! `set-instance` `{"url"}`, `set-limit` `{"max", "used"}`, `drop-locators`, `set-page` `{"rows"}`,
//! `set-job-time` `{"ms"}`, `set-hard-delete` `{"on"}`, `hide-field` and `show-field` `{"object",
//! "field"}` (no field: the object), `set-read-only` `{"object", "on"}`, `set-duplicate-rule`
//! `{"on", "allow_save"}`, `set-validation-rule` `{"field", "message"}`, `set-replication-lag`
//! `{"ms"}`, `purge-deleted`, `commit-late` `{"ms"}` (what happens by itself is seen so much later,
//! with its older stamp).

// The answer that refuses a call is the error; there is one a call.
#![allow(clippy::result_large_err)]

mod auth;
mod bulk;
mod collections;
mod composite;
mod csv;
mod data;
mod extract;
mod happen;
mod make;
mod query;
mod rsa;
mod schema;
mod select;
mod soql;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{Answer, Call, Options, Sim, Vendor, World};
use data::Data;
use write::Target;

const CLIENT: &str = "3MVG9crosspointConsumerKey.0123456789abcdef";
const USER: &str = "integration@crosspoint-test.example";
const KEY: &str = include_str!("salesforce/key.pem");
const OLDEST: u32 = 31;
const NEWEST: u32 = 68;
const DAY_MS: i64 = 86_400_000;
/// Of address and headers together.
const MOST_HEAD: usize = 16_384;

/// Why a call, or one record of it, is refused.
#[derive(Clone, Debug)]
pub struct Fault {
    status: u16,
    code: String,
    message: String,
    fields: Vec<String>,
    body: Option<Value>,
}

/// A status and a body.
pub type Done = Result<(u16, Value), Fault>;

impl Fault {
    pub fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            fields: Vec::new(),
            body: None,
        }
    }

    /// Of one record.
    pub fn field(message: &str, code: &str, fields: &[&str]) -> Self {
        let mut fault = Self::new(400, code, message);
        fault.fields = fields.iter().map(|&it| it.to_owned()).collect();
        fault
    }

    /// An external id that several records have.
    pub fn choices(object: &str, ids: &[String]) -> Self {
        let mut fault = Self::new(300, "MULTIPLE", "");
        let urls = ids
            .iter()
            .map(|id| json!(format!("/services/data/v66.0/sobjects/{object}/{id}")));
        fault.body = Some(urls.collect());
        fault
    }

    /// As results of collections have it.
    pub fn of_row(&self) -> Value {
        json!({ "statusCode": self.code, "message": self.message, "fields": self.fields })
    }

    pub fn answer(&self) -> Answer {
        let mut error = json!({ "message": self.message, "errorCode": self.code });
        if !self.fields.is_empty() {
            error["fields"] = json!(self.fields);
        }
        Answer::json(self.status, self.body.as_ref().unwrap_or(&json!([error])))
    }
}

fn answer(done: Done) -> Answer {
    match done {
        Ok((204, _)) => Answer::empty(204),
        Ok((status, body)) => Answer::json(status, &body),
        Err(fault) => fault.answer(),
    }
}

fn not_found() -> Fault {
    Fault::new(404, "NOT_FOUND", "The requested resource does not exist")
}

/// The body, an object.
fn body(call: &Call) -> Result<Value, Fault> {
    let text = "Unexpected character or end of input at [line:1, column:1]";
    let found = call.json().filter(Value::is_object);
    found.ok_or_else(|| Fault::new(400, "JSON_PARSER_ERROR", text))
}

/// The organisation.
pub struct Salesforce {
    data: Data,
    world: World,
    /// Ids, the first is the integration's.
    users: Vec<String>,
    sessions: BTreeMap<String, auth::Session>,
    refresh: BTreeSet<String>,
    scopes: BTreeSet<String>,
    client_secret: String,
    has_run_as: bool,
    is_approved: bool,
    rotates: bool,
    instance: Option<String>,
    locators: BTreeMap<String, query::Locator>,
    page: Option<usize>,
    replication_lag_ms: i64,
    purged_ms: i64,
    commit_lag_ms: i64,
    daily: usize,
    used: usize,
    day_ms: i64,
    ingests: BTreeMap<String, bulk::Ingest>,
    query_jobs: BTreeMap<String, extract::Extract>,
    job_ms: i64,
    failing: Option<String>,
    may_hard_delete: bool,
    /// Objects and fields that the user does not see; no field: the whole object.
    hidden: BTreeSet<(String, String)>,
    read_only: BTreeSet<String>,
    /// Whether a duplicate may be saved all the same.
    duplicates: Option<bool>,
    rule: Option<(String, String)>,
    /// Effects of this call: kind, subject, key, detail.
    pending: Vec<(String, String, String, Value)>,
    made: u64,
}

impl Salesforce {
    #[must_use]
    pub fn new(options: &Options) -> Self {
        let world = options.world();
        let mut data = Data::new();
        let users = make::users(&mut data, &world);
        make::fill(&mut data, &world, &users, options.seed);
        let scopes = ["api", "refresh_token"].map(str::to_owned);
        Self {
            data,
            users,
            sessions: BTreeMap::new(),
            refresh: BTreeSet::from(["5Aep861first.refresh.token".to_owned()]),
            scopes: BTreeSet::from(scopes),
            client_secret: "A1B2C3D4E5F60718293A4B5C6D7E8F90".to_owned(),
            has_run_as: true,
            is_approved: true,
            rotates: false,
            instance: None,
            locators: BTreeMap::new(),
            page: None,
            replication_lag_ms: 0,
            purged_ms: i64::MIN,
            commit_lag_ms: 0,
            daily: 100_000,
            used: 0,
            day_ms: world.now_ms,
            ingests: BTreeMap::new(),
            query_jobs: BTreeMap::new(),
            job_ms: 200,
            failing: None,
            may_hard_delete: true,
            hidden: BTreeSet::new(),
            read_only: BTreeSet::new(),
            duplicates: None,
            rule: None,
            pending: Vec::new(),
            made: 0,
            world,
        }
    }

    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn is_hidden(&self, object: &str, field: &str) -> bool {
        let has = |field: &str| self.hidden.contains(&(object.to_owned(), field.to_owned()));
        !self.hidden.is_empty() && (has(field) || has(""))
    }

    /// The object of this name that the user sees.
    fn kind(&self, name: &str) -> Option<&'static str> {
        let found = self.data.object(name)?.name;
        (!self.is_hidden(found, "")).then_some(found)
    }

    fn may_edit(&self, object: &str) -> Result<(), Fault> {
        if self.read_only.contains(object) || matches!(object, "User" | "Group") {
            let text = "insufficient access rights on cross-reference id";
            return Err(Fault::new(403, "INSUFFICIENT_ACCESS_OR_READONLY", text));
        }
        Ok(())
    }

    fn version(text: &str) -> Result<u32, Fault> {
        let number = text
            .strip_prefix('v')
            .and_then(|it| it.strip_suffix(".0")?.parse().ok());
        match number {
            Some(OLDEST..=NEWEST) => Ok(number.unwrap_or(NEWEST)),
            Some(1..OLDEST) => Err(Fault::new(
                410,
                "GONE",
                "The requested version of the API is no longer supported",
            )),
            _ => Err(not_found()),
        }
    }

    fn count(&mut self, sim: &mut Sim) -> Result<(), Fault> {
        let now_ms = sim.now_ms();
        if now_ms - self.day_ms >= DAY_MS {
            (self.day_ms, self.used) = (now_ms, 0);
        }
        let over = |text: &str| Err(Fault::new(403, "REQUEST_LIMIT_EXCEEDED", text));
        if sim.vendor_fault("concurrent").is_some() {
            return over("ConcurrentRequests (Concurrent API Requests) Limit exceeded.");
        }
        if self.used >= self.daily {
            return over("TotalRequests Limit exceeded.");
        }
        self.used += 1;
        Ok(())
    }

    /// Everything of one version.
    fn api(&mut self, version: &str, rest: &[&str], call: &Call, sim: &mut Sim) -> Answer {
        if call.method == http::Method::GET
            && let Some(answer) = self.resources(version, rest)
        {
            return answer;
        }
        if let Some(done) = self.bulk(version, rest, call, sim) {
            return done.unwrap_or_else(|fault| fault.answer());
        }
        answer(self.routed(version, rest, call, sim))
    }

    fn routed(&mut self, version: &str, rest: &[&str], call: &Call, sim: &mut Sim) -> Done {
        let base = format!("/services/data/{version}");
        match (call.method.as_str(), rest) {
            ("GET", ["query" | "queryAll", ..]) if sim.vendor_fault("query-timeout").is_some() => {
                Err(Fault::new(
                    400,
                    "QUERY_TIMEOUT",
                    "Your query request was running for too long.",
                ))
            }
            ("GET", ["query"]) => self.query(version, call, false, sim),
            ("GET", ["queryAll"]) => self.query(version, call, true, sim),
            ("GET", ["query" | "queryAll", locator]) => self.more(locator, sim),
            (_, ["sobjects", name, rest @ ..]) => {
                let object = self.kind(name).ok_or_else(not_found)?;
                self.records(&base, object, rest, call, sim)
            }
            (_, ["composite", rest @ ..]) => self.composite(&base, rest, call, sim),
            _ => Err(not_found()),
        }
    }

    fn records(
        &mut self,
        base: &str,
        object: &'static str,
        rest: &[&str],
        call: &Call,
        sim: &mut Sim,
    ) -> Done {
        let fields = || -> Result<Map<String, Value>, Fault> {
            match body(call)? {
                Value::Object(fields) => Ok(fields),
                _ => Ok(Map::new()),
            }
        };
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let (_, mut told) = self.describe(base, object)?;
                told.as_object_mut().map(|it| it.remove("fields"));
                Ok((200, json!({ "objectDescribe": told, "recentItems": [] })))
            }
            ("GET", ["describe"]) => self.describe(base, object),
            ("GET", ["deleted"]) => self.log(object, true, call, sim),
            ("GET", ["updated"]) => self.log(object, false, call, sim),
            ("POST", []) => {
                let fields = fields()?;
                self.readable(object, &fields)?;
                self.struck(sim)?;
                let (id, _) = self.save(object, Target::New, &fields, call, sim)?;
                Ok((201, json!({ "id": id, "success": true, "errors": [] })))
            }
            ("GET", [id]) => {
                let row = self
                    .data
                    .row(object, id)
                    .filter(|it| self.data.is_seen(it, false, sim.now_ms()));
                Ok((
                    200,
                    self.whole(
                        base,
                        object,
                        row.ok_or_else(not_found)?,
                        call.param("fields"),
                    )?,
                ))
            }
            ("PATCH", [id]) => {
                let fields = fields()?;
                self.readable(object, &fields)?;
                self.struck(sim)?;
                self.save(object, Target::Id((*id).to_owned()), &fields, call, sim)?;
                Ok((204, Value::Null))
            }
            ("DELETE", [id]) => {
                self.struck(sim)?;
                self.bin(object, id, sim)?;
                Ok((204, Value::Null))
            }
            (method, [name, value]) => {
                let field = self.data.objects[object]
                    .field(name)
                    .filter(|it| it.is_external);
                let Some(name) = field.map(|it| it.name) else {
                    let text = format!(
                        "Provided external ID field does not exist or is not accessible: {name}"
                    );
                    return Err(Fault::new(404, "NOT_FOUND", &text));
                };
                let ids = self.data.by_external(object, name, value);
                match method {
                    "PATCH" => {
                        let fields = fields()?;
                        if fields.keys().any(|it| {
                            it.eq_ignore_ascii_case(name) || it.eq_ignore_ascii_case("Id")
                        }) {
                            let text = format!(
                                "The {name} field should not be specified in the sobject data."
                            );
                            return Err(Fault::new(400, "INVALID_FIELD", &text));
                        }
                        self.readable(object, &fields)?;
                        self.struck(sim)?;
                        let target = Target::External(name, (*value).to_owned());
                        let (id, is_new) = self.save(object, target, &fields, call, sim)?;
                        let told =
                            json!({ "id": id, "success": true, "errors": [], "created": is_new });
                        Ok((if is_new { 201 } else { 200 }, told))
                    }
                    _ if ids.len() > 1 => Err(Fault::choices(object, &ids)),
                    _ if ids.is_empty() => Err(not_found()),
                    "DELETE" => {
                        self.bin(object, &ids[0], sim)?;
                        Ok((204, Value::Null))
                    }
                    _ => {
                        let row = self.data.row(object, &ids[0]).ok_or_else(not_found)?;
                        Ok((200, self.whole(base, object, row, call.param("fields"))?))
                    }
                }
            }
            _ => Err(Fault::new(
                405,
                "METHOD_NOT_ALLOWED",
                "HTTP Method not allowed",
            )),
        }
    }

    /// The scripted fault of a single record.
    fn struck(&self, sim: &mut Sim) -> Result<(), Fault> {
        let Some(args) = sim.vendor_fault("row-error") else {
            return Ok(());
        };
        let code = args["code"].as_str().unwrap_or("UNABLE_TO_LOCK_ROW");
        Err(Fault::new(
            400,
            code,
            "unable to obtain exclusive access to this record",
        ))
    }

    fn served(&mut self, version: &str, rest: &[&str], call: &Call, sim: &mut Sim) -> Answer {
        let head: usize = call
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        if call.path.len() + call.raw_query.len() + head > MOST_HEAD {
            return Fault::new(414, "URI_TOO_LONG", "URI Too Long").answer();
        }
        let checked = Self::version(version)
            .and_then(|_| self.admit(call, sim))
            .and_then(|()| self.count(sim));
        match checked {
            Err(fault) => fault.answer(),
            Ok(()) => self.api(version, rest, call, sim),
        }
    }
}

impl Vendor for Salesforce {
    fn settings(&self, url: &str) -> Value {
        json!({
            "login_url": url, "instance_url": url, "api_version": "v66.0", "client_id": CLIENT, "username": USER,
            "audience": "https://login.salesforce.com", "external_id_field": "Crosspoint_Id__c"
        })
    }

    fn secrets(&self) -> Value {
        json!({ "client_secret": self.client_secret, "private_key": KEY, "refresh_token": self.refresh.first() })
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        self.work(sim);
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            ["services", "oauth2", "token"] => return self.token(call, sim),
            ["services", "oauth2", "revoke"] => {
                let token = call.form().into_iter().find(|(name, _)| name == "token");
                let token = token.map(|(_, it)| it).unwrap_or_default();
                let is_known = self.sessions.remove(&token).is_some() | self.refresh.remove(&token);
                return Answer::empty(if is_known { 200 } else { 400 });
            }
            ["services", "oauth2", "userinfo"] => match self.admit(call, sim) {
                Ok(()) => Answer::json(
                    200,
                    &json!({ "user_id": self.users[0], "organization_id": "00DRO0000001abcMAA", "preferred_username": USER, "active": true }),
                ),
                Err(_) => Answer::text(403, "Bad_OAuth_Token"),
            },
            ["services", "data"] => {
                let all = (OLDEST..=NEWEST).map(|it| json!({ "label": format!("Release {it}"), "url": format!("/services/data/v{it}.0"), "version": format!("{it}.0") }));
                return Answer::json(200, &all.collect());
            }
            ["services", "data", version, rest @ ..] => self.served(version, rest, call, sim),
            _ => not_found().answer(),
        };
        self.work(sim);
        for (kind, subject, key, detail) in std::mem::take(&mut self.pending) {
            sim.effect(&kind, &subject, &key, detail);
        }
        answer.with(
            "sforce-limit-info",
            format!("api-usage={}/{}", self.used, self.daily),
        )
    }

    fn error(&self, status: u16) -> Answer {
        let (code, text) = match status {
            401 => ("INVALID_SESSION_ID", "Session expired or invalid"),
            403 => ("INSUFFICIENT_ACCESS", "insufficient access rights"),
            404 => ("NOT_FOUND", "The requested resource does not exist"),
            410 => (
                "GONE",
                "The requested version of the API is no longer supported",
            ),
            429 => ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            503 => (
                "SERVER_UNAVAILABLE",
                "Server unavailable. Please try again later.",
            ),
            500.. => (
                "UNKNOWN_EXCEPTION",
                "An unexpected error occurred. Please include this ErrorId if you contact support: 1-2 (3)",
            ),
            _ => ("INVALID_INPUT", "The request is invalid"),
        };
        Fault::new(status, code, text).answer()
    }

    fn change(&mut self, sim: &mut Sim) -> Value {
        self.happen(sim)
    }

    fn truth(&self) -> Value {
        let collections = self.data.objects.values().map(|object| {
            let rows = self.data.rows(object.name).map(|row| {
                json!({ "id": row.id, "updated_at_ms": row.stamp_ms, "created_at_ms": row.created_ms, "deleted": row.is_deleted, "fields": row.fields })
            });
            (object.name.to_owned(), rows.collect())
        });
        Value::Object(collections.collect())
    }

    fn command(&mut self, name: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        let on = args["on"].as_bool().unwrap_or(true);
        let text = |name: &str| args[name].as_str().unwrap_or_default().to_owned();
        match name {
            "expire-tokens" => self.sessions.clear(),
            "revoke-tokens" => {
                self.sessions.clear();
                self.refresh.clear();
            }
            "rotate-secret" => self.client_secret = format!("ROTATED{:025}", self.number()),
            "drop-run-as" => self.has_run_as = false,
            "drop-approval" => self.is_approved = false,
            "block-app" => {
                self.sessions.clear();
                self.refresh.clear();
                (self.has_run_as, self.is_approved) = (false, false);
            }
            "set-rotation" => self.rotates = on,
            "drop-scope" => drop(self.scopes.remove(&text("scope"))),
            "add-scope" => drop(self.scopes.insert(text("scope"))),
            "set-instance" => self.instance = Some(text("url")),
            "set-limit" => {
                self.daily = args["max"].as_u64().map_or(self.daily, |it| it as usize);
                self.used = args["used"].as_u64().unwrap_or(0) as usize;
                self.day_ms = sim.now_ms();
            }
            "drop-locators" => self.locators.clear(),
            "set-page" => self.page = args["rows"].as_u64().map(|it| it.max(1) as usize),
            "set-job-time" => self.job_ms = args["ms"].as_i64()?,
            "set-hard-delete" => self.may_hard_delete = on,
            "hide-field" => drop(self.hidden.insert((text("object"), text("field")))),
            "show-field" => drop(self.hidden.remove(&(text("object"), text("field")))),
            "set-read-only" if on => drop(self.read_only.insert(text("object"))),
            "set-read-only" => drop(self.read_only.remove(&text("object"))),
            "set-duplicate-rule" => {
                self.duplicates = on.then(|| args["allow_save"].as_bool().unwrap_or(true));
            }
            "set-validation-rule" => self.rule = Some((text("field"), text("message"))),
            "set-replication-lag" => self.replication_lag_ms = args["ms"].as_i64()?,
            "purge-deleted" => self.purged_ms = sim.now_ms(),
            "commit-late" => self.commit_lag_ms = args["ms"].as_i64()?,
            _ => return None,
        }
        Some(json!({}))
    }
}
