//! Brings records and decisions into a state, and says from scratch what must come out.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::entry::IdentityDecision;
use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::record::Record;
use crosspoint_model::state::{ObjectKey, State};
use crosspoint_model::{FragmentId, Identifier};
use crosspoint_profile::{FoldContext, Held, Names, fold, fragment_key, remove_fact};
use proptest::sample::Index;

use crate::component::named_by;
use crate::testing::MemoryState;
use crate::{Guards, Node, Settled, apply_decision, partition, settle};

/// Marks a profile for which something was derived.
const DERIVED: u32 = 1;

#[derive(Clone, Debug)]
pub struct Arrival {
    pub connector: &'static str,
    pub record: Record,
}

#[derive(Clone, Debug)]
pub enum Step {
    Arrives(Arrival),
    /// Of two profiles.
    Merge(Index, Index),
    /// Of the profile, the fragments whose bit is set.
    Unmerge(Index, u8),
}

/// What the step does with a record of a person, without anything that follows from it.
pub fn bring(state: &mut MemoryState, guards: &Guards, arrival: &Arrival) {
    let Arrival { connector, record } = arrival;
    let Some(key) = fragment_key(connector, record) else {
        return;
    };
    let system = state.intern(connector);
    let stream = state.intern("all");
    let object = ObjectKey {
        connector: system,
        stream,
        id: record.id.clone(),
    };
    let id = FragmentId::of(connector, &key);
    let location = state.location(&object).unwrap();
    let held = match location {
        None => Held::Nowhere,
        Some(present) if present == id => Held::Here,
        Some(other) => {
            let holder = &state.profiles[&state.holders[&other]];
            let facts = &holder.fragment(other).unwrap().facts;
            Held::Elsewhere(
                facts
                    .iter()
                    .find(|fact| fact.id == record.id)
                    .unwrap()
                    .version,
            )
        }
    };
    let mut profile = match state.profile_of(id).unwrap() {
        Some(holder) => state.take_profile(holder).unwrap().unwrap(),
        None => Box::new(Profile::alone(Fragment::new(connector, system, key))),
    };
    profile.epoch = DERIVED;
    let names = Names::new(|name| state.intern(name));
    let intern = &mut |name: &str| state.intern(name);
    let ctx = FoldContext {
        connector,
        stream,
        held,
        names: &names,
        intern,
    };
    let folded = fold(profile.fragment_mut(id).unwrap(), record, ctx);
    state.put_profile(profile).unwrap();
    if folded.holds {
        if let Some(other) = location.filter(|other| *other != id) {
            let holder = state.profile_of(other).unwrap().unwrap();
            let mut profile = state.take_profile(holder).unwrap().unwrap();
            remove_fact(profile.fragment_mut(other).unwrap(), stream, &record.id).unwrap();
            state.put_profile(profile).unwrap();
        }
        state.put_location(&object, id).unwrap();
    }
    let before = everybody(state);
    let settled = settle(state, guards, id, &folded.new_identifiers).unwrap();
    follow(state, &before, settled);
}

pub fn everybody(state: &MemoryState) -> BTreeSet<FragmentId> {
    state
        .profiles
        .values()
        .flat_map(|profile| &profile.fragments)
        .map(|part| part.id)
        .collect()
}

/// Checks that what was retired and what was formed are the same fragments.
pub fn follow(state: &mut MemoryState, before: &BTreeSet<FragmentId>, settled: Settled) {
    assert_eq!(&everybody(state), before, "no fragment comes or goes");
    let mut retired: Vec<_> = settled
        .retired
        .iter()
        .flat_map(|one| &one.fragments)
        .map(|part| part.id)
        .collect();
    let mut formed = Vec::new();
    for id in &settled.formed {
        let profile = state.profiles.get_mut(id).unwrap();
        assert_eq!(profile.epoch, 0, "nothing is derived for a new profile");
        profile.epoch = DERIVED;
        formed.extend(profile.fragments.iter().map(|part| part.id));
    }
    retired.sort();
    formed.sort();
    assert_eq!(retired, formed);
    for profile in &settled.retired {
        assert_eq!(
            profile.epoch, DERIVED,
            "what was derived for a retired profile is kept"
        );
        assert!(settled.formed.contains(&profile.id) || !state.profiles.contains_key(&profile.id));
    }
}

pub fn play(guards: &Guards, steps: &[Step]) -> MemoryState {
    let mut state = MemoryState::default();
    for step in steps {
        let ids: Vec<_> = state.profiles.keys().copied().collect();
        let decision = match step {
            Step::Arrives(arrival) => {
                bring(&mut state, guards, arrival);
                continue;
            }
            _ if ids.is_empty() => continue,
            Step::Merge(one, other) => {
                let (one, other) = (one.get(&ids), other.get(&ids));
                IdentityDecision::Merge(one.fragment(), other.fragment())
            }
            Step::Unmerge(which, bits) => {
                let parts = state.profiles[which.get(&ids)]
                    .fragments
                    .iter()
                    .map(|part| part.id);
                let (fragments, from): (Vec<_>, Vec<_>) = parts
                    .enumerate()
                    .partition(|(number, _)| bits & (1 << (number % 8)) != 0);
                let bare = |numbered: Vec<(usize, FragmentId)>| {
                    numbered.into_iter().map(|(_, id)| id).collect()
                };
                IdentityDecision::Unmerge {
                    fragments: bare(fragments),
                    from: bare(from),
                }
            }
        };
        let before = everybody(&state);
        let settled = apply_decision(&mut state, guards, &decision).unwrap();
        follow(&mut state, &before, settled);
    }
    state
}

pub fn play_all(guards: &Guards, arrivals: &[Arrival]) -> MemoryState {
    let steps: Vec<_> = arrivals.iter().cloned().map(Step::Arrives).collect();
    play(guards, &steps)
}

/// Who carries what, from the fragments alone.
pub fn search_carriers(state: &MemoryState) -> BTreeMap<Identifier, Vec<FragmentId>> {
    let mut found: BTreeMap<Identifier, Vec<FragmentId>> = BTreeMap::new();
    for part in state
        .profiles
        .values()
        .flat_map(|profile| &profile.fragments)
    {
        for identifier in &part.identifiers {
            if named_by(identifier) != Some(part.id) {
                found.entry(identifier.clone()).or_default().push(part.id);
            }
        }
    }
    found.values_mut().for_each(|fragments| fragments.sort());
    found
}

/// All profiles' fragments, from the fragments and the decisions alone.
pub fn partition_at_once(state: &MemoryState, guards: &Guards) -> Vec<Vec<FragmentId>> {
    let carriers = search_carriers(state);
    let joins = |identifier: &&Identifier| {
        carriers
            .get(*identifier)
            .is_none_or(|list| list.len() <= guards.max_carriers)
    };
    let node = |part: &Fragment| Node {
        id: part.id,
        identifiers: part.identifiers.iter().filter(joins).cloned().collect(),
        constraints: state.constraints.get(&part.id).cloned().unwrap_or_default(),
    };
    let parts = state
        .profiles
        .values()
        .flat_map(|profile| &profile.fragments);
    partition(&parts.map(node).collect::<Vec<_>>(), guards).groups
}

pub fn groups(state: &MemoryState) -> Vec<Vec<FragmentId>> {
    let of_profile = |profile: &Profile| {
        profile
            .fragments
            .iter()
            .map(|part| part.id)
            .collect::<Vec<_>>()
    };
    state.profiles.values().map(of_profile).collect()
}
