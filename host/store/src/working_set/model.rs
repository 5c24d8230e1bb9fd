//! The working set's oracle: plain maps, and random operations on both.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus};
use crosspoint_model::entry::{Reject, RejectedInput};
use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::state::{Carriers, Constraints, Counter, ObjectKey, Quarantined, State};
use crosspoint_model::{DeliveryKey, FragmentId, Identifier, Instant, ProfileId, Symbol};
use proptest::prelude::*;

use super::WorkingSet;
use crate::engine::Engine;

/// Fragments, objects, instants and the like are small numbers, so that operations meet.
pub(super) const FRAGMENTS: u8 = 10;
const THINGS: u8 = 6;

#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Takes every profile that holds one of `fragments`; puts those together as one profile, and
    /// what is left of the others under themselves, or drops it.
    Regroup {
        fragments: BTreeSet<u8>,
        seen: i64,
        keep_rest: bool,
    },
    /// Takes the fragment's profile and does not put it back.
    Drop(u8),
    Intern(u8),
    Count(u8, i64),
    Location(u8, u8),
    Carriers(u8, Vec<u8>),
    Constraints(u8, Vec<u8>),
    Timer(i64, u8, bool),
    Delivery(u8, u64, Option<u8>),
    Quarantine(u64, bool),
    Cursor(u8, u8),
    Job(u8, Option<u8>),
    Note(u8, Option<Vec<u8>>),
    Check,
    EncodeAhead(usize),
    Checkpoint {
        wait: bool,
    },
    Reopen,
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let thing = || 0..THINGS;
    let fragments = || proptest::collection::btree_set(0..FRAGMENTS, 1..4);
    let numbers = || proptest::collection::vec(0..FRAGMENTS, 0..3);
    let one = prop_oneof![
        6 => (fragments(), 0..100i64, any::<bool>())
            .prop_map(|(fragments, seen, keep_rest)| Op::Regroup { fragments, seen, keep_rest }),
        1 => (0..FRAGMENTS).prop_map(Op::Drop),
        1 => thing().prop_map(Op::Intern),
        1 => (thing(), -1..=1i64).prop_map(|(counter, change)| Op::Count(counter, change)),
        1 => (thing(), 0..FRAGMENTS).prop_map(|(object, fragment)| Op::Location(object, fragment)),
        1 => (thing(), numbers()).prop_map(|(identifier, list)| Op::Carriers(identifier, list)),
        1 => (thing(), numbers()).prop_map(|(fragment, list)| Op::Constraints(fragment, list)),
        4 => (-3..3i64, thing(), any::<bool>()).prop_map(|(at, id, set)| Op::Timer(at, id, set)),
        3 => (0..3u8, 0..6u64, proptest::option::of(any::<u8>()))
            .prop_map(|(connector, seq, value)| Op::Delivery(connector, seq, value)),
        1 => (0..6u64, any::<bool>()).prop_map(|(seq, set)| Op::Quarantine(seq, set)),
        1 => (thing(), any::<u8>()).prop_map(|(stream, cursor)| Op::Cursor(stream, cursor)),
        1 => (thing(), proptest::option::of(any::<u8>())).prop_map(|(job, to)| Op::Job(job, to)),
        1 => (thing(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)))
            .prop_map(|(note, value)| Op::Note(note, value)),
        1 => Just(Op::Check),
        3 => (1..4usize).prop_map(Op::EncodeAhead),
        3 => any::<bool>().prop_map(|wait| Op::Checkpoint { wait }),
        1 => Just(Op::Reopen),
    ];
    proptest::collection::vec(one, 1..80)
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    profiles: BTreeMap<ProfileId, Profile>,
    names: Vec<String>,
    counters: BTreeMap<Counter, i64>,
    locations: BTreeMap<u8, u8>,
    carriers: BTreeMap<u8, Vec<u8>>,
    constraints: BTreeMap<u8, Vec<u8>>,
    timers: BTreeSet<(Instant, ProfileId)>,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    quarantine: BTreeMap<u64, Quarantined>,
    cursors: BTreeMap<u8, u8>,
    jobs: BTreeMap<u8, u8>,
    notes: BTreeMap<u8, Vec<u8>>,
}

pub(super) fn fragment_id(number: u8) -> FragmentId {
    FragmentId([number.wrapping_mul(37); 16])
}

pub(super) fn fragment(number: u8, seen: i64) -> Fragment {
    let key = Identifier::UserId(format!("u{number}").into());
    let mut fragment = Fragment::new("shop", Symbol(0), key);
    fragment.id = fragment_id(number);
    fragment.last_seen = Instant(seen);
    fragment
}

pub(super) fn delivery(id: DeliveryId, value: u8) -> Delivery {
    Delivery {
        id,
        key: DeliveryKey("k".into()),
        sync: Symbol(0),
        profile: ProfileId([1; 16]),
        action: Action::UpsertContact,
        list: None,
        fields: Vec::new(),
        identifiers: Vec::new(),
        consents: Vec::new(),
        occurred_at: Instant(0),
        status: DeliveryStatus::Pending,
        attempts: value.into(),
        last_reason: None,
    }
}

