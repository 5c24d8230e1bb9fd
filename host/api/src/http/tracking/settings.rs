//! What `@segment/analytics-next` asks for before it starts: where to send, and that no remote
//! destination is to be loaded into the page.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::caller::{Caller, with_origin};
use crate::http::Ctx;
use crate::http::peer::Peer;
use crate::http::refusal::refusal;

/// `GET /v1/projects/{key}/settings`.
pub(super) async fn settings(
    State(ctx): State<Ctx>,
    Path(key): Path<String>,
    request: Request,
) -> Response {
    let caller = Caller::of(&request);
    let response = match ctx.host.keys().writer(&key) {
        Some(_) => {
            let (protocol, host) = outside(&ctx, &request);
            let cached = [(CACHE_CONTROL, "public, max-age=300")];
            (cached, Json(of(&key, protocol, &host))).into_response()
        }
        None => refusal(StatusCode::NOT_FOUND, "the write key is unknown"),
    };
    with_origin(response, &ctx, &caller)
}

/// How the page reaches the host: as configured, else as it just did.
fn outside(ctx: &Ctx, request: &Request) -> (&'static str, String) {
    let server = ctx.host.project().server.as_ref();
    if let Some(url) = server.and_then(|server| server.public_url.as_deref()) {
        return match url.split_once("://") {
            Some(("http", rest)) => ("http", rest.to_owned()),
            Some((_, rest)) => ("https", rest.to_owned()),
            None => ("https", url.to_owned()),
        };
    }
    let peer = request.extensions().get::<Peer>();
    let protocol = match peer.is_some_and(|peer| peer.encrypted) {
        true => "https",
        false => "http",
    };
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    (protocol, host.unwrap_or("localhost").to_owned())
}

fn of(key: &str, protocol: &str, host: &str) -> Value {
    let all = json!({ "__default": { "enabled": true, "integrations": {} } });
    json!({
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": format!("{host}/v1"),
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": false,
                "maybeBundledConfigIds": {},
                "versionSettings": { "version": "4.4.7", "componentTypes": ["browser"] },
            },
        },
        "plan": { "track": all, "identify": all, "group": all },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": { "sampleRate": 0 },
        "legacyVideoPluginsEnabled": false,
        "remotePlugins": [],
    })
}
