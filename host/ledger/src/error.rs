//! What can go wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("could not {operation} `{}`", path.display())]
    Io {
        /// What was tried, a verb.
        operation: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another opener holds the folder.
    #[error("ledger folder `{}` is in use by {}", folder.display(), holder_text(*.holder))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Process id of the holder, where it left one.
        holder: Option<u32>,
    },
    /// Bytes that were durable are not what was written. Restore the file from a copy.
    #[error("ledger file `{}` is damaged at byte {at_byte}: {damage}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where, from the start of the file.
        at_byte: u64,
        /// In which way.
        damage: Damage,
    },
    /// A file between two others is gone.
    #[error(
        "ledger folder `{}` lacks the file between `{before}` and `{after}`",
        folder.display()
    )]
    MissingSegment {
        /// The folder.
        folder: PathBuf,
        /// The file before the gap.
        before: String,
        /// The file after the gap.
        after: String,
    },
    /// The folder ends before what was durable when it was last closed.
    #[error(
        "ledger folder `{}` ends at entry {last}, but held entry {closed} when it was closed",
        folder.display()
    )]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// The last entry there is.
        last: u64,
        /// The last entry there was.
        closed: u64,
    },
    /// A file belongs to another ledger.
    #[error("ledger file `{}` belongs to another ledger", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// A file's format is unknown.
    #[error(
        "ledger file `{}` was written by a newer crosspoint: it has format {found}, this one \
         knows up to {known}",
        file.display()
    )]
    NewerFile {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },
    /// An entry's format is unknown.
    #[error(
        "ledger entry {seq} was written by a newer crosspoint: it has format {found}, this one \
         knows up to {known}"
    )]
    NewerEntry {
        /// Which entry.
        seq: u64,
        /// Its format.
        found: u8,
        /// The newest that this build reads.
        known: u8,
    },
    /// An entry's bytes are as they were written but make no entry.
    #[error("could not decode ledger entry {seq}")]
    Decode {
        /// Which entry.
        seq: u64,
        /// What the decoder said.
        #[source]
        source: postcard::Error,
    },
    /// An entry cannot be encoded. Nothing was appended.
    #[error("could not encode ledger entry")]
    Encode {
        /// What the encoder said.
        #[source]
        source: postcard::Error,
    },
    /// An entry is too large. Nothing was appended.
    #[error("ledger entry of {bytes} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Its encoded size.
        bytes: u64,
        /// The largest there may be.
        limit: u64,
    },
    /// An entry was asked for that retention has removed.
    #[error("ledger entry {seq} was removed by retention: the ledger begins at entry {first}")]
    Retained {
        /// The one asked for.
        seq: u64,
        /// The oldest there is.
        first: u64,
    },
    /// The ledger was opened for reading.
    #[error("ledger is open for reading only")]
    ReadOnly,
    /// The ledger was closed.
    #[error("ledger is closed")]
    Closed,
    /// A write or fsync failed before: what is on the disk is known only after opening it again.
    #[error("ledger stopped after an earlier failure")]
    Stopped {
        /// The first failure.
        #[source]
        cause: Arc<Error>,
    },
}

/// In which way bytes are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The header is not one.
    Header,
    /// A length is impossible.
    Length,
    /// The checksum does not match.
    Checksum,
    /// The wrong entry stands there.
    Sequence {
        /// The one expected.
        expected: u64,
        /// The one found.
        found: u64,
    },
    /// The file ends within or before an entry that must be there.
    Truncated,
    /// The file goes on after its end.
    Overlong,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("not a ledger header"),
            Self::Length => f.write_str("impossible length"),
            Self::Checksum => f.write_str("checksum does not match"),
            Self::Sequence { expected, found } => {
                write!(f, "entry {found} stands where entry {expected} is expected")
            }
            Self::Truncated => f.write_str("the file ends too early"),
            Self::Overlong => f.write_str("the file goes on after its end"),
        }
    }
}

fn holder_text(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
