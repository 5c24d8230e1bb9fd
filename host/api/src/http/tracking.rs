//! The tracking API: the addresses that clients of Segment, Rudder and Jitsu call, unmodified.
//!
//! An answer of 200 means that every call of the request is durable, in a stream or in quarantine.
//! Clients drop what is answered with another 4xx than 429, so those are for requests of which
//! nothing could ever be used.

mod answer;
mod body;
mod caller;
mod settings;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use crosspoint_runtime::live::tracking::{
    CallKind, Endpoint, Limits, data_parameter, form_value, parse, unpack,
};

use self::answer::Failure;
use self::caller::{Caller, preflight, with_origin};
use super::Ctx;

/// A transparent GIF of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\
    \0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Types of call, as addresses spell them.
const KINDS: [CallKind; 6] = [
    CallKind::Alias,
    CallKind::Group,
    CallKind::Identify,
    CallKind::Page,
    CallKind::Screen,
    CallKind::Track,
];

/// Every address of the tracking API.
pub(crate) fn routes() -> Router<Ctx> {
    let mut routes = Router::new()
        .route("/v1/batch", takes(Endpoint::Batch))
        .route("/v1/b", takes(Endpoint::Batch))
        .route("/beacon/v1/batch", takes(Endpoint::Batch))
        .route("/v1/import", takes(Endpoint::Import))
        .route("/v1/pixel/{kind}", get(pixel))
        .route(
            "/v1/projects/{key}/settings",
            get(settings::settings).options(preflight),
        )
        .route("/api/s/{kind}", post(jitsu).options(preflight))
        .route("/api/s/s2s/{kind}", post(jitsu).options(preflight));
    for kind in KINDS {
        let (word, letter) = (kind.as_str(), &kind.as_str()[..1]);
        routes = routes
            .route(&format!("/v1/{word}"), takes(Endpoint::One(kind)))
            .route(&format!("/v1/{letter}"), takes(Endpoint::One(kind)));
    }
    routes
}

fn takes(endpoint: Endpoint) -> MethodRouter<Ctx> {
    post(move |State(ctx): State<Ctx>, request: Request| posted(ctx, endpoint, request))
        .options(preflight)
}

/// A word that is no type of call leaves it to the body to say one.
async fn jitsu(State(ctx): State<Ctx>, Path(word): Path<String>, request: Request) -> Response {
    let endpoint = CallKind::from_word(&word).map_or(Endpoint::Batch, Endpoint::One);
    posted(ctx, endpoint, request).await
}

async fn posted(ctx: Ctx, endpoint: Endpoint, request: Request) -> Response {
    let caller = Caller::of(&request);
    let taken = take(&ctx, endpoint, &caller, request).await;
    let response = match taken {
        Ok(()) => answer::done(),
        Err(failure) => failure.into_response(),
    };
    with_origin(response, &ctx, &caller)
}

async fn take(
    ctx: &Ctx,
    endpoint: Endpoint,
    caller: &Caller,
    request: Request,
) -> Result<(), Failure> {
    let limits = Limits::default();
    let mut admitted = ctx.host.admit_tracking()?;
    let packed = body::read(request.into_body(), limits).await?;
    let unpacked = unpack(&packed, limits)?;
    admitted.grow(unpacked.len())?;
    let batch = parse(endpoint, &unpacked, limits)?;
    let source = caller.source(ctx, batch.write_key.as_deref())?;
    ctx.host.track(source, &batch).await?;
    Ok(())
}

/// `GET /v1/pixel/{kind}?data=…`: one call as an image, for e-mails and pages without scripts.
async fn pixel(State(ctx): State<Ctx>, Path(word): Path<String>, request: Request) -> Response {
    let caller = Caller::of(&request);
    let query = request.uri().query().unwrap_or_default();
    let data = form_value(query.as_bytes(), "data").unwrap_or_default();
    let endpoint =
        CallKind::from_word(word.trim_end_matches(".gif")).map_or(Endpoint::Batch, Endpoint::One);
    match take_pixel(&ctx, endpoint, &caller, data.as_bytes()).await {
        Ok(()) => {
            let form = [(CONTENT_TYPE, "image/gif"), (CACHE_CONTROL, "no-store")];
            (form, PIXEL).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

async fn take_pixel(
    ctx: &Ctx,
    endpoint: Endpoint,
    caller: &Caller,
    data: &[u8],
) -> Result<(), Failure> {
    let limits = Limits::default();
    let mut admitted = ctx.host.admit_tracking()?;
    let json = data_parameter(data);
    admitted.grow(json.len())?;
    let batch = parse(endpoint, &json, limits)?;
    let source = caller.source(ctx, batch.write_key.as_deref())?;
    ctx.host.track(source, &batch).await?;
    Ok(())
}
