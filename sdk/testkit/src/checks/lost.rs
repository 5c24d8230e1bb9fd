//! Answers that are lost on their way: what was done then is never claimed, denied or done again.

use crosspoint_model::delivery::Outcome;
use crosspoint_sandbox::{Found, Idempotency};
use serde_json::json;

use super::destination::{Tried, checked_actions, happened, item, once, prepare};
use super::faults::outcome;
use crate::error::{Checked, fail};
use crate::people::Fields;
use crate::rig::{Instead, Rig, Session};

/// Requests of one delivery whose answer is lost, at most.
const MOST_LOST: usize = 6;

pub(super) async fn lost_answer(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut n = 0;
    for tried in checked_actions(rig, &mut session).await? {
        prepare(rig, &mut session, &tried, n).await?;
        let before = rig.sim.next_call().await?;
        session
            .deliver(&tried.offer, &[item(&tried, n, 1, Fields::All)])
            .await?;
        let requests = rig.sim.next_call().await? - before;
        for skip in 0..requests.min(MOST_LOST) {
            n += 1;
            prepare(rig, &mut session, &tried, n).await?;
            lose(rig, &mut session, &tried, n, skip).await?;
        }
        n += 1;
    }
    Ok(())
}

async fn lose(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    n: u32,
    skip: usize,
) -> Checked {
    let before = happened(rig, tried).await?;
    let items = [item(tried, n, 1, Fields::All)];
    rig.sim
        .fault(json!({ "skip": skip, "do": "lose_answer" }))
        .await?;
    let answer = session.deliver_once(&tried.offer.action, &items).await;
    rig.sim.no_faults().await?;
    let is_done = happened(rig, tried).await? > before;
    let class = tried.offer.idempotency;
    let outcome = outcome(answer)?;
    let is_true = match &outcome {
        Outcome::Unknown(_) | Outcome::Queued(_) => true,
        // An answer that came later may have said so.
        Outcome::Done(_) => is_done || tried.subject.effects.is_empty(),
        Outcome::Transient(_) | Outcome::RateLimited(_) => {
            !is_done || class != Idempotency::AtMostOnce
        }
        _ => false,
    };
    if !is_true {
        let text = format!(
            "`{}`, answer {skip} lost, {}: {outcome:?}",
            tried.name,
            if is_done { "done" } else { "not done" }
        );
        return fail(text);
    }
    let is_held = matches!(outcome, Outcome::Unknown(_)) && class == Idempotency::AtMostOnce;
    if is_held && tried.offer.read_back {
        let output = session
            .connector
            .read_back(&tried.offer.action, &items, session.input())
            .await?;
        let found = session.keep(output);
        let is_right = if is_done {
            matches!(found[0], Found::Present(_))
        } else {
            found[0] == Found::Absent
        };
        return if is_right {
            Ok(())
        } else {
            fail(format!(
                "`{}`: read back {:?}, done: {is_done}",
                tried.name, found[0]
            ))
        };
    }
    if is_held || matches!(outcome, Outcome::Done(_)) {
        return Ok(());
    }
    let outcomes = session.deliver(&tried.offer, &items).await?;
    if !matches!(outcomes[0], Outcome::Done(_)) {
        return fail(format!(
            "`{}`, delivered again after answer {skip} was lost: {:?}",
            tried.name, outcomes[0]
        ));
    }
    once(rig, tried, n, before).await
}
