//! `/livez` and `/readyz`, for load balancers and process supervisors.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::Ctx;

pub(super) fn routes() -> Router<Ctx> {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// Ready from the first request on, since the host listens only when it is open, until it stops.
async fn ready(State(ctx): State<Ctx>) -> (StatusCode, &'static str) {
    if *ctx.stopping.borrow() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}
