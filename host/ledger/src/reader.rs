//! Reading entries in order, while others append.

use std::sync::Arc;

use crosspoint_model::entry::Entry;

use crate::format::{HEADER_BYTES, decode_entry};
use crate::frames::{Frames, Next};
use crate::shared::{Segment, Shared, io_error, lock};
use crate::{Damage, Error, Result};

/// Reads durable entries in order, from one segment file into the next. Independent of other
/// readers and of appending; retention does not disturb the file that it reads.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    next_seq: u64,
    chunk: usize,
    open: Option<Open>,
}

/// The file being read.
#[derive(Debug)]
struct Open {
    frames: Frames,
    first_seq: u64,
    /// How far it was durable when last looked.
    limit: u64,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, from_seq: u64, chunk: usize) -> Self {
        Self {
            shared,
            next_seq: from_seq.max(1),
            chunk,
            open: None,
        }
    }

    /// Number of the entry that comes next.
    pub fn position(&self) -> u64 {
        self.next_seq
    }

    /// The next durable entry with its number; `None` when there is none yet, after which it may
    /// be called again. An error does not advance.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Retained`], [`Error::Decode`], [`Error::NewerEntry`], or
    /// [`Error::Io`].
    #[expect(
        clippy::should_implement_trait,
        reason = "not an iterator: it goes on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, Entry)>> {
        let seq = self.next_seq;
        let entry = self
            .payload()?
            .map(|payload| decode_entry(seq, payload))
            .transpose();
        if entry.is_err() {
            // The frame was taken: the next call looks it up again.
            self.open = None;
            self.next_seq = seq;
        }
        Ok(entry?.map(|entry| (seq, entry)))
    }

    /// The encoded form of the next durable entry.
    pub(crate) fn payload(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let Some(open) = &mut self.open else {
                if !self.seek()? {
                    return Ok(None);
                }
                continue;
            };
            match open.frames.next(open.limit)? {
                Next::Frame { seq, payload, .. } => {
                    self.next_seq = seq + 1;
                    // Looked up anew: the borrow of a loop variable cannot be returned.
                    return Ok(self.open.as_ref().map(|open| open.frames.bytes(payload)));
                }
                Next::End => {
                    if !self.go_on()? {
                        return Ok(None);
                    }
                }
                Next::Bad { at_byte, damage } => {
                    let file = open.frames.path().clone();
                    self.open = None;
                    return Err(Error::Damaged {
                        file,
                        at_byte,
                        damage,
                    });
                }
            }
        }
    }

    /// At the end of what was durable: looks again, and for the next file. False if nothing came.
    fn go_on(&mut self) -> Result<bool> {
        let Some(open) = &mut self.open else {
            return Ok(true);
        };
        let segments = lock(&self.shared.segments);
        let index = segments.partition_point(|segment| segment.first_seq <= open.first_seq);
        let this = index.checked_sub(1).map(|index| &segments[index]);
        let is_there = this.is_some_and(|this| this.first_seq == open.first_seq);
        match (this, segments.get(index)) {
            (Some(this), _) if is_there && this.bytes > open.limit => {
                open.limit = this.bytes;
                Ok(true)
            }
            (_, Some(next)) if next.first_seq == self.next_seq => {
                drop(segments);
                self.open = None;
                self.seek()
            }
            (_, Some(next)) if is_there => Err(Error::Damaged {
                file: next.path.clone(),
                at_byte: 0,
                damage: Damage::Sequence {
                    expected: self.next_seq,
                    found: next.first_seq,
                },
            }),
            (_, Some(next)) => Err(Error::Retained {
                seq: self.next_seq,
                first: next.first_seq,
            }),
            (_, None) => Ok(false),
        }
    }

    /// Opens the file that holds the next entry and walks to it. False if it is not durable yet.
    fn seek(&mut self) -> Result<bool> {
        let wanted = self.next_seq;
        if wanted > self.shared.durable() {
            return Ok(false);
        }
        let segments = lock(&self.shared.segments);
        let first = segments
            .first()
            .map_or(u64::MAX, |segment| segment.first_seq);
        let index = segments.partition_point(|segment| segment.first_seq <= wanted);
        let Some(segment) = index.checked_sub(1).map(|index| &segments[index]) else {
            return Err(Error::Retained { seq: wanted, first });
        };
        let near = segment.points.partition_point(|point| point.0 <= wanted);
        let (seq, at_byte) = match near.checked_sub(1) {
            Some(near) => segment.points[near],
            None => (segment.first_seq, HEADER_BYTES as u64),
        };
        // Opened under the lock, so that retention cannot take it away in between.
        let file = self
            .shared
            .disk
            .open(&segment.path, false)
            .map_err(io_error("open", &segment.path))?;
        let path = segment.path.clone();
        let (first_seq, limit) = (segment.first_seq, segment.bytes);
        drop(segments);
        let frames = Frames::new(file, path, self.shared.id, seq, at_byte, self.chunk);
        let mut open = Open {
            frames,
            first_seq,
            limit,
        };
        if seq < wanted {
            self.walk(&mut open, seq, wanted)?;
        }
        self.open = Some(open);
        Ok(true)
    }

    /// Reads over the entries before `wanted`, and remembers some places for those who come later.
    fn walk(&self, open: &mut Open, from: u64, wanted: u64) -> Result<()> {
        let mut walked = Segment {
            first_seq: open.first_seq,
            path: open.frames.path().clone(),
            bytes: open.limit,
            last_at: crosspoint_model::Instant::MIN,
            points: Vec::new(),
        };
        for _ in from..wanted {
            match open.frames.next(open.limit)? {
                Next::Frame { seq, at_byte, .. } => walked.add_point(seq, at_byte),
                Next::End => {
                    let file = open.frames.path().clone();
                    let damage = Damage::Truncated;
                    return Err(Error::Damaged {
                        file,
                        at_byte: open.limit,
                        damage,
                    });
                }
                Next::Bad { at_byte, damage } => {
                    let file = open.frames.path().clone();
                    return Err(Error::Damaged {
                        file,
                        at_byte,
                        damage,
                    });
                }
            }
        }
        let mut segments = lock(&self.shared.segments);
        if let Ok(index) = segments.binary_search_by_key(&open.first_seq, |s| s.first_seq) {
            for (seq, at_byte) in walked.points {
                segments[index].add_point(seq, at_byte);
            }
        }
        Ok(())
    }
}
