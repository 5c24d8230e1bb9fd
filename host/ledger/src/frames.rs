//! Reads the frames of one segment file in big chunks.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::format::{FRAME_HEADER_BYTES, Parsed, parse_frame};
use crate::{Damage, Error, Result};

/// Big enough that system calls and page-cache copies vanish beside decoding.
pub(crate) const SEQUENTIAL_CHUNK_BYTES: usize = 1 << 20;
/// For a reader that wants a single entry.
pub(crate) const SINGLE_CHUNK_BYTES: usize = 64 << 10;

/// Walks frames from one position of a segment file on.
#[derive(Debug)]
pub(crate) struct Frames {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    id: u64,
    next_seq: u64,
    /// Position in the file of `buffer[0]`.
    base: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    chunk: usize,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Entry `seq`; [`Frames::bytes`] gives the payload until the next call.
    Frame {
        seq: u64,
        at_byte: u64,
        first_of_group: bool,
        payload: Range<usize>,
    },
    /// Nothing up to the limit.
    End,
    /// No sound frame.
    Bad { at_byte: u64, damage: Damage },
}

impl Frames {
    /// Starts at position `at_byte`, where entry `seq` begins.
    pub fn new(
        file: Arc<dyn DiskFile>,
        path: PathBuf,
        id: u64,
        seq: u64,
        at_byte: u64,
        chunk: usize,
    ) -> Self {
        Self {
            file,
            path,
            id,
            next_seq: seq,
            base: at_byte,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            chunk,
        }
    }

    /// The next frame that ends at or before `limit`, a position in the file where a frame ends.
    #[inline]
    pub fn next(&mut self, limit: u64) -> Result<Next> {
        loop {
            let waiting = &self.buffer[self.start..self.end];
            let at_byte = self.position();
            match parse_frame(waiting, self.id, self.next_seq) {
                Parsed::Frame {
                    first_of_group,
                    bytes,
                } => {
                    let payload = self.start + FRAME_HEADER_BYTES..self.start + bytes;
                    let seq = self.next_seq;
                    self.start += bytes;
                    self.next_seq += 1;
                    return Ok(Next::Frame {
                        seq,
                        at_byte,
                        first_of_group,
                        payload,
                    });
                }
                Parsed::Bad(damage) => return Ok(Next::Bad { at_byte, damage }),
                Parsed::Short(need) => {
                    let waiting = waiting.len();
                    if self.fill(need, limit)? {
                        continue;
                    }
                    return Ok(if waiting == 0 && at_byte >= limit {
                        Next::End
                    } else {
                        Next::Bad {
                            at_byte,
                            damage: Damage::Truncated,
                        }
                    });
                }
            }
        }
    }

    /// Bytes of the payload that the last [`Next::Frame`] named.
    pub fn bytes(&self, payload: Range<usize>) -> &[u8] {
        &self.buffer[payload]
    }

    /// Position in the file of what comes next.
    pub fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Reads until `need` bytes wait; false if there are not that many before `limit`.
    fn fill(&mut self, need: usize, limit: u64) -> Result<bool> {
        let rest = limit.saturating_sub(self.position());
        if rest < need as u64 {
            return Ok(false);
        }
        let useful = self.chunk.min(rest.next_power_of_two() as usize).max(need);
        if self.buffer.len() < useful {
            // Not by `resize`, which would touch memory that is never read into.
            let mut bigger = vec![0; useful];
            let waiting = &self.buffer[self.start..self.end];
            bigger[..waiting.len()].copy_from_slice(waiting);
            self.buffer = bigger;
        } else {
            self.buffer.copy_within(self.start..self.end, 0);
        }
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < need {
            let at = self.base + self.end as u64;
            let room = (self.buffer.len() - self.end) as u64;
            let wanted = room.min(limit.saturating_sub(at)) as usize;
            let target = &mut self.buffer[self.end..self.end + wanted];
            let read = self.file.read_at(target, at).map_err(|source| Error::Io {
                operation: "read",
                path: self.path.clone(),
                source,
            })?;
            if read == 0 {
                return Ok(false);
            }
            self.end += read;
        }
        Ok(true)
    }
}
