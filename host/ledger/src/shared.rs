//! What the ledger, its writer thread and its readers share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crosspoint_model::Instant;
use tokio::sync::watch;

use crate::disk::Disk;
use crate::recover::Recovered;
use crate::stats::SyncTimes;
use crate::{Error, Options, Result};

/// One segment file, as far as it is durable.
#[derive(Debug)]
pub(crate) struct Segment {
    pub first_seq: u64,
    pub path: PathBuf,
    /// Durable length; the end of a group.
    pub bytes: u64,
    /// Instant of the last entry up to the end of this file.
    pub last_at: Instant,
    /// Some entries and where they begin, ascending, so that a reader need not walk from the
    /// start of the file. May be empty.
    pub points: Vec<(u64, u64)>,
}

/// Distance of two points of a segment: walking it takes a fraction of a millisecond.
pub(crate) const POINT_DISTANCE_BYTES: u64 = 256 << 10;

impl Segment {
    /// Remembers where an entry begins, unless a point is near.
    pub fn add_point(&mut self, seq: u64, at_byte: u64) {
        let last = self.points.last().map_or(0, |point| point.1);
        if at_byte >= last + POINT_DISTANCE_BYTES {
            self.points.push((seq, at_byte));
        }
    }
}

/// Whether the ledger goes on.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    Open,
    ReadOnly,
    Closed,
    Stopped(Arc<Error>),
}

impl Phase {
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Open => Ok(()),
            Self::ReadOnly => Err(Error::ReadOnly),
            Self::Closed => Err(Error::Closed),
            Self::Stopped(cause) => Err(Error::Stopped {
                cause: Arc::clone(cause),
            }),
        }
    }
}

/// What appenders touch.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The next group.
    pub group: Vec<u8>,
    pub last_seq: u64,
    pub last_at: Instant,
    pub phase: Phase,
}

/// What waiters touch.
#[derive(Debug)]
struct Waits {
    phase: Phase,
    woken: bool,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub disk: Arc<dyn Disk>,
    pub folder: PathBuf,
    pub options: Options,
    pub id: u64,
    pub pending: Mutex<Pending>,
    /// The group is no longer empty, or the phase changed.
    pub work: Condvar,
    /// The group was taken, or the phase changed.
    pub room: Condvar,
    pub segments: Mutex<Vec<Segment>>,
    pub sync_times: Mutex<SyncTimes>,
    durable: AtomicU64,
    waits: Mutex<Waits>,
    moved: Condvar,
    watch: watch::Sender<u64>,
}

/// A thread that panics under one of these locks leaves nothing half done: every change is a
/// single assignment, or cut back by whoever made it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn wait<'a, T>(signal: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    signal.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: Options,
        recovered: Recovered,
        phase: Phase,
    ) -> Self {
        Self {
            disk,
            folder: folder.to_owned(),
            options,
            id: recovered.id,
            pending: Mutex::new(Pending {
                group: Vec::new(),
                last_seq: recovered.last_seq,
                last_at: recovered.last_at,
                phase: phase.clone(),
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            segments: Mutex::new(recovered.segments),
            sync_times: Mutex::new(SyncTimes::default()),
            durable: AtomicU64::new(recovered.last_seq),
            waits: Mutex::new(Waits {
                phase,
                woken: false,
            }),
            moved: Condvar::new(),
            watch: watch::Sender::new(recovered.last_seq),
        }
    }

    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Everything up to `seq` is durable.
    pub fn publish(&self, seq: u64) {
        let waits = lock(&self.waits);
        self.durable.store(seq, Ordering::Release);
        drop(waits);
        self.moved.notify_all();
        self.watch.send_replace(seq);
    }

    /// Ends appending and waiting. The first end counts.
    pub fn end(&self, phase: &Phase) {
        let mut pending = lock(&self.pending);
        if matches!(pending.phase, Phase::Open) {
            pending.phase = phase.clone();
        }
        drop(pending);
        self.work.notify_all();
        self.room.notify_all();
        self.end_waits(phase);
    }

    /// Ends waiting for what is not durable now.
    pub fn end_waits(&self, phase: &Phase) {
        let mut waits = lock(&self.waits);
        if matches!(waits.phase, Phase::Open) {
            waits.phase = phase.clone();
        }
        drop(waits);
        self.moved.notify_all();
        self.watch.send_replace(self.durable());
    }

    /// Whether entry `seq` is durable; an error when it never will be.
    fn reached(&self, seq: u64, waits: &Waits) -> Result<bool> {
        if self.durable() >= seq {
            return Ok(true);
        }
        waits.phase.check().map(|()| false)
    }

    pub fn wait_durable(&self, seq: u64) -> Result<()> {
        let mut waits = lock(&self.waits);
        while !self.reached(seq, &waits)? {
            waits = wait(&self.moved, waits);
        }
        Ok(())
    }

    /// Tells of every change of what is durable, and of the end.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    pub async fn durable_at(&self, seq: u64) -> Result<()> {
        // Subscribed before the first look, so that no change is missed.
        let mut changes = self.changes();
        loop {
            let reached = self.reached(seq, &lock(&self.waits))?;
            if reached {
                return Ok(());
            }
            if changes.changed().await.is_err() {
                return Err(Error::Closed);
            }
        }
    }

    pub fn wait_beyond(&self, seq: u64, timeout: Duration) -> Result<u64> {
        let asleep = |waits: &mut Waits| {
            self.durable() <= seq && !waits.woken && matches!(waits.phase, Phase::Open)
        };
        let (mut waits, _) = self
            .moved
            .wait_timeout_while(lock(&self.waits), timeout, asleep)
            .unwrap_or_else(PoisonError::into_inner);
        let durable = self.durable();
        if durable > seq {
            return Ok(durable);
        }
        if std::mem::take(&mut waits.woken) {
            return Ok(durable);
        }
        waits.phase.check().map(|()| durable)
    }

    pub fn wake(&self) {
        lock(&self.waits).woken = true;
        self.moved.notify_all();
    }

    pub fn io(&self, operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        io_error(operation, path)
    }
}

pub(crate) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}
