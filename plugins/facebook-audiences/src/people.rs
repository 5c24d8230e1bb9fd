//! Rows of Meta's schema out of items.

use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::{Identifier, Item, Outcome, Value};

use crate::normalize::Column;
use crate::settings::Settings;

/// A field that brings all three parts of a date of birth.
pub const BIRTHDAY: &str = "birthday";

/// One value per column, in the order of [`Column::ALL`]; empty where unknown.
pub type Row = [String; Column::ALL.len()];

/// Whether the person may be added.
///
/// # Errors
/// The rejection.
pub fn may_be_added(settings: &Settings, item: &Item) -> Result<(), Outcome> {
    let decided = item
        .consents
        .iter()
        .find(|consent| consent.topic == ConsentTopic::Ads)
        .map(|consent| consent.state);
    match decided {
        Some(ConsentState::Granted) => Ok(()),
        None if !settings.require_consent => Ok(()),
        None => Err(refused("the person has not granted `ads`")),
        Some(ConsentState::Pending) => Err(refused("the person has not confirmed `ads`")),
        Some(ConsentState::Withdrawn) => Err(refused("the person has withdrawn `ads`")),
    }
}

fn refused(reason: &str) -> Outcome {
    Outcome::rejected(Some("consent"), reason)
}

/// The rows of a person: one with all that is known, and one for each further address and number.
///
/// # Errors
/// The rejection where nothing would match anybody. To remove somebody, the id suffices.
pub fn rows(item: &Item, is_added: bool) -> Result<Vec<Row>, Outcome> {
    let year = to_rfc3339(item.occurred_at);
    let this_year = year
        .get(..4)
        .and_then(|year| year.parse().ok())
        .unwrap_or(2100);
    let mapped = |column: Column| {
        let name = column.as_str();
        let own = item
            .fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name));
        own.map(|field| text(&field.value))
            .filter(|text| !text.is_empty())
    };
    let country = mapped(Column::Country).map(|text| Column::Country.normalize(&text, "", 0));
    let country = country.unwrap_or_default();
    let encode = |column: Column, text: &str| column.encode(text, &country, this_year);

    let [doby, dobm, dobd] = birthday(item);
    let mut emails = values(item, mapped(Column::Email), |one| match one {
        Identifier::Email(address) => Some(address.clone()),
        _ => None,
    });
    let mut phones = values(item, mapped(Column::Phone), |one| match one {
        Identifier::Phone(number) => Some(number.clone()),
        _ => None,
    });
    for (column, values) in [(Column::Email, &mut emails), (Column::Phone, &mut phones)] {
        values
            .iter_mut()
            .for_each(|value| *value = encode(column, value));
        values.retain(|value| !value.is_empty());
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
    }

    let mut first = Row::default();
    for column in Column::ALL {
        let given = match column {
            Column::ExternId => mapped(column).or_else(|| Some(item.profile_id.clone())),
            Column::Doby => mapped(column).or_else(|| doby.clone()),
            Column::Dobm => mapped(column).or_else(|| dobm.clone()),
            Column::Dobd => mapped(column).or_else(|| dobd.clone()),
            other => mapped(other),
        };
        first[column as usize] = match column {
            Column::Email => emails.first().cloned().unwrap_or_default(),
            Column::Phone => phones.first().cloned().unwrap_or_default(),
            other => given.map(|text| encode(other, &text)).unwrap_or_default(),
        };
    }
    let has = |column: Column| !first[column as usize].is_empty();
    let is_matchable = has(Column::Email)
        || has(Column::Phone)
        || has(Column::Madid)
        || (has(Column::Fn) && has(Column::Ln));
    if is_added && !is_matchable {
        return Err(Outcome::rejected(
            Some("EMAIL"),
            "expected an email address, telephone number, advertising id, or first and last name",
        ));
    }

    let base = Row::default();
    let further = |column: Column, value: &String| {
        let mut row = base.clone();
        for kept in [Column::ExternId, Column::Country, Column::LookalikeValue] {
            row[kept as usize].clone_from(&first[kept as usize]);
        }
        row[column as usize].clone_from(value);
        row
    };
    let others = emails
        .iter()
        .skip(1)
        .map(|value| further(Column::Email, value));
    let others: Vec<_> = others
        .chain(
            phones
                .iter()
                .skip(1)
                .map(|value| further(Column::Phone, value)),
        )
        .collect();
    Ok([vec![first], others].concat())
}

/// The mapped value first, then what the profile has.
fn values(
    item: &Item,
    mapped: Option<String>,
    known: impl Fn(&Identifier) -> Option<String>,
) -> Vec<String> {
    mapped
        .into_iter()
        .chain(item.identifiers.iter().filter_map(known))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Decimal(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Instant(at) => to_rfc3339(*at),
        Value::Null | Value::Boolean(_) | Value::Json(_) => String::new(),
    }
}

/// Year, month and day of the field `birthday`: `1990-05-14`, `--05-14`, or an instant.
fn birthday(item: &Item) -> [Option<String>; 3] {
    let field = item.fields.iter().find(|field| field.name == BIRTHDAY);
    let date = field.map(|field| text(&field.value)).unwrap_or_default();
    let date = date.get(..10).unwrap_or(&date);
    let parts: Vec<&str> = match date.strip_prefix("--") {
        Some(rest) => [""].into_iter().chain(rest.splitn(2, '-')).collect(),
        None => date.splitn(3, '-').collect(),
    };
    let part = |at: usize| {
        let found = parts.get(at).filter(|_| parts.len() == 3);
        found
            .map(|part| (*part).to_owned())
            .filter(|part| !part.is_empty())
    };
    [part(0), part(1), part(2)]
}
