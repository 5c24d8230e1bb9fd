//! Traces to an OpenTelemetry collector, where `[telemetry] otlp` names one; else nothing of this is
//! there. See ADR 0011.
//!
//! A thread of its own sends what was finished. What it cannot send is dropped: a collector that is
//! away costs spans, never time.

mod collector;

use std::path::Path;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{FilterFn, Filtered, filter_fn};
use tracing_subscriber::{Layer as _, Registry};

use collector::Collector;
use crosspoint_runtime::live::LOG_SPANS;

/// Longest wait for the collector when the process ends.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// What makes spans of `tracing` traces.
pub type Traced = Filtered<
    OpenTelemetryLayer<Registry, SdkTracer>,
    FilterFn<fn(&Metadata<'_>) -> bool>,
    Registry,
>;

/// The way to the collector.
#[derive(Default)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// To the collector that the project in `folder` names. A project that cannot be read is no
    /// concern of this: opening it will say why.
    ///
    /// # Errors
    /// When the exporter cannot be made.
    pub fn of_project(folder: &Path) -> Result<(Self, Option<Traced>), ExporterBuildError> {
        let files = crosspoint_config::read_folder(folder).ok();
        let project = files.and_then(|files| crosspoint_config::parse(&files).ok());
        match project.and_then(|project| project.telemetry.otlp) {
            Some(otlp) => Self::to(&otlp).map(|(telemetry, traced)| (telemetry, Some(traced))),
            None => Ok((Self::default(), None)),
        }
    }

    /// To the collector at `otlp`. Sampling, batching, headers and more follow the standard
    /// variables of OpenTelemetry (`OTEL_TRACES_SAMPLER` and so on).
    fn to(otlp: &str) -> Result<(Self, Traced), ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(otlp)?)
            .with_endpoint(format!("{otlp}/v1/traces"))
            .build()?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource())
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("crosspoint"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false);
        let wanted: fn(&Metadata<'_>) -> bool = is_traced;
        let filter = filter_fn(wanted).with_max_level_hint(LevelFilter::DEBUG);
        Ok((Self(Some(provider)), layer.with_filter(filter)))
    }

    /// Sends what is left.
    pub fn finish(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(LAST_WAIT)
        {
            tracing::debug!(%error, "some traces were not sent");
        }
    }
}

/// Who we are, unless `OTEL_SERVICE_NAME` says otherwise.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attribute(version);
    match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource.build(),
        None => resource.with_service_name("crosspoint").build(),
    }
}

/// Our own spans, and what goes wrong within them.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    match metadata.is_span() {
        true => target.starts_with("crosspoint") && target != LOG_SPANS,
        false => target.starts_with("crosspoint") && *metadata.level() <= Level::WARN,
    }
}
