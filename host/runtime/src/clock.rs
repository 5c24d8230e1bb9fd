//! The project's clock: what `now` is when an entry is appended.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_config::project::Clock as Configured;
use crosspoint_model::Instant;
use crosspoint_model::record::{Body, Record};

/// The project's clock.
pub(crate) enum Clock {
    /// The machine's.
    System,
    /// Stands at the newest instant found in the data.
    Data(AtomicI64),
}

impl Clock {
    /// The configured clock; a data clock goes on from `last`, the ledger's last instant.
    pub fn new(configured: Configured, last: Instant) -> Self {
        match configured {
            Configured::System => Self::System,
            Configured::Data => Self::Data(AtomicI64::new(last.0.max(0))),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        match self {
            Self::System => machine_now(),
            Self::Data(newest) => Instant(newest.load(Ordering::Relaxed)),
        }
    }

    /// The instant for an entry with these records.
    pub fn stamp(&self, records: &[Record]) -> Instant {
        match self {
            Self::System => machine_now(),
            Self::Data(newest) => {
                let in_records = records.iter().map(happened_at).max().unwrap_or(Instant(0));
                let before = newest.fetch_max(in_records.0, Ordering::Relaxed);
                Instant(before.max(in_records.0))
            }
        }
    }
}

/// The machine's clock, which paces retries whatever the project's clock is.
pub(crate) fn machine_now() -> Instant {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Instant(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn happened_at(record: &Record) -> Instant {
    match &record.body {
        Body::Order(order) => order.placed_at,
        Body::Event(event) => event.occurred_at,
        Body::Submission(submission) => submission.submitted_at,
        Body::Engagement(engagement) => engagement.occurred_at,
        Body::Consent(consent) => consent.decided_at,
        _ => record.updated_at,
    }
}
