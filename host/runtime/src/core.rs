//! The step loop: one thread that owns the state.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant as MachineInstant};

use crosspoint_deliver::Wake;
use crosspoint_ledger::{Ledger, Reader};
use crosspoint_model::delivery::Delivery;
use crosspoint_model::entry::{Entry, What};
use crosspoint_model::record::Body;
use crosspoint_model::state::State;
use crosspoint_model::{FragmentId, Instant, Symbol};
use crosspoint_step::{SWEEP_COUNT, Stepper, decisions};
use crosspoint_store::{SledEngine, WorkingSet};
use smol_str::SmolStr;
use tokio::sync::watch;

use crate::admin::AdminError;
use crate::clock::Clock;
use crate::failpoint::reach;
use crate::live::{ComputedTraits, Metrics, Ring, Traces, follows};

/// Longest time that the loop steps before it looks at questions: half of a lookup's budget.
const SLICE: Duration = Duration::from_millis(2);
/// Profiles that are encoded in one go: a fraction of [`SLICE`].
const ENCODED_AT_ONCE: usize = 8;
/// Records of an entry that are applied in one go: a fraction of [`SLICE`] too.
const APPLIED_AT_ONCE: usize = 8;
/// How much rarer checkpoints are while entries keep coming: bounds the replay after a crash to some
/// seconds.
const BUSY_FACTOR: u32 = 20;
/// For so long after a lookup others are expected. Checkpoints are then small and frequent: while one
/// is applied, whoever reads the store waits, lookups included.
const LOOKED_UP_LATELY: Duration = Duration::from_secs(2);
/// What a checkpoint waits for then: a commit of so many changes is applied within [`SLICE`].
const CHANGES_LOOKED_UP: usize = 128;
/// Longest sleep; anything that happens ends it sooner.
const IDLE: Duration = Duration::from_secs(60);

/// A question for the state.
pub(crate) type Job = Box<dyn FnOnce(&mut Core) -> ControlFlow<()> + Send>;
/// A question about profiles, which changes nothing and may be asked while an entry is half applied.
pub(crate) type Lookup = Box<dyn FnOnce(&mut Core) + Send>;

/// What is asked of the core thread.
pub(crate) struct Questions {
    pub jobs: Receiver<Job>,
    pub lookups: Receiver<Lookup>,
}

/// The state and what steps it.
pub(crate) struct Core {
    pub ledger: Arc<Ledger>,
    pub state: WorkingSet<SledEngine>,
    pub stepper: Stepper,
    pub clock: Arc<Clock>,
    /// The last entry that the state holds.
    pub applied: u64,
    pub applied_at: Instant,
    pub checkpoint_every: Duration,
    /// Who delivers what: woken when an outbox changes.
    pub wakes: BTreeMap<SmolStr, watch::Sender<Wake>>,
    pub metrics: Arc<Metrics>,
    pub traces: Arc<Traces>,
    /// Transitions, for whoever listens.
    pub changes: Arc<Ring>,
    /// Compiled at the first lookup.
    pub computed: Arc<ComputedTraits>,
    /// When the last lookup came.
    pub looked_up: Option<MachineInstant>,
    /// The newest entry that may have changed what somebody decided.
    pub decided: Arc<AtomicU64>,
}

impl Core {
    /// Applies one entry; `between` may look at profiles while it is under way.
    pub fn step(
        &mut self,
        seq: u64,
        entry: &Entry,
        between: &mut dyn FnMut(&mut Self),
    ) -> Result<(), AdminError> {
        let mut begun = self.stepper.begin(&mut self.state, seq, entry)?;
        while !self
            .stepper
            .advance(&mut self.state, entry, &mut begun, APPLIED_AT_ONCE)?
        {
            between(self);
        }
        let effects = begun.effects();
        self.applied = seq;
        self.applied_at = entry.at;
        if effects.regrouped || may_decide(&entry.what) {
            self.decided.store(seq, Ordering::Release);
        }
        self.changes.note(seq, &effects.transitions);
        let own_receipts = matches!(entry.what, What::Receipts { .. } | What::Attempts { .. });
        if !own_receipts {
            let command = matches!(
                entry.what,
                What::OutboxCommand { .. } | What::ConnectorState { .. } | What::Configured(_)
            );
            for connector in effects.outboxes {
                self.wake(connector, command);
            }
        }
        Ok(())
    }

