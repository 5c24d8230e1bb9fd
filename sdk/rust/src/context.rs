//! What a call may use: HTTP, TCP, files, notes and the log.

use std::fmt;

use crate::bindings::imports::crosspoint::connector::{jobs, log};
use crate::files::{Files, HostFiles};
use crate::http::{Fetch, HostFetch, Http};
use crate::tcp::{HostTcp, Tcp};

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
/// `crosspoint_sdk::testing::TestContext`. What a plugin never asks the context for does not
/// become an import of its component.
pub struct Context {
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) scripted: Option<Scripted>,
}

/// What stands for the host in native tests.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) struct Scripted {
    pub(crate) fetch: Box<dyn Fetch>,
    pub(crate) tcp: Box<dyn Tcp>,
    pub(crate) files: Box<dyn Files>,
    pub(crate) notes: Box<dyn Notes>,
    pub(crate) log: Box<dyn Log>,
}

/// The scripted part in native tests, else the host's. The host's part is named only here, inside
/// a method: were it kept in a field, every component would import everything and be refused for
/// what its manifest does not ask for.
macro_rules! part {
    ($ctx:expr, $part:ident, $host:expr) => {{
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(scripted) = &$ctx.scripted {
            return &*scripted.$part;
        }
        &$host
    }};
}

impl Context {
    /// The context that leads to the host.
    pub(crate) fn host() -> Self {
        Self {
            #[cfg(not(target_arch = "wasm32"))]
            scripted: None,
        }
    }

    /// Starts requests whose URLs are absolute. See [`Context::http_at`] for a base URL.
    pub fn http(&self) -> Http<'_> {
        Http::new(self.fetch(), "")
    }

    /// Starts requests below a base URL such as `https://api.example.com/v2`.
    pub fn http_at(&self, base_url: impl Into<String>) -> Http<'_> {
        Http::new(self.fetch(), base_url)
    }

    fn fetch(&self) -> &dyn Fetch {
        part!(self, fetch, HostFetch)
    }

    /// Connections that are not HTTP; [`Connection::open`](crate::tcp::Connection::open) makes one.
    /// Needs `tcp` among the manifest's imports.
    pub fn tcp(&self) -> &dyn Tcp {
        part!(self, tcp, HostTcp)
    }

    /// Files below the granted locations. Needs `files` among the manifest's imports.
    pub fn files(&self) -> &dyn Files {
        part!(self, files, HostFiles)
    }

    /// Notes that survive the call. Needs `jobs` among the manifest's imports.
    pub fn notes(&self) -> &dyn Notes {
        part!(self, notes, HostNotes)
    }

    /// Writes one line into the operator's log. No personal data.
    pub fn log(&self, level: Level, message: impl fmt::Display) {
        self.log_part().write(level, &message.to_string());
    }

    fn log_part(&self) -> &dyn Log {
        part!(self, log, HostLog)
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
