//! One GraphQL call and what its answer means.

use crosspoint_sdk::http::{HttpError, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{self, json};
use crosspoint_sdk::{Context, Error, Instant, Outcome};

use crate::Settings;

/// Asks the shop.
pub(crate) struct Client<'a> {
    ctx: &'a Context,
    settings: &'a Settings,
}

/// A successful answer.
pub(crate) struct Answer {
    /// What stands under `data`.
    pub(crate) data: Json,
    /// The vendor's clock.
    pub(crate) date: Option<Instant>,
    /// Points that the query was said to need.
    pub(crate) requested_cost: Option<u32>,
    /// The version that answered, where it is not the one asked for.
    pub(crate) other_version: Option<String>,
}

/// Why there is no data.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No answer.
    Http(HttpError),
    /// A status that is none of success.
    Status(Reply),
    /// An answer that is not what GraphQL answers: a proxy's page, or cut short.
    Garbled,
    /// The bucket is too empty; full in so many milliseconds.
    Throttled(Option<u64>),
    /// The query needs more points than any may.
    TooCostly,
    /// The token lacks a scope or an approval.
    Denied(String),
    /// The shop failed.
    Internal,
    /// The query or a variable does not please; with the vendor's code.
    Refused(String),
}

impl<'a> Client<'a> {
    pub(crate) fn new(ctx: &'a Context, settings: &'a Settings) -> Self {
        Self { ctx, settings }
    }

    /// The context that it asks through.
    pub(crate) fn ctx(&self) -> &'a Context {
        self.ctx
    }

    /// Sends a document with variables.
    pub(crate) fn ask(&self, query: &str, variables: serde_json::Value) -> Result<Answer, Failure> {
        let settings = self.settings;
        let path = format!("/admin/api/{}/graphql.json", settings.api_version);
        let body = json!({ "query": query, "variables": variables });
        let call = self
            .ctx
            .http_at(settings.url.as_str())
            .header("accept", "application/json")
            .post(&path)
            .body("application/json", body.to_string());
        let reply = call.send().map_err(Failure::Http)?;
        let text = std::str::from_utf8(reply.body()).unwrap_or_default();
        let json = Json::parse(text).ok();
        if !reply.is_success() {
            return Err(Failure::Status(reply));
        }
        let Some(json) = json else {
            return Err(Failure::Garbled);
        };
        if let Some(failure) = failure_of(&json) {
            return Err(failure);
        }
        let data = match json.get("data") {
            Some(data @ Json::Object(_)) => data.clone(),
            _ => return Err(Failure::Garbled),
        };
        let cost = json.text_at("extensions.cost.requestedQueryCost");
        let version = reply.header("x-shopify-api-version").map(str::to_owned);
        Ok(Answer {
            data,
            date: reply.date(),
            requested_cost: cost.and_then(|cost| cost.split('.').next()?.parse().ok()),
            other_version: version.filter(|it| *it != settings.api_version),
        })
    }

    /// A plain download without credentials, of the bytes from `start` to `end`, both included.
    pub(crate) fn download(&self, url: &str, start: u64, end: u64) -> Result<Reply, HttpError> {
        let range = format!("bytes={start}-{end}");
        self.ctx.http().get(url).header("range", range).send()
    }
}

/// The failure that an answer with status 200 tells of. `errors` is a list, or a text where
/// somebody before GraphQL answered.
fn failure_of(json: &Json) -> Option<Failure> {
    let first = match json.get("errors")? {
        Json::List(list) => list.first()?,
        Json::Null => return None,
        Json::Text(_) => return Some(Failure::Refused("the shop refused the call".to_owned())),
        other => other,
    };
    let code = first.text_at("extensions.code").unwrap_or_default();
    let message = first.text_at("message").unwrap_or_default();
    Some(match code {
        "THROTTLED" => Failure::Throttled(throttle_ms(json)),
        "MAX_COST_EXCEEDED" => Failure::TooCostly,
        "ACCESS_DENIED" | "UNAUTHORIZED" | "FORBIDDEN" => Failure::Denied(scope_in(message)),
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => Failure::Internal,
        "" if message.eq_ignore_ascii_case("throttled") => Failure::Throttled(throttle_ms(json)),
        "" if message.to_ascii_lowercase().contains("access denied") => {
            Failure::Denied(scope_in(message))
        }
        "" if message.to_ascii_lowercase().contains("cursor") => {
            Failure::Refused("INVALID_CURSOR".to_owned())
        }
        "" if message.to_ascii_lowercase().contains("internal error") => Failure::Internal,
        "" => Failure::Refused("the shop refused the query".to_owned()),
        code => Failure::Refused(code.to_owned()),
    })
}

