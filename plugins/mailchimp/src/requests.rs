//! What is asked of Mailchimp for one item.

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{Map, Number, Value, json};
use crosspoint_sdk::{ActionKind, Attribute, Identifier, Item, Outcome, Value as Field};

use crate::client::{Absent, Operation, member_path};
use crate::settings::Settings;

/// Custom action that tags a member.
pub const ADD_TAG: &str = "add-tag";
/// Custom action that takes a tag away.
pub const REMOVE_TAG: &str = "remove-tag";

/// Fields of a member beside its merge fields.
const MEMBER_FIELDS: [&str; 9] = [
    "email_type",
    "interests",
    "ip_opt",
    "ip_signup",
    "language",
    "location",
    "timestamp_opt",
    "timestamp_signup",
    "vip",
];

const SKIP_MERGE_VALIDATION: (&str, &str) = ("skip_merge_validation", "true");

/// The item's address: the field `email`, else the profile's first.
///
/// # Errors
/// The rejection where there is none.
pub fn email(item: &Item) -> Result<String, Outcome> {
    let mapped = item.fields.iter().find_map(|field| match &field.value {
        Field::Text(text) if field.name == "email" => Some(text.as_str()),
        _ => None,
    });
    let known = item.identifiers.iter().find_map(|one| match one {
        Identifier::Email(address) => Some(address.as_str()),
        _ => None,
    });
    let address = mapped.or(known).unwrap_or_default().trim();
    let is_one = address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if is_one && !address.contains(char::is_whitespace) {
        Ok(address.to_lowercase())
    } else {
        Err(Outcome::rejected(
            Some("email"),
            "the profile has no usable email address",
        ))
    }
}

/// The item once for each of its addresses: what has to reach all of a person must not stop at the
/// first.
pub fn by_address(item: &Item) -> Vec<Item> {
    let known = item.identifiers.iter().filter_map(|one| match one {
        Identifier::Email(address) => Some(address.clone()),
        _ => None,
    });
    let mut addresses: Vec<_> = email(item).into_iter().chain(known).collect();
    addresses
        .iter_mut()
        .for_each(|one| *one = one.trim().to_lowercase());
    addresses.sort();
    addresses.dedup();
    let alone = |address| Item {
        identifiers: vec![Identifier::Email(address)],
        fields: Vec::new(),
        ..item.clone()
    };
    let all: Vec<_> = addresses.into_iter().map(alone).collect();
    if all.is_empty() {
        vec![item.clone()]
    } else {
        all
    }
}

/// What the person decided about email.
pub fn consent(item: &Item) -> Option<ConsentState> {
    let found = item
        .consents
        .iter()
        .find(|consent| consent.topic == ConsentTopic::EmailMarketing);
    found.map(|consent| consent.state)
}

/// Creates or updates a member. The status of an existing one is left alone, except that a
/// withdrawal is passed on: sending any other would subscribe people again who left.
///
/// # Errors
/// The rejection.
pub fn upsert(settings: &Settings, list_id: &str, item: &Item) -> Result<Operation, Outcome> {
    let email = email(item)?;
    let mut body = fields(item)?;
    body.insert("email_address".to_owned(), json!(email));
    let status = match consent(item) {
        Some(ConsentState::Granted) => "subscribed",
        Some(ConsentState::Pending) => "pending",
        Some(ConsentState::Withdrawn) => "unsubscribed",
        None => settings.new_member_status.as_str(),
    };
    body.insert("status_if_new".to_owned(), json!(status));
    if status == "unsubscribed" && consent(item).is_some() {
        body.insert("status".to_owned(), json!(status));
    }
    Ok(Operation {
        method: Method::Put,
        path: member_path(list_id, &email, ""),
        query: vec![SKIP_MERGE_VALIDATION],
        body: Some(Value::Object(body)),
        absent: Absent::IsRejected,
        repeatable: true,
    })
}

