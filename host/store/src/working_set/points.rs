//! Tables that are read by key only: what changed since the last checkpoint, and what was read or
//! written lately.

use std::collections::HashMap;

use super::below::Below;
use crate::Result;
use crate::engine::{Engine, Write};

type Key = Box<[u8]>;
type Value = Box<[u8]>;

#[derive(Debug, Default)]
pub(super) struct Points {
    changed: HashMap<Key, Changed>,
    changed_bytes: usize,
    /// Read or written lately and unchanged since, absence included. When `young` is full it becomes
    /// `old`.
    young: HashMap<Key, Option<Value>>,
    old: HashMap<Key, Option<Value>>,
    young_bytes: usize,
    old_bytes: usize,
}

#[derive(Debug)]
struct Changed {
    now: Option<Value>,
    /// A delete would have to be written.
    stored: bool,
}

const ENTRY_BYTES: usize = 80;

impl Points {
    pub(super) fn get<E: Engine>(
        &mut self,
        key: Vec<u8>,
        room_bytes: usize,
        below: &mut Below<E>,
    ) -> Result<Option<Vec<u8>>> {
        if let Some(changed) = self.changed.get(key.as_slice()) {
            return Ok(changed.now.as_deref().map(<[u8]>::to_vec));
        }
        if let Some(value) = self.young.get(key.as_slice()) {
            return Ok(value.as_deref().map(<[u8]>::to_vec));
        }
        let value = match self.old.get(key.as_slice()) {
            Some(value) => value.as_deref().map(<[u8]>::to_vec),
            None => below.get(&key)?,
        };
        self.keep(key.into(), value.as_deref().map(Into::into), room_bytes);
        Ok(value)
    }

    /// Among what was read or written lately.
    fn keep(&mut self, key: Key, value: Option<Value>, room_bytes: usize) {
        let bytes = ENTRY_BYTES + key.len() + value.as_ref().map_or(0, |value| value.len());
        if self.young_bytes + bytes > room_bytes / 2 {
            self.old = std::mem::take(&mut self.young);
            self.old_bytes = std::mem::take(&mut self.young_bytes);
        }
        self.young_bytes += bytes;
        self.young.insert(key, value);
    }

    pub(super) fn put<E: Engine>(
        &mut self,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
        below: &Below<E>,
    ) {
        let bytes = value.as_ref().map_or(0, Vec::len);
        if let Some(changed) = self.changed.get_mut(key.as_slice()) {
            let before = changed.now.as_ref().map_or(0, |value| value.len());
            self.changed_bytes = self.changed_bytes + bytes - before;
            changed.now = value.map(Into::into);
            if changed.now.is_none() && !changed.stored {
                self.changed_bytes -= ENTRY_BYTES + key.len();
                self.changed.remove(key.as_slice());
            }
            return;
        }
        let stored = below.may_hold(&key);
        self.young.remove(key.as_slice());
        self.old.remove(key.as_slice());
        if value.is_none() && !stored {
            return;
        }
        self.changed_bytes += ENTRY_BYTES + key.len() + bytes;
        self.changed.insert(
            key.into(),
            Changed {
                now: value.map(Into::into),
                stored,
            },
        );
    }

    /// What was written lately is read again soon, and the engine lets nobody read while it commits:
    /// so it is kept here too.
    pub(super) fn drain(&mut self, writes: &mut Vec<Write>, room_bytes: usize) {
        for (key, changed) in std::mem::take(&mut self.changed) {
            let value = changed.now.as_deref().map(<[u8]>::to_vec);
            writes.push((key.to_vec(), value));
            self.keep(key, changed.now, room_bytes);
        }
        self.changed_bytes = 0;
    }

    /// What changed under keys that start with `prefix`, sorted.
    pub(super) fn changed_below(&self, prefix: &[u8]) -> Vec<Write> {
        let changed = self
            .changed
            .iter()
            .filter(|(key, _)| key.starts_with(prefix));
        let mut changed: Vec<Write> = changed
            .map(|(key, changed)| (key.to_vec(), changed.now.as_deref().map(<[u8]>::to_vec)))
            .collect();
        changed.sort();
        changed
    }

    pub(super) fn changes(&self) -> usize {
        self.changed.len()
    }

    pub(super) fn dirty_bytes(&self) -> usize {
        self.changed_bytes
    }

    pub(super) fn bytes(&self) -> usize {
        self.changed_bytes + self.young_bytes + self.old_bytes
    }
}
