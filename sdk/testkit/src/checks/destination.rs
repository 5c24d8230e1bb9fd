//! Actions: done once, said truly, each item for itself.

use std::collections::BTreeSet;

use crosspoint_model::delivery::{Action, Delivery, Outcome};
use crosspoint_sandbox::{ActionOffer, Found, Idempotency};
use serde_json::{Value, json};

use crate::error::{Checked, fail, skip};
use crate::people::{Fields, delivery, person};
use crate::rig::{Instead, Rig, Session};
use crate::simulator::Effect;
use crate::subject::{ActionSubject, at, fill, text};

/// People of one batch.
const BATCH: u32 = 5;

/// An action under check: what the plugin declares, and what it is tried with.
pub(super) struct Tried<'r> {
    pub name: &'r str,
    pub offer: ActionOffer,
    pub subject: &'r ActionSubject,
}

/// The actions that the subject describes, as the plugin declares them.
pub(super) async fn checked_actions<'r>(
    rig: &'r Rig<'_>,
    session: &mut Session<'_>,
) -> Checked<Vec<Tried<'r>>> {
    let offers = session.actions().await?;
    let is_named = |offer: &&ActionOffer| !rig.subject.actions.contains_key(offer.action.as_str());
    let unnamed: Vec<&str> = offers
        .iter()
        .filter(is_named)
        .map(|offer| offer.action.as_str())
        .collect();
    if !unnamed.is_empty() {
        return fail(format!(
            "conformance.toml does not name the actions {}",
            unnamed.join(", ")
        ));
    }
    let mut tried = Vec::new();
    for (name, subject) in &rig.subject.actions {
        match offers.iter().find(|offer| offer.action.as_str() == name) {
            Some(offer) => tried.push(Tried {
                name,
                offer: offer.clone(),
                subject,
            }),
            None => {
                return fail(format!(
                    "conformance.toml names action `{name}`, the plugin has none of that name"
                ));
            }
        }
    }
    Ok(tried)
}

/// Does what has to be done for a person before an action.
pub(super) async fn prepare(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    tried: &Tried<'_>,
    n: u32,
) -> Checked {
    let offers = session.actions().await?;
    for (step, name) in (0..).zip(&tried.subject.before) {
        let offer = offers.iter().find(|offer| offer.action.as_str() == name);
        let (Some(offer), Some(subject)) = (offer, rig.subject.actions.get(name)) else {
            return fail(format!(
                "`{}` needs `{name}` before it, which is not there",
                tried.name
            ));
        };
        let item = delivery("testkit", name, subject, n, 1_000 + step, Fields::All);
        let outcomes = session.deliver(offer, &[item]).await?;
        if !matches!(outcomes[0], Outcome::Done(_)) {
            return fail(format!(
                "`{name}`, needed before `{}`: {:?}",
                tried.name, outcomes[0]
            ));
        }
    }
    Ok(())
}

pub(super) fn item(tried: &Tried<'_>, n: u32, seq: u64, fields: Fields) -> Delivery {
    delivery("testkit", tried.name, tried.subject, n, seq, fields)
}

/// How often the action has happened so far.
pub(super) async fn happened(rig: &Rig<'_>, tried: &Tried<'_>) -> Checked<u64> {
    let effects = rig.sim.effects().await?;
    let counts = |effect: &&Effect| tried.subject.effects.contains(&effect.kind);
    Ok(effects
        .iter()
        .filter(counts)
        .map(|effect| effect.count)
        .sum())
}

/// The objects at the vendor that belong to a person.
fn objects(truth: &Value, tried: &Tried<'_>, n: u32) -> Vec<Value> {
    let lookup = person(n);
    let Some(collection) = &tried.subject.collection else {
        return Vec::new();
    };
    let is_theirs = |object: &&Value| {
        object["deleted"] != json!(true)
            && tried.subject.matches.iter().all(|(field, wanted)| {
                text(at(object, field)).eq_ignore_ascii_case(&fill(wanted, &lookup))
            })
    };
    let objects = truth[collection].as_array().into_iter().flatten();
    objects.filter(is_theirs).cloned().collect()
}

/// Whether the vendor holds what was asked for. Where it accepts before it does, and has nothing to
/// ask for, that takes a moment.
pub(super) async fn stands(rig: &Rig<'_>, tried: &Tried<'_>, n: u32, fields: Fields) -> Checked {
    if holds(rig, tried, n, fields).await.is_ok() {
        return Ok(());
    }
    rig.sim.advance(10_000).await?;
    holds(rig, tried, n, fields).await
}

