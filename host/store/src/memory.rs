//! An engine without a disk, for tests and for checking a replay.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::engine::{Batch, Engine, Hold, KeyRange, Pair, RESERVED_PREFIX, Reached, Sizes};
use crate::{Error, Result};

/// Keeps everything in memory. Durable as long as it lives.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    held: RwLock<Held>,
    gate: Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    reached: Option<Reached>,
}

impl MemoryEngine {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T>(&self, read: impl FnOnce(&Held) -> T) -> T {
        read(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.read(|held| held.pairs.get(key).cloned()))
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.read(|held| {
            let pairs = held.pairs.range(range.from.clone()..range.to.clone());
            pairs
                .take(limit)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        }))
    }

    fn last(&self, range: &KeyRange) -> Result<Option<Pair>> {
        if range.is_empty() {
            return Ok(None);
        }
        Ok(self.read(|held| {
            let last = held
                .pairs
                .range(range.from.clone()..range.to.clone())
                .next_back();
            last.map(|(key, value)| (key.clone(), value.clone()))
        }))
    }

    fn commit(&self, batch: &Batch) -> Result<()> {
        let _gate = self.gate();
        let reserved = |key: &[u8]| {
            key.first()
                .copied()
                .filter(|first| *first >= RESERVED_PREFIX)
        };
        if let Some(first) = batch.writes().iter().find_map(|write| reserved(&write.0)) {
            return Err(Error::ReservedKey(first));
        }
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch.writes() {
            match value {
                Some(value) => held.pairs.insert(key.clone(), value.clone()),
                None => held.pairs.remove(key),
            };
        }
        held.reached = batch.reached;
        Ok(())
    }

    fn reached(&self) -> Option<Reached> {
        self.read(|held| held.reached)
    }

    fn hold(&self) -> Hold<'_> {
        Hold(self.gate())
    }

    fn sizes(&self) -> Result<Sizes> {
        Ok(Sizes {
            keys: self.read(|held| held.pairs.len() as u64),
            disk_bytes: 0,
        })
    }
}
