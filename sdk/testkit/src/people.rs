//! Deliveries about people who do not exist.

use crosspoint_model::delivery::{Action, Delivery, DeliveryId, DeliveryStatus};
use crosspoint_model::record::{Attribute, Consent, ConsentState, ConsentTopic};
use crosspoint_model::{Decimal, DeliveryKey, Identifier, Instant, ProfileId, Symbol, Value};
use serde_json::{Map, Value as Json};

use crate::subject::{ActionSubject, fill, fill_value};

/// Which fields a delivery has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    Required,
    All,
    Poison,
}

/// What the texts of a subject may say of person number `n`.
pub(crate) fn person(n: u32) -> impl Fn(&str) -> Option<String> {
    move |name| {
        Some(match name {
            "n" => n.to_string(),
            "email" => format!("kit-{n}@example.com"),
            "phone" => format!("+4930901{n:05}"),
            _ => return None,
        })
    }
}

/// The delivery of one action for person number `n`. `seq` tells effects for one person apart.
pub(crate) fn delivery(
    connector: &str,
    action: &str,
    subject: &ActionSubject,
    n: u32,
    seq: u64,
    which: Fields,
) -> Delivery {
    let lookup = person(n);
    let mut fields: Map<String, Json> = subject.required.clone();
    if which != Fields::Required {
        fields.extend(subject.optional.clone());
    }
    let mut texts = &subject.identifiers;
    if which == Fields::Poison {
        fields.extend(subject.poison.clone());
        if !subject.poison_identifiers.is_empty() {
            texts = &subject.poison_identifiers;
        }
    }
    let identifiers = texts
        .iter()
        .filter_map(|text| identifier(connector, &fill(text, &lookup)));
    let attribute = |(name, value): (String, Json)| Attribute {
        name: name.into(),
        value: value_of(&fill_value(&value, &lookup)),
    };
    let granted = [
        ConsentTopic::EmailMarketing,
        ConsentTopic::SmsMarketing,
        ConsentTopic::PhoneMarketing,
        ConsentTopic::Ads,
    ];
    let consents = granted.map(|topic| Consent {
        topic,
        state: ConsentState::Granted,
        decided_at: Instant(1_790_000_000_000),
        evidence: None,
    });
    let mut profile = [0; 16];
    profile[12..].copy_from_slice(&n.to_be_bytes());
    Delivery {
        id: DeliveryId {
            connector: Symbol(1),
            seq,
            ordinal: n,
        },
        key: DeliveryKey::of("testkit", connector, seq, n),
        sync: Symbol(2),
        profile: ProfileId(profile),
        action: Action::from_word(action),
        list: subject.list.as_ref().map(|list| fill(list, &lookup).into()),
        fields: fields.into_iter().map(attribute).collect(),
        identifiers: identifiers.collect(),
        consents: consents.to_vec(),
        occurred_at: Instant(1_793_000_000_000),
        status: DeliveryStatus::Pending,
        attempts: 0,
        last_reason: None,
    }
}

fn identifier(connector: &str, text: &str) -> Option<Identifier> {
    let (kind, value) = text.split_once(':')?;
    match kind {
        "email" => Identifier::email(value),
        "phone" => Identifier::phone(value),
        "vendor" => Identifier::vendor(connector, value),
        "user-id" => Identifier::user_id(value),
        "anonymous-id" => Identifier::anonymous_id(value),
        "cookie" => Identifier::cookie(value),
        _ => None,
    }
}

fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(it) => Value::Bool(*it),
        Json::String(text) => Value::text(text),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => number
                .to_string()
                .parse()
                .map_or(Value::Null, |it: Decimal| Value::Decimal(it)),
        },
        other => Value::Json(other.to_string().into()),
    }
}
