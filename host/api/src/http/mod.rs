//! What a running host offers to the network. Start reading at [`serve`].

mod health;
mod peer;
mod serve;

use std::sync::Arc;

use axum::Router;
use crosspoint_runtime::Host;
use tokio::sync::watch;

pub use serve::HttpServer;

/// What every endpoint may use.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub host: Arc<Host>,
    /// True once the host stops: long answers end then, and readiness is denied.
    pub stopping: watch::Receiver<bool>,
}

/// All endpoints.
pub(crate) fn router(ctx: Ctx) -> Router {
    Router::new().merge(health::routes()).with_state(ctx)
}
