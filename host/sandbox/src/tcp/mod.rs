//! Connections that are not HTTP: the contract's `tcp`. What may be reached, the rate budget, the
//! credentials and the scrubber are the egress's; what flows is here.
//!
//! Start reading at [`Connections`], which one call owns and which ends with it.

mod connection;
mod dial;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use crate::credentials::Form;
use crate::egress::{Egress, EgressError};

use connection::Connection;

/// Connections of one call that are open at a time.
const MAX_CONNECTIONS: usize = 4;

/// The longest line that a plugin can ask for.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Why something could not be done. Texts are scrubbed before they leave this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TcpError {
    Denied(String),
    Connect(String),
    Tls(String),
    Timeout,
    Closed(String),
    TooLarge(u64),
    Invalid(String),
    Auth(String),
    RateLimited(u64),
}

impl TcpError {
    /// The connection is of no use any more: what is on it cannot be told apart.
    fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Tls(_) | Self::Timeout | Self::Closed(_) | Self::TooLarge(_)
        )
    }
}

impl From<EgressError> for TcpError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Denied(text) => Self::Denied(text),
            EgressError::Connect(text) | EgressError::Reset(text) => Self::Connect(text),
            EgressError::Timeout => Self::Timeout,
            EgressError::TooLarge(limit) => Self::TooLarge(limit),
            EgressError::Invalid(text) => Self::Invalid(text),
            EgressError::Auth(text) => Self::Auth(text),
            EgressError::RateLimited(ms) => Self::RateLimited(ms),
        }
    }
}

/// Where a connection leads to and how it begins.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
}

/// The connections of one call. A handle is an index.
pub(crate) struct Connections {
    open: Vec<Option<Connection>>,
    /// When waiting ends.
    until: Instant,
}

impl Connections {
    /// For a call that may wait until then.
    pub(crate) fn new(until: Instant) -> Self {
        Self {
            open: Vec::new(),
            until,
        }
    }

    pub(crate) async fn open(
        &mut self,
        egress: &Egress,
        opening: Opening,
        timeout: Option<Duration>,
    ) -> Result<u32, TcpError> {
        let opened = self.opened(egress, opening, timeout).await;
        let connection = opened.map_err(|error| scrubbed(egress, error))?;
        self.open.push(Some(connection));
        Ok((self.open.len() - 1) as u32)
    }

    async fn opened(
        &self,
        egress: &Egress,
        opening: Opening,
        timeout: Option<Duration>,
    ) -> Result<Connection, TcpError> {
        let grant = egress
            .wire
            .granter
            .decide_tcp(&opening.host, opening.port)
            .map_err(TcpError::Denied)?;
        if self.open.iter().flatten().count() >= MAX_CONNECTIONS {
            let reason = format!("{MAX_CONNECTIONS} connections are open; close one first");
            return Err(TcpError::Invalid(reason));
        }
        let until = self.until(timeout);
        egress.pace(until).await?;
        egress.account.usage.count();
        let tls = if opening.is_tls {
            Some(trusting(egress)?)
        } else {
            None
        };
        let dial = async {
            let stream = dial::dial(&grant, opening.port).await?;
            let mut connection = Connection::new(stream, grant, egress.wire.response_bytes);
            if let Some(tls) = tls {
                connection.start_tls(tls).await?;
            }
            Ok(connection)
        };
        tokio::time::timeout_at(until.min(Instant::now() + dial::CONNECT_TIMEOUT), dial)
            .await
            .unwrap_or_else(|_| Err(TcpError::Connect("no connection in time".to_owned())))
    }

    pub(crate) async fn start_tls(
        &mut self,
        egress: &Egress,
        handle: u32,
        timeout: Option<Duration>,
    ) -> Result<(), TcpError> {
        let tls = trusting(egress)?;
        let until = self.until(timeout);
        let connection = self.get(handle)?;
        let done = within(until, connection.start_tls(tls)).await;
        self.ended(egress, handle, done)
    }