/// Until the bucket is full, in milliseconds, rounded up. Points for the refused query alone would be
/// spent by the queries before it when the call is made again, and it would be refused for ever;
/// what is waited for is not lost, since the bucket fills meanwhile.
fn throttle_ms(json: &Json) -> Option<u64> {
    let number = |path: &str| -> Option<f64> { json.text_at(path)?.parse().ok() };
    let requested = number("extensions.cost.requestedQueryCost")?;
    let available = number("extensions.cost.throttleStatus.currentlyAvailable")?;
    let rate = number("extensions.cost.throttleStatus.restoreRate")?;
    let full = number("extensions.cost.throttleStatus.maximumAvailable").unwrap_or(requested);
    let wait_ms = (full.max(requested) - available) / rate * 1000.0;
    // A cast of what is negative, or no number at all, gives 0.
    Some((wait_ms.ceil() as u64).clamp(1, 60_000))
}

/// The scopes that a message names, such as `read_orders`. The rest of it may quote data.
fn scope_in(message: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let scopes: Vec<_> = message
        .split(|c| !is_part(c))
        .filter(|word| word.starts_with("read_") || word.starts_with("write_"))
        .collect();
    if scopes.is_empty() {
        "the token lacks a scope or the approval for protected customer data".to_owned()
    } else {
        format!("the token lacks the scope {}", scopes.join(", "))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Http(error) => error.into(),
            Failure::Status(reply) => match reply.status() {
                402 => Self::Auth("the shop is frozen until its bill is paid".to_owned()),
                423 => Self::Auth("the shop is locked".to_owned()),
                404 => Self::invalid("url", "there is no shop at this address"),
                300..=399 => {
                    Self::invalid("url", "the shop's own address answers without redirects")
                }
                409 => Self::Transient(reply.status_line()),
                _ => reply.error(),
            },
            Failure::Garbled => {
                Self::Transient("the answer is not what GraphQL answers".to_owned())
            }
            Failure::Throttled(wait_ms) => Self::RateLimited(wait_ms),
            Failure::TooCostly => {
                Self::Fatal("the query needs more points than one may".to_owned())
            }
            Failure::Denied(text) => Self::Auth(text),
            Failure::Internal => Self::Transient("the shop reported an internal error".to_owned()),
            Failure::Refused(code) => Self::Fatal(format!("the shop refused the query: {code}")),
        }
    }
}

impl Failure {
    /// The error that speaks for everything that would be sent next, if it is of that kind and
    /// nothing was done.
    pub(crate) fn for_all(&self) -> Option<Error> {
        match self {
            Self::Http(HttpError::Denied(what)) => Some(Error::invalid(
                "grants",
                format!("request not granted: {what}"),
            )),
            Self::Http(HttpError::Auth(what)) => Some(Error::Auth(what.clone())),
            Self::Http(HttpError::RateLimited(wait_ms)) => Some(Error::RateLimited(Some(*wait_ms))),
            Self::Status(reply) => match reply.status() {
                300..=399 | 401..=404 | 423 | 429 => Some(Self::Status(reply.clone()).into()),
                410 => Some(Error::Gone(reply.status_line())),
                _ => None,
            },
            Self::Throttled(wait_ms) => Some(Error::RateLimited(*wait_ms)),
            Self::Denied(text) => Some(Error::Auth(text.clone())),
            _ => None,
        }
    }
}

impl From<Failure> for Outcome {
    /// Of one mutation that was sent: what may have been done is `unknown`.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Http(error) => error.into(),
            Failure::Status(reply) => match reply.status() {
                402 | 423 => Self::Auth(reply.status_line()),
                409 => Self::Transient(reply.status_line()),
                _ => reply.outcome(),
            },
            Failure::Garbled => Self::Unknown("the answer is not what GraphQL answers".to_owned()),
            Failure::Throttled(wait_ms) => Self::RateLimited(wait_ms),
            Failure::TooCostly => Self::rejected(None, "needs more points than one query may"),
            Failure::Denied(text) => Self::Auth(text),
            Failure::Internal => Self::Unknown("the shop reported an internal error".to_owned()),
            Failure::Refused(code) => Self::rejected(None, format!("the shop refused it: {code}")),
        }
    }
}
