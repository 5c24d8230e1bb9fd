//! A project with every door open, and what is to be seen of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use crosspoint_api::Client;
use crosspoint_harness::{Caller, Process};
use crosspoint_runtime::admin::{Reply, Request};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::receiver::Receiver;

pub const HOOK_SECRET: &str = "hook-secret-1";

const TOKEN: &str = "reader-token-1";

const PROJECT: &str = r#"
[project]
name = "crash"

[server]
listen = "127.0.0.1:0"

[tracking.website]
write_keys = ["website-1"]

[lookups]
tokens = ["file:token"]

[connectors.shop]
path = "WASM"
settings = { url = "http://127.0.0.1:1" }
secrets = { hook = "file:hook" }

[connectors.out]
plugin = "webhook"
in_flight = 8
rate = { requests = 1000000, per = "1s" }

[connectors.out.settings]
url = "http://127.0.0.1:PORT/"

[connectors.out.grant]
hosts = ["127.0.0.1:PORT"]
plain_http = ["127.0.0.1:PORT"]

[connectors.out.retry]
first = "5ms"
longest = "50ms"

[segments.busy]
when = "events.count() >= 6"

[segments.buyers]
when = "orders.count() >= 2"

[syncs.busy]
connector = "out"
segment = "busy"
action = "add-to-list"
list = "Busy"

[syncs.buyers]
connector = "out"
segment = "buyers"
action = "send-message"
"#;

static WASM: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/shop");
    crosspoint_plugin_build::build_component(folder, "crosspoint-guest-shop").unwrap()
});

/// A project with a receiver of its own.
pub struct World {
    pub folder: tempfile::TempDir,
    pub receiver: Receiver,
}

/// What a delivery asks for and for whom. Devices join later or earlier, and profiles are numbered
/// as they come.
fn content(delivery: &Value) -> String {
    let data = &delivery["data"];
    let identifiers = data["identifiers"].as_object().unwrap();
    let lasting = identifiers
        .iter()
        .filter(|(kind, _)| !["email", "anonymous-id"].contains(&kind.as_str()));
    let who: BTreeMap<_, _> = lasting.collect();
    format!("{} {} {who:?}", delivery["type"], data["list"])
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(content);
        let text = PROJECT
            .replace("PORT", &receiver.port.to_string())
            .replace("WASM", &WASM.display().to_string());
        fs::write(folder.path().join("crosspoint.toml"), text).unwrap();
        fs::write(folder.path().join("hook"), HOOK_SECRET).unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        Self { folder, receiver }
    }

    /// A host that dies at a point; `None` where it did before it answered.
    pub fn try_start(&self, failpoint: &str) -> Option<Process> {
        let environment = [("CROSSPOINT_FAILPOINT", failpoint)];
        Process::start(
            env!("CARGO_BIN_EXE_crash-host"),
            self.folder.path(),
            &environment,
        )
    }

    pub fn start(&self, failpoint: &str) -> Process {
        self.try_start(failpoint).expect("nobody kills it")
    }

    /// Members by segment, once everything is applied and delivered.
    pub fn settled(&self, host: &Process) -> BTreeMap<String, i64> {
        let mut client = Client::connect(&host.doors().admin).unwrap();
        loop {
            let Reply::Status(status) = client.ask(&Request::Status, &|_| {}).unwrap() else {
                panic!("another reply")
            };
            let waiting: i64 = status
                .connectors
                .iter()
                .map(|connector| connector.waiting)
                .sum();
            if status.applied_position == status.ledger_position && waiting == 0 {
                let segments = status.segments.into_iter();
                return segments
                    .map(|segment| (segment.name, segment.members))
                    .collect();
            }
        }
    }

    /// Everybody of the plan as a lookup shows them.
    pub fn profiles(&self, host: &Process, plan: &Plan) -> BTreeMap<String, Value> {
        self.settled(host);
        let mut caller = Caller::new(host.doors().http);
        let mut look = |who: &str| {
            let fields = "fields=identifiers,traits,segments,events,orders&events=100&orders=100";
            let request = format!(
                "GET /v1/profiles/{who}?{fields} HTTP/1.1\r\nhost: h\r\n\
                 authorization: Bearer {TOKEN}\r\n\r\n"
            );
            let answer = caller.send(request.as_bytes()).unwrap();
            assert_eq!(answer.status, 200, "{who}: {}", answer.text());
            serde_json::from_slice(&answer.body).unwrap()
        };
        plan.people()
            .map(|who| (who.clone(), lasting(look(&who))))
            .collect()
    }
}

/// Without what is another in every run: when a segment was entered.
fn lasting(mut seen: Value) -> Value {
    for segment in seen["segments"].as_array_mut().unwrap() {
        *segment = json!(segment["name"]);
    }
    for list in ["events", "orders"] {
        let list = seen[list].as_array_mut().unwrap();
        list.sort_by_key(|fact| fact["id"].to_string());
    }
    seen
}
