//! What lies below the working set: the engine, and in front of it the checkpoint that is being
//! committed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::absence::Absence;
use crate::engine::{Batch, Engine, KeyRange, Pair, Write};
use crate::{CommitTimes, Error, Result};

/// Engine pairs per read of a scan.
const PAGE: usize = 256;
/// Of a write beyond key and value: the pair of vectors, and what their allocations lose.
const WRITE_BYTES: usize = size_of::<Write>() + 32;

#[derive(Debug)]
pub(super) struct Below<E: Engine> {
    engine: Arc<E>,
    /// The batch that is being committed; it hides the engine.
    frozen: Option<Arc<Batch>>,
    frozen_bytes: usize,
    /// Known only where the engine was empty at first; covers `frozen` too.
    absence: Option<Absence>,
    to_writer: Option<Sender<Arc<Batch>>>,
    from_writer: Receiver<(Result<()>, Duration)>,
    commits: CommitTimes,
    writer: Option<JoinHandle<()>>,
    failed: Option<String>,
}

impl<E: Engine> Below<E> {
    pub(super) fn new(engine: Arc<E>) -> Result<Self> {
        let (to_writer, batches) = channel::<Arc<Batch>>();
        let (results, from_writer) = channel();
        let written = Arc::clone(&engine);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                for batch in batches {
                    let start = Instant::now();
                    let result = written.commit(&batch);
                    if results.send((result, start.elapsed())).is_err() {
                        break;
                    }
                }
            })
            .map_err(|error| Error::Engine {
                operation: "start the writer",
                detail: error.to_string(),
            })?;
        let empty = engine.scan(&KeyRange::all(), 1)?.is_empty();
        Ok(Self {
            engine,
            frozen: None,
            frozen_bytes: 0,
            absence: empty.then(Absence::new),
            to_writer: Some(to_writer),
            from_writer,
            commits: CommitTimes::default(),
            writer: Some(writer),
            failed: None,
        })
    }

    pub(super) fn engine(&self) -> &Arc<E> {
        &self.engine
    }

    /// Hands a batch to the writer, after the one before it is through.
    pub(super) fn freeze(&mut self, batch: Batch) -> Result<()> {
        self.wait()?;
        if let Some(absence) = &mut self.absence {
            let puts = batch.writes().iter().filter(|write| write.1.is_some());
            puts.for_each(|write| absence.add(&write.0));
        }
        let sizes = batch.writes().iter();
        let sizes = sizes.map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        self.frozen_bytes = sizes.map(|bytes| bytes + WRITE_BYTES).sum();
        let batch = Arc::new(batch);
        let sent = self
            .to_writer
            .as_ref()
            .is_some_and(|to| to.send(Arc::clone(&batch)).is_ok());
        if !sent {
            return self.fail("the writer is gone".to_owned());
        }
        self.frozen = Some(batch);
        Ok(())
    }

    /// Until nothing is being committed.
    pub(super) fn wait(&mut self) -> Result<()> {
        self.check()?;
        if self.frozen.is_none() {
            return Ok(());
        }
        match self.from_writer.recv() {
            Ok(result) => self.finish(result),
            Err(_) => self.fail("the writer is gone".to_owned()),
        }
    }

    /// Whether a commit is under way.
    pub(super) fn is_busy(&mut self) -> Result<bool> {
        self.check()?;
        if self.frozen.is_some() {
            match self.from_writer.try_recv() {
                Ok(result) => self.finish(result)?,
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.fail("the writer is gone".to_owned())?,
            }
        }
        Ok(self.frozen.is_some())
    }

    pub(super) fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.check()?;
        if self
            .absence
            .as_ref()
            .is_some_and(|absence| absence.is_absent(key))
        {
            return Ok(None);
        }
        if self.is_busy()?
            && let Some(written) = self.frozen.as_ref().and_then(|frozen| frozen.get(key))
        {
            return Ok(written.map(<[u8]>::to_vec));
        }
        self.engine.get(key)
    }

    /// Whether a delete of `key` must be written. True in doubt.
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        if self
            .absence
            .as_ref()
            .is_some_and(|absence| absence.is_absent(key))
        {
            return false;
        }
        let written = self.frozen.as_ref().and_then(|frozen| frozen.get(key));
        written.is_none_or(|written| written.is_some())
    }

    /// The last key of the range, or a key behind it that was deleted lately.
    pub(super) fn last_ever(&self, range: &KeyRange) -> Result<Option<Vec<u8>>> {
        let stored = self.engine.last(range)?.map(|pair| pair.0);
        let frozen = self
            .frozen
            .as_ref()
            .and_then(|frozen| frozen.range(range).last());
        Ok(stored.max(frozen.map(|write| write.0.clone())))
    }

    /// The pairs of the range in order, below what `upper` says, which ascends too.
    pub(super) fn scan<'a>(
        &'a self,
        upper: impl Iterator<Item = Write> + 'a,
        range: KeyRange,
    ) -> impl Iterator<Item = Result<Pair>> + 'a {
        let frozen = self
            .frozen
            .as_deref()
            .map_or(&[][..], |frozen| frozen.range(&range));
        let stored = Pages {
            engine: &*self.engine,
            range: Some(range),
            page: Vec::new(),
        };
        let lower = merge(frozen.iter().cloned().map(Ok), stored);
        merge(upper.map(Ok), lower).filter_map(|write| match write {
            Ok((key, Some(value))) => Some(Ok((key, value))),
            Ok((_, None)) => None,
            Err(error) => Some(Err(error)),
        })
    }

    pub(super) fn commits(&self) -> &CommitTimes {
        &self.commits
    }

    pub(super) fn bytes(&self) -> usize {
        let frozen = self.frozen.as_ref().map_or(0, |_| self.frozen_bytes);
        frozen + self.absence.as_ref().map_or(0, Absence::bytes)
    }

    fn check(&self) -> Result<()> {
        self.failed
            .as_ref()
            .map_or(Ok(()), |reason| Err(Error::Stopped(reason.clone())))
    }

    fn finish(&mut self, (result, took): (Result<()>, Duration)) -> Result<()> {
        match result {
            Ok(()) => {
                self.commits.add(took);
                self.frozen = None;
                Ok(())
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn fail(&mut self, reason: String) -> Result<()> {
        self.failed = Some(reason);
        self.check()
    }
}

impl<E: Engine> Drop for Below<E> {
    fn drop(&mut self) {
        self.to_writer = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The engine's pairs of a range, a page at a time.
struct Pages<'a, E: Engine> {
    engine: &'a E,
    range: Option<KeyRange>,
    /// In reverse.
    page: Vec<Pair>,
}

impl<E: Engine> Iterator for Pages<'_, E> {
    type Item = Result<Write>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && let Some(range) = self.range.take()
        {
            match self.engine.scan(&range, PAGE) {
                Ok(page) => self.page = page,
                Err(error) => return Some(Err(error)),
            }
            if let (Some((last, _)), PAGE) = (self.page.last(), self.page.len()) {
                self.range = Some(range.after(last));
            }
            self.page.reverse();
        }
        self.page.pop().map(|(key, value)| Ok((key, Some(value))))
    }
}

/// Both in order of their keys; of equal keys the upper one's. An error ends it.
fn merge(
    upper: impl Iterator<Item = Result<Write>>,
    lower: impl Iterator<Item = Result<Write>>,
) -> impl Iterator<Item = Result<Write>> {
    let (mut upper, mut lower) = (upper.peekable(), lower.peekable());
    std::iter::from_fn(move || {
        let order = match (upper.peek(), lower.peek()) {
            (Some(Ok(a)), Some(Ok(b))) => a.0.cmp(&b.0),
            (Some(Err(_)), _) | (Some(_), None) => std::cmp::Ordering::Less,
            (_, _) => std::cmp::Ordering::Greater,
        };
        match order {
            std::cmp::Ordering::Less => upper.next(),
            std::cmp::Ordering::Greater => lower.next(),
            std::cmp::Ordering::Equal => {
                lower.next();
                upper.next()
            }
        }
    })
}
