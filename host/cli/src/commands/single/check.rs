//! `crosspoint check`

use anyhow::Result;
use clap::Args;
use crosspoint_runtime::Finding;

use crate::context::Context;
use crate::exit::Exit;
use crate::view;

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint check
  crosspoint check --connect
  crosspoint check --project my-shop --json

Finds every error at once: in the files, in the rules, and in each plugin's settings. Exit code 2 if
there are any; warnings alone leave it 0. Nothing is opened; nothing is sent unless --connect is
given.")]
pub struct Check {
    /// Also let each plugin check its credentials at its vendor
    #[arg(long)]
    pub connect: bool,
}

impl Check {
    /// Prints every finding.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let folder = ctx.project()?;
        let findings: Vec<Finding> = crosspoint_runtime::check(&folder, ctx.data(), self.connect);
        if ctx.json() {
            ctx.show_json(&findings)?;
        } else {
            ctx.print(&view::findings(&findings, ctx.style()))?;
        }
        Ok(if findings.iter().any(|finding| finding.is_error) {
            Exit::Invalid
        } else {
            Exit::Done
        })
    }
}
