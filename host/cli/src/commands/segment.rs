//! `crosspoint segment …`

use clap::Subcommand;
use crosspoint_runtime::admin::Request;

/// The verbs of `segment`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  crosspoint segment list
  crosspoint segment preview 'orders.within(\"90d\").count() >= 3'
  crosspoint segment explain lapsed shop:1815")]
pub enum Segment {
    /// Lists the segments and how many profiles each has
    #[command(after_help = "Examples:
  crosspoint segment list
  crosspoint segment list --json")]
    List,
    /// Says how many profiles a rule would have, without saving it
    #[command(after_help = "Examples:
  crosspoint segment preview 'orders.count() >= 5'
  crosspoint segment preview 'spend(\"EUR\") > 500 && !orders.within(\"120d\").exists()' --samples 3")]
    Preview {
        /// A rule, as in `when`
        rule: String,
        /// Show so many of the profiles
        #[arg(long, default_value_t = 5, value_name = "COUNT")]
        samples: u32,
    },
    /// Lists who is in a segment
    #[command(after_help = "Examples:
  crosspoint segment members lapsed
  crosspoint segment members lapsed --limit 1000 --json")]
    Members {
        /// Its name
        segment: String,
        /// Continue behind this profile id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// Show at most so many
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: u32,
    },
    /// Shows what each clause of a rule says about one profile
    #[command(after_help = "Examples:
  crosspoint segment explain lapsed email:ada@example.com")]
    Explain {
        /// Its name
        segment: String,
        /// Id or identifier
        profile: String,
    },
    /// Compares the segments with a computation from scratch; exit code 2 if they differ
    #[command(after_help = "Examples:
  crosspoint segment verify
  crosspoint segment verify lapsed")]
    Verify {
        /// Only this one
        segment: Option<String>,
    },
}

impl Segment {
    /// What to ask.
    pub fn request(self) -> Request {
        match self {
            Self::List => Request::SegmentList,
            Self::Preview { rule, samples } => Request::SegmentPreview { rule, samples },
            Self::Members {
                segment,
                after,
                limit,
            } => Request::SegmentMembers {
                segment,
                after,
                limit,
            },
            Self::Explain { segment, profile } => Request::SegmentExplain { segment, profile },
            Self::Verify { segment } => Request::SegmentVerify { segment },
        }
    }
}
