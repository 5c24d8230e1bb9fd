//! The program of a host process.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use crosspoint_api::{Afterwards, HttpServer, Listener};
use crosspoint_runtime::{Host, HostOptions};
use tokio::sync::oneshot;

use crate::Doors;

/// Opens the project in a folder and says on standard output where it is reached, as one line with
/// a [`Doors`] in JSON. Answers until standard input ends, then stops in order.
///
/// # Errors
/// Whatever keeps the host from opening, answering or closing.
pub fn serve(project: PathBuf) -> Result<()> {
    let options = HostOptions {
        project,
        data: None,
        edges: true,
    };
    let host = Host::open(options, &|_| {})?;
    let mut attended = Ok(());
    host.run_until(async {
        attended = attend(&host).await;
    })?;
    attended
}

async fn attend(host: &Arc<Host>) -> Result<()> {
    let server = host.project().server.as_ref();
    let listen = server.context("the project has no `[server]`")?.listen;
    let http = HttpServer::bind(listen)?;
    let admin = Listener::bind(&host.socket_path())?;
    let doors = Doors {
        http: http.address()?,
        admin: host.socket_path(),
    };
    let (stop_http, http_stopped) = oneshot::channel::<()>();
    let (stop_admin, admin_stopped) = oneshot::channel::<()>();
    let answering = Arc::clone(host);
    let http = tokio::spawn(async move {
        let stopped = async {
            http_stopped.await.ok();
            Afterwards::Nobody
        };
        http.serve(answering, stopped).await
    });
    let answering = Arc::clone(host);
    let admin = tokio::spawn(async move {
        let stopped = async {
            admin_stopped.await.ok();
        };
        admin.serve(answering, stopped).await
    });
    println!("{}", serde_json::to_string(&doors)?);
    let (end, ended) = oneshot::channel();
    // A thread of its own: a read of standard input cannot be cancelled.
    std::thread::spawn(move || {
        _ = std::io::stdin().read_to_end(&mut Vec::new());
        _ = end.send(());
    });
    ended.await.ok();
    // Dropped or told, both mean the end.
    _ = stop_http.send(());
    http.await??;
    host.stop_edges().await?;
    _ = stop_admin.send(());
    admin.await??;
    Ok(())
}
