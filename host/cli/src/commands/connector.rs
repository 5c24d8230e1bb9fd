//! `crosspoint connector …`

use clap::Subcommand;
use crosspoint_runtime::admin::Request;

/// The verbs of `connector`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint connector pause crm
  crosspoint connector resume crm")]
pub enum Connector {
    /// Stops a connector; what it has to deliver is held
    #[command(after_help = "Examples:
  crosspoint connector pause crm")]
    Pause {
        /// Which
        connector: String,
    },
    /// Lets a paused connector go on
    #[command(after_help = "Examples:
  crosspoint connector resume crm")]
    Resume {
        /// Which
        connector: String,
    },
}

impl Connector {
    /// What to ask.
    pub fn request(self) -> Request {
        match self {
            Self::Pause { connector } => Request::ConnectorPause { connector },
            Self::Resume { connector } => Request::ConnectorResume { connector },
        }
    }
}
