//! A host: everything that is open, and the way to ask it.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crosspoint_config::Project;
use crosspoint_config::project::Connector as Configured;
use crosspoint_ledger::Ledger;
use crosspoint_model::ConnectorId;
use crosspoint_model::entry::{Configured as Files, What};
use crosspoint_step::Stepper;

use crate::admin::{AdminError, Progress};
use crate::clock::Clock;
use crate::connector::{Lane, Override, connector};
use crate::edges::Edges;
use crate::error::{coded, not_found};
use crate::handle::Handle;
use crate::live::Keys;
use crate::open::{DataFolder, OnProgress, open};
use crate::plugins::Loader;

/// What to open, and how.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Folder with `crosspoint.toml`.
    pub project: PathBuf,
    /// Where ledger and store are; `data` in the project folder if not said.
    pub data: Option<PathBuf>,
    /// Whether sources are read on their schedule and outboxes drained as they fill; without it
    /// the folder is only open for questions and commands.
    pub edges: bool,
}

impl HostOptions {
    pub(crate) fn data_folder(&self) -> DataFolder {
        DataFolder(
            self.data
                .clone()
                .unwrap_or_else(|| self.project.join("data")),
        )
    }
}

/// An open project. One per data folder at a time.
pub struct Host {
    pub(crate) handle: Arc<Handle>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) project: Project,
    pub(crate) folder: PathBuf,
    pub(crate) data: DataFolder,
    pub(crate) rebuilt: Option<String>,
    pub(crate) keys: Keys,
    pub(crate) tokio: tokio::runtime::Runtime,
    loader: Mutex<Option<Arc<Loader>>>,
    lanes: Mutex<BTreeMap<ConnectorId, Arc<Lane>>>,
    edges: Mutex<Option<Edges>>,
    runs_edges: bool,
    closed: AtomicBool,
}

impl Host {
    /// Opens a project: reads and checks its configuration, opens ledger and store, steps what is
    /// not applied yet, and applies the configuration as it is written if that is another than the
    /// one applied. Blocks. With `edges`, starts them.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration in one message; a locked or damaged data
    /// folder.
    pub fn open(options: HostOptions, progress: OnProgress<'_>) -> Result<Arc<Self>, AdminError> {
        let files = crosspoint_config::read_folder(&options.project).map_err(config_error)?;
        let project = crosspoint_config::parse(&files)
            .map_err(|problems| config_error(crosspoint_config::Error::Problems(problems)))?;
        // Only a host that runs is called from outside.
        let keys = match options.edges {
            true => Keys::read(&project, &options.project)?,
            false => Keys::default(),
        };
        let data = options.data_folder();
        let opened = open(&data, &project, progress)?;
        let mut core = opened.core;
        let applied = Stepper::applied_files(&mut core.state)?;
        let (ledger, clock) = (Arc::clone(&core.ledger), Arc::clone(&core.clock));
        let handle = Arc::new(Handle::start(core)?);
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .thread_name("edge")
            .build()
            .map_err(|error| coded("XP-RUN-009", format!("could not start: {error}"), None))?;
        let host = Arc::new(Self {
            handle,
            ledger,
            clock,
            project,
            folder: options.project.clone(),
            data,
            rebuilt: opened.rebuilt,
            keys,
            tokio,
            loader: Mutex::default(),
            lanes: Mutex::default(),
            edges: Mutex::default(),
            runs_edges: options.edges,
            closed: AtomicBool::new(false),
        });
        if applied != files {
            let what = What::Configured(Files { files });
            let seq = host.ledger.append(host.clock.now(), &what)?.seq;
            host.tokio.block_on(host.handle.applied(seq))?;
            host.finish_sweep(progress)?;
        }
        if options.edges {
            let edges = Edges::start(&host)?;
            *host.edges.lock().unwrap_or_else(PoisonError::into_inner) = Some(edges);
        }
        Ok(host)
    }

