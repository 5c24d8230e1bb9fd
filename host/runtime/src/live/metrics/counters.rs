//! What is counted as it happens. Everything starts at zero with the host.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crosspoint_model::ConnectorId;
use crosspoint_model::delivery::{Outcome, Receipt};
use crosspoint_model::entry::What;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::catalogue::{
    DELIVERIES, QUARANTINED, RECEIVED, REQUEST_TIME, REQUESTS, RETRIES, STEP_BUSY, STEP_ENTRIES,
    TRACKED,
};
use super::sheet::Sheet;

/// Upper bounds of a request's time, in seconds: from a lookup's fraction of a millisecond to the
/// longest that a plugin may take.
const REQUEST_BOUNDS_S: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What made a source yield records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The schedule, a person, or a vendor's call that something changed.
    Poll,
    /// A vendor's call that carried them.
    Webhook,
    /// A local file that a person imported.
    File,
    /// The tracking API.
    Track,
}

impl Trigger {
    fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Webhook => "webhook",
            Self::File => "file",
            Self::Track => "track",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTrigger {
    connector: String,
    trigger: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSource {
    source: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    connector: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfConnector {
    connector: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    route: String,
    status: &'static str,
}

type ByRoute = Family<OfRoute, Histogram, fn() -> Histogram>;

fn request_times() -> Histogram {
    Histogram::new(REQUEST_BOUNDS_S)
}

/// The counters of a host.
#[derive(Debug)]
pub struct Metrics {
    received: Family<OfTrigger, Counter>,
    quarantined: Family<OfTrigger, Counter>,
    tracked: Family<OfSource, Counter>,
    entries: Counter,
    busy: Counter<f64, AtomicU64>,
    deliveries: Family<OfOutcome, Counter>,
    retries: Family<OfConnector, Counter>,
    requests: Family<OfStatus, Counter>,
    request_times: ByRoute,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            received: Family::default(),
            quarantined: Family::default(),
            tracked: Family::default(),
            entries: Counter::default(),
            busy: Counter::default(),
            deliveries: Family::default(),
            retries: Family::default(),
            requests: Family::default(),
            request_times: Family::new_with_constructor(request_times),
        }
    }
}

impl Metrics {
    /// A request was answered. `route` is a template, as in `/hooks/{connector}`: never what the
    /// caller wrote, of which there is no end.
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        let class = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        let labels = OfStatus {
            route: route.to_owned(),
            status: class,
        };
        self.requests.get_or_create(&labels).inc();
        let labels = OfRoute {
            route: route.to_owned(),
        };
        self.request_times
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    pub(crate) fn came(
        &self,
        connector: &ConnectorId,
        trigger: Trigger,
        records: u64,
        rejects: u64,
    ) {
        let labels = OfTrigger {
            connector: connector.to_string(),
            trigger: trigger.as_str(),
        };
        self.received.get_or_create(&labels).inc_by(records);
        self.quarantined.get_or_create(&labels).inc_by(rejects);
    }

    pub(crate) fn tracked(&self, source: &ConnectorId, accepted: usize, rejected: usize) {
        for (verdict, calls) in [("accepted", accepted), ("rejected", rejected)] {
            let labels = OfSource {
                source: source.to_string(),
                verdict,
            };
            self.tracked.get_or_create(&labels).inc_by(calls as u64);
        }
    }

    /// An entry was applied.
    pub(crate) fn applied(&self, what: &What) {
        self.entries.inc();
        if let What::Receipts {
            connector,
            receipts,
        } = what
        {
            self.delivered(connector, receipts);
        }
    }

    fn delivered(&self, connector: &ConnectorId, receipts: &[Receipt]) {
        for receipt in receipts {
            let labels = OfOutcome {
                connector: connector.to_string(),
                outcome: word(&receipt.outcome),
            };
            self.deliveries.get_or_create(&labels).inc();
            if receipt.retry_at.is_some() {
                let labels = OfConnector {
                    connector: connector.to_string(),
                };
                self.retries.get_or_create(&labels).inc();
            }
        }
    }

    /// Entries were applied for so long.
    pub(crate) fn stepped(&self, took: Duration) {
        self.busy.inc_by(took.as_secs_f64());
    }

    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.live(RECEIVED, self.received.clone());
        sheet.live(QUARANTINED, self.quarantined.clone());
        sheet.live(TRACKED, self.tracked.clone());
        sheet.live(STEP_ENTRIES, self.entries.clone());
        sheet.live(STEP_BUSY, self.busy.clone());
        sheet.live(DELIVERIES, self.deliveries.clone());
        sheet.live(RETRIES, self.retries.clone());
        sheet.live(REQUESTS, self.requests.clone());
        sheet.live(REQUEST_TIME, self.request_times.clone());
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Queued(_) => "queued",
        Outcome::Rejected { .. } => "rejected",
        Outcome::RateLimited(_) => "rate-limited",
        Outcome::Transient(_) => "transient",
        Outcome::Unknown(_) => "unknown",
        Outcome::Auth(_) => "auth",
        Outcome::Gone(_) => "gone",
        Outcome::Unsupported(_) => "unsupported",
    }
}
