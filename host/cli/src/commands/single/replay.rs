//! `crosspoint replay`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use crosspoint_runtime::ReplayReport;

use crate::context::Context;
use crate::exit::Exit;
use crate::view;

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint replay --check
  crosspoint replay --into rebuilt

The ledger is the truth and the store only follows from it. Without options the store is computed
again in memory and its digest is shown. Stop the host first.")]
pub struct Replay {
    /// Compare with the store as it is; exit code 2 if they differ
    #[arg(long)]
    check: bool,
    /// Write the store to this folder, which must be empty or absent
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

impl Replay {
    /// Replays, and shows what came of it.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let bar = ctx.bar();
        let into = self.into.map(std::path::absolute).transpose()?;
        let options = ctx.host_options(false)?;
        let report: ReplayReport =
            crosspoint_runtime::replay(&options, into, self.check, &|step| bar.step(step))?;
        bar.clear();
        if ctx.json() {
            ctx.show_json(&report)?;
        } else {
            ctx.print(&view::replay(&report, ctx.style()))?;
        }
        Ok(match report.equal {
            Some(false) => Exit::Invalid,
            _ => Exit::Done,
        })
    }
}
