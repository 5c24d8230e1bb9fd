//! Accepts connections and answers on them until the host stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use crosspoint_runtime::Host;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use super::peer::Peer;
use super::{Ctx, router};
use crate::{Error, Result};

/// Connections served at once; more of them wait in the kernel's list.
const MAX_CONNECTIONS: usize = 4_096;
/// A caller that has not sent its headers by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that answers under way get when the host stops.
const DRAIN: Duration = Duration::from_secs(20);

/// A bound address.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
}

impl HttpServer {
    /// Binds `address`. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Address`] when the address is taken or may not be used.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| Error::Address { address, source })?;
        Ok(Self { listener })
    }

    /// Where it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown`, then finishes the answers under way.
    pub async fn serve(&self, host: Arc<Host>, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let trusted: Arc<[IpNet]> = match &host.project().server {
            Some(server) => server.trusted_proxies.clone().into(),
            None => Arc::default(),
        };
        let router = router(Ctx { host, stopping });
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&self.listener, &room) => accepted,
            };
            let (stream, peer, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let service = {
                let router = router.clone();
                let trusted = Arc::clone(&trusted);
                service_fn(move |request| answer(router.clone(), request, peer, Arc::clone(&trusted)))
            };
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke off");
                }
                drop(permit);
            });
        }
        stop.send_replace(true);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some callers did not finish in time and were cut off");
        }
    }
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = Arc::clone(room).acquire_owned().await;
    let permit = permit.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are small and waited for.
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    connected: SocketAddr,
    trusted: Arc<[IpNet]>,
) -> std::result::Result<axum::response::Response, std::convert::Infallible> {
    let mut request: Request = request.map(Body::new);
    let peer = Peer::of(connected.ip(), false, request.headers(), &trusted);
    request.extensions_mut().insert(peer);
    router.oneshot(request).await
}
