//! Whom TLS trusts, over HTTP and over TCP alike: the certificate authorities of this machine,
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` included.

use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::egress::chain;

/// Reading hundreds of certificates takes tens of milliseconds, and they are the same for everybody.
static PLATFORM: OnceLock<ClientConfig> = OnceLock::new();

/// For a connector of its own: read once in a process, sessions shared with nobody.
pub(crate) fn platform() -> Result<ClientConfig, String> {
    let shared = match PLATFORM.get() {
        Some(shared) => shared,
        None => {
            let read = read()?;
            PLATFORM.get_or_init(|| read)
        }
    };
    let mut own = shared.clone();
    own.resumption = Resumption::default();
    Ok(own)
}

fn read() -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| chain(&error))?;
    Ok(config.with_no_client_auth())
}

/// What connections that are not HTTP trust, read when first needed.
#[derive(Default)]
pub(crate) struct Trust(OnceLock<Result<Arc<ClientConfig>, String>>);

impl Trust {
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.get_or_init(|| platform().map(Arc::new)).clone()
    }

    #[cfg(test)]
    pub(crate) fn only(config: ClientConfig) -> Self {
        Self(OnceLock::from(Ok(Arc::new(config))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_read_once_in_a_process() {
        let (first, second) = (platform().unwrap(), platform().unwrap());
        assert!(Arc::ptr_eq(
            first.crypto_provider(),
            second.crypto_provider()
        ));
    }
}
