//! The state as the step sees it, in memory over an engine.
//!
//! What was written since the last checkpoint lives here and reads see it. A checkpoint encodes
//! each changed thing once into one batch and hands it to a writer thread; until the batch is
//! committed, reads see it in front of the engine. A second checkpoint waits for the first: that is
//! the back-pressure.

mod below;
#[cfg(test)]
mod model;
mod names;
mod near_timers;
mod ordered;
mod points;
mod profiles;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod weight;

use std::sync::Arc;

use crosspoint_model::delivery::DeliveryId;
use crosspoint_model::{Instant, ProfileId};

use crate::engine::{Batch, Engine, Reached};
use crate::keys::{self, Table};
use crate::{CommitTimes, Error, Result};
use below::Below;
use names::{Counters, Symbols};
use near_timers::NearTimers;
use ordered::Ordered;
use points::Points;
use profiles::Profiles;

/// What one change takes up within the engine until its commit is through. sled makes a new copy of
/// a page of 16 pairs for every pair put into it, and of a page of up to 256 children for every
/// eighth, and frees none of them before the whole batch is in: some 6 KiB a pair.
const COMMIT_BYTES_PER_CHANGE: usize = 8 << 10;
/// A commit of fewer changes spends more on the disk's flush than on the changes.
const LEAST_CHANGES: usize = 4 << 10;

/// How much the working set may hold.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Estimated bytes of everything in memory. Changed things cannot be forgotten before a
    /// checkpoint, so a caller that ignores [`WorkingSet::needs_checkpoint`] goes beyond it.
    pub memory_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
        }
    }
}

/// Implements [`crosspoint_model::state::State`] over an engine. One thread uses it.
///
/// Dropping it waits for the commit under way and discards what came after: the ledger has it.
#[derive(Debug)]
pub struct WorkingSet<E: Engine> {
    below: Below<E>,
    symbols: Symbols,
    counters: Counters,
    profiles: Profiles,
    points: Points,
    timers: Ordered<(Instant, ProfileId)>,
    deliveries: Ordered<DeliveryId>,
    /// By seq and ordinal.
    quarantine: Ordered<(u64, u32)>,
    near_timers: NearTimers,
    /// No delivery with a higher number was ever handed to the engine.
    highest_stored_seq: Option<u64>,
    /// No delivery with a higher number was put.
    highest_seq: Option<u64>,
    reached: Option<Reached>,
    settings: Settings,
}

impl<E: Engine> WorkingSet<E> {
    /// A working set over what the engine holds. Nobody else writes to the engine from now on.
    ///
    /// # Errors
    /// What reading the dictionary and the counters yields.
    pub fn open(engine: Arc<E>, settings: Settings) -> Result<Self> {
        let (symbols, counters) = (Symbols::load(&*engine)?, Counters::load(&*engine)?);
        let reached = engine.reached();
        let below = Below::new(engine)?;
        let highest = highest_seq(&below)?;
        Ok(Self {
            below,
            symbols,
            counters,
            profiles: Profiles::default(),
            points: Points::default(),
            timers: Ordered::new(),
            deliveries: Ordered::new(),
            quarantine: Ordered::new(),
            near_timers: NearTimers::default(),
            highest_stored_seq: highest,
            highest_seq: highest,
            reached,
            settings,
        })
    }

    /// Encodes up to `count` changed profiles ahead of the next checkpoint, which takes most of its
    /// time otherwise; false where none is left. Changes nothing that can be seen, and may be left
    /// out: a checkpoint encodes what is missing, and what changed again.
    ///
    /// # Errors
    /// When a profile does not encode, which is a defect.
    pub fn encode_ahead(&mut self, count: usize) -> Result<bool> {
        self.profiles.encode_ahead(count)
    }

