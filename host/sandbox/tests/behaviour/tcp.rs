//! The way out that is not HTTP, by a real plugin to real loopback servers. Trusted certificates are
//! tested within the crate, in `src/tcp/tests.rs`.

use std::sync::{Arc, Mutex};

use crosspoint_sandbox::{HostGrant, HostPattern};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::Rig;
use crate::server::Server;

/// Greets with `hello`, then echoes what it reads; remembers it.
struct Echo {
    port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Echo {
    async fn start() -> Self {
        Self::greeting(b"hello\r\n").await
    }

    async fn greeting(greeting: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let remembered = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream, greeting, remembered.clone()));
            }
        });
        Self { port, seen }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Granted by address and port.
    fn rig(&self, is_plain: bool) -> Rig {
        let mut rig = Rig::open_to(&Server::bare(self.port));
        rig.grants.hosts = vec![HostGrant::named("127.0.0.1", Some(self.port), is_plain).unwrap()];
        rig
    }

    async fn told(&self, rig: Rig, steps: &[&str]) -> Vec<String> {
        let script = format!("open plain 127.0.0.1 {}\n{}", self.port, steps.join("\n"));
        told(rig, &script).await
    }
}

async fn echo(mut stream: TcpStream, greeting: &[u8], seen: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 4096];
    if stream.write_all(greeting).await.is_err() {
        return;
    }
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        seen.lock().unwrap().extend_from_slice(&chunk[..read]);
        if stream.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}

