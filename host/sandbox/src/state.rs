//! What one call of a plugin sees of the host. Made for the call, dropped after it.

mod imports;
mod tcp;

pub(crate) use imports::BrokenContract;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::capture::Capture;
use crate::clock::Wall;
use crate::connector::Shared;
use crate::files::{FileMove, OpenFiles};
use crate::limits::Memory;
use crate::tcp::Connections;
use crate::wasi_http::Hooks;

/// Notes of a plugin that survive the call, by key.
pub type Notes = BTreeMap<SmolStr, Vec<u8>>;

/// A line that the plugin logged, scrubbed of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// What.
    pub message: String,
}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Waiting for a vendor ends so long before the call does, so that the plugin can still say what it
/// did; at most a tenth of the call.
const LONGEST_MARGIN: Duration = Duration::from_secs(1);

pub(crate) struct CallState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) memory: Memory,
    pub(crate) stderr: Capture,
    pub(crate) deadline: Instant,
    pub(crate) notes: Notes,
    pub(crate) changed_notes: BTreeMap<SmolStr, Option<Vec<u8>>>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) dropped_logs: u64,
    pub(crate) hooks: Hooks,
    pub(crate) moves: Vec<FileMove>,
    /// When waiting ends.
    until: Instant,
    open_files: OpenFiles,
    connections: Connections,
    table: ResourceTable,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
}

impl CallState {
    pub(crate) fn new(shared: Arc<Shared>, notes: Notes, wall: Duration) -> Self {
        let stderr = Capture::new(shared.limits.stderr_bytes);
        let deadline = Instant::now() + wall;
        let margin = LONGEST_MARGIN.min(wall / 10);
        let until = deadline.checked_sub(margin).unwrap_or(deadline);
        Self {
            memory: Memory::new(shared.limits.memory_bytes),
            hooks: Hooks::new(shared.clone(), until),
            deadline,
            until,
            notes,
            changed_notes: BTreeMap::new(),
            logs: Vec::new(),
            dropped_logs: 0,
            moves: Vec::new(),
            open_files: OpenFiles::default(),
            connections: Connections::new(until),
            table: ResourceTable::new(),
            // No arguments, environment, folders or sockets; stdout is for debugging only.
            wasi: WasiCtx::builder()
                .stdout(stderr.clone())
                .stderr(stderr.clone())
                .wall_clock(Wall(Arc::clone(&shared.clock)))
                .allow_tcp(false)
                .allow_udp(false)
                .allow_ip_name_lookup(false)
                .build(),
            wasi_http: WasiHttpCtx::new(),
            stderr,
            shared,
        }
    }

    /// How long a vendor may be waited for.
    fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for CallState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.wasi_http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}
