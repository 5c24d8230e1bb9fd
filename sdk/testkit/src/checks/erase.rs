//! Erasure: somebody who was there is there no more, in any form.

use crosspoint_model::delivery::Outcome;
use sha2::{Digest as _, Sha256};

use super::destination::{Tried, checked_actions, item, prepare};
use crate::error::{Checked, fail, skip};
use crate::people::{Fields, person};
use crate::rig::{Instead, Rig};
use crate::subject::fill;

pub(super) async fn erases(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let actions = checked_actions(rig, &mut session).await?;
    let mut is_tried = false;
    for (n, tried) in (0..).zip(actions.iter().filter(|tried| tried.offer.erases)) {
        is_tried = true;
        let traces = traces(tried, n);
        if let Some(found) = first(rig, &traces).await? {
            return fail(format!(
                "`{}`: `{found}` is at the vendor before anybody was added",
                tried.name
            ));
        }
        prepare(rig, &mut session, tried, n).await?;
        if first(rig, &traces).await?.is_none() {
            return fail(format!(
                "`{}`: nobody is at the vendor who could be erased; name in `before` of \
                 conformance.toml what adds them",
                tried.name
            ));
        }
        let outcomes = session
            .deliver(&tried.offer, &[item(tried, n, 1, Fields::All)])
            .await?;
        if !matches!(outcomes[0], Outcome::Done(_)) {
            return fail(format!("`{}`: {:?}", tried.name, outcomes[0]));
        }
        // Where it is accepted only, it takes a moment.
        rig.sim.advance(10_000).await?;
        if let Some(found) = first(rig, &traces).await? {
            return fail(format!("`{}`: the vendor still has `{found}`", tried.name));
        }
    }
    match is_tried {
        true => Ok(()),
        false => skip("no action erases"),
    }
}

/// What would tell that somebody is there: addresses and numbers, as they are and as vendors digest
/// them, and what conformance.toml finds them by.
fn traces(tried: &Tried<'_>, n: u32) -> Vec<String> {
    let mut traces = vec![fill("{email}", person(n)), fill("{phone}", person(n))];
    let bare = traces[1].trim_start_matches('+').to_owned();
    traces.push(bare);
    let digests: Vec<String> = traces
        .iter()
        .map(|it| hex::encode(Sha256::digest(it.as_bytes())))
        .collect();
    traces.extend(digests);
    let theirs = tried.subject.matches.values().filter(|it| it.contains('{'));
    traces.extend(theirs.map(|it| fill(it, person(n))));
    traces
}

/// The first of the traces that is a whole value in the vendor's truth.
async fn first(rig: &Rig<'_>, traces: &[String]) -> Checked<Option<String>> {
    let truth = rig.sim.truth().await?.to_string();
    let is_there = |it: &&String| truth.contains(&format!("\"{it}\""));
    Ok(traces.iter().find(is_there).cloned())
}
