use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crosspoint_model::delivery::DeliveryId;
use crosspoint_model::profile::Profile;
use crosspoint_model::state::{ObjectKey, State};
use crosspoint_model::{Instant, ProfileId, Symbol};
use proptest::prelude::*;

use super::model::{Model, Op, delivery, fragment, ops};
use super::{Settings, WorkingSet};
use crate::engine::{Batch, Engine, Hold, KeyRange, Pair, Reached, Sizes, Write};
use crate::{Error, MemoryEngine, Result, SledEngine, SledSettings, digest};

/// Room for about one profile, so that everything is evicted all the time.
const TIGHT: Settings = Settings { memory_bytes: 2000 };
/// Room for everything, so that caches have their say.
const AMPLE: Settings = Settings {
    memory_bytes: 1 << 24,
};

fn settings() -> impl Strategy<Value = Settings> {
    prop_oneof![Just(TIGHT), Just(AMPLE)]
}

/// Runs the operations on a working set and on the model. A restart goes back to the last
/// checkpoint.
fn run<E: Engine>(
    ops: &[Op],
    room: Settings,
    engine: Arc<E>,
    reopen: impl Fn(Arc<E>) -> Arc<E>,
) -> Arc<E> {
    let mut set = WorkingSet::open(engine, room).unwrap();
    let (mut model, mut saved, mut position) = (Model::default(), Model::default(), 0);
    for op in ops {
        match op {
            Op::Checkpoint { wait } => {
                position += 1;
                set.checkpoint(position, Instant(0)).unwrap();
                if *wait {
                    set.wait().unwrap();
                }
                saved = model.clone();
                model.check(&mut set);
            }
            Op::Reopen => {
                let engine = Arc::clone(set.engine());
                drop(set);
                set = WorkingSet::open(reopen(engine), room).unwrap();
                assert_eq!(
                    set.reached().map_or(0, |reached| reached.position),
                    position
                );
                model = saved.clone();
                model.check(&mut set);
            }
            op => model.apply(op, &mut set),
        }
    }
    model.check(&mut set);
    set.checkpoint(1_000, Instant(0)).unwrap();
    model.check(&mut set);
    set.close().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn working_set_equals_the_model(ops in ops(), room in settings()) {
        run(&ops, room, Arc::new(MemoryEngine::new()), |engine| engine);
    }

    #[test]
    fn checkpoints_leave_no_trace(ops in ops(), room in settings(), at in any::<prop::sample::Index>()) {
        let steps = ops.iter().filter(|op| !matches!(op, Op::Checkpoint { .. } | Op::Reopen));
        let steps: Vec<Op> = steps.cloned().collect();
        let mut one = steps.clone();
        one.insert(at.index(steps.len() + 1), Op::Checkpoint { wait: false });
        let every = steps.iter().flat_map(|op| [op.clone(), Op::Checkpoint { wait: true }]);
        let digests = [steps.clone(), one, every.collect()]
            .map(|ops| digest(&*run(&ops, room, Arc::new(MemoryEngine::new()), |same| same)).unwrap());
        prop_assert_eq!(digests[0], digests[1]);
        prop_assert_eq!(digests[0], digests[2]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn working_set_over_sled_equals_the_model(ops in ops(), room in settings()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let open = || SledEngine::open_or_set_aside(&path, SledSettings::default()).unwrap();
        let engine = run(&ops, room, Arc::new(open().engine), |engine| {
            drop(Arc::into_inner(engine).unwrap());
            let opened = open();
            assert!(opened.rebuilt.is_none() || opened.engine.reached().is_none());
            Arc::new(opened.engine)
        });
        let memory = run(&ops, room, Arc::new(MemoryEngine::new()), |engine| engine);
        prop_assert_eq!(digest(&*engine).unwrap(), digest(&*memory).unwrap());
    }
}

/// Keeps what was committed, and refuses commits when told to.
#[derive(Debug, Default)]
struct Watched {
    inner: MemoryEngine,
    writes: Mutex<Vec<Write>>,
    refuses: AtomicBool,
}

impl Engine for Watched {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.get(key)
    }
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<Pair>> {
        self.inner.scan(range, limit)
    }
    fn last(&self, range: &KeyRange) -> Result<Option<Pair>> {
        self.inner.last(range)
    }
    fn commit(&self, batch: &Batch) -> Result<()> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err(Error::Engine {
                operation: "commit",
                detail: "no space".to_owned(),
            });
        }
        self.writes
            .lock()
            .unwrap()
            .extend_from_slice(batch.writes());
        self.inner.commit(batch)
    }
    fn reached(&self) -> Option<Reached> {
        self.inner.reached()
    }
    fn hold(&self) -> Hold<'_> {
        self.inner.hold()
    }
    fn sizes(&self) -> Result<Sizes> {
        self.inner.sizes()
    }
}

