//! The ledger as its users see it.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crosspoint_model::Instant;
use crosspoint_model::entry::{Entry, What};
use tracing::error;

use crate::commit::Writer;
use crate::disk::{Disk, Lock, RealDisk};
use crate::encoded::{Content, Encoded, with_encoded};
use crate::frames::{SEQUENTIAL_CHUNK_BYTES, SINGLE_CHUNK_BYTES};
use crate::recover::{recover, write_closed};
use crate::shared::{Pending, Phase, Shared, io_error, lock, wait};
use crate::{Error, Reader, Result, Stats, format, retain};

/// How a ledger is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Length at which a segment file ends; a file with a single group may be longer.
    pub segment_bytes: u64,
    /// Bytes that may wait to be written; beyond this [`Ledger::append`] blocks.
    pub pending_bytes: usize,
}

impl Default for Options {
    /// Files of 64 MiB are walked in a fraction of a second. Groups of 4 MiB stay in the processor's
    /// cache while they are filled, checked and written, and are long enough for the disk: larger
    /// ones are filled and written in turns instead of at the same time.
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            pending_bytes: 4 << 20,
        }
    }
}

/// An entry that was appended; durable once [`Ledger::durable_position`] reaches `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number.
    pub seq: u64,
    /// Its instant.
    pub at: Instant,
}

/// The ledger of one shard. Shared behind an [`Arc`]; every method may be called from any thread.
/// Dropping it closes it.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<Guard>>,
}

