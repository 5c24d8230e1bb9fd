//! What holds for every endpoint, over real connections. The bounds are small here; what is asserted
//! is what happens, never when.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};

use super::connection::Patience;
use super::intake::Allowance;
use super::peer::Peer;
use super::refusal;
use super::serve::{Afterwards, Bounds, Floor};

/// Longer than any test: a bound that must not be met.
const LONG: Duration = Duration::from_secs(600);
/// A bound that is waited for.
const SHORT: Duration = Duration::from_millis(100);

fn generous() -> Bounds {
    Bounds {
        connections: 16,
        bodies_bytes: 1 << 20,
        allowance: Allowance {
            bytes: 1_000,
            time: LONG,
        },
        patience: Patience {
            handshake: LONG,
            idle: LONG,
            headers: LONG,
            stall: LONG,
            first_request: SHORT,
        },
        drain: LONG,
    }
}

/// What the endpoints of the tests wait for and tell.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
}

fn endpoints(gate: &Arc<Gate>) -> Router {
    let (waits, holds) = (Arc::clone(gate), Arc::clone(gate));
    Router::new()
        .route(
            "/echo",
            post(|body: String| async move { body.len().to_string() }),
        )
        .route(
            "/panics",
            get(|| async { panic!("profile 4711") as &'static str }),
        )
        .route("/big", get(|| async { Body::from(vec![b'x'; 32 << 20]) }))
        .route(
            "/waits",
            get(|| async move {
                waits.entered.notify_one();
                waits.open.notified().await;
                "done"
            }),
        )
        .route(
            "/holds",
            post(|body: String| async move {
                holds.entered.notify_one();
                holds.open.notified().await;
                body.len().to_string()
            }),
        )
        .route(
            "/peer",
            get(|Extension(peer): Extension<Peer>| async move {
                format!("{} {}", peer.address, peer.encrypted)
            }),
        )
        .fallback(refusal::unknown_path)
        .method_not_allowed_fallback(refusal::unknown_method)
}

/// A floor that runs until it is stopped.
struct Served {
    address: SocketAddr,
    gate: Arc<Gate>,
    stop: Option<oneshot::Sender<Afterwards>>,
    ended: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn with(bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new(Gate::default());
        let (stopping, _) = watch::channel(false);
        let floor = Floor::new(
            endpoints(&gate),
            Arc::default(),
            Vec::new(),
            None,
            bounds,
            stopping,
        );
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(floor.run(listener, async move { stopped.await.unwrap() }));
        Self {
            address,
            gate,
            stop: Some(stop),
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends what closes its connection, and gives the whole answer.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    fn stop(&mut self) {
        self.stop.take().unwrap().send(Afterwards::Nobody).unwrap();
    }
}

/// Everything until the host closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good an end.
    _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn refusals_are_json_and_say_nothing_of_anybody() {
    let served = Served::with(generous()).await;
    for (asked, status, error) in [
        (
            request("GET", "/nowhere", ""),
            "404",
            "there is nothing at this path",
        ),
        (
            request("GET", "/echo", ""),
            "405",
            "this path does not take GET",
        ),
        (
            request("GET", "/panics", ""),
            "500",
            "the host failed while it answered",
        ),
        (
            request("POST", "/echo", &"x".repeat(1_001)),
            "413",
            "the body of the request is too long",
        ),
    ] {
        let answer = served.ask(&asked).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("{{\"error\":\"{error}\"}}")),
            "{answer}"
        );
        assert!(
            answer.contains("x-content-type-options: nosniff"),
            "{answer}"
        );
        assert!(answer.contains("cache-control: no-store"), "{answer}");
        assert!(!answer.contains("4711"), "{answer}");
    }
    let answer = served
        .ask(&request("POST", "/echo", &"x".repeat(1_000)))
        .await;
    assert!(answer.ends_with("\r\n\r\n1000"), "{answer}");
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let served = Served::with(generous()).await;
    let chunk = "x".repeat(600);
    let asked = format!(
        "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
         258\r\n{chunk}\r\n258\r\n{chunk}\r\n0\r\n\r\n"
    );
    let answer = served.ask(&asked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_slow_body_is_cut_off() {
    let mut bounds = generous();
    bounds.allowance.time = SHORT;
    let served = Served::with(bounds).await;
    let begun = "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc";
    let answer = served.ask(begun).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off_but_idle_callers_are_not() {
    let mut bounds = generous();
    bounds.patience.headers = SHORT;
    let served = Served::with(bounds).await;
    let mut idle = served.connect().await;
    assert_eq!(served.ask("GET /peer HTTP/1.1\r\nhos").await, "");
    // Connected before the other one, and still there after it was cut off.
    let asked = request("GET", "/peer", "");
    idle.write_all(asked.as_bytes()).await.unwrap();
    assert!(rest(&mut idle).await.ends_with("127.0.0.1 false"));
}

#[tokio::test]
async fn a_second_request_whose_headers_never_end_is_cut_off() {
    let mut bounds = generous();
    bounds.patience.headers = SHORT;
    let served = Served::with(bounds).await;
    let mut stream = served.connect().await;
    let asked = "GET /peer HTTP/1.1\r\nhost: h\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nhos")
        .await
        .unwrap();
    let more = rest(&mut stream).await;
    assert!(!more.contains("HTTP/1.1"), "{more}");
}

#[tokio::test]
async fn a_caller_who_does_not_read_is_cut_off() {
    let mut bounds = generous();
    bounds.patience.stall = SHORT;
    let mut served = Served::with(bounds).await;
    let mut stream = served.connect().await;
    stream
        .write_all(request("GET", "/big", "").as_bytes())
        .await
        .unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    served.stop();
    // Ends although nobody reads: nothing else bounds this connection.
    served.ended.await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn long_headers_are_refused() {
    let served = Served::with(generous()).await;
    let long = "x".repeat(1 << 20);
    let asked = format!("GET /peer HTTP/1.1\r\nhost: h\r\nlong: {long}\r\n\r\n");
    let mut stream = served.connect().await;
    // The host has seen enough before all of it is sent.
    _ = stream.write_all(asked.as_bytes()).await;
    assert!(!rest(&mut stream).await.contains(" 200 "));
}

#[tokio::test]
async fn a_refusal_reaches_a_caller_who_is_still_sending() {
    let mut bounds = generous();
    bounds.allowance.bytes = 1 << 20;
    bounds.bodies_bytes = 1_000;
    let served = Served::with(bounds).await;
    let body = "x".repeat(500_000);
    for _ in 0..20 {
        let mut stream = served.connect().await;
        // More than the systems of both sides keep for each other.
        stream
            .write_all(request("POST", "/echo", &body).as_bytes())
            .await
            .unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    }
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let mut bounds = generous();
    bounds.bodies_bytes = 1_000;
    let served = Served::with(bounds).await;
    let mut first = served.connect().await;
    let body = "x".repeat(800);
    first
        .write_all(request("POST", "/holds", &body).as_bytes())
        .await
        .unwrap();
    served.gate.entered.notified().await;
    let answer = served.ask(&request("POST", "/echo", &body)).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    let small = served.ask(&request("POST", "/echo", "x")).await;
    assert!(small.starts_with("HTTP/1.1 200 "), "{small}");
    served.gate.open.notify_one();
    assert!(rest(&mut first).await.ends_with("\r\n\r\n800"));
    let after = served.ask(&request("POST", "/echo", &body)).await;
    assert!(
        after.starts_with("HTTP/1.1 200 "),
        "what was taken is free again: {after}"
    );
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let mut bounds = generous();
    bounds.connections = 1;
    let served = Served::with(bounds).await;
    let mut first = served.connect().await;
    first
        .write_all(request("GET", "/waits", "").as_bytes())
        .await
        .unwrap();
    served.gate.entered.notified().await;
    let mut second = served.connect().await;
    second
        .write_all(request("GET", "/waits", "").as_bytes())
        .await
        .unwrap();
    served.gate.open.notify_one();
    assert!(rest(&mut first).await.ends_with("done"));
    // Only now was it let in.
    served.gate.entered.notified().await;
    served.gate.open.notify_one();
    assert!(rest(&mut second).await.ends_with("done"));
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_what_is_about_to_come() {
    let mut bounds = generous();
    bounds.patience.first_request = LONG;
    let mut served = Served::with(bounds).await;
    let mut under_way = served.connect().await;
    under_way
        .write_all(request("GET", "/waits", "").as_bytes())
        .await
        .unwrap();
    served.gate.entered.notified().await;
    let mut idle = served.connect().await;
    idle.write_all(b"GET /peer HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).await.unwrap();
    let mut just_connected = served.connect().await;
    served.stop();
    // Idle after its first answer: closed, which shows that the stop has begun.
    rest(&mut idle).await;
    let asked = "GET /peer HTTP/1.1\r\nhost: h\r\n\r\n";
    just_connected.write_all(asked.as_bytes()).await.unwrap();
    let answer = rest(&mut just_connected).await;
    assert!(answer.ends_with("127.0.0.1 false"), "{answer}");
    served.gate.open.notify_one();
    assert!(rest(&mut under_way).await.ends_with("done"));
    served.ended.await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut bounds = generous();
    bounds.drain = SHORT;
    let mut served = Served::with(bounds).await;
    let mut under_way = served.connect().await;
    under_way
        .write_all(request("GET", "/waits", "").as_bytes())
        .await
        .unwrap();
    served.gate.entered.notified().await;
    served.stop();
    served.ended.await.unwrap();
    assert_eq!(rest(&mut under_way).await, "");
}
