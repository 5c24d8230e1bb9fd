//! Batches of items into requests, and answers into outcomes.

use std::collections::BTreeMap;

use crosspoint_sdk::http::{HttpError, Reply};
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::{ActionKind, Batch, Context, Error, Item, Outcome};

use crate::client::{api, outcome, send};
use crate::jobs::{self, Kind};
use crate::requests::{
    all_identifiers, declines_email, email, event, profile, subscription, unsubscription,
};
use crate::settings::Settings;
use crate::{SUBSCRIBE, UNSUBSCRIBE, consents, lists, membership};

/// One outcome per item.
///
/// # Errors
/// A request does not encode, or the connector must stop.
pub fn deliver(ctx: &Context, settings: &Settings, batch: &Batch) -> Result<Vec<Outcome>, Error> {
    let items: Vec<_> = batch.items.iter().collect();
    match &batch.action {
        ActionKind::UpsertContact => upsert(ctx, settings, None, &items),
        ActionKind::AddToList => membership::by_list(ctx, settings, &items, membership::add),
        ActionKind::RemoveFromList => {
            membership::by_list(ctx, settings, &items, membership::remove)
        }
        ActionKind::TrackEvent => {
            let one = |item: &Item| match event(item) {
                Ok(body) => {
                    let sent = send(api(ctx, settings).post("/api/events"), &body)?;
                    Ok(outcome(sent, "events:write", &[202]))
                }
                Err(rejected) => Ok(rejected),
            };
            each(&items, one)
        }
        ActionKind::DeleteContact => each(&items, |item| erase(ctx, settings, item)),
        ActionKind::Suppress => suppress(ctx, settings, Kind::Suppress, &items),
        ActionKind::Unsuppress => unsuppress(ctx, settings, &items),
        ActionKind::Custom(name) if name == SUBSCRIBE => {
            consent(ctx, settings, jobs::SUBSCRIBE, &items, subscription)
        }
        ActionKind::Custom(name) if name == UNSUBSCRIBE => {
            consent(ctx, settings, jobs::UNSUBSCRIBE, &items, unsubscription)
        }
        other => {
            let unsupported = Outcome::Unsupported(other.as_str().to_owned());
            Ok(vec![unsupported; items.len()])
        }
    }
}

/// One after the other. What stops one stops all: no use in asking on.
pub fn each(
    items: &[&Item],
    mut one: impl FnMut(&Item) -> Result<Outcome, Error>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
    for item in items {
        let next = match outcomes.last() {
            Some(stop @ (Outcome::Auth(_) | Outcome::RateLimited(_))) => stop.clone(),
            _ => one(item)?,
        };
        outcomes.push(next);
    }
    Ok(outcomes)
}

/// Creates or updates profiles, all of them in a list where one is given.
pub fn upsert(
    ctx: &Context,
    settings: &Settings,
    list: Option<&str>,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    if items.len() < settings.bulk_from {
        return each(items, |item| import(ctx, settings, item));
    }
    in_job(ctx, settings, Kind::Import, list, items, profile)
}

/// A job for those items that can become a profile.
pub fn in_job(
    ctx: &Context,
    settings: &Settings,
    kind: Kind,
    list: Option<&str>,
    items: &[&Item],
    make: impl Fn(&Item) -> Result<Value, Outcome>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut places = Vec::new();
    let mut profiles = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match make(item) {
            Ok(profile) => {
                places.push(at);
                profiles.push((item.key.as_str(), profile));
                outcomes.push(Outcome::Unknown("not asked".to_owned()));
            }
            Err(rejected) => outcomes.push(rejected),
        }
    }
    let answers = jobs::submit(ctx, settings, kind, list, &profiles)?;
    for (at, answer) in places.into_iter().zip(answers) {
        outcomes[at] = answer;
    }
    Ok(outcomes)
}

/// Creates or updates one profile. Where the number or the external id belongs to another profile,
/// the address decides.
fn import(ctx: &Context, settings: &Settings, item: &Item) -> Result<Outcome, Error> {
    let mut data = match profile(item) {
        Ok(data) => data,
        Err(rejected) => return Ok(rejected),
    };
    let post = |data: &Value| {
        let call = api(ctx, settings).post("/api/profile-import");
        send(call, &json!({ "data": data }))
    };
    let sent = post(&data)?;
    let is_duplicate = sent.as_ref().is_ok_and(|reply| reply.status() == 409);
    let own = data["attributes"].as_object_mut();
    if is_duplicate
        && let Some(own) = own.filter(|own| own.contains_key("email") && has_second(own))
    {
        own.remove("phone_number");
        own.remove("external_id");
        return Ok(imported(post(&data)?));
    }
    Ok(imported(sent))
}

/// Klaviyo has the profile where it names it.
fn imported(sent: Result<Reply, HttpError>) -> Outcome {
    match outcome(sent, "profiles:write", &[200, 201]) {
        Outcome::Done(None) => Outcome::Unknown("the answer names no profile".to_owned()),
        other => other,
    }
}

