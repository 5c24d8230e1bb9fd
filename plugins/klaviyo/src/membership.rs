//! Members of lists. Klaviyo adds and removes them by the id of their profile.

use std::collections::BTreeMap;

use crosspoint_sdk::http::HttpError;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::{Context, Error, Item, Outcome};

use crate::client::{api, outcome, send};
use crate::deliver::{each, in_job, upsert};
use crate::jobs::Kind;
use crate::lists;
use crate::requests::{identity, profile};
use crate::settings::Settings;

/// Items grouped by the list they name.
pub fn by_list(
    ctx: &Context,
    settings: &Settings,
    items: &[&Item],
    one: impl Fn(&Context, &Settings, &str, &[&Item]) -> Result<Vec<Outcome>, Error>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![Outcome::rejected(Some("list"), "names no list"); items.len()];
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let name = item.list.as_deref().map(str::trim).unwrap_or_default();
        if !name.is_empty() {
            groups.entry(name).or_default().push(at);
        }
    }
    for (name, places) in groups {
        let group: Vec<_> = places.iter().map(|at| items[*at]).collect();
        let answers = match lists::id(ctx, settings, name)? {
            Ok(id) => one(ctx, settings, &id, &group)?,
            Err(outcome) => vec![outcome; group.len()],
        };
        if answers
            .iter()
            .any(|answer| matches!(answer, Outcome::Gone(_)))
        {
            lists::forget(ctx, name);
        }
        for (at, answer) in places.into_iter().zip(answers) {
            outcomes[at] = answer;
        }
    }
    Ok(outcomes)
}

/// Adds people to a list: by a job, or by importing each for its id.
pub fn add(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    if items.len() >= settings.bulk_from {
        return in_job(ctx, settings, Kind::Import, Some(list), items, profile);
    }
    let imported = upsert(ctx, settings, None, items)?;
    relate(ctx, settings, list, imported, true)
}

/// Takes people off a list: those whom Klaviyo does not know are not on it.
pub fn remove(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    let found = each(items, |item| {
        let identity = match identity(item) {
            Ok(identity) => identity,
            Err(rejected) => return Ok(rejected),
        };
        let names = ["email", "phone_number", "external_id"];
        let Some((name, value)) = names
            .iter()
            .find_map(|name| Some((*name, identity.get(*name)?.as_str()?)))
        else {
            return Ok(Outcome::Done(None));
        };
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let sent = api(ctx, settings)
            .get("/api/profiles")
            .query("filter", format!("equals({name},\"{quoted}\")"))
            .send();
        Ok(match sent {
            Ok(reply) if reply.is_success() => {
                let answer: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
                match &answer["data"] {
                    Value::Array(rows) => match rows.first().and_then(|row| row["id"].as_str()) {
                        Some(id) => Outcome::Done(Some(id.to_owned())),
                        // One that is new is not found at once.
                        None if item.attempt == 0 => {
                            Outcome::Transient("Klaviyo does not find the person".to_owned())
                        }
                        None => Outcome::Done(None),
                    },
                    _ => Outcome::Transient("the answer is not Klaviyo's".to_owned()),
                }
            }
            // Nothing was changed by asking.
            Err(HttpError::Timeout | HttpError::Reset(_)) => {
                Outcome::Transient("no answer in time".to_owned())
            }
            sent => outcome(sent, "profiles:read", &[200]),
        })
    })?;
    relate(ctx, settings, list, found, false)
}

/// Makes the profiles of those outcomes that hold an id members of the list, or no longer.
fn relate(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    mut outcomes: Vec<Outcome>,
    is_member: bool,
) -> Result<Vec<Outcome>, Error> {
    let mut places = Vec::new();
    let mut ids = Vec::new();
    for (at, outcome) in outcomes.iter().enumerate() {
        if let Outcome::Done(Some(id)) = outcome {
            places.push(at);
            ids.push(id.clone());
        }
    }
    let answers = relate_ids(ctx, settings, list, &ids, is_member)?;
    for ((at, id), answer) in places.into_iter().zip(ids).zip(answers) {
        outcomes[at] = match answer {
            Outcome::Done(_) => Outcome::Done(Some(id)),
            other => other,
        };
    }
    Ok(outcomes)
}

fn relate_ids(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    ids: &[String],
    is_member: bool,
) -> Result<Vec<Outcome>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let path = format!(
        "/api/lists/{}/relationships/profiles",
        crosspoint_sdk::http::encode_component(list)
    );
    let http = api(ctx, settings);
    let call = if is_member {
        http.post(&path)
    } else {
        http.delete(&path)
    };
    let mut unique = ids.to_vec();
    unique.sort();
    unique.dedup();
    let data: Vec<_> = unique
        .iter()
        .map(|id| json!({ "type": "profile", "id": id }))
        .collect();
    let sent = send(call, &json!({ "data": data }))?;
    let status = sent.as_ref().map_or(0, |reply| reply.status());
    if ids.len() > 1 && matches!(status, 400 | 409 | 413 | 422) {
        let (left, right) = ids.split_at(ids.len() / 2);
        let mut outcomes = relate_ids(ctx, settings, list, left, is_member)?;
        outcomes.extend(relate_ids(ctx, settings, list, right, is_member)?);
        return Ok(outcomes);
    }
    let outcome = match status {
        404 => Outcome::Gone("there is no such list".to_owned()),
        _ => outcome(sent, "lists:write", &[204]),
    };
    Ok(vec![outcome; ids.len()])
}
