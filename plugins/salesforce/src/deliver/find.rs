//! Who an item is about at the vendor.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Error, Identifier, Item};

use super::people::external_id;
use crate::client::Client;
use crate::cursor::is_id;
use crate::object::Object;
use crate::settings::Settings;

/// Most items of one call of an action that looks people up.
pub const MAX_ITEMS: usize = 50;

/// Most values that one query compares with: its address stays short enough.
const MAX_VALUES: usize = 100;

/// For every item the ids of all leads and contacts that are this person: those that the vendor's
/// own ids name, and those with its external id or one of its e-mail addresses. Sorted.
///
/// # Errors
/// The vendor's.
pub fn people(
    client: &Client<'_>,
    settings: &Settings,
    items: &[Item],
) -> Result<Vec<Vec<String>>, Error> {
    let emails = |item: &Item| -> Vec<String> {
        let found = item
            .identifiers
            .iter()
            .filter_map(|identifier| match identifier {
                Identifier::Email(address) => Some(address.clone()),
                _ => None,
            });
        found.collect()
    };
    let addresses: Vec<String> = items.iter().flat_map(emails).collect();
    let mut by_email: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in [Object::Contact, Object::Lead] {
        for (value, id) in query(client, object.name(), "Email", &addresses)? {
            by_email.entry(value).or_default().insert(id);
        }
    }
    let by_key = if settings.external_id_field.is_empty() {
        BTreeMap::new()
    } else {
        let keys: Vec<String> = items.iter().map(|it| external_id(settings, it)).collect();
        let object = settings.person_object.name();
        by_field(client, object, &settings.external_id_field, &keys)?
    };
    let ids = items.iter().map(|item| {
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for identifier in &item.identifiers {
            if let Identifier::Customer(id) = identifier
                && is_id(id)
                && Object::of_person_id(id).is_some()
            {
                ids.insert(id.clone());
            }
        }
        for address in emails(item) {
            ids.extend(
                by_email
                    .get(&address.to_lowercase())
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        ids.extend(
            by_key
                .get(&external_id(settings, item).to_lowercase())
                .cloned(),
        );
        ids.into_iter().collect()
    });
    Ok(ids.collect())
}

/// Lower-cased value to id. Compared without regard to case, as the vendor compares.
///
/// # Errors
/// The vendor's.
pub fn by_field(
    client: &Client<'_>,
    object: &str,
    field: &str,
    values: &[String],
) -> Result<BTreeMap<String, String>, Error> {
    Ok(query(client, object, field, values)?.into_iter().collect())
}

/// Pairs of lower-cased value and id.
fn query(
    client: &Client<'_>,
    object: &str,
    field: &str,
    values: &[String],
) -> Result<Vec<(String, String)>, Error> {
    let distinct: BTreeSet<&str> = values
        .iter()
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .collect();
    let distinct: Vec<_> = distinct.into_iter().collect();
    let mut found = Vec::new();
    for part in distinct.chunks(MAX_VALUES) {
        let list: Vec<_> = part.iter().map(|value| quote(value)).collect();
        let soql = format!(
            "SELECT Id,{field} FROM {object} WHERE {field} IN ({}) ORDER BY Id ASC",
            list.join(",")
        );
        let mut answer = client.query("query", &soql)?;
        loop {
            for row in answer.json.get("records").map_or(&[][..], Json::items) {
                if let (Some(id), Some(value)) = (row.text_at("Id"), row.text_at(field)) {
                    found.push((value.to_lowercase(), id.to_owned()));
                }
            }
            let next = answer.json.text_at("nextRecordsUrl").map(str::to_owned);
            match next.filter(|_| !answer.json.is_true_at("done")) {
                Some(next) => answer = client.next_page(&next)?,
                None => break,
            }
        }
    }
    Ok(found)
}

/// A text literal of the query language.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}
