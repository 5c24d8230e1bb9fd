//! What a scrape reads of the state.

use std::time::Duration;

use crosspoint_model::delivery::DeliveryStatus;
use crosspoint_model::state::{Counter, State};
use crosspoint_model::{ConnectorId, Instant, Symbol};
use crosspoint_step::Stepper;
use crosspoint_store::CommitTimes;

use super::by_powers_of_two;
use super::catalogue::{
    CHECKPOINTS, DUPLICATES, FRAGMENTS, IN_QUARANTINE, KEPT_APART, OUTBOX, OUTBOX_AGE,
    OUTBOX_STOPPED, PAUSED, PROFILES, SEGMENT_PROFILES, STEP_LAG, WORKING_SET,
};
use super::sheet::Sheet;
use crate::admin::AdminError;
use crate::core::Core;

/// Deliveries looked at for the oldest one that is not stopped.
const OLDEST_WITHIN: usize = 256;

/// The state at one moment.
pub(super) struct Seen {
    profiles: i64,
    fragments: i64,
    kept_apart: i64,
    segments: Vec<(String, i64)>,
    sources: Vec<SourceSeen>,
    destinations: Vec<DestinationSeen>,
    lag: Duration,
    commits: CommitTimes,
    working_set_bytes: u64,
}

struct SourceSeen {
    id: ConnectorId,
    duplicates: i64,
    quarantined: i64,
    paused: bool,
}

struct DestinationSeen {
    id: ConnectorId,
    waiting: i64,
    stopped: i64,
    oldest: Duration,
}

/// Reads the state. `sources` are all connectors and tracking sources.
pub(super) fn look(
    core: &mut Core,
    sources: Vec<ConnectorId>,
    destinations: Vec<ConnectorId>,
) -> Result<Seen, AdminError> {
    let now = core.now();
    let sources = sources.into_iter().map(|id| source(core, id)).collect();
    let destinations = destinations
        .into_iter()
        .map(|id| destination(core, id, now))
        .collect();
    let behind = core.applied < core.ledger.durable_position();
    Ok(Seen {
        profiles: core.state.counter(Counter::Profiles)?,
        fragments: core.state.counter(Counter::Fragments)?,
        kept_apart: core.state.counter(Counter::KeptApart)?,
        segments: segments(core)?,
        sources: Result::from_iter::<Vec<_>>(sources)?,
        destinations: Result::from_iter::<Vec<_>>(destinations)?,
        lag: match behind {
            true => between(core.applied_at, now),
            false => Duration::ZERO,
        },
        commits: core.state.commits().clone(),
        working_set_bytes: core.state.memory_bytes() as u64,
    })
}

fn segments(core: &mut Core) -> Result<Vec<(String, i64)>, AdminError> {
    let Some(compiled) = core.stepper.compiled() else {
        return Ok(Vec::new());
    };
    let mut segments = Vec::new();
    for name in compiled.project.segments.keys() {
        let members = match core.state.symbol(name) {
            Some(symbol) => core.state.counter(Counter::Members(symbol))?,
            None => 0,
        };
        segments.push((name.to_string(), members));
    }
    Ok(segments)
}

fn source(core: &mut Core, id: ConnectorId) -> Result<SourceSeen, AdminError> {
    let paused = Stepper::paused(&mut core.state, &id.0)?.is_some();
    let (duplicates, quarantined) = match core.state.symbol(&id.0) {
        Some(symbol) => (
            core.state.counter(Counter::Duplicates(symbol))?,
            core.state.counter(Counter::Quarantined(symbol))?,
        ),
        None => (0, 0),
    };
    Ok(SourceSeen {
        id,
        duplicates,
        quarantined,
        paused,
    })
}

fn destination(
    core: &mut Core,
    id: ConnectorId,
    now: Instant,
) -> Result<DestinationSeen, AdminError> {
    let mut seen = DestinationSeen {
        id,
        waiting: 0,
        stopped: 0,
        oldest: Duration::ZERO,
    };
    if let Some(symbol) = core.state.symbol(&seen.id.0) {
        seen.waiting = core.state.counter(Counter::Waiting(symbol))?;
        seen.stopped = core.state.counter(Counter::Stopped(symbol))?;
        if seen.waiting > 0 {
            seen.oldest = oldest(core, symbol, now)?;
        }
    }
    Ok(seen)
}

/// Deliveries stand in the order of their causes, so the first that is not stopped is the oldest.
/// Behind very many stopped ones, the age of the last of those that were looked at: it is older.
fn oldest(core: &mut Core, connector: Symbol, now: Instant) -> Result<Duration, AdminError> {
    let mut limit = 1;
    loop {
        let page = core.state.deliveries(Some(connector), None, limit)?;
        let waits = |status: &DeliveryStatus| {
            !matches!(status, DeliveryStatus::Dead | DeliveryStatus::Unknown)
        };
        let first = page.iter().find(|delivery| waits(&delivery.status));
        let first = match first {
            None if page.len() == limit && limit < OLDEST_WITHIN => {
                limit = OLDEST_WITHIN;
                continue;
            }
            None => page.last(),
            first => first,
        };
        return Ok(first.map_or(Duration::ZERO, |delivery| {
            between(delivery.occurred_at, now)
        }));
    }
}

fn between(earlier: Instant, later: Instant) -> Duration {
    Duration::from_millis(u64::try_from(later.since_ms(earlier)).unwrap_or(0))
}

impl Seen {
    pub(super) fn add_to(self, sheet: &mut Sheet) {
        sheet.set(PROFILES, self.profiles);
        sheet.set(FRAGMENTS, self.fragments);
        sheet.set(KEPT_APART, self.kept_apart);
        for (segment, members) in self.segments {
            sheet.add(SEGMENT_PROFILES, vec![("segment", segment)], members);
        }
        for source in self.sources {
            let id = || vec![("connector", source.id.to_string())];
            sheet.add(DUPLICATES, id(), source.duplicates);
            sheet.add(IN_QUARANTINE, id(), source.quarantined);
            sheet.add(PAUSED, id(), u64::from(source.paused));
        }
        for destination in self.destinations {
            let id = || vec![("connector", destination.id.to_string())];
            sheet.add(OUTBOX, id(), destination.waiting);
            sheet.add(OUTBOX_STOPPED, id(), destination.stopped);
            sheet.add(OUTBOX_AGE, id(), destination.oldest.as_secs_f64());
        }
        sheet.set(STEP_LAG, self.lag.as_secs_f64());
        let commits = &self.commits;
        let counted = by_powers_of_two(&commits.histogram, 1e-3, commits.total);
        sheet.histogram(CHECKPOINTS, counted);
        sheet.set(WORKING_SET, self.working_set_bytes);
    }
}
