//! Which keys the engine cannot hold. sled blocks every read while a batch is applied, and most
//! lookups of an import are for things never met before: these need not ask.

use std::hash::{Hash, Hasher};

/// Bloom filter that grows by layers. Says "absent" only of keys that were never added.
#[derive(Debug)]
pub(crate) struct Absence {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    words: Vec<u64>,
    room: usize,
}

/// Ten bits and seven probes a key err once in 120 lookups.
const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 7;
const FIRST_ROOM: usize = 1 << 16;

impl Absence {
    /// Of an empty engine.
    pub(crate) fn new() -> Self {
        Self {
            layers: vec![Layer::new(FIRST_ROOM)],
        }
    }

    pub(crate) fn add(&mut self, key: &[u8]) {
        let hash = hash(key);
        if self.layers.iter().any(|layer| layer.has(hash)) {
            return;
        }
        if self.layers.last().is_none_or(|layer| layer.room == 0) {
            let room = FIRST_ROOM << self.layers.len().min(16);
            self.layers.push(Layer::new(room));
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.add(hash);
        }
    }

    pub(crate) fn is_absent(&self, key: &[u8]) -> bool {
        let hash = hash(key);
        !self.layers.iter().rev().any(|layer| layer.has(hash))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.words.len() * 8).sum()
    }
}

impl Layer {
    fn new(room: usize) -> Self {
        Self {
            words: vec![0; (room * BITS_PER_KEY).next_power_of_two() / 64],
            room,
        }
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mask = self.words.len() as u64 * 64 - 1;
        let step = (hash >> 32) | 1;
        (0..PROBES).map(move |probe| {
            let bit = hash.wrapping_add(probe.wrapping_mul(step)) & mask;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn has(&self, hash: u64) -> bool {
        self.places(hash)
            .all(|(word, bit)| self.words[word] & bit != 0)
    }

    fn add(&mut self, hash: u64) {
        for (word, bit) in self.places(hash) {
            self.words[word] |= bit;
        }
        self.room = self.room.saturating_sub(1);
    }
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_never_absent() {
        let mut absence = Absence::new();
        let count = 3 * FIRST_ROOM as u64;
        (0..count).for_each(|number| absence.add(&number.to_be_bytes()));
        assert!((0..count).all(|number| !absence.is_absent(&number.to_be_bytes())));
        let wrong = (count..2 * count).filter(|number| !absence.is_absent(&number.to_be_bytes()));
        assert!(wrong.count() < count as usize / 20);
    }
}
