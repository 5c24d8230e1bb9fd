//! Connections that are not HTTP: bytes out, lines in. The host holds the socket, TLS and the
//! secrets.

use crate::bindings::imports::crosspoint::connector::tcp as wit;

pub use wit::{Challenge, CredentialForm, Error as TcpError, Handle, Security};

/// The longest line that the host hands over.
pub const MAX_LINE_BYTES: u32 = 64 << 10;

/// Opens and uses connections. The host's in production, [`crate::testing::ScriptedTcp`] in tests.
/// Every function is the contract's of the same name.
#[allow(missing_docs, clippy::missing_errors_doc)]
pub trait Tcp {
    fn open(
        &self,
        host: &str,
        port: u16,
        security: Security,
        timeout_ms: Option<u32>,
    ) -> Result<Handle, TcpError>;
    fn start_tls(&self, handle: Handle, timeout_ms: Option<u32>) -> Result<(), TcpError>;
    fn send(&self, handle: Handle, bytes: &[u8], timeout_ms: Option<u32>) -> Result<(), TcpError>;
    fn send_credential(
        &self,
        handle: Handle,
        secret: &str,
        form: &CredentialForm,
        timeout_ms: Option<u32>,
    ) -> Result<(), TcpError>;
    fn receive_line(
        &self,
        handle: Handle,
        max_bytes: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Vec<u8>, TcpError>;
    fn pace(&self) -> Result<(), TcpError>;
    fn close(&self, handle: Handle);
}

/// One open connection, closed on drop.
pub struct Connection<'a> {
    tcp: &'a dyn Tcp,
    handle: Handle,
    timeout_ms: Option<u32>,
}

impl<'a> Connection<'a> {
    /// Opens a connection. `timeout_ms` holds for each later use as well; without it, what the call
    /// has left.
    ///
    /// # Errors
    /// As the contract's `tcp.open`.
    pub fn open(
        tcp: &'a dyn Tcp,
        host: &str,
        port: u16,
        security: Security,
        timeout_ms: Option<u32>,
    ) -> Result<Self, TcpError> {
        let handle = tcp.open(host, port, security, timeout_ms)?;
        Ok(Self {
            tcp,
            handle,
            timeout_ms,
        })
    }

    /// Begins TLS.
    ///
    /// # Errors
    /// As the contract's `tcp.start-tls`.
    pub fn start_tls(&self) -> Result<(), TcpError> {
        self.tcp.start_tls(self.handle, self.timeout_ms)
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// As the contract's `tcp.send`.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Result<(), TcpError> {
        self.tcp.send(self.handle, bytes.as_ref(), self.timeout_ms)
    }

    /// Has the host write a secret and end the line.
    ///
    /// # Errors
    /// As the contract's `tcp.send-credential`.
    pub fn send_credential(&self, secret: &str, form: &CredentialForm) -> Result<(), TcpError> {
        self.tcp
            .send_credential(self.handle, secret, form, self.timeout_ms)
    }

    /// The next line without its end; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// As the contract's `tcp.receive-line`.
    pub fn receive_line(&self, max_bytes: u32) -> Result<String, TcpError> {
        let line = self
            .tcp
            .receive_line(self.handle, max_bytes, self.timeout_ms)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.tcp.close(self.handle);
    }
}

/// The host's connections.
pub(crate) struct HostTcp;

impl Tcp for HostTcp {
    fn open(
        &self,
        host: &str,
        port: u16,
        security: Security,
        timeout_ms: Option<u32>,
    ) -> Result<Handle, TcpError> {
        wit::open(host, port, security, timeout_ms)
    }

    fn start_tls(&self, handle: Handle, timeout_ms: Option<u32>) -> Result<(), TcpError> {
        wit::start_tls(handle, timeout_ms)
    }

    fn send(&self, handle: Handle, bytes: &[u8], timeout_ms: Option<u32>) -> Result<(), TcpError> {
        wit::send(handle, bytes, timeout_ms)
    }

    fn send_credential(
        &self,
        handle: Handle,
        secret: &str,
        form: &CredentialForm,
        timeout_ms: Option<u32>,
    ) -> Result<(), TcpError> {
        wit::send_credential(handle, secret, form, timeout_ms)
    }

    fn receive_line(
        &self,
        handle: Handle,
        max_bytes: u32,
        timeout_ms: Option<u32>,
    ) -> Result<Vec<u8>, TcpError> {
        wit::receive_line(handle, max_bytes, timeout_ms)
    }

    fn pace(&self) -> Result<(), TcpError> {
        wit::pace()
    }

    fn close(&self, handle: Handle) {
        wit::close(handle);
    }
}
