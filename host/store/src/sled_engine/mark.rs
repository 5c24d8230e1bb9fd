//! The engine's own record of what a commit left behind. A store that was not closed cleanly is
//! read whole and compared with it: a lost, stale or foreign pair changes the sum.
//!
//! ```text
//! key   ff 'm'
//! value version:u8 finished:u8 position:u64 at:i64 pairs:u64 sum:u64      big-endian
//! ```

use crosspoint_model::Instant;

use crate::engine::Reached;
use crate::{Error, Result};

/// First byte of the engine's own keys.
pub(super) const MARK_PREFIX: u8 = 0xff;
/// Where the mark stands.
pub(super) const MARK_KEY: [u8; 2] = [MARK_PREFIX, b'm'];

const VERSION: u8 = 1;
/// Length of an encoded mark.
pub(super) const MARK_BYTES: usize = 34;

/// How far the state reaches, and the sum over all pairs of sled but this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// `None` within an import.
    pub(super) reached: Option<Reached>,
    /// Number of pairs.
    pub(super) pairs: u64,
    /// Wrapping sum of the pairs' hashes: the same in whatever order they came.
    pub(super) sum: u64,
}

impl Mark {
    /// Counts a pair in.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.pairs = self.pairs.wrapping_add(1);
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    /// Counts a pair out.
    pub(super) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.pairs = self.pairs.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }

    pub(super) fn encode(&self) -> [u8; MARK_BYTES] {
        let reached = self.reached.unwrap_or(Reached {
            position: 0,
            at: Instant(0),
        });
        let mut bytes = [0; MARK_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.reached.is_some().into();
        bytes[2..10].copy_from_slice(&reached.position.to_be_bytes());
        bytes[10..18].copy_from_slice(&reached.at.0.to_be_bytes());
        bytes[18..26].copy_from_slice(&self.pairs.to_be_bytes());
        bytes[26..].copy_from_slice(&self.sum.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != MARK_BYTES || bytes[0] != VERSION || bytes[1] > 1 {
            return Err(Error::Corrupt(
                "the checkpoint mark is not readable".to_owned(),
            ));
        }
        let number = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_be_bytes(word)
        };
        let reached = Reached {
            position: number(2),
            at: Instant(number(10) as i64),
        };
        Ok(Self {
            reached: (bytes[1] == 1).then_some(reached),
            pairs: number(18),
            sum: number(26),
        })
    }
}

/// Folded multiplication over words of eight bytes, as in wyhash: damage is not an adversary, and
/// a commit hashes every pair twice.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    fn fold(state: u64, word: u64, factor: u64) -> u64 {
        let product = u128::from(state ^ word) * u128::from(factor);
        (product as u64) ^ ((product >> 64) as u64)
    }
    let mut state = 0x2d35_8dcc_aa6c_78a5;
    for bytes in [key, value] {
        state = fold(state, bytes.len() as u64 ^ 0x8bb8_4b93_962e_acc9, FACTOR);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = fold(state, u64::from_le_bytes(word), FACTOR).rotate_left(23) ^ FACTOR;
        }
    }
    fold(state, 0x4b33_a62e_d433_d4a3, FACTOR)
}