fn has_second(own: &serde_json::Map<String, Value>) -> bool {
    own.contains_key("phone_number") || own.contains_key("external_id")
}

/// Suppresses every address of the person, or no longer.
fn suppress(
    ctx: &Context,
    settings: &Settings,
    kind: Kind,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    let address = |email: String| json!({ "type": "profile", "attributes": { "email": email } });
    let further = |item: &Item| {
        let first = email(item);
        let all = all_identifiers(item).into_iter();
        all.filter(|(name, value)| *name == "email" && Some(value) != first.as_ref())
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let mut outcomes = in_job(ctx, settings, kind, None, items, |item| {
        let nobody = || Outcome::rejected(Some("email"), "the profile has no usable email address");
        email(item).map(address).ok_or_else(nobody)
    })?;
    let others: Vec<(usize, String)> = items
        .iter()
        .enumerate()
        .flat_map(|(at, item)| further(item).into_iter().map(move |email| (at, email)))
        .collect();
    for part in others.chunks(100) {
        let profiles: Vec<_> = part
            .iter()
            .map(|(at, email)| (items[*at].key.as_str(), address(email.clone())))
            .collect();
        let answers = jobs::submit(ctx, settings, kind, None, &profiles)?;
        for ((at, _), answer) in part.iter().zip(answers) {
            if !matches!(answer, Outcome::Queued(_)) {
                outcomes[*at] = answer;
            }
        }
    }
    Ok(outcomes)
}

/// No longer suppresses those who have not decided against email.
fn unsuppress(ctx: &Context, settings: &Settings, items: &[&Item]) -> Result<Vec<Outcome>, Error> {
    let refused = Outcome::rejected(Some("consent"), "the person does not consent to email");
    let mut outcomes = vec![refused; items.len()];
    let open: Vec<usize> = (0..items.len())
        .filter(|&at| !declines_email(items[at]))
        .collect();
    let asked: Vec<&Item> = open.iter().map(|&at| items[at]).collect();
    let answers = suppress(ctx, settings, Kind::Unsuppress, &asked)?;
    for (at, answer) in open.into_iter().zip(answers) {
        outcomes[at] = answer;
    }
    Ok(outcomes)
}

/// Passes consents on, list by list.
fn consent(
    ctx: &Context,
    settings: &Settings,
    resource: &str,
    items: &[&Item],
    make: impl Fn(&Item) -> Result<Value, Outcome>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![Outcome::Unknown("not asked".to_owned()); items.len()];
    let mut groups: BTreeMap<Option<&str>, Vec<(usize, Value)>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        match make(item) {
            Ok(profile) => groups
                .entry(item.list.as_deref())
                .or_default()
                .push((at, profile)),
            Err(rejected) => outcomes[at] = rejected,
        }
    }
    for (name, members) in groups {
        let list = match name
            .map(|name| lists::id(ctx, settings, name))
            .transpose()?
        {
            Some(Err(outcome)) => {
                members
                    .iter()
                    .for_each(|(at, _)| outcomes[*at] = outcome.clone());
                continue;
            }
            Some(Ok(id)) => Some(id),
            None => None,
        };
        let (places, profiles): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        let answers = jobs::hand_over(ctx, settings, resource, list.as_deref(), &profiles)?;
        let accepted: Vec<(&str, &Value)> = places
            .iter()
            .zip(&profiles)
            .zip(&answers)
            .filter(|(_, answer)| matches!(answer, Outcome::Done(_)))
            .map(|((at, profile), _)| (items[*at].key.as_str(), profile))
            .collect();
        let is_granted = resource == jobs::SUBSCRIBE;
        let queued = consents::accepted(ctx, is_granted, list.as_deref(), &accepted);
        for (at, answer) in places.into_iter().zip(answers) {
            outcomes[at] = match answer {
                Outcome::Done(_) => queued.clone(),
                other => other,
            };
        }
    }
    Ok(outcomes)
}

/// Asks for the deletion of everything under every address and number of the person.
fn erase(ctx: &Context, settings: &Settings, item: &Item) -> Result<Outcome, Error> {
    let known = all_identifiers(item);
    if known.is_empty() {
        return Ok(Outcome::rejected(
            Some("email"),
            "the profile has neither email address nor telephone number",
        ));
    }
    for (name, value) in known {
        let person = json!({ "type": "profile", "attributes": { name: value } });
        let body = json!({ "data": {
            "type": "data-privacy-deletion-job",
            "attributes": { "profile": { "data": person } },
        } });
        let call = api(ctx, settings).post("/api/data-privacy-deletion-jobs");
        let sent = send(call, &body)?;
        // Nobody of that name is what was asked for.
        if sent.as_ref().is_ok_and(|reply| reply.status() == 404) {
            continue;
        }
        let one = outcome(sent, "data-privacy:write", &[202]);
        if !matches!(one, Outcome::Done(_)) {
            return Ok(one);
        }
    }
    Ok(Outcome::Done(None))
}
