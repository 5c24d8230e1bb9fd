//! What can go wrong, by what the caller can do about it.

use std::path::{Path, PathBuf};

use crosspoint_model::state::StateError;

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// A fault of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; for a person to look at.
    #[error("could not {what} `{path}`")]
    Io {
        /// The operation, as in `open`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process, or another handle of this one, has the store open. Stop it, or talk to it
    /// through its admin socket.
    #[error("the store `{path}` is held by {holder}; stop it, or let it do the work")]
    Locked {
        /// The store's folder.
        path: PathBuf,
        /// Which process, as far as it is known.
        holder: String,
    },
    /// What was read is not what was written: the store must be set aside and rebuilt.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A value that only a newer release can read.
    #[error("a {what} was written by a newer version: format {found}, newest known {known}")]
    Newer {
        /// What kind of value.
        what: &'static str,
        /// Its version byte.
        found: u8,
        /// The newest version byte that this release writes.
        known: u8,
    },
    /// The engine could not do it. Nothing more may be written through this handle.
    #[error("could not {operation} in the store's engine: {detail}")]
    Engine {
        /// What was asked for.
        operation: &'static str,
        /// The engine's words.
        detail: String,
    },
    /// An earlier commit failed: what is on disk is unknown, so the process must stop. The next
    /// start verifies the store.
    #[error("the store stopped after a failed commit: {0}")]
    Stopped(String),
    /// A value, or a key, beyond what the engine takes.
    #[error("a key or value of {bytes} bytes is too large for the store")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A key in the range that the engine keeps for itself.
    #[error("a key starts with the reserved byte {0:#04x}")]
    ReservedKey(u8),
    /// An export, or an import into a store that holds something.
    #[error("could not import into a store that is not empty")]
    NotEmpty,
    /// An export of a store that no commit has reached with a position.
    #[error("could not export a store without a position")]
    NoPosition,
    /// A file that is no export, or a damaged one.
    #[error("not a usable export: {0}")]
    BadExport(String),
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }

    /// Whether the process must stop: what is on disk is no longer known.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Engine { .. })
    }
}

impl From<Error> for StateError {
    /// The whole chain of causes in one line.
    fn from(error: Error) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}
