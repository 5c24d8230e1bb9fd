//! How fresh connectors are and what they use: remembered across restarts in a file of its own,
//! which decides nothing but when a source is read next. Whoever loses it loses the figures, and
//! sources are read once more than they had to be.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crosspoint_model::record::Record;
use crosspoint_model::{ConnectorId, Instant};
use crosspoint_sandbox::Usage as Requests;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Days of which the number of requests is kept, today among them.
const DAYS: i64 = 30;

/// What is known of all connectors.
pub(crate) struct Usage {
    file: PathBuf,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    connectors: BTreeMap<ConnectorId, ConnectorUsage>,
    /// Requests since the start, by connector.
    since_start: BTreeMap<ConnectorId, u64>,
    /// Whether the file lacks something.
    changed: bool,
}

/// What is known of a connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectorUsage {
    /// When the last read of all streams began that went well.
    pub read_at: Option<Instant>,
    /// By the stream's name.
    pub streams: BTreeMap<SmolStr, StreamUsage>,
    /// Requests by day since the epoch, UTC.
    pub requests: BTreeMap<i64, u64>,
    /// What the vendor said last of its quota.
    pub quota: Option<QuotaReading>,
}

/// How fresh a stream is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StreamUsage {
    /// When the last read began that went well.
    pub read_at: Option<Instant>,
    /// When the vendor's last call came that brought something.
    pub called_at: Option<Instant>,
    /// The newest `updated-at` of a record.
    pub newest_at: Option<Instant>,
}

/// What the vendor said of its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QuotaReading {
    pub at: Instant,
    pub remaining: u64,
    pub limit: Option<u64>,
}

impl ConnectorUsage {
    /// Requests on the day of `now`, and in the 30 days up to it.
    pub fn requests(&self, now: Instant) -> (u64, u64) {
        let today = now.day();
        let recent = self.requests.range(today - DAYS + 1..=today);
        let month = recent.map(|(_, requests)| requests).sum();
        (self.requests.get(&today).copied().unwrap_or(0), month)
    }
}

impl Usage {
    /// What the file holds; nothing where there is none or it cannot be read.
    pub fn open(file: PathBuf) -> Self {
        let connectors = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(file = %file.display(), %error, "the figures of connectors are lost");
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        let book = Book {
            connectors,
            ..Book::default()
        };
        Self {
            file,
            book: Mutex::new(book),
        }
    }

    /// What is known of a connector, and its requests since the start.
    pub fn of(&self, connector: &ConnectorId) -> (ConnectorUsage, u64) {
        let book = self.book();
        let usage = book.connectors.get(connector).cloned();
        let since_start = book.since_start.get(connector).copied();
        (usage.unwrap_or_default(), since_start.unwrap_or(0))
    }

    /// When the last read of all streams began that went well.
    pub fn read_at(&self, connector: &ConnectorId) -> Option<Instant> {
        self.book().connectors.get(connector)?.read_at
    }

    /// All streams were read, from `began` on.
    pub fn read_all(&self, connector: &ConnectorId, began: Instant) {
        self.change(connector, |usage| usage.read_at = Some(began));
    }

    /// A stream was read, from `began` on.
    pub fn read(&self, connector: &ConnectorId, stream: &str, began: Instant) {
        self.change(connector, |usage| {
            usage.stream(stream).read_at = Some(began);
        });
    }

    /// The vendor's call brought something of a stream.
    pub fn called(&self, connector: &ConnectorId, stream: &str, at: Instant) {
        self.change(connector, |usage| {
            usage.stream(stream).called_at = Some(at);
        });
    }

    /// Records of a stream came.
    pub fn came(&self, connector: &ConnectorId, stream: &str, records: &[Record]) {
        if let Some(newest) = records.iter().map(|record| record.updated_at).max() {
            self.change(connector, |usage| {
                let stream = usage.stream(stream);
                stream.newest_at = stream.newest_at.max(Some(newest));
            });
        }
    }

    /// Counts the requests that a connector sent since `seen` of them were counted; answers with how
    /// many there are now.
    pub fn count(&self, connector: &ConnectorId, sent: &Requests, seen: u64, now: Instant) -> u64 {
        let requests = sent.requests();
        let more = requests.saturating_sub(seen);
        if more > 0 {
            let today = now.day();
            let quota = sent.quota();
            self.change(connector, |usage| {
                *usage.requests.entry(today).or_default() += more;
                usage.requests = usage.requests.split_off(&(today - DAYS + 1));
                if let Some((at, quota)) = quota {
                    usage.quota = Some(QuotaReading {
                        at,
                        remaining: quota.remaining,
                        limit: quota.limit,
                    });
                }
            });
            *self
                .book()
                .since_start
                .entry(connector.clone())
                .or_default() += more;
        }
        requests
    }

    /// Writes what changed, so that the file always holds one state or the other.
    pub fn save(&self) -> io::Result<()> {
        let bytes = {
            let mut book = self.book();
            if !std::mem::take(&mut book.changed) {
                return Ok(());
            }
            serde_json::to_vec_pretty(&book.connectors)?
        };
        let written = replace(&self.file, &bytes);
        if written.is_err() {
            self.book().changed = true;
        }
        written
    }

    fn change(&self, connector: &ConnectorId, change: impl FnOnce(&mut ConnectorUsage)) {
        let mut book = self.book();
        change(book.connectors.entry(connector.clone()).or_default());
        book.changed = true;
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectorUsage {
    fn stream(&mut self, name: &str) -> &mut StreamUsage {
        self.streams.entry(SmolStr::new(name)).or_default()
    }
}

fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = file.with_extension("json.new");
    let mut written = File::create(&fresh)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    fs::rename(&fresh, file)
}
