//! The one engine of a process: compiles and loads plugins, and keeps the clock that interrupts
//! them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};

use crate::cache::Cache;
use crate::component;
use crate::error::{Error, Result};
use crate::linker;
use crate::plugin::Plugin;
use crate::state::CallState;

/// How often a running plugin gives way to others and its budget is looked at. Shorter costs more
/// than one percent; longer lets a budget of 10 ms be overrun noticeably.
const TICK: Duration = Duration::from_millis(2);

/// How to set up the engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Where compiled plugins are kept; without it every start compiles them again. The folder
    /// must belong to the host's user and is made private.
    pub cache_dir: Option<PathBuf>,
}

/// Compiles and loads plugins. One per process.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<CallState>,
    cache: Option<Cache>,
    ticker: Arc<Ticker>,
}

impl Engine {
    /// Sets up the compiler, the cache and the thread that interrupts.
    ///
    /// # Errors
    /// [`Error::Engine`] where the machine is not supported or the cache folder cannot be used.
    pub fn new(options: EngineOptions) -> Result<Self> {
        let fault = |error: wasmtime::Error| Error::Engine {
            reason: format!("{error:#}"),
        };
        let mut config = wasmtime::Config::new();
        config.wasm_component_model(true);
        config.epoch_interruption(true);
        let engine = wasmtime::Engine::new(&config).map_err(fault)?;
        let linker = linker::linker(&engine).map_err(fault)?;
        let cache = options
            .cache_dir
            .map(|folder| Cache::open(&folder, &engine))
            .transpose()
            .map_err(|reason| Error::Engine { reason })?;
        let ticker = Ticker::start(engine.clone())?;
        Ok(Self {
            engine,
            linker,
            cache,
            ticker,
        })
    }

    /// Reads the manifest, checks it against the component's real imports and exports, then
    /// compiles, or takes the compiled form from the cache. Takes half a second for a plugin that
    /// is not cached: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`Error::NotAComponent`], [`Error::ManifestMissing`], [`Error::Manifest`],
    /// [`Error::ImportNotDeclared`], [`Error::ImportUnknown`], [`Error::RoleMissing`] and
    /// [`Error::Compile`], in the order in which they are found.
    pub fn load(&self, wasm: &[u8]) -> Result<Arc<Plugin>> {
        let manifest = component::outline(wasm)?.manifest;
        let digest = hex::encode(Sha256::digest(wasm));
        let fault = |error: wasmtime::Error| Error::Compile {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            reason: format!("{error:#}"),
        };
        let cached = self
            .cache
            .as_ref()
            .and_then(|cache| cache.get(&self.engine, &digest));
        let compiled = match cached {
            Some(compiled) => compiled,
            None => {
                let compiled = Component::new(&self.engine, wasm).map_err(fault)?;
                if let Some(cache) = &self.cache {
                    cache.put(&compiled, &digest);
                }
                compiled
            }
        };
        let prepared = self.linker.instantiate_pre(&compiled).map_err(fault)?;
        let plugin = Plugin::new(manifest.clone(), digest, prepared, self.ticker.clone());
        plugin.map(Arc::new).map_err(fault)
    }
}

/// Advances the engine's epoch while calls are under way, and sleeps otherwise. Plugins hold it
/// too, since they may outlive the engine; its thread ends with the last holder.
pub(crate) struct Ticker {
    running: AtomicUsize,
    thread: Thread,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> Result<Arc<Self>> {
        let (hand_over, receive) = std::sync::mpsc::channel::<std::sync::Weak<Self>>();
        let thread = thread::Builder::new()
            .name("plugin-ticker".to_owned())
            .spawn(move || {
                let Ok(ticker) = receive.recv() else { return };
                while let Some(running) = ticker.upgrade().map(|it| it.is_running()) {
                    if running {
                        thread::sleep(TICK);
                        engine.increment_epoch();
                    } else {
                        thread::park();
                    }
                }
            })
            .map_err(|error| Error::Engine {
                reason: error.to_string(),
            })?;
        let ticker = Arc::new(Self {
            running: AtomicUsize::new(0),
            thread: thread.thread().clone(),
        });
        hand_over
            .send(Arc::downgrade(&ticker))
            .map_err(|error| Error::Engine {
                reason: error.to_string(),
            })?;
        Ok(ticker)
    }

    fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst) > 0
    }

    /// Keeps time for one call, until dropped.
    pub(crate) fn during(self: &Arc<Self>) -> Ticking {
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            self.thread.unpark();
        }
        Ticking(self.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

/// A call is under way.
pub(crate) struct Ticking(Arc<Ticker>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
