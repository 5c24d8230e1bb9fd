//! The JSON that the receiver gets.

use std::collections::BTreeMap;

use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::serde_json::{Map, Value, json};
use crosspoint_sdk::{ActionKind, Item};

/// The event type of an action, with the configured prefix.
pub fn event_type(action: &ActionKind, prefix: &str) -> String {
    let name = match action {
        ActionKind::UpsertContact => "profile.updated".to_owned(),
        ActionKind::DeleteContact => "profile.deleted".to_owned(),
        ActionKind::AddToList => "profile.list_added".to_owned(),
        ActionKind::RemoveFromList => "profile.list_removed".to_owned(),
        ActionKind::SendMessage => "message.requested".to_owned(),
        ActionKind::TrackEvent => "event.tracked".to_owned(),
        ActionKind::Suppress => "profile.suppressed".to_owned(),
        ActionKind::Unsuppress => "profile.unsuppressed".to_owned(),
        ActionKind::Custom(name) => format!("custom.{}", name.replace('-', "_")),
    };
    if prefix.is_empty() {
        name
    } else {
        format!("{prefix}.{name}")
    }
}

/// One delivery as a Standard Webhooks payload. The same at every try.
pub fn single(event_type: &str, action: &ActionKind, item: &Item) -> Value {
    json!({
        "type": event_type,
        "timestamp": to_rfc3339(item.occurred_at),
        "data": data(action, item),
    })
}

/// Several deliveries in one payload; our own convention, the specification has none.
pub fn batch(prefix: &str, event_type: &str, action: &ActionKind, items: &[Item]) -> Value {
    let newest = items
        .iter()
        .map(|item| item.occurred_at)
        .max()
        .unwrap_or_default();
    let batch_type = if prefix.is_empty() {
        "profiles.batch".to_owned()
    } else {
        format!("{prefix}.profiles.batch")
    };
    let items: Vec<_> = items
        .iter()
        .map(|item| single(event_type, action, item))
        .collect();
    json!({ "type": batch_type, "timestamp": to_rfc3339(newest), "data": { "items": items } })
}

/// An erasure names the person by id only, so that the receiver's log learns nothing new.
fn data(action: &ActionKind, item: &Item) -> Value {
    let mut data = Map::new();
    data.insert("key".to_owned(), json!(item.key));
    data.insert("profile_id".to_owned(), json!(item.profile_id));
    if *action == ActionKind::DeleteContact {
        return Value::Object(data);
    }
    let mut identifiers = BTreeMap::<String, Vec<&str>>::new();
    for identifier in &item.identifiers {
        let (kind, value) = identifier.parts();
        identifiers.entry(kind.to_owned()).or_default().push(value);
    }
    data.insert("identifiers".to_owned(), json!(identifiers));
    if let Some(list) = &item.list {
        data.insert("list".to_owned(), json!(list));
    }
    let fields: Map<_, _> = item
        .fields
        .iter()
        .map(|field| (field.name.clone(), (&field.value).into()))
        .collect();
    data.insert("fields".to_owned(), Value::Object(fields));
    let consents: Vec<_> = item
        .consents
        .iter()
        .map(|consent| {
            json!({
                "topic": consent.topic.as_str(),
                "state": consent.state.as_str(),
                "decided_at": to_rfc3339(consent.decided_at),
            })
        })
        .collect();
    data.insert("consents".to_owned(), Value::Array(consents));
    Value::Object(data)
}

/// The `webhook-id` of a batch: the same for the same keys in the same order, without a dot.
/// FNV-1a in 128 bits; the keys are the host's own, so nobody picks them to collide.
pub fn batch_id(items: &[Item]) -> String {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013B;
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in items
        .iter()
        .flat_map(|item| item.key.bytes().chain([b'\n']))
    {
        hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    }
    format!("batch_{hash:032x}")
}
