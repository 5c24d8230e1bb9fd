//! `crosspoint run`

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use crosspoint_api::{HttpServer, Listener};
use crosspoint_runtime::{Host, HostOptions};
use tokio::sync::oneshot;

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
            tracing::info!("the host runs");
        })
    }
}

/// Opens a host, serves its admin socket, and runs it until a signal. `when_ready` is called once
/// the socket can be reached. A second signal during shutdown ends the process at once: ledger and
/// store bear that.
pub fn serve(options: HostOptions, bar: &Bar, when_ready: impl FnOnce()) -> Result<Exit> {
    if connect(&socket_path(&options))?.is_some() {
        return Err(Error::AlreadyRunning {
            data: data_folder(&options),
        }
        .into());
    }
    let host = Host::open(options, &|step| bar.step(step))?;
    bar.clear();
    let mut ended = Ok(Exit::Done);
    let answering = Arc::clone(&host);
    host.run_until(async {
        ended = until_signal(answering, when_ready).await;
    })?;
    ended
}

async fn until_signal(host: Arc<Host>, when_ready: impl FnOnce()) -> Result<Exit> {
    let mut signals = Signals::install()?;
    let listener = Listener::bind(&host.socket_path())?;
    let http = match &host.project().server {
        Some(server) => Some(HttpServer::bind(server.listen).await?),
        None => None,
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let (stop_http, http_stopped) = oneshot::channel::<()>();
    let socket = tokio::spawn(listener.serve(Arc::clone(&host) as _, async {
        stopped.await.ok();
    }));
    let calls = tokio::spawn(async move {
        if let Some(http) = http {
            tracing::info!(address = %http.address()?, "listening for HTTP");
            http.serve(host, async {
                http_stopped.await.ok();
            })
            .await;
        }
        anyhow::Ok(())
    });
    when_ready();
    let exit = signals.wait().await;
    tracing::info!("stopping");
    tokio::spawn(async move {
        let again = signals.wait().await;
        std::process::exit(again.code().into());
    });
    stop_http.send(()).ok();
    calls.await??;
    stop.send(()).ok();
    socket.await?;
    Ok(exit)
}