async fn told(rig: Rig, script: &str) -> Vec<String> {
    let told = rig.told("tcp", script).await;
    told.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_connection_is_asked_for_and_granted_with_its_port() {
    let server = Echo::start().await;
    let talk = server
        .told(server.rig(false), &["line", "send hi", "line"])
        .await;
    assert_eq!(talk, ["opened", "hello", "sent", "hi"]);

    let port = server.port;
    let granted = |host: &str, port| {
        let mut rig = server.rig(true);
        let grant = HostGrant::named(host, port, true).unwrap();
        rig.grants.hosts = vec![grant];
        rig
    };
    for (rig, to, why) in [
        (
            server.rig(true),
            "elsewhere.example.com 25".to_owned(),
            "manifest does not ask",
        ),
        (
            server.rig(true),
            "127.0.0.1 1".to_owned(),
            "manifest does not ask",
        ),
        // Asked for by HTTP only.
        (
            server.rig(true),
            "secure.example.com 443".to_owned(),
            "manifest does not ask",
        ),
        (
            granted("localhost", Some(port)),
            format!("127.0.0.1 {port}"),
            "operator did not grant",
        ),
        (
            granted("127.0.0.1", Some(1)),
            format!("127.0.0.1 {port}"),
            "operator did not grant",
        ),
        (
            granted("127.0.0.1", None),
            format!("127.0.0.1 {port}"),
            "operator did not grant",
        ),
        (server.rig(true), "* 25".to_owned(), "no single host"),
    ] {
        let told = told(rig, &format!("open plain {to}")).await.concat();
        assert!(
            told.contains("Denied") && told.contains(why),
            "{to}: {told}"
        );
    }
    assert_eq!(server.seen(), "hi\r\n");
    // What is asked for by TCP is not asked for by HTTP.
    let mut rig = server.rig(true);
    rig.settings.remove("url");
    let told = rig
        .told("fetch", &format!("http://127.0.0.1:{port}/"))
        .await;
    assert!(told.contains("manifest does not ask"), "{told}");
}

#[tokio::test]
async fn an_inside_address_is_refused_at_the_dial_of_a_connection() {
    let server = Echo::start().await;
    for host in ["localhost", "127.0.0.1"] {
        let mut rig = server.rig(true);
        let pattern = HostPattern::parse(host).unwrap();
        rig.grants.hosts = vec![HostGrant {
            port: Some(server.port),
            plain_http: true,
            ..HostGrant::of(pattern)
        }];
        let told = told(rig, &format!("open plain {host} {}", server.port))
            .await
            .concat();
        assert!(
            told.contains("Denied") && told.contains("is loopback"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn without_tls_only_a_greeting_leaves() {
    let server = Echo::start().await;
    let rig = server.rig(false).secret("password", "canary-s3cret");
    let steps = ["line", "login", "flood 1000", "flood 1000", "send late"];
    let talk = server.told(rig, &steps).await;
    assert!(
        talk[2].contains("Denied") && talk[2].contains("TLS"),
        "{talk:?}"
    );
    assert_eq!(talk[3], "sent");
    assert!(
        talk[4].contains("Denied") && talk[5].contains("Denied"),
        "{talk:?}"
    );
    assert!(!server.seen().contains("canary") && server.seen().len() <= 1024);
}

#[tokio::test]
async fn a_secret_goes_out_by_tcp_and_never_comes_in() {
    let server = Echo::start().await;
    let rig = server.rig(true).secret("password", "canary-s3cret");
    let steps = ["line", "login", "line", "send canary-s3cret", "line"];
    let talk = server.told(rig, &steps).await;
    // SASL PLAIN of `jane`, in base64.
    let written = "AGphbmUAY2FuYXJ5LXMzY3JldA==";
    assert!(
        server.seen().starts_with(&format!("{written}\r\n")),
        "{}",
        server.seen()
    );
    assert_eq!(talk[3], "*".repeat(written.len()), "{talk:?}");
    assert_eq!(talk[5], "*".repeat("canary-s3cret".len()), "{talk:?}");

    let talk = server.told(server.rig(true), &["line", "login"]).await;
    assert!(
        talk[2].contains("Auth") && talk[2].contains("is not configured"),
        "{talk:?}"
    );
}

#[tokio::test]
async fn a_wrong_certificate_and_no_tls_at_all_are_refused() {
    let server = Echo::greeting(b"220 hello, this is no TLS\r\n").await;
    let script = format!("open tls 127.0.0.1 {}", server.port);
    let talk = told(server.rig(true), &script).await.concat();
    assert!(talk.starts_with("Error::Tls"), "{talk}");
}

#[tokio::test]
async fn an_endless_line_ends_the_connection() {
    let server = Echo::start().await;
    let steps = ["line", "flood 2000", "line", "send more"];
    let talk = server.told(server.rig(true), &steps).await;
    assert_eq!(talk[3], "Error::TooLarge(512)");
    assert!(talk[4].contains("is not open"), "{talk:?}");
}

#[tokio::test]
async fn all_lines_together_are_limited() {
    let server = Echo::start().await;
    let rig = server.rig(true).limits(|limits| limits.response_bytes = 16);
    let talk = server.told(rig, &["line", "send 0123456789", "line"]).await;
    assert_eq!(talk[1..], ["hello", "sent", "Error::TooLarge(16)"]);
}

/// The plugin can still tell what it saw, although the server never answers.
#[tokio::test]
async fn a_slow_server_is_a_timeout_and_not_the_end_of_the_call() {
    let server = Echo::start().await;
    let talk = server
        .told(server.rig(true), &["line", "line 1", "line"])
        .await;
    assert_eq!(talk[1..3], ["hello", "Error::Timeout"]);
    assert!(talk[3].contains("is not open"), "{talk:?}");
    let rig = server.rig(true).limits(|limits| limits.wall_ms = 500);
    let talk = server.told(rig, &["line", "line"]).await;
    assert_eq!(talk[1..], ["hello", "Error::Timeout"]);
}

#[tokio::test]
async fn connections_are_few() {
    let server = Echo::start().await;
    let again = format!("open plain 127.0.0.1 {}", server.port);
    let talk = server.told(server.rig(true), &[again.as_str(); 4]).await;
    assert_eq!(talk[..4], ["opened"; 4]);
    assert!(talk[4].contains("close one first"), "{talk:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = stream.write_all(b"half a li").await;
        }
    });
    let mut rig = Rig::open_to(&Server::bare(port));
    rig.grants.hosts = vec![HostGrant::named("127.0.0.1", Some(port), false).unwrap()];
    let talk = told(rig, &format!("open plain 127.0.0.1 {port}\nline")).await;
    assert!(talk[1].starts_with("Error::Closed"), "{talk:?}");
}