async fn holds(rig: &Rig<'_>, tried: &Tried<'_>, n: u32, fields: Fields) -> Checked {
    if tried.subject.collection.is_none() {
        return Ok(());
    }
    let found = objects(&rig.sim.truth().await?, tried, n);
    let name = tried.name;
    if tried.subject.removes {
        return match found.len() {
            0 => Ok(()),
            _ => fail(format!("`{name}`: it is still at the vendor")),
        };
    }
    let [object] = found.as_slice() else {
        return fail(format!(
            "`{name}`: {} objects of one person at the vendor",
            found.len()
        ));
    };
    if fields == Fields::Required {
        return Ok(());
    }
    for (field, wanted) in &tried.subject.expect {
        let (is, wanted) = (text(at(object, field)), fill(wanted, person(n)));
        if is != wanted {
            return fail(format!(
                "`{name}`: `{field}` is `{is}` at the vendor, `{wanted}` was asked for"
            ));
        }
    }
    Ok(())
}

pub(super) async fn actions_stable(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    checked_actions(rig, &mut session).await?;
    if session.actions().await? != session.actions().await? {
        return fail("two calls with the same settings gave different actions");
    }
    match rig.sim.calls().await?.len() {
        0 => Ok(()),
        _ => fail("`actions` reached out"),
    }
}

pub(super) async fn delivers(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut n = 0;
    for tried in checked_actions(rig, &mut session).await? {
        looks_for_everything(&tried)?;
        for fields in [Fields::Required, Fields::All] {
            let people: Vec<u32> = (n..n + BATCH).collect();
            n += BATCH;
            for &n in &people {
                prepare(rig, &mut session, &tried, n).await?;
            }
            let before = happened(rig, &tried).await?;
            let items: Vec<Delivery> = people.iter().map(|&n| item(&tried, n, 1, fields)).collect();
            let outcomes = session.deliver(&tried.offer, &items).await?;
            if let Some(outcome) = outcomes.iter().find(|it| !matches!(it, Outcome::Done(_))) {
                return fail(format!(
                    "`{}` with {fields:?} fields: {outcome:?}",
                    tried.name
                ));
            }
            for &n in &people {
                stands(rig, &tried, n, fields).await?;
            }
            let times = happened(rig, &tried).await? - before;
            // A vendor that asks for patience may see what changes nothing twice.
            let is_repeatable = tried.offer.idempotency == Idempotency::Idempotent;
            let is_wrong = times < u64::from(BATCH) || times > u64::from(BATCH) && !is_repeatable;
            if !tried.subject.effects.is_empty() && is_wrong {
                return fail(format!(
                    "`{}`: {times} effects for {BATCH} deliveries",
                    tried.name
                ));
            }
        }
    }
    Ok(())
}

/// Whether every field that is asked for is also looked for.
fn looks_for_everything(tried: &Tried<'_>) -> Checked {
    let subject = tried.subject;
    if subject.removes || subject.collection.is_none() {
        return Ok(());
    }
    let places = subject.expect.iter().chain(&subject.matches);
    let places: Vec<(&str, &str)> = places
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let is_seen = |(name, value): &(&String, &Value)| {
        let last = name.rsplit('.').next().unwrap_or_default();
        let value = text(value);
        let others = subject.arrives.get(*name).into_iter().flatten();
        let mut others = others.filter(|path| subject.expect.contains_key(*path));
        subject.unseen.contains_key(*name)
            || others.next().is_some()
            || places.iter().any(|(path, text)| {
                *text == value || path.split('.').any(|part| part.eq_ignore_ascii_case(last))
            })
    };
    let mut fields = subject.required.iter().chain(&subject.optional);
    match fields.find(|field| !is_seen(field)) {
        None => Ok(()),
        Some((name, _)) => fail(format!(
            "`{}`: conformance.toml hands over `{name}` and does not say where it stands at the vendor: \
             name it in `expect` (and in `arrives`, where it is called otherwise there), or in `unseen` with the reason",
            tried.name
        )),
    }
}

