//! What a connector keeps about its hook address, in memory only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as MachineInstant};

use crosspoint_model::Instant;
use crosspoint_sandbox::Received;
use smol_str::SmolStr;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::HookCounts;
use super::replays::Replays;
use crate::admin::AdminError;
use crate::connector::Lane;
use crate::error::coded;

/// Calls that one plugin takes at a time: each has an instance with memory of its own.
const AT_ONCE: usize = 16;
/// A log line of a kind comes once in so long.
const TELL_PAUSE: Duration = Duration::from_secs(60);

/// A connector's hook address.
pub(crate) struct Hook {
    replays: Mutex<Replays>,
    counts: Mutex<HookCounts>,
    told: Mutex<BTreeMap<&'static str, MachineInstant>>,
    room: Semaphore,
    /// All streams, and whether each is fed by calls.
    streams: OnceCell<BTreeMap<SmolStr, bool>>,
}

impl Default for Hook {
    fn default() -> Self {
        Self {
            replays: Mutex::default(),
            counts: Mutex::default(),
            told: Mutex::default(),
            room: Semaphore::new(AT_ONCE),
            streams: OnceCell::new(),
        }
    }
}

impl Hook {
    pub fn counts(&self) -> HookCounts {
        lock(&self.counts).clone()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut HookCounts)) {
        change(&mut lock(&self.counts));
    }

    pub(super) fn was_taken(&self, id: &str, now: Instant, window_ms: Option<i64>) -> bool {
        lock(&self.replays).holds(id, now, window_ms)
    }

    pub(super) fn remember(&self, id: &str, now: Instant) {
        lock(&self.replays).remember(id, now);
    }

    /// Whether a log line of this kind is due.
    pub(super) fn may_tell(&self, kind: &'static str) -> bool {
        let now = MachineInstant::now();
        let mut told = lock(&self.told);
        let due = told
            .get(kind)
            .is_none_or(|last| now.duration_since(*last) >= TELL_PAUSE);
        if due {
            told.insert(kind, now);
        }
        due
    }

    /// Waits for its turn, `None` where it does not come in time.
    pub(super) async fn enter(&self, patience_ms: u64) -> Option<SemaphorePermit<'_>> {
        let turn = self.room.acquire();
        let turn = tokio::time::timeout(Duration::from_millis(patience_ms), turn).await;
        turn.ok()?.ok()
    }

    /// Whether the plugin brought something only of streams that it says are fed by calls.
    pub(super) async fn check(&self, lane: &Lane, received: &Received) -> Result<(), AdminError> {
        if received.parts.is_empty() && received.poke.is_empty() {
            return Ok(());
        }
        let streams = self.streams.get_or_try_init(|| streams(lane)).await?;
        let mut fed = BTreeSet::new();
        for part in &received.parts {
            if streams.get(&part.stream) != Some(&true) || !fed.insert(&part.stream) {
                let what = format!("a part of stream `{}`", part.stream);
                return Err(broken(
                    lane,
                    &what,
                    "one part for each stream with `webhook`",
                ));
            }
        }
        match received
            .poke
            .iter()
            .find(|stream| !streams.contains_key(*stream))
        {
            Some(unknown) => {
                let what = format!("a poke of stream `{unknown}`");
                Err(broken(lane, &what, "a stream that `streams` names"))
            }
            None => Ok(()),
        }
    }
}

async fn streams(lane: &Lane) -> Result<BTreeMap<SmolStr, bool>, AdminError> {
    let input = lane
        .input()
        .await
        .map_err(|error| coded("XP-RUN-009", error, None))?;
    let output = lane.connector.streams(input).await?;
    let streams = output
        .value
        .into_iter()
        .map(|stream| (stream.name, stream.webhook));
    Ok(streams.collect())
}

fn broken(lane: &Lane, what: &str, expected: &str) -> AdminError {
    let manifest = &lane.connector.plugin().manifest;
    let message = format!(
        "plugin `{}` {} broke its contract in `receive` for connector `{}`: {what}; expected \
         {expected}",
        manifest.id, manifest.version, lane.id
    );
    coded("XP-PLG-017", message, None)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
