//! `crosspoint check`

use anyhow::Result;
use clap::Args;
use crosspoint_runtime::admin::ProblemView;

use crate::context::Context;
use crate::exit::Exit;
use crate::view;

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint check
  crosspoint check --project my-shop --json

Finds every error at once: in the files, in the rules, and in each plugin's settings. Exit code 2 if
there are any. Nothing is opened or sent.")]
pub struct Check {}

impl Check {
    /// Prints every problem.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        let folder = ctx.project()?;
        let problems: Vec<ProblemView> = crosspoint_runtime::check(&folder);
        if ctx.json() {
            ctx.show_json(&problems)?;
        } else {
            ctx.print(&view::problems(&problems, ctx.style()))?;
        }
        Ok(if problems.is_empty() {
            Exit::Done
        } else {
            Exit::Invalid
        })
    }
}
