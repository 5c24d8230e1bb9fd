//! Accepts connections until the host stops.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;
use std::{io, task::Poll};

use axum::Router;
use crosspoint_runtime::Host;
use crosspoint_runtime::live::Metrics;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::answer::Desk;
use super::connection::{Patience, attend};
use super::intake::Allowance;
use super::request_id::RequestIds;
use super::{Ctx, router};
use crate::{Error, Result};

/// Connections that wait in the kernel's list: while a host reloads, all that come.
const BACKLOG: u32 = 1_024;

/// Bounds of what all callers together may ask of the host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections served at once; more of them wait in the kernel's list.
    pub connections: usize,
    /// Bytes that the bodies of all requests may hold together.
    pub bodies_bytes: usize,
    pub allowance: Allowance,
    pub patience: Patience,
    /// Longest time that answers under way get when the host stops.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 4_096,
            // Of the order of the ledger's own buffer, behind which they wait.
            bodies_bytes: 128 << 20,
            allowance: Allowance {
                // What `limits.hook` of a connector can be raised to; the others take less.
                bytes: 32 << 20,
                time: Duration::from_secs(30),
            },
            patience: Patience {
                handshake: Duration::from_secs(10),
                // Longer than the usual minute of proxies, so that it is they who close: a request
                // that meets the host closing is lost to a proxy that may not repeat it.
                idle: Duration::from_secs(75),
                headers: Duration::from_secs(10),
                stall: Duration::from_secs(30),
                first_request: Duration::from_secs(1),
            },
            drain: Duration::from_secs(20),
        }
    }
}

/// Who answers once a host no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// The socket will be closed.
    Nobody,
    /// The next host, on the same socket: who waits to be accepted waits for it.
    AnotherHost,
}

/// A bound address. It stays bound while one host follows another.
#[derive(Debug)]
pub struct HttpServer {
    configured: SocketAddr,
    listener: StdListener,
}

impl HttpServer {
    /// Binds `address`; callers wait until [`Self::serve`]. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Address`] when the address is taken or may not be used.
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let listener = listen(address).map_err(|source| Error::Address { address, source })?;
        Ok(Self {
            configured: address,
            listener,
        })
    }

    /// What was to be bound.
    pub fn configured(&self) -> SocketAddr {
        self.configured
    }

    /// Where it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown`, which says who is there afterwards, then finishes the answers under
    /// way. Where that is nobody, who waits to be accepted is answered too.
    ///
    /// # Errors
    /// When the system refuses to watch the socket.
    pub async fn serve(
        &self,
        host: Arc<Host>,
        shutdown: impl Future<Output = Afterwards>,
    ) -> io::Result<()> {
        let (stop, stopping) = watch::channel(false);
        let trusted = match &host.project().server {
            Some(server) => server.trusted_proxies.clone(),
            None => Vec::new(),
        };
        let tls = host.tls().cloned().map(TlsAcceptor::from);
        let metrics = Arc::clone(host.metrics());
        let router = router(Ctx { host, stopping });
        let floor = Floor::new(router, metrics, trusted, tls, Bounds::default(), stop);
        let listener = TcpListener::from_std(self.listener.try_clone()?)?;
        floor.run(listener, shutdown).await;
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of a host before us may linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Where the connections are.
pub(super) struct Floor {
    desk: Arc<Desk>,
    tls: Option<TlsAcceptor>,
    bounds: Bounds,
    stop: watch::Sender<bool>,
    connections: JoinSet<()>,
}

impl Floor {
    pub fn new(
        router: Router,
        metrics: Arc<Metrics>,
        trusted: Vec<IpNet>,
        tls: Option<TlsAcceptor>,
        bounds: Bounds,
        stop: watch::Sender<bool>,
    ) -> Self {
        let desk = Desk {
            router,
            trusted,
            allowance: bounds.allowance,
            room: Arc::new(Semaphore::new(bounds.bodies_bytes)),
            ids: RequestIds::default(),
            metrics,
        };
        Self {
            desk: Arc::new(desk),
            tls,
            bounds,
            stop,
            connections: JoinSet::new(),
        }
    }

    pub async fn run(mut self, listener: TcpListener, shutdown: impl Future<Output = Afterwards>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let afterwards = loop {
            let room = self.connections.len() < self.bounds.connections;
            tokio::select! {
                afterwards = &mut shutdown => break afterwards,
                Some(_) = self.connections.join_next() => {}
                accepted = listener.accept(), if room => match accepted {
                    Ok((stream, from)) => self.attend(stream, from),
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        // Out of descriptors, most likely: some come back when others leave.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
            }
        };
        self.stop.send_replace(true);
        if afterwards == Afterwards::Nobody {
            while let Some((stream, from)) = waiting(&listener).await {
                self.attend(stream, from);
            }
        }
        drop(listener);
        let drained = tokio::time::timeout(self.bounds.drain, async {
            while self.connections.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            let left = self.connections.len();
            tracing::warn!(left, "some callers did not finish in time and were cut off");
            self.connections.shutdown().await;
        }
    }

    fn attend(&mut self, stream: TcpStream, from: SocketAddr) {
        // Answers are small and waited for. Where this fails the connection is gone already.
        _ = stream.set_nodelay(true);
        let (tls, desk) = (self.tls.clone(), Arc::clone(&self.desk));
        let stopping = self.stop.subscribe();
        let patience = self.bounds.patience;
        self.connections
            .spawn(attend(stream, from.ip(), tls, desk, patience, stopping));
    }
}

/// A connection that waits to be accepted, if there is one.
async fn waiting(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok(accepted)) => Poll::Ready(Some(accepted)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}
