use anyhow::Result;
use clap::Args;
use crate::{context::Context, exit::Exit};
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint demo")]
pub struct Demo {}
impl Demo { pub fn run(self, _ctx: &Context) -> Result<Exit> { Ok(Exit::Done) } }
