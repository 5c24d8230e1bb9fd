//! A host that is called over HTTP: stopping in order, and reloading under load.

use std::fs;
use std::io::{self, Read as _, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use crate::hosted::Hosted;
use crate::shell::Shell;

const PROJECT: &str = "[project]\nname = \"shop\"\n\n\
     [server]\nlisten = \"127.0.0.1:0\"\n\n\
     [tracking.website]\nwrite_keys = [\"website-1\"]\n";

const SEGMENT: &str = "\n[segments.visitors]\nwhen = \"events.count() > 0\"\n";

fn shop(more: &str) -> Shell {
    let shell = Shell::new();
    write(&shell, more);
    shell
}

fn write(shell: &Shell, more: &str) {
    fs::write(
        shell.folder().join("crosspoint.toml"),
        format!("{PROJECT}{more}"),
    )
    .unwrap();
}

/// One request on a connection of its own; its status.
fn ask(address: &str, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split(' ').nth(1) {
        Some(status) => Ok(status.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
}

fn track(user: &str) -> String {
    let body =
        format!("{{\"writeKey\":\"website-1\",\"event\":\"Signed Up\",\"userId\":\"{user}\"}}");
    format!(
        "POST /v1/track HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Callers that send without pause, each call by another person.
struct Load {
    callers: Vec<JoinHandle<(Vec<String>, Option<io::Error>)>>,
    enough: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Load {
    fn start(address: &str) -> Self {
        let (enough, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let callers = (0..3).map(|caller| {
            let (address, enough) = (address.to_owned(), Arc::clone(&enough));
            let answered = Arc::clone(&answered);
            std::thread::spawn(move || {
                let mut taken = Vec::new();
                for call in 0.. {
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    let user = format!("u{caller}-{call}");
                    match ask(&address, &track(&user)) {
                        Ok(status) => assert_eq!(status, "200"),
                        Err(error) => return (taken, Some(error)),
                    }
                    taken.push(user);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                (taken, None)
            })
        });
        Self {
            callers: callers.collect(),
            enough,
            answered,
        }
    }

    /// Waits for that many more answers.
    fn more(&self, count: usize) {
        let before = self.answered.load(Ordering::Relaxed);
        while self.answered.load(Ordering::Relaxed) < before + count
            && self.callers.iter().any(|caller| !caller.is_finished())
        {
            std::thread::yield_now();
        }
    }

    /// Whose calls were taken, and how each caller was refused, if it was.
    fn end(self) -> (Vec<String>, Vec<io::Error>) {
        self.enough.store(true, Ordering::Relaxed);
        let mut taken = Vec::new();
        let mut refused = Vec::new();
        for caller in self.callers {
            let (users, error) = caller.join().unwrap();
            taken.extend(users);
            refused.extend(error);
        }
        (taken, refused)
    }
}

fn members(shell: &Shell) -> u64 {
    let segments = shell.json(&["segment", "list"]);
    let visitors = segments.as_array().unwrap().iter();
    let mut visitors = visitors.filter(|segment| segment["name"] == "visitors");
    visitors.next().unwrap()["members"].as_u64().unwrap()
}

#[test]
fn a_stop_in_order_keeps_all_that_was_answered() {
    let shell = shop(SEGMENT);
    let host = Hosted::start(&shell);
    let address = host.address.clone().unwrap();
    assert_eq!(ask(&address, &get("/livez")).unwrap(), "200");
    assert_eq!(ask(&address, &get("/readyz")).unwrap(), "200");
    let load = Load::start(&address);
    load.more(100);
    host.signal("TERM");
    assert_eq!(host.ended(), 0);
    let (taken, refused) = load.end();
    assert_eq!(refused.len(), 3, "every caller finds the host gone");
    // One call of each caller may have been taken without an answer.
    let members = usize::try_from(members(&shell)).unwrap();
    assert!(
        (taken.len()..=taken.len() + 3).contains(&members),
        "{members}"
    );
    for user in taken.iter().rev().take(2) {
        shell.good(&["profile", "show", &format!("user-id:{user}")]);
    }
}

#[test]
fn a_reload_refuses_nobody_and_changes_what_was_changed() {
    let shell = shop("");
    let mut host = Hosted::start(&shell);
    let address = host.address.clone().unwrap();
    let load = Load::start(&address);
    load.more(30);

    write(&shell, SEGMENT);
    for _ in 0..3 {
        host.signal("HUP");
        host.wait_for("reloaded");
        load.more(30);
    }
    assert_eq!(shell.json(&["status"])["running"], true);

    write(
        &shell,
        "\n[segments.visitors]\nwhen = \"events.cuont() > 0\"\n",
    );
    host.signal("HUP");
    let lines = host.wait_for("did not reload; the host goes on as it was");
    let told = lines
        .iter()
        .any(|line| line["fields"]["place"] == "crosspoint.toml:11");
    assert!(told, "{lines:#?}");
    load.more(30);
    write(&shell, SEGMENT);

    let (taken, refused) = load.end();
    assert!(refused.is_empty(), "{refused:?}");
    host.signal("TERM");
    assert_eq!(host.ended(), 0);
    assert_eq!(members(&shell), taken.len() as u64);
}

#[test]
fn a_reload_moves_to_another_address() {
    let shell = shop("");
    let mut host = Hosted::start(&shell);
    let before = host.address.clone().unwrap();
    let moved = PROJECT.replace("127.0.0.1:0", "127.0.0.2:0");
    fs::write(shell.folder().join("crosspoint.toml"), moved).unwrap();
    host.signal("HUP");
    host.wait_for("reloaded");
    let after = host.address.clone().unwrap();
    assert!(after.starts_with("127.0.0.2:"), "{after}");
    assert_eq!(ask(&after, &get("/readyz")).unwrap(), "200");
    assert!(ask(&before, &get("/readyz")).is_err());
    host.signal("TERM");
    assert_eq!(host.ended(), 0);
}

const ONE: &str = include_str!("../../../runtime/tests/tls/one-cert.pem");
const ONE_KEY: &str = include_str!("../../../runtime/tests/tls/one-key.pem");
const TWO: &str = include_str!("../../../runtime/tests/tls/two-cert.pem");
const TWO_KEY: &str = include_str!("../../../runtime/tests/tls/two-key.pem");

#[test]
fn a_reload_shows_a_new_certificate_and_keeps_the_old_one_where_the_new_is_wrong() {
    let tls = "\n[server.tls]\ncertificate = \"cert.pem\"\nkey = \"file:key.pem\"\n";
    let shell = shop(tls);
    let put = |certificate: &str, key: &str| {
        fs::write(shell.folder().join("cert.pem"), certificate).unwrap();
        fs::write(shell.folder().join("key.pem"), key).unwrap();
    };
    put(ONE, TWO_KEY);
    let refused = shell.run(&["run"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("XP-RUN-013"), "{}", refused.stderr);
    let checked = shell.run(&["check"]);
    assert_eq!(checked.code, 2);
    assert!(checked.stdout.contains("XP-RUN-013"), "{}", checked.stdout);

    put(ONE, ONE_KEY);
    let mut host = Hosted::start(&shell);
    let address = host.address.clone().unwrap();
    assert!(
        ask(&address, &get("/readyz")).is_err(),
        "plain text is no TLS"
    );
    assert_eq!(ask_encrypted(&address, ONE).unwrap(), "200");
    assert!(ask_encrypted(&address, TWO).is_err());

    put(TWO, ONE_KEY);
    host.signal("HUP");
    host.wait_for("did not reload; the host goes on as it was");
    assert_eq!(ask_encrypted(&address, ONE).unwrap(), "200");

    put(TWO, TWO_KEY);
    host.signal("HUP");
    host.wait_for("reloaded");
    assert_eq!(ask_encrypted(&address, TWO).unwrap(), "200");
    host.signal("TERM");
    assert_eq!(host.ended(), 0);
}

/// Asks whether the host is ready, if it shows exactly this certificate.
fn ask_encrypted(address: &str, certificate: &str) -> io::Result<String> {
    let expected = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Exactly { expected, provider }))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.write_all(get("/readyz").as_bytes())?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(String::from_utf8_lossy(&start[9..]).into_owned())
}

/// Trusts one certificate, whatever the time is.
#[derive(Debug)]
struct Exactly {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *shown == self.expected {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("another certificate".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("the host speaks TLS 1.3".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
