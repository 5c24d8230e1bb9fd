//! What a connector's calls used up since it was made.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::connector::CallStats;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallEnd {
    /// It returned.
    Ok,
    /// It returned an error.
    Error,
    /// It broke off, or came upon a limit.
    Trap,
    /// It was not made: the plugin is quarantined.
    Refused,
}

impl CallEnd {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Trap => "trap",
            Self::Refused => "refused",
        }
    }
}

/// What a connector's calls used up since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFigures {
    /// Calls by function of the contract and by how they ended.
    pub calls: BTreeMap<(&'static str, CallEnd), u64>,
    /// Time on the processor, of all calls together.
    pub cpu: Duration,
    /// Largest memory that one call had.
    pub peak_memory_bytes: u64,
}

/// [`CallFigures`] that concurrent calls add to.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<CallFigures>);

impl Figures {
    pub fn used(&self, stats: &CallStats) {
        let mut figures = self.lock();
        figures.cpu += stats.cpu;
        figures.peak_memory_bytes = figures.peak_memory_bytes.max(stats.peak_memory_bytes);
    }

    pub fn ended(&self, call: &'static str, end: CallEnd) {
        *self.lock().calls.entry((call, end)).or_default() += 1;
    }

    pub fn read(&self) -> CallFigures {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, CallFigures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
