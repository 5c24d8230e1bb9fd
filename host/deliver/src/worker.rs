//! One connector's loop: take from the outbox, hand over, write receipts.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crosspoint_ledger::Ledger;
use crosspoint_model::delivery::{Delivery, DeliveryId, DeliveryStatus, Outcome, Receipt};
use crosspoint_model::entry::What;
use crosspoint_model::{ConnectorId, Instant};
use tokio::task::JoinSet;

use crate::verdict::{Consequences, judge, outcome_of_fault, outcome_of_found};
use crate::window::{Window, Work};
use crate::{ActionSpec, Destination, DestinationFault, Error, Idempotency, Retry};

/// Deliveries fetched from the outbox at a time: each page is one question to the state, behind which
/// others wait for a millisecond.
const PAGE: usize = 250;
/// How long a job that a vendor works on is left alone between two questions.
const POLL_MS: i64 = 2_000;

/// The state's outbox, as the worker sees it.
pub trait Outbox: Send + Sync + 'static {
    /// Up to `limit` deliveries behind `after`, in their order.
    fn page(
        &self,
        connector: &ConnectorId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Delivery>, Error>> + Send;

    /// The same deliveries with what their people have decided by now. Asked right before they are
    /// handed over: what has waited, or is tried again, must not go by an old consent.
    fn renewed(
        &self,
        deliveries: Vec<Delivery>,
    ) -> impl Future<Output = Result<Vec<Delivery>, Error>> + Send;

    /// Returns when the step has applied the ledger entry `seq`.
    fn applied(&self, seq: u64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Why the connector is paused, if it is.
    fn paused(
        &self,
        connector: &ConnectorId,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;
}

/// What changed in an outbox other than by its worker; both only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// Steps that added deliveries.
    pub arrivals: u64,
    /// Decisions of a person about deliveries or the connector.
    pub commands: u64,
}

/// The machine's clock: when to retry has nothing to do with the data's time.
pub type Pace = Arc<dyn Fn() -> Instant + Send + Sync>;

/// What a worker needs.
pub struct WorkerOptions<D, O> {
    /// Whose outbox.
    pub connector: ConnectorId,
    /// Who takes the deliveries.
    pub destination: Arc<D>,
    /// Where they come from.
    pub outbox: Arc<O>,
    /// Where receipts go.
    pub ledger: Arc<Ledger>,
    /// How faults are retried.
    pub retry: Retry,
    /// Most calls on their way at once; at least 1.
    pub in_flight: usize,
    /// The machine's clock.
    pub now: Pace,
    /// The instant for ledger entries, which the project's clock decides.
    pub stamp: Pace,
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Delivered.
    pub done: u64,
    /// Tries that failed and will be repeated.
    pub retrying: u64,
    /// Stopped for a person.
    pub stopped: u64,
}

/// Delivers one connector's outbox. One worker per connector, so that a stuck vendor slows no
/// other.
pub struct Worker<D, O> {
    options: WorkerOptions<D, O>,
    specs: Vec<ActionSpec>,
    window: Window,
    flights: JoinSet<Flight>,
    hold_until: Option<Instant>,
    paused: bool,
    last_receipt: u64,
    drained: Drained,
}

/// What came back from one call.
struct Flight {
    items: Vec<Delivery>,
    outcomes: Vec<Outcome>,
}

impl<D: Destination, O: Outbox> Worker<D, O> {
    /// A worker that has looked at nothing yet.
    pub fn new(options: WorkerOptions<D, O>) -> Self {
        Self {
            options,
            specs: Vec::new(),
            window: Window::default(),
            flights: JoinSet::new(),
            hold_until: None,
            paused: false,
            last_receipt: 0,
            drained: Drained::default(),
        }
    }

    /// Delivers until `stop` completes, then waits for what is on its way. `wake` tells of what
    /// changed in the outbox other than by this worker.
    ///
    /// # Errors
    /// When the ledger or the state fails.
    pub async fn run(
        mut self,
        mut wake: tokio::sync::watch::Receiver<Wake>,
        stop: impl Future<Output = ()>,
    ) -> Result<Drained, Error> {
        tokio::pin!(stop);
        let mut commands = wake.borrow_and_update().commands;
        loop {
            let due = self.advance().await?;
            let wait = self.until(due);
            tokio::select! {
                () = &mut stop => break,
                Some(flight) = self.flights.join_next() => self.land(flight).await?,
                woken = wake.changed() => {
                    if woken.is_err() {
                        break;
                    }
                    let latest = wake.borrow_and_update().commands;
                    if commands != latest {
                        commands = latest;
                        self.refresh().await?;
                    }
                }
                () = wait => {}
            }
        }
        while let Some(flight) = self.flights.join_next().await {
            self.land(flight).await?;
        }
        Ok(self.drained)
    }

    /// Delivers until nothing is left that can be delivered now or within `patience`.
    ///
    /// # Errors
    /// When the ledger or the state fails.
    pub async fn drain(mut self, patience: Duration) -> Result<Drained, Error> {
        loop {
            let due = self.advance().await?;
            if let Some(flight) = self.flights.join_next().await {
                self.land(flight).await?;
                continue;
            }
            let latest = (self.options.now)().plus_ms(as_ms(patience));
            match due {
                Some(due) if due <= latest && !self.paused => self.until(Some(due)).await,
                _ => break,
            }
        }
        if self.last_receipt > 0 {
            self.options.outbox.applied(self.last_receipt).await?;
        }
        Ok(self.drained)
    }

    /// Loads and starts what may start; answers when the next thing is due.
    async fn advance(&mut self) -> Result<Option<Instant>, Error> {
        let connector = self.options.connector.clone();
        if self.paused {
            self.options.outbox.applied(self.last_receipt).await?;
        }
        self.paused = self.options.outbox.paused(&connector).await?.is_some();
        if self.paused {
            return Ok(None);
        }
        if self.specs.is_empty() && !self.learn_actions().await? {
            return Ok(None);
        }
        self.fill().await?;
        let now = (self.options.now)();
        if let Some(until) = self.hold_until {
            if until > now {
                return Ok(Some(until));
            }
            self.hold_until = None;
        }
        let free = self
            .options
            .in_flight
            .max(1)
            .saturating_sub(self.flights.len());
        if free > 0 {
            for work in self.window.take(now, &self.specs, free) {
                self.start(work).await?;
            }
        }
        Ok(self.window.next_due())
    }

    async fn learn_actions(&mut self) -> Result<bool, Error> {
        match self.options.destination.actions().await {
            Ok(specs) => {
                self.specs = specs;
                Ok(true)
            }
            Err(fault) => {
                let reason = format!("the plugin does not tell its actions: {fault}");
                self.pause(reason).await?;
                Ok(false)
            }
        }
    }

    async fn fill(&mut self) -> Result<(), Error> {
        while self.window.room() > 0 {
            let limit = self.window.room().min(PAGE);
            let outbox = &self.options.outbox;
            let page = outbox
                .page(&self.options.connector, self.window.tail(), limit)
                .await?;
            let full = page.len() == limit;
            self.window.load(page);
            if !full {
                break;
            }
        }
        Ok(())
    }

    /// Looks at the outbox anew, after the step has applied all receipts that this worker wrote.
    async fn refresh(&mut self) -> Result<(), Error> {
        if self.last_receipt > 0 {
            self.options.outbox.applied(self.last_receipt).await?;
        }
        self.window.reload();
        Ok(())
    }

    async fn start(&mut self, work: Work) -> Result<(), Error> {
        let destination = Arc::clone(&self.options.destination);
        match work {
            Work::Deliver(action, items) => {
                let items = self.options.outbox.renewed(items).await?;
                if self.idempotency(&items[0]) == Idempotency::AtMostOnce {
                    self.note_attempts(&items).await?;
                }
                self.flights.spawn(async move {
                    let answer = destination.deliver(&action, &items).await;
                    flight(items, answer)
                });
            }
            Work::Poll(job, items) => {
                let keys: Vec<_> = items.iter().map(|item| item.key.clone()).collect();
                self.flights.spawn(async move {
                    let outcomes = match destination.poll(&job, &keys).await {
                        Ok(outcomes) => outcomes,
                        // Asking has no effect, so a failed question leaves the job as it was.
                        Err(DestinationFault::Unknown(_)) => {
                            vec![Outcome::Queued(job); items.len()]
                        }
                        Err(fault) => vec![outcome_of_fault(&fault); items.len()],
                    };
                    flight(items, Ok(outcomes))
                });
            }
            Work::Settle(action, items) => {
                let asks = self.spec(&items[0]).is_some_and(|spec| spec.read_back);
                self.flights.spawn(async move {
                    let unknown =
                        || Outcome::Unknown("the host stopped while it was on its way".into());
                    let outcomes = if asks {
                        match destination.read_back(&action, &items).await {
                            Ok(found) => found.into_iter().map(outcome_of_found).collect(),
                            Err(_) => vec![unknown(); items.len()],
                        }
                    } else {
                        vec![unknown(); items.len()]
                    };
                    flight(items, Ok(outcomes))
                });
            }
        }
        Ok(())
    }

    async fn note_attempts(&self, items: &[Delivery]) -> Result<(), Error> {
        let what = What::Attempts {
            connector: self.options.connector.clone(),
            deliveries: items
                .iter()
                .map(|item| (item.id.seq, item.id.ordinal))
                .collect(),
        };
        let stamp = (self.options.stamp)();
        let appended = self.options.ledger.append_when_room(stamp, &what).await?;
        self.options.ledger.durable(appended.seq).await?;
        Ok(())
    }

    async fn land(&mut self, joined: Result<Flight, tokio::task::JoinError>) -> Result<(), Error> {
        let Flight {
            items,
            mut outcomes,
        } = match joined {
            Ok(flight) => flight,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let missing = || Outcome::Unknown("the plugin gave no outcome for this item".into());
        outcomes.resize_with(items.len(), missing);
        let now = (self.options.now)();
        let mut consequences = Consequences::default();
        let mut receipts = Vec::new();
        for (item, outcome) in items.into_iter().zip(outcomes) {
            let outcome = self.ask_back(&item, outcome).await;
            let known_job = matches!(
                (&item.status, &outcome),
                (DeliveryStatus::Queued { job }, Outcome::Queued(again)) if job == again
            );
            if known_job {
                self.window
                    .landed(item.id, Some((item, now.plus_ms(POLL_MS))));
                continue;
            }
            let idempotency = self.idempotency(&item);
            let retry = &self.options.retry;
            let receipt = judge(&item, outcome, idempotency, retry, now, &mut consequences);
            self.settle(item, &receipt, now);
            receipts.push(receipt);
        }
        if !receipts.is_empty() {
            let connector = self.options.connector.clone();
            let what = What::Receipts {
                connector,
                receipts,
            };
            let stamp = (self.options.stamp)();
            let appended = self.options.ledger.append_when_room(stamp, &what);
            self.last_receipt = appended.await?.seq;
        }
        self.hold_until = self.hold_until.max(consequences.hold_until);
        match consequences.pause {
            Some(reason) => self.pause(reason).await,
            None => Ok(()),
        }
    }

    /// An at-most-once delivery of unknown fate: asks the vendor, where it can tell.
    async fn ask_back(&self, item: &Delivery, outcome: Outcome) -> Outcome {
        let asks = self
            .spec(item)
            .is_some_and(|spec| spec.read_back && spec.idempotency == Idempotency::AtMostOnce);
        if !asks || !matches!(outcome, Outcome::Unknown(_)) {
            return outcome;
        }
        let items = std::slice::from_ref(item);
        match self
            .options
            .destination
            .read_back(&item.action, items)
            .await
        {
            Ok(found) => found.into_iter().next().map_or(outcome, outcome_of_found),
            Err(_) => outcome,
        }
    }

    /// Brings the window up to the receipt, as the step will bring the outbox.
    fn settle(&mut self, mut item: Delivery, receipt: &Receipt, now: Instant) {
        let id = item.id;
        let standing = match (&receipt.outcome, receipt.retry_at) {
            (Outcome::Done(_), _) => {
                self.drained.done += 1;
                None
            }
            (Outcome::Queued(job), _) => {
                item.status = DeliveryStatus::Queued { job: job.clone() };
                Some((item, now.plus_ms(POLL_MS)))
            }
            (_, Some(not_before)) => {
                self.drained.retrying += 1;
                item.status = DeliveryStatus::Retrying { not_before };
                item.attempts = item.attempts.saturating_add(1);
                Some((item, not_before))
            }
            (Outcome::Auth(_), None) => {
                item.status = DeliveryStatus::Pending;
                Some((item, Instant::MIN))
            }
            (_, None) => {
                self.drained.stopped += 1;
                tracing::warn!(
                    connector = %self.options.connector, delivery = %item.key,
                    "a delivery stopped; see `crosspoint outbox list --which stopped`"
                );
                None
            }
        };
        self.window.landed(id, standing);
    }

    /// Holds everything until a person acts; durable, so that a restart does not forget it.
    async fn pause(&mut self, reason: String) -> Result<(), Error> {
        if !self.paused {
            tracing::warn!(connector = %self.options.connector, reason, "connector paused");
            let what = What::ConnectorState {
                connector: self.options.connector.clone(),
                paused: Some(reason.into()),
            };
            let stamp = (self.options.stamp)();
            let appended = self.options.ledger.append_when_room(stamp, &what);
            self.last_receipt = appended.await?.seq;
            self.paused = true;
        }
        Ok(())
    }

    fn spec(&self, item: &Delivery) -> Option<&ActionSpec> {
        self.specs.iter().find(|spec| spec.action == item.action)
    }

    /// An action that the plugin does not declare is treated with the greatest care.
    fn idempotency(&self, item: &Delivery) -> Idempotency {
        self.spec(item)
            .map_or(Idempotency::AtMostOnce, |spec| spec.idempotency)
    }

    fn until(&self, due: Option<Instant>) -> impl Future<Output = ()> + use<D, O> {
        let now = (self.options.now)();
        // With nothing due or no room for another call only a landing or a change can help.
        let busy = self.flights.len() >= self.options.in_flight.max(1);
        let wait = due.filter(|_| !busy).map(|due| due.since_ms(now).max(1));
        async move {
            match wait {
                Some(ms) => tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await,
                None => std::future::pending().await,
            }
        }
    }
}

fn flight(items: Vec<Delivery>, answer: Result<Vec<Outcome>, DestinationFault>) -> Flight {
    let outcomes = match answer {
        Ok(outcomes) => outcomes,
        Err(fault) => vec![outcome_of_fault(&fault); items.len()],
    };
    Flight { items, outcomes }
}

fn as_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
