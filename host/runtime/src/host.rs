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
use tokio_rustls::rustls::ServerConfig;

use crate::admin::{AdminError, Progress};
use crate::clock::{Clock, machine_now};
use crate::connector::{Lane, Override, connector};
use crate::edges::Edges;
use crate::error::{coded, not_found};
use crate::handle::Handle;
use crate::live::{Keys, Room, Unsubscribing, Usage, server_config};
use crate::open::{DataFolder, OnProgress, open};
use crate::plugins::Loader;
use crate::threads::Threads;

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
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) files: Vec<(String, String)>,
    pub(crate) room: Room,
    /// Where the host has a public address.
    pub(crate) unsubscribing: Option<Arc<Unsubscribing>>,
    pub(crate) usage: Usage,
    pub(crate) tokio: Threads,
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
        Self::start(options, files, true, progress)
    }

    /// As [`Self::open`], with these files in place of those that the project folder holds now, and
    /// without waiting until every profile follows a changed configuration: that goes on while the
    /// host runs.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        options: HostOptions,
        files: Vec<(String, String)>,
        progress: OnProgress<'_>,
    ) -> Result<Arc<Self>, AdminError> {
        Self::start(options, files, false, progress)
    }

    fn start(
        options: HostOptions,
        files: Vec<(String, String)>,
        sweeps: bool,
        progress: OnProgress<'_>,
    ) -> Result<Arc<Self>, AdminError> {
        let project = crosspoint_config::parse(&files)
            .map_err(|problems| config_error(crosspoint_config::Error::Problems(problems)))?;
        // Only a host that runs is called from outside.
        let (keys, tls) = match options.edges {
            true => outside(&project, &options.project)?,
            false => Default::default(),
        };
        let data = options.data_folder();
        let opened = open(&data, &project, progress)?;
        let usage = Usage::open(data.usage());
        let public_url = project
            .server
            .as_ref()
            .and_then(|it| it.public_url.as_ref());
        let unsubscribing = public_url
            .map(|url| Unsubscribing::open(&data.unsubscribe_key(), url).map(Arc::new))
            .transpose()?;
        let mut core = opened.core;
        let applied = Stepper::applied_files(&mut core.state)?;
        let (ledger, clock) = (Arc::clone(&core.ledger), Arc::clone(&core.clock));
        let handle = Arc::new(Handle::start(core)?);
        let tokio = Threads::start()
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
            tls,
            files,
            room: Room::default(),
            unsubscribing,
            usage,
            tokio,
            loader: Mutex::default(),
            lanes: Mutex::default(),
            edges: Mutex::default(),
            runs_edges: options.edges,
            closed: AtomicBool::new(false),
        });
        if applied != host.files {
            let files = host.files.clone();
            let what = What::Configured(Files { files });
            let seq = host.ledger.append(host.clock.now(), &what)?.seq;
            host.tokio.block_on(host.handle.applied(seq))?;
            if sweeps {
                host.finish_sweep(progress)?;
            }
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

    /// The host's certificate, where it speaks TLS itself.
    pub fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    /// The files that the host was opened with: path in the project folder, and text.
    pub fn files(&self) -> &[(String, String)] {
        &self.files
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
        self.tokio.block_on(self.stop_edges())?;
        self.note_usage();
        // After a failure of the step loop there is nothing to let go of.
        let forgotten = self.forget_old_entries();
        let stopped = self.handle.stop();
        self.ledger.close()?;
        stopped.and(forgotten)
    }

    /// Stops reading sources and delivering, and waits for what is on its way. Everything else goes
    /// on. A second call does nothing.
    ///
    /// # Errors
    /// What stopped the first task that failed.
    pub async fn stop_edges(&self) -> Result<(), AdminError> {
        let edges = self
            .edges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match edges {
            Some(edges) => edges.stop().await,
            None => Ok(()),
        }
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

    /// The connector, if it is loaded.
    pub(crate) fn loaded(&self, id: &str) -> Option<Arc<Lane>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(&ConnectorId::from(id)).cloned()
    }

    /// All connectors that are loaded.
    pub(crate) fn loaded_lanes(&self) -> Vec<Arc<Lane>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.values().cloned().collect()
    }

    /// Counts the requests of all connectors.
    pub(crate) fn count_requests(&self) {
        let now = machine_now();
        for lane in self.loaded_lanes() {
            lane.count_requests(&self.usage, now);
        }
    }

    /// Counts the requests of all connectors, and writes down what they use.
    pub(crate) fn note_usage(&self) {
        self.count_requests();
        if let Err(error) = self.usage.save() {
            tracing::warn!(%error, "could not write the figures of connectors");
        }
    }

    /// A connector with parts of its configuration replaced.
    pub(crate) fn build_lane(&self, id: &str, instead: Override) -> Result<Arc<Lane>, AdminError> {
        let (id, configured) = self.configured(id)?;
        let plugin = self.loader()?.load(&configured.plugin)?;
        let connector = connector(
            id,
            configured,
            plugin,
            &self.folder,
            self.data.tokens(),
            instead,
        )?;
        Ok(Arc::new(Lane::new(
            id.clone(),
            connector,
            Arc::clone(&self.handle),
            Arc::clone(&self.ledger),
            Arc::clone(&self.clock),
            self.unsubscribing.clone(),
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

/// What calls from outside need: who may call, and how the host proves who it is.
fn outside(
    project: &Project,
    folder: &Path,
) -> Result<(Keys, Option<Arc<ServerConfig>>), AdminError> {
    let keys = Keys::read(project, folder)?;
    let tls = project
        .server
        .as_ref()
        .and_then(|server| server.tls.as_ref());
    let tls = tls.map(|tls| server_config(tls, folder)).transpose()?;
    Ok((keys, tls))
}

fn config_error(error: crosspoint_config::Error) -> AdminError {
    coded(
        "XP-RUN-012",
        error,
        Some("`crosspoint check` lists every problem of the project".to_owned()),
    )
}
