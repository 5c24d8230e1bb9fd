//! A project with every door open, and its host.

use std::fs;
use std::path::PathBuf;

use crosspoint_api::Client;
use crosspoint_harness::Process;
use crosspoint_runtime::admin::{QuarantineView, Reply, Request, Status};

use crate::hooks::{Hooks, ROUGH};
use crate::schemes::{PUBLIC_URL, Scheme};

pub struct Rig {
    pub folder: tempfile::TempDir,
    pub host: Process,
}

impl Rig {
    pub fn start(hooks: &Hooks) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/shop");
        let wasm = crosspoint_plugin_build::build_component(shop, "crosspoint-guest-shop").unwrap();
        let wasm = fs::read(wasm).unwrap();
        let mut project = format!(
            r#"
[project]
name = "fuzz"

[server]
listen = "127.0.0.1:0"
public_url = "{PUBLIC_URL}"
trusted_proxies = ["127.0.0.0/8"]

[tracking.website]
write_keys = ["website-1"]
origins = ["https://www.example.com"]

[tracking.rough]
write_keys = ["rough-1"]
origins = ["*"]

[lookups]
tokens = ["file:token"]
origins = ["https://www.example.com"]
public_traits = ["first_name"]
public_segments = ["busy"]

[segments.busy]
when = "events.count() >= 3"

[segments.buyers]
when = "orders.within('30d').exists()"
"#
        );
        let path = |name: &str| folder.path().join(name);
        fs::write(path("token"), "reader-token-1").unwrap();
        let rough = (ROUGH, &hooks.schemes[0]);
        let named = hooks.schemes.iter().map(|scheme| (scheme.name, scheme));
        for (name, scheme) in named.chain([rough]) {
            fs::write(
                path(&format!("{name}.wasm")),
                with_manifest(&wasm, name, scheme),
            )
            .unwrap();
            fs::write(path(&format!("{name}.secret")), &scheme.secret).unwrap();
            let secret = match scheme.manifest.contains("secret = ") {
                true => format!("secrets = {{ hook = \"file:{name}.secret\" }}"),
                false => String::new(),
            };
            project.push_str(&format!(
                "\n[connectors.{name}]\npath = \"{name}.wasm\"\n\
                 settings = {{ url = \"http://127.0.0.1:1\" }}\n{secret}\n"
            ));
        }
        fs::write(path("crosspoint.toml"), project).unwrap();
        let program = env!("CARGO_BIN_EXE_fuzz-host");
        let host = Process::start(program, folder.path(), &[]).expect("nobody kills it");
        Self { folder, host }
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn ask(&self, request: &Request) -> Reply {
        let mut client = Client::connect(&self.host.doors().admin).unwrap();
        client.ask(request, &|_| {}).unwrap()
    }

    /// Once everything is applied.
    pub fn status(&self) -> Status {
        loop {
            let Reply::Status(status) = self.ask(&Request::Status) else {
                panic!("another reply")
            };
            if status.applied_position == status.ledger_position {
                return status;
            }
        }
    }

    /// Everything in quarantine.
    pub fn quarantine(&self) -> Vec<QuarantineView> {
        let mut all: Vec<QuarantineView> = Vec::new();
        loop {
            let page = self.ask(&Request::QuarantineList {
                connector: None,
                after: all.last().map(|item| item.id.clone()),
                limit: 1_000,
            });
            match page {
                Reply::Quarantine(page) if page.is_empty() => return all,
                Reply::Quarantine(page) => all.extend(page),
                _ => panic!("another reply"),
            }
        }
    }
}

/// The component with a manifest of its own: the host takes the first section of that name, and a
/// component's first section may stand behind its eight bytes of preamble.
fn with_manifest(wasm: &[u8], name: &str, scheme: &Scheme) -> Vec<u8> {
    const SECTION: &[u8] = b"crosspoint:manifest";
    let secret = match scheme.manifest.contains("secret = ") {
        true => "[secrets.hook]\nattach = { kind = \"webhook\" }\nrequired = true\n",
        false => "",
    };
    let manifest = format!(
        r#"
id = "{name}-guest"
name = "Guest {name}"
version = "1.0.0"
contract = "0.1"
roles = ["source"]
description = "A vendor who signs in its own way."
imports = ["http"]

[[hosts]]
host = "{{settings.url}}"
methods = ["GET"]
scheme = "http"

[settings.url]
type = "text"
required = true

{secret}
[webhook]
answer_within_s = 60
{}
"#,
        scheme.manifest.trim()
    );
    let mut section = leb(SECTION.len());
    section.extend_from_slice(SECTION);
    section.extend_from_slice(manifest.as_bytes());
    let (preamble, rest) = wasm.split_at(8);
    [preamble, &[0], &leb(section.len()), &section, rest].concat()
}

/// An unsigned number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        match number {
            0 => return [bytes, vec![low]].concat(),
            _ => bytes.push(low | 0x80),
        }
    }
}
