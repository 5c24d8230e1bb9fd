//! Every fault that a vendor can have, and the class that it must get.

use std::collections::BTreeSet;

use crosspoint_model::delivery::{Action, Delivery, Outcome};
use crosspoint_sandbox::{Budget, Error as CallError, GuestError, Idempotency};
use serde_json::{Value, json};

use super::destination::{Tried, checked_actions, happened, item, prepare};
use super::source::checked_streams;
use crate::error::{Checked, fail};
use crate::fold::Fold;
use crate::people::Fields;
use crate::rig::{Instead, PAGE, Rig, Session};

/// What the host is to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Pause and tell the operator.
    Auth,
    /// Either that, or wait.
    AuthOrWait,
    /// Wait as long as the vendor says, in milliseconds.
    Wait(Option<u64>),
    /// Try again.
    Again,
    /// Never as it is.
    Never,
    /// Anything but success.
    Fault,
    /// The same, unless it was to be taken away: then it is not there.
    Absent,
}

/// Seconds that the vendor asks to wait.
const WAIT_S: u64 = 7;

fn status(status: u16) -> Value {
    json!({ "status": { "status": status } })
}

fn status_with(status: u16, retry_after: &str) -> Value {
    json!({ "status": { "status": status, "headers": { "retry-after": retry_after } } })
}

fn matrix() -> Vec<(String, Value, Class)> {
    let mut faults = vec![
        (
            "429 with seconds".to_owned(),
            status_with(429, &WAIT_S.to_string()),
            Class::Wait(Some(WAIT_S * 1_000)),
        ),
        (
            "429 with a date".to_owned(),
            status_with(429, "Fri, 31 Dec 2100 23:59:59 GMT"),
            Class::Wait(None),
        ),
        ("429".to_owned(), status(429), Class::Wait(None)),
        (
            "HTML with 200".to_owned(),
            json!({ "html": 200 }),
            Class::Fault,
        ),
        (
            "HTML with 503".to_owned(),
            json!({ "html": 503 }),
            Class::Again,
        ),
        (
            "a reset connection".to_owned(),
            json!("reset"),
            Class::Again,
        ),
        (
            "a truncated answer".to_owned(),
            json!("truncate"),
            Class::Again,
        ),
    ];
    for (code, class) in [
        (202, Class::Fault),
        (204, Class::Fault),
        (400, Class::Never),
        (401, Class::Auth),
        (403, Class::AuthOrWait),
        (404, Class::Absent),
        (408, Class::Again),
        (409, Class::Fault),
        (410, Class::Absent),
        (413, Class::Never),
        (422, Class::Never),
        (423, Class::Fault),
        (500, Class::Again),
        (502, Class::Again),
        (503, Class::Again),
        (504, Class::Again),
    ] {
        faults.push((code.to_string(), status(code), class));
    }
    faults
}

pub(super) async fn source(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        let all = Fold::of(session.drain(&stream.name, None, PAGE).await?.records());
        for (name, effect, class) in matrix() {
            rig.sim.advance(60_000).await?;
            let mut session = rig.session(Instead::default()).await?;
            // Whatever token it takes is there.
            let one = Budget { records: 1, ..PAGE };
            session.read(&stream.name, None, one).await?;
            // Thrice: a 401 is met with a fresh token first.
            rig.sim.fault(json!({ "times": 3, "do": effect })).await?;
            let answer = session.read_once(&stream.name, None, PAGE).await;
            rig.sim.no_faults().await?;
            let at = format!("stream `{}`, {name}", stream.name);
            match answer {
                Ok(page) => {
                    let rest = session
                        .drain(&stream.name, Some(page.next_cursor), PAGE)
                        .await?;
                    let mut fold = Fold::of(&page.records);
                    fold.extend(rest.records());
                    if let Err(reason) = fold.covers(&all) {
                        return fail(format!("{at}: taken for success, and {reason}"));
                    }
                }
                Err(error) if error.is_trap() => return fail(format!("{at}: {error}")),
                Err(CallError::Guest { error, .. }) if fits(&error, class) => {}
                Err(error) => return fail(format!("{at}: {error}, wanted {class:?}")),
            }
        }
    }
    Ok(())
}

fn fits(error: &GuestError, class: Class) -> bool {
    match class {
        Class::Auth => matches!(error, GuestError::Auth(_)),
        Class::AuthOrWait => matches!(error, GuestError::Auth(_) | GuestError::RateLimited(_)),
        Class::Wait(at_least) => {
            matches!(error, GuestError::RateLimited(ms) if ms.unwrap_or(0) >= at_least.unwrap_or(0))
        }
        Class::Again => matches!(error, GuestError::Transient(_) | GuestError::RateLimited(_)),
        Class::Never => !matches!(error, GuestError::RateLimited(_)),
        Class::Fault | Class::Absent => true,
    }
}

