//! The writer: takes a group, writes it once, syncs once, says so.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time;

use crosspoint_model::Instant;

use crate::disk::DiskFile;
use crate::format::{HEADER_BYTES, Header};
use crate::recover::create_segment;
use crate::shared::{Phase, Shared, lock, wait};
use crate::{Error, Result};

/// Capacity that a group buffer keeps from the start.
const FIRST_CAPACITY_BYTES: usize = 1 << 20;

/// Owns the last segment file. There is one per ledger, on its own thread.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    file: Arc<dyn DiskFile>,
    /// Where the next group goes.
    position: u64,
    /// First entry of the file.
    first_seq: u64,
    /// Instant of the last durable entry.
    last_at: Instant,
    /// The last durable entry.
    last_seq: u64,
    /// The buffer that appenders are not filling.
    group: Vec<u8>,
}

impl Writer {
    /// Continues the last segment in the table.
    pub fn new(shared: Arc<Shared>, file: Arc<dyn DiskFile>) -> Self {
        let segments = lock(&shared.segments);
        let (position, first_seq) = segments.last().map_or((HEADER_BYTES as u64, 1), |segment| {
            (segment.bytes, segment.first_seq)
        });
        drop(segments);
        let mut pending = lock(&shared.pending);
        pending.group.reserve(FIRST_CAPACITY_BYTES);
        let (last_at, last_seq) = (pending.last_at, pending.last_seq);
        drop(pending);
        Self {
            shared,
            file,
            position,
            first_seq,
            last_at,
            last_seq,
            group: Vec::with_capacity(FIRST_CAPACITY_BYTES),
        }
    }

    /// Writes groups until the ledger is closed and all is written, or until a failure.
    pub fn run(mut self) {
        loop {
            match self.commit(true) {
                Ok(true) => {}
                Ok(false) => break self.shared.end_waits(&Phase::Closed),
                Err(_) => break,
            }
        }
    }

    /// Makes durable what was appended. False when there was nothing; with `may_wait` that is
    /// only so once the ledger is closed. After an error the ledger has stopped.
    pub fn commit(&mut self, may_wait: bool) -> Result<bool> {
        let result = self.commit_group(may_wait);
        if let Err(error) = result {
            let cause = Arc::new(error);
            self.shared.end(&Phase::Stopped(Arc::clone(&cause)));
            return Err(Error::Stopped { cause });
        }
        result
    }

    fn commit_group(&mut self, may_wait: bool) -> Result<bool> {
        let shared = Arc::clone(&self.shared);
        let mut pending = lock(&shared.pending);
        while may_wait && pending.group.is_empty() && matches!(pending.phase, Phase::Open) {
            pending = wait(&shared.work, pending);
        }
        if pending.group.is_empty() {
            return Ok(false);
        }
        std::mem::swap(&mut pending.group, &mut self.group);
        let (last_seq, last_at) = (pending.last_seq, pending.last_at);
        drop(pending);
        shared.room.notify_all();

        let bytes = self.group.len() as u64;
        let begun = self.position > HEADER_BYTES as u64;
        if begun && self.position + bytes > shared.options.segment_bytes {
            self.roll()?;
        }
        let path = shared
            .folder
            .join(crate::format::segment_name(self.first_seq));
        self.file
            .write_all_at(&self.group, self.position)
            .map_err(shared.io("write", &path))?;
        let started = time::Instant::now();
        self.file.sync_data().map_err(shared.io("sync", &path))?;
        lock(&shared.sync_times).add(bytes, started.elapsed());

        let mut segments = lock(&shared.segments);
        if let Some(segment) = segments.last_mut() {
            segment.add_point(self.last_seq + 1, self.position);
            segment.bytes = self.position + bytes;
            segment.last_at = last_at;
        }
        drop(segments);
        self.position += bytes;
        self.last_seq = last_seq;
        self.last_at = last_at;
        self.group.clear();
        // One huge entry must not hold its memory for ever.
        self.group.shrink_to(shared.options.pending_bytes);
        shared.publish(last_seq);
        Ok(true)
    }

    /// Begins the next segment file. All before is durable.
    fn roll(&mut self) -> Result<()> {
        let header = Header {
            id: self.shared.id,
            first_seq: self.last_seq + 1,
            previous_first_seq: self.first_seq,
            previous_bytes: self.position,
            previous_at: self.last_at,
        };
        let (segment, file) = create_segment(&*self.shared.disk, &self.shared.folder, &header)?;
        lock(&self.shared.segments).push(segment);
        self.file = file;
        self.position = HEADER_BYTES as u64;
        self.first_seq = header.first_seq;
        Ok(())
    }
}

impl Drop for Writer {
    /// Nobody waits for ever for a writer that a defect has ended.
    fn drop(&mut self) {
        if thread::panicking() {
            let source = io::Error::other("the writer thread panicked");
            let cause = self.shared.io("write", &self.shared.folder)(source);
            self.shared.end(&Phase::Stopped(Arc::new(cause)));
        }
    }
}
