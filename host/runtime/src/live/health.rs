//! Whether the host works, and whether its answers are fresh.

use crate::host::Host;

/// How a running host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the step loop runs. It ends by itself only after a failure that a restart mends.
    pub steps: bool,
    /// Ledger entries that are durable and not in the state yet.
    pub entries_behind: u64,
}

impl Host {
    /// How the host is, at once.
    pub fn health(&self) -> Health {
        let durable = self.ledger.durable_position();
        Health {
            steps: self.handle.runs(),
            entries_behind: durable.saturating_sub(self.handle.applied_position()),
        }
    }
}