pub(super) async fn neighbours(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut is_tried = false;
    for (number, tried) in (0..).zip(checked_actions(rig, &mut session).await?) {
        let poison = &tried.subject;
        if poison.poison.is_empty() && poison.poison_identifiers.is_empty() {
            continue;
        }
        is_tried = true;
        let people: Vec<u32> = (number * 10..number * 10 + BATCH).collect();
        let bad = people[2];
        for &n in people.iter().filter(|&&n| n != bad) {
            prepare(rig, &mut session, &tried, n).await?;
        }
        let which = |n| {
            if n == bad {
                Fields::Poison
            } else {
                Fields::All
            }
        };
        let items: Vec<Delivery> = people
            .iter()
            .map(|&n| item(&tried, n, 1, which(n)))
            .collect();
        let outcomes = session.deliver(&tried.offer, &items).await?;
        for (&n, outcome) in people.iter().zip(&outcomes) {
            let is_right = match outcome {
                Outcome::Done(_) => n != bad,
                Outcome::Rejected { .. } | Outcome::Gone(_) => n == bad,
                _ => false,
            };
            if !is_right {
                let what = if n == bad {
                    "the refused item"
                } else {
                    "its neighbour"
                };
                return fail(format!("`{}`, {what}: {outcome:?}", tried.name));
            }
        }
    }
    if is_tried {
        Ok(())
    } else {
        skip("conformance.toml has no `poison`")
    }
}

pub(super) async fn repeats(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for (n, tried) in (0..).zip(checked_actions(rig, &mut session).await?) {
        if tried.offer.idempotency == Idempotency::AtMostOnce {
            continue;
        }
        prepare(rig, &mut session, &tried, n).await?;
        let items = [item(&tried, n, 1, Fields::All)];
        for _ in 0..2 {
            let outcomes = session.deliver(&tried.offer, &items).await?;
            if !matches!(outcomes[0], Outcome::Done(_)) {
                return fail(format!(
                    "`{}`, delivered again: {:?}",
                    tried.name, outcomes[0]
                ));
            }
        }
        once(rig, &tried, n, 0).await?;
    }
    Ok(())
}

/// Whether what was delivered at least once happened as the idempotency class says.
pub(super) async fn once(rig: &Rig<'_>, tried: &Tried<'_>, n: u32, before: u64) -> Checked {
    stands(rig, tried, n, Fields::All).await?;
    if tried.offer.idempotency == Idempotency::Idempotent || tried.subject.effects.is_empty() {
        return Ok(());
    }
    match happened(rig, tried).await? - before {
        1 => Ok(()),
        times => fail(format!(
            "`{}` is {:?} and happened {times} times",
            tried.name, tried.offer.idempotency
        )),
    }
}

pub(super) async fn read_back(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut is_tried = false;
    for (n, tried) in (0..).zip(checked_actions(rig, &mut session).await?) {
        if !tried.offer.read_back {
            continue;
        }
        is_tried = true;
        prepare(rig, &mut session, &tried, n).await?;
        let items = [item(&tried, n, 1, Fields::All)];
        let output = session
            .connector
            .read_back(&tried.offer.action, &items, session.input())
            .await?;
        let before = session.keep(output);
        session.deliver(&tried.offer, &items).await?;
        let output = session
            .connector
            .read_back(&tried.offer.action, &items, session.input())
            .await?;
        let after = session.keep(output);
        if matches!(before[0], Found::Present(_)) || !matches!(after[0], Found::Present(_)) {
            return fail(format!(
                "`{}`: {:?} before, {:?} after",
                tried.name, before[0], after[0]
            ));
        }
    }
    if is_tried {
        Ok(())
    } else {
        skip("no action declares `read-back`")
    }
}

pub(super) async fn lists_converge(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let actions = checked_actions(rig, &mut session).await?;
    let named = |action: Action| actions.iter().find(|tried| tried.offer.action == action);
    let (Some(add), Some(remove)) = (named(Action::AddToList), named(Action::RemoveFromList))
    else {
        return skip("the plugin keeps no lists");
    };
    let mut members = BTreeSet::new();
    for n in 0..8 {
        prepare(rig, &mut session, add, n).await?;
    }
    // Any order will do, as long as it is the same every time.
    let mut chance: u32 = 7;
    for seq in 0..32 {
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (n, is_added) = (chance >> 16 & 7, chance >> 20 & 1 == 0);
        let tried = if is_added { add } else { remove };
        let outcomes = session
            .deliver(&tried.offer, &[item(tried, n, seq, Fields::All)])
            .await?;
        match outcomes[0] {
            Outcome::Done(_) => {}
            // Whoever was never there cannot be taken away.
            Outcome::Gone(_) | Outcome::Rejected { .. } if !is_added && !members.contains(&n) => {}
            ref other => return fail(format!("`{}`: {other:?}", tried.name)),
        }
        if is_added {
            members.insert(n)
        } else {
            members.remove(&n)
        };
    }
    for n in 0..8 {
        let tried = if members.contains(&n) { add } else { remove };
        if tried.subject.removes || members.contains(&n) {
            stands(rig, tried, n, Fields::All).await?;
        }
    }
    Ok(())
}
