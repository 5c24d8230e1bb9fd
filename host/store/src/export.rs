//! The whole state as one stream: for snapshots, for compaction, for another engine.
//!
//! ```text
//! magic "XPSTORE\n"  version:u32  position:u64  at:i64  crc:u32 of all before it
//! block, repeated:   length:u32 (not 0)  crc32c:u32 of the payload  payload
//!   payload:         pairs, each key length:u32, value length:u32, key, value
//! end:               0:u32  pairs:u64  blocks:u64  crc:u32 of these
//! ```
//! Numbers are big-endian, pairs ascend by key, crc is CRC-32C.

use std::io::{ErrorKind, Read, Write};

use crosspoint_model::Instant;

use crate::digest::dump;
use crate::engine::{Batch, Engine, KeyRange, Pair, Reached};
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"XPSTORE\n";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 8 + 8;
/// A block ends with the pair that reaches this size.
const BLOCK_BYTES: usize = 64 << 10;
/// No block that we wrote is longer: a block of [`BLOCK_BYTES`] and one longest value.
const MAX_BLOCK_BYTES: usize = 512 << 20;
/// Bytes of one commit of an import: few enough to hold, enough to be worth a sync.
const IMPORT_BYTES: usize = 8 << 20;

/// Writes the state as it is between two commits; commits wait meanwhile.
///
/// # Errors
/// [`Error::NoPosition`] for a store that reached none, or what reading and writing yields.
pub fn export<E: Engine + ?Sized>(engine: &E, writer: &mut impl Write) -> Result<Reached> {
    let _hold = engine.hold();
    let reached = engine.reached().ok_or(Error::NoPosition)?;
    let io = |error: std::io::Error| Error::Engine {
        operation: "write an export",
        detail: error.to_string(),
    };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_be_bytes());
    header.extend_from_slice(&reached.position.to_be_bytes());
    header.extend_from_slice(&reached.at.0.to_be_bytes());
    writer.write_all(&header).map_err(io)?;
    writer
        .write_all(&crc32c::crc32c(&header).to_be_bytes())
        .map_err(io)?;
    let (mut pairs, mut blocks, mut block) = (0u64, 0u64, Vec::new());
    let mut end_block = |block: &mut Vec<u8>| {
        blocks += 1;
        writer
            .write_all(&(block.len() as u32).to_be_bytes())
            .map_err(io)?;
        writer
            .write_all(&crc32c::crc32c(block).to_be_bytes())
            .map_err(io)?;
        writer.write_all(block).map_err(io)?;
        block.clear();
        Ok(())
    };
    for pair in dump(engine) {
        let (key, value) = pair?;
        pairs += 1;
        block.extend_from_slice(&(key.len() as u32).to_be_bytes());
        block.extend_from_slice(&(value.len() as u32).to_be_bytes());
        block.extend_from_slice(&key);
        block.extend_from_slice(&value);
        if block.len() >= BLOCK_BYTES {
            end_block(&mut block)?;
        }
    }
    if !block.is_empty() {
        end_block(&mut block)?;
    }
    let counts = [pairs.to_be_bytes(), blocks.to_be_bytes()].concat();
    writer.write_all(&0u32.to_be_bytes()).map_err(io)?;
    writer.write_all(&counts).map_err(io)?;
    writer
        .write_all(&crc32c::crc32c(&counts).to_be_bytes())
        .map_err(io)?;
    Ok(reached)
}

/// Fills an empty engine from [`export`]'s bytes. Until the last commit the engine counts as
/// unfinished, so an interrupted import is never taken for a state.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::BadExport`], or what the engine says. The engine is of no use
/// after an error.
pub fn import<E: Engine + ?Sized>(engine: &E, reader: &mut impl Read) -> Result<Reached> {
    if engine.reached().is_some() || !engine.scan(&KeyRange::all(), 1)?.is_empty() {
        return Err(Error::NotEmpty);
    }
    let (mut writes, mut bytes) = (Vec::new(), 0);
    let reached = read(reader, |(key, value)| {
        bytes += key.len() + value.len();
        writes.push((key, Some(value)));
        if bytes >= IMPORT_BYTES {
            bytes = 0;
            engine.commit(&Batch::new(std::mem::take(&mut writes), None))?;
        }
        Ok(())
    })?;
    engine.commit(&Batch::new(writes, Some(reached)))?;
    Ok(reached)
}

/// Reads an export through and says what it reaches, without keeping anything.
///
/// # Errors
/// [`Error::BadExport`].
pub fn verify(reader: &mut impl Read) -> Result<Reached> {
    read(reader, |_| Ok(()))
}

fn read(reader: &mut impl Read, mut pair: impl FnMut(Pair) -> Result<()>) -> Result<Reached> {
    let bad = |what: &str| Error::BadExport(what.to_owned());
    let header: [u8; HEADER_BYTES] = exact(reader)?;
    if header[..8] != *MAGIC {
        return Err(bad("it does not start as one"));
    }
    if u32::from_be_bytes(exact(reader)?) != crc32c::crc32c(&header) {
        return Err(bad("its header is damaged"));
    }
    let version = number(&header[8..12]);
    if version != u64::from(VERSION) {
        return Err(Error::BadExport(format!(
            "its format is {version}, not {VERSION}"
        )));
    }
    let reached = Reached {
        position: number(&header[12..20]),
        at: Instant(number(&header[20..28]) as i64),
    };
    let (mut pairs, mut blocks) = (0u64, 0u64);
    let mut last: Option<Vec<u8>> = None;
    loop {
        let length = u32::from_be_bytes(exact(reader)?) as usize;
        if length == 0 {
            break;
        }
        if length > MAX_BLOCK_BYTES {
            return Err(bad("a block is too long"));
        }
        let crc = u32::from_be_bytes(exact(reader)?);
        let mut block = Vec::new();
        reader
            .take(length as u64)
            .read_to_end(&mut block)
            .map_err(failed)?;
        if block.len() != length || crc32c::crc32c(&block) != crc {
            return Err(Error::BadExport(format!("block {blocks} is damaged")));
        }
        blocks += 1;
        let mut rest = block.as_slice();
        while !rest.is_empty() {
            let (key, value, after) = split(rest).ok_or_else(|| bad("a pair is cut"))?;
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err(bad("its keys do not ascend"));
            }
            last = Some(key.to_vec());
            pairs += 1;
            pair((key.to_vec(), value.to_vec()))?;
            rest = after;
        }
    }
    let counts: [u8; 16] = exact(reader)?;
    if u32::from_be_bytes(exact(reader)?) != crc32c::crc32c(&counts)
        || number(&counts[..8]) != pairs
        || number(&counts[8..]) != blocks
    {
        return Err(bad("its end does not match its content"));
    }
    Ok(reached)
}

/// Key, value and the rest.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_at_checked(8)?;
    let (key, rest) = rest.split_at_checked(number(&lengths[..4]) as usize)?;
    let (value, rest) = rest.split_at_checked(number(&lengths[4..]) as usize)?;
    Some((key, value, rest))
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn exact<const N: usize>(reader: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn failed(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::BadExport("it ends too early".to_owned()),
        _ => Error::BadExport(error.to_string()),
    }
}
