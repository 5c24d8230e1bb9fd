//! `/u/{token}`: one-click unsubscribing (RFC 8058). A POST is the click, whoever sends it; a GET
//! changes nothing, since programs that scan mail open every address, and shows a page with a button
//! that posts.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use crosspoint_runtime::live::TrackError;

use super::Ctx;

pub(super) fn routes() -> Router<Ctx> {
    Router::new().route("/u/{token}", get(asked).post(clicked))
}

async fn asked(State(ctx): State<Ctx>, Path(token): Path<String>) -> Response {
    if ctx.host.knows_unsubscribing(&token) {
        // Posts to its own address.
        let button = "<form method=\"post\"><button>Unsubscribe</button></form>";
        page(StatusCode::OK, "Unsubscribe from our mail?", button)
    } else {
        unknown()
    }
}

/// Answered once it is durable. The body is not looked at: a token is proof enough.
async fn clicked(State(ctx): State<Ctx>, Path(token): Path<String>) -> Response {
    match ctx.host.unsubscribe(&token).await {
        Ok(true) => page(StatusCode::OK, "You are unsubscribed.", ""),
        Ok(false) => unknown(),
        Err(TrackError::Busy { .. } | TrackError::Stopped) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            page(status, "Please try again in a moment.", "")
        }
    }
}

fn unknown() -> Response {
    page(StatusCode::NOT_FOUND, "This link is not known here.", "")
}

fn page(status: StatusCode, text: &str, rest: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{text}</title><p>{text}</p>{rest}</html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'",
        ),
    ];
    (status, headers, html).into_response()
}
