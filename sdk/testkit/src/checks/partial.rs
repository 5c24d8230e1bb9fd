//! A vendor that does all of a batch but one, and says so in its own form.

use crosspoint_model::delivery::{Delivery, Outcome};
use serde_json::json;

use super::destination::{Tried, checked_actions, item, prepare, stands};
use crate::error::{Checked, fail, skip};
use crate::people::Fields;
use crate::rig::{Instead, Rig, Session};
use crate::subject::PartialSubject;

/// People of one batch.
const BATCH: u32 = 5;

pub(super) async fn partial_batch(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut n = 0;
    for tried in checked_actions(rig, &mut session).await? {
        let Some(partial) = &tried.subject.partial else {
            continue;
        };
        let people: Vec<u32> = (n..n + BATCH.min(tried.offer.batch_size)).collect();
        n += BATCH;
        for &n in &people {
            prepare(rig, &mut session, &tried, n).await?;
        }
        refused(rig, &mut session, &tried, partial, &people).await?;
    }
    match n {
        0 => skip(
            "no action of conformance.toml has `partial`: the vendor takes one at a time, or all",
        ),
        _ => Ok(()),
    }
}

async fn refused(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    partial: &PartialSubject,
    people: &[u32],
) -> Checked {
    let name = tried.name;
    let items: Vec<Delivery> = people
        .iter()
        .map(|&n| item(tried, n, 1, Fields::All))
        .collect();
    let effect = json!({ "vendor": { "name": partial.name, "args": partial.args } });
    rig.sim
        .fault(json!({ "method": partial.method, "path": partial.path, "do": effect }))
        .await?;
    let outcomes = session.deliver_settled(&tried.offer.action, &items).await?;
    let is_left = rig.sim.ask("GET", "/faults", None).await? != json!([]);
    rig.sim.no_faults().await?;
    if is_left {
        return fail(format!(
            "`{name}`: no request is one that `partial` of conformance.toml strikes"
        ));
    }
    let is_done = |it: &Outcome| matches!(it, Outcome::Done(_));
    let mut open = Vec::new();
    for (place, &n) in people.iter().enumerate() {
        match is_done(&outcomes[place]) {
            true => stands(rig, tried, n, Fields::All).await?,
            false => open.push(place),
        }
    }
    let refused = match open.as_slice() {
        // It was asked for again, and taken.
        [] => return Ok(()),
        &[refused] => refused,
        _ => {
            return fail(format!(
                "`{name}`: the vendor did {} of {} and refused one; the outcomes are {outcomes:?}",
                items.len() - 1,
                items.len()
            ));
        }
    };
    match &outcomes[refused] {
        Outcome::Unknown(reason) => fail(format!(
            "`{name}`: the vendor said which one it refused, and its outcome is unknown: {reason}"
        )),
        Outcome::Transient(_) | Outcome::RateLimited(_) => {
            let again = &items[refused..=refused];
            let outcomes = session.deliver(&tried.offer, again).await?;
            if !is_done(&outcomes[0]) {
                return fail(format!("`{name}`, delivered again: {:?}", outcomes[0]));
            }
            stands(rig, tried, people[refused], Fields::All).await
        }
        _ => Ok(()),
    }
}
