//! A running host is scraped over real connections.

mod checker;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use crosspoint_runtime::admin::{Reply, Request};
use crosspoint_runtime::{Host, HostOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::checker::{Samples, read};
use crate::{Afterwards, HttpServer};

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines();
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    }
}

/// A host whose destination refuses whatever it gets.
struct Rig {
    host: Arc<Host>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
    tokio: Runtime,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new(server: &str) -> Self {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let refuses = Router::new().fallback(|| async { StatusCode::UNPROCESSABLE_ENTITY });
        let listener = tokio.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        tokio.spawn(async move { axum::serve(listener, refuses).await });
        let folder = tempfile::tempdir().unwrap();
        let project = format!(
            r#"
[project]
name = "test"

[server]
listen = "127.0.0.1:0"
{server}

[tracking.website]
write_keys = ["website-1"]

[segments.visitors]
when = "events.count() > 0"

[connectors.crm]
plugin = "webhook"
settings = {{ url = "http://{at}" }}
secrets = {{ signing_secret = "file:secret" }}
grant = {{ hosts = ["{at}"], plain_http = ["{at}"] }}

[syncs.visitors]
connector = "crm"
segment = "visitors"
action = "add-to-list"
list = "Visitors"
"#
        );
        fs::write(folder.path().join("crosspoint.toml"), project).unwrap();
        let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        fs::write(folder.path().join("secret"), secret).unwrap();
        let options = HostOptions {
            project: folder.path().to_owned(),
            data: None,
            edges: true,
        };
        let host = Host::open(options, &|_| {}).unwrap();
        let entered = tokio.enter();
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Arc::clone(&host);
        let served = tokio.spawn(async move {
            let shutdown = async {
                stopped.await.ok();
                Afterwards::Nobody
            };
            server.serve(serving, shutdown).await
        });
        drop(entered);
        Self {
            host,
            address,
            stop: Some(stop),
            served: Some(served),
            tokio,
            _folder: folder,
        }
    }

