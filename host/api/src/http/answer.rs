//! What every request and every answer goes through.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use crosspoint_runtime::live::{LOG_SPANS, Metrics, RequestTrace};
use ipnet::IpNet;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::intake::{Allowance, Intake};
use super::peer::Peer;
use super::refusal::refusal;
use super::request_id::{RequestIds, X_REQUEST_ID};

/// The route of what no endpoint answers.
const NO_ROUTE: &str = "none";

/// What answers, and for whom.
pub(super) struct Desk {
    pub router: Router,
    /// Proxies whose headers are believed.
    pub trusted: Vec<IpNet>,
    pub allowance: Allowance,
    /// Bytes that the bodies of all requests may hold together.
    pub room: Arc<Semaphore>,
    pub ids: RequestIds,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
}

impl Desk {
    /// Answers one request that came over a connection from `connected`.
    pub async fn answer(
        &self,
        request: Request,
        connected: IpAddr,
        encrypted: bool,
    ) -> Result<Response, Infallible> {
        let begun = Instant::now();
        let headers = request.headers();
        let id = self.ids.of(headers.get(X_REQUEST_ID));
        let traceparent = headers.get("traceparent").and_then(|it| it.to_str().ok());
        let trace = RequestTrace::new(&id, traceparent);
        let method = request.method().clone();
        let made = self.make(request, connected, encrypted);
        let made = made.instrument(trace.span().clone());
        // Lines of the log within tell the id, whatever their level.
        let told = tracing::error_span!(target: LOG_SPANS, "request", id);
        let mut response = made.instrument(told).await;
        let route = response.extensions().get::<MatchedPath>();
        let route = route.map_or(NO_ROUTE, MatchedPath::as_str);
        let status = response.status().as_u16();
        trace.answered(method.as_str(), route, status);
        self.metrics.request(route, status, begun.elapsed());
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        Ok(response)
    }

    async fn make(&self, request: Request, connected: IpAddr, encrypted: bool) -> Response {
        let intake = Intake::new(self.allowance, &self.room);
        let mut request = request.map(|body| intake.bound(body));
        let peer = Peer::of(connected, encrypted, request.headers(), &self.trusted);
        request.extensions_mut().insert(peer);
        let path = request.uri().path().to_owned();
        let Some(mut response) = guarded(self.router.clone().oneshot(request)).await else {
            tracing::error!(path, "the host failed while it answered a request");
            let why = "the host failed while it answered";
            return finished(refusal(StatusCode::INTERNAL_SERVER_ERROR, why));
        };
        if let Some(fault) = intake.fault() {
            // Whatever the endpoint made of half a body: this is why it had no more. What lets a
            // page read the answer stays.
            let mut instead = refusal(fault.status(), fault.why());
            for (name, value) in response.headers() {
                if name.as_str().starts_with("access-control-") || name == header::VARY {
                    instead.headers_mut().append(name, value.clone());
                }
            }
            let close = HeaderValue::from_static("close");
            instead.headers_mut().insert(header::CONNECTION, close);
            *instead.extensions_mut() = std::mem::take(response.extensions_mut());
            response = instead;
        }
        finished(response)
    }
}

/// Adds what holds for all answers, unless the endpoint said otherwise.
fn finished(mut response: Response) -> Response {
    let mut otherwise = |name, value| {
        let headers: &mut HeaderMap = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    otherwise(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    otherwise(header::CACHE_CONTROL, "no-store");
    response
}

/// The answer; `None` if making it panicked.
async fn guarded(answer: impl Future<Output = Result<Response, Infallible>>) -> Option<Response> {
    let mut answer = pin!(answer);
    let answered = std::future::poll_fn(|cx| {
        // A future that panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(Some(response)),
            Ok(Poll::Ready(Err(never))) => match never {},
            Err(_) => Poll::Ready(None),
        }
    });
    answered.await
}
