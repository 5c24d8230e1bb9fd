//! TLS needs a certificate authority of the test's own, which only this crate can bring in; the rest
//! is tested with a real plugin in `tests/behaviour/tcp.rs`.

use std::collections::BTreeMap;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;
use crate::credentials::{Credentials, Owner};
use crate::egress::Account;
use crate::grants::{Granter, HostGrant};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::rate::RateBudget;
use crate::secret::{Scrubber, Secret};
use crate::trust::Trust;
use crate::usage::Usage;

const CERT: &[u8] = include_bytes!("../../tests/tls/cert.pem");
const KEY: &[u8] = include_bytes!("../../tests/tls/key.pem");

const MANIFEST: &str = r#"
id = "mail"
name = "Mail"
version = "1.0.0"
contract = "0.1"
roles = ["destination"]
imports = ["tcp"]
hosts = [{ host = "localhost:{settings.port}", scheme = "tcp" }]

[settings.port]
type = "integer"

[secrets.password]
attach = { kind = "sasl" }

[secrets.elsewhere]
attach = { kind = "sasl" }
hosts = ["localhost:{settings.port}"]
"#;

/// A connector's egress that may reach `port` of `localhost`, trusts the test's certificate, and
/// logs in as the secret `password`.
fn egress(port: u16, is_plain_granted: bool) -> Egress {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let settings = json!({ "port": port }).as_object().cloned().unwrap();
    let secrets = BTreeMap::from([("password".to_owned(), Secret::new("canary-s3cret"))]);
    let scrubber = Arc::new(Scrubber::default());
    let owner = Owner {
        connector: "mail",
        tokens: None,
    };
    let credentials = Credentials::new(&manifest, &settings, &secrets, &scrubber, owner).unwrap();
    let grant = HostGrant::named("localhost", Some(port), is_plain_granted).unwrap();
    let granter = Granter::new(&manifest.hosts, &settings, vec![grant]);
    let account = Account {
        rate: Arc::new(RateBudget::new(None)),
        usage: Arc::new(Usage::default()),
        quota: None,
    };
    let limits = Limits::default();
    let mut egress = Egress::new(granter, credentials, account, scrubber, &limits).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CERT).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    egress.trust = Trust::only(config);
    egress
}

fn connections() -> Connections {
    let wall = Duration::from_secs(60);
    Connections::new(Instant::now() + wall)
}

fn opening(port: u16, is_tls: bool) -> Opening {
    Opening {
        host: "localhost".to_owned(),
        port,
        is_tls,
    }
}

fn acceptor() -> TlsAcceptor {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERT).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Says `before` in the clear, takes one line, goes on with TLS, and echoes lines to the end. Yields
/// what it read by TLS.
async fn upgrading(before: &'static str) -> (u16, JoinHandle<String>) {
    let (listener, port) = listen().await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        while byte != *b"\n" {
            stream.read_exact(&mut byte).await.unwrap();
        }
        stream.write_all(before.as_bytes()).await.unwrap();
        let Ok(stream) = acceptor().accept(stream).await else {
            return String::new();
        };
        let mut stream = BufReader::new(stream);
        let mut all = String::new();
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            stream.write_all(line.as_bytes()).await.unwrap();
            all.push_str(&std::mem::take(&mut line));
        }
        all
    });
    (port, server)
}

#[tokio::test]
async fn a_connection_goes_on_with_tls_and_carries_credentials() {
    let (port, server) = upgrading("220 go\r\n").await;
    let egress = egress(port, false);
    let mut open = connections();
    let handle = open
        .open(&egress, opening(port, false), None)
        .await
        .unwrap();
    open.send(&egress, handle, b"STARTTLS\r\n", None)
        .await
        .unwrap();
    let line = open.receive_line(&egress, handle, 512, None).await.unwrap();
    assert_eq!(line, b"220 go");
    let refused = open
        .send_credential(&egress, handle, "password", Form::Password, None)
        .await;
    assert!(matches!(refused, Err(TcpError::Denied(_))), "{refused:?}");
    open.start_tls(&egress, handle, None).await.unwrap();
    let user = "jane".to_owned();
    let challenge = b"<1896.697170952@mx.example.net>".to_vec();
    for form in [
        Form::SaslPlain { user: user.clone() },
        Form::Password,
        Form::CramMd5 { user, challenge },
    ] {
        let sent = open
            .send_credential(&egress, handle, "password", form.clone(), None)
            .await;
        assert_eq!(sent, Ok(()));
        // The server echoes what it got.
        let line = open.receive_line(&egress, handle, 512, None).await.unwrap();
        assert!(
            !line.is_empty() && line.iter().all(|it| *it == b'*'),
            "{form:?}: {line:?}"
        );
    }
    open.close(handle);
    let mut lines = server.await.unwrap();
    lines.retain(|it| it != '\r');
    // RFC 4616, and the example of RFC 2195 with another user and secret, computed by Python's hmac.
    assert_eq!(
        lines,
        "AGphbmUAY2FuYXJ5LXMzY3JldA==\nY2FuYXJ5LXMzY3JldA==\namFuZSA1YWZhNThmOWNhOGNhNDNjZmVjZGQwMTlkMTcyMGQ2Mw==\n"
    );
}

#[tokio::test]
async fn bytes_before_the_handshake_are_refused() {
    let (port, server) = upgrading("220 go\r\n250 injected\r\n").await;
    let egress = egress(port, false);
    let mut open = connections();
    let handle = open
        .open(&egress, opening(port, false), None)
        .await
        .unwrap();
    open.send(&egress, handle, b"STARTTLS\r\n", None)
        .await
        .unwrap();
    open.receive_line(&egress, handle, 512, None).await.unwrap();
    let refused = open.start_tls(&egress, handle, None).await;
    assert!(matches!(refused, Err(TcpError::Tls(_))), "{refused:?}");
    let gone = open.send(&egress, handle, b"x", None).await;
    assert!(matches!(gone, Err(TcpError::Invalid(_))), "{gone:?}");
    drop(open);
    server.abort();
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_for_the_name() {
    let (listener, port) = listen().await;
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            _ = acceptor().accept(stream).await;
        }
    });
    let trusting = egress(port, false);
    assert_eq!(
        connections()
            .open(&trusting, opening(port, true), None)
            .await,
        Ok(0)
    );
    let mut suspicious = egress(port, false);
    suspicious.trust = Trust::default();
    let refused = connections()
        .open(&suspicious, opening(port, true), None)
        .await;
    assert!(matches!(&refused, Err(TcpError::Tls(_))), "{refused:?}");
    server.abort();
}

#[tokio::test]
async fn a_secret_is_written_for_its_host_and_form_only() {
    let egress = egress(1, true);
    let form = |user: &str| Form::SaslPlain {
        user: user.to_owned(),
    };
    let written = |name, form| {
        egress
            .credentials
            .written(name, "localhost", form, &egress.wire)
    };
    for (name, form) in [
        ("elsewhere", form("jane")),
        (
            "password",
            Form::XOAuth2 {
                user: "jane".to_owned(),
            },
        ),
    ] {
        let refused = written(name, form).await.unwrap_err();
        assert!(matches!(refused, EgressError::Auth(_)), "{refused:?}");
    }
    let refused = written("password", form("jane\0admin")).await.unwrap_err();
    assert!(matches!(refused, EgressError::Invalid(_)), "{refused:?}");
}

#[test]
fn a_handle_that_is_not_open_is_invalid() {
    assert!(matches!(connections().get(7), Err(TcpError::Invalid(_))));
}
