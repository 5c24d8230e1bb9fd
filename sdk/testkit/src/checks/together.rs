//! Calls of `deliver` that run at once, as a host makes them: never two with the same person.

use std::collections::BTreeSet;

use crosspoint_model::delivery::{Delivery, Outcome};
use crosspoint_sandbox::ActionOffer;

use super::destination::{Tried, checked_actions, item, prepare, stands};
use crate::error::{Checked, fail};
use crate::people::Fields;
use crate::rig::{AT_ONCE, Instead, Rig, Session};

/// People of one batch.
const BATCH: usize = 2;
/// Things that happen to a person, one after the other, where an action can be undone.
const ROUNDS: u64 = 3;

/// An action, and the one that undoes it.
struct Pair<'t> {
    does: &'t Tried<'t>,
    undoes: Option<&'t Tried<'t>>,
}

pub(super) async fn several_at_once(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let actions = checked_actions(rig, &mut session).await?;
    let people = (BATCH * AT_ONCE) as u32;
    for (number, pair) in (0..).zip(pairs(&actions)) {
        // Whatever quota the last one used up is there again.
        rig.sim.advance(60_000).await?;
        let people: Vec<u32> = (number * people..(number + 1) * people).collect();
        tried(rig, &mut session, &pair, &people).await?;
    }
    Ok(())
}

/// Of two actions that undo each other the one that needs less before it does.
fn pairs<'t>(actions: &'t [Tried<'t>]) -> Vec<Pair<'t>> {
    let reverse = |tried: &Tried<'_>| {
        let wanted = tried.offer.reverse.as_ref()?;
        actions.iter().find(|other| other.offer.action == *wanted)
    };
    let rank = |tried: &Tried<'t>| (tried.subject.before.len(), tried.name.to_owned());
    let pairs = actions.iter().filter_map(|does| match reverse(does) {
        Some(undoes) if rank(undoes) < rank(does) => None,
        undoes => Some(Pair { does, undoes }),
    });
    pairs.collect()
}

async fn tried(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    pair: &Pair<'_>,
    people: &[u32],
) -> Checked {
    for &n in people {
        prepare(rig, session, pair.does, n).await?;
    }
    let rounds = if pair.undoes.is_some() { ROUNDS } else { 1 };
    let (mut done, mut last) = (BTreeSet::new(), Vec::new());
    // Any order will do, as long as it is the same every time.
    let mut chance: u32 = 11;
    for seq in 1..=rounds {
        last.clear();
        for &n in people {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let undoes = pair.undoes.filter(|_| chance >> 20 & 1 == 1);
            last.push((n, undoes.unwrap_or(pair.does)));
        }
        let batches = batches(&last, seq);
        let calls: Vec<(&ActionOffer, Vec<Delivery>)> = batches
            .iter()
            .map(|(tried, people)| {
                let items = people.iter().map(|&n| item(tried, n, seq, Fields::All));
                (&tried.offer, items.collect())
            })
            .collect();
        let outcomes = session.deliver_at_once(&calls).await?;
        for ((tried, people), outcomes) in batches.iter().zip(&outcomes) {
            let is_undone = pair.undoes.is_some_and(|undoes| undoes.name == tried.name);
            for (n, outcome) in people.iter().zip(outcomes) {
                match outcome {
                    Outcome::Done(_) => {}
                    // What was never done cannot be undone.
                    Outcome::Gone(_) | Outcome::Rejected { .. }
                        if is_undone && !done.contains(n) => {}
                    other => return fail(format!("`{}`, at once: {other:?}", tried.name)),
                }
                if !is_undone {
                    done.insert(*n);
                }
            }
        }
    }
    for (n, tried) in last {
        let can_be_seen = tried.subject.removes || !tried.subject.expect.is_empty();
        if can_be_seen || tried.name == pair.does.name {
            stands(rig, tried, n, Fields::All).await?;
        }
    }
    Ok(())
}

/// What happens to whom, as batches of one action each. The order in which they start differs from
/// round to round.
fn batches<'t>(what: &[(u32, &'t Tried<'t>)], seq: u64) -> Vec<(&'t Tried<'t>, Vec<u32>)> {
    let mut batches: Vec<(&Tried<'_>, Vec<u32>)> = Vec::new();
    for &(n, tried) in what {
        let size = BATCH.min(tried.offer.batch_size as usize);
        let has_room = |(other, people): &&mut (&Tried<'_>, Vec<u32>)| {
            other.name == tried.name && people.len() < size
        };
        match batches.iter_mut().find(has_room) {
            Some((_, people)) => people.push(n),
            None => batches.push((tried, vec![n])),
        }
    }
    let by = seq as usize % batches.len().max(1);
    batches.rotate_left(by);
    batches
}
