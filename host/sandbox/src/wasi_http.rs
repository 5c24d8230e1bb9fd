//! The second door: `wasi:http` through the same egress as `http.fetch`. Bodies are buffered up to
//! the same limits, since credentials may have to sign them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

use crate::connector::Shared;
use crate::egress::{EgressError, Request, is_hosts_own_name};

pub(crate) struct Hooks {
    shared: Arc<Shared>,
    until: Instant,
    requests: Arc<AtomicU32>,
}

impl Hooks {
    /// For a call that may wait until then.
    pub(crate) fn new(shared: Arc<Shared>, until: Instant) -> Self {
        Self {
            shared,
            until,
            requests: Arc::default(),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests counted.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }
}

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        let taken = self
            .shared
            .egress
            .as_ref()
            .map(|egress| egress.taken_headers());
        let taken = taken.unwrap_or_default();
        // Length headers are checked by the engine and set again by the client.
        Arc::new(move |name: &HeaderName| {
            name != http::header::CONTENT_LENGTH && is_hosts_own_name(name) || taken.contains(name)
        })
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        self.count();
        let shared = self.shared.clone();
        let until = self.until;
        Box::new(async move { send(&shared, request, options, until).await })
    }
}

async fn send(
    shared: &Shared,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    until: Instant,
) -> Sent {
    let egress = shared.egress.as_ref().ok_or(Error::HttpRequestDenied)?;
    let (mut parts, body) = request.into_parts();
    let limit = shared.limits.request_bytes;
    let body = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let body = body
        .collect()
        .await
        .map_err(|_| Error::HttpRequestBodySize(Some(limit)))?;
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let asked: Option<Duration> = options.and_then(|options| {
        Some(options.first_byte_timeout? + options.connect_timeout.unwrap_or_default())
    });
    let remaining = until.saturating_duration_since(Instant::now());
    let request = Request {
        method: parts.method,
        url: parts.uri.to_string(),
        headers: parts.headers,
        body: body.to_bytes(),
        timeout: asked.map_or(remaining, |asked| asked.min(remaining)),
    };
    let response = egress.fetch(request).await.map_err(refusal)?;
    let body: Full<Bytes> = Full::new(response.body);
    let mut answer = http::Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    Ok((answer, Box::new(async { Ok(()) })))
}

fn refusal(error: EgressError) -> Error {
    match error {
        EgressError::Denied(_) => Error::HttpRequestDenied,
        EgressError::Connect(_) => Error::DestinationUnavailable,
        EgressError::Timeout => Error::HttpResponseTimeout,
        EgressError::Reset(_) => Error::ConnectionTerminated,
        EgressError::TooLarge(limit) => Error::HttpResponseBodySize(Some(limit)),
        EgressError::Invalid(reason) | EgressError::Auth(reason) => {
            Error::InternalError(Some(reason))
        }
        EgressError::RateLimited(_) => Error::ConnectionLimitReached,
    }
}
