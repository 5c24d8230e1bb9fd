//! `crosspoint outbox …`

use clap::{ArgGroup, Args, Subcommand};
use crosspoint_runtime::admin::{Request, Which};

/// The verbs of `outbox`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint outbox list --stopped
  crosspoint outbox show crm/4711/0
  crosspoint outbox retry --connector crm

A delivery is named by CONNECTOR/SEQ/ORDINAL, as `outbox list` shows it, or by its idempotency key.")]
pub enum Outbox {
    /// Lists deliveries that wait or have stopped
    #[command(after_help = "Examples:
  crosspoint outbox list
  crosspoint outbox list --connector crm --stopped --json")]
    List {
        /// Only of this connector
        #[arg(long, value_name = "ID")]
        connector: Option<String>,
        /// Only those that wait, are retried, or are with the vendor
        #[arg(long, conflicts_with = "stopped")]
        waiting: bool,
        /// Only dead letters and those whose fate is unknown
        #[arg(long)]
        stopped: bool,
        /// Continue behind this delivery
        #[arg(long, value_name = "DELIVERY")]
        after: Option<String>,
        /// Show at most so many
        #[arg(long, default_value_t = 50, value_name = "COUNT")]
        limit: u32,
    },
    /// Shows one delivery with all its fields
    #[command(after_help = "Examples:
  crosspoint outbox show crm/4711/0")]
    Show {
        /// Its id or key
        delivery: String,
    },
    /// Tries stopped deliveries again
    #[command(after_help = "Examples:
  crosspoint outbox retry crm/4711/0 crm/4712/0
  crosspoint outbox retry --connector crm")]
    Retry(Chosen),
    /// Changes fields of a stopped delivery, then tries it again
    #[command(after_help = "Examples:
  crosspoint outbox edit crm/4711/0 --set email=ada@example.com
  crosspoint outbox edit crm/4711/0 --set phone= --set city=Utrecht")]
    Edit {
        /// Its id or key
        delivery: String,
        /// A field and its new value; an empty value removes the field; may be repeated
        #[arg(long, required = true, value_name = "NAME=VALUE", value_parser = assignment)]
        set: Vec<String>,
    },
    /// Takes deliveries out for good
    #[command(after_help = "Examples:
  crosspoint outbox drop crm/4711/0
  crosspoint outbox drop --connector crm")]
    Drop(Chosen),
}

/// Either deliveries by name, or all stopped ones of a connector.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("chosen").required(true).args(["deliveries", "connector"]))]
pub struct Chosen {
    /// Ids or keys
    deliveries: Vec<String>,
    /// All that have stopped of this connector
    #[arg(long, value_name = "ID")]
    connector: Option<String>,
}

fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.to_owned()),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

impl Outbox {
    /// What to ask.
    pub fn request(self) -> Request {
        match self {
            Self::List {
                connector,
                waiting,
                stopped,
                after,
                limit,
            } => Request::OutboxList {
                connector,
                which: match (waiting, stopped) {
                    (true, _) => Which::Waiting,
                    (_, true) => Which::Stopped,
                    _ => Which::All,
                },
                after,
                limit,
            },
            Self::Show { delivery } => Request::OutboxShow { delivery },
            Self::Retry(chosen) => Request::OutboxRetry {
                deliveries: chosen.deliveries,
                connector: chosen.connector,
            },
            Self::Edit { delivery, set } => Request::OutboxEdit { delivery, set },
            Self::Drop(chosen) => Request::OutboxDrop {
                deliveries: chosen.deliveries,
                connector: chosen.connector,
            },
        }
    }
}
