//! What a running host offers to the network. Start reading at [`serve`], which accepts connections;
//! [`connection`] speaks on one, [`answer`] is what every request goes through, [`router`] lists the
//! endpoints.

mod answer;
mod changes;
mod connection;
mod health;
mod hooks;
mod intake;
mod lookups;
mod metrics;
mod patient;
mod peer;
mod readers;
mod refusal;
mod request_id;
mod script;
mod serve;
mod tracking;
mod unsubscribe;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use crosspoint_runtime::Host;
use tokio::sync::watch;

pub use serve::{Afterwards, HttpServer};

/// What every endpoint may use.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub host: Arc<Host>,
    /// True once the host stops or reloads: answers without an end of their own end then, and
    /// readiness is denied. All other requests that still come are answered as ever: the host closes
    /// only after the last of them.
    pub stopping: watch::Receiver<bool>,
}

/// Lets the answer say which route made it.
async fn note_route(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// All endpoints.
pub(crate) fn router(ctx: Ctx) -> Router {
    Router::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(hooks::routes())
        .merge(lookups::routes(&ctx))
        .merge(changes::routes(&ctx))
        .merge(tracking::routes())
        .merge(script::routes())
        .merge(unsubscribe::routes())
        .fallback(refusal::unknown_path)
        .method_not_allowed_fallback(refusal::unknown_method)
        .layer(from_fn(note_route))
        .with_state(ctx)
}
