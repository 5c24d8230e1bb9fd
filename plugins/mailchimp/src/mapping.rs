//! From Mailchimp's members to records.

use crosspoint_sdk::map::{instant, phone};
use crosspoint_sdk::model::{
    Address, Consent, ConsentState, ConsentTopic, Contact, Engagement, EngagementKind,
};
use crosspoint_sdk::serde_json::{Map, Value};
use crosspoint_sdk::{Attribute, Body, Identifier, Instant, Record, Value as Field};

/// Merge fields that every new list has, by the contact's field that takes them.
const NAMED: [&str; 6] = ["FNAME", "LNAME", "PHONE", "ADDRESS", "BIRTHDAY", "COMPANY"];

/// Fields of a member that a record's own fields take.
const TAKEN: [&str; 7] = [
    "id",
    "contact_id",
    "email_address",
    "language",
    "last_changed",
    "merge_fields",
    "tags",
];

type Fault = (&'static str, String);

/// A member as a contact.
pub fn contact(row: &Value) -> Result<Record, Fault> {
    let empty = Map::new();
    let merge = row["merge_fields"].as_object().unwrap_or(&empty);
    let merge_text = |tag: &str| merge.get(tag).and_then(filled);
    let mut record = base(row, id(row)?, changed(row)?, |_| {
        Body::Contact(Contact {
            first_name: merge_text("FNAME"),
            last_name: merge_text("LNAME"),
            full_name: filled(&row["full_name"]),
            company: merge_text("COMPANY"),
            language: filled(&row["language"]),
            birthday: merge_text("BIRTHDAY").and_then(|text| birthday(&text)),
            address: merge.get("ADDRESS").and_then(address),
            tags: tags(&row["tags"]),
            created_at: ["timestamp_signup", "timestamp_opt"]
                .iter()
                .find_map(|name| moment(&row[*name])),
            ..Contact::default()
        })
    })?;
    let number = merge_text("PHONE").and_then(|text| phone::e164(&text, None).ok());
    record.identifiers.extend(number.map(Identifier::Phone));
    for (name, value) in row.as_object().unwrap_or(&empty) {
        if !TAKEN.contains(&name.as_str()) && name != "full_name" && name != "_links" {
            record.attributes.push(attribute(name, value));
        }
    }
    let unread = |tag: &str, value: &Value| match tag {
        "BIRTHDAY" => filled(value).is_some_and(|text| birthday(&text).is_none()),
        "ADDRESS" => address(value).is_none(),
        tag => tag == "PHONE" || !NAMED.contains(&tag),
    };
    for (tag, value) in merge.iter().filter(|(tag, value)| unread(tag, value)) {
        if row.get(tag.as_str()).is_none() {
            record.attributes.push(attribute(tag, value));
        }
    }
    Ok(record)
}

/// What the status says of consent to email. `transactional` and `cleaned` say nothing of it.
pub fn consent(row: &Value) -> Result<Option<Record>, Fault> {
    let changed = changed(row)?;
    let opted_in = || {
        ["timestamp_opt", "timestamp_signup"]
            .iter()
            .find_map(|name| moment(&row[*name]))
    };
    let (state, decided_at) = match row["status"].as_str().unwrap_or_default() {
        "subscribed" => (ConsentState::Granted, opted_in().unwrap_or(changed)),
        "pending" => (ConsentState::Pending, changed),
        "unsubscribed" => (ConsentState::Withdrawn, changed),
        _ => return Ok(None),
    };
    let evidence = match state {
        ConsentState::Withdrawn => filled(&row["unsubscribe_reason"]),
        _ => filled(&row["source"]),
    };
    let mut record = base(row, id(row)?, changed, |_| {
        Body::Consent(Consent {
            topic: ConsentTopic::EmailMarketing,
            state,
            decided_at,
            evidence,
        })
    })?;
    for name in ["status", "ip_opt", "list_id"] {
        if let Some(value) = row.get(name) {
            record.attributes.push(attribute(name, value));
        }
    }
    Ok(Some(record))
}

/// A member whose address Mailchimp gave up.
pub fn bounce(row: &Value) -> Result<Option<Record>, Fault> {
    if row["status"] != "cleaned" {
        return Ok(None);
    }
    base(row, id(row)?, changed(row)?, |occurred_at| {
        Body::Engagement(Engagement {
            kind: EngagementKind::Bounced,
            occurred_at,
            channel: "email".to_owned(),
            campaign: None,
            message_id: None,
            delivery_key: None,
            url: None,
            reason: Some("cleaned".to_owned()),
        })
    })
    .map(Some)
}

fn base(
    row: &Value,
    id: String,
    changed: Instant,
    body: impl FnOnce(Instant) -> Body,
) -> Result<Record, Fault> {
    let email = filled(&row["email_address"])
        .ok_or_else(|| ("email_address", "is missing or empty".to_owned()))?;
    let person = filled(&row["contact_id"]).unwrap_or_else(|| id.clone());
    let mut record = Record::new(id, changed, body(changed));
    record.identifiers = vec![Identifier::Customer(person), Identifier::Email(email)];
    Ok(record)
}

fn id(row: &Value) -> Result<String, Fault> {
    filled(&row["id"]).ok_or_else(|| ("id", "is missing or empty".to_owned()))
}

fn changed(row: &Value) -> Result<Instant, Fault> {
    moment(&row["last_changed"]).ok_or_else(|| {
        (
            "last_changed",
            "expected an instant such as `2026-01-05T10:00:00+00:00`".to_owned(),
        )
    })
}

/// An attribute; Mailchimp writes what is not there as empty text.
pub fn attribute(name: &str, value: &Value) -> Attribute {
    match value.as_str() {
        Some("") => Attribute::new(name, Field::Null),
        _ => Attribute::new(name, Field::from(value)),
    }
}

fn moment(value: &Value) -> Option<Instant> {
    instant::parse(value.as_str()?, 0).ok()
}

fn filled(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn tags(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|tag| filled(&tag["name"])).collect()
}

/// `MM/DD`, as merge fields of the type birthday hold it.
fn birthday(text: &str) -> Option<String> {
    let (month, day) = text.split_once('/')?;
    let number = |part: &str, most: u8| {
        let is_plain = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let number = part.parse::<u8>().ok().filter(|_| is_plain)?;
        (1..=most).contains(&number).then_some(number)
    };
    Some(format!(
        "--{:02}-{:02}",
        number(month, 12)?,
        number(day, 31)?
    ))
}

fn address(value: &Value) -> Option<Address> {
    value.as_object()?;
    let part = |name: &str| filled(&value[name]);
    Some(Address {
        street: [part("addr1"), part("addr2")]
            .into_iter()
            .flatten()
            .collect(),
        city: part("city"),
        region: part("state"),
        postal_code: part("zip"),
        country: part("country").map(|code| code.to_uppercase()),
        ..Address::default()
    })
}
