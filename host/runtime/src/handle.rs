//! How everybody else reaches the core thread.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crosspoint_ledger::Ledger;
use crosspoint_model::ConnectorId;
use crosspoint_model::delivery::Delivery;
use crosspoint_step::Stepper;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::admin::AdminError;
use crate::core::{Core, Job, Lookup, Questions, run};
use crate::error::coded;
use crate::live::{Metrics, Traces};

/// Questions of async tasks that may wait for the core thread. A task that is dropped leaves its
/// question behind, so it is the questions that are bounded, not the tasks. Threads that ask are few,
/// and each waits for its answer.
pub(crate) const MAX_WAITING: usize = 1_024;

/// Asks the core thread.
pub(crate) struct Handle {
    jobs: Mutex<Option<Sender<Job>>>,
    lookups: Mutex<Sender<Lookup>>,
    room: Arc<Semaphore>,
    ledger: Arc<Ledger>,
    /// What is counted as it happens.
    pub metrics: Arc<Metrics>,
    /// What led to which entry.
    pub traces: Arc<Traces>,
    applied: watch::Receiver<u64>,
    decided: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: Arc<Mutex<Option<AdminError>>>,
}

impl Handle {
    /// Starts the thread.
    pub fn start(core: Core) -> Result<Self, AdminError> {
        let (jobs, asked) = channel::<Job>();
        let (lookups, looked_up) = channel::<Lookup>();
        let questions = Questions {
            jobs: asked,
            lookups: looked_up,
        };
        let ledger = Arc::clone(&core.ledger);
        let (metrics, traces) = (Arc::clone(&core.metrics), Arc::clone(&core.traces));
        let decided = Arc::clone(&core.decided);
        let (applied_sender, applied) = watch::channel(core.applied);
        let failure = Arc::new(Mutex::new(None));
        let note = Arc::clone(&failure);
        let thread = std::thread::Builder::new()
            .name("step".to_owned())
            .spawn(move || {
                if let Err(error) = run(core, &questions, &applied_sender) {
                    tracing::error!(error = %error, "the step loop stopped");
                    *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            })
            .map_err(|error| {
                coded(
                    "XP-RUN-009",
                    format!("could not start a thread: {error}"),
                    None,
                )
            })?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            lookups: Mutex::new(lookups),
            room: Arc::new(Semaphore::new(MAX_WAITING)),
            ledger,
            metrics,
            traces,
            applied,
            decided,
            thread: Mutex::new(Some(thread)),
            failure,
        })
    }

    /// Asks and blocks for the answer. Not from within an async task.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let (answer, answered) = channel();
        self.send(Box::new(move |core| {
            // Nobody waits any more where this fails.
            _ = answer.send(question(core));
            ControlFlow::Continue(())
        }))?;
        answered.recv().map_err(|_| self.stopped())?
    }

    /// Asks and completes with the answer. May be dropped at any time. With [`MAX_WAITING`]
    /// questions before it, waits until one of them is answered.
    pub async fn ask_async<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let send = |question: Lookup| {
            self.send(Box::new(move |core| {
                question(core);
                ControlFlow::Continue(())
            }))
        };
        self.answered(question, send).await
    }

    /// [`Self::ask_async`] about profiles as they are, which need not wait for an entry to be applied
    /// whole. `question` must change nothing.
    pub async fn look_up<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let send = |question| self.send_lookup(question);
        self.answered(question, send).await
    }

    /// Waits for room, sends the question, and completes with its answer.
    async fn answered<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> Result<T, AdminError> + Send + 'static,
        send: impl FnOnce(Lookup) -> Result<(), AdminError>,
    ) -> Result<T, AdminError> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| self.stopped())?;
        let (answer, answered) = oneshot::channel();
        send(Box::new(move |core| {
            // Nobody waits any more where this fails.
            _ = answer.send(question(core));
            drop(room);
        }))?;
        answered.await.map_err(|_| self.stopped())?
    }

    /// Whether somebody may have decided otherwise after the entry that caused the delivery.
    pub fn may_be_outdated(&self, delivery: &Delivery) -> bool {
        delivery.id.seq < self.decided.load(Ordering::Acquire)
    }

    /// Why a connector is paused, if it is.
    pub async fn paused(&self, connector: &ConnectorId) -> Result<Option<String>, AdminError> {
        let name = connector.0.clone();
        self.ask_async(move |core| Ok(Stepper::paused(&mut core.state, &name)?))
            .await
    }

    /// Completes when the state holds entry `seq`.
    pub async fn applied(&self, seq: u64) -> Result<(), AdminError> {
        let mut applied = self.applied.clone();
        let reached = applied.wait_for(|reached| *reached >= seq).await;
        reached.map(|_| ()).map_err(|_| self.stopped())
    }

    /// Completes when the thread has ended, which it does by itself only after a failure.
    pub async fn ended(&self) {
        let mut applied = self.applied.clone();
        while applied.changed().await.is_ok() {}
    }

    /// Whether the thread runs.
    pub fn runs(&self) -> bool {
        self.applied.has_changed().is_ok()
    }

    /// The last entry that the state holds.
    pub fn applied_position(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Stops the thread; what it applied is checkpointed then, the rest is stepped at the next start.
    pub fn stop(&self) -> Result<(), AdminError> {
        let jobs = self
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(jobs) = jobs {
            // The thread has ended already where this fails.
            _ = jobs.send(Box::new(|_| ControlFlow::Break(())));
        }
        self.ledger.wake();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            return Err(coded("XP-RUN-009", "the step loop panicked", None));
        }
        match self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn send(&self, job: Job) -> Result<(), AdminError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        drop(jobs);
        self.ledger.wake();
        if sent { Ok(()) } else { Err(self.stopped()) }
    }

    fn send_lookup(&self, lookup: Lookup) -> Result<(), AdminError> {
        let lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = lookups.send(lookup);
        drop(lookups);
        self.ledger.wake();
        sent.map_err(|_| self.stopped())
    }

    fn stopped(&self) -> AdminError {
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        failure.unwrap_or_else(|| coded("XP-RUN-009", "the host has stopped", None))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(error = %error, "the step loop did not stop cleanly");
        }
    }
}