    pub(crate) async fn send(
        &mut self,
        egress: &Egress,
        handle: u32,
        bytes: &[u8],
        timeout: Option<Duration>,
    ) -> Result<(), TcpError> {
        if bytes.len() as u64 > egress.request_bytes {
            return Err(TcpError::Invalid(format!(
                "{} bytes at once; the host sends at most {} (`limits.request` of the connector)",
                bytes.len(),
                egress.request_bytes
            )));
        }
        let until = self.until(timeout);
        let connection = self.get(handle)?;
        let done = within(until, connection.send(bytes)).await;
        self.ended(egress, handle, done)
    }

    pub(crate) async fn send_credential(
        &mut self,
        egress: &Egress,
        handle: u32,
        secret: &str,
        form: Form,
        timeout: Option<Duration>,
    ) -> Result<(), TcpError> {
        let until = self.until(timeout);
        let connection = self.get(handle)?;
        let done = within(until, async {
            connection.takes_credentials()?;
            let host = connection.host().to_owned();
            let written = egress
                .credentials
                .written(secret, &host, form, &egress.wire)
                .await?;
            connection.send_secret(written, &egress.scrubber).await
        })
        .await;
        self.ended(egress, handle, done)
    }

    pub(crate) async fn receive_line(
        &mut self,
        egress: &Egress,
        handle: u32,
        max_bytes: u32,
        timeout: Option<Duration>,
    ) -> Result<Vec<u8>, TcpError> {
        let until = self.until(timeout);
        let limit = MAX_LINE_BYTES.min(max_bytes as usize);
        let connection = self.get(handle)?;
        let line = within(until, connection.receive_line(limit)).await;
        let line = self.ended(egress, handle, line)?;
        Ok(egress.scrubber.bytes(line.into()).into())
    }

    pub(crate) async fn pace(&self, egress: &Egress) -> Result<(), TcpError> {
        egress.pace(self.until).await?;
        egress.account.usage.count();
        Ok(())
    }

    pub(crate) fn close(&mut self, handle: u32) {
        if let Some(slot) = self.open.get_mut(handle as usize) {
            *slot = None;
        }
    }

    fn until(&self, timeout: Option<Duration>) -> Instant {
        timeout.map_or(self.until, |timeout| {
            self.until.min(Instant::now() + timeout)
        })
    }

    fn get(&mut self, handle: u32) -> Result<&mut Connection, TcpError> {
        let slot = self.open.get_mut(handle as usize);
        slot.and_then(Option::as_mut)
            .ok_or_else(|| TcpError::Invalid(format!("handle {handle} is not open")))
    }

    /// Gives up a connection of which nobody knows any more where it stands.
    fn ended<T>(
        &mut self,
        egress: &Egress,
        handle: u32,
        done: Result<T, TcpError>,
    ) -> Result<T, TcpError> {
        if done.as_ref().is_err_and(TcpError::is_end) {
            self.close(handle);
        }
        done.map_err(|error| scrubbed(egress, error))
    }
}

async fn within<T>(
    until: Instant,
    work: impl Future<Output = Result<T, TcpError>>,
) -> Result<T, TcpError> {
    tokio::time::timeout_at(until, work)
        .await
        .unwrap_or(Err(TcpError::Timeout))
}

fn trusting(egress: &Egress) -> Result<Arc<ClientConfig>, TcpError> {
    egress.trust.config().map_err(TcpError::Tls)
}

fn scrubbed(egress: &Egress, error: TcpError) -> TcpError {
    let clean = |text: String| egress.scrubber.text(&text);
    match error {
        TcpError::Denied(text) => TcpError::Denied(clean(text)),
        TcpError::Connect(text) => TcpError::Connect(clean(text)),
        TcpError::Tls(text) => TcpError::Tls(clean(text)),
        TcpError::Closed(text) => TcpError::Closed(clean(text)),
        TcpError::Invalid(text) => TcpError::Invalid(clean(text)),
        TcpError::Auth(text) => TcpError::Auth(clean(text)),
        other => other,
    }
}
