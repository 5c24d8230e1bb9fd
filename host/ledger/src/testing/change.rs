//! Changes of a disk, whole or torn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a disk writes as a whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`; 0 if there are none.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % sides.max(1) as u64) as usize
    }
}

/// A change of a file's content.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A change of a folder.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Add(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl Change {
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: new } => put(bytes, *at, new),
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }

    /// Applies some of it.
    pub fn tear(&self, bytes: &mut Vec<u8>, dice: &mut Dice) {
        let (at, new) = match self {
            Self::Write { at, bytes } => (*at, bytes),
            Self::Length(_) if dice.roll(2) == 0 => return self.apply(bytes),
            Self::Length(_) => return,
        };
        match dice.roll(6) {
            0 => {}
            1 => self.apply(bytes),
            2 => put(bytes, at, &new[..dice.roll(new.len() + 1)]),
            3 => {
                let hole = dice.roll(new.len() + 1);
                put(bytes, at + hole, &new[hole..]);
            }
            4 => {
                // The length was written, the content was not.
                let end = bytes.len().max(at + new.len());
                bytes.resize(end, 0);
            }
            _ => {
                let mut from = 0;
                while from < new.len() {
                    let to = (at + from) / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES - at;
                    let to = to.min(new.len());
                    if dice.roll(2) == 0 {
                        put(bytes, at + from, &new[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let end = bytes.len().max(at + new.len());
    bytes.resize(end, 0);
    bytes[at..at + new.len()].copy_from_slice(new);
}

impl NameChange {
    pub fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Add(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Rename(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }

    pub fn is_in(&self, folder: &Path) -> bool {
        let (Self::Add(path, _) | Self::Rename(_, path, _) | Self::Remove(path)) = self;
        path.parent() == Some(folder)
    }
}
