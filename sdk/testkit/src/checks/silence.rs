//! A vendor that takes a request and never answers.

use crosspoint_model::delivery::{Delivery, Outcome};
use crosspoint_sandbox::manifest::Role;
use crosspoint_sandbox::{CallInput, Error as CallError, GuestError, Idempotency};
use serde_json::json;

use super::destination::{Tried, checked_actions, happened, item, prepare};
use super::faults::outcome;
use super::general::check_any;
use super::source::checked_streams;
use crate::error::{Checked, Fault, fail};
use crate::people::Fields;
use crate::rig::{Instead, PAGE, Rig, Session, all};

/// How long a call may take. The host's margin is a tenth of it.
const WALL_MS: u64 = 2_000;
/// Items of a call in which the last is never answered.
const BATCH: u32 = 3;

pub(super) async fn no_answer(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    read_in_silence(rig, &mut session).await?;
    if !rig.manifest().has_role(Role::Destination) {
        return Ok(());
    }
    let actions = checked_actions(rig, &mut session).await?;
    deliver_in_silence(rig, &mut session, &actions).await?;
    let mut n = 1_000;
    for tried in in_parts(rig, &mut session, &actions, &mut n).await? {
        fell_silent(rig, &mut session, tried, n).await?;
        n += BATCH;
    }
    Ok(())
}

/// From now on nobody answers.
async fn hang(rig: &Rig<'_>, skip: usize) -> Checked {
    let fault = json!({ "skip": skip, "times": u32::MAX, "do": "hang" });
    Ok(rig.sim.fault(fault).await?)
}

async fn read_in_silence(rig: &Rig<'_>, session: &mut Session<'_>) -> Checked {
    let streams = checked_streams(rig, session).await?;
    // Whatever token it takes is there.
    check_any(rig, session).await?;
    hang(rig, 0).await?;
    let reads = streams.iter().map(|stream| {
        let input = CallInput {
            wall_ms: Some(WALL_MS),
            ..session.input()
        };
        session.connector.read(&stream.name, None, PAGE, input)
    });
    let answers = all(reads.collect()).await;
    rig.sim.no_faults().await?;
    for (stream, answer) in streams.iter().zip(answers) {
        match answer {
            Err(CallError::Guest {
                error: GuestError::Transient(_) | GuestError::RateLimited(_),
                ..
            }) => {}
            Err(error) => {
                let text = "the vendor never answers, and the call does not end in `transient`";
                return fail(format!("stream `{}`: {text}: {error}", stream.name));
            }
            Ok(_) => {
                let text = "the vendor never answers, and that is taken for success";
                return fail(format!("stream `{}`: {text}", stream.name));
            }
        }
    }
    Ok(())
}

async fn deliver_in_silence(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    actions: &[Tried<'_>],
) -> Checked {
    let mut items = Vec::new();
    for (n, tried) in (0..).zip(actions) {
        prepare(rig, session, tried, n).await?;
        items.push([item(tried, n, 1, Fields::All)]);
    }
    session.connector.check_destination(session.input()).await?;
    hang(rig, 0).await?;
    let calls = actions.iter().zip(&items);
    let calls =
        calls.map(|(tried, items)| session.deliver_within(WALL_MS, &tried.offer.action, items));
    let answers = all(calls.collect()).await;
    rig.sim.no_faults().await?;
    for (tried, answer) in actions.iter().zip(answers) {
        let said = outcome(answer).map_err(|fault| of(tried, fault))?;
        let is_true = matches!(
            said,
            Outcome::Unknown(_) | Outcome::Transient(_) | Outcome::RateLimited(_)
        );
        if !is_true {
            return fail(format!(
                "`{}`: the vendor never answers, and the outcome is {said:?}; `unknown` is what was \
                 sent and not answered, `transient` what was not sent",
                tried.name
            ));
        }
    }
    Ok(())
}

fn of(tried: &Tried<'_>, fault: Fault) -> Fault {
    match fault {
        Fault::Failed(reason) => Fault::Failed(format!("`{}`: {reason}", tried.name)),
        skipped => skipped,
    }
}

/// Of the actions that take a request for each item one that happens at most once, and another.
async fn in_parts<'t, 's>(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    actions: &'t [Tried<'s>],
    n: &mut u32,
) -> Checked<Vec<&'t Tried<'s>>> {
    let (mut once, mut repeatable) = (None, None);
    for tried in actions.iter().filter(|it| it.offer.batch_size >= BATCH) {
        let slot = match tried.offer.idempotency {
            Idempotency::AtMostOnce => &mut once,
            _ => &mut repeatable,
        };
        if slot.is_none() && requests(rig, session, tried, *n).await? == BATCH as usize {
            *slot = Some(tried);
        }
        *n += BATCH;
    }
    Ok([once, repeatable].into_iter().flatten().collect())
}

async fn batch(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    from: u32,
) -> Checked<Vec<Delivery>> {
    let mut items = Vec::new();
    // Whatever quota the last one used up is there again.
    rig.sim.advance(60_000).await?;
    for n in from..from + BATCH {
        prepare(rig, session, tried, n).await?;
        items.push(item(tried, n, 1, Fields::All));
    }
    Ok(items)
}

async fn requests(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    from: u32,
) -> Checked<usize> {
    let items = batch(rig, session, tried, from).await?;
    let before = rig.sim.next_call().await?;
    session.deliver_once(&tried.offer.action, &items).await?;
    Ok(rig.sim.next_call().await? - before)
}

/// The last of several is never answered: the others are done, and said to be.
async fn fell_silent(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    from: u32,
) -> Checked {
    let items = batch(rig, session, tried, from).await?;
    let before = happened(rig, tried).await?;
    hang(rig, items.len() - 1).await?;
    let answer = session
        .deliver_within(WALL_MS, &tried.offer.action, &items)
        .await;
    rig.sim.no_faults().await?;
    let done = happened(rig, tried).await? - before;
    let outcomes = match answer {
        Ok(outcomes) => outcomes,
        Err(error) => {
            let text = format!("{done} of {BATCH} were done, and the call ends in an error");
            return fail(format!("`{}`: {text}: {error}", tried.name));
        }
    };
    let is_done = |it: &&Outcome| matches!(it, Outcome::Done(_) | Outcome::Queued(_));
    let said = outcomes.iter().filter(is_done).count();
    match said == items.len() - 1 {
        true => Ok(()),
        false => fail(format!(
            "`{}`: {done} of {BATCH} were done before the vendor fell silent, and {said} are said to be: {outcomes:?}",
            tried.name
        )),
    }
}