fn counter(number: u8) -> Counter {
    match number {
        0 => Counter::Profiles,
        1 => Counter::KeptApart,
        other => Counter::Members(Symbol(other.into())),
    }
}

fn object(number: u8) -> ObjectKey {
    let id = format!("o{number}").into();
    ObjectKey {
        connector: Symbol(u32::from(number % 2)),
        stream: Symbol(1),
        id,
    }
}

fn identifier(number: u8) -> Identifier {
    Identifier::Vendor {
        system: "shop".into(),
        id: format!("i{number}").into(),
    }
}

fn ids(numbers: &[u8]) -> Vec<FragmentId> {
    numbers.iter().map(|number| fragment_id(*number)).collect()
}

fn quarantined(seq: u64) -> Quarantined {
    Quarantined {
        seq,
        ordinal: 0,
        at: Instant(1),
        connector: Symbol(0),
        stream: Symbol(1),
        reject: Reject {
            locator: "l".into(),
            field: None,
            reason: "r".to_owned(),
            raw: RejectedInput::Raw(vec![1, 2]),
        },
    }
}

impl Model {
    fn profile_of(&self, fragment: FragmentId) -> Option<ProfileId> {
        let holds = |profile: &&Profile| profile.fragment(fragment).is_some();
        self.profiles.values().find(holds).map(|profile| profile.id)
    }

    /// Does the same to both and compares what the operation answers.
    pub(super) fn apply<E: Engine>(&mut self, op: &Op, set: &mut WorkingSet<E>) {
        match op {
            Op::Regroup {
                fragments,
                seen,
                keep_rest,
            } => {
                let mut rest = Vec::new();
                for number in fragments {
                    let of = set.profile_of(fragment_id(*number)).unwrap();
                    assert_eq!(of, self.profile_of(fragment_id(*number)), "{number}");
                    let Some(id) = of else { continue };
                    let taken = set.take_profile(id).unwrap().unwrap();
                    assert_eq!(Some(&*taken), self.profiles.remove(&id).as_ref());
                    let of_others = taken.fragments.into_iter();
                    let wanted = |id| fragments.iter().any(|number| fragment_id(*number) == id);
                    let of_others = of_others.filter(|fragment| !wanted(fragment.id));
                    rest.push(of_others.collect::<Vec<_>>());
                }
                rest.retain(|fragments| !fragments.is_empty() && *keep_rest);
                rest.push(
                    fragments
                        .iter()
                        .map(|number| fragment(*number, *seen))
                        .collect(),
                );
                for fragments in rest {
                    let profile = Profile::of_fragments(fragments);
                    set.put_profile(Box::new(profile.clone())).unwrap();
                    self.profiles.insert(profile.id, profile);
                }
            }
            Op::Drop(number) => {
                if let Some(id) = self.profile_of(fragment_id(*number)) {
                    let taken = set.take_profile(id).unwrap().map(|profile| *profile);
                    assert_eq!(taken, self.profiles.remove(&id));
                }
            }
            Op::Intern(number) => {
                let name = format!("n{number}");
                let known = self.names.iter().position(|known| *known == name);
                let at = known.unwrap_or(self.names.len());
                if known.is_none() {
                    self.names.push(name.clone());
                }
                assert_eq!(set.intern(&name), Symbol(at as u32));
            }
            Op::Count(number, change) => {
                set.add_to_counter(counter(*number), *change).unwrap();
                *self.counters.entry(counter(*number)).or_default() += change;
            }
            Op::Location(number, fragment) => {
                set.put_location(&object(*number), fragment_id(*fragment))
                    .unwrap();
                self.locations.insert(*number, *fragment);
            }
            Op::Carriers(number, list) => {
                let carriers = Carriers {
                    fragments: ids(list),
                };
                set.put_carriers(&identifier(*number), carriers).unwrap();
                self.carriers.insert(*number, list.clone());
            }
            Op::Constraints(number, list) => {
                let constraints = Constraints {
                    apart: ids(list),
                    together: Vec::new(),
                };
                set.put_constraints(fragment_id(*number), constraints)
                    .unwrap();
                self.constraints.insert(*number, list.clone());
            }
            Op::Timer(at, number, put) => {
                let timer = (Instant(*at), fragment_id(*number).alone());
                if *put {
                    set.put_timer(timer.0, timer.1).unwrap();
                    self.timers.insert(timer);
                } else {
                    set.delete_timer(timer.0, timer.1).unwrap();
                    self.timers.remove(&timer);
                }
                assert_eq!(set.next_timer().unwrap(), self.timers.first().copied());
            }
            Op::Delivery(connector, seq, value) => {
                let connector = Symbol(u32::from(*connector));
                let id = DeliveryId {
                    connector,
                    seq: *seq,
                    ordinal: 0,
                };
                match value {
                    Some(value) => {
                        set.put_delivery(&delivery(id, *value)).unwrap();
                        self.deliveries.insert(id, delivery(id, *value));
                    }
                    None => {
                        set.delete_delivery(id).unwrap();
                        self.deliveries.remove(&id);
                    }
                }
            }
            Op::Quarantine(seq, true) => {
                set.put_quarantined(&quarantined(*seq)).unwrap();
                self.quarantine.insert(*seq, quarantined(*seq));
            }
            Op::Quarantine(seq, false) => {
                set.delete_quarantined(*seq, 0).unwrap();
                self.quarantine.remove(seq);
            }
            Op::Cursor(stream, cursor) => {
                set.put_cursor(Symbol(0), Symbol((*stream).into()), &[*cursor])
                    .unwrap();
                self.cursors.insert(*stream, *cursor);
            }
            Op::Job(number, to) => {
                let value = to.map(|to| [to]);
                set.put_job(
                    Symbol(0),
                    &number.to_string(),
                    value.as_ref().map(|v| &v[..]),
                )
                .unwrap();
                self.jobs.remove(number);
                self.jobs.extend(to.map(|to| (*number, to)));
            }
            Op::Note(number, value) => {
                set.put_note(&number.to_string(), value.as_deref()).unwrap();
                self.notes.remove(number);
                self.notes
                    .extend(value.clone().map(|value| (*number, value)));
            }
            Op::Check => self.check(set),
            Op::EncodeAhead(count) => {
                set.encode_ahead(*count).unwrap();
            }
            Op::Checkpoint { .. } | Op::Reopen => {}
        }
    }

