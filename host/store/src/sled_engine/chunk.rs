//! Values as sled holds them. sled moves values above a fraction of its segment into files that it
//! never syncs, so no value of ours is longer than [`MAX_BYTES`].
//!
//! ```text
//! short value:   key              -> 00 value
//! long value:    key              -> 01 length:u32 crc32c:u32 first part
//!                fe key index:u16 -> part, index from 1
//! ```
//! Numbers are big-endian. The checksum covers the whole value, so that parts of two versions are
//! never taken for one value.

use crate::{Error, Result};

/// The longest value that sled gets to see.
pub(super) const MAX_BYTES: usize = 4096;
/// First byte of the keys of further parts.
pub(super) const PART_PREFIX: u8 = 0xfe;

const HEADER_BYTES: usize = 9;
const FIRST_BYTES: usize = MAX_BYTES - HEADER_BYTES;
const MAX_VALUE_BYTES: usize = FIRST_BYTES + u16::MAX as usize * MAX_BYTES;

/// Where a value's parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Long {
    length: usize,
    crc: u32,
}

/// What stands under a key.
pub(super) enum Head<'a> {
    /// The value itself.
    Whole(&'a [u8]),
    /// The first part of a long one.
    First(Long, &'a [u8]),
}

impl Long {
    /// How many parts follow the first.
    pub(super) fn parts(self) -> u16 {
        self.length.saturating_sub(FIRST_BYTES).div_ceil(MAX_BYTES) as u16
    }
}

/// The key of part `index` of the value under `key`.
pub(super) fn part_key(key: &[u8], index: u16) -> Vec<u8> {
    let mut part = Vec::with_capacity(key.len() + 3);
    part.push(PART_PREFIX);
    part.extend_from_slice(key);
    part.extend_from_slice(&index.to_be_bytes());
    part
}

/// Reads what stands under a key.
pub(super) fn parse(stored: &[u8]) -> Result<Head<'_>> {
    let damaged = || Error::Corrupt("a value has no readable head".to_owned());
    match stored.split_first().ok_or_else(damaged)? {
        (0, value) => Ok(Head::Whole(value)),
        (1, rest) if stored.len() == MAX_BYTES => {
            let number = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|i| rest[at + i]));
            let long = Long {
                length: number(0) as usize,
                crc: number(4),
            };
            if (FIRST_BYTES + 1..=MAX_VALUE_BYTES).contains(&long.length) {
                Ok(Head::First(long, &rest[HEADER_BYTES - 1..]))
            } else {
                Err(damaged())
            }
        }
        _ => Err(damaged()),
    }
}

/// What to put where, the head first.
pub(super) fn split(key: &[u8], value: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    if value.len() < MAX_BYTES {
        return Ok(vec![(key.to_vec(), [&[0], value].concat())]);
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::TooLarge { bytes: value.len() });
    }
    let (first, rest) = value.split_at(FIRST_BYTES);
    let mut head = Vec::with_capacity(MAX_BYTES);
    head.push(1);
    head.extend_from_slice(&(value.len() as u32).to_be_bytes());
    head.extend_from_slice(&crc32c::crc32c(value).to_be_bytes());
    head.extend_from_slice(first);
    let mut pairs = vec![(key.to_vec(), head)];
    for (index, part) in (1u16..).zip(rest.chunks(MAX_BYTES)) {
        pairs.push((part_key(key, index), part.to_vec()));
    }
    Ok(pairs)
}

/// Puts a long value together; `part` reads the value under a key.
pub(super) fn join(
    key: &[u8],
    long: Long,
    first: &[u8],
    mut part: impl FnMut(&[u8]) -> Result<Option<sled::IVec>>,
) -> Result<Vec<u8>> {
    let mut value = Vec::with_capacity(long.length);
    value.extend_from_slice(first);
    for index in 1..=long.parts() {
        let bytes = part(&part_key(key, index))?
            .ok_or_else(|| Error::Corrupt("a part of a long value is missing".to_owned()))?;
        value.extend_from_slice(&bytes);
    }
    if value.len() != long.length || crc32c::crc32c(&value) != long.crc {
        return Err(Error::Corrupt(
            "the parts of a long value do not fit together".to_owned(),
        ));
    }
    Ok(value)
}
