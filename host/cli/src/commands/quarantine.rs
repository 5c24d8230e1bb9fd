//! `crosspoint quarantine …`

use clap::{ArgGroup, Subcommand};
use crosspoint_runtime::admin::Request;

/// The verbs of `quarantine`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint quarantine list
  crosspoint quarantine show 4711/0
  crosspoint quarantine retry --all")]
pub enum Quarantine {
    /// Lists input that could not be used, with the place and the reason
    #[command(after_help = "Examples:
  crosspoint quarantine list
  crosspoint quarantine list --connector feed --json")]
    List {
        /// Only of this connector
        #[arg(long, value_name = "ID")]
        connector: Option<String>,
        /// Continue behind this item
        #[arg(long, value_name = "ITEM")]
        after: Option<String>,
        /// Show at most so many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: u32,
    },
    /// Shows one item with the input itself
    #[command(after_help = "Examples:
  crosspoint quarantine show 4711/0")]
    Show {
        /// SEQ/ORDINAL, as `quarantine list` shows it
        item: String,
    },
    /// Gives items to their plugin again, after its settings were corrected
    #[command(
        group = ArgGroup::new("chosen").required(true).args(["items", "connector", "all"]),
        after_help = "Examples:
  crosspoint quarantine retry 4711/0 4711/3
  crosspoint quarantine retry --connector feed
  crosspoint quarantine retry --all"
    )]
    Retry {
        /// SEQ/ORDINAL of each
        items: Vec<String>,
        /// All of this connector
        #[arg(long, value_name = "ID")]
        connector: Option<String>,
        /// All there are
        #[arg(long)]
        all: bool,
    },
}

impl Quarantine {
    /// What to ask.
    pub fn request(self) -> Request {
        match self {
            Self::List {
                connector,
                after,
                limit,
            } => Request::QuarantineList {
                connector,
                after,
                limit,
            },
            Self::Show { item } => Request::QuarantineShow { item },
            Self::Retry {
                items, connector, ..
            } => Request::QuarantineRetry { items, connector },
        }
    }
}
