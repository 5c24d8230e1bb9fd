//! What a call may use: HTTP, files, notes and the log.

use std::fmt;

use crate::bindings::imports::crosspoint::connector::{jobs, log};
use crate::files::{Files, HostFiles};
use crate::http::{Fetch, HostFetch, Http};

pub use log::Level;

/// Small notes that survive the call, per connector. Needs `jobs` among the manifest's imports.
pub trait Notes {
    /// The note under `key`.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Writes a note; kept when the call returns without error.
    fn set(&self, key: &str, value: &[u8]);
    /// Removes a note.
    fn delete(&self, key: &str);
    /// All keys, sorted.
    fn keys(&self) -> Vec<String>;
}

/// The operator's log.
pub trait Log {
    /// Writes one line. No personal data.
    fn write(&self, level: Level, message: &str);
}

/// Lent to every call of a [`Source`](crate::Source) or [`Destination`](crate::Destination).
///
/// In production it leads to the host; in native tests it is made by
/// [`crate::testing::TestContext`].
pub struct Context {
    pub(crate) fetch: Box<dyn Fetch>,
    pub(crate) files: Box<dyn Files>,
    pub(crate) notes: Box<dyn Notes>,
    pub(crate) log: Box<dyn Log>,
}

impl Context {
    /// The context that leads to the host.
    pub(crate) fn host() -> Self {
        Self {
            fetch: Box::new(HostFetch),
            files: Box::new(HostFiles),
            notes: Box::new(HostNotes),
            log: Box::new(HostLog),
        }
    }

    /// Starts requests whose URLs are absolute. See [`Context::http_at`] for a base URL.
    pub fn http(&self) -> Http<'_> {
        Http::new(&*self.fetch, "")
    }

    /// Starts requests below a base URL such as `https://api.example.com/v2`.
    pub fn http_at(&self, base_url: impl Into<String>) -> Http<'_> {
        Http::new(&*self.fetch, base_url)
    }

    /// Files below the granted locations. Needs `files` among the manifest's imports.
    pub fn files(&self) -> &dyn Files {
        &*self.files
    }

    /// Notes that survive the call. Needs `jobs` among the manifest's imports.
    pub fn notes(&self) -> &dyn Notes {
        &*self.notes
    }

    /// Writes one line into the operator's log. No personal data.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        self.log.write(level, &message.to_string());
    }
}

struct HostNotes;

impl Notes for HostNotes {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        jobs::get(key)
    }

    fn set(&self, key: &str, value: &[u8]) {
        jobs::set(key, value);
    }

    fn delete(&self, key: &str) {
        jobs::delete(key);
    }

    fn keys(&self) -> Vec<String> {
        jobs::keys()
    }
}

struct HostLog;

impl Log for HostLog {
    fn write(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}
