//! The engine on disk: sled 0.34.7, with guards.
//!
//! One database, one tree, one writer. sled promises less than it seems to: `flush` issues no
//! fsync, recovery after damage may panic or silently lose pages, and values above a limit go to
//! files that it never syncs. Hence:
//!
//! - a commit is one `apply_batch` with the mark inside, then `flush`, then fdatasync on a second
//!   descriptor of the same file, which also sees write errors that sled's own thread swallows;
//! - the mark holds a sum over all pairs; a store that was not closed cleanly is read whole and
//!   compared with it before use, one that was is compared with a checksum of its files;
//! - opening runs on a thread of its own, whose panic is an answer;
//! - long values are chunked ([`chunk`]);
//! - after any failed commit nothing more is written and no clean end is noted.

mod chunk;
mod folder;
mod mark;
mod open;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::FlockOperation;

use crate::engine::{Batch, Engine, Hold, KeyRange, Pair, RESERVED_PREFIX, Reached, Sizes};
use crate::{Error, Result};
use chunk::Head;
pub(crate) use folder::sync_path;
use folder::{Folder, Lock};
use mark::{MARK_KEY, Mark};
pub use open::{Opened, Reason, Rebuilt};

/// How sled is set up.
#[derive(Clone, Copy, Debug)]
pub struct SledSettings {
    /// sled's page cache. Resident memory is 1.2 to 2.2 times this.
    pub cache_bytes: u64,
}

impl Default for SledSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
        }
    }
}

/// sled behind [`Engine`]. Dropping it closes the store and notes the clean end.
#[derive(Debug)]
pub struct SledEngine {
    db: Option<sled::Db>,
    /// A second descriptor of sled's file, open for as long as sled's own.
    file: File,
    folder: Folder,
    written: Mutex<Written>,
    gate: Mutex<()>,
    _lock: Lock,
}

#[derive(Debug)]
struct Written {
    mark: Mark,
    /// The folder says that something was committed.
    used: bool,
    /// Why nothing more may be written.
    stopped: Option<String>,
}

impl SledEngine {
    /// Opens the store in `folder`, which nobody else may have open.
    ///
    /// A store that is missing, has another format, or fails its check is set aside and replaced
    /// by an empty one; [`Opened::rebuilt`] then says why, and the caller fills it from the newest
    /// snapshot and the ledger.
    ///
    /// # Errors
    /// [`Error::Locked`], or [`Error::Io`] where the disk does not work at all.
    pub fn open_or_set_aside(folder: &Path, settings: SledSettings) -> Result<Opened> {
        open::open_or_set_aside(folder, settings)
    }

