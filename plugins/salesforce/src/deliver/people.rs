//! Creating, updating and opting out people.

use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::{Item, Outcome, Value};

use super::find;
use super::records::{self, Row, Write};
use crate::client::Client;
use crate::settings::Settings;

/// The value of the external id field: mapped by a sync, else the profile's id.
pub fn external_id(settings: &Settings, item: &Item) -> String {
    let field = settings.external_id_field.as_str();
    let mapped = item
        .fields
        .iter()
        .filter(|it| it.name.eq_ignore_ascii_case(field))
        .find_map(|it| match &it.value {
            Value::Text(text) | Value::Decimal(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        });
    mapped
        .filter(|text| !text.trim().is_empty())
        .unwrap_or_else(|| item.profile_id.clone())
}

/// Writes every item by its external id. A key that occurs twice goes in calls of its own, in the
/// items' order, since the vendor refuses it within one.
pub fn upsert(client: &Client<'_>, settings: &Settings, items: &[Item]) -> Vec<Outcome> {
    let field = settings.external_id_field.as_str();
    let object = settings.person_object.name();
    let path = format!("/composite/sobjects/{object}/{field}");
    let how = Write {
        method: Method::Patch,
        path: &path,
        is_repeatable: true,
        key_field: Some(field),
    };
    let mut outcomes = BTreeMap::new();
    let mut rounds: Vec<Vec<Row>> = Vec::new();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let key = external_id(settings, item);
        match person(settings, item, &key) {
            Ok(json) => {
                let round = times.entry(key.to_lowercase()).or_default();
                if rounds.len() <= *round {
                    rounds.push(Vec::new());
                }
                rounds[*round].push(Row {
                    index,
                    json,
                    attempt: item.attempt,
                });
                *round += 1;
            }
            Err(outcome) => {
                outcomes.insert(index, outcome);
            }
        }
    }
    for rows in &rounds {
        records::write(client, settings, how, rows, &mut outcomes);
    }
    in_order(outcomes, items.len())
}

/// The record of one person.
fn person(settings: &Settings, item: &Item, key: &str) -> Result<Json, Outcome> {
    let mut record = records::record(settings.person_object.name());
    if settings.pass_consent {
        for (field, topic) in [
            ("HasOptedOutOfEmail", ConsentTopic::EmailMarketing),
            ("DoNotCall", ConsentTopic::PhoneMarketing),
        ] {
            match decided(item, &topic) {
                Some(ConsentState::Withdrawn) => records::set(&mut record, field, Json::Bool(true)),
                Some(ConsentState::Granted) => records::set(&mut record, field, Json::Bool(false)),
                Some(ConsentState::Pending) | None => {}
            }
        }
    }
    records::add_fields(&mut record, &item.fields)?;
    let key = Json::Text(key.to_owned());
    records::set(&mut record, &settings.external_id_field, key);
    Ok(Json::Object(record))
}

/// What the person decided last.
fn decided(item: &Item, topic: &ConsentTopic) -> Option<ConsentState> {
    let about = item
        .consents
        .iter()
        .filter(|consent| consent.topic == *topic);
    about
        .max_by_key(|consent| consent.decided_at)
        .map(|it| it.state)
}

/// Takes the e-mail opt-out away from those who have not decided against e-mail.
pub fn opt_in(client: &Client<'_>, settings: &Settings, items: &[Item]) -> Vec<Outcome> {
    let declines = |item: &Item| {
        decided(item, &ConsentTopic::EmailMarketing).is_some_and(|it| it != ConsentState::Granted)
    };
    let refused = Outcome::rejected(Some("consent"), "the person does not consent to e-mail");
    let mut outcomes = vec![refused; items.len()];
    let open: Vec<usize> = (0..items.len())
        .filter(|&at| !declines(&items[at]))
        .collect();
    let asked: Vec<Item> = open.iter().map(|&at| items[at].clone()).collect();
    if !asked.is_empty() {
        let answers = opt_out(client, settings, &asked, false);
        for (at, answer) in open.into_iter().zip(answers) {
            outcomes[at] = answer;
        }
    }
    outcomes
}

/// Sets the e-mail opt-out of everybody who is the person. Where nobody is, nobody is written to.
pub fn opt_out(
    client: &Client<'_>,
    settings: &Settings,
    items: &[Item],
    is_out: bool,
) -> Vec<Outcome> {
    let found = match find::people(client, settings, items) {
        Ok(found) => found,
        Err(error) => return vec![before(error); items.len()],
    };
    let how = Write {
        method: Method::Patch,
        path: "/composite/sobjects",
        is_repeatable: true,
        key_field: None,
    };
    let mut outcomes = vec![Outcome::Done(None); items.len()];
    // One object type per call keeps within the vendor's rule on chunks of mixed types.
    for prefix in ["003", "00Q"] {
        let mut rows = Vec::new();
        let mut owners = Vec::new();
        for (owner, ids) in found.iter().enumerate() {
            for id in ids.iter().filter(|id| id.starts_with(prefix)) {
                let object = if prefix == "003" { "Contact" } else { "Lead" };
                let mut record = records::record(object);
                records::set(&mut record, "Id", Json::Text(id.clone()));
                records::set(&mut record, "HasOptedOutOfEmail", Json::Bool(is_out));
                rows.push(Row {
                    index: owners.len(),
                    json: Json::Object(record),
                    attempt: items[owner].attempt,
                });
                owners.push(owner);
            }
        }
        let mut written = BTreeMap::new();
        records::write(client, settings, how, &rows, &mut written);
        for (at, outcome) in written {
            // What is deleted is written to no more.
            let is_gone = matches!(outcome, Outcome::Gone(_));
            let slot = &mut outcomes[owners[at]];
            if matches!(slot, Outcome::Done(_)) && !is_gone {
                *slot = outcome;
            }
        }
    }
    outcomes
}

/// What a failed look-up means: nothing was done yet.
pub fn before(error: crosspoint_sdk::Error) -> Outcome {
    use crosspoint_sdk::Error;
    match error {
        Error::RateLimited(wait_ms) => Outcome::RateLimited(wait_ms),
        Error::Auth(text) => Outcome::Auth(text),
        Error::Fatal(text) => Outcome::rejected(None, text),
        other => Outcome::Transient(other.to_string()),
    }
}

/// Outcomes by index, none missing.
pub fn in_order(mut outcomes: BTreeMap<usize, Outcome>, items: usize) -> Vec<Outcome> {
    let missing = || Outcome::Unknown("the vendor's answer does not name this item".to_owned());
    (0..items)
        .map(|index| outcomes.remove(&index).unwrap_or_else(missing))
        .collect()
}
