//! Decisions of a person about identity.

use std::collections::BTreeSet;

use crosspoint_model::FragmentId;
use crosspoint_model::entry::IdentityDecision;
use crosspoint_model::state::{Result, State};

use crate::guards::Guards;
use crate::settle::{Settled, regroup};

/// Records a decision and regroups the profiles that it is about. Fragments that do not exist are
/// passed over. The latest decision about two fragments stands.
///
/// - Unmerge: the two sets are apart from now on, whatever they share; the fragments that were
///   taken out stay together.
/// - Merge: the profiles of the two fragments are one from now on, whatever guards say; earlier
///   decisions that kept them apart are taken back.
///
/// # Errors
/// When the state cannot be read.
pub fn apply_decision(
    state: &mut impl State,
    guards: &Guards,
    decision: &IdentityDecision,
) -> Result<Settled> {
    let mut seeds = Vec::new();
    match decision {
        IdentityDecision::Unmerge { fragments, from } => {
            let fragments = existing(state, fragments)?;
            let mut from = existing(state, from)?;
            from.retain(|other| !fragments.contains(other));
            for one in &fragments {
                change(state, *one, &from, Relation::Apart)?;
            }
            for other in &from {
                change(state, *other, &fragments, Relation::Apart)?;
            }
            if let [first, rest @ ..] = &fragments[..] {
                change(state, *first, rest, Relation::Together)?;
                for other in rest {
                    change(state, *other, &[*first], Relation::Together)?;
                }
            }
            seeds.extend(fragments);
            seeds.extend(from);
        }
        IdentityDecision::Merge(one, other) => {
            let (Some(ours), Some(theirs)) = (company(state, *one)?, company(state, *other)?)
            else {
                return Ok(Settled::default());
            };
            if one == other {
                return Ok(Settled::default());
            }
            for (fragments, others) in [(&ours, &theirs), (&theirs, &ours)] {
                for fragment in fragments {
                    change(state, *fragment, others, Relation::None)?;
                }
            }
            change(state, *one, &[*other], Relation::Together)?;
            change(state, *other, &[*one], Relation::Together)?;
            seeds.extend([*one, *other]);
        }
    }
    let mut settled = Settled::default();
    if !seeds.is_empty() {
        regroup(state, guards, &seeds, Clone::clone, &mut settled)?;
    }
    Ok(settled)
}

/// Those of the fragments that exist, sorted.
fn existing(state: &mut impl State, fragments: &[FragmentId]) -> Result<Vec<FragmentId>> {
    let mut found = BTreeSet::new();
    for fragment in fragments {
        if state.profile_of(*fragment)?.is_some() {
            found.insert(*fragment);
        }
    }
    Ok(found.into_iter().collect())
}

/// All fragments of the profile that holds this one.
fn company(state: &mut impl State, fragment: FragmentId) -> Result<Option<Vec<FragmentId>>> {
    let Some(id) = state.profile_of(fragment)? else {
        return Ok(None);
    };
    let Some(profile) = state.take_profile(id)? else {
        return Ok(None);
    };
    let fragments = profile.fragments.iter().map(|part| part.id).collect();
    state.put_profile(profile)?;
    Ok(Some(fragments))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Apart,
    Together,
    /// What was decided is taken back.
    None,
}

fn change(
    state: &mut impl State,
    fragment: FragmentId,
    others: &[FragmentId],
    relation: Relation,
) -> Result<()> {
    let before = state.constraints(fragment)?;
    let mut after = before.clone();
    for other in others.iter().filter(|other| **other != fragment) {
        put(&mut after.apart, *other, relation == Relation::Apart);
        put(&mut after.together, *other, relation == Relation::Together);
    }
    if after != before {
        state.put_constraints(fragment, after)?;
    }
    Ok(())
}

fn put(sorted: &mut Vec<FragmentId>, id: FragmentId, wanted: bool) {
    match (sorted.binary_search(&id), wanted) {
        (Err(at), true) => sorted.insert(at, id),
        (Ok(at), false) => _ = sorted.remove(at),
        _ => {}
    }
}
