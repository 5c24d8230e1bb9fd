//! The files, byte by byte. All numbers are little-endian.
//!
//! ```text
//! folder
//!   00000000000000000001.ledger   entries 1 to N; the name is the first entry's number
//!   00000000000000000N+1.ledger   the last one is appended to
//!   closed                        what was durable at the last orderly close
//!   lock                          held while open; the holder's process id
//!   *.new                         being made; removed at open
//!
//! segment file = header frame*
//!
//! header (64 bytes)
//!    0  8  magic "XPLEDGER"
//!    8  4  file format, 1
//!   12  4  zero
//!   16  8  ledger id: the same in all files of one ledger
//!   24  8  number of the first entry
//!   32  8  number of the first entry of the file before, 0 if this is the first ever
//!   40  8  length of the file before in bytes
//!   48  8  instant of the last entry before this file, signed ms since the epoch
//!   56  4  zero
//!   60  4  CRC-32C of bytes 0 to 59
//!
//! frame
//!    0  4  bits 0-30: length of the payload; bit 31: the first frame of its group
//!    4  4  CRC-32C, in this order, of: what the entry says; the low half of the ledger id; length;
//!          number; the payload up to what the entry says
//!    8  8  number of the entry
//!   16  n  payload: entry format, 1, in one byte; then the entry in postcard, which is its instant, in
//!          groups of seven bits, and what it says
//!
//! closed (28 bytes)
//!    0  8  magic "XPCLOSED"
//!    8  8  ledger id
//!   16  8  number of the last entry that was durable
//!   24  4  CRC-32C of bytes 0 to 23
//! ```
//!
//! A **group** is what one write and one fdatasync made durable together. It never spans files.
//! The next group is written only after the one before is durable; so when a power cut tears the
//! file, all damage lies in the last group, and a valid frame that begins a later group proves
//! that damage before it is not a torn tail. The ledger id is random and salts the checksum, so
//! that no vendor's bytes can be made to look like such a frame.
//!
//! A header is durable before its file gets its name, and a file is complete before the next one
//! is made: so an unreadable header, a file that is shorter than the next one's header says, or a
//! hole in the chain of files is always damage, found at open without reading the entries.

use std::path::Path;

use crosspoint_model::Instant;
use crosspoint_model::entry::Entry;

use crate::encoded::Content;
use crate::{Damage, Error, Result};

/// Newest file format that this build reads, and the one it writes.
pub const FILE_FORMAT: u32 = 1;
/// Newest entry format that this build reads, and the one it writes.
pub const ENTRY_FORMAT: u8 = 1;
/// Largest payload. Ingest keeps entries to a few MiB; beyond this a length is surely damage.
pub const MAX_PAYLOAD_BYTES: u64 = 1 << 30;

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const FRAME_HEADER_BYTES: usize = 16;
pub(crate) const CLOSED_BYTES: usize = 28;
pub(crate) const LOCK_FILE: &str = "lock";
pub(crate) const CLOSED_FILE: &str = "closed";
pub(crate) const NEW_SUFFIX: &str = ".new";
const SEGMENT_SUFFIX: &str = ".ledger";
const HEADER_MAGIC: &[u8; 8] = b"XPLEDGER";
const CLOSED_MAGIC: &[u8; 8] = b"XPCLOSED";
const FIRST_OF_GROUP: u32 = 1 << 31;
/// A 64-bit number in groups of seven bits.
const MAX_INSTANT_BYTES: usize = 10;

/// What a segment file says about itself and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub id: u64,
    pub first_seq: u64,
    pub previous_first_seq: u64,
    pub previous_bytes: u64,
    pub previous_at: Instant,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(HEADER_MAGIC);
        bytes[8..12].copy_from_slice(&FILE_FORMAT.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.previous_first_seq.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.previous_bytes.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.previous_at.as_ms().to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8], file: &Path) -> Result<Self> {
        let damaged = |damage| Error::Damaged {
            file: file.to_owned(),
            at_byte: 0,
            damage,
        };
        if bytes.len() < HEADER_BYTES {
            return Err(damaged(Damage::Truncated));
        }
        if &bytes[..8] != HEADER_MAGIC {
            return Err(damaged(Damage::Header));
        }
        let found = u32_at(bytes, 8);
        if found > FILE_FORMAT {
            return Err(Error::NewerFile {
                file: file.to_owned(),
                found,
                known: FILE_FORMAT,
            });
        }
        if crc32c::crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err(damaged(Damage::Checksum));
        }
        Ok(Self {
            id: u64_at(bytes, 16),
            first_seq: u64_at(bytes, 24),
            previous_first_seq: u64_at(bytes, 32),
            previous_bytes: u64_at(bytes, 40),
            previous_at: Instant(u64_at(bytes, 48).cast_signed()),
        })
    }
}

pub(crate) fn encode_closed(id: u64, seq: u64) -> [u8; CLOSED_BYTES] {
    let mut bytes = [0; CLOSED_BYTES];
    bytes[..8].copy_from_slice(CLOSED_MAGIC);
    bytes[8..16].copy_from_slice(&id.to_le_bytes());
    bytes[16..24].copy_from_slice(&seq.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..24]);
    bytes[24..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Ledger id and last durable entry; `None` if the bytes are not a close mark.
pub(crate) fn decode_closed(bytes: &[u8]) -> Option<(u64, u64)> {
    let sound = bytes.len() == CLOSED_BYTES
        && &bytes[..8] == CLOSED_MAGIC
        && crc32c::crc32c(&bytes[..24]) == u32_at(bytes, 24);
    sound.then(|| (u64_at(bytes, 8), u64_at(bytes, 16)))
}

pub(crate) fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}{SEGMENT_SUFFIX}")
}