pub(super) async fn destination(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut n = 0;
    for tried in checked_actions(rig, &mut session).await? {
        let usual = usual(rig, &mut session, &tried, n).await?;
        for (name, effect, class) in matrix() {
            // What the vendor says where all went well says so.
            if usual.contains(&name) {
                continue;
            }
            n += 1;
            // Whatever quota the last one used up is there again.
            rig.sim.advance(60_000).await?;
            let mut session = rig.session(Instead::default()).await?;
            prepare(rig, &mut session, &tried, n).await?;
            session.connector.check_destination(session.input()).await?;
            let items = [item(&tried, n, 1, Fields::All)];
            struck(rig, &mut session, &tried, &items, effect, class)
                .await
                .or_else(|fault| at(&tried, &name, fault))?;
        }
    }
    Ok(())
}

/// The statuses that the vendor answers with where nothing is wrong.
async fn usual(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    n: u32,
) -> Checked<BTreeSet<String>> {
    prepare(rig, session, tried, n).await?;
    let before = rig.sim.next_call().await?;
    let items = [item(tried, n, 1, Fields::All)];
    session.deliver(&tried.offer, &items).await?;
    let (_, calls) = rig.sim.calls_from(before).await?;
    Ok(calls.iter().map(|call| call.status.to_string()).collect())
}

fn at(tried: &Tried<'_>, name: &str, fault: crate::error::Fault) -> Checked {
    match fault {
        crate::error::Fault::Failed(reason) => fail(format!("`{}`, {name}: {reason}", tried.name)),
        skipped => Err(skipped),
    }
}

async fn struck(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    items: &[Delivery],
    effect: Value,
    class: Class,
) -> Checked {
    let before = happened(rig, tried).await?;
    rig.sim.fault(json!({ "times": 3, "do": effect })).await?;
    let answer = session.deliver_once(&tried.offer.action, items).await;
    rig.sim.no_faults().await?;
    let mut outcome = outcome(answer)?;
    if let Outcome::Queued(job) = outcome {
        outcome = session.ask(&job, &items[0].key).await?;
    }
    let mut is_done = happened(rig, tried).await? > before;
    if !is_done && matches!(outcome, Outcome::Done(_)) {
        // Where the vendor accepts before it does, that takes a moment.
        rig.sim.advance(10_000).await?;
        is_done = happened(rig, tried).await? > before;
    }
    let takes_away = tried.subject.removes || tried.offer.action == Action::Suppress;
    let is_true =
        is_done || tried.subject.effects.is_empty() || class == Class::Absent && takes_away;
    if matches!(outcome, Outcome::Done(_)) && is_true {
        return Ok(());
    }
    // At most once: what may have happened may not be tried again.
    let is_loose = tried.offer.idempotency != Idempotency::AtMostOnce;
    let is_right = match (class, &outcome) {
        (_, Outcome::Done(_)) => false,
        (Class::Auth, outcome) => matches!(outcome, Outcome::Auth(_)),
        (Class::AuthOrWait, outcome) => matches!(
            outcome,
            Outcome::Auth(_) | Outcome::RateLimited(_) | Outcome::Rejected { .. }
        ),
        (Class::Wait(at_least), Outcome::RateLimited(ms)) => {
            ms.unwrap_or(0) >= at_least.unwrap_or(0)
        }
        (Class::Wait(_), _) => false,
        (Class::Again, Outcome::Unknown(_)) => true,
        (Class::Again, Outcome::Transient(_) | Outcome::RateLimited(_)) => is_loose || !is_done,
        (Class::Again, _) => false,
        (Class::Never, outcome) => matches!(
            outcome,
            Outcome::Rejected { .. } | Outcome::Gone(_) | Outcome::Unsupported(_)
        ),
        (Class::Fault | Class::Absent, _) => true,
    };
    match is_right {
        true => Ok(()),
        false => fail(format!("{outcome:?}, wanted {class:?}")),
    }
}

/// What a host makes of the answer for a batch of one; see C33.
pub(super) fn outcome(answer: Result<Vec<Outcome>, CallError>) -> Checked<Outcome> {
    let error = match answer {
        Ok(outcomes) => return Ok(outcomes[0].clone()),
        Err(CallError::Guest { error, .. }) => error,
        Err(error) => return Err(error.into()),
    };
    Ok(match error {
        GuestError::Transient(text) => Outcome::Unknown(text.into()),
        GuestError::RateLimited(ms) => Outcome::RateLimited(ms),
        GuestError::Auth(text) => Outcome::Auth(text.into()),
        GuestError::Gone(text) => Outcome::Gone(text.into()),
        GuestError::Unsupported(text) => Outcome::Unsupported(text.into()),
        GuestError::Invalid { reason, .. } => Outcome::Rejected {
            field: None,
            reason: reason.into(),
        },
        GuestError::CursorExpired(text) | GuestError::Fatal(text) => Outcome::Rejected {
            field: None,
            reason: text.into(),
        },
    })
}
