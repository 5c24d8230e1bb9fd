//! Traces: which span of a request led to which ledger entry, so that the step that applies it and
//! the delivery that follows stand in the same trace although other threads do them.
//!
//! Spans are made by `tracing` at level debug. Unless traces are exported nothing here remembers
//! anything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosspoint_ledger::Appended;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Target of spans that are made for the log alone, and are no part of a trace.
pub const LOG_SPANS: &str = "crosspoint::log";

/// Entries remembered: some seconds of traced load. What is older is on its way long since.
const MOST: usize = 4_096;

/// Methods that are named; there is no end of others.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Spans by the number of the entry that they led to.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    known: AtomicUsize,
    spans: Mutex<BTreeMap<u64, SpanContext>>,
}

impl Traces {
    /// Runs `append`, and notes that the current span led to the entry that it answers with. Who asks
    /// about the entry waits for that: it may be applied before its appender goes on.
    pub fn noting<E>(
        &self,
        append: impl FnOnce() -> Result<Option<Appended>, E>,
    ) -> Result<Option<Appended>, E> {
        let span = Span::current().context().span().span_context().clone();
        if !span.is_sampled() {
            return append();
        }
        let mut spans = self.spans();
        self.known.store(spans.len() + 1, Ordering::Release);
        let appended = append();
        if let Ok(Some(appended)) = &appended {
            spans.insert(appended.seq, span);
            if spans.len() > MOST {
                spans.pop_first();
            }
        }
        self.known.store(spans.len(), Ordering::Release);
        appended
    }

    /// The span that led to the entry `seq`, if it is traced.
    pub fn of(&self, seq: u64) -> Option<SpanContext> {
        if self.known.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.spans().get(&seq).cloned()
    }

    fn spans(&self) -> MutexGuard<'_, BTreeMap<u64, SpanContext>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes `span` a part of the trace of `cause`.
pub(crate) fn follows(span: &Span, cause: SpanContext) {
    // Fails where no traces are exported.
    _ = span.set_parent(Context::new().with_remote_span_context(cause));
}

/// Adds a cause to `span` beside that of its trace.
pub(crate) fn also_follows(span: &Span, cause: SpanContext) {
    span.add_link(cause);
}

/// The span of one request from outside, as far as traces go; see the semantic conventions for HTTP,
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>.
#[derive(Clone, Debug)]
pub struct RequestTrace(Span);

impl RequestTrace {
    /// Of the request with this id. Goes on with the caller's trace, if `traceparent` (W3C Trace
    /// Context) names one.
    pub fn new(request_id: &str, traceparent: Option<&str>) -> Self {
        let span = tracing::debug_span!("request", otel.kind = "server", request_id);
        if let Some(cause) = traceparent.and_then(parse) {
            follows(&span, cause);
        }
        Self(span)
    }

    /// What is current while the request is answered.
    pub fn span(&self) -> &Span {
        &self.0
    }

    /// Which endpoint answered, and how. `route` is a template.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        if self.0.is_disabled() {
            return;
        }
        let (verb, method) = match METHODS.contains(&method) {
            true => (method, method),
            false => ("HTTP", "_OTHER"),
        };
        let span = &self.0;
        // A span that has begun takes its name no more by way of `tracing`.
        span.context().span().update_name(format!("{verb} {route}"));
        span.set_attribute("http.request.method", method.to_owned());
        span.set_attribute("http.route", route.to_owned());
        span.set_attribute("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.set_status(opentelemetry::trace::Status::error(""));
        }
    }
}

/// Reads `00-TRACE-SPAN-FLAGS` (<https://www.w3.org/TR/trace-context/>); later versions may go on
/// behind it.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        part.len() == length && part.bytes().all(digit)
    };
    let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
    let ends = version != "00" || parts.next().is_none();
    if !fits || !ends || version == "ff" {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use crosspoint_model::Instant;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_callers_trace_is_read() {
        let context = parse(PARENT).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(parse(&PARENT.replace("00-4b", "01-4b")).is_some());
        assert!(!parse(&PARENT.replace("-01", "-00")).unwrap().is_sampled());
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn untraced_work_leaves_nothing() {
        let traces = Traces::default();
        let (seq, at) = (7, Instant(0));
        let appended = traces.noting(|| Ok::<_, ()>(Some(Appended { seq, at })));
        assert_eq!(appended.unwrap().unwrap().seq, 7);
        assert_eq!(traces.of(7), None);
        assert!(traces.spans().is_empty());
    }
}
