//! `/hooks/{connector}`: where vendors call. The vendor is answered when what it brought is durable.

#[cfg(test)]
mod tests;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use crosspoint_runtime::live::{HookAnswer, HookCall};

use super::Ctx;
use super::refusal::refusal;

/// What stands before the connector's name.
const PREFIX: &str = "/hooks/";

pub(super) fn routes() -> Router<Ctx> {
    Router::new()
        .route("/hooks/{connector}", any(call))
        .route("/hooks/{connector}/", any(call))
        .route("/hooks/{connector}/{*rest}", any(call))
}

async fn call(State(ctx): State<Ctx>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (connector, path) = place(&head.uri);
    let Some(limit) = ctx.host.hook_limit_bytes(connector) else {
        return unknown();
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let Ok(body) = to_bytes(body, limit).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body cannot be taken in");
    };
    let call = HookCall {
        method: head.method.as_str().to_owned(),
        path: path.to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        url: url(&ctx, &head.uri),
        headers: head.headers,
        body,
    };
    match ctx.host.hook(connector, call).await {
        HookAnswer::Answered(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            let form = [(CONTENT_TYPE, HeaderValue::from_static(answer.content_type))];
            (status, form, answer.body).into_response()
        }
        HookAnswer::Taken => (StatusCode::OK, Bytes::new()).into_response(),
        HookAnswer::Refused => refusal(
            StatusCode::UNAUTHORIZED,
            "the call does not prove where it comes from",
        ),
        HookAnswer::Unknown => unknown(),
        HookAnswer::Later(seconds) => {
            let why = "the call could not be taken; send it again";
            let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, why);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response
        }
    }
}

fn unknown() -> Response {
    refusal(StatusCode::NOT_FOUND, "there is nothing at this path")
}

/// The connector's name and what follows it, as they came.
fn place(uri: &Uri) -> (&str, &str) {
    let rest = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// The address as the vendor called it, where the public one is configured.
fn url(ctx: &Ctx, uri: &Uri) -> Option<String> {
    let public = ctx.host.project().server.as_ref()?.public_url.as_ref()?;
    let called = uri.path_and_query().map_or("", |called| called.as_str());
    Some(format!("{public}{called}"))
}
