//! Log lines, on stderr, and traces, to a collector.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::cli::{Cli, Command, LogFormat};
use crate::context::project_folder;
use crate::telemetry::Telemetry;

/// Starts logging: `RUST_LOG` decides what is shown, else a host that stays shows what it does and
/// a single command only what is wrong. A host that stays is traced where its project says so.
pub fn start(cli: &Cli) -> Telemetry {
    let (level, format) = match &cli.command {
        Command::Run(run) => ("info", run.log_format),
        _ => ("warn", LogFormat::Text),
    };
    let level = if cli.global.quiet { "error" } else { level };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let telemetry = match &cli.command {
        Command::Run(_) => project_folder(&cli.global)
            .ok()
            .map(|folder| Telemetry::of_project(&folder)),
        _ => None,
    };
    let (telemetry, traced, failed) = match telemetry {
        Some(Ok((telemetry, traced))) => (telemetry, traced, None),
        Some(Err(error)) => (Telemetry::default(), None, Some(error)),
        None => (Telemetry::default(), None, None),
    };
    let logs = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            let logs = logs.json().with_filter(filter);
            registry().with(traced).with(logs).init();
        }
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && crate::output::colour_allowed();
            let logs = logs.with_ansi(colour).with_target(false);
            registry()
                .with(traced)
                .with(logs.with_filter(filter))
                .init();
        }
    }
    if let Some(error) = failed {
        tracing::error!(%error, "there will be no traces");
    }
    telemetry
}
