//! `crosspoint run`

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use crosspoint_runtime::{Host, HostOptions};

use crate::access::{connect, data_folder, socket_path};
use crate::cli::LogFormat;
use crate::context::Context;
use crate::doors::{Doors, Turn};
use crate::error::Error;
use crate::exit::Exit;
use crate::progress::Bar;
use crate::signals::Signals;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint run
  crosspoint run --project /srv/my-shop --log-format json

Runs until Ctrl-C or SIGTERM, then finishes what is under way and exits with 0; a second signal
ends it at once. SIGHUP reads configuration and certificate again; if anything is wrong with
them, that is logged and the host goes on as it was. What is logged follows RUST_LOG, such as
RUST_LOG=debug. Meanwhile every other command on this project asks the running host.")]
pub struct Run {
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

impl Run {
    /// Runs the host until a signal.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        serve(ctx.host_options(true)?, &ctx.bar(), || {
            tracing::info!("the host runs");
        })
    }
}

/// Opens a host and runs it until a signal, opening it anew where the configuration is to be read
/// again. `when_ready` is called once the first one can be reached.
pub fn serve(options: HostOptions, bar: &Bar, when_ready: impl FnOnce()) -> Result<Exit> {
    if connect(&socket_path(&options))?.is_some() {
        return Err(Error::AlreadyRunning {
            data: data_folder(&options),
        }
        .into());
    }
    let mut signals = Signals::install()?;
    let mut host = Host::open(options.clone(), &|step| bar.step(step))?;
    bar.clear();
    signals.take_over();
    let mut doors = Doors::default();
    let mut ended = turn(&host, &mut doors, &mut signals, when_ready)?;
    loop {
        let files = match ended {
            Turn::Stop => return Ok(Exit::Done),
            Turn::Reload(files) => files,
        };
        let closed = Instant::now();
        host = reopen(host, &options, files)?;
        ended = turn(&host, &mut doors, &mut signals, || {
            let took_ms = u64::try_from(closed.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(took_ms, "reloaded");
        })?;
    }
}

/// One host, from its first answer until it is closed.
fn turn(
    host: &Arc<Host>,
    doors: &mut Doors,
    signals: &mut Signals,
    when_ready: impl FnOnce(),
) -> Result<Turn> {
    let mut turn = Ok(Turn::Stop);
    host.run_until(async {
        turn = doors.attend(host, signals, when_ready).await;
    })?;
    turn
}

/// The next host in place of one that was closed. What was checked before opens, unless something
/// changed in between; then it is the configuration before that opens again.
fn reopen(
    old: Arc<Host>,
    options: &HostOptions,
    files: Vec<(String, String)>,
) -> Result<Arc<Host>> {
    let before = old.files().to_vec();
    drop(old);
    match Host::open_with(options.clone(), files, &|_| {}) {
        Ok(host) => Ok(host),
        Err(error) => {
            tracing::error!(%error, "could not reload; going back to the configuration before");
            Ok(Host::open_with(options.clone(), before, &|_| {})?)
        }
    }
}