    /// Hands everything that changed to the writer as one commit that reaches `position`, and
    /// returns while it is being written. Waits first if the checkpoint before is not through.
    ///
    /// No profile may be out: one that is taken at this moment is deleted.
    ///
    /// # Errors
    /// [`Error::Stopped`] once a commit failed: the process must stop.
    pub fn checkpoint(&mut self, position: u64, at: Instant) -> Result<()> {
        self.below.wait()?;
        let mut writes = Vec::new();
        self.symbols.drain(&mut writes)?;
        self.counters.drain(&mut writes)?;
        self.profiles.drain(&mut writes)?;
        let room = self.point_room();
        self.points.drain(&mut writes, room);
        self.timers.drain(&mut writes);
        self.deliveries.drain(&mut writes);
        self.quarantine.drain(&mut writes);
        self.highest_stored_seq = self.highest_seq;
        let reached = Reached { position, at };
        self.below.freeze(Batch::new(writes, Some(reached)))?;
        self.reached = Some(reached);
        Ok(())
    }

    /// [`Self::checkpoint`], and returns once it is durable.
    ///
    /// # Errors
    /// See [`Self::checkpoint`].
    pub fn checkpoint_and_wait(&mut self, position: u64, at: Instant) -> Result<()> {
        self.checkpoint(position, at)?;
        self.wait()
    }

    /// Until the last checkpoint is durable.
    ///
    /// # Errors
    /// See [`Self::checkpoint`].
    pub fn wait(&mut self) -> Result<()> {
        self.below.wait()
    }

    /// Whether a checkpoint is still being written; another one would wait.
    ///
    /// # Errors
    /// See [`Self::checkpoint`].
    pub fn is_writing(&mut self) -> Result<bool> {
        self.below.is_busy()
    }

    /// What the last checkpoint reached, durable or not yet; see [`Engine::reached`] for what is.
    pub fn reached(&self) -> Option<Reached> {
        self.reached
    }

    /// How long commits took since it was opened.
    pub fn commits(&self) -> &CommitTimes {
        self.below.commits()
    }

    /// Whether it is time for a checkpoint: changed things fill half of the budget, or are so many
    /// that committing them takes up more than the budget within the engine.
    pub fn needs_checkpoint(&self) -> bool {
        let dirty = self.profiles.dirty_bytes() + self.points.dirty_bytes() + self.ordered_bytes();
        let most = self.settings.memory_bytes / COMMIT_BYTES_PER_CHANGE;
        dirty > self.settings.memory_bytes / 2 || self.changes() > most.max(LEAST_CHANGES)
    }

    /// How many things changed since the last checkpoint. While a commit is applied, sled lets nobody
    /// read: some 13 µs for each of them.
    pub fn changes(&self) -> usize {
        self.profiles.changes()
            + self.points.changes()
            + self.timers.changes()
            + self.deliveries.changes()
            + self.quarantine.changes()
    }

    /// Estimated bytes in memory, the engine's own cache left out.
    pub fn memory_bytes(&self) -> usize {
        self.profiles.bytes()
            + self.points.bytes()
            + self.ordered_bytes()
            + self.near_timers.bytes()
            + self.symbols.bytes()
            + self.below.bytes()
    }

    /// The engine below, for snapshots and digests. It lags behind by what changed since the last
    /// durable checkpoint.
    pub fn engine(&self) -> &Arc<E> {
        self.below.engine()
    }

    /// Waits for the last checkpoint and gives the engine back.
    ///
    /// # Errors
    /// See [`Self::checkpoint`].
    pub fn close(mut self) -> Result<Arc<E>> {
        self.wait()?;
        Ok(Arc::clone(self.below.engine()))
    }

    fn evict(&mut self) {
        let others = self.points.bytes() + self.ordered_bytes() + self.below.bytes();
        self.profiles
            .evict(self.settings.memory_bytes.saturating_sub(others));
    }

    fn ordered_bytes(&self) -> usize {
        self.timers.bytes() + self.deliveries.bytes() + self.quarantine.bytes()
    }

    /// For unchanged values of point tables.
    fn point_room(&self) -> usize {
        self.settings.memory_bytes / 8
    }
}

/// The highest number among the last deliveries of all connectors.
fn highest_seq<E: Engine>(below: &Below<E>) -> Result<Option<u64>> {
    let mut range = Table::Deliveries.range();
    let mut highest = None;
    while let Some(last) = below.last_ever(&range)? {
        let (connector, seq) = keys::parse_delivery(&last)?;
        highest = highest.max(Some(seq));
        range.to = keys::deliveries_of(connector).from;
    }
    Ok(highest)
}

/// So that `?` turns store errors into the state's.
fn state_error(error: Error) -> crosspoint_model::state::StateError {
    error.into()
}
