//! One connection, from its first byte to its last answer.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::answer::Desk;
use super::patient::{Attention, Patient};

/// Bytes of headers after which no more are read; what is there by then may be twice as much.
const BUFFER_BYTES: usize = 64 << 10;

/// How long the host waits for a caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the end of the TLS handshake.
    pub handshake: Duration,
    /// For the next request on a connection.
    pub idle: Duration,
    /// For the end of a request's headers, from their first byte on.
    pub headers: Duration,
    /// For the caller to take some of an answer.
    pub stall: Duration,
    /// For the first request of a connection when the host stops: whoever has just connected is
    /// about to ask.
    pub first_request: Duration,
}

/// Answers on one connection until its caller leaves or, once `stopping` is true, the requests
/// under way are answered.
pub(super) async fn attend(
    stream: TcpStream,
    from: IpAddr,
    tls: Option<TlsAcceptor>,
    desk: Arc<Desk>,
    patience: Patience,
    stopping: watch::Receiver<bool>,
) {
    let ended = match tls {
        None => converse(stream, from, false, desk, patience, stopping).await,
        Some(tls) => match timeout(patience.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, from, true, desk, patience, stopping).await,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%from, error, "a connection broke off");
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    from: IpAddr,
    encrypted: bool,
    desk: Arc<Desk>,
    patience: Patience,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Broken> {
    let attention = Arc::new(Attention::default());
    let stream = Patient::new(stream, patience.stall, patience.headers, &attention);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        attention.begin();
        let (desk, attention) = (Arc::clone(&desk), Arc::clone(&attention));
        async move {
            let answer = desk.answer(request.map(Body::new), from, encrypted).await;
            attention.end();
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.idle)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        () = attention.begun() => {}
        () = tokio::time::sleep(patience.first_request) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}
