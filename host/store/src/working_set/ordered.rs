//! Tables that are read in order: timers, deliveries, quarantined input.

use std::collections::BTreeMap;

use super::below::Below;
use crate::Result;
use crate::engine::{Engine, KeyRange, Pair, Write};

/// What changed since the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    changed: BTreeMap<Vec<u8>, Changed>,
    bytes: usize,
}

#[derive(Debug)]
struct Changed {
    now: Option<Vec<u8>>,
    /// A delete would have to be written.
    stored: bool,
}

const ENTRY_BYTES: usize = 80;

impl Ordered {
    pub(super) fn get<E: Engine>(
        &self,
        key: &[u8],
        below: &mut Below<E>,
    ) -> Result<Option<Vec<u8>>> {
        match self.changed.get(key) {
            Some(changed) => Ok(changed.now.clone()),
            None => below.get(key),
        }
    }

    /// `may_be_stored` is asked only for a key that has not changed yet.
    pub(super) fn put(
        &mut self,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        may_be_stored: impl FnOnce(&[u8]) -> bool,
    ) {
        let bytes = value.as_ref().map_or(0, Vec::len);
        if let Some(changed) = self.changed.get_mut(&key) {
            self.bytes = self.bytes + bytes - changed.now.as_ref().map_or(0, Vec::len);
            changed.now = value;
            if changed.now.is_none() && !changed.stored {
                self.bytes -= ENTRY_BYTES + key.len();
                self.changed.remove(&key);
            }
            return;
        }
        let stored = may_be_stored(&key);
        if value.is_some() || stored {
            self.bytes += ENTRY_BYTES + key.len() + bytes;
            self.changed.insert(key, Changed { now: value, stored });
        }
    }

    pub(super) fn scan<E: Engine>(
        &self,
        range: &KeyRange,
        limit: usize,
        below: &Below<E>,
    ) -> Result<Vec<Pair>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let changed = self.changed.range(range.from.clone()..range.to.clone());
        let changed = changed.map(|(key, changed)| (key.clone(), changed.now.clone()));
        below.scan(changed, range.clone()).take(limit).collect()
    }

    pub(super) fn drain(&mut self, writes: &mut Vec<Write>) {
        let changed = std::mem::take(&mut self.changed);
        writes.extend(changed.into_iter().map(|(key, changed)| (key, changed.now)));
        self.bytes = 0;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
