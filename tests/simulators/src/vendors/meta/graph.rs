//! What every call of the Graph API shares: versions, parameters, fields, errors, pages of a list,
//! counting.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{ACCOUNT, BUSINESS, Meta, NEWEST, OLDEST, OLDEST_MARKETING};
use crate::{Answer, Call, Sim};

/// An error object.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub code: i64,
    pub subcode: Option<u64>,
    pub kind: &'static str,
    pub message: String,
    /// For people: title and text.
    pub user: Option<(&'static str, &'static str)>,
    pub is_transient: bool,
    /// Until calls are let in again.
    pub minutes: Option<i64>,
}

impl Problem {
    pub fn new(status: u16, code: i64, message: &str) -> Self {
        Self {
            status,
            code,
            subcode: None,
            kind: "OAuthException",
            message: message.to_owned(),
            user: None,
            is_transient: false,
            minutes: None,
        }
    }

    pub fn parameter(message: &str) -> Self {
        Self::new(400, 100, &format!("(#100) {message}"))
    }

    pub fn required(name: &str) -> Self {
        Self::parameter(&format!("The parameter {name} is required"))
    }

    pub fn sub(mut self, subcode: u64) -> Self {
        self.subcode = Some(subcode);
        self
    }

    pub fn transient(code: i64) -> Self {
        let text = if code == 1 {
            "An unknown error occurred"
        } else {
            "Service temporarily unavailable"
        };
        let mut problem = Self::new(if code == 1 { 500 } else { 503 }, code, text);
        problem.is_transient = true;
        problem
    }

    pub fn missing(id: &str, verb: &str) -> Self {
        let text = format!(
            "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api"
        );
        let mut problem = Self::new(400, 100, &text).sub(33);
        problem.kind = "GraphMethodException";
        problem
    }

    pub fn alias(id: &str) -> Self {
        let text = format!("(#803) Some of the aliases you requested do not exist: {id}");
        Self::new(404, 803, &text)
    }

    pub fn token(subcode: Option<u64>) -> Self {
        let text = match subcode {
            Some(463) => "Error validating access token: Session has expired.",
            Some(460) => {
                "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons."
            }
            Some(458) => "Error validating access token: The user has not authorized application.",
            Some(_) => "The access token is invalid since the user has logged out",
            None => "Invalid OAuth access token - Cannot parse access token",
        };
        let mut problem = Self::new(400, 190, text);
        problem.subcode = subcode;
        problem
    }

    pub fn throttled(status: u16, code: i64) -> Self {
        let text = match code {
            4 => "(#4) Application request limit reached",
            17 => "(#17) User request limit reached",
            32 => "(#32) Page request limit reached",
            80003 => {
                "(#80003) There have been too many calls to this ad-account. Wait a bit and try again."
            }
            80005 => {
                "(#80005) There have been too many leadgen api calls to this page. Wait a bit and try again."
            }
            _ => "(#613) Calls to this api have exceeded the rate limit.",
        };
        Self::new(status, code, text)
    }

    pub fn body(&self, trace: u64) -> Value {
        let mut error = json!({ "message": self.message, "type": self.kind, "code": self.code, "fbtrace_id": format!("A{trace:010x}") });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if self.is_transient || self.user.is_some() {
            error["is_transient"] = json!(self.is_transient);
        }
        if let Some((title, text)) = self.user {
            error["error_user_title"] = json!(title);
            error["error_user_msg"] = json!(text);
        }
        json!({ "error": error })
    }

    pub fn answer(&self, trace: u64) -> Answer {
        Answer::json(self.status, &self.body(trace))
    }
}

/// Parameters of query and body together; what came as a form is text.
#[derive(Clone, Debug, Default)]
pub struct Params(pub Map<String, Value>);

impl Params {
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A value, or the JSON that stands in a text.
    pub fn json(&self, name: &str) -> Option<Value> {
        match self.0.get(name)? {
            Value::String(text) => serde_json::from_str(text).ok(),
            Value::Null => None,
            other => Some(other.clone()),
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|it| it == "true" || it == "1")
    }
}

/// One call, read.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: String,
    version: Option<u32>,
    pub parts: Vec<String>,
    pub params: Params,
    pub token: Option<String>,
    /// The token stood in the parameters.
    is_token_shown: bool,
}

