//! Log lines, on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, LogFormat};

/// Starts logging: `RUST_LOG` decides what is shown, else a host that stays shows what it does and
/// a single command only what is wrong.
pub fn start(cli: &Cli) {
    let (level, format) = match &cli.command {
        Command::Run(run) => ("info", run.log_format),
        _ => ("warn", LogFormat::Text),
    };
    let level = if cli.global.quiet { "error" } else { level };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => logs.json().init(),
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && crate::output::colour_allowed();
            logs.with_ansi(colour).with_target(false).init();
        }
    }
}
