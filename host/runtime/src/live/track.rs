//! Tracking calls: converted, written down, acknowledged when they are durable. What they lead to
//! is not waited for.

use std::sync::Arc;

use crosspoint_ingest::tracking::{
    Batch, Converted, Limits, Source, TRACKING_STREAM, convert_again, convert_part,
};
use crosspoint_ingest::{Page, checked_page};
use crosspoint_ledger::Error as LedgerError;
use crosspoint_model::ConnectorId;
use crosspoint_model::entry::What;
use crosspoint_model::record::Record;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tracing::Instrument as _;

use crate::Host;
use crate::clock::machine_now;
use crate::failpoint::reach;
use crate::live::Trigger;

/// Requests under way: each waits for the disk, and a disk that syncs twenty times a second takes
/// in twenty groups of them.
const MAX_REQUESTS: usize = 1_024;
/// Unpacked bytes under way, until they are durable. What is being converted takes some ten times
/// its size, but at one moment only as many requests are as there are worker threads.
const MAX_BYTES: usize = 64 << 20;
/// Calls of a request that are converted in one go, and stepped as one entry of each stream. Other
/// requests wait for the first, lookups for the second: a millisecond or two.
const CALLS_AT_ONCE: usize = 25;
/// What a client that comes too early is told to wait, in seconds: the group that is in the way is
/// written by then.
const RETRY_AFTER_S: u32 = 1;

/// What became of the calls of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Calls that became records.
    pub accepted: usize,
    /// Inputs in quarantine.
    pub rejected: usize,
}

/// Why nothing was acknowledged. A part may have been written down all the same: a client that
/// sends again changes nothing by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// Too much is under way, or the disk does not keep up.
    #[error("too many requests are under way")]
    Busy {
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// The host is stopping, or its ledger has failed.
    #[error("the host does not take in anything any more")]
    Stopped,
}

/// How much may be under way.
#[derive(Debug)]
pub(crate) struct Room {
    requests: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(MAX_REQUESTS, MAX_BYTES)
    }
}

impl Room {
    fn of(requests: usize, bytes: usize) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(requests)),
            bytes: Arc::new(Semaphore::new(bytes)),
        }
    }

    fn admit(&self) -> Result<Admitted, TrackError> {
        Ok(Admitted {
            _request: take(&self.requests, 1)?,
            held: None,
            bytes: Arc::clone(&self.bytes),
        })
    }
}

/// A request that was let in. Gives its room back when dropped, which belongs after
/// [`Host::track`].
#[derive(Debug)]
pub struct Admitted {
    _request: OwnedSemaphorePermit,
    held: Option<OwnedSemaphorePermit>,
    bytes: Arc<Semaphore>,
}

impl Admitted {
    /// Room for `bytes` more of calls.
    ///
    /// # Errors
    /// [`TrackError::Busy`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), TrackError> {
        let more = take(&self.bytes, bytes)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            held => *held = Some(more),
        }
        Ok(())
    }
}

fn take(room: &Arc<Semaphore>, amount: usize) -> Result<OwnedSemaphorePermit, TrackError> {
    let amount = u32::try_from(amount).unwrap_or(u32::MAX);
    Arc::clone(room)
        .try_acquire_many_owned(amount)
        .map_err(|error| match error {
            TryAcquireError::NoPermits => busy(),
            TryAcquireError::Closed => TrackError::Stopped,
        })
}

fn busy() -> TrackError {
    TrackError::Busy {
        retry_after_s: RETRY_AFTER_S,
    }
}

impl Host {
    /// Lets a tracking request in, before its body is read.
    ///
    /// # Errors
    /// [`TrackError::Busy`].
    pub fn admit_tracking(&self) -> Result<Admitted, TrackError> {
        self.room.admit()
    }

