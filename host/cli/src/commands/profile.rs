//! `crosspoint profile …`

use clap::Subcommand;
use crosspoint_runtime::admin::Request;

/// The verbs of `profile`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint profile find email:ada@example.com
  crosspoint profile show shop:1815
  crosspoint profile why shop:1815 --segment lapsed

A profile is named by its id, by an identifier such as email:ada@example.com or phone:+31612345678,
or by CONNECTOR:ID, the id that a connector's vendor gave it.")]
pub enum Profile {
    /// Finds profiles by identifier, id, or part of a trait
    #[command(after_help = "Examples:
  crosspoint profile find email:ada@example.com
  crosspoint profile find Lovelace --limit 5 --json")]
    Find {
        /// Identifier, id, or part of a trait's value
        query: String,
        /// Show at most so many
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
    },
    /// Shows one profile: traits, segments, what happened
    #[command(after_help = "Examples:
  crosspoint profile show email:ada@example.com
  crosspoint profile show shop:1815 --facts 100")]
    Show {
        /// Id or identifier
        profile: String,
        /// Show at most so many of the things that happened, newest first
        #[arg(long, default_value_t = 10, value_name = "COUNT")]
        facts: u32,
    },
    /// Says where each trait comes from, what joined it, and why it is in its segments
    #[command(after_help = "Examples:
  crosspoint profile why shop:1815
  crosspoint profile why shop:1815 --segment lapsed")]
    Why {
        /// Id or identifier
        profile: String,
        /// Only this segment
        #[arg(long, value_name = "NAME")]
        segment: Option<String>,
    },
    /// Takes apart two people that were taken for one, for good
    #[command(after_help = "Examples:
  crosspoint profile unmerge email:ada@example.com --apart shop:1852
  crosspoint profile unmerge email:ada@example.com --apart shop:1852 --apart crm:7

`profile why` lists the fragments and which identifier joins them.")]
    Unmerge {
        /// Id or identifier
        profile: String,
        /// A fragment, or an identifier, that belongs to the other person; may be repeated
        #[arg(long = "apart", required = true, value_name = "FRAGMENT")]
        fragments: Vec<String>,
    },
}

impl Profile {
    /// What to ask.
    pub fn request(self) -> Request {
        match self {
            Self::Find { query, limit } => Request::ProfileFind { query, limit },
            Self::Show { profile, facts } => Request::ProfileShow { profile, facts },
            Self::Why { profile, segment } => Request::ProfileWhy { profile, segment },
            Self::Unmerge { profile, fragments } => Request::ProfileUnmerge { profile, fragments },
        }
    }
}