/// 26 of `v26.0`.
pub fn version(text: &str) -> Option<u32> {
    text.strip_prefix('v')?.strip_suffix(".0")?.parse().ok()
}

fn form(text: &[u8]) -> impl Iterator<Item = (String, Value)> {
    let pairs = form_urlencoded::parse(text).into_owned();
    pairs.map(|(name, value)| (name, json!(value)))
}

impl Ask {
    pub fn read(call: &Call) -> Result<Self, Problem> {
        let mut params: Map<String, Value> = form(call.raw_query.as_bytes()).collect();
        let kind = call.header("content-type").unwrap_or_default();
        if kind.starts_with("application/json") {
            match call.json() {
                Some(Value::Object(body)) => params.extend(body),
                _ if call.body.is_empty() => {}
                _ => {
                    return Err(Problem::parameter(
                        "Invalid JSON in the body of the request",
                    ));
                }
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            params.extend(form(&call.body));
        } else if !call.body.is_empty() {
            let text = format!("Unsupported content type: {kind}");
            return Err(Problem::parameter(&text));
        }
        let bearer = call.bearer().map(str::to_owned);
        Self::new(call.method.as_str(), call.segments(), params, bearer)
    }

    fn new(
        method: &str,
        mut parts: Vec<String>,
        params: Map<String, Value>,
        bearer: Option<String>,
    ) -> Result<Self, Problem> {
        let mut params = Params(params);
        let version = parts.first().and_then(|it| version(it));
        if version.is_some() {
            parts.remove(0);
        }
        if version.is_some_and(|it| it > NEWEST) {
            let text = format!("Unknown path components: /{}", parts.join("/"));
            return Err(Problem::new(400, 2500, &text));
        }
        let shown = params.text("access_token");
        params.0.remove("access_token");
        let method = match params.text("method") {
            Some(other) if method == "POST" => other.to_uppercase(),
            _ => method.to_owned(),
        };
        let is_token_shown = shown.is_some();
        let token = shown.or(bearer);
        Ok(Self {
            method,
            version,
            parts,
            params,
            token,
            is_token_shown,
        })
    }

    /// One call of a batch, with the batch's token if it has none.
    pub fn inner(&self, method: &str, target: &str, body: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let params = form(query.as_bytes())
            .chain(form(body.as_bytes()))
            .collect();
        let parts = path.split('/').filter(|it| !it.is_empty());
        let parts = parts.map(str::to_owned).collect();
        let made = Self::new(method, parts, params, self.token.clone());
        made.unwrap_or_else(|_| Self {
            parts: vec!["unknown".to_owned()],
            ..self.clone()
        })
    }

    pub fn is(&self, method: &str, parts: &[&str]) -> bool {
        self.method == method && self.parts == parts
    }

    /// The version that serves it.
    pub fn served(&self) -> String {
        format!("v{}.0", self.version.unwrap_or(OLDEST).max(OLDEST))
    }

    /// The same list further on.
    fn next(&self, url: &str, after: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(token) = self.token.as_ref().filter(|_| self.is_token_shown) {
            query.append_pair("access_token", token);
        }
        for name in self.params.0.keys() {
            if let Some(value) = self
                .params
                .text(name)
                .filter(|_| name != "after" && name != "before")
            {
                query.append_pair(name, &value);
            }
        }
        query.append_pair("after", after);
        let (served, path) = (self.served(), self.parts.join("/"));
        format!("{url}/{served}/{path}?{}", query.finish())
    }

    pub fn fields(&self) -> Result<Option<Vec<Field>>, Problem> {
        let Some(text) = self.params.text("fields") else {
            return Ok(None);
        };
        let mut rest = text.as_str();
        let fields = read_fields(&mut rest).filter(|_| rest.is_empty());
        let bad = || {
            Problem::new(
                400,
                2500,
                "Syntax error \"Expected end of string instead of \"{\".\" at character 1",
            )
        };
        fields.map(Some).ok_or_else(bad)
    }
}

/// One name of `fields`, as `leads.limit(5){id,created_time}`.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub limit: Option<String>,
    pub inside: Option<Vec<Self>>,
}

