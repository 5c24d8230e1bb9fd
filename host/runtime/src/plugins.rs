//! Plugins: those inside the binary, and component files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crosspoint_config::project::Plugin as Configured;
use crosspoint_plugins::BUNDLED;
use crosspoint_sandbox::{Engine, EngineOptions, Manifest, Plugin, read_manifest};
use serde::{Deserialize, Serialize};

use crate::admin::AdminError;
use crate::error::coded;

/// What a person wants to know of a plugin before using it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PluginSummary {
    /// `bundled`, or the file.
    pub origin: String,
    pub bytes: u64,
    pub manifest: Manifest,
}

/// The plugins inside the binary.
///
/// # Errors
/// When one of them has no valid manifest, which a build prevents.
pub fn plugins() -> Result<Vec<PluginSummary>, AdminError> {
    BUNDLED
        .iter()
        .map(|bundled| {
            Ok(PluginSummary {
                origin: "bundled".to_owned(),
                bytes: bundled.wasm.len() as u64,
                manifest: read_manifest(bundled.wasm)?,
            })
        })
        .collect()
}

/// One plugin: the id of a bundled one, or the path of a component file.
///
/// # Errors
/// When there is no such plugin, or its manifest or imports are wrong.
pub fn inspect(name: &str) -> Result<PluginSummary, AdminError> {
    let wasm = component(name)?;
    let manifest = read_manifest(&wasm)?;
    let is_bundled = crosspoint_plugins::find(name).is_some();
    Ok(PluginSummary {
        origin: if is_bundled { "bundled" } else { name }.to_owned(),
        bytes: wasm.len() as u64,
        manifest,
    })
}

/// The component itself: of a bundled plugin by its id, or a component file.
///
/// # Errors
/// When there is no such plugin.
pub fn component(name: &str) -> Result<Vec<u8>, AdminError> {
    match crosspoint_plugins::find(name) {
        Some(bundled) => Ok(bundled.wasm.to_vec()),
        None => read(Path::new(name)),
    }
}

/// Loads each plugin once per process.
pub(crate) struct Loader {
    engine: Engine,
    folder: PathBuf,
    loaded: Mutex<BTreeMap<String, Arc<Plugin>>>,
}

impl Loader {
    /// A loader for the project in `folder`; compiled plugins are kept in `cache`.
    pub fn new(folder: &Path, cache: Option<PathBuf>) -> Result<Self, AdminError> {
        let engine = Engine::new(EngineOptions { cache_dir: cache })?;
        Ok(Self {
            engine,
            folder: folder.to_owned(),
            loaded: Mutex::default(),
        })
    }

    /// The configured plugin, compiled.
    pub fn load(&self, configured: &Configured) -> Result<Arc<Plugin>, AdminError> {
        let key = match configured {
            Configured::Bundled(id) => id.to_string(),
            Configured::File(path) => format!("./{path}"),
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = loaded.get(&key) {
            return Ok(Arc::clone(plugin));
        }
        let plugin = match configured {
            Configured::Bundled(id) => {
                let Some(bundled) = crosspoint_plugins::find(id) else {
                    return Err(unknown(id));
                };
                self.engine.load(bundled.wasm)?
            }
            Configured::File(path) => self.engine.load(&read(&self.folder.join(path))?)?,
        };
        loaded.insert(key, Arc::clone(&plugin));
        Ok(plugin)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, AdminError> {
    std::fs::read(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return unknown(&path.display().to_string());
        }
        coded(
            "XP-RUN-010",
            format!("could not read plugin `{}`: {error}", path.display()),
            None,
        )
    })
}

fn unknown(name: &str) -> AdminError {
    let bundled: Vec<_> = BUNDLED.iter().map(|bundled| bundled.id).collect();
    coded(
        "XP-RUN-003",
        format!("there is no plugin `{name}`"),
        Some(format!(
            "bundled are: {}; any other is named by its component file",
            bundled.join(", ")
        )),
    )
}