    /// Puts the newest decisions of the person into a delivery that was caused before them.
    pub fn renew(&mut self, delivery: &mut Delivery) -> Result<(), AdminError> {
        // A profile that was joined to another is still found by its own id.
        let id = self.state.profile_of(FragmentId(delivery.profile.0))?;
        if let Some(profile) = self.state.profile(id.unwrap_or(delivery.profile))? {
            delivery.consents = decisions(&profile);
        }
        Ok(())
    }

    /// [`Self::step`], counted, and in the trace of what led to the entry.
    fn step_traced(
        &mut self,
        seq: u64,
        entry: &Entry,
        between: &mut dyn FnMut(&mut Self),
    ) -> Result<(), AdminError> {
        let span = self.traces.of(seq).map(|cause| {
            let span = tracing::debug_span!("step", entry = seq);
            follows(&span, cause);
            span
        });
        let _entered = span.as_ref().map(tracing::Span::enter);
        self.step(seq, entry, between)?;
        self.metrics.applied(&entry.what);
        Ok(())
    }

    fn wake(&self, connector: Symbol, command: bool) {
        if let Some(wake) = self.wakes.get(&self.state.name(connector)) {
            wake.send_modify(|wake| {
                if command {
                    wake.commands += 1;
                } else {
                    wake.arrivals += 1;
                }
            });
        }
    }

    /// Writes everything that changed, and waits for it.
    pub fn checkpoint_and_wait(&mut self) -> Result<(), AdminError> {
        Ok(self
            .state
            .checkpoint_and_wait(self.applied, self.applied_at)?)
    }

    /// The instant of a question: the clock's, but never before what was applied.
    pub fn now(&self) -> Instant {
        self.clock.now().max(self.applied_at)
    }
}

/// Whether an entry can change which decision of a person is the newest by what it says: a consent, or
/// what takes one away.
fn may_decide(what: &What) -> bool {
    match what {
        What::Records(records) => records
            .records
            .iter()
            .any(|record| matches!(record.body, Body::Consent(_) | Body::Tombstone(_))),
        _ => false,
    }
}

