//! Opening the data folder: ledger, store, and what it takes to bring the one up to the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crosspoint_config::Project;
use crosspoint_ledger::{Ledger, Options as LedgerOptions};
use crosspoint_model::Instant;
use crosspoint_step::Stepper;
use crosspoint_store::{Engine, Reason, Settings, SledEngine, SledSettings, WorkingSet, snapshot};

use crate::admin::{AdminError, Progress};
use crate::clock::Clock;
use crate::core::Core;
use crate::error::coded;
use crate::live::Ring;

/// Told how far a long job is.
pub(crate) type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Where things are in a data folder.
pub(crate) struct DataFolder(pub PathBuf);

impl DataFolder {
    pub fn ledger(&self) -> PathBuf {
        self.0.join("ledger")
    }

    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    pub fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    pub fn plugin_cache(&self) -> PathBuf {
        self.0.join("plugin-cache")
    }

    /// Refresh tokens that vendors renewed.
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// The key of addresses for unsubscribing.
    pub fn unsubscribe_key(&self) -> PathBuf {
        self.0.join("unsubscribe.key")
    }

    /// How fresh connectors are and what they use.
    pub fn usage(&self) -> PathBuf {
        self.0.join("usage.json")
    }

    pub fn socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }
}

/// The state, caught up with the ledger, and why it had to be rebuilt, if it had to.
pub(crate) struct Opened {
    pub core: Core,
    pub rebuilt: Option<String>,
}

/// Opens ledger and store and steps everything that the store does not hold yet.
pub(crate) fn open(
    data: &DataFolder,
    project: &Project,
    progress: OnProgress<'_>,
) -> Result<Opened, AdminError> {
    std::fs::create_dir_all(&data.0).map_err(|error| {
        let folder = data.0.display();
        coded(
            "XP-RUN-010",
            format!("could not create the data folder `{folder}`: {error}"),
            None,
        )
    })?;
    let options = LedgerOptions {
        segment_bytes: project.ledger.file_bytes,
        ..LedgerOptions::default()
    };
    let ledger = Arc::new(open_ledger(&data.ledger(), options)?);
    let (engine, rebuilt) = open_store(data, project, &ledger)?;
    // The engine's cache and the working set get the setting each, since both hold hot profiles:
    // the engine the encoded ones, the working set those that are being stepped.
    let settings = Settings {
        memory_bytes: usize::try_from(project.store.cache_bytes).unwrap_or(usize::MAX),
    };
    let mut state = WorkingSet::open(Arc::new(engine), settings)?;
    let stepper = Stepper::resume(&mut state)?;
    let reached = state.reached();
    let clock = Arc::new(Clock::new(project.clock, ledger.last_at()));
    let applied = reached.map_or(0, |reached| reached.position);
    let mut core = Core {
        state,
        stepper,
        clock,
        applied,
        applied_at: reached.map_or(Instant(0), |reached| reached.at),
        checkpoint_every: Duration::from_millis(project.store.checkpoint_every_ms),
        wakes: std::collections::BTreeMap::new(),
        metrics: Arc::default(),
        traces: Arc::default(),
        changes: Arc::new(Ring::new(applied)),
        computed: Arc::default(),
        looked_up: None,
        decided: Arc::new(AtomicU64::new(applied)),
        ledger,
    };
    catch_up(&mut core, rebuilt.is_some(), progress)?;
    core.changes.announce(core.applied);
    Ok(Opened { core, rebuilt })
}

#[cfg(not(test))]
fn open_ledger(folder: &Path, options: LedgerOptions) -> crosspoint_ledger::Result<Ledger> {
    Ledger::open(folder, options)
}

/// On the disk that the test has put in place, if it has.
#[cfg(test)]
fn open_ledger(folder: &Path, options: LedgerOptions) -> crosspoint_ledger::Result<Ledger> {
    match crate::tests::pressure::disk() {
        Some(disk) => Ledger::open_on(disk, folder, options),
        None => Ledger::open(folder, options),
    }
}

/// Opens the store; an empty one in place of one that cannot be trusted is filled from the newest
/// snapshot that the ledger continues.
fn open_store(
    data: &DataFolder,
    project: &Project,
    ledger: &Ledger,
) -> Result<(SledEngine, Option<String>), AdminError> {
    let settings = SledSettings {
        cache_bytes: project.store.cache_bytes,
    };
    let mut opened = SledEngine::open_or_set_aside(&data.store(), settings)?;
    let mut reason = opened
        .rebuilt
        .as_ref()
        .map(|rebuilt| rebuilt.reason.to_string());
    let position = |engine: &SledEngine| engine.reached().map_or(0, |reached| reached.position);
    let ahead = position(&opened.engine) > ledger.durable_position();
    let behind = position(&opened.engine) > 0 && ledger.first_seq() > position(&opened.engine) + 1;
    if ahead || behind {
        let what = if ahead {
            "is ahead of the ledger"
        } else {
            "ends before the ledger begins"
        };
        let contradiction = Reason::Contradicts(what.to_owned());
        drop(opened);
        opened = SledEngine::set_aside_and_open(&data.store(), settings, contradiction)?;
        reason = Some(format!("the store {what}"));
    }
    if position(&opened.engine) == 0
        && let Some(newest) = snapshot::newest(&data.snapshots())?
        && newest.position <= ledger.durable_position()
    {
        snapshot::load(&newest, &opened.engine)?;
    }
    let reached = position(&opened.engine);
    if ledger.first_seq() > reached + 1 {
        return Err(coded(
            "XP-RUN-002",
            format!(
                "the ledger begins at entry {} but the state reaches only entry {reached}: what \
                 lies between was removed and no snapshot covers it",
                ledger.first_seq()
            ),
            Some("restore the `snapshots` folder or the removed ledger files from a backup".into()),
        ));
    }
    // A first start has nothing to rebuild from, and nothing to be loud about.
    let rebuilt = reason.filter(|_| ledger.durable_position() > 0);
    if let Some(reason) = &rebuilt {
        tracing::warn!(reason, "rebuilding the store from the ledger");
    }
    Ok((opened.engine, rebuilt))
}

/// Steps what is durable and not yet applied.
fn catch_up(core: &mut Core, rebuilding: bool, progress: OnProgress<'_>) -> Result<(), AdminError> {
    let total = core.ledger.durable_position();
    let behind = total.saturating_sub(core.applied);
    if behind == 0 {
        return Ok(());
    }
    let label = if rebuilding {
        "rebuilding the store"
    } else {
        "catching up with the ledger"
    };
    let start = core.applied;
    let mut reader = core.ledger.reader(start + 1);
    while let Some((seq, entry)) = reader.next()? {
        core.step(seq, &entry, &mut |_| {})?;
        if core.state.needs_checkpoint() {
            core.state.checkpoint(core.applied, core.applied_at)?;
        }
        if seq % 256 == 0 || seq == total {
            let done = seq - start;
            progress(Progress {
                label: label.to_owned(),
                done,
                total: Some(behind),
            });
        }
    }
    core.checkpoint_and_wait()
}
