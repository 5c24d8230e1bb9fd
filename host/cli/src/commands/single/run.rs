//! `crosspoint run`

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use crosspoint_api::Listener;
use crosspoint_runtime::{Host, HostOptions};
use tokio::sync::watch;

use crate::access::{connect, data_folder, socket_path};
use crate::cli::LogFormat;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::progress::Bar;
use crate::signals::Signals;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint run
  crosspoint run --project /srv/my-shop --log-format json

Runs until Ctrl-C or SIGTERM, then finishes what is under way. What is logged follows RUST_LOG, such
as RUST_LOG=debug. Meanwhile every other command on this project asks the running host.")]
pub struct Run {
    /// How log lines look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

impl Run {
    /// Runs the host until a signal.
    pub fn run(self, ctx: &Context) -> Result<Exit> {
        serve(ctx.host_options(true)?, &ctx.bar(), || {
            ctx.tell("running; Ctrl-C stops");
            async { Ok(()) }
        })
    }
}

/// Opens a host, serves its admin socket, and runs it until a signal. `beside` is called once the
/// socket can be reached; its future runs beside the host, stops it by failing, and is dropped at
/// shutdown. A second signal during shutdown ends the process at once: the ledger and the store
/// bear that.
pub fn serve<F>(options: HostOptions, bar: &Bar, beside: impl FnOnce() -> F) -> Result<Exit>
where
    F: Future<Output = Result<()>>,
{
    if connect(&socket_path(&options))?.is_some() {
        return Err(Error::AlreadyRunning {
            data: data_folder(&options),
        }
        .into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the admin socket's threads")?;
    let mut signals = runtime.block_on(async { Signals::install() })?;
    let host = Arc::new(Host::open(options, &|step| bar.step(step))?);
    bar.clear();

    let answering = host.clone();
    let ended = runtime.block_on(async {
        let listener = Listener::bind(&host.socket_path())?;
        let (stop, stopping) = watch::channel(false);
        let stopped = |mut stopping: watch::Receiver<bool>| async move {
            stopping.wait_for(|stop| *stop).await.ok();
        };
        let socket = tokio::spawn(listener.serve(answering, stopped(stopping.clone())));
        let mut work = std::pin::pin!(host.run_until(stopped(stopping)));
        let exit = tokio::select! {
            exit = signals.wait() => Ok(exit),
            failed = until_failure(beside()) => Err(failed),
            worked = &mut work => {
                worked?;
                return Ok(Exit::Failed);
            }
        };
        stop.send_replace(true);
        tokio::select! {
            worked = work => worked?,
            again = signals.wait() => std::process::exit(again.code().into()),
        }
        socket.await.context("the admin socket failed")?;
        exit
    });
    drop(runtime);
    if let Some(host) = Arc::into_inner(host) {
        host.close()?;
    }
    ended
}

/// Ends only with an error: work that ended well leaves nothing to wait for but a signal.
async fn until_failure(beside: impl Future<Output = Result<()>>) -> anyhow::Error {
    match beside.await {
        Ok(()) => std::future::pending().await,
        Err(error) => error,
    }
}
