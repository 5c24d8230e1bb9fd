//! Who may read profiles and segments over HTTP, and from which pages.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CACHE_CONTROL, ORIGIN,
    RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use crosspoint_config::project::Lookups;
use crosspoint_runtime::admin::AdminError;
use serde_json::json;

use super::Ctx;

/// Number of the newest ledger entry that an answer knows of.
pub(super) const POSITION: HeaderName = HeaderName::from_static("x-crosspoint-position");

/// How long a browser may remember what an origin is allowed, in seconds. Short enough for an
/// operator who changes the list.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody with a read token: may read everything.
    Trusted,
    /// A browser on an allowed page: may read what is public.
    Anybody,
}

impl Caller {
    /// The caller of a request.
    pub fn of(ctx: &Ctx, headers: &HeaderMap) -> Result<Self, Refusal> {
        if headers.contains_key(AUTHORIZATION) {
            return match bearer(headers).is_some_and(|token| ctx.host.keys().may_read(token)) {
                true => Ok(Self::Trusted),
                false => Err(Refusal::unauthorized("the token is not valid")),
            };
        }
        let lookups = ctx.host.project().lookups.as_ref();
        let lookups =
            lookups.filter(|it| !it.public_traits.is_empty() || !it.public_segments.is_empty());
        let Some(lookups) = lookups else {
            return Err(Refusal::token_needed());
        };
        match comes_from_allowed(lookups, headers) {
            true => Ok(Self::Anybody),
            false => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "origin-not-allowed",
                "this page may not ask without a token",
            )),
        }
    }

    /// Refuses whoever has no token.
    pub fn trusted(ctx: &Ctx, headers: &HeaderMap) -> Result<(), Refusal> {
        match Self::of(ctx, headers) {
            Ok(Self::Trusted) => Ok(()),
            Err(refusal) if headers.contains_key(AUTHORIZATION) => Err(refusal),
            _ => Err(Refusal::token_needed()),
        }
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750); the scheme's case does not matter.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether a request without a token comes from a page that may ask. Anything but a browser can
/// pretend to: this keeps other websites away, not people.
fn comes_from_allowed(lookups: &Lookups, headers: &HeaderMap) -> bool {
    match headers.get(ORIGIN) {
        Some(origin) => is_allowed(lookups, origin),
        // A page of our own address sends no origin with GET, but says this.
        None => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site.as_bytes() == b"same-origin"),
    }
}

fn is_allowed(lookups: &Lookups, origin: &HeaderValue) -> bool {
    let mut allowed = lookups.origins.iter();
    allowed
        .any(|allowed| allowed == "*" || origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
}

/// What answers a preflight beyond what [`guard`] adds: nothing.
pub(super) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Marks every answer as nobody else's: neither caches nor pages that are not allowed may have it
/// (Fetch standard, "CORS protocol").
pub(super) async fn guard(State(ctx): State<Ctx>, request: Request, next: Next) -> Response {
    let lookups = ctx.host.project().lookups.as_ref();
    let origin = request.headers().get(ORIGIN).cloned();
    let origin = origin.filter(|origin| lookups.is_some_and(|it| is_allowed(it, origin)));
    let preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, POSITION.into());
        if preflight {
            let allowed = HeaderValue::from_static("authorization, last-event-id");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET"),
            );
            headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
        }
    }
    response
}

/// Why a request is not answered; says nothing about any profile.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// A word for programs, which never changes.
    code: &'static str,
    message: Cow<'static, str>,
}

impl Refusal {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
        }
    }

    pub fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    pub fn token_needed() -> Self {
        Self::unauthorized("this needs a read token: `Authorization: Bearer TOKEN`")
    }

    /// What is not there, and what this caller may not know of, alike.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "not found")
    }

    /// What may be there a second later.
    pub fn not_now(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    fn unauthorized(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token-needed", message)
    }
}

impl From<AdminError> for Refusal {
    /// The operator reads why in the log; a caller could do nothing with it.
    fn from(error: AdminError) -> Self {
        tracing::error!(%error, "could not answer a lookup");
        Self::not_now("failed", "the host could not answer")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.message, "code": self.code }));
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// The parameters of a request, each at most once and all of them known.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query.
    pub fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Refusal> {
        let mut read: Vec<(String, String)> = Vec::new();
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, value) in pairs {
            if !known.contains(&name.as_ref()) {
                let known = known.join("`, `");
                let message = format!("`{name}` is not a parameter; there are `{known}`");
                return Err(Refusal::bad(message));
            }
            if read.iter().any(|(present, _)| *present == name) {
                return Err(Refusal::bad(format!("`{name}` stands twice")));
            }
            read.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(read))
    }

    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(present, _)| present == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter that is a whole number of at most `most`.
    pub fn number(&self, name: &str, most: u64) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<u64>() {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => {
                let message = format!("`{name}` is a whole number from 0 to {most}");
                Err(Refusal::bad(message))
            }
        }
    }

    /// A parameter that is a list of names, separated by commas.
    pub fn list(&self, name: &str) -> Result<Option<Vec<&str>>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let names: Vec<_> = text.split(',').map(str::trim).collect();
        match names.iter().all(|name| !name.is_empty()) && names.len() <= MOST_NAMES {
            true => Ok(Some(names)),
            false => Err(Refusal::bad(format!(
                "`{name}` is a list of 1 to {MOST_NAMES} names, separated by commas"
            ))),
        }
    }
}

/// Names in one list: more than any page shows.
const MOST_NAMES: usize = 100;
