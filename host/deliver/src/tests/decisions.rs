//! What a person decides while a delivery waits.

use crosspoint_model::record::{Consent, ConsentState, ConsentTopic};

use super::*;

/// An outbox whose person grants, and withdraws once a first try was made.
struct Deciding {
    applied: Applied,
    tries: Arc<AtomicUsize>,
}

impl Outbox for Deciding {
    async fn page(
        &self,
        connector: &ConnectorId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        self.applied.page(connector, after, limit).await
    }

    async fn renewed(&self, mut deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, Error> {
        let state = match self.tries.load(Ordering::Relaxed) {
            0 => ConsentState::Granted,
            _ => ConsentState::Withdrawn,
        };
        for delivery in &mut deliveries {
            delivery.consents = vec![Consent {
                topic: ConsentTopic::EmailMarketing,
                state,
                decided_at: Instant(0),
                evidence: None,
            }];
        }
        Ok(deliveries)
    }

    async fn applied(&self, seq: u64) -> Result<(), Error> {
        self.applied.applied(seq).await
    }

    async fn paused(&self, connector: &ConnectorId) -> Result<Option<String>, Error> {
        self.applied.paused(connector).await
    }
}

/// A vendor that fails at the first try and remembers what it was told of consent.
#[derive(Default)]
struct Told {
    tries: Arc<AtomicUsize>,
    states: Mutex<Vec<ConsentState>>,
}

impl Destination for Told {
    async fn actions(&self) -> Result<Vec<ActionSpec>, DestinationFault> {
        Ok(vec![ActionSpec {
            action: Action::SendMessage,
            idempotency: Idempotency::AtMostOnce,
            batch_size: 1,
            read_back: false,
        }])
    }

    async fn deliver(
        &self,
        _action: &Action,
        items: &[Delivery],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        let states = items.iter().flat_map(|it| &it.consents).map(|it| it.state);
        self.states.lock().unwrap().extend(states);
        Ok(vec![match self.tries.fetch_add(1, Ordering::Relaxed) {
            0 => Outcome::Transient("later".into()),
            _ => Outcome::Done(None),
        }])
    }

    async fn poll(
        &self,
        _job: &str,
        _keys: &[DeliveryKey],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        unreachable!("nothing is queued here")
    }

    async fn read_back(
        &self,
        _action: &Action,
        _items: &[Delivery],
    ) -> Result<Vec<Found>, DestinationFault> {
        unreachable!("nothing is asked back here")
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_waited_carries_the_newest_decisions() {
    let disk = Arc::new(SimulatedDisk::new());
    let folder = std::path::Path::new("/ledger");
    let ledger = Arc::new(Ledger::open_on(disk, folder, Options::default()).unwrap());
    let vendor = Arc::new(Told::default());
    let one = delivery(1, 1);
    let applied = Applied {
        ledger: Arc::clone(&ledger),
        state: Mutex::new((0, BTreeMap::from([(one.id, one)]), None)),
    };
    let outbox = Arc::new(Deciding {
        applied,
        tries: Arc::clone(&vendor.tries),
    });
    let start = tokio::time::Instant::now();
    let now: crate::Pace =
        Arc::new(move || Instant(i64::try_from(start.elapsed().as_millis()).unwrap()));
    let worker = Worker::new(WorkerOptions {
        connector: ConnectorId::from("vendor"),
        destination: Arc::clone(&vendor),
        outbox,
        ledger,
        retry: Retry {
            first_ms: 100,
            longest_ms: 10_000,
            give_up_after_ms: 60_000,
        },
        in_flight: 1,
        now: Arc::clone(&now),
        stamp: now,
    });
    let drained = worker.drain(Duration::from_secs(3_600)).await.unwrap();
    assert_eq!((drained.done, drained.retrying), (1, 1));
    let states = vendor.states.lock().unwrap().clone();
    assert_eq!(states, [ConsentState::Granted, ConsentState::Withdrawn]);
}
