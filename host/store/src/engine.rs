//! What the store asks of an ordered map on disk. Small, so that another engine can take the place
//! of the present one.

use std::sync::MutexGuard;

use crosspoint_model::Instant;

use crate::Result;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// First bytes from here on are the engine's own; keys of callers start with a smaller one.
pub const RESERVED_PREFIX: u8 = 0xf0;

/// How far into the ledger the state reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The ledger position. What it counts is the caller's; the store only compares and keeps it.
    pub position: u64,
    /// Instant of the last entry.
    pub at: Instant,
}

/// Keys from `from` (inclusive) up to `to` (exclusive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key.
    pub from: Vec<u8>,
    /// The first key that is no longer meant.
    pub to: Vec<u8>,
}

impl KeyRange {
    /// Every key that starts with `prefix`, which is not empty and not all `0xff`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut to = prefix.to_vec();
        while let Some(last) = to.pop() {
            if last < u8::MAX {
                to.push(last + 1);
                break;
            }
        }
        Self {
            from: prefix.to_vec(),
            to,
        }
    }

    /// Every key of a caller.
    pub fn all() -> Self {
        Self {
            from: Vec::new(),
            to: vec![RESERVED_PREFIX],
        }
    }

    /// The part of the range behind `key`.
    #[must_use]
    pub fn after(mut self, key: &[u8]) -> Self {
        if key >= self.from.as_slice() {
            self.from = successor(key);
        }
        self
    }

    /// Whether no key is in it.
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// The smallest key behind `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// One write: a value, or `None` to delete.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// Writes that become visible and durable together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    writes: Vec<Write>,
    /// What the state reaches with it. `None` marks a part of an import: until a batch with a
    /// position follows, the store counts as unfinished and a restart sets it aside.
    pub reached: Option<Reached>,
}

impl Batch {
    /// A batch of these writes; of several to one key the last counts.
    pub fn new(mut writes: Vec<Write>, reached: Option<Reached>) -> Self {
        writes.sort_by(|a, b| a.0.cmp(&b.0));
        writes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self { writes, reached }
    }

    /// The writes, sorted by key, each key once.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// What the batch does to `key`: nothing, delete (`Some(None)`), or put.
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        let at = self
            .writes
            .binary_search_by(|write| write.0.as_slice().cmp(key))
            .ok()?;
        Some(self.writes[at].1.as_deref())
    }

    /// The writes to keys of `range`, sorted.
    pub fn range(&self, range: &KeyRange) -> &[Write] {
        let from = self.writes.partition_point(|write| write.0 < range.from);
        let to = self.writes.partition_point(|write| write.0 < range.to);
        &self.writes[from..to.max(from)]
    }
}

/// How large an engine is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Keys, the engine's own included.
    pub keys: u64,
    /// Bytes on disk; 0 where there is no disk.
    pub disk_bytes: u64,
}

/// While it lives no commit takes place, so that several scans see one state.
#[derive(Debug)]
pub struct Hold<'a>(#[allow(dead_code)] pub(crate) MutexGuard<'a, ()>);

/// An ordered map with atomic, durable commits.
///
/// One thread commits; any thread reads. Reads see either the whole of a commit or nothing of it,
/// except a sequence of reads, which takes a [`Hold`] to see one state.
pub trait Engine: Send + Sync + 'static {
    /// The value under `key`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] when what is there cannot be what was written.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The values under `keys`, in their order.
    ///
    /// # Errors
    /// See [`Self::get`].
    fn multi_get(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Up to `limit` pairs of `range`, ascending.
    ///
    /// # Errors
    /// See [`Self::get`].
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>>;

    /// The last pair of `range`.
    ///
    /// # Errors
    /// See [`Self::get`].
    fn last(&self, range: &KeyRange) -> Result<Option<Pair>>;

    /// Applies the batch with its position, all or nothing, and returns once it is durable.
    ///
    /// # Errors
    /// After any error nothing more can be committed and the process must stop: what reached the
    /// disk is unknown, and the next start finds out.
    fn commit(&self, batch: &Batch) -> Result<()>;

    /// What the last commit reached; `None` in a fresh store and within an import.
    fn reached(&self) -> Option<Reached>;

    /// Keeps commits out.
    fn hold(&self) -> Hold<'_>;

    /// How large it is.
    ///
    /// # Errors
    /// When the disk cannot be asked.
    fn sizes(&self) -> Result<Sizes>;
}
