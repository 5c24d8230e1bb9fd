//! Why the step had to stop.

use crosspoint_config::Problem;
use crosspoint_model::state::StateError;

/// The step stops at the entry: going on would make the state differ from the ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The ledger holds a configuration that this version does not understand.
    #[error("could not compile the configuration applied in ledger entry `{seq}`: {}", first(.problems))]
    Configuration {
        /// The entry.
        seq: u64,
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// The stored configuration does not decode.
    #[error("could not read the applied configuration from the store: {0}")]
    Stored(#[source] serde_json::Error),
}

fn first(problems: &[Problem]) -> String {
    problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}
