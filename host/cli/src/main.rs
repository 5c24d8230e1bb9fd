//! The `crosspoint` command: asks a host, running or opened for the one command, and shows what it
//! answers to a person or, with `--json`, to a program.
//!
//! Start reading at [`cli`], the command line as clap knows it; then `access`, which finds the host;
//! then `view`, which turns answers into text.
//!
//! # Invariants
//! - Every command has help with an example that parses (`cli::tests::every_command_has_examples`).
//! - What a vendor or profile says cannot steer the terminal
//!   (`output::tests::control_characters_are_shown_not_obeyed`).
//! - One place decides the exit code (`exit::tests`).
//! - A command never opens a data folder that a running host holds
//!   (`commands_go_through_a_running_host`).
//! - A request is one trace up to the delivery that it causes
//!   (`a_request_is_one_trace_up_to_the_delivery`), and a collector that is away costs one log line
//!   (`a_collector_that_is_away_is_told_of_once`).
//! - The reference shows the help as it is (`reference_shows_the_help_as_it_is`).
//!
//! # Not here
//! Any rule about profiles, segments or deliveries; formats of the data folder; the meaning of a
//! configuration. Those are the rooms below `crosspoint-runtime`.

mod access;
mod cli;
mod commands;
mod context;
mod demo;
mod doors;
mod error;
mod exit;
#[cfg(test)]
mod golden;
mod logs;
mod output;
mod progress;
mod signals;
mod telemetry;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

/// Faster for the store by a third to a half than the system's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let telemetry = logs::start(&cli);
    let context = context::Context::new(cli.global);
    let exit = match commands::run(cli.command, &context) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = exit::of_error(&error);
            if exit != exit::Exit::Done {
                error::report(&error, context.error_style());
            }
            exit
        }
    };
    telemetry.finish();
    exit.into()
}
