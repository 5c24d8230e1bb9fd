//! Tables that are read in order: timers, deliveries, quarantined input. Keys stay typed until a
//! checkpoint: comparing and keeping them as bytes costs more than all else here.

use std::collections::BTreeMap;
use std::ops::RangeBounds;

use crosspoint_model::delivery::DeliveryId;
use crosspoint_model::{Instant, ProfileId};

use super::below::Below;
use crate::engine::{Engine, KeyRange, Pair, Write};
use crate::{Result, keys};

/// A key whose order is that of its bytes.
pub(super) trait OrderedKey: Copy + Ord {
    fn to_bytes(self) -> Vec<u8>;
}

impl OrderedKey for (Instant, ProfileId) {
    fn to_bytes(self) -> Vec<u8> {
        keys::timer(self.0, self.1)
    }
}

impl OrderedKey for DeliveryId {
    fn to_bytes(self) -> Vec<u8> {
        keys::delivery(self)
    }
}

/// Quarantined input: seq and ordinal.
impl OrderedKey for (u64, u32) {
    fn to_bytes(self) -> Vec<u8> {
        keys::quarantined(self.0, self.1)
    }
}

/// What changed in one table since the last checkpoint.
#[derive(Debug)]
pub(super) struct Ordered<K> {
    changed: BTreeMap<K, Changed>,
    bytes: usize,
}

#[derive(Debug)]
struct Changed {
    now: Option<Box<[u8]>>,
    /// A delete would have to be written.
    stored: bool,
}

const ENTRY_BYTES: usize = 80;

impl<K: OrderedKey> Ordered<K> {
    pub(super) fn new() -> Self {
        Self {
            changed: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn get<E: Engine>(&self, key: K, below: &mut Below<E>) -> Result<Option<Vec<u8>>> {
        match self.changed.get(&key) {
            Some(changed) => Ok(changed.now.as_deref().map(<[u8]>::to_vec)),
            None => below.get(&key.to_bytes()),
        }
    }

    /// `may_be_stored` is asked only for a key that has not changed yet.
    pub(super) fn put(
        &mut self,
        key: K,
        value: Option<Vec<u8>>,
        may_be_stored: impl FnOnce() -> bool,
    ) {
        let bytes = value.as_ref().map_or(0, Vec::len);
        let value = value.map(Vec::into_boxed_slice);
        if let Some(changed) = self.changed.get_mut(&key) {
            self.bytes = self.bytes + bytes - changed.now.as_ref().map_or(0, |value| value.len());
            changed.now = value;
            if changed.now.is_none() && !changed.stored {
                self.bytes -= ENTRY_BYTES;
                self.changed.remove(&key);
            }
            return;
        }
        let stored = may_be_stored();
        if value.is_some() || stored {
            self.bytes += ENTRY_BYTES + bytes;
            self.changed.insert(key, Changed { now: value, stored });
        }
    }

    /// Up to `limit` pairs; `keys` and `range` mean the same.
    pub(super) fn scan<E: Engine>(
        &self,
        keys: impl RangeBounds<K>,
        range: KeyRange,
        limit: usize,
        below: &Below<E>,
    ) -> Result<Vec<Pair>> {
        let changed = self
            .changed
            .range(keys)
            .map(|(key, changed)| (key.to_bytes(), changed.now.as_deref().map(<[u8]>::to_vec)));
        below.scan(changed, range).take(limit).collect()
    }

    pub(super) fn drain(&mut self, writes: &mut Vec<Write>) {
        let changed = std::mem::take(&mut self.changed).into_iter();
        writes.extend(changed.map(|(key, changed)| (key.to_bytes(), changed.now.map(Into::into))));
        self.bytes = 0;
    }

    pub(super) fn changes(&self) -> usize {
        self.changed.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