    /// Sets the store in `folder` aside, however sound it is, and opens an empty one: for a caller
    /// that finds the ledger and the store in disagreement.
    ///
    /// # Errors
    /// See [`Self::open_or_set_aside`].
    pub fn set_aside_and_open(
        folder: &Path,
        settings: SledSettings,
        reason: Reason,
    ) -> Result<Opened> {
        open::set_aside_and_open(folder, settings, reason)
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("the database is there until drop")
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value whose head is `stored`. A commit between reading the head and the parts shows as
    /// a mismatch under a head that has changed meanwhile; then it is read again.
    fn value(&self, key: &[u8], mut stored: sled::IVec) -> Result<Option<Vec<u8>>> {
        let tree = self.db();
        let read = |key: &[u8]| tree.get(key).map_err(|error| engine("read", error));
        loop {
            let joined = match chunk::parse(&stored)? {
                Head::Whole(value) => return Ok(Some(value.to_vec())),
                Head::First(long, first) => chunk::join(key, long, first, read),
            };
            match (joined, read(key)?) {
                (Ok(value), _) => return Ok(Some(value)),
                (Err(_), None) => return Ok(None),
                (Err(error), Some(now)) if now == stored => return Err(error),
                (Err(_), Some(now)) => stored = now,
            }
        }
    }

    fn apply(&self, batch: &Batch, mark: &mut Mark) -> Result<()> {
        let tree = self.db();
        let mut writes = sled::Batch::default();
        for (key, value) in batch.writes() {
            if let Some(&first) = key.first().filter(|first| **first >= RESERVED_PREFIX) {
                return Err(Error::ReservedKey(first));
            }
            let old = tree.get(key).map_err(|error| engine("read", error))?;
            let new = match value {
                Some(value) => chunk::split(key, value)?,
                None => Vec::new(),
            };
            let old_parts = match old.as_deref().map(chunk::parse).transpose()? {
                Some(Head::First(long, _)) => long.parts(),
                _ => 0,
            };
            if let Some(old) = &old {
                mark.remove(key, old);
            }
            for index in 1..=old_parts {
                let part = chunk::part_key(key, index);
                if let Some(old) = tree.get(&part).map_err(|error| engine("read", error))? {
                    mark.remove(&part, &old);
                }
                if usize::from(index) >= new.len() {
                    writes.remove(part);
                }
            }
            if new.is_empty() && old.is_some() {
                writes.remove(key.as_slice());
            }
            for (key, value) in new {
                mark.add(&key, &value);
                writes.insert(key, value);
            }
        }
        mark.reached = batch.reached;
        writes.insert(&MARK_KEY, &mark.encode()[..]);
        tree.apply_batch(writes)
            .map_err(|error| engine("commit", error))?;
        self.sync()
    }

    /// Makes everything applied so far durable.
    fn sync(&self) -> Result<()> {
        self.db().flush().map_err(|error| engine("flush", error))?;
        self.file
            .sync_data()
            .map_err(Error::io("sync", &self.folder.db()))
    }

    /// Gives sled back to the system and waits until no thread of it can write any more. False
    /// where one does not come back: sled's threads hang when one of them met damage.
    fn close(&mut self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(20);
        const PAUSE: Duration = Duration::from_millis(2);
        let Some(db) = self.db.take() else {
            return false;
        };
        let (done, closed) = std::sync::mpsc::channel();
        let closer = std::thread::Builder::new()
            .name("store-close".to_owned())
            .spawn(move || {
                let dropped = std::panic::catch_unwind(AssertUnwindSafe(move || drop(db)));
                let _ = done.send(dropped.is_ok());
            });
        if closer.is_err() || closed.recv_timeout(PATIENCE) != Ok(true) {
            return false;
        }
        let tries = PATIENCE.as_millis() / PAUSE.as_millis();
        (0..tries).any(|_| {
            let free = rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive);
            if free.is_err() {
                std::thread::sleep(PAUSE);
            }
            free.is_ok()
        })
    }
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        guarded(
            || match self.db().get(key).map_err(|error| engine("read", error))? {
                Some(stored) => self.value(key, stored),
                None => Ok(None),
            },
        )
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        guarded(|| {
            let mut pairs = Vec::new();
            for pair in self
                .db()
                .range(range.from.as_slice()..range.to.as_slice())
                .take(limit)
            {
                let (key, stored) = pair.map_err(|error| engine("scan", error))?;
                if let Some(value) = self.value(&key, stored)? {
                    pairs.push((key.to_vec(), value));
                }
            }
            Ok(pairs)
        })
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Pair>> {
        if range.is_empty() {
            return Ok(None);
        }
        guarded(|| {
            for pair in self
                .db()
                .range(range.from.as_slice()..range.to.as_slice())
                .rev()
            {
                let (key, stored) = pair.map_err(|error| engine("scan", error))?;
                if let Some(value) = self.value(&key, stored)? {
                    return Ok(Some((key.to_vec(), value)));
                }
            }
            Ok(None)
        })
    }

    fn commit(&self, batch: &Batch) -> Result<()> {
        let _gate = self.gate();
        let mut written = self.written();
        if let Some(reason) = &written.stopped {
            return Err(Error::Stopped(reason.clone()));
        }
        let mut mark = written.mark;
        let use_now = !written.used && (batch.reached.is_some() || !batch.writes().is_empty());
        let noted = if use_now {
            self.folder.note_used()
        } else {
            Ok(())
        };
        match noted.and_then(|()| guarded(|| self.apply(batch, &mut mark))) {
            Ok(()) => {
                written.used |= use_now;
                written.mark = mark;
                Ok(())
            }
            Err(error) => {
                written.stopped = Some(error.to_string());
                Err(error)
            }
        }
    }

    fn reached(&self) -> Option<Reached> {
        self.written().mark.reached
    }

    fn hold(&self) -> Hold<'_> {
        Hold(self.gate())
    }

    fn sizes(&self) -> Result<Sizes> {
        let disk_bytes = self
            .db()
            .size_on_disk()
            .map_err(|error| engine("measure", error))?;
        Ok(Sizes {
            keys: self.written().mark.pairs,
            disk_bytes,
        })
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        let (stopped, mark) = {
            let written = self.written();
            (written.stopped.is_some(), written.mark)
        };
        let synced = !stopped && guarded(|| self.sync()).is_ok();
        let closed = self.close();
        if !(synced && closed) {
            tracing::warn!(store = %self.folder.root().display(), "store not closed cleanly");
            return;
        }
        let noted = self
            .file
            .sync_data()
            .map_err(Error::io("sync", &self.folder.db()));
        let noted = noted.and_then(|()| self.folder.sync());
        if let Err(error) = noted.and_then(|()| self.folder.write_clean(&mark.encode())) {
            tracing::warn!(%error, "could not note the clean end of the store");
        }
    }
}

fn engine(operation: &'static str, error: sled::Error) -> Error {
    match error {
        sled::Error::Corruption { .. } => Error::Corrupt(error.to_string()),
        other => Error::Engine {
            operation,
            detail: other.to_string(),
        },
    }
}

/// Turns a panic of sled, which is how it meets damaged pages, into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::Corrupt(panic_text(panic.as_ref()))))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "the engine panicked: {}",
        text.unwrap_or("without a message")
    )
}
