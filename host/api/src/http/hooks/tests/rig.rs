//! A vendor on loopback, a host with a connector to it, and the vendor's calls.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use crosspoint_runtime::admin::{ConnectorStatus, Reply, Request, Status};
use crosspoint_runtime::{Host, HostOptions};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::{Afterwards, HttpServer};

const SECRET: &str = "hook-secret-1";

static WASM: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/guests/shop");
    crosspoint_plugin_build::build_component(folder, "crosspoint-guest-shop").unwrap()
});

/// An order as the shop tells of it.
pub fn order(id: &str, customer: &str, total: &str, updated_at: i64) -> String {
    format!(
        r#"{{"id":"{id}","customer":"{customer}","total":"{total}","placed_at":1,"updated_at":{updated_at}}}"#
    )
}

pub fn now_s() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A signed call.
pub struct Call {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Call {
    pub fn of(id: &str, body: &str) -> Self {
        Self::sent_at(id, body, now_s())
    }

    pub fn sent_at(id: &str, body: &str, at_s: u64) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{at_s}.{id}.{body}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        Self {
            headers: vec![
                ("x-shop-id", id.to_owned()),
                ("x-shop-timestamp", at_s.to_string()),
                ("x-shop-signature", format!("sha256={signature}")),
            ],
            body: body.to_owned(),
        }
    }
}

#[derive(Clone, Default)]
pub struct Vendor {
    orders: Arc<Mutex<Vec<String>>>,
    reads: Arc<Mutex<Vec<String>>>,
}

impl Vendor {
    pub fn list(&self, orders: Vec<String>) {
        *self.orders.lock().unwrap() = orders;
    }

    /// What was asked for.
    pub fn reads(&self) -> Vec<String> {
        self.reads.lock().unwrap().clone()
    }
}

async fn orders(
    State(vendor): State<Vendor>,
    uri: Uri,
) -> ([(&'static str, &'static str); 1], String) {
    vendor.reads.lock().unwrap().push(uri.to_string());
    let orders = vendor.orders.lock().unwrap().join(",");
    let listed = match uri.path() {
        "/orders" => orders,
        _ => String::new(),
    };
    let answer = format!(r#"{{"orders":[{listed}],"next":1000,"more":false}}"#);
    ([("x-shop-quota", "32/40")], answer)
}

pub struct Answer {
    pub status: u16,
    headers: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self
            .headers
            .lines()
            .filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

pub struct Rig {
    pub vendor: Vendor,
    folder: tempfile::TempDir,
    tokio: tokio::runtime::Runtime,
    running: Option<Running>,
}

struct Running {
    host: Arc<Host>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Rig {
    pub fn new() -> Self {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let vendor = Vendor::default();
        let router = Router::new()
            .route("/orders", get(orders))
            .route("/products", get(orders))
            .with_state(vendor.clone());
        let listener = tokio.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        tokio.spawn(async move { axum::serve(listener, router).await });

        let folder = tempfile::tempdir().unwrap();
        let project = format!(
            r#"
[project]
name = "test"

[connectors.shop]
path = "{wasm}"
settings = {{ url = "http://{at}" }}
secrets = {{ hook = "file:hook" }}
grant = {{ hosts = ["{at}"], plain_http = ["{at}"] }}
limits = {{ hook = "1KiB" }}

[connectors.silent]
plugin = "webhook"
settings = {{ url = "http://{at}" }}
grant = {{ hosts = ["{at}"], plain_http = ["{at}"] }}
"#,
            wasm = WASM.display()
        );
        fs::write(folder.path().join("crosspoint.toml"), project).unwrap();
        fs::write(folder.path().join("hook"), SECRET).unwrap();
        let mut rig = Self {
            vendor,
            folder,
            tokio,
            running: None,
        };
        rig.start();
        rig
    }

    fn start(&mut self) {
        let options = HostOptions {
            project: self.folder.path().to_owned(),
            data: None,
            edges: true,
        };
        let host = Host::open(options, &|_| {}).unwrap();
        let (stop, stopped) = oneshot::channel();
        let entered = self.tokio.enter();
        let server = HttpServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = server.address().unwrap();
        let serving = Arc::clone(&host);
        let served = self.tokio.spawn(async move {
            let shutdown = async {
                stopped.await.ok();
                Afterwards::Nobody
            };
            server.serve(serving, shutdown).await
        });
        drop(entered);
        self.running = Some(Running {
            host,
            address,
            stop,
            served,
        });
    }

    fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.stop.send(()).unwrap();
        self.tokio.block_on(running.served).unwrap().unwrap();
        running.host.close().unwrap();
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn ask(&self, request: Request) -> Reply {
        self.running().host.ask(request, &|_| {}).unwrap()
    }

    pub fn sync(&self) {
        self.ask(Request::Sync {
            connector: "shop".to_owned(),
            stream: None,
            deliver: false,
        });
    }

    /// Once everything is applied.
    fn status(&self) -> Status {
        loop {
            let Reply::Status(status) = self.ask(Request::Status) else {
                panic!("another reply")
            };
            if status.applied_position == status.ledger_position {
                return status;
            }
        }
    }

    pub fn shop(&self) -> ConnectorStatus {
        self.status().connectors.remove(0)
    }

    /// Totals of the person's orders that count.
    pub fn totals(&self, profile: &str) -> Vec<String> {
        self.status();
        let show = Request::ProfileShow {
            profile: profile.to_owned(),
            facts: 10,
        };
        match self.running().host.ask(show, &|_| {}) {
            Ok(Reply::Profile(view)) => {
                let counting = view.facts.iter().filter(|fact| fact.counts);
                counting.filter_map(|fact| fact.total.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            std::thread::yield_now();
        }
    }

    pub fn send(&self, call: &Call) -> Answer {
        let mut head = format!(
            "POST /hooks/shop/orders HTTP/1.1\r\ncontent-length: {}\r\n",
            call.body.len()
        );
        for (name, value) in &call.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.exchange(&head, &call.body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.exchange(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn exchange(&self, head: &str, body: &str) -> Answer {
        let address = self.running().address;
        let request = format!("{head}host: {address}\r\nconnection: close\r\n\r\n{body}");
        let text = self.tokio.block_on(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
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
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}
