mod decisions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crosspoint_ledger::testing::SimulatedDisk;
use crosspoint_ledger::{Ledger, Options};
use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus, Outcome, Receipt};
use crosspoint_model::entry::What;
use crosspoint_model::{ConnectorId, DeliveryKey, Instant, ProfileId, Symbol};
use proptest::prelude::*;

use crate::{
    ActionSpec, Destination, DestinationFault, Drained, Error, Found, Idempotency, Outbox, Retry,
    Wake, Worker, WorkerOptions,
};

/// A vendor that answers each try of each delivery as scripted, then always with success, and
/// remembers what took effect in which order.
#[derive(Default)]
struct Vendor {
    spec: Option<ActionSpec>,
    script: Mutex<BTreeMap<DeliveryKey, Vec<Try>>>,
    effects: Mutex<Vec<(ProfileId, DeliveryKey)>>,
    can_tell: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Try {
    Works,
    Transient,
    /// It takes effect, but no answer comes back.
    WorksUnanswered,
    LostBefore,
    RateLimited,
    Rejected,
    Auth,
}

impl Destination for Vendor {
    async fn actions(&self) -> Result<Vec<ActionSpec>, DestinationFault> {
        Ok(self.spec.clone().into_iter().collect())
    }

    async fn deliver(
        &self,
        _action: &Action,
        items: &[Delivery],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        tokio::task::yield_now().await;
        let mut script = self.script.lock().unwrap();
        let mut effects = self.effects.lock().unwrap();
        Ok(items
            .iter()
            .map(|item| {
                let next = script
                    .get_mut(&item.key)
                    .and_then(Vec::pop)
                    .unwrap_or(Try::Works);
                if matches!(next, Try::Works | Try::WorksUnanswered) {
                    effects.push((item.profile, item.key.clone()));
                }
                match next {
                    Try::Works => Outcome::Done(None),
                    Try::Transient => Outcome::Transient("later".into()),
                    Try::WorksUnanswered | Try::LostBefore => Outcome::Unknown("reset".into()),
                    Try::RateLimited => Outcome::RateLimited(Some(500)),
                    Try::Rejected => Outcome::Rejected {
                        field: None,
                        reason: "bad".into(),
                    },
                    Try::Auth => Outcome::Auth("expired".into()),
                }
            })
            .collect())
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
        items: &[Delivery],
    ) -> Result<Vec<Found>, DestinationFault> {
        let effects = self.effects.lock().unwrap();
        Ok(items
            .iter()
            .map(|item| {
                let present = effects.iter().any(|(_, key)| *key == item.key);
                match (self.can_tell, present) {
                    (false, _) => Found::Undecided,
                    (true, true) => Found::Present(None),
                    (true, false) => Found::Absent,
                }
            })
            .collect())
    }
}

/// An outbox that applies the ledger as the step does, in the respects that matter here.
struct Applied {
    ledger: Arc<Ledger>,
    state: Mutex<(u64, BTreeMap<DeliveryId, Delivery>, Option<String>)>,
}

impl Applied {
    fn catch_up(&self) {
        let mut state = self.state.lock().unwrap();
        if state.0 == self.ledger.last_appended() {
            return;
        }
        self.ledger
            .wait_durable(self.ledger.last_appended())
            .unwrap();
        let mut reader = self.ledger.reader(state.0 + 1);
        while let Some((seq, entry)) = reader.next().unwrap() {
            state.0 = seq;
            match entry.what {
                What::Receipts { receipts, .. } => {
                    for receipt in receipts {
                        apply(&mut state.1, &receipt);
                    }
                }
                What::Attempts { deliveries, .. } => {
                    for (seq, ordinal) in deliveries {
                        let id = DeliveryId {
                            connector: Symbol(0),
                            seq,
                            ordinal,
                        };
                        state.1.get_mut(&id).unwrap().status = DeliveryStatus::Attempted;
                    }
                }
                What::ConnectorState { paused, .. } => state.2 = paused.map(|text| text.into()),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn left(&self) -> Vec<Delivery> {
        self.catch_up();
        self.state.lock().unwrap().1.values().cloned().collect()
    }
}

fn apply(outbox: &mut BTreeMap<DeliveryId, Delivery>, receipt: &Receipt) {
    let id = DeliveryId {
        connector: Symbol(0),
        seq: receipt.seq,
        ordinal: receipt.ordinal,
    };
    let delivery = outbox
        .get_mut(&id)
        .expect("a receipt for a delivery that is not there");
    delivery.attempts += 1;
    delivery.status = match (&receipt.outcome, receipt.retry_at) {
        (Outcome::Done(_), _) => {
            outbox.remove(&id);
            return;
        }
        (_, Some(not_before)) => DeliveryStatus::Retrying { not_before },
        (Outcome::Auth(_), _) => DeliveryStatus::Pending,
        (Outcome::Unknown(_), _) => DeliveryStatus::Unknown,
        _ => DeliveryStatus::Dead,
    };
}

impl Outbox for Applied {
    async fn page(
        &self,
        _connector: &ConnectorId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        self.catch_up();
        let state = self.state.lock().unwrap();
        let behind = state.1.iter().filter(|(id, _)| Some(**id) > after);
        Ok(behind
            .take(limit)
            .map(|(_, delivery)| delivery.clone())
            .collect())
    }

    async fn renewed(&self, deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, Error> {
        Ok(deliveries)
    }

    async fn applied(&self, _seq: u64) -> Result<(), Error> {
        self.catch_up();
        Ok(())
    }

    async fn paused(&self, _connector: &ConnectorId) -> Result<Option<String>, Error> {
        self.catch_up();
        Ok(self.state.lock().unwrap().2.clone())
    }
}

fn delivery(number: u32, profile: u8) -> Delivery {
    Delivery {
        id: DeliveryId {
            connector: Symbol(0),
            seq: u64::from(number),
            ordinal: 0,
        },
        key: DeliveryKey::of("test", "vendor", u64::from(number), 0),
        sync: Symbol(1),
        profile: ProfileId([profile; 16]),
        action: Action::SendMessage,
        list: None,
        fields: Vec::new(),
        identifiers: Vec::new(),
        consents: Vec::new(),
        occurred_at: Instant(0),
        status: DeliveryStatus::Pending,
        attempts: 0,
        last_reason: None,
    }
}

struct Outcomes {
    drained: Drained,
    left: Vec<Delivery>,
    effects: Vec<(ProfileId, DeliveryKey)>,
    paused: Option<String>,
}

/// Drains an outbox of these deliveries at a vendor that answers as scripted, on paused time.
fn drain(
    deliveries: Vec<Delivery>,
    script: BTreeMap<DeliveryKey, Vec<Try>>,
    idempotency: Idempotency,
    can_tell: bool,
) -> Outcomes {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(async {
        let disk = Arc::new(SimulatedDisk::new());
        let folder = std::path::Path::new("/ledger");
        let ledger = Arc::new(Ledger::open_on(disk, folder, Options::default()).unwrap());
        let spec = ActionSpec {
            action: Action::SendMessage,
            idempotency,
            batch_size: 3,
            read_back: can_tell,
        };
        let vendor = Arc::new(Vendor {
            spec: Some(spec),
            script: Mutex::new(script),
            can_tell,
            ..Vendor::default()
        });
        let by_id = deliveries
            .into_iter()
            .map(|delivery| (delivery.id, delivery))
            .collect();
        let outbox = Arc::new(Applied {
            ledger: Arc::clone(&ledger),
            state: Mutex::new((0, by_id, None)),
        });
        let start = tokio::time::Instant::now();
        let now: crate::Pace =
            Arc::new(move || Instant(i64::try_from(start.elapsed().as_millis()).unwrap()));
        let worker = Worker::new(WorkerOptions {
            connector: ConnectorId::from("vendor"),
            destination: Arc::clone(&vendor),
            outbox: Arc::clone(&outbox),
            ledger,
            retry: Retry {
                first_ms: 100,
                longest_ms: 10_000,
                give_up_after_ms: 60_000,
            },
            in_flight: 2,
            now: Arc::clone(&now),
            stamp: now,
        });
        let drained = worker.drain(Duration::from_secs(3_600)).await.unwrap();
        let effects = vendor.effects.lock().unwrap().clone();
        let left = outbox.left();
        let paused = outbox.state.lock().unwrap().2.clone();
        Outcomes {
            drained,
            left,
            effects,
            paused,
        }
    })
}

fn a_try() -> impl Strategy<Value = Try> {
    prop_oneof![
        Just(Try::Works),
        Just(Try::Transient),
        Just(Try::WorksUnanswered),
        Just(Try::LostBefore),
        Just(Try::RateLimited),
        Just(Try::Rejected),
    ]
}

type Case = (Vec<Delivery>, BTreeMap<DeliveryKey, Vec<Try>>);

fn a_case() -> impl Strategy<Value = Case> {
    prop::collection::vec((0u8..4, prop::collection::vec(a_try(), 0..4)), 1..25).prop_map(|rows| {
        let mut deliveries = Vec::new();
        let mut script = BTreeMap::new();
        for (number, (profile, tries)) in (1u32..).zip(rows) {
            let delivery = delivery(number, profile);
            script.insert(delivery.key.clone(), tries);
            deliveries.push(delivery);
        }
        (deliveries, script)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_delivery_ends_exactly_once((deliveries, script) in a_case()) {
        let total = deliveries.len() as u64;
        for (idempotency, can_tell) in [
            (Idempotency::Keyed, false),
            (Idempotency::AtMostOnce, false),
            (Idempotency::AtMostOnce, true),
        ] {
            let end = drain(deliveries.clone(), script.clone(), idempotency, can_tell);
            prop_assert_eq!(end.drained.done + end.left.len() as u64, total);
            for delivery in &end.left {
                let stopped =
                    matches!(delivery.status, DeliveryStatus::Dead | DeliveryStatus::Unknown);
                prop_assert!(stopped, "left as {:?}", delivery.status);
            }
            if idempotency == Idempotency::AtMostOnce {
                let distinct: BTreeSet<_> = end.effects.iter().collect();
                prop_assert_eq!(distinct.len(), end.effects.len(), "an effect was repeated");
            }
        }
    }

    #[test]
    fn order_per_profile_holds_under_faults((deliveries, script) in a_case()) {
        let place: BTreeMap<_, _> =
            deliveries.iter().map(|delivery| (delivery.key.clone(), delivery.id)).collect();
        let end = drain(deliveries, script, Idempotency::Keyed, false);
        let mut last: BTreeMap<ProfileId, DeliveryId> = BTreeMap::new();
        for (profile, key) in end.effects {
            let earlier = last.insert(profile, place[&key]);
            prop_assert!(earlier <= Some(place[&key]), "{profile} was overtaken");
        }
    }
}

#[test]
fn an_unanswered_mail_is_not_sent_again() {
    let mail = delivery(1, 1);
    let script = BTreeMap::from([(mail.key.clone(), vec![Try::WorksUnanswered])]);
    let end = drain(
        vec![mail.clone()],
        script.clone(),
        Idempotency::AtMostOnce,
        false,
    );
    assert_eq!(end.effects.len(), 1);
    assert_eq!(end.left[0].status, DeliveryStatus::Unknown);

    let end = drain(vec![mail], script, Idempotency::AtMostOnce, true);
    assert_eq!(
        (end.effects.len(), end.drained.done),
        (1, 1),
        "the vendor says that it has it"
    );
}

#[test]
fn a_mail_that_was_on_its_way_in_a_crash_is_held_unless_the_vendor_can_tell() {
    let mut mail = delivery(1, 1);
    mail.status = DeliveryStatus::Attempted;
    let end = drain(
        vec![mail.clone()],
        BTreeMap::new(),
        Idempotency::AtMostOnce,
        false,
    );
    assert_eq!(
        (end.effects.len(), &end.left[0].status),
        (0, &DeliveryStatus::Unknown)
    );

    let end = drain(vec![mail], BTreeMap::new(), Idempotency::AtMostOnce, true);
    assert_eq!(
        (end.effects.len(), end.drained.done),
        (1, 1),
        "it had not happened"
    );
}

#[test]
fn refused_credentials_pause_the_connector() {
    let deliveries: Vec<_> = (1..=8)
        .map(|number| delivery(number, number as u8))
        .collect();
    let script = BTreeMap::from([(deliveries[1].key.clone(), vec![Try::Auth])]);
    let end = drain(deliveries, script, Idempotency::Keyed, false);
    assert_eq!(end.paused.as_deref(), Some("expired"));
    assert!(
        end.left
            .iter()
            .all(|delivery| delivery.status == DeliveryStatus::Pending)
    );
    assert!(!end.left.is_empty());
}

/// A vendor that takes requests and never answers.
struct Hanging;

impl Destination for Hanging {
    async fn actions(&self) -> Result<Vec<ActionSpec>, DestinationFault> {
        Ok(vec![ActionSpec {
            action: Action::SendMessage,
            idempotency: Idempotency::Keyed,
            batch_size: 100,
            read_back: false,
        }])
    }

    async fn deliver(
        &self,
        _action: &Action,
        _items: &[Delivery],
    ) -> Result<Vec<Outcome>, DestinationFault> {
        std::future::pending().await
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

/// An outbox without an end, that counts what leaves it.
#[derive(Default)]
struct Endless(AtomicUsize);

impl Outbox for Endless {
    async fn page(
        &self,
        _connector: &ConnectorId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        self.0.fetch_add(limit, Ordering::Relaxed);
        let first = after.map_or(0, |id| id.seq as u32) + 1;
        let numbers = first..first + limit as u32;
        Ok(numbers
            .map(|number| delivery(number, number as u8))
            .collect())
    }

    async fn renewed(&self, deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, Error> {
        Ok(deliveries)
    }

    async fn applied(&self, _seq: u64) -> Result<(), Error> {
        Ok(())
    }

    async fn paused(&self, _connector: &ConnectorId) -> Result<Option<String>, Error> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_destination_that_hangs_holds_no_more_than_a_window_in_memory() {
    let disk = Arc::new(SimulatedDisk::new());
    let folder = std::path::Path::new("/ledger");
    let ledger = Arc::new(Ledger::open_on(disk, folder, Options::default()).unwrap());
    let outbox = Arc::new(Endless::default());
    let now: crate::Pace = Arc::new(|| Instant(0));
    let worker = Worker::new(WorkerOptions {
        connector: ConnectorId::from("vendor"),
        destination: Arc::new(Hanging),
        outbox: Arc::clone(&outbox),
        ledger,
        retry: Retry {
            first_ms: 100,
            longest_ms: 10_000,
            give_up_after_ms: 60_000,
        },
        in_flight: 2,
        now: Arc::clone(&now),
        stamp: now,
    });
    let (wake, woken) = tokio::sync::watch::channel(Wake::default());
    let runs = tokio::spawn(worker.run(woken, std::future::pending()));
    for _ in 0..1_000 {
        wake.send_modify(|wake| wake.arrivals += 1);
        tokio::task::yield_now().await;
    }
    let loaded = outbox.0.load(Ordering::Relaxed);
    assert!(loaded > 0 && loaded <= crate::window::WINDOW, "{loaded}");
    assert!(!runs.is_finished());
    runs.abort();
}