/// Runs until a job breaks off; the state is then durable.
pub(crate) fn run(
    mut core: Core,
    questions: &Questions,
    applied: &watch::Sender<u64>,
) -> Result<(), AdminError> {
    let ledger = Arc::clone(&core.ledger);
    let mut reader = ledger.reader(core.applied + 1);
    let mut checkpointed = MachineInstant::now();
    let mut dirty = false;
    let mut asked = 0;
    loop {
        // However many questions come, the state moves on.
        let asked_now = answer(&mut core, questions, SLICE);
        if asked_now == Asked::End {
            return core.checkpoint_and_wait();
        }
        let (stepped, end) = step_slice(&mut core, &mut reader, questions)?;
        if end {
            return core.checkpoint_and_wait();
        }
        if stepped {
            dirty = true;
            core.changes.announce(core.applied);
            applied.send_replace(core.applied);
        }
        let full = core.state.needs_checkpoint();
        // While there is much to do, each changed key is better written once than often.
        let looked_up = core.looked_up;
        let awaited = looked_up.is_some_and(|at| at.elapsed() < LOOKED_UP_LATELY);
        let factor = if stepped && !awaited { BUSY_FACTOR } else { 1 };
        let interval = core.checkpoint_every * factor;
        let due = checkpointed.elapsed() >= interval
            || awaited && core.state.changes() >= CHANGES_LOOKED_UP;
        if dirty && (full || due && !core.state.is_writing()?) {
            if checkpoint(&mut core, questions)? {
                return core.checkpoint_and_wait();
            }
            // The writer thread commits what was handed over just now.
            reach("mid-commit");
            checkpointed = MachineInstant::now();
            dirty = false;
        }
        if !stepped {
            let appended = core.applied >= asked && append_due(&mut core, &mut asked)?;
            let mut sleep = if dirty {
                core.checkpoint_every.saturating_sub(checkpointed.elapsed())
            } else {
                IDLE
            };
            if let (Some((due, _)), false) = (core.state.next_timer()?, appended) {
                let wait = due.since_ms(core.clock.now()).max(1).unsigned_abs();
                sleep = sleep.min(Duration::from_millis(wait));
            }
            if asked_now == Asked::Nothing && core.applied == ledger.durable_position() {
                ledger.wait_beyond(core.applied, sleep.max(Duration::from_millis(1)))?;
            }
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing any more.
    Nothing,
    /// More, but time is over.
    More,
    /// That the loop end.
    End,
}

/// Answers lookups for about so long; whether none is left.
fn look_up(core: &mut Core, questions: &Questions, most: Duration) -> bool {
    let start = MachineInstant::now();
    loop {
        let Ok(lookup) = questions.lookups.try_recv() else {
            return true;
        };
        // A place that an answer names is one that can be listened from.
        core.changes.announce(core.applied);
        lookup(core);
        if start.elapsed() >= most {
            return false;
        }
    }
}

/// Answers questions for about so long, lookups first.
fn answer(core: &mut Core, questions: &Questions, most: Duration) -> Asked {
    let start = MachineInstant::now();
    loop {
        if !look_up(core, questions, most.saturating_sub(start.elapsed())) {
            return Asked::More;
        }
        let job = match questions.jobs.try_recv() {
            Ok(job) => job,
            Err(TryRecvError::Empty) => return Asked::Nothing,
            Err(TryRecvError::Disconnected) => return Asked::End,
        };
        // A place that an answer names is one that can be listened from.
        core.changes.announce(core.applied);
        if job(core).is_break() {
            return Asked::End;
        }
        if start.elapsed() >= most {
            return Asked::More;
        }
    }
}

/// Steps for a while, with answers after each entry, and to lookups within it, that take no longer than
/// what they follow. Whether anything was there, and whether the loop is to end.
fn step_slice(
    core: &mut Core,
    reader: &mut Reader,
    questions: &Questions,
) -> Result<(bool, bool), AdminError> {
    let (mut stepping, mut end) = (Duration::ZERO, false);
    while !end {
        let start = MachineInstant::now();
        let Some((seq, entry)) = reader.next()? else {
            break;
        };
        let (mut since, mut asked) = (start, Duration::ZERO);
        core.step_traced(seq, &entry, &mut |core| {
            let now = MachineInstant::now();
            look_up(core, questions, now - since);
            since = MachineInstant::now();
            asked += since - now;
        })?;
        let took = start.elapsed().saturating_sub(asked);
        stepping += took;
        if stepping > SLICE || core.state.needs_checkpoint() {
            break;
        }
        end = answer(core, questions, took) == Asked::End;
    }
    let stepped = stepping > Duration::ZERO;
    if stepped {
        core.metrics.stepped(stepping);
    }
    Ok((stepped, end))
}

/// Hands what changed to the store's writer, with answers while it is encoded. Whether the loop is
/// to end; nothing was handed over then.
fn checkpoint(core: &mut Core, questions: &Questions) -> Result<bool, AdminError> {
    while core.state.encode_ahead(ENCODED_AT_ONCE)? {
        if answer(core, questions, SLICE) == Asked::End {
            return Ok(true);
        }
    }
    core.state.checkpoint(core.applied, core.applied_at)?;
    Ok(false)
}

/// Appends the next piece of a sweep, even while entries keep coming; or, with everything applied, a
/// tick for due timers: any other entry fires them as well. `asked` becomes the entry's number.
fn append_due(core: &mut Core, asked: &mut u64) -> Result<bool, AdminError> {
    let idle = core.applied == core.ledger.last_appended();
    let now = core.clock.now();
    let what = if let Some(after) = Stepper::pending_sweep(&mut core.state)? {
        What::Sweep {
            after,
            count: SWEEP_COUNT,
        }
    } else if idle && core.state.next_timer()?.is_some_and(|(due, _)| due <= now) {
        What::Tick
    } else {
        return Ok(false);
    };
    // A disk that does not keep up is no reason to answer nothing: it is tried again.
    let appended = core.ledger.try_append(now, &what)?;
    if let Some(appended) = appended {
        *asked = appended.seq;
    }
    Ok(appended.is_some())
}
