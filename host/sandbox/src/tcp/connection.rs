//! One connection: bytes out, lines in, TLS at the beginning or later.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use super::TcpError;
use crate::egress::chain;
use crate::grants::TcpGrant;
use crate::secret::{Scrubber, Secret};

/// What may be sent before TLS where the operator did not grant to go without: enough to greet and
/// to ask for TLS, too little for a message.
const GREETING_BYTES: usize = 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

pub(super) struct Connection {
    /// `None` while, and after, a handshake failed.
    stream: Option<Box<dyn Stream>>,
    grant: TcpGrant,
    is_tls: bool,
    /// Received and not handed over yet.
    buffer: BytesMut,
    /// How much more may be received.
    receivable: u64,
    received_limit: u64,
    sent_in_the_clear: usize,
    hidden: Vec<Hidden>,
}

/// A secret's written form, blotted out for as long as the connection lives.
struct Hidden {
    value: Secret,
    scrubber: Arc<Scrubber>,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.scrubber.remove(self.value.expose());
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, grant: TcpGrant, received_limit: u64) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            grant,
            is_tls: false,
            buffer: BytesMut::new(),
            receivable: received_limit,
            received_limit,
            sent_in_the_clear: 0,
            hidden: Vec::new(),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.grant.host
    }

    pub(super) async fn start_tls(&mut self, config: Arc<ClientConfig>) -> Result<(), TcpError> {
        if self.is_tls {
            return Err(TcpError::Invalid("the connection has TLS".to_owned()));
        }
        if !self.buffer.is_empty() {
            let reason = "the server spoke before the handshake";
            return Err(TcpError::Tls(reason.to_owned()));
        }
        let name = ServerName::try_from(self.grant.host.clone())
            .map_err(|error| TcpError::Tls(error.to_string()))?;
        let stream = self.stream.take().ok_or_else(broken)?;
        let stream = TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| TcpError::Tls(format!("`{}`: {}", self.grant.host, chain(&error))))?;
        self.stream = Some(Box::new(stream));
        self.is_tls = true;
        Ok(())
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), TcpError> {
        if !self.is_tls && !self.grant.without_tls {
            self.sent_in_the_clear = self.sent_in_the_clear.saturating_add(bytes.len());
            if self.sent_in_the_clear > GREETING_BYTES {
                return Err(self.needs_tls("more than a greeting"));
            }
        }
        self.write(bytes).await
    }

    /// Whether a credential may be written.
    pub(super) fn takes_credentials(&self) -> Result<(), TcpError> {
        if self.is_tls || self.grant.without_tls {
            Ok(())
        } else {
            Err(self.needs_tls("a credential"))
        }
    }

    pub(super) async fn send_secret(
        &mut self,
        value: Secret,
        scrubber: &Arc<Scrubber>,
    ) -> Result<(), TcpError> {
        self.takes_credentials()?;
        scrubber.add(value.expose());
        let line = Secret::new(format!("{}\r\n", value.expose()));
        self.hidden.push(Hidden {
            value,
            scrubber: scrubber.clone(),
        });
        self.write(line.expose().as_bytes()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), TcpError> {
        let stream = self.stream.as_mut().ok_or_else(broken)?;
        let written = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        written.await.map_err(|error| closed(&error))
    }

    pub(super) async fn receive_line(&mut self, limit: usize) -> Result<Vec<u8>, TcpError> {
        let too_large = || TcpError::TooLarge(limit as u64);
        let mut searched = 0;
        loop {
            let found = memchr::memchr(b'\n', &self.buffer[searched..]);
            if let Some(end) = found.map(|at| at + searched) {
                let mut line = self.buffer.split_to(end);
                self.buffer.advance(1);
                if line.last() == Some(&b'\r') {
                    line.truncate(end - 1);
                }
                return if line.len() > limit {
                    Err(too_large())
                } else {
                    Ok(line.to_vec())
                };
            }
            // One more for the carriage return.
            if self.buffer.len() > limit + 1 {
                return Err(too_large());
            }
            searched = self.buffer.len();
            let stream = self.stream.as_mut().ok_or_else(broken)?;
            let read = stream
                .read_buf(&mut self.buffer)
                .await
                .map_err(|error| closed(&error))?;
            if read == 0 {
                return Err(TcpError::Closed("the server closed".to_owned()));
            }
            self.receivable = self
                .receivable
                .checked_sub(read as u64)
                .ok_or(TcpError::TooLarge(self.received_limit))?;
        }
    }

    fn needs_tls(&self, what: &str) -> TcpError {
        TcpError::Denied(format!(
            "{what} for `{}` leaves by TLS only, unless the operator grants otherwise",
            self.grant.host
        ))
    }
}

fn broken() -> TcpError {
    TcpError::Closed("the connection is broken".to_owned())
}

fn closed(error: &std::io::Error) -> TcpError {
    TcpError::Closed(chain(error))
}