/// Holds the folder until dropped.
struct Guard(#[expect(dead_code, reason = "dropping it unlocks")] Box<dyn Any + Send + Sync>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Ledger {
    /// Opens a folder, creates it where there is none, cuts a torn tail, and makes all that it
    /// holds durable. Takes as long as walking the last segment file.
    ///
    /// # Errors
    /// [`Error::Locked`] if it is open elsewhere, also in this process; [`Error::Damaged`],
    /// [`Error::MissingSegment`], [`Error::Lost`] and [`Error::Foreign`] if it is not whole;
    /// [`Error::NewerFile`] and [`Error::NewerEntry`]; [`Error::Io`].
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        Self::open_on(Arc::new(RealDisk), folder, options)
    }

    /// As [`Ledger::open`], on another disk.
    ///
    /// # Errors
    /// See [`Ledger::open`].
    pub fn open_on(disk: Arc<dyn Disk>, folder: &Path, options: Options) -> Result<Self> {
        let (ledger, writer) = Self::open_parts(disk, folder, options)?;
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(io_error("start the writer of", folder))?;
        *lock(&ledger.writer) = Some(thread);
        Ok(ledger)
    }

    /// A ledger whose groups are committed by hand.
    pub(crate) fn open_parts(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: Options,
    ) -> Result<(Self, Writer)> {
        disk.create_folder(folder)
            .map_err(io_error("create", folder))?;
        let guard = take_lock(&*disk, folder, true)?;
        let mut recovered = recover(&*disk, folder, true)?;
        let Some(active) = recovered.active.take() else {
            return Err(Error::ReadOnly);
        };
        let shared = Arc::new(Shared::new(disk, folder, options, recovered, Phase::Open));
        let writer = Writer::new(Arc::clone(&shared), active);
        let ledger = Self {
            shared,
            writer: Mutex::new(None),
            lock: Mutex::new(Some(guard)),
        };
        Ok((ledger, writer))
    }

    /// Opens an existing folder for reading. Several may do so at a time, but not while a host has
    /// it open. Changes nothing: a torn tail is passed over, not cut.
    ///
    /// # Errors
    /// See [`Ledger::open`].
    pub fn open_read_only(folder: &Path) -> Result<Self> {
        Self::open_read_only_on(Arc::new(RealDisk), folder)
    }

    /// As [`Ledger::open_read_only`], on another disk.
    ///
    /// # Errors
    /// See [`Ledger::open`].
    pub fn open_read_only_on(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self> {
        let guard = take_lock(&*disk, folder, false)?;
        let recovered = recover(&*disk, folder, false)?;
        let options = Options::default();
        let shared = Arc::new(Shared::new(
            disk,
            folder,
            options,
            recovered,
            Phase::ReadOnly,
        ));
        Ok(Self {
            shared,
            writer: Mutex::new(None),
            lock: Mutex::new(Some(guard)),
        })
    }

    /// Appends an entry, at `now` or at the instant of the entry before if that is later. Returns
    /// before it is durable. Blocks while more than [`Options::pending_bytes`] wait to be written.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::Closed`], [`Error::ReadOnly`], [`Error::Encode`] or
    /// [`Error::TooLarge`]; nothing was appended then.
    pub fn append(&self, now: Instant, what: &What) -> Result<Appended> {
        with_encoded(what, |content| self.append_content(now, content))?
    }

    /// As [`Ledger::append`], of what was encoded before.
    ///
    /// # Errors
    /// See [`Ledger::append`].
    pub fn append_encoded(&self, now: Instant, what: &Encoded) -> Result<Appended> {
        self.append_content(now, what.content())
    }

    fn append_content(&self, now: Instant, what: Content<'_>) -> Result<Appended> {
        let shared = &*self.shared;
        let mut pending = lock(&shared.pending);
        while is_full(shared, &pending) {
            pending = wait(&shared.room, pending);
        }
        self.push(pending, now, what)
    }

    /// As [`Ledger::append`], but answers with `None`, and appends nothing, where that would block
    /// because the disk does not keep up.
    ///
    /// # Errors
    /// See [`Ledger::append`].
    pub fn try_append(&self, now: Instant, what: &What) -> Result<Option<Appended>> {
        let shared = &*self.shared;
        if is_full(shared, &lock(&shared.pending)) {
            return Ok(None);
        }
        with_encoded(what, |content| {
            let pending = lock(&shared.pending);
            if is_full(shared, &pending) {
                return Ok(None);
            }
            self.push(pending, now, content).map(Some)
        })?
    }

    /// As [`Ledger::append`], for async tasks: where that would block, completes once the disk has
    /// caught up, and leaves the thread to others meanwhile. Nothing is appended when it is dropped
    /// before.
    ///
    /// # Errors
    /// See [`Ledger::append`].
    pub async fn append_when_room(&self, now: Instant, what: &What) -> Result<Appended> {
        // Subscribed before the first look, so that no change is missed: what is in the way is
        // durable at some time, or the ledger ends.
        let mut changes = self.shared.changes();
        loop {
            if let Some(appended) = self.try_append(now, what)? {
                return Ok(appended);
            }
            if changes.changed().await.is_err() {
                return Err(Error::Closed);
            }
        }
    }

    fn push(
        &self,
        mut pending: MutexGuard<'_, Pending>,
        now: Instant,
        what: Content<'_>,
    ) -> Result<Appended> {
        let shared = &*self.shared;
        pending.phase.check()?;
        let appended = Appended {
            seq: pending.last_seq + 1,
            at: now.max(pending.last_at),
        };
        let first = pending.group.is_empty();
        format::push_entry(
            &mut pending.group,
            shared.id,
            appended.seq,
            appended.at,
            what,
        )?;
        pending.last_seq = appended.seq;
        pending.last_at = appended.at;
        drop(pending);
        if first {
            shared.work.notify_one();
        }
        Ok(appended)
    }

    /// Blocks until entry `seq`, which must have been appended, is durable.
    ///
    /// # Errors
    /// [`Error::Stopped`] if it will never be: whether it is there shows after opening anew.
    pub fn wait_durable(&self, seq: u64) -> Result<()> {
        self.shared.wait_durable(seq)
    }

    /// Completes once entry `seq`, which must have been appended, is durable. May be dropped at any
    /// time.
    ///
    /// # Errors
    /// See [`Ledger::wait_durable`].
    pub async fn durable(&self, seq: u64) -> Result<()> {
        self.shared.durable_at(seq).await
    }

    /// Blocks until an entry after `seq` is durable, `timeout` has passed, or [`Ledger::wake`] was
    /// called, since the last return or before. Returns the durable position. For one loop: a wake
    /// ends one wait.
    ///
    /// # Errors
    /// [`Error::Stopped`], [`Error::Closed`] or [`Error::ReadOnly`] if nothing after `seq` will
    /// come any more.
    pub fn wait_beyond(&self, seq: u64, timeout: Duration) -> Result<u64> {
        self.shared.wait_beyond(seq, timeout)
    }

    /// Ends the present [`Ledger::wait_beyond`], or else the next.
    pub fn wake(&self) {
        self.shared.wake();
    }

    /// Number of the last durable entry; 0 if there is none.
    pub fn durable_position(&self) -> u64 {
        self.shared.durable()
    }

    /// Number of the last entry appended, durable or not; 0 if there is none.
    pub fn last_appended(&self) -> u64 {
        lock(&self.shared.pending).last_seq
    }

    /// Instant of the last entry appended; [`Instant::MIN`] if there never was one.
    pub fn last_at(&self) -> Instant {
        lock(&self.shared.pending).last_at
    }

    /// Number of the oldest entry there is; one more than the last if there is none.
    pub fn first_seq(&self) -> u64 {
        let segments = lock(&self.shared.segments);
        segments.first().map_or(1, |segment| segment.first_seq)
    }

    /// Which ledger this is: chosen at random when it was created, never changed. A store that was
    /// built from another ledger can be told by it.
    pub fn id(&self) -> u64 {
        self.shared.id
    }

    /// Reads durable entries in order, beginning with `from_seq`.
    pub fn reader(&self, from_seq: u64) -> Reader {
        Reader::new(Arc::clone(&self.shared), from_seq, SEQUENTIAL_CHUNK_BYTES)
    }

    /// Reads one entry; `None` if it is not durable yet.
    ///
    /// # Errors
    /// See [`Reader::next`].
    pub fn get(&self, seq: u64) -> Result<Option<Entry>> {
        let mut reader = Reader::new(Arc::clone(&self.shared), seq, SINGLE_CHUNK_BYTES);
        Ok(reader.next()?.map(|(_, entry)| entry))
    }

    /// Reads every entry there is and checks sequence, checksum and format. `progress` is told the
    /// number of each entry. Returns how many there are.
    ///
    /// # Errors
    /// See [`Reader::next`].
    pub fn verify(&self, mut progress: impl FnMut(u64)) -> Result<u64> {
        let last = self.durable_position();
        let mut reader = self.reader(self.first_seq());
        let mut count = 0;
        while reader.position() <= last {
            let Some((seq, _)) = reader.next()? else {
                break;
            };
            progress(seq);
            count += 1;
        }
        Ok(count)
    }

    /// Removes whole segment files, oldest first: those whose entries are all at most
    /// `covered_seq` and older than `before`. Never the last file. Returns what was removed.
    ///
    /// # Errors
    /// [`Error::Io`]; files before the one it names are gone.
    pub fn retain(&self, covered_seq: u64, before: Instant) -> Result<Vec<PathBuf>> {
        if matches!(lock(&self.shared.pending).phase, Phase::ReadOnly) {
            return Err(Error::ReadOnly);
        }
        retain::retain(&self.shared, covered_seq, before)
    }

    /// Extent and figures.
    pub fn stats(&self) -> Stats {
        let segments = lock(&self.shared.segments);
        let (count, bytes) = (
            segments.len(),
            segments.iter().map(|segment| segment.bytes).sum(),
        );
        drop(segments);
        let times = lock(&self.shared.sync_times).clone();
        Stats {
            first_seq: self.first_seq(),
            last_seq: self.durable_position(),
            segments: count,
            bytes,
            groups: times.groups,
            written_bytes: times.written_bytes,
            sync_last: times.last,
            sync_longest: times.longest,
            sync_total: times.total,
            sync_histogram: times.histogram,
        }
    }

    /// Makes durable what was appended, marks the folder as closed in order, and unlocks it.
    /// Appending ends at once. Readers may finish. A second call does nothing.
    ///
    /// # Errors
    /// [`Error::Stopped`] if not all became durable; [`Error::Io`] if the mark was not written,
    /// which costs the next opening its certainty about the last group, no entry.
    pub fn close(&self) -> Result<()> {
        let Some(guard) = lock(&self.lock).take() else {
            return Ok(());
        };
        let mut pending = lock(&self.shared.pending);
        let before = pending.phase.clone();
        if matches!(before, Phase::Open) {
            pending.phase = Phase::Closed;
        }
        drop(pending);
        self.shared.work.notify_all();
        self.shared.room.notify_all();
        if let Some(thread) = lock(&self.writer).take() {
            // A panic there has stopped the ledger, which shows below.
            let _ = thread.join();
        }
        self.shared.end_waits(&Phase::Closed);
        if matches!(before, Phase::ReadOnly) {
            return Ok(());
        }
        self.shared.wait_durable(self.last_appended())?;
        let shared = &*self.shared;
        let marked = write_closed(&*shared.disk, &shared.folder, shared.id, shared.durable());
        drop(guard);
        marked
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Err(cause) = self.close() {
            let folder = self.shared.folder.display();
            error!(%folder, error = &cause as &dyn std::error::Error, "could not close the ledger");
        }
    }
}

/// Whether more waits to be written than an appender may add to.
fn is_full(shared: &Shared, pending: &Pending) -> bool {
    pending.group.len() > shared.options.pending_bytes && matches!(pending.phase, Phase::Open)
}

fn take_lock(disk: &dyn Disk, folder: &Path, exclusive: bool) -> Result<Guard> {
    let file = folder.join(format::LOCK_FILE);
    match disk
        .lock(&file, exclusive)
        .map_err(io_error("lock", &file))?
    {
        Lock::Held(guard) => Ok(Guard(guard)),
        Lock::Busy(holder) => Err(Error::Locked {
            folder: folder.to_owned(),
            holder,
        }),
    }
}