fn read_fields(rest: &mut &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    loop {
        let end = rest.find([',', '{', '}', '.']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        *rest = tail;
        let mut field = Field {
            name: name.trim().to_owned(),
            limit: None,
            inside: None,
        };
        while let Some(tail) = rest.strip_prefix('.') {
            let (argument, tail) = tail.split_once(')')?;
            if let Some(limit) = argument.strip_prefix("limit(") {
                field.limit = Some(limit.to_owned());
            }
            *rest = tail;
        }
        if let Some(tail) = rest.strip_prefix('{') {
            *rest = tail;
            field.inside = Some(read_fields(rest)?);
            *rest = rest.strip_prefix('}')?;
        }
        if field.name.is_empty() {
            return None;
        }
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(tail) => *rest = tail,
            None => return Some(fields),
        }
    }
}

/// What can be asked of a kind of object.
pub struct Shape {
    pub name: &'static str,
    pub fields: &'static [&'static str],
    /// Without `fields`.
    pub usual: &'static [&'static str],
}

impl Shape {
    /// Refuses names that the object does not have.
    pub fn check(&self, fields: Option<&[Field]>) -> Result<(), Problem> {
        for field in fields.into_iter().flatten() {
            if !self.fields.contains(&field.name.as_str()) {
                let text = format!(
                    "Tried accessing nonexisting field ({}) on node type ({})",
                    field.name, self.name
                );
                return Err(Problem::parameter(&text));
            }
        }
        Ok(())
    }

    /// The part that was asked for; `id` is always there.
    pub fn cut(&self, all: &Value, fields: Option<&[Field]>) -> Value {
        let mut shown = Map::new();
        let mut show = |name: &str, inside: Option<&[Field]>| {
            if let Some(value) = all.get(name) {
                shown.insert(name.to_owned(), narrow(value, inside));
            }
        };
        match fields {
            None => self.usual.iter().for_each(|name| show(name, None)),
            Some(fields) => {
                for field in fields {
                    show(&field.name, field.inside.as_deref());
                }
            }
        }
        show("id", None);
        Value::Object(shown)
    }
}

fn narrow(value: &Value, inside: Option<&[Field]>) -> Value {
    match (value, inside) {
        (Value::Array(items), Some(_)) => items.iter().map(|item| narrow(item, inside)).collect(),
        (Value::Object(all), Some(inside)) => {
            let named = inside.iter().filter_map(|field| {
                let value = narrow(all.get(&field.name)?, field.inside.as_deref());
                Some((field.name.clone(), value))
            });
            Value::Object(named.collect())
        }
        _ => value.clone(),
    }
}

/// Where a page begins or ends.
pub type Key = (i64, u64);

fn cursor(key: Key) -> String {
    URL_SAFE_NO_PAD.encode(format!("AQ{}:{}", key.0, key.1))
}

fn key(cursor: &str) -> Option<Key> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (at, id) = text.strip_prefix("AQ")?.split_once(':')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

/// One page of a list, newest first, of what was created within `bounds`, in milliseconds.
pub fn page(
    ask: &Ask,
    sim: &mut Sim,
    keys: &BTreeSet<Key>,
    bounds: (i64, i64),
    ceiling: usize,
    view: impl Fn(u64) -> Option<Value>,
) -> Result<Value, Problem> {
    let limit = match ask.params.text("limit") {
        None => 25,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => limit.min(ceiling),
            _ => return Err(Problem::parameter("param limit must be non-negative")),
        },
    };
    let place = |name: &str| match ask.params.text(name).filter(|it| !it.is_empty()) {
        None => Ok(None),
        Some(text) => match key(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(Problem::parameter("Invalid cursors values")),
        },
    };
    let (after, before) = (place("after")?, place("before")?);
    if bounds.0 > bounds.1 {
        return Ok(json!({ "data": [] }));
    }
    let (lowest, highest) = ((bounds.0, 0), (bounds.1, u64::MAX));
    let mut found: Vec<Key> = match (after, before) {
        (_, Some(before)) if before >= highest => Vec::new(),
        (_, Some(before)) => {
            let newer = keys.range(before.max(lowest)..=highest);
            let mut found: Vec<Key> = newer
                .copied()
                .filter(|it| *it != before)
                .take(limit)
                .collect();
            found.reverse();
            found
        }
        (Some(after), None) if after <= lowest => Vec::new(),
        (Some(after), None) => {
            let older = keys
                .range(lowest..after.min((bounds.1.saturating_add(1), 0)))
                .rev();
            older.copied().take(limit).collect()
        }
        (None, None) => keys
            .range(lowest..=highest)
            .rev()
            .copied()
            .take(limit)
            .collect(),
    };
    let is_empty_page = sim.vendor_fault("empty-page").is_some();
    if is_empty_page {
        found.clear();
    }
    let (Some(&first), Some(&last)) = (found.first(), found.last()) else {
        if is_empty_page {
            let here = after.unwrap_or((i64::MAX, u64::MAX));
            let next = ask.next(&sim.url, &cursor(here));
            return Ok(
                json!({ "data": [], "paging": { "cursors": { "before": cursor(here), "after": cursor(here) }, "next": next } }),
            );
        }
        return Ok(json!({ "data": [] }));
    };
    let mut paging = json!({ "cursors": { "before": cursor(first), "after": cursor(last) } });
    if found.len() == limit {
        paging["next"] = json!(ask.next(&sim.url, &cursor(last)));
    }
    let data: Vec<Value> = found.iter().filter_map(|(_, id)| view(*id)).collect();
    Ok(json!({ "data": data, "paging": paging }))
}

