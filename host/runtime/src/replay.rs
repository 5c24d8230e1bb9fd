//! The ledger stepped into an empty store, and compared with the store there is.

use std::path::PathBuf;
use std::sync::Arc;

use crosspoint_ledger::Ledger;
use crosspoint_model::Instant;
use crosspoint_model::state::{Counter, State};
use crosspoint_step::Stepper;
use crosspoint_store::{
    Engine, MemoryEngine, Settings, SledEngine, SledSettings, WorkingSet, digest, snapshot,
};
use serde::{Deserialize, Serialize};

use crate::admin::{AdminError, Progress};
use crate::error::coded;
use crate::host::HostOptions;
use crate::open::{DataFolder, OnProgress, open};

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReplayReport {
    pub entries: u64,
    pub profiles: i64,
    /// SHA-256 over all keys and values of the replayed state, in hexadecimal.
    pub digest_replay: String,
    /// The same of the store there is; absent without `check`.
    pub digest_store: Option<String>,
    /// Whether both are equal, byte for byte; absent without `check`.
    pub equal: Option<bool>,
}

/// Steps the whole ledger into an empty store: one in memory, or a new one in the folder `into`.
/// With `check`, compares the result with the project's store. No host may run.
///
/// # Errors
/// A locked or damaged data folder; a folder `into` that is not empty.
pub fn replay(
    options: &HostOptions,
    into: Option<PathBuf>,
    check: bool,
    progress: OnProgress<'_>,
) -> Result<ReplayReport, AdminError> {
    let data = options.data_folder();
    let digest_store = match check {
        true => Some(stored_digest(options, &data, progress)?),
        false => None,
    };
    let ledger = Ledger::open_read_only(&data.ledger())?;
    let (entries, profiles, digest_replay) = match into {
        None => step_all(&ledger, &data, MemoryEngine::new(), progress)?,
        Some(folder) => {
            let used = std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
            if used {
                let message = format!("the folder `{}` is not empty", folder.display());
                return Err(coded(
                    "XP-RUN-004",
                    message,
                    Some("name a new folder".into()),
                ));
            }
            let opened = SledEngine::open_or_set_aside(&folder, SledSettings::default())?;
            step_all(&ledger, &data, opened.engine, progress)?
        }
    };
    let equal = digest_store.as_ref().map(|stored| *stored == digest_replay);
    Ok(ReplayReport {
        entries,
        profiles,
        digest_replay,
        digest_store,
        equal,
    })
}

/// The digest of the project's store, brought up to the ledger's end.
fn stored_digest(
    options: &HostOptions,
    data: &DataFolder,
    progress: OnProgress<'_>,
) -> Result<String, AdminError> {
    let project = crosspoint_config::open(&options.project)
        .map_err(|error| coded("XP-RUN-012", error, None))?;
    let mut core = open(data, &project, progress)?.core;
    core.checkpoint_and_wait()?;
    let stored = digest(&**core.state.engine())?;
    core.ledger.close()?;
    Ok(hex::encode(stored))
}

fn step_all<E: Engine + 'static>(
    ledger: &Ledger,
    data: &DataFolder,
    engine: E,
    progress: OnProgress<'_>,
) -> Result<(u64, i64, String), AdminError> {
    if ledger.first_seq() > 1 {
        let newest = snapshot::newest(&data.snapshots())?;
        let covering = newest
            .filter(|newest| newest.position + 1 >= ledger.first_seq())
            .ok_or_else(|| {
                coded(
                    "XP-RUN-002",
                    "older ledger files were removed and no snapshot covers them",
                    None,
                )
            })?;
        snapshot::load(&covering, &engine)?;
    }
    let start = engine.reached().map_or(0, |reached| reached.position);
    let mut state = WorkingSet::open(Arc::new(engine), Settings::default())?;
    let mut stepper = Stepper::resume(&mut state)?;
    let mut reader = ledger.reader(start + 1);
    let total = ledger.durable_position().saturating_sub(start);
    let (mut position, mut at) = (start, Instant(0));
    while let Some((seq, entry)) = reader.next()? {
        stepper.step(&mut state, seq, &entry)?;
        (position, at) = (seq, entry.at);
        if state.needs_checkpoint() {
            state.checkpoint(position, at)?;
        }
        if seq % 256 == 0 {
            let (label, done) = ("replaying the ledger".to_owned(), seq - start);
            progress(Progress {
                label,
                done,
                total: Some(total),
            });
        }
    }
    if position > start {
        state.checkpoint_and_wait(position, at)?;
    }
    let profiles = state.counter(Counter::Profiles)?;
    let engine = state.close()?;
    Ok((position - start, profiles, hex::encode(digest(&*engine)?)))
}
