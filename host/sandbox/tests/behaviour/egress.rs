//! The way out, through both doors.

use crosspoint_sandbox::{HostGrant, HostPattern};

use crate::rig::Rig;
use crate::server::{Server, header};

/// Plain HTTP granted, inside addresses not.
fn outside(host: &str, port: u16) -> HostGrant {
    let host = HostPattern::parse(host).unwrap();
    HostGrant {
        port: Some(port),
        plain_http: true,
        ..HostGrant::of(host)
    }
}

#[tokio::test]
async fn a_granted_host_is_reached() {
    let server = Server::start().await;
    let told = Rig::open_to(&server)
        .told("fetch", &server.url("/echo?a=b#c"))
        .await;
    assert!(
        told.starts_with("200 ") && told.contains("GET /echo?a=b HTTP/1.1"),
        "{told}"
    );
    let requests = server.requests();
    let host = format!("127.0.0.1:{}", server.port);
    assert_eq!(header(&requests[0], "host"), Some(host.as_str()));
}

#[tokio::test]
async fn what_was_not_asked_for_or_not_allowed_is_denied() {
    let server = Server::start().await;
    for (url, why) in [
        (
            "https://elsewhere.example.com/",
            "the manifest does not ask for host",
        ),
        ("http://secure.example.com/", "by `https` only"),
        (
            "https://secure.example.com/",
            "the operator did not grant host",
        ),
        ("http://127.0.0.1:1/", "does not ask for port 1 "),
        ("ftp://127.0.0.1/", "neither `https` nor `http`"),
    ] {
        let told = Rig::open_to(&server).told("fetch", url).await;
        assert!(
            told.contains("Denied") && told.contains(why),
            "{url}: {told}"
        );
        let told = Rig::open_to(&server).told("wasi-fetch", url).await;
        assert!(
            told.contains("HttpRequestDenied") || url.starts_with("ftp"),
            "{url}: {told}"
        );
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_inside_address_is_refused_at_the_dial() {
    let server = Server::start().await;
    let named = format!("http://localhost:{}/echo", server.port);
    for (url, host) in [
        (named.as_str(), "localhost"),
        (&server.url("/echo"), "127.0.0.1"),
    ] {
        let mut rig = Rig::open_to(&server);
        rig.grants.hosts = vec![outside(host, server.port)];
        let told = rig.told("fetch", url).await;
        assert!(
            told.contains("Denied") && told.contains("is loopback"),
            "{told}"
        );
        let mut rig = Rig::open_to(&server);
        rig.grants.hosts = vec![outside(host, server.port)];
        let told = rig.told("wasi-fetch", url).await;
        assert!(told.contains("HttpRequestDenied"), "{told}");
    }
    assert!(server.requests().is_empty());
    let mut rig = Rig::open_to(&server);
    rig.grants.hosts = vec![HostGrant::named("localhost", Some(server.port), true).unwrap()];
    let told = rig.told("fetch", &named).await;
    assert!(told.starts_with("200 "), "{told}");
}

#[tokio::test]
async fn plain_http_needs_its_grant() {
    let server = Server::start().await;
    let mut rig = Rig::open_to(&server);
    rig.grants.hosts = vec![HostGrant::named("127.0.0.1", Some(server.port), false).unwrap()];
    let told = rig.told("fetch", &server.url("/echo")).await;
    assert!(
        told.contains("granted `127.0.0.1` by `https` only"),
        "{told}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::start().await;
    for door in ["fetch", "wasi-fetch"] {
        let told = Rig::open_to(&server)
            .told(door, &server.url("/redirect"))
            .await;
        assert!(told.starts_with("302 "), "{told}");
        assert!(
            told.contains("location: http://denied.example.com/"),
            "{told}"
        );
    }
    assert_eq!(server.requests().len(), 2);
    let told = Rig::open_to(&server)
        .told("fetch", "http://denied.example.com/")
        .await;
    assert!(told.contains("Denied"), "{told}");
}

#[tokio::test]
async fn answers_are_capped_announced_or_not() {
    let server = Server::start().await;
    for path in ["/long", "/endless"] {
        let told = Rig::open_to(&server).told("fetch", &server.url(path)).await;
        assert!(told.contains("TooLarge(33554432)"), "{path}: {told}");
        let told = Rig::open_to(&server)
            .told("wasi-fetch", &server.url(path))
            .await;
        assert!(
            told.contains("HttpResponseBodySize(Some(33554432))"),
            "{path}: {told}"
        );
    }
}

#[tokio::test]
async fn an_overlong_request_body_is_refused() {
    let server = Server::start().await;
    let rig = Rig::open_to(&server).limits(|limits| limits.request_bytes = 1 << 20);
    let told = rig.told("fetch-long", &server.url("/echo")).await;
    assert!(
        told.contains("Invalid") && told.contains("at most 1048576"),
        "{told}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn headers_of_the_hosts_own_are_refused() {
    let server = Server::start().await;
    for name in [
        "host",
        "Content-Length",
        "connection",
        "transfer-encoding",
        "upgrade",
    ] {
        let argument = format!("{name} {}", server.url("/echo"));
        let told = Rig::open_to(&server).told("fetch-as", &argument).await;
        assert!(
            told.contains("Invalid") && told.contains("host's own"),
            "{name}: {told}"
        );
    }
    let argument = format!("host {}", server.url("/echo"));
    let told = Rig::open_to(&server).told("wasi-fetch-as", &argument).await;
    assert!(told.contains("Forbidden"), "{told}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn broken_and_silent_servers_are_told_apart() {
    let server = Server::start().await;
    let told = Rig::open_to(&server)
        .told("fetch", &server.url("/reset"))
        .await;
    assert!(told.contains("Reset"), "{told}");
    let mut rig = Rig::open_to(&server);
    // Nobody listens on port 1.
    rig.settings.insert("port".to_owned(), serde_json::json!(1));
    rig.grants.hosts = vec![HostGrant::named("localhost", Some(1), true).unwrap()];
    let told = rig.told("fetch", "http://localhost:1/").await;
    assert!(told.contains("Connect"), "{told}");
}

/// The plugin can still tell what it saw, although the vendor never answers; what it asks for then
/// is not sent, and it is told so.
#[tokio::test]
async fn a_silent_server_is_a_timeout_and_not_the_end_of_the_call() {
    let server = Server::start().await;
    for door in ["fetch", "wasi-fetch"] {
        let rig = Rig::open_to(&server).limits(|limits| limits.wall_ms = 2_000);
        let told = rig.told(door, &server.url("/silent")).await;
        assert!(told.contains("Timeout"), "{door}: {told}");
    }
    let before = server.requests().len();
    let rig = Rig::open_to(&server).limits(|limits| limits.wall_ms = 2_000);
    let urls = [
        server.url("/echo"),
        server.url("/silent"),
        server.url("/echo"),
    ];
    let output = rig.commit("fetch-each", &urls.join("\n")).await.unwrap();
    let [first, second, third] = output.value.notices.as_slice() else {
        panic!("{:?}", output.value.notices);
    };
    assert!(first.starts_with("200 "), "{first}");
    assert!(second.contains("Timeout"), "{second}");
    assert!(
        third.contains("Connect") && third.contains("nothing was sent"),
        "{third}"
    );
    assert_eq!(server.requests().len(), before + 2);
}

#[tokio::test]
async fn wasi_http_goes_through_the_same_egress() {
    let server = Server::start().await;
    let rig = Rig::open_to(&server).secret("token", "canary-secret-1");
    let output = rig
        .commit("wasi-fetch", &server.url("/echo"))
        .await
        .unwrap();
    let told = &output.value.notices[0];
    assert!(
        told.starts_with("200 ") && !told.contains("canary"),
        "{told}"
    );
    assert_eq!(output.stats.http_requests, 1);
    let requests = server.requests();
    assert_eq!(
        header(&requests[0], "authorization"),
        Some("Bearer canary-secret-1")
    );
}