    /// Compares everything.
    pub(super) fn check<E: Engine>(&self, set: &mut WorkingSet<E>) {
        for number in 0..FRAGMENTS {
            let of = set.profile_of(fragment_id(number)).unwrap();
            assert_eq!(
                of,
                self.profile_of(fragment_id(number)),
                "profile of {number}"
            );
            let id = fragment_id(number).alone();
            assert_eq!(set.profile(id).unwrap().as_ref(), self.profiles.get(&id));
            let list = self.constraints.get(&number).cloned().unwrap_or_default();
            assert_eq!(
                set.constraints(fragment_id(number)).unwrap().apart,
                ids(&list)
            );
        }
        let mut pages = Vec::new();
        while let Ok(page) = set.profiles_after(pages.last().copied(), 3)
            && !page.is_empty()
        {
            pages.extend(page);
        }
        assert!(pages.iter().eq(self.profiles.keys()));
        let mut shown = Vec::new();
        set.scan_profiles(None, usize::MAX, |profile| {
            shown.push(profile.clone());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert!(shown.iter().eq(self.profiles.values()));
        for (number, name) in self.names.iter().enumerate() {
            assert_eq!(set.name(Symbol(number as u32)), name.as_str());
        }
        assert_eq!(set.symbols().len(), self.names.len());
        let counters = self.counters.iter().filter(|(_, count)| **count != 0);
        assert!(
            set.counters()
                .into_iter()
                .eq(counters.map(|(counter, count)| (*counter, *count)))
        );
        for number in 0..THINGS {
            let location = self
                .locations
                .get(&number)
                .map(|fragment| fragment_id(*fragment));
            assert_eq!(set.location(&object(number)).unwrap(), location);
            let list = self.carriers.get(&number).cloned().unwrap_or_default();
            assert_eq!(
                set.carriers(&identifier(number)).unwrap().fragments,
                ids(&list)
            );
            let cursor = self.cursors.get(&number).map(|cursor| vec![*cursor]);
            assert_eq!(
                set.cursor(Symbol(0), Symbol(number.into())).unwrap(),
                cursor
            );
            let job = self.jobs.get(&number).map(|job| vec![*job]);
            assert_eq!(set.job(Symbol(0), &number.to_string()).unwrap(), job);
            let note = self.notes.get(&number).cloned();
            assert_eq!(set.note(&number.to_string()).unwrap(), note);
        }
        let jobs = self
            .jobs
            .iter()
            .map(|(number, job)| (number.to_string().into(), vec![*job]));
        assert!(set.jobs(Symbol(0)).unwrap().into_iter().eq(jobs));
        assert_eq!(set.next_timer().unwrap(), self.timers.first().copied());
        let mut deliveries: Vec<Delivery> = Vec::new();
        while let Ok(page) = set.deliveries(None, deliveries.last().map(|last| last.id), 2)
            && !page.is_empty()
        {
            deliveries.extend(page);
        }
        assert!(deliveries.iter().eq(self.deliveries.values()));
        for (id, delivery) in &self.deliveries {
            assert_eq!(set.delivery(*id).unwrap().as_ref(), Some(delivery));
        }
        let of_one = self
            .deliveries
            .values()
            .filter(|one| one.id.connector == Symbol(1));
        assert!(
            set.deliveries(Some(Symbol(1)), None, 99)
                .unwrap()
                .iter()
                .eq(of_one)
        );
        let items = set.quarantined_after(None, 99).unwrap();
        assert!(items.iter().eq(self.quarantine.values()));
    }
}
