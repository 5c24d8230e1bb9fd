//! Why a read ended.

use smol_str::SmolStr;

/// What a source's call came to, by what the host does about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// May pass: try again with backoff.
    #[error("{0}")]
    Transient(String),
    /// The vendor asked for patience, in milliseconds where it says.
    #[error("the vendor asked for patience")]
    RateLimited(Option<u64>),
    /// Credentials refused: pause the connector.
    #[error("{0}")]
    Auth(String),
    /// The cursor is not understood: start from the beginning.
    #[error("{0}")]
    CursorExpired(String),
    /// Going on needs a person: a setting, a grant, a defect.
    #[error("{0}")]
    Stopped(String),
}

/// Why a read ended before the stream had caught up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plugin or the vendor.
    #[error("could not read stream `{stream}` of connector `{connector}`: {fault}")]
    Source {
        /// Which connector.
        connector: SmolStr,
        /// Which stream.
        stream: SmolStr,
        /// What it came to.
        #[source]
        fault: SourceFault,
    },
    /// The plugin says that more is waiting but neither yields nor moves its cursor.
    #[error(
        "stream `{stream}` of connector `{connector}` does not move on: the plugin asks to be \
         called again with the cursor it was called with"
    )]
    StandsStill {
        /// Which connector.
        connector: SmolStr,
        /// Which stream.
        stream: SmolStr,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] crosspoint_ledger::Error),
}
