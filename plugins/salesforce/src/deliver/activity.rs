//! Logging what a person did, as a task.

use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Item, Outcome};

use super::find;
use super::people::{before, in_order};
use super::records::{self, Row, Write};
use crate::client::Client;
use crate::settings::Settings;

/// Logs one task per item with the person's contact, else with a lead.
pub fn log(client: &Client<'_>, settings: &Settings, items: &[Item]) -> Vec<Outcome> {
    let found = match find::people(client, settings, items) {
        Ok(found) => found,
        Err(error) => return vec![before(error); items.len()],
    };
    let mut outcomes = BTreeMap::new();
    let mut rows = Vec::new();
    for (index, item) in items.iter().enumerate() {
        // Contacts sort before leads: 003 before 00Q.
        let Some(who) = found[index].first() else {
            let reason = "no lead or contact of this org is the person";
            outcomes.insert(index, Outcome::Gone(reason.to_owned()));
            continue;
        };
        match task(settings, item, who) {
            Ok(json) => rows.push(Row {
                index,
                json,
                attempt: item.attempt,
            }),
            Err(outcome) => {
                outcomes.insert(index, outcome);
            }
        }
    }
    let key_field = Some(settings.activity_key_field.as_str()).filter(|field| !field.is_empty());
    let path = key_field.map_or_else(
        || "/composite/sobjects".to_owned(),
        |field| format!("/composite/sobjects/Task/{field}"),
    );
    let how = Write {
        method: key_field.map_or(Method::Post, |_| Method::Patch),
        path: &path,
        is_repeatable: key_field.is_some(),
        key_field,
    };
    records::write(client, settings, how, &rows, &mut outcomes);
    in_order(outcomes, items.len())
}

fn task(settings: &Settings, item: &Item, who: &str) -> Result<Json, Outcome> {
    let text = |text: &str| Json::Text(text.to_owned());
    let mut record = records::record("Task");
    let day = to_rfc3339(item.occurred_at);
    records::set(&mut record, "Status", text("Completed"));
    records::set(
        &mut record,
        "ActivityDate",
        text(day.get(..10).unwrap_or(&day)),
    );
    records::add_fields(&mut record, &item.fields)?;
    let has_subject = record
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("Subject") && value.text().is_some());
    if !has_subject {
        return Err(Outcome::rejected(Some("Subject"), "a task needs a subject"));
    }
    records::set(&mut record, "WhoId", text(who));
    if !settings.activity_key_field.is_empty() {
        records::set(&mut record, &settings.activity_key_field, text(&item.key));
    }
    Ok(Json::Object(record))
}
