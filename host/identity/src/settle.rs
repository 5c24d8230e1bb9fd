//! Keeps the state's profiles in accordance with the partition.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::profile::{Fragment, Profile};
use crosspoint_model::state::{Result, State};
use crosspoint_model::{FragmentId, Identifier, ProfileId};

use crate::component::{Component, gather, named_by};
use crate::guards::{Guard, Guards, Refusal};
use crate::partition::{Node, Partition, partition};

/// What changed. Empty where nothing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Profiles that are no more, or not with these fragments, as they were; sorted by id. What
    /// was derived for them is whole; their fragments are here without facts, which moved on.
    pub retired: Vec<Profile>,
    /// Profiles that are now in the state in their place, sorted; nothing is derived for them.
    pub formed: Vec<ProfileId>,
    /// What was newly kept apart.
    pub refused: Vec<Refusal>,
}

/// Registers identifiers that are new to a fragment, and regroups the profiles that they connect.
/// For a fragment that is itself new these are all its identifiers, its key among them.
///
/// The fragment must be in the state, inside its present profile. Where nobody shares the
/// identifiers this costs one look-up for each.
///
/// # Errors
/// When the state cannot be read.
pub fn settle(
    state: &mut impl State,
    guards: &Guards,
    fragment: FragmentId,
    new_identifiers: &[Identifier],
) -> Result<Settled> {
    let mut settled = Settled::default();
    let mut seeds = Vec::new();
    let mut counted = false;
    for identifier in new_identifiers {
        match register(state, guards, fragment, identifier)? {
            Registered::Known => {}
            Registered::Unshared => counted |= guards.counts(identifier),
            Registered::Joins => seeds.push(fragment),
            Registered::Refused(guard, between) => {
                let identifier = Some(identifier.clone());
                settled.refused.push(Refusal {
                    identifier,
                    between,
                    guard,
                });
            }
            Registered::Overloaded(carriers) => {
                seeds.extend(&carriers);
                let (identifier, guard) = (Some(identifier.clone()), Guard::Carriers);
                settled.refused.push(Refusal {
                    identifier,
                    between: carriers,
                    guard,
                });
            }
        }
    }
    if seeds.is_empty() && counted && !is_all_new(state, fragment, new_identifiers)? {
        seeds.push(fragment);
    }
    if seeds.is_empty() {
        return Ok(settled);
    }
    let before = |node: &Node| {
        let mut node = node.clone();
        if node.id == fragment {
            node.identifiers
                .retain(|identifier| !new_identifiers.contains(identifier));
        }
        node
    };
    regroup(state, guards, &seeds, before, &mut settled)?;
    Ok(settled)
}

/// Regroups a profile, and all that hangs together with it, under guards that changed. To be
/// called for every profile; one that another call retired is passed over. A raised
/// [`Guards::max_carriers`] does not bring back carriers that were too many to list.
///
/// # Errors
/// When the state cannot be read.
pub fn resettle(state: &mut impl State, guards: &Guards, profile: ProfileId) -> Result<Settled> {
    let mut settled = Settled::default();
    if state.profile_of(profile.fragment())? == Some(profile) {
        regroup(
            state,
            guards,
            &[profile.fragment()],
            Clone::clone,
            &mut settled,
        )?;
    }
    Ok(settled)
}

/// Regroups all that hangs together with `seeds`. Of the refusals only those are reported that
/// the nodes as `before` saw them did not have.
pub(crate) fn regroup(
    state: &mut impl State,
    guards: &Guards,
    seeds: &[FragmentId],
    before: impl Fn(&Node) -> Node,
    settled: &mut Settled,
) -> Result<()> {
    // Whole profiles are gathered, so what joined them until now need not connect any longer.
    let component = gather(state, guards, seeds)?;
    if component.cut_off {
        let between = vec![seeds[0]];
        settled.refused.push(Refusal {
            identifier: None,
            between,
            guard: Guard::Component,
        });
        return component
            .profiles
            .into_values()
            .try_for_each(|profile| state.put_profile(profile));
    }
    let Partition { groups, refused } = partition(&component.nodes, guards);
    if !refused.is_empty() {
        let nodes: Vec<Node> = component.nodes.iter().map(before).collect();
        let mut known: BTreeSet<_> = partition(&nodes, guards)
            .refused
            .into_iter()
            .map(|refusal| between_groups(&refusal, &groups))
            .collect();
        let new = refused.into_iter();
        let new = new.filter(|refusal| known.insert(between_groups(refusal, &groups)));
        settled.refused.extend(new);
    }
    replace(state, component, groups, settled)
}

