//! `/livez` and `/readyz`, for load balancers and process supervisors.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::Ctx;

/// Ledger entries that the state may lack while answers still count as fresh: some seconds of load.
const READY_BEHIND: u64 = 10_000;

type Answer = (StatusCode, &'static str);

pub(super) fn routes() -> Router<Ctx> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
}

/// Whether a restart would help: the step loop has ended.
async fn live(State(ctx): State<Ctx>) -> Answer {
    match ctx.host.health().steps {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the step loop has ended\n"),
    }
}

/// Whether callers should be sent here.
async fn ready(State(ctx): State<Ctx>) -> Answer {
    let health = ctx.host.health();
    if *ctx.stopping.borrow() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if !health.steps {
        (StatusCode::SERVICE_UNAVAILABLE, "the step loop has ended\n")
    } else if health.entries_behind > READY_BEHIND {
        (StatusCode::SERVICE_UNAVAILABLE, "catching up\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}
