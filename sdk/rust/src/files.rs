//! Files below the locations that the operator granted.

use crate::bindings::imports::crosspoint::connector::files as wit;

pub use wit::{Entry, Error as FileError};

/// The largest range that one read yields; the host's cap.
pub const MAX_READ_BYTES: u32 = 4 << 20;

/// Lists and reads files. The host's in production, [`crate::testing::ScriptedFiles`] in tests.
pub trait Files {
    /// All files below `prefix` whose path matches `pattern`, sorted by path.
    ///
    /// # Errors
    /// As the contract's `files.list`.
    fn list(&self, prefix: &str, pattern: &str) -> Result<Vec<Entry>, FileError>;

    /// At most `length` bytes from `offset`; shorter only at the end.
    ///
    /// # Errors
    /// As the contract's `files.read`.
    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, FileError>;

    /// Has the host move a listed file once what the call yields is durable.
    ///
    /// # Errors
    /// As the contract's `files.archive`.
    fn archive(&self, file: &Entry, to: &str) -> Result<(), FileError>;
}

/// The host's files.
pub(crate) struct HostFiles;

impl Files for HostFiles {
    fn list(&self, prefix: &str, pattern: &str) -> Result<Vec<Entry>, FileError> {
        wit::list(prefix, pattern)
    }

    fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, FileError> {
        wit::read(path, offset, length)
    }

    fn archive(&self, file: &Entry, to: &str) -> Result<(), FileError> {
        wit::archive(file, to)
    }
}