    /// Waits until every profile follows the applied configuration.
    fn finish_sweep(&self, progress: OnProgress<'_>) -> Result<(), AdminError> {
        let mut last = self.handle.applied_position();
        loop {
            let pending = self
                .handle
                .ask(|core| Ok(Stepper::pending_sweep(&mut core.state)?.is_some()))?;
            if !pending {
                return Ok(());
            }
            progress(Progress {
                label: "applying the configuration to all profiles".to_owned(),
                done: last,
                total: None,
            });
            last += 1;
            self.tokio.block_on(self.handle.applied(last))?;
        }
    }

    /// Where the admin socket belongs.
    pub fn socket_path(&self) -> PathBuf {
        self.data.socket()
    }

    /// The configuration that the host runs with.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Who may call what.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The folder with `crosspoint.toml`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's name.
    pub fn project_name(&self) -> &str {
        &self.project.name
    }

    /// Runs until `shutdown` completes or the step loop fails, then closes.
    ///
    /// # Errors
    /// What [`Self::close`] yields.
    pub fn run_until(&self, shutdown: impl Future<Output = ()>) -> Result<(), AdminError> {
        self.tokio.block_on(async {
            tokio::select! {
                () = shutdown => {}
                () = self.handle.ended() => {}
            }
        });
        self.close()
    }

    /// Stops reading and delivering, waits for what is on its way, and writes everything down.
    /// A second call does nothing.
    ///
    /// # Errors
    /// When the ledger or the store fails; everything acknowledged is durable all the same.
    pub fn close(&self) -> Result<(), AdminError> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let edges = self
            .edges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(edges) = edges {
            self.tokio.block_on(edges.stop())?;
        }
        // After a failure of the step loop there is nothing to let go of.
        let forgotten = self.forget_old_entries();
        let stopped = self.handle.stop();
        self.ledger.close()?;
        stopped.and(forgotten)
    }

    /// Whether deliver workers run.
    pub(crate) fn delivers_by_itself(&self) -> bool {
        self.runs_edges
    }

    /// The configured connector.
    pub(crate) fn configured(&self, id: &str) -> Result<(&ConnectorId, &Configured), AdminError> {
        let found = self
            .project
            .connectors
            .get_key_value(&ConnectorId::from(id));
        found.ok_or_else(|| {
            let known: Vec<_> = self
                .project
                .connectors
                .keys()
                .map(|id| id.0.as_str())
                .collect();
            not_found(
                "connector",
                id,
                &format!("configured are: {}", known.join(", ")),
            )
        })
    }

    /// A connector, loaded at its first use.
    pub(crate) fn lane(&self, id: &str) -> Result<Arc<Lane>, AdminError> {
        let (id, _) = self.configured(id)?;
        if let Some(lane) = self
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
        {
            return Ok(Arc::clone(lane));
        }
        let lane = self.build_lane(&id.0, Override::default())?;
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(lanes.entry(id.clone()).or_insert(lane)))
    }

    /// A connector with parts of its configuration replaced.
    pub(crate) fn build_lane(&self, id: &str, instead: Override) -> Result<Arc<Lane>, AdminError> {
        let (id, configured) = self.configured(id)?;
        let plugin = self.loader()?.load(&configured.plugin)?;
        let connector = connector(id, configured, plugin, &self.folder, instead)?;
        Ok(Arc::new(Lane::new(
            id.clone(),
            connector,
            Arc::clone(&self.handle),
            Arc::clone(&self.ledger),
            Arc::clone(&self.clock),
        )))
    }

    fn loader(&self) -> Result<Arc<Loader>, AdminError> {
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loader) = &*loader {
            return Ok(Arc::clone(loader));
        }
        let fresh = Arc::new(Loader::new(&self.folder, Some(self.data.plugin_cache()))?);
        *loader = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}

fn config_error(error: crosspoint_config::Error) -> AdminError {
    coded(
        "XP-RUN-012",
        error,
        Some("`crosspoint check` lists every problem of the project".to_owned()),
    )
}
