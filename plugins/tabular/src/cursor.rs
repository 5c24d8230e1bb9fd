//! What is remembered between reads.

use crosspoint_sdk::files::Entry;
use crosspoint_sdk::model::Instant;
use crosspoint_sdk::{Error, serde_json, settings};
use serde::{Deserialize, Serialize};

/// Most files that may match at once: more would not fit into the contract's 64 KiB of cursor.
pub const MAX_FILES: usize = 700;

/// Names of columns are remembered up to this many bytes together, for telling what changed.
const MAX_COLUMN_BYTES: usize = 8 << 10;

/// Everything that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Form of this cursor.
    v: u8,
    /// What was read of which file.
    pub files: Vec<FileState>,
    /// Files whose instant tells nothing about how long they have been as they are: hashes of path
    /// and of what is told about them, and when they were first seen so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<(u64, u64, Instant)>,
    /// Columns of the last file that was begun.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The usual length of a row, in bytes; decides how much is read at once.
    #[serde(default)]
    pub row_bytes: u64,
}

/// What was read of one file. Written as a list to keep the cursor short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub struct FileState {
    /// Hash of the path.
    pub path: u64,
    /// Hash of size, instant and etag at that time.
    pub stamp: u64,
    /// How far.
    pub progress: Progress,
    /// Where the next row starts, in bytes.
    pub offset: u64,
    /// On which line.
    pub line: u64,
    /// Hash of what stands at the beginning and before `offset`, to know the file again.
    pub mark: u32,
}

type Packed = (u64, u64, u8, u64, u64, u32);

impl From<Packed> for FileState {
    fn from((path, stamp, progress, offset, line, mark): Packed) -> Self {
        let progress = match progress {
            1 => Progress::Done,
            2 => Progress::Refused,
            _ => Progress::Begun,
        };
        Self {
            path,
            stamp,
            progress,
            offset,
            line,
            mark,
        }
    }
}

impl From<FileState> for Packed {
    fn from(state: FileState) -> Self {
        let FileState {
            path,
            stamp,
            progress,
            offset,
            line,
            mark,
        } = state;
        (path, stamp, progress as u8, offset, line, mark)
    }
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rows are left.
    Begun = 0,
    /// To its end.
    Done = 1,
    /// Not at all, with these settings.
    Refused = 2,
}

impl Cursor {
    /// Reads a cursor; absent means from the beginning.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] where it is of another form.
    pub fn decode(bytes: Option<&[u8]>) -> Result<Self, Error> {
        match settings::decode_cursor::<Self>(bytes)? {
            None => Ok(Self {
                v: 1,
                ..Self::default()
            }),
            Some(cursor) if cursor.v == 1 => Ok(cursor),
            Some(cursor) => Err(Error::CursorExpired(format!(
                "cursor of form {} is unknown",
                cursor.v
            ))),
        }
    }

    /// Writes the cursor.
    ///
    /// # Errors
    /// [`Error::Fatal`] where it is too long.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }

    /// What is known of that file.
    pub fn file(&self, path: &str) -> Option<&FileState> {
        let hash = fnv(path.as_bytes());
        self.files.iter().find(|state| state.path == hash)
    }

    /// Puts what is known of a file.
    pub fn put(&mut self, state: FileState) {
        match self.files.iter_mut().find(|other| other.path == state.path) {
            Some(slot) => *slot = state,
            None => self.files.push(state),
        }
    }

    /// Forgets files that are no longer there.
    pub fn retain(&mut self, entries: &[Entry]) {
        let present: Vec<u64> = entries
            .iter()
            .map(|entry| fnv(entry.path.as_bytes()))
            .collect();
        self.files.retain(|state| present.contains(&state.path));
        self.seen.retain(|(path, ..)| present.contains(path));
    }

    /// When the file was first seen as it is; from now on where it was not.
    pub fn first_seen(&mut self, entry: &Entry, now: Instant) -> Instant {
        let (path, stamp) = (fnv(entry.path.as_bytes()), stamp(entry));
        let found = self.seen.iter().position(|(other, ..)| *other == path);
        match found {
            Some(at) if self.seen[at].1 == stamp => self.seen[at].2,
            Some(at) => {
                self.seen[at] = (path, stamp, now);
                now
            }
            None => {
                self.seen.push((path, stamp, now));
                now
            }
        }
    }

    /// Remembers the columns of a file and says what has changed since the last one. Names of
    /// columns are no personal data.
    pub fn drift(&mut self, path: &str, columns: &[String]) -> Option<String> {
        let total: usize = columns.iter().map(String::len).sum();
        let known = std::mem::take(&mut self.columns);
        if total <= MAX_COLUMN_BYTES {
            self.columns = columns.to_vec();
        }
        if known.is_empty() || columns.is_empty() || known == columns {
            return None;
        }
        let without = |all: &[String], others: &[String]| {
            all.iter()
                .filter(|name| !others.contains(name))
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (appeared, gone) = (without(columns, &known), without(&known, columns));
        let mut parts = Vec::new();
        if !appeared.is_empty() {
            parts.push(format!("new columns {appeared}"));
        }
        if !gone.is_empty() {
            parts.push(format!("columns gone {gone}"));
        }
        if parts.is_empty() {
            parts.push("columns stand in another order".to_owned());
        }
        Some(format!(
            "{path}: {}; columns are found by name",
            parts.join(", ")
        ))
    }
}

/// Hash of what the service tells about a file's content.
pub fn stamp(entry: &Entry) -> u64 {
    let told = serde_json::json!([entry.size, entry.modified_at, entry.etag]);
    fnv(told.to_string().as_bytes())
}

/// FNV-1a in 64 bits: stable, and nobody picks file names to collide.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