/// First entry of the segment file of that name; `None` for other files.
pub(crate) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all_digits)
}

/// Appends the frame of one entry to a group; `what` is the entry's content in postcard. On an error
/// the group is as before.
pub(crate) fn push_entry(
    group: &mut Vec<u8>,
    id: u64,
    seq: u64,
    at: Instant,
    what: Content<'_>,
) -> Result<()> {
    let start = group.len();
    let mut word = if start == 0 { FIRST_OF_GROUP } else { 0 };
    // The same bytes as those of an `Entry`, without making one.
    let mut instant = [0; MAX_INSTANT_BYTES];
    let instant =
        postcard::to_slice(&at, &mut instant).map_err(|source| Error::Encode { source })?;
    let payload_bytes = 1 + instant.len() + what.bytes.len();
    match u32::try_from(payload_bytes) {
        Ok(length) if u64::from(length) <= MAX_PAYLOAD_BYTES => word |= length,
        _ => {
            return Err(Error::TooLarge {
                bytes: payload_bytes as u64,
                limit: MAX_PAYLOAD_BYTES,
            });
        }
    }
    group.reserve(FRAME_HEADER_BYTES + payload_bytes);
    group.extend_from_slice(&word.to_le_bytes());
    group.extend_from_slice(&[0; 4]);
    group.extend_from_slice(&seq.to_le_bytes());
    group.push(ENTRY_FORMAT);
    group.extend_from_slice(instant);
    let crc = sealed(what.crc, id, &group[start..]);
    group[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    group.extend_from_slice(what.bytes);
    Ok(())
}

/// The checksum of a frame of which `head` is all but what the entry says, whose own is `content`.
fn sealed(content: u32, id: u64, head: &[u8]) -> u32 {
    let salted = crc32c::crc32c_append(content, &(id as u32).to_le_bytes());
    let length = crc32c::crc32c_append(salted, &head[..4]);
    crc32c::crc32c_append(length, &head[8..])
}

/// The checksum that a frame should have; `None` where its instant has no end.
pub(crate) fn frame_crc(id: u64, frame: &[u8]) -> Option<u32> {
    let instant = frame.get(FRAME_HEADER_BYTES + 1..)?;
    let last = instant
        .iter()
        .take(MAX_INSTANT_BYTES)
        .position(|byte| byte & 0x80 == 0)?;
    let (head, what) = frame.split_at(FRAME_HEADER_BYTES + 1 + last + 1);
    Some(sealed(crc32c::crc32c(what), id, head))
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// A sound frame of `bytes` bytes, header and payload.
    Frame { first_of_group: bool, bytes: usize },
    /// A frame of which this many bytes are needed to go on.
    Short(usize),
    /// No sound frame.
    Bad(Damage),
}

/// Reads the frame of entry `expected` at the start of `bytes`.
#[inline]
pub(crate) fn parse_frame(bytes: &[u8], id: u64, expected: u64) -> Parsed {
    if bytes.len() < FRAME_HEADER_BYTES {
        return Parsed::Short(FRAME_HEADER_BYTES);
    }
    let word = u32_at(bytes, 0);
    let length = word & !FIRST_OF_GROUP;
    if length == 0 || u64::from(length) > MAX_PAYLOAD_BYTES {
        return Parsed::Bad(Damage::Length);
    }
    let found = u64_at(bytes, 8);
    if found != expected {
        return Parsed::Bad(Damage::Sequence { expected, found });
    }
    let total = FRAME_HEADER_BYTES + length as usize;
    let Some(frame) = bytes.get(..total) else {
        return Parsed::Short(total);
    };
    if frame_crc(id, frame) != Some(u32_at(frame, 4)) {
        return Parsed::Bad(Damage::Checksum);
    }
    Parsed::Frame {
        first_of_group: word & FIRST_OF_GROUP != 0,
        bytes: total,
    }
}

/// Whether any sound frame in `bytes` begins a group after entry `seq`: proof that what stands
/// before it was durable.
pub(crate) fn has_later_group(bytes: &[u8], id: u64, seq: u64) -> bool {
    // Every entry takes more than a frame header, which bounds the numbers that can follow.
    let last = seq.saturating_add((bytes.len() / FRAME_HEADER_BYTES) as u64);
    (0..bytes.len().saturating_sub(FRAME_HEADER_BYTES)).any(|start| {
        let rest = &bytes[start..];
        let found = u64_at(rest, 8);
        found > seq
            && found <= last
            && matches!(
                parse_frame(rest, id, found),
                Parsed::Frame {
                    first_of_group: true,
                    ..
                }
            )
    })
}

/// Instant of the entry in a payload.
pub(crate) fn decode_at(seq: u64, payload: &[u8]) -> Result<Instant> {
    let (at, _) = postcard::take_from_bytes(body(seq, payload)?)
        .map_err(|source| Error::Decode { seq, source })?;
    Ok(at)
}

/// The entry in a payload.
pub(crate) fn decode_entry(seq: u64, payload: &[u8]) -> Result<Entry> {
    postcard::from_bytes(body(seq, payload)?).map_err(|source| Error::Decode { seq, source })
}

fn body(seq: u64, payload: &[u8]) -> Result<&[u8]> {
    match payload.split_first() {
        Some((&ENTRY_FORMAT, body)) => Ok(body),
        Some((&found, _)) => Err(Error::NewerEntry {
            seq,
            found,
            known: ENTRY_FORMAT,
        }),
        None => Err(Error::Decode {
            seq,
            source: postcard::Error::DeserializeUnexpectedEnd,
        }),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
