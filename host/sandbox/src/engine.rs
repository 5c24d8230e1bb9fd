//! The one engine of a process: compiles and loads plugins, and keeps the clock that interrupts
//! them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::component;
use crate::error::{Error, Result};
use crate::linker;
use crate::plugin::Plugin;
use crate::state::CallState;

/// How often a running plugin gives way to others and its budget is looked at. Shorter costs more
/// than one percent; longer lets a budget of 10 ms be overrun noticeably.
const TICK: Duration = Duration::from_millis(2);

/// Calls at once, of all plugins; more wait for one to end. A call that waits for a vendor holds its
/// place, so this is far more than cores could serve.
const CALLS_AT_ONCE: u32 = 512;
/// Core instances and tables that a component may have; one built by `wit-component` has three
/// instances and two tables.
const PARTS: u32 = 8;
/// Memories that a component may have: one, or two where two are composed.
const MEMORIES: u32 = 2;
/// Functions that a component's table may hold: an interpreter compiled to wasm has some ten thousand.
const TABLE_ELEMENTS: usize = 100_000;
/// What is kept of a memory for the next call, in bytes: touching pages for the first time takes more
/// than a tenth of a call that makes a page of records.
const KEPT_BYTES: usize = 4 << 20;
/// Memories that are kept for the plugin that had them.
const KEPT_MEMORIES: u32 = 16;

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
    room: Arc<Semaphore>,
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
        config.allocation_strategy(pool());
        let engine = wasmtime::Engine::new(&config).or_else(|error| {
            // Nothing but addresses is reserved, yet a machine may limit those.
            tracing::warn!(
                error = format!("{error:#}"),
                "memory for plugins cannot be reserved; their calls take somewhat longer"
            );
            config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
            wasmtime::Engine::new(&config)
        });
        let engine = engine.map_err(fault)?;
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
            room: Arc::new(Semaphore::new(CALLS_AT_ONCE as usize)),
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
        let (ticker, room) = (self.ticker.clone(), self.room.clone());
        let plugin = Plugin::new(manifest.clone(), digest, prepared, ticker, room);
        plugin.map(Arc::new).map_err(fault)
    }
}

/// Memory for instances, reserved once. wasmtime sets what an instance touched back to zeros, or to
/// what its module begins with, before the next one gets it.
fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(CALLS_AT_ONCE)
        .total_core_instances(CALLS_AT_ONCE * PARTS)
        .total_memories(CALLS_AT_ONCE * MEMORIES)
        .total_tables(CALLS_AT_ONCE * PARTS)
        .total_stacks(CALLS_AT_ONCE)
        .max_core_instances_per_component(PARTS)
        .max_tables_per_component(PARTS)
        .max_tables_per_module(PARTS)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .table_elements(TABLE_ELEMENTS)
        .max_unused_warm_slots(KEPT_MEMORIES)
        .linear_memory_keep_resident(KEPT_BYTES)
        .async_stack_keep_resident(64 << 10)
        .table_keep_resident(4 << 10)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
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
