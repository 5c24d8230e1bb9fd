//! The command line as clap knows it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    connector, outbox, plugin, profile, quarantine, segment,
    single::{Check, Completions, Deliver, Explain, Import, Init, Replay, Run, Status, Sync},
};
use crate::demo::Demo;

/// Brings data from every shop, mail tool and form together in one place, works out who is who and
/// who belongs where, and tells every other tool.
#[derive(Debug, Parser)]
#[command(
    name = "crosspoint",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    propagate_version = true,
    after_help = "Examples:
  crosspoint demo                     see it work on real purchases, offline
  crosspoint init my-shop             start a project of your own
  crosspoint --project my-shop run    keep it running

Exit codes: 0 done, 1 failed, 2 invalid or different, 3 done in part, 130/143 ended at once by a
signal."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Project folder [default: the nearest one with a `crosspoint.toml`, from here upward]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CROSSPOINT_PROJECT",
        hide_env_values = true
    )]
    pub project: Option<PathBuf>,
    /// Data folder [default: `data` in the project]; for `demo`, the folder of its project
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no notes, only answers and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Everything that can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the whole thing at work on a real purchase history
    Demo(Demo),
    /// Writes a new project
    Init(Init),
    /// Finds everything that is wrong with a project
    Check(Check),
    /// Runs the host: polls sources, keeps segments, delivers
    Run(Run),
    /// Reads a source until it has caught up
    Sync(Sync),
    /// Reads one file with a connector's settings
    Import(Import),
    /// Delivers what is due
    Deliver(Deliver),
    /// Finds, shows and explains profiles
    #[command(subcommand)]
    Profile(profile::Profile),
    /// Lists, tries and explains segments
    #[command(subcommand)]
    Segment(segment::Segment),
    /// Shows and repairs deliveries that wait
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// Shows and re-drives input that could not be used
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Shows which plugins there are
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// Stops connectors and lets them go on
    #[command(subcommand)]
    Connector(connector::Connector),
    /// Computes the state again from the ledger
    Replay(Replay),
    /// Shows how the host and its connectors are
    Status(Status),
    /// Explains an error code
    Explain(Explain),
    /// Prints completions for a shell
    Completions(Completions),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every command has an `Examples:` part, and every example in it parses.
    #[test]
    fn every_command_has_examples() {
        let mut open = vec![Cli::command()];
        let mut seen = 0;
        while let Some(command) = open.pop() {
            let name = command.get_name().to_owned();
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let examples: Vec<&str> = help
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with("crosspoint "))
                .collect();
            assert!(!examples.is_empty(), "`{name}` has no example");
            for example in examples {
                let words = words(example.split("  ").next().unwrap());
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("example `{example}` of `{name}`: {error}");
                }
                seen += 1;
            }
            open.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 30, "only {seen} examples");
    }

    /// Splits as a shell does, as far as examples go: blanks and single quotes.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(['>', '|']).next().unwrap();
        line.split('\'')
            .enumerate()
            .flat_map(|(index, part)| {
                if index % 2 == 1 {
                    vec![part.to_owned()]
                } else {
                    part.split_whitespace().map(str::to_owned).collect()
                }
            })
            .collect()
    }
}
