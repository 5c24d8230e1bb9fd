//! Who calls: which source by its write key, which page by its origin.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    AUTHORIZATION, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use axum::response::{IntoResponse, Response};
use crosspoint_config::project::Tracking;
use crosspoint_runtime::live::ConnectorId;
use crosspoint_runtime::live::tracking::{data_parameter, form_value};

use super::answer::Failure;
use crate::http::Ctx;

/// Longest time for which a browser may remember what it may send, in seconds. Browsers cap it.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What a request says about its sender, apart from its body.
pub(super) struct Caller {
    /// Write keys, most trusted place first.
    keys: Vec<String>,
    /// The page's origin; browsers alone send one.
    origin: Option<HeaderValue>,
}

impl Caller {
    pub fn of(request: &Request) -> Self {
        let headers = request.headers();
        let mut keys = Vec::new();
        if let Some(header) = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
        {
            keys.extend(authorized(header));
        }
        let own = headers
            .get("x-write-key")
            .and_then(|value| value.to_str().ok());
        keys.extend(own.map(str::to_owned));
        let query = request.uri().query().unwrap_or_default();
        keys.extend(form_value(query.as_bytes(), "writeKey"));
        Self {
            keys,
            origin: headers.get(ORIGIN).cloned(),
        }
    }

    /// The source that one of the keys belongs to, if the page may call it. Of a key with a colon
    /// (`id:secret` of Jitsu, user name and password of Basic) the part before it suffices.
    pub fn source<'a>(
        &self,
        ctx: &'a Ctx,
        in_body: Option<&str>,
    ) -> Result<&'a ConnectorId, Failure> {
        let mut keys = self.keys.iter().map(String::as_str).chain(in_body);
        let writer = |key: &str| ctx.host.keys().writer(key);
        let source = keys.find_map(|key| {
            let id = || key.split_once(':').and_then(|(id, _)| writer(id));
            writer(key.trim()).or_else(id)
        });
        let source = source.ok_or(Failure::UnknownKey)?;
        let tracking = ctx.host.project().tracking.get(source);
        match (&self.origin, tracking) {
            (Some(origin), Some(tracking)) if !allows(&tracking.origins, origin) => {
                Err(Failure::Origin)
            }
            _ => Ok(source),
        }
    }
}

/// User name and password of Basic; a Bearer token.
fn authorized(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let pair = is_basic.then(|| data_parameter(rest.as_bytes()))?;
    String::from_utf8(pair).ok()
}

fn allows(origins: &[impl AsRef<str>], origin: &HeaderValue) -> bool {
    let mut origins = origins.iter().map(AsRef::as_ref);
    origins.any(|allowed: &str| {
        allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes())
    })
}

/// Whether any source names the page. A preflight request carries no write key.
fn is_known(ctx: &Ctx, origin: &HeaderValue) -> bool {
    let sources = ctx.host.project().tracking.values();
    let mut origins = sources.map(|tracking: &Tracking| &tracking.origins);
    origins.any(|origins| allows(origins, origin))
}

/// Lets the page read the answer, and the pause that it is asked for.
pub(super) fn with_origin(mut response: Response, ctx: &Ctx, caller: &Caller) -> Response {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = caller
        .origin
        .as_ref()
        .filter(|origin| is_known(ctx, origin))
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let readable = HeaderValue::from_static("retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    response
}

/// Answers a browser that asks what a page may send: any header, since clients add their own, and
/// no cookies.
pub(super) async fn preflight(State(ctx): State<Ctx>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.append(VARY, HeaderValue::from_static("origin"));
    answer.append(
        VARY,
        HeaderValue::from_static("access-control-request-headers"),
    );
    let origin = headers.get(ORIGIN).filter(|origin| is_known(&ctx, origin));
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let methods = HeaderValue::from_static("GET, POST");
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
    }
    response
}
