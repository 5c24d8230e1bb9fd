//! The misbehaving plugin, built and loaded once, and connectors of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use crosspoint_sandbox::{
    Budget, CallInput, CallOutput, Connector, ConnectorSetup, Engine, EngineOptions, Error,
    FilesGrant, Grants, HostGrant, Limits, MachineClock, Page, Plugin, Secret,
};
use serde_json::{Value, json};

use crate::server::Server;

pub static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let cache_dir = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"));
    Engine::new(EngineOptions { cache_dir }).unwrap()
});

pub static WASM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/guests/misbehaving"
    );
    let built = crosspoint_plugin_build::build_component(folder, "crosspoint-guest-misbehaving");
    std::fs::read(built.unwrap()).unwrap()
});

static PLUGIN: LazyLock<Arc<Plugin>> = LazyLock::new(|| ENGINE.load(&WASM).unwrap());

pub struct Rig {
    pub settings: serde_json::Map<String, Value>,
    pub secrets: BTreeMap<String, Secret>,
    pub grants: Grants,
    pub limits: Limits,
    pub tokens: Option<PathBuf>,
}

impl Rig {
    /// Nothing granted.
    pub fn closed() -> Self {
        Self {
            settings: serde_json::Map::new(),
            secrets: BTreeMap::new(),
            grants: Grants::default(),
            limits: Limits::default(),
            tokens: None,
        }
    }

    /// The server granted under its address.
    pub fn open_to(server: &Server) -> Self {
        let mut rig = Self::closed();
        rig.settings.insert("url".to_owned(), json!(server.url("")));
        rig.settings.insert("port".to_owned(), json!(server.port));
        let grant = HostGrant::named("127.0.0.1", Some(server.port), true).unwrap();
        rig.grants.hosts.push(grant);
        rig
    }

    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.to_owned(), Secret::new(value));
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.grants.files = Some(FilesGrant::Folder(folder.to_owned()));
        self
    }

    pub fn tokens(mut self, folder: &Path) -> Self {
        self.tokens = Some(folder.to_owned());
        self
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub fn connector(self) -> Connector {
        self.try_connector().unwrap()
    }

    pub fn try_connector(self) -> Result<Connector, Error> {
        Connector::new(ConnectorSetup {
            id: "shop".into(),
            plugin: PLUGIN.clone(),
            settings: self.settings,
            secrets: self.secrets,
            grants: self.grants,
            limits: self.limits,
            rate: None,
            tokens: self.tokens,
            clock: Arc::new(MachineClock),
        })
    }

    /// Makes a connector and lets it commit one misdeed.
    pub async fn commit(self, misdeed: &str, argument: &str) -> Result<CallOutput<Page>, Error> {
        commit(&self.connector(), misdeed, argument).await
    }

    /// The misdeed's first notice.
    pub async fn told(self, misdeed: &str, argument: &str) -> String {
        let output = self.commit(misdeed, argument).await.unwrap();
        output.value.notices.into_iter().next().unwrap()
    }
}

pub async fn commit(
    connector: &Connector,
    misdeed: &str,
    argument: &str,
) -> Result<CallOutput<Page>, Error> {
    let budget = Budget {
        records: 100,
        bytes: 1 << 20,
    };
    connector
        .read(
            misdeed,
            Some(argument.as_bytes()),
            budget,
            CallInput::default(),
        )
        .await
}

/// What a person sees names the plugin, its version, and what to do.
pub fn assert_says(error: &Error, code: &str, parts: &[&str]) {
    let text = error.to_string();
    assert_eq!(error.code(), code, "{text}");
    for part in ["`misbehaving`", "6.6.6", "`shop`"].iter().chain(parts) {
        assert!(text.contains(part), "`{part}` missing in: {text}");
    }
}
