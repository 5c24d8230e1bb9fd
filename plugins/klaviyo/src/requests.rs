//! Items in Klaviyo's terms.

use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::map::phone::e164;
use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{Map, Number, Value, json};
use crosspoint_sdk::{Attribute, Identifier, Item, Outcome, Value as Field};

/// Attributes of a profile beside its properties.
const ATTRIBUTES: [&str; 8] = [
    "external_id",
    "first_name",
    "image",
    "last_name",
    "locale",
    "location",
    "organization",
    "title",
];

/// Longest name of a metric, exclusively, in characters.
const MAX_METRIC: usize = 128;

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.fields.iter().find_map(|field| match &field.value {
        Field::Text(text) if field.name == name => Some(text.trim()).filter(|t| !t.is_empty()),
        _ => None,
    })
}

/// The address of the item: the field `email`, else the profile's first; lower-cased, since
/// Klaviyo compares the text.
pub fn email(item: &Item) -> Option<String> {
    let known = || {
        item.identifiers.iter().find_map(|one| match one {
            Identifier::Email(address) => Some(address.as_str()),
            _ => None,
        })
    };
    let address = text(item, "email").or_else(known)?.trim();
    let (name, host) = address.split_once('@')?;
    let is_usable =
        !name.is_empty() && host.contains('.') && !address.contains(char::is_whitespace);
    is_usable.then(|| address.to_lowercase())
}

/// The number of the item in E.164; one that is not would fail the whole call.
pub fn phone(item: &Item) -> Option<String> {
    let known = || {
        item.identifiers.iter().find_map(|one| match one {
            Identifier::Phone(number) => Some(number.as_str()),
            _ => None,
        })
    };
    let number = text(item, "phone_number").or_else(known)?;
    e164(number, None).ok()
}

/// Every address and number of the person, as pairs of attribute and value.
pub fn all_identifiers(item: &Item) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    all.extend(email(item).map(|value| ("email", value)));
    for one in &item.identifiers {
        match one {
            Identifier::Email(value) => all.push(("email", value.trim().to_lowercase())),
            Identifier::Phone(value) => {
                all.extend(e164(value, None).ok().map(|value| ("phone_number", value)));
            }
            _ => {}
        }
    }
    all.sort();
    all.dedup();
    all
}

fn nobody() -> Outcome {
    Outcome::rejected(
        Some("email"),
        "the profile has no usable email address, telephone number or `external_id`",
    )
}

/// What names the person: the address, and what the sync maps besides. A number that nobody mapped
/// is used only where there is no address, since it may belong to another profile there.
pub fn identity(item: &Item) -> Result<Map<String, Value>, Outcome> {
    let mut identity = Map::new();
    if let Some(email) = email(item) {
        identity.insert("email".to_owned(), json!(email));
    }
    let is_mapped = text(item, "phone_number").is_some();
    if (is_mapped || identity.is_empty())
        && let Some(phone) = phone(item)
    {
        identity.insert("phone_number".to_owned(), json!(phone));
    }
    if let Some(id) = text(item, "external_id") {
        identity.insert("external_id".to_owned(), json!(id));
    }
    if identity.is_empty() {
        return Err(nobody());
    }
    Ok(identity)
}

/// A profile: identity, attributes, and all other fields as properties.
pub fn profile(item: &Item) -> Result<Value, Outcome> {
    let mut attributes = identity(item)?;
    let mut location = Map::new();
    let mut properties = Map::new();
    for Attribute { name, value } in &item.fields {
        if ["email", "phone_number", "external_id"].contains(&name.as_str()) {
            continue;
        } else if let Some(part) = name.strip_prefix("location.") {
            location.insert(part.to_owned(), json(value));
        } else if ATTRIBUTES.contains(&name.as_str()) {
            attributes.insert(name.clone(), json(value));
        } else {
            properties.insert(name.clone(), json(value));
        }
    }
    if !location.is_empty() {
        attributes.insert("location".to_owned(), Value::Object(location));
    }
    if !properties.is_empty() {
        attributes.insert("properties".to_owned(), Value::Object(properties));
    }
    Ok(json!({ "type": "profile", "attributes": attributes }))
}

/// One event, recognised by the item's key.
pub fn event(item: &Item) -> Result<Value, Outcome> {
    let metric = text(item, "name").unwrap_or_default();
    if metric.is_empty() || metric.chars().count() >= MAX_METRIC {
        return Err(Outcome::rejected(
            Some("name"),
            "expected the name of an event with fewer than 128 characters",
        ));
    }
    let mut properties = Map::new();
    let mut attributes = json!({
        "unique_id": item.key,
        "time": to_rfc3339(item.occurred_at),
        "metric": { "data": { "type": "metric", "attributes": { "name": metric } } },
        "profile": { "data": { "type": "profile", "attributes": identity(item)? } },
    });
    for Attribute { name, value } in &item.fields {
        match name.as_str() {
            "email" | "phone_number" | "external_id" | "name" => {}
            "value" | "value_currency" | "time" if *value == Field::Null => {}
            "value" | "value_currency" | "time" => attributes[name] = json(value),
            _ => _ = properties.insert(name.clone(), json(value)),
        }
    }
    attributes["properties"] = Value::Object(properties);
    Ok(json!({ "data": { "type": "event", "attributes": attributes } }))
}

/// Whether the person withdrew consent to email, or has not confirmed it.
pub fn declines_email(item: &Item) -> bool {
    let decided = item
        .consents
        .iter()
        .find(|one| one.topic == ConsentTopic::EmailMarketing);
    decided.is_some_and(|one| one.state != ConsentState::Granted)
}

/// A profile of a subscription job: the channels that the person granted, with their instants.
pub fn subscription(item: &Item) -> Result<Value, Outcome> {
    let mut attributes = Map::new();
    let mut subscriptions = Map::new();
    for (topic, channel, name, value) in [
        (ConsentTopic::EmailMarketing, "email", "email", email(item)),
        (
            ConsentTopic::SmsMarketing,
            "sms",
            "phone_number",
            phone(item),
        ),
    ] {
        let granted = item
            .consents
            .iter()
            .find(|one| one.topic == topic && one.state == ConsentState::Granted);
        if let (Some(consent), Some(value)) = (granted, value) {
            attributes.insert(name.to_owned(), json!(value));
            subscriptions.insert(
                channel.to_owned(),
                json!({ "marketing": {
                    "consent": "SUBSCRIBED",
                    "consented_at": to_rfc3339(consent.decided_at),
                } }),
            );
        }
    }
    if attributes.is_empty() {
        return Err(Outcome::rejected(
            Some("consent"),
            "only a channel that the person granted is subscribed",
        ));
    }
    attributes.insert("subscriptions".to_owned(), Value::Object(subscriptions));
    Ok(json!({ "type": "profile", "attributes": attributes }))
}

/// A profile of a job that ends subscriptions to email.
pub fn unsubscription(item: &Item) -> Result<Value, Outcome> {
    let email = email(item).ok_or_else(nobody)?;
    let ended = json!({ "email": { "marketing": { "consent": "UNSUBSCRIBED" } } });
    let attributes = json!({ "email": email, "subscriptions": ended });
    Ok(json!({ "type": "profile", "attributes": attributes }))
}

fn json(value: &Field) -> Value {
    match value {
        Field::Decimal(text) => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.to_string() == *text)
            .and_then(Number::from_f64)
            .map_or_else(|| json!(text), Value::Number),
        other => other.into(),
    }
}
