//! Why a worker had to stop.

/// Why a worker had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed: receipts cannot be kept, so nothing may be sent.
    #[error(transparent)]
    Ledger(#[from] crosspoint_ledger::Error),
    /// The state cannot be read.
    #[error("could not read the outbox: {0}")]
    Outbox(String),
}
