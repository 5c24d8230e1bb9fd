//! The host's own certificate.

use std::path::Path;
use std::sync::Arc;

use crosspoint_config::project::Tls;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, InconsistentKeys, ServerConfig};

use crate::admin::AdminError;
use crate::connector::resolve_secret;
use crate::error::coded;

/// What the host speaks inside TLS (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// Reads certificate chain and key, and checks that they belong together.
pub(crate) fn server_config(tls: &Tls, folder: &Path) -> Result<Arc<ServerConfig>, AdminError> {
    let path = folder.join(&tls.certificate);
    let certificate = format!("the certificate `{}`", path.display());
    let text = std::fs::read(&path).map_err(|error| {
        let hint = "`server.tls.certificate` is a path in the project folder";
        refused(format!("{certificate} cannot be read: {error}"), hint)
    })?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| match chain.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(chain),
        })
        .map_err(|error| not_pem(&certificate, "BEGIN CERTIFICATE", &error))?;
    let of = "the key of `server.tls`";
    let key = resolve_secret(of, &tls.key, folder)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
        .map_err(|error| not_pem(of, "BEGIN PRIVATE KEY", &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => refused(
                format!("{of} does not belong to {certificate}"),
                "the host's own certificate comes first in the file, then those that vouch for it",
            ),
            error => refused(
                format!("{certificate} and its key cannot be used: {error}"),
                "use an RSA, ECDSA or Ed25519 certificate with an unencrypted key",
            ),
        })?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// Says what is wrong without a word of the text, which may be a key.
fn not_pem(of: &str, begins: &str, error: &pem::Error) -> AdminError {
    let why = match error {
        pem::Error::NoItemsFound => format!("has no `{begins}` block"),
        pem::Error::MissingSectionEnd { .. } => "has a block without its end".to_owned(),
        _ => "is no PEM text".to_owned(),
    };
    let hint = "PEM text is what certificate authorities hand out: base64 between BEGIN and END \
                lines";
    refused(format!("{of} {why}"), hint)
}

fn refused(message: String, hint: &str) -> AdminError {
    coded("XP-RUN-013", message, Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crosspoint_config::project::SecretRef;

    use super::*;

    const CERTIFICATE: &str = include_str!("../../tests/tls/one-cert.pem");
    const KEY: &str = include_str!("../../tests/tls/one-key.pem");
    const OTHER_KEY: &str = include_str!("../../tests/tls/two-key.pem");

    fn read(certificate: Option<&str>, key: Option<&str>) -> Result<(), AdminError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            if let Some(text) = text {
                fs::write(folder.path().join(name), text).unwrap();
            }
        }
        let tls = Tls {
            certificate: "cert.pem".to_owned(),
            key: SecretRef::File("key.pem".into()),
        };
        server_config(&tls, folder.path()).map(|_| ())
    }

    #[test]
    fn a_certificate_with_its_key_is_taken() {
        read(Some(CERTIFICATE), Some(KEY)).unwrap();
        let chain = format!(
            "{CERTIFICATE}{}",
            include_str!("../../tests/tls/two-cert.pem")
        );
        read(Some(&chain), Some(KEY)).unwrap();
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        let cut = &KEY[..KEY.len() - 30];
        let spoilt = KEY.replace("-----BEGIN", "----BEGIN");
        for (certificate, key, code, says) in [
            (None, Some(KEY), "XP-RUN-013", "cannot be read"),
            (Some(CERTIFICATE), None, "XP-RUN-011", "cannot be read"),
            (
                Some("hello"),
                Some(KEY),
                "XP-RUN-013",
                "no `BEGIN CERTIFICATE`",
            ),
            (
                Some(CERTIFICATE),
                Some("hello"),
                "XP-RUN-013",
                "no `BEGIN PRIVATE KEY`",
            ),
            (
                Some(CERTIFICATE),
                Some(cut),
                "XP-RUN-013",
                "without its end",
            ),
            (
                Some(CERTIFICATE),
                Some(&*spoilt),
                "XP-RUN-013",
                "BEGIN PRIVATE KEY",
            ),
            (
                Some(CERTIFICATE),
                Some(OTHER_KEY),
                "XP-RUN-013",
                "does not belong",
            ),
            (Some(KEY), Some(KEY), "XP-RUN-013", "no `BEGIN CERTIFICATE`"),
        ] {
            let error = read(certificate, key).unwrap_err();
            assert_eq!(error.code.as_deref(), Some(code), "{error:?}");
            assert!(error.message.contains(says), "{error:?}");
            let secret_lines = KEY.lines().filter(|line| !line.contains("-----"));
            for line in secret_lines {
                assert!(!format!("{error:?}").contains(line), "{error:?}");
            }
        }
    }
}