impl Meta {
    /// Which quota of the business a call counts against.
    pub fn kind_of(&self, ask: &Ask) -> Option<&'static str> {
        let first = ask.parts.first()?;
        let id: Option<u64> = first.parse().ok();
        if first.starts_with("act_") || id.is_some_and(|id| self.audiences.contains_key(&id)) {
            return Some("custom_audience");
        }
        let id = id?;
        let is_form = self.forms.iter().any(|it| it.id == id);
        let is_page = self.pages.iter().any(|it| it.id == id);
        let is_ad = self.ads.iter().any(|it| it.id == id);
        (is_form || is_page || is_ad || self.by_id.contains_key(&id)).then_some("leadgen")
    }

    pub fn count(&mut self, kind: Option<&'static str>, sim: &Sim) -> Result<(), Problem> {
        let status = self.throttle_status;
        for name in kind.into_iter().chain(["app"]) {
            let Some(window) = self.limits.get_mut(name) else {
                continue;
            };
            if let Err(wait_ms) = window.take(sim.now_ms()) {
                sim.refuse_for_rate();
                let code = match name {
                    "leadgen" => 80005,
                    "custom_audience" => 80003,
                    _ => 4,
                };
                let mut problem = Problem::throttled(status, code);
                problem.minutes = Some((wait_ms + 59_999) / 60_000);
                return Err(problem);
            }
        }
        Ok(())
    }

    /// The headers that tell how much was used.
    pub fn usage(
        &self,
        answer: Answer,
        kind: Option<&'static str>,
        minutes: Option<i64>,
        ask: &Ask,
    ) -> Answer {
        let share = |name: &str| {
            let window = &self.limits[name];
            let used = window.limit - window.left();
            used * 100 / window.limit.max(1)
        };
        let is_app_struck = minutes.is_some() && share("app") >= 100;
        let app = json!({ "call_count": share("app"), "total_time": share("app") / 2, "total_cputime": share("app") / 2 });
        let answer = answer.with("x-app-usage", app);
        let Some(kind) = kind else {
            return answer;
        };
        let is_ads = kind == "custom_audience";
        let owner = if is_ads { ACCOUNT } else { BUSINESS };
        let used = if minutes.is_some() && !is_app_struck {
            100
        } else {
            share(kind)
        };
        let business = json!({ owner: [{ "type": kind, "call_count": used, "total_cputime": used / 4, "total_time": used / 4,
            "estimated_time_to_regain_access": minutes.unwrap_or(0) }] });
        let answer = answer.with("x-business-use-case-usage", business);
        match ask.parts.first().filter(|_| is_ads) {
            Some(_) => answer.with("x-ad-account-usage", json!({ "acc_id_util_pct": used, "reset_time_duration": minutes.unwrap_or(0) * 60, "ads_api_access_tier": "standard_access" })),
            None => answer,
        }
    }

    /// Marketing edges end sooner than the rest.
    pub fn marketing(&self, ask: &Ask) -> Result<(), Problem> {
        let asked = ask.version.unwrap_or(OLDEST);
        if asked >= OLDEST_MARKETING && !self.expired.contains(&asked) {
            return Ok(());
        }
        let text = format!(
            "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v{NEWEST}.0."
        );
        Err(Problem::new(400, 2635, &text))
    }
}
