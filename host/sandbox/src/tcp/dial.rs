//! From a granted name to a connected socket, and whom TLS trusts.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use super::TcpError;
use crate::egress::chain;
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

/// The certificate authorities of this machine, read when first needed: those that HTTP trusts too,
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` included.
#[derive(Default)]
pub(crate) struct Trust(OnceLock<Result<Arc<ClientConfig>, String>>);

impl Trust {
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.get_or_init(platform).clone()
    }

    #[cfg(test)]
    pub(super) fn only(config: ClientConfig) -> Self {
        Self(OnceLock::from(Ok(Arc::new(config))))
    }
}

fn platform() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| chain(&error))?;
    Ok(Arc::new(config.with_no_client_auth()))
}