#[test]
fn short_lived_deliveries_never_reach_the_engine() {
    let engine = Arc::new(Watched::default());
    let mut set = WorkingSet::open(Arc::clone(&engine), Settings::default()).unwrap();
    let id = |seq| DeliveryId {
        connector: Symbol(1),
        seq,
        ordinal: 0,
    };
    set.put_delivery(&delivery(id(1), 0)).unwrap();
    set.checkpoint_and_wait(1, Instant(0)).unwrap();
    drop(set);
    engine.writes.lock().unwrap().clear();
    // A restart knows from the stored ones which numbers are new.
    let mut set = WorkingSet::open(Arc::clone(&engine), Settings::default()).unwrap();
    for seq in 2..50 {
        set.put_delivery(&delivery(id(seq), 0)).unwrap();
        set.put_delivery(&delivery(id(seq), 1)).unwrap();
        set.delete_delivery(id(seq)).unwrap();
    }
    set.delete_delivery(id(1)).unwrap();
    set.checkpoint_and_wait(2, Instant(0)).unwrap();
    let writes = engine.writes.lock().unwrap().clone();
    assert_eq!(writes, [(crate::keys::delivery(id(1)), None)]);
}

#[test]
fn unchanged_aliases_are_not_written_again() {
    let engine = Arc::new(Watched::default());
    let mut set = WorkingSet::open(Arc::clone(&engine), Settings::default()).unwrap();
    let profile = Profile::of_fragments(vec![fragment(1, 0), fragment(2, 0), fragment(3, 0)]);
    let id = profile.id;
    set.put_profile(Box::new(profile)).unwrap();
    set.checkpoint_and_wait(1, Instant(0)).unwrap();
    assert_eq!(engine.writes.lock().unwrap().len(), 3);
    engine.writes.lock().unwrap().clear();
    let profile = set.take_profile(id).unwrap().unwrap();
    set.put_profile(profile).unwrap();
    set.checkpoint_and_wait(2, Instant(0)).unwrap();
    assert_eq!(engine.writes.lock().unwrap().len(), 1);
}

#[test]
fn failed_commit_stops_everything() {
    let engine = Arc::new(Watched::default());
    let mut set = WorkingSet::open(Arc::clone(&engine), Settings::default()).unwrap();
    engine.refuses.store(true, Ordering::SeqCst);
    set.put_note("a", Some(b"1")).unwrap();
    let error = set.checkpoint_and_wait(1, Instant(0)).unwrap_err();
    assert!(error.is_fatal(), "{error}");
    engine.refuses.store(false, Ordering::SeqCst);
    assert!(
        set.checkpoint_and_wait(2, Instant(0))
            .unwrap_err()
            .is_fatal()
    );
    assert!(set.profile_of(super::model::fragment_id(1)).is_err());
    assert_eq!(engine.reached(), None);
}

#[test]
fn many_timers_fire_in_order() {
    let engine = Arc::new(MemoryEngine::new());
    let mut set = WorkingSet::open(engine, Settings::default()).unwrap();
    let id = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ProfileId(bytes)
    };
    let count = 100_000u32;
    let mixed = |number: u32| (u64::from(number) * 48_271 % u64::from(count)) as u32;
    assert_eq!(set.next_timer().unwrap(), None);
    for number in 0..count {
        set.put_timer(Instant(mixed(number).into()), id(number))
            .unwrap();
        if number == count / 2 {
            set.checkpoint(1, Instant(0)).unwrap();
        }
    }
    for expected in 0..count {
        let (at, profile) = set.next_timer().unwrap().unwrap();
        assert_eq!(at, Instant(expected.into()));
        set.delete_timer(at, profile).unwrap();
        if expected == count / 3 {
            set.checkpoint(2, Instant(0)).unwrap();
        }
    }
    assert_eq!(set.next_timer().unwrap(), None);
}

#[test]
fn budget_holds_after_checkpoints() {
    let settings = Settings {
        memory_bytes: 1 << 20,
    };
    let mut set = WorkingSet::open(Arc::new(MemoryEngine::new()), settings).unwrap();
    let mut checkpoints = 0;
    for number in 0..20_000u32 {
        let mut one = fragment(0, 0);
        one.id.0[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
        set.put_profile(Box::new(Profile::alone(one))).unwrap();
        let id = number.to_string().into();
        let object = ObjectKey {
            connector: Symbol(0),
            stream: Symbol(0),
            id,
        };
        assert_eq!(set.location(&object).unwrap(), None);
        if set.needs_checkpoint() {
            checkpoints += 1;
            set.checkpoint_and_wait(checkpoints, Instant(0)).unwrap();
        }
    }
    assert!(checkpoints > 3);
    set.checkpoint_and_wait(99, Instant(0)).unwrap();
    assert!(
        set.memory_bytes() < 2 * settings.memory_bytes,
        "{}",
        set.memory_bytes()
    );
    assert_eq!(set.profiles_after(None, usize::MAX).unwrap().len(), 20_000);
}