/// The same for all refusals that keep the same people apart for the same reason, whichever of
/// their fragments was the smallest at the time.
fn between_groups(
    refusal: &Refusal,
    groups: &[Vec<FragmentId>],
) -> (Option<Identifier>, Guard, BTreeSet<usize>) {
    let group = |id: &FragmentId| {
        groups
            .iter()
            .position(|group| group.binary_search(id).is_ok())
    };
    let between = refusal.between.iter().filter_map(group).collect();
    (refusal.identifier.clone(), refusal.guard, between)
}

/// Puts the profiles back: as they were where a group is one of them, else in new groups.
fn replace(
    state: &mut impl State,
    component: Component,
    groups: Vec<Vec<FragmentId>>,
    settled: &mut Settled,
) -> Result<()> {
    let mut pool: BTreeMap<FragmentId, Fragment> = BTreeMap::new();
    let mut kept: Vec<ProfileId> = Vec::new();
    for (id, mut profile) in component.profiles {
        // Groups are sorted by their smallest fragment, which is what the profile's id is.
        let same = groups
            .binary_search_by_key(&id.fragment(), |group| group[0])
            .is_ok_and(|at| {
                groups[at]
                    .iter()
                    .eq(profile.fragments.iter().map(|part| &part.id))
            });
        if same {
            kept.push(id);
            state.put_profile(profile)?;
            continue;
        }
        for mut fragment in std::mem::take(&mut profile.fragments) {
            let facts = std::mem::take(&mut fragment.facts);
            profile.fragments.push(fragment.clone());
            fragment.facts = facts;
            pool.insert(fragment.id, fragment);
        }
        settled.retired.push(*profile);
    }
    for group in groups {
        let id = group[0].alone();
        if kept.binary_search(&id).is_err() {
            let fragments = group.iter().filter_map(|part| pool.remove(part)).collect();
            state.put_profile(Box::new(Profile::of_fragments(fragments)))?;
            settled.formed.push(id);
        }
    }
    Ok(())
}

/// What a new identifier of a fragment means.
enum Registered {
    /// It was registered before.
    Known,
    /// Nobody else carries it, or it is refused without anybody to keep apart.
    Unshared,
    /// Others carry it.
    Joins,
    /// It joins nobody, though others carry it.
    Refused(Guard, Vec<FragmentId>),
    /// It joined these until now, and no longer does.
    Overloaded(Vec<FragmentId>),
}

fn register(
    state: &mut impl State,
    guards: &Guards,
    fragment: FragmentId,
    identifier: &Identifier,
) -> Result<Registered> {
    let named = named_by(identifier);
    let mut carriers = state.carriers(identifier)?;
    let count_before = carriers.fragments.len();
    let mut others = count_before > 0;
    let mut count = count_before;
    if named != Some(fragment) {
        let Err(at) = carriers.fragments.binary_search(&fragment) else {
            return Ok(Registered::Known);
        };
        others |= match named {
            Some(named) => !others && state.profile_of(named)?.is_some(),
            None => false,
        };
        count += 1;
        // Of too many carriers the smallest are listed, so that order of arrival does not matter.
        let room = guards.max_carriers + 1;
        if at < room {
            carriers.fragments.insert(at, fragment);
            carriers.fragments.truncate(room);
            let now_overloaded = count_before == guards.max_carriers;
            if now_overloaded && !guards.blocks(identifier) {
                let mut joined = carriers.fragments.clone();
                state.put_carriers(identifier, carriers)?;
                if let Some(named) = named
                    && state.profile_of(named)?.is_some()
                {
                    joined.push(named);
                    joined.sort();
                }
                return Ok(Registered::Overloaded(joined));
            }
            state.put_carriers(identifier, carriers)?;
        }
    }
    let refused = if guards.blocks(identifier) {
        Some(Guard::Blocked)
    } else if count > guards.max_carriers {
        Some(Guard::Carriers)
    } else {
        None
    };
    Ok(match refused {
        _ if !others => Registered::Unshared,
        Some(guard) => Registered::Refused(guard, vec![fragment]),
        None => Registered::Joins,
    })
}

/// Whether the fragment stands alone with nothing but these identifiers: then, if nobody shares
/// them, it is connected with nobody.
fn is_all_new(
    state: &mut impl State,
    fragment: FragmentId,
    new_identifiers: &[Identifier],
) -> Result<bool> {
    let Some(id) = state.profile_of(fragment)? else {
        return Ok(true);
    };
    let Some(profile) = state.take_profile(id)? else {
        return Ok(true);
    };
    let all_new = profile.fragments.len() == 1
        && profile.fragments[0]
            .identifiers
            .iter()
            .all(|known| new_identifiers.contains(known));
    state.put_profile(profile)?;
    Ok(all_new)
}
