//! From a granted name to a connected socket.

use std::time::Duration;

use tokio::net::TcpStream;

use super::TcpError;
use crate::grants::TcpGrant;

/// Lookup, connection and handshake together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to the first of the name's addresses that answers. The name is refused as soon as one of
/// them may not be dialled, and exactly the checked addresses are.
pub(super) async fn dial(grant: &TcpGrant, port: u16) -> Result<TcpStream, TcpError> {
    let host = grant.host.as_str();
    let fault = |error: std::io::Error| TcpError::Connect(format!("`{host}:{port}`: {error}"));
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(fault)?
        .collect();
    for address in &addresses {
        grant
            .admits(address.ip())
            .map_err(|reason| TcpError::Denied(format!("host `{host}`: {reason}")))?;
    }
    let mut last = TcpError::Connect(format!("`{host}` has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Commands wait for answers; nothing is gained by holding them back.
                _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = fault(error),
        }
    }
    Err(last)
}
