//! Ledger, step and store put together as the runtime's core does, with nothing around them.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant as MachineInstant};

use anyhow::{Result, anyhow, ensure};
use crosspoint_config::Project;
use crosspoint_ledger::{Ledger, Options, Reader};
use crosspoint_model::Instant;
use crosspoint_model::entry::{Configured, What};
use crosspoint_model::state::{Counter, State as _};
use crosspoint_step::Stepper;
use crosspoint_store::{Settings, SledEngine, SledSettings, WorkingSet};

use crate::data::Page;
use crate::machine::{process_cpu, thread_cpu};

/// The runtime's: longest time that the loop steps in one go.
const SLICE: Duration = Duration::from_millis(2);
/// The runtime's: how much rarer checkpoints are while entries keep coming.
const BUSY_FACTOR: u32 = 20;

/// Pages that may wait for the disk: a source is never faster than that, and waiting pages would
/// count as the host's memory.
const AHEAD: u64 = 64;

/// A shard without edges.
pub struct Rig {
    ledger: Ledger,
    state: WorkingSet<SledEngine>,
    stepper: Stepper,
    project: Project,
    applied: u64,
    applied_at: Instant,
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub records: u64,
    /// From the first append until everything is durable in ledger and store.
    pub wall: Duration,
    /// Of the thread that steps.
    pub step_cpu: Duration,
    /// Of the whole process: also the ledger's and the store's threads, and who appends.
    pub process_cpu: Duration,
    pub checkpoints: u32,
}

impl Rig {
    /// A new data folder with this configuration applied.
    pub fn new(folder: &Path, config: String) -> Result<Self> {
        let files = vec![("crosspoint.toml".to_owned(), config)];
        let project = crosspoint_config::parse(&files).map_err(|problems| {
            anyhow!(
                "the generated configuration is wrong: {:?}",
                problems.first()
            )
        })?;
        let cache_bytes = project.store.cache_bytes;
        let opened =
            SledEngine::open_or_set_aside(&folder.join("store"), SledSettings { cache_bytes })?;
        let settings = Settings {
            memory_bytes: usize::try_from(cache_bytes)?,
        };
        let mut state = WorkingSet::open(Arc::new(opened.engine), settings)?;
        let stepper = Stepper::resume(&mut state)?;
        let ledger = Ledger::open(&folder.join("ledger"), Options::default())?;
        let mut rig = Self {
            ledger,
            state,
            stepper,
            project,
            applied: 0,
            applied_at: Instant(0),
        };
        let configured = (Instant(0), What::Configured(Configured { files }));
        rig.run(std::iter::once(configured))?;
        ensure!(
            Stepper::pending_sweep(&mut rig.state)?.is_none(),
            "a sweep over no profiles"
        );
        Ok(rig)
    }

    /// Appends on one thread, steps on this one; returns when everything is durable.
    pub fn run(&mut self, pages: impl Iterator<Item = Page> + Send) -> Result<Run> {
        let (start, step, process) = (MachineInstant::now(), thread_cpu(), process_cpu());
        let Self {
            ledger,
            state,
            stepper,
            project,
            applied,
            applied_at,
        } = self;
        let ledger: &Ledger = ledger;
        let mut core = Core {
            ledger,
            state,
            stepper,
            project,
            applied,
            applied_at,
        };
        let (records, checkpoints) = thread::scope(|scope| {
            let appender = scope.spawn(|| append(ledger, pages));
            let checkpoints = core.follow(&mut || appender.is_finished());
            let records = appender
                .join()
                .map_err(|_| anyhow!("appending panicked"))??;
            anyhow::Ok((records, checkpoints?))
        })?;
        Ok(Run {
            records,
            wall: start.elapsed(),
            step_cpu: thread_cpu() - step,
            process_cpu: process_cpu() - process,
            checkpoints,
        })
    }

    /// How many profiles there are.
    pub fn profiles(&mut self) -> Result<i64> {
        Ok(self.state.counter(Counter::Profiles)?)
    }
}

/// Appends everything and waits until it is durable; says how many records it was.
fn append(ledger: &Ledger, pages: impl Iterator<Item = Page>) -> Result<u64> {
    let mut records = 0;
    for (at, what) in pages {
        if let What::Records(page) = &what {
            records += page.records.len() as u64;
        }
        let appended = ledger.append(at, &what)?;
        ledger.wait_durable(appended.seq.saturating_sub(AHEAD))?;
    }
    ledger.wait_durable(ledger.last_appended())?;
    Ok(records)
}

/// The borrowed parts that the stepping thread needs.
struct Core<'a> {
    ledger: &'a Ledger,
    state: &'a mut WorkingSet<SledEngine>,
    stepper: &'a mut Stepper,
    project: &'a Project,
    applied: &'a mut u64,
    applied_at: &'a mut Instant,
}

impl Core<'_> {
    /// The loop of the runtime's `core.rs`, without questions. Returns the number of checkpoints.
    fn follow(&mut self, all_appended: &mut dyn FnMut() -> bool) -> Result<u32> {
        let every = Duration::from_millis(self.project.store.checkpoint_every_ms) * BUSY_FACTOR;
        let mut reader = self.ledger.reader(*self.applied + 1);
        let (mut checkpointed, mut checkpoints) = (MachineInstant::now(), 0);
        loop {
            // Asked before the reader: what comes after the question is found by the next round.
            let is_all = all_appended();
            let stepped = self.step_slice(&mut reader)?;
            let due = checkpointed.elapsed() >= every;
            if stepped && (self.state.needs_checkpoint() || due && !self.state.is_writing()?) {
                self.state.checkpoint(*self.applied, *self.applied_at)?;
                (checkpointed, checkpoints) = (MachineInstant::now(), checkpoints + 1);
            }
            if !stepped && is_all {
                self.state
                    .checkpoint_and_wait(*self.applied, *self.applied_at)?;
                return Ok(checkpoints + 1);
            }
            if !stepped {
                self.ledger
                    .wait_beyond(*self.applied, Duration::from_millis(1))?;
            }
        }
    }

    fn step_slice(&mut self, reader: &mut Reader) -> Result<bool> {
        let start = MachineInstant::now();
        let mut stepped = false;
        while let Some((seq, entry)) = reader.next()? {
            self.stepper.step(self.state, seq, &entry)?;
            (*self.applied, *self.applied_at) = (seq, entry.at);
            stepped = true;
            if start.elapsed() > SLICE || self.state.needs_checkpoint() {
                break;
            }
        }
        Ok(stepped)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crosspoint_store::Engine as _;

    use super::*;
    use crate::{data, project};

    #[test]
    fn every_record_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let config = project::project("", &project::over_orders(3));
        let mut rig = Rig::new(folder.path(), config).unwrap();
        let orders = data::orders(1).unwrap();
        let run = rig.run(data::pages(&orders[..2_500]).into_iter()).unwrap();
        assert_eq!(run.records, 2_500);
        let customers: BTreeSet<_> = orders[..2_500]
            .iter()
            .map(|order| &order.identifiers[0])
            .collect();
        assert_eq!(rig.profiles().unwrap(), customers.len() as i64);
        let reached = rig.state.engine().reached().unwrap();
        assert_eq!(reached.position, rig.ledger.durable_position());
    }
}