/// The request for an action that needs one per member and list.
///
/// # Errors
/// The rejection.
pub fn operation(
    settings: &Settings,
    action: &ActionKind,
    list_id: &str,
    item: &Item,
) -> Result<Operation, Outcome> {
    if *action == ActionKind::UpsertContact || *action == ActionKind::AddToList {
        return upsert(settings, list_id, item);
    }
    let email = email(item)?;
    let at = |suffix: &str| member_path(list_id, &email, suffix);
    let plain = |method, path, body| Operation {
        method,
        path,
        query: Vec::new(),
        body,
        absent: Absent::IsDone,
        repeatable: true,
    };
    Ok(match action {
        ActionKind::RemoveFromList => plain(Method::Delete, at(""), None),
        ActionKind::DeleteContact => plain(Method::Post, at("/actions/delete-permanent"), None),
        ActionKind::Suppress => plain(
            Method::Patch,
            at(""),
            Some(json!({ "status": "unsubscribed" })),
        ),
        ActionKind::Unsuppress => {
            if consent(item) != Some(ConsentState::Granted) {
                return Err(Outcome::rejected(
                    Some("consent"),
                    "only a person who granted email marketing is subscribed again",
                ));
            }
            Operation {
                absent: Absent::IsRejected,
                ..plain(
                    Method::Patch,
                    at(""),
                    Some(json!({ "status": "subscribed" })),
                )
            }
        }
        ActionKind::Custom(name) if name == ADD_TAG || name == REMOVE_TAG => {
            let tag = item.list.as_deref().map(str::trim).unwrap_or_default();
            if tag.is_empty() {
                return Err(Outcome::rejected(Some("list"), "names no tag"));
            }
            let (status, absent) = match name.as_str() {
                ADD_TAG => ("active", Absent::IsRejected),
                _ => ("inactive", Absent::IsDone),
            };
            let body = json!({ "tags": [{ "name": tag, "status": status }] });
            Operation {
                absent,
                ..plain(Method::Post, at("/tags"), Some(body))
            }
        }
        ActionKind::TrackEvent => Operation {
            absent: Absent::IsRejected,
            repeatable: false,
            ..plain(Method::Post, at("/events"), Some(event(item)?))
        },
        other => return Err(Outcome::Unsupported(other.as_str().to_owned())),
    })
}

/// A member of `POST /lists/{id}` for a person who granted email marketing.
///
/// # Errors
/// The rejection.
pub fn subscription(item: &Item) -> Result<(String, Value), Outcome> {
    let email = email(item)?;
    let mut body = fields(item)?;
    body.insert("email_address".to_owned(), json!(email));
    body.insert("status".to_owned(), json!("subscribed"));
    Ok((email, Value::Object(body)))
}

fn event(item: &Item) -> Result<Value, Outcome> {
    let name = item.fields.iter().find_map(|field| match &field.value {
        Field::Text(text) if field.name == "name" => Some(text.trim()),
        _ => None,
    });
    let name = name.unwrap_or_default();
    if !(2..=30).contains(&name.chars().count()) {
        return Err(Outcome::rejected(
            Some("name"),
            "an event's name has 2 to 30 characters",
        ));
    }
    let mut properties = Map::new();
    for field in &item.fields {
        if field.name == "name" || field.name == "email" || field.value == Field::Null {
            continue;
        }
        let text = match Value::from(&field.value) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        properties.insert(field.name.clone(), Value::String(text));
    }
    let occurred_at = to_rfc3339(item.occurred_at.div_euclid(1000) * 1000);
    Ok(json!({
        "name": name,
        "properties": properties,
        "occurred_at": occurred_at.replace('Z', "+00:00"),
    }))
}

/// The fields of an item as a member has them: those of the member itself, all others as merge
/// fields under their tag.
fn fields(item: &Item) -> Result<Map<String, Value>, Outcome> {
    let mut body = Map::new();
    let mut merge = Map::new();
    let mut interests = Map::new();
    let mut permissions = Vec::new();
    for Attribute { name, value } in &item.fields {
        let is_flag = |value: &Field| match value {
            Field::Boolean(flag) => Ok(*flag),
            _ => Err(Outcome::rejected(Some(name), "expected true or false")),
        };
        if name == "email" {
            continue;
        } else if let Some(id) = name.strip_prefix("interests.") {
            interests.insert(id.to_owned(), json!(is_flag(value)?));
        } else if let Some(id) = name.strip_prefix("marketing_permissions.") {
            let enabled = is_flag(value)?;
            permissions.push(json!({ "marketing_permission_id": id, "enabled": enabled }));
        } else if MEMBER_FIELDS.contains(&name.as_str()) {
            if *value != Field::Null {
                body.insert(name.clone(), instant_or(value));
            }
        } else {
            merge.insert(name.clone(), merge_value(value));
        }
    }
    for (name, value) in [
        ("merge_fields", Value::Object(merge)),
        ("interests", Value::Object(interests)),
    ] {
        if value.as_object().is_some_and(|map| !map.is_empty()) {
            body.insert(name.to_owned(), value);
        }
    }
    if !permissions.is_empty() {
        body.insert("marketing_permissions".to_owned(), json!(permissions));
    }
    Ok(body)
}

fn instant_or(value: &Field) -> Value {
    match value {
        Field::Instant(at) => json!(to_rfc3339(*at).replace('Z', "+00:00")),
        other => other.into(),
    }
}

/// Mailchimp empties a merge field by empty text, and knows days but no time of day.
fn merge_value(value: &Field) -> Value {
    match value {
        Field::Null => json!(""),
        Field::Instant(at) => json!(to_rfc3339(*at).get(..10)),
        Field::Boolean(flag) => json!(flag.to_string()),
        Field::Decimal(text) => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.to_string() == *text)
            .and_then(Number::from_f64)
            .map_or_else(|| json!(text), Value::Number),
        other => other.into(),
    }
}
