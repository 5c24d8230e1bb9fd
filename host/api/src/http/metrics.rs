//! `/metrics`, for Prometheus and whatever reads its text. Only the networks of `[telemetry] scrape`
//! may read it: figures of a business are nobody else's.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use crosspoint_runtime::live::MetricsFormat;

use super::Ctx;
use super::peer::Peer;
use super::refusal::refusal;

pub(super) fn routes() -> Router<Ctx> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(
    State(ctx): State<Ctx>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let networks = &ctx.host.project().telemetry.scrape;
    let known = networks.iter().any(|net| net.contains(&peer.address));
    if !known || is_disguised(&headers, peer) {
        let why = format!(
            "{} may not read metrics; `scrape` in `[telemetry]` names the networks that may, and \
             `trusted_proxies` in `[server]` the proxies that say who asks",
            peer.address
        );
        return refusal(StatusCode::FORBIDDEN, &why);
    }
    let format = wanted(&headers);
    match ctx.host.scrape(format).await {
        Ok(text) => {
            let form = HeaderValue::from_static(format.content_type());
            ([(CONTENT_TYPE, form)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "could not answer a scrape");
            let why = "the metrics could not be written";
            refusal(StatusCode::INTERNAL_SERVER_ERROR, why)
        }
    }
}

/// Whether somebody forwards the request who is not trusted to say for whom: a proxy on this machine
/// must not make everybody a local caller.
fn is_disguised(headers: &HeaderMap, peer: Peer) -> bool {
    let forwarded = headers.get_all("x-forwarded-for");
    let hops = forwarded.iter().filter_map(|value| value.to_str().ok());
    let mut hops = hops.flat_map(|value| value.split(','));
    let believed = hops.any(|hop| {
        let hop = hop.trim().parse::<IpAddr>();
        hop.is_ok_and(|hop| hop.to_canonical() == peer.address)
    });
    headers.contains_key("x-forwarded-for") && !believed
}

/// OpenMetrics for whoever names it, as Prometheus does first of all.
fn wanted(headers: &HeaderMap) -> MetricsFormat {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    match accepted.any(|value| value.contains("application/openmetrics-text")) {
        true => MetricsFormat::OpenMetrics,
        false => MetricsFormat::Prometheus,
    }
}
