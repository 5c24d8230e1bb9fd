//! What each command does: turns its arguments into a request, mostly.

pub mod connector;
pub mod outbox;
pub mod plugin;
mod plugin_new;
mod plugin_test;
pub mod profile;
pub mod quarantine;
pub mod segment;
pub mod single;

use anyhow::Result;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::Exit;

/// Carries out one command.
pub fn run(command: Command, ctx: &Context) -> Result<Exit> {
    match command {
        Command::Demo(demo) => demo.run(ctx),
        Command::Init(init) => init.run(ctx),
        Command::Check(check) => check.run(ctx),
        Command::Run(run) => run.run(ctx),
        Command::Sync(sync) => ctx.answer(sync.request()),
        Command::Import(import) => ctx.answer(import.request()?),
        Command::Deliver(deliver) => ctx.answer(deliver.request()),
        Command::Profile(profile) => ctx.answer(profile.request()),
        Command::Segment(segment) => ctx.answer(segment.request()),
        Command::Outbox(outbox) => ctx.answer(outbox.request()),
        Command::Quarantine(quarantine) => ctx.answer(quarantine.request()),
        Command::Plugin(plugin) => plugin.run(ctx),
        Command::Connector(connector) => ctx.answer(connector.request()),
        Command::Replay(replay) => replay.run(ctx),
        Command::Status(status) => ctx.answer(status.request()),
        Command::Explain(explain) => explain.run(ctx),
        Command::Completions(completions) => completions.run(ctx),
    }
}
