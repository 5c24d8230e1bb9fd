use std::sync::Arc;
use std::time::Duration;
#[derive(Clone, Copy)]
struct Clock(u64);
impl Clock {
    fn now() -> Self { Self(std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap()) }
    fn elapsed(self) -> Duration { Duration::from_nanos(Self::now().0 - self.0) }
}

use crosspoint_model::delivery::DeliveryId;
use crosspoint_model::profile::{Fact, FactKind, Profile};
use crosspoint_model::record::Version;
use crosspoint_model::state::{Counter, ObjectKey, State};
use crosspoint_model::{FragmentId, Identifier, Instant, Symbol};

use super::model::delivery;
use super::*;
use crate::{MemoryEngine, SledEngine, SledSettings};

fn go<E: Engine>(engine: Arc<E>, what: &str, every: u32) {
    let mut set = WorkingSet::open(engine, Settings { memory_bytes: 512 << 20 }).unwrap();
    let records = 69_659u32;
    let people = 23_570u64;
    let started = Clock::now();
    let mut ckpt = std::time::Duration::ZERO;
    let idtime = std::time::Duration::ZERO;
    for number in 0..records {
        let person = (u64::from(number) * 48_271) % people;
        let key = Identifier::vendor("shop", &person.to_string()).unwrap();
        let fragment = FragmentId::of("shop", &key);
        let object = ObjectKey { connector: Symbol(0), stream: Symbol(1), id: number.to_string().into() };
        set.location(&object).unwrap();
        set.carriers(&key).unwrap();
        let mut profile = match set.profile_of(fragment).unwrap() {
            Some(id) => set.take_profile(id).unwrap().unwrap(),
            None => {
                let mut f = crosspoint_model::profile::Fragment::new("shop", Symbol(0), key.clone());
                f.id = fragment;
                set.add_to_counter(Counter::Profiles, 1).unwrap();
                Box::new(Profile::alone(f))
            }
        };
        let id = profile.id;
        let n = profile.fragments[0].facts.len() as i64;
        profile.fragments[0].facts.push(Fact {
            kind: FactKind::Order, name: Symbol(3), at: Instant(number.into()), stream: Symbol(1),
            id: number.to_string().into(), version: Version { updated_at: Instant(number.into()), content: 7 },
            counts: true, total: Some((crosspoint_model::Decimal::from(12), Symbol(4))), properties: vec![], lines: vec![],
        });
        set.put_profile(profile).unwrap();
        set.put_location(&object, fragment).unwrap();
        if n > 0 { set.delete_timer(Instant(n), id).unwrap(); }
        set.put_timer(Instant(n + 1), id).unwrap();
        set.add_to_counter(Counter::Received(Symbol(0)), 1).unwrap();
        if number % 3 == 0 {
            let did = DeliveryId { connector: Symbol(9), seq: number.into(), ordinal: 0 };
            set.put_delivery(&delivery(did, 0)).unwrap();
            if number > 300 {
                set.delete_delivery(DeliveryId { connector: Symbol(9), seq: (number - 300).into(), ordinal: 0 }).unwrap();
            }
        }
        if number % every == every - 1 {
            let t = Clock::now();
            set.checkpoint(number.into(), Instant(0)).unwrap();
            ckpt += t.elapsed();
        }
    }
    let all = started.elapsed();
    let t = Clock::now();
    set.checkpoint_and_wait(records.into(), Instant(0)).unwrap();
    println!("{what}: {:?} per record, ids {:?}, in checkpoint calls {:?}, last {:?}, total {:?}, mem {} MB, sizes {:?}",
        all / records, idtime / records, ckpt, t.elapsed(), started.elapsed(), set.memory_bytes() >> 20, set.engine().sizes().unwrap());
}

#[test]
#[ignore]
fn speed() {
    go(Arc::new(MemoryEngine::new()), "memory, no checkpoints", u32::MAX);
    go(Arc::new(MemoryEngine::new()), "memory, 10k", 10_000);
    for every in [u32::MAX, 30_000, 10_000] {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let path = folder.path().join("s");
        let e = SledEngine::open_or_set_aside(&path, SledSettings::default()).unwrap().engine;
        go(Arc::new(e), &format!("sled {every}"), every);
        let t = Clock::now();
        let e = SledEngine::open_or_set_aside(&path, SledSettings::default()).unwrap();
        println!("reopen {:?} {:?}", t.elapsed(), e.rebuilt);
        go(Arc::new(e.engine), &format!("sled again {every}"), every);
    }
}
