//! Consent that an action takes: where it is withdrawn, pending or not there, nothing leaves.

use crosspoint_model::Instant;
use crosspoint_model::delivery::{Action, Outcome};
use crosspoint_model::record::{Consent, ConsentState, ConsentTopic};

use super::destination::{Tried, checked_actions, item, prepare};
use crate::error::{Checked, fail, skip};
use crate::people::Fields;
use crate::rig::{Instead, Rig, Session};
use crate::subject::ConsentSubject;

pub(super) async fn withheld(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut n = 0;
    for tried in checked_actions(rig, &mut session).await? {
        let Some(consent) = needed(&tried)? else {
            continue;
        };
        let mut cases = vec![Some(ConsentState::Withdrawn)];
        // A message may be what asks for the confirmation.
        if tried.offer.action != Action::SendMessage {
            cases.push(Some(ConsentState::Pending));
        }
        cases.extend(consent.granted.then_some(None));
        for state in cases {
            refused(rig, &mut session, &tried, consent, state, n).await?;
            n += 1;
        }
    }
    match n {
        0 => skip("no action contacts anybody or tells of a consent"),
        _ => Ok(()),
    }
}

/// What the action needs; it has to be said of those that usually need something.
fn needed<'t>(tried: &Tried<'t>) -> Checked<Option<&'t ConsentSubject>> {
    let usual = [Action::SendMessage, Action::Unsuppress];
    match &tried.subject.consent {
        Some(consent) if consent.none.is_some() => Ok(None),
        Some(consent) => Ok(Some(consent)),
        None if usual.contains(&tried.offer.action) => fail(format!(
            "conformance.toml does not say whose `consent` action `{}` takes",
            tried.name
        )),
        None => Ok(None),
    }
}

async fn refused(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    consent: &ConsentSubject,
    state: Option<ConsentState>,
    n: u32,
) -> Checked {
    prepare(rig, session, tried, n).await?;
    session.connector.check_destination(session.input()).await?;
    let mut item = item(tried, n, 1, Fields::All);
    let topics: Vec<ConsentTopic> = consent
        .topics
        .iter()
        .map(|word| ConsentTopic::from_word(word))
        .collect();
    item.consents.retain(|it| !topics.contains(&it.topic));
    if let Some(state) = state {
        item.consents
            .extend(topics.into_iter().map(|topic| Consent {
                topic,
                state,
                decided_at: Instant(1_792_000_000_000),
                evidence: None,
            }));
    }
    let what = state.map_or("not given".to_owned(), |it| {
        format!("{it:?}").to_lowercase()
    });
    let before = rig.sim.next_call().await?;
    let outcomes = session.deliver_once(&tried.offer.action, &[item]).await?;
    let sent = rig.sim.next_call().await? - before;
    let topics = consent.topics.join(" and ");
    if sent > 0 {
        return fail(format!(
            "`{}`: {topics} is {what}, and {sent} requests left all the same",
            tried.name
        ));
    }
    match &outcomes[0] {
        Outcome::Rejected { .. } => Ok(()),
        other => fail(format!(
            "`{}`: {topics} is {what}, and the outcome is {other:?}; wanted is `rejected`",
            tried.name
        )),
    }
}