    fn exchange(&self, head: &str, body: &str) -> Answer {
        let request = format!(
            "{head}host: h\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let text = self.tokio.block_on(async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        });
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            status: headers[9..12].parse().unwrap(),
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        self.exchange(&format!("GET {path} HTTP/1.1\r\n{headers}"), "")
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        self.exchange(&format!("POST {path} HTTP/1.1\r\n"), body)
    }

    fn scrape(&self) -> Samples {
        let answer = self.get("/metrics", "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        read(&answer.body)
    }

    /// Once that many deliveries wait for a person.
    fn until_stopped(&self, deliveries: i64) {
        loop {
            let Reply::Status(status) = self.host.ask(Request::Status, &|_| {}).unwrap() else {
                panic!("another reply")
            };
            let crm = status.connectors.iter().find(|it| it.id == "crm").unwrap();
            if crm.stopped == deliveries && status.applied_position == status.ledger_position {
                return;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let (Some(stop), Some(served)) = (self.stop.take(), self.served.take())
            && !std::thread::panicking()
        {
            stop.send(()).unwrap();
            self.tokio.block_on(served).unwrap().unwrap();
            self.host.close().unwrap();
        }
    }
}

const BATCH: &str = r#"{"writeKey":"website-1","batch":[
    {"type":"track","event":"Seen","userId":"a","messageId":"1"},
    {"type":"track","event":"Seen","userId":"b","messageId":"2"},
    {"type":"track","event":"Seen","userId":"c","messageId":"3"},
    {"type":"track","userId":"d","messageId":"4"}
]}"#;

#[test]
fn a_scrape_says_what_was_done() {
    let rig = Rig::new("");
    assert_eq!(rig.post("/v1/batch", BATCH).status, 200);
    assert_eq!(rig.post("/v1/batch", r#"{"batch":[]}"#).status / 100, 4);
    assert_eq!(rig.get("/v1/nowhere/ana@example.com", "").status, 404);
    rig.until_stopped(3);
    let samples = rig.scrape();
    for (sample, expected) in [
        (
            r#"crosspoint_tracking_calls_total{source="website",verdict="accepted"}"#,
            3.0,
        ),
        (
            r#"crosspoint_tracking_calls_total{source="website",verdict="rejected"}"#,
            1.0,
        ),
        (
            r#"crosspoint_records_received_total{connector="website",trigger="track"}"#,
            3.0,
        ),
        (
            r#"crosspoint_records_quarantined_total{connector="website",trigger="track"}"#,
            1.0,
        ),
        (r#"crosspoint_quarantine_items{connector="website"}"#, 1.0),
        (
            r#"crosspoint_deliveries_total{connector="crm",outcome="rejected"}"#,
            3.0,
        ),
        (r#"crosspoint_outbox_deliveries{connector="crm"}"#, 0.0),
        (
            r#"crosspoint_outbox_stopped_deliveries{connector="crm"}"#,
            3.0,
        ),
        (
            r#"crosspoint_outbox_oldest_age_seconds{connector="crm"}"#,
            0.0,
        ),
        (r#"crosspoint_vendor_requests_total{connector="crm"}"#, 3.0),
        (r#"crosspoint_plugin_traps_total{connector="crm"}"#, 0.0),
        (r#"crosspoint_segment_profiles{segment="visitors"}"#, 3.0),
        ("crosspoint_profiles", 3.0),
        ("crosspoint_step_running", 1.0),
        ("crosspoint_step_behind_entries", 0.0),
        ("crosspoint_step_lag_seconds", 0.0),
        (
            r#"crosspoint_http_requests_total{route="/v1/batch",status="2xx"}"#,
            1.0,
        ),
        (
            r#"crosspoint_http_requests_total{route="/v1/batch",status="4xx"}"#,
            1.0,
        ),
        (
            r#"crosspoint_http_requests_total{route="none",status="4xx"}"#,
            1.0,
        ),
        (
            r#"crosspoint_http_request_duration_seconds_count{route="/v1/batch"}"#,
            2.0,
        ),
    ] {
        assert_eq!(samples.get(sample), Some(&expected), "{sample}");
    }
    let delivered = r#"crosspoint_plugin_calls_total{connector="crm",call="deliver",end="ok"}"#;
    assert!(samples[delivered] >= 1.0);
    assert!(samples[r#"crosspoint_plugin_peak_memory_bytes{connector="crm"}"#] > 0.0);
    assert!(samples["crosspoint_ledger_fsync_duration_seconds_count"] > 0.0);
    assert_eq!(
        samples["crosspoint_ledger_last_entry"],
        samples["crosspoint_step_applied_entry"]
    );
    assert!(samples["process_resident_memory_bytes"] > 0.0);
}

#[test]
fn nothing_of_a_caller_becomes_a_label() {
    let rig = Rig::new("");
    for path in [
        "/v1/nowhere/ana@example.com",
        "/hooks/ana@example.com",
        "/p/ana@example.com",
    ] {
        rig.get(path, "x-request-id: ana@example.com\r\n");
    }
    rig.post("/v1/batch", &BATCH.replace("\"a\"", "\"ana@example.com\""));
    let answer = rig.get("/metrics", "");
    assert!(!answer.body.contains("ana@"), "{}", answer.body);
}

#[test]
fn both_formats_say_the_same() {
    let rig = Rig::new("");
    let accepts = "accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4\r\n";
    let open = rig.get("/metrics", accepts);
    let kind = open.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(open.body.ends_with("# EOF\n"));
    assert!(
        open.body
            .contains("# TYPE crosspoint_step_entries counter\n")
    );
    assert!(
        open.body
            .contains("# UNIT crosspoint_step_busy_seconds seconds\n")
    );
    let plain = rig.get("/metrics", "");
    let kind = plain.header("content-type").unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    // The plain text comes later: between the two, series may begin.
    let names = |text| read(text).into_keys().collect::<BTreeSet<_>>();
    let (open, plain) = (names(&open.body), names(&plain.body));
    assert!(open.is_subset(&plain), "{:?}", open.difference(&plain));
    assert!(open.len() * 2 > plain.len());
}

#[test]
fn only_the_networks_that_are_named_may_scrape() {
    let proxied = Rig::new("trusted_proxies = [\"127.0.0.1\"]");
    assert_eq!(proxied.get("/metrics", "").status, 200);
    let foreign = proxied.get("/metrics", "x-forwarded-for: 203.0.113.9\r\n");
    assert_eq!(foreign.status, 403);
    assert!(
        foreign.body.contains("`scrape` in `[telemetry]`"),
        "{}",
        foreign.body
    );
    let local = proxied.get("/metrics", "x-forwarded-for: 127.0.0.2\r\n");
    assert_eq!(local.status, 200, "the proxy forwards for this machine");

    let bare = Rig::new("");
    let through = bare.get("/metrics", "x-forwarded-for: 203.0.113.9\r\n");
    assert_eq!(through.status, 403, "a proxy that is not named");

    let named = Rig::new("[telemetry]\nscrape = [\"10.0.0.0/8\"]");
    assert_eq!(named.get("/metrics", "").status, 403);
}

#[test]
fn every_answer_has_a_request_id() {
    let rig = Rig::new("");
    let given = rig.get("/livez", "x-request-id: trace-17\r\n");
    assert_eq!(given.header("x-request-id"), Some("trace-17"));
    let ids = ["/livez", "/nowhere"].map(|path| {
        let answer = rig.get(path, "x-request-id: ana@example.com\r\n");
        answer.header("x-request-id").unwrap().to_owned()
    });
    assert_ne!(ids[0], ids[1]);
    assert!(!ids[0].contains("ana"));
}