    /// Writes a batch of a tracking source down, and completes when it is durable. Calls that
    /// cannot be used are in quarantine then. Does not block: where the disk does not keep up it
    /// refuses.
    ///
    /// # Errors
    /// See [`TrackError`].
    pub async fn track(
        &self,
        source: &ConnectorId,
        batch: &Batch<'_>,
    ) -> Result<Tracked, TrackError> {
        let said = Source {
            received_at: machine_now(),
            sent_at: batch.sent_at,
            historical: batch.historical,
            orders: self.makes_orders(source),
        };
        let (mut tracked, mut last_seq) = (Tracked::default(), None);
        for first in (0..batch.calls.len()).step_by(CALLS_AT_ONCE) {
            if first > 0 {
                tokio::task::yield_now().await;
            }
            let converted = convert_part(batch, first..first + CALLS_AT_ONCE, said);
            let (part, last_of_part) = self.append_tracked(source, converted)?;
            reach("after-append");
            tracked.accepted += part.accepted;
            tracked.rejected += part.rejected;
            last_seq = last_of_part.or(last_seq);
        }
        if let Some(last_seq) = last_seq {
            let span = tracing::debug_span!("append", entry = last_seq);
            let durable = self.ledger.durable(last_seq).instrument(span).await;
            durable.map_err(|error| stopped(&error))?;
        }
        reach("after-fsync");
        Ok(tracked)
    }

    /// Whether the source's `Order Completed` makes an order.
    fn makes_orders(&self, source: &ConnectorId) -> bool {
        let tracking = self.project.tracking.get(source);
        tracking.is_some_and(|tracking| tracking.orders)
    }

    /// One entry per stream, and one for what could not be used. Answers with the last one's
    /// number; nothing is durable yet.
    fn append_tracked(
        &self,
        source: &ConnectorId,
        converted: Converted,
    ) -> Result<(Tracked, Option<u64>), TrackError> {
        let mut tracked = Tracked {
            accepted: converted.accepted,
            rejected: 0,
        };
        let records = converted.records.into_iter().map(|(stream, records)| {
            let page = Page {
                records,
                ..Page::default()
            };
            (stream.as_str(), page)
        });
        let rejects = (!converted.rejects.is_empty()).then(|| {
            let page = Page {
                rejects: converted.rejects,
                ..Page::default()
            };
            (TRACKING_STREAM, page)
        });
        let mut last_seq = None;
        for (stream, page) in records.chain(rejects) {
            let page = checked_page(source, stream, false, page);
            let (accepted, rejected) = (page.records.len(), page.rejects.len());
            tracked.rejected += rejected;
            let at = self.clock.stamp(&page.records);
            let what = What::Records(page);
            let traces = &self.handle.traces;
            match traces.noting(|| self.ledger.try_append(at, &what)) {
                Ok(Some(appended)) => {
                    let metrics = &self.handle.metrics;
                    metrics.came(source, Trigger::Track, accepted as u64, rejected as u64);
                    last_seq = Some(appended.seq);
                }
                Ok(None) => return Err(busy()),
                Err(error) => return Err(stopped(&error)),
            }
        }
        let metrics = &self.handle.metrics;
        metrics.tracked(source, tracked.accepted, tracked.rejected);
        Ok((tracked, last_seq))
    }

    /// Gives calls out of quarantine to the same conversion again, and the records among them to
    /// the same checks. Answers with the counts; nothing is durable yet.
    pub(crate) fn track_again(
        &self,
        source: &ConnectorId,
        stream: &str,
        calls: &[Vec<u8>],
        records: Vec<Record>,
    ) -> Result<Tracked, TrackError> {
        let again = convert_again(
            calls.iter().map(Vec::as_slice),
            Source {
                received_at: machine_now(),
                sent_at: None,
                historical: false,
                orders: self.makes_orders(source),
            },
            Limits::default(),
        );
        let (mut tracked, _) = self.append_tracked(source, again)?;
        if !records.is_empty() {
            let page = Page {
                records,
                ..Page::default()
            };
            let page = checked_page(source, stream, false, page);
            tracked.accepted += page.records.len();
            tracked.rejected += page.rejects.len();
            let at = self.clock.stamp(&page.records);
            let appended = self.ledger.try_append(at, &What::Records(page));
            appended.map_err(|error| stopped(&error))?.ok_or(busy())?;
        }
        Ok(tracked)
    }
}

/// The ledger takes in nothing more; that it closed in order is nobody's fault.
fn stopped(error: &LedgerError) -> TrackError {
    if !matches!(error, LedgerError::Closed) {
        tracing::error!(%error, "tracking calls could not be written down");
    }
    TrackError::Stopped
}

#[cfg(test)]
mod tests;
