//! From Klaviyo's profiles and events to records.

use crosspoint_sdk::model::{
    Address, Consent, ConsentState, ConsentTopic, Contact, Engagement, EngagementKind, Event,
    ExternalId,
};
use crosspoint_sdk::serde_json::{Map, Value};
use crosspoint_sdk::{Attribute, Body, Identifier, Instant, Record, Value as Field};

use crate::walk::instant_of;

type Fault = (&'static str, String);

/// The name under which Klaviyo's `external_id` is an identifier.
const EXTERNAL_SYSTEM: &str = "klaviyo-external-id";

/// Attributes of a profile that a record's own fields take.
const TAKEN: [&str; 9] = [
    "email",
    "phone_number",
    "external_id",
    "first_name",
    "last_name",
    "organization",
    "title",
    "locale",
    "updated",
];

/// A profile as a contact.
pub fn contact(row: &Value) -> Result<Record, Fault> {
    let (id, updated, own) = profile(row)?;
    let location = &own["location"];
    let country = filled(&location["country"]);
    let is_code = |code: &String| code.len() == 2 && code.is_ascii();
    let address = Address {
        street: ["address1", "address2"]
            .iter()
            .filter_map(|name| filled(&location[*name]))
            .collect(),
        city: filled(&location["city"]),
        region: filled(&location["region"]),
        postal_code: filled(&location["zip"]),
        country: country
            .clone()
            .filter(is_code)
            .map(|code| code.to_uppercase()),
        ..Address::default()
    };
    let contact = Contact {
        first_name: filled(&own["first_name"]),
        last_name: filled(&own["last_name"]),
        company: filled(&own["organization"]),
        job_title: filled(&own["title"]),
        language: filled(&own["locale"]),
        time_zone: filled(&location["timezone"]),
        address: (address != Address::default()).then_some(address),
        created_at: instant_of(&own["created"]),
        ..Contact::default()
    };
    let mut record = Record::new(id.clone(), updated, Body::Contact(contact));
    record.identifiers = identifiers(id, own);
    for (name, value) in own.as_object().into_iter().flatten() {
        if !TAKEN.contains(&name.as_str()) && name != "properties" && name != "location" {
            record
                .attributes
                .push(Attribute::new(name, Field::from(value)));
        }
    }
    let taken = ["address1", "address2", "city", "region", "zip", "timezone"];
    for (name, value) in location.as_object().into_iter().flatten() {
        let is_taken = taken.contains(&name.as_str())
            || (name == "country" && country.as_ref().is_some_and(is_code));
        if !is_taken {
            let name = format!("location.{name}");
            record
                .attributes
                .push(Attribute::new(name, Field::from(value)));
        }
    }
    for (name, value) in own["properties"].as_object().into_iter().flatten() {
        // A property may be called like one of the profile's own attributes.
        let name = match own.get(name) {
            Some(_) => format!("properties.{name}"),
            None => name.clone(),
        };
        if !name.is_empty() {
            record
                .attributes
                .push(Attribute::new(name, Field::from(value)));
        }
    }
    Ok(record)
}

/// What a profile's subscriptions say: one record per channel that says something.
pub fn consents(row: &Value) -> Result<Vec<Record>, Fault> {
    let (id, updated, own) = profile(row)?;
    let channels = [
        ("email", ConsentTopic::EmailMarketing),
        ("sms", ConsentTopic::SmsMarketing),
    ];
    let mut records = Vec::new();
    for (channel, topic) in channels {
        let told = &own["subscriptions"][channel]["marketing"];
        let Some((state, decided_at)) = decision(told, updated) else {
            continue;
        };
        let evidence = ["custom_method_detail", "method_detail", "method"]
            .iter()
            .find_map(|name| filled(&told[*name]));
        let body = Consent {
            topic: topic.clone(),
            state,
            decided_at,
            evidence,
        };
        let name = format!("{id}:{}", topic.as_str());
        let mut record = Record::new(name, updated, Body::Consent(body));
        record.identifiers = identifiers(id.clone(), own);
        for (name, value) in told.as_object().into_iter().flatten() {
            record
                .attributes
                .push(Attribute::new(name, Field::from(value)));
        }
        records.push(record);
    }
    Ok(records)
}

/// State and instant. A suppression by the person, or by the operator, withdraws a consent; one
/// for a bounced or invalid address says nothing of it.
pub fn decision(told: &Value, updated: Instant) -> Option<(ConsentState, Instant)> {
    let suppressed = told["suppression"].as_array().into_iter().flatten();
    let withdrawn = suppressed
        .filter(|one| {
            let reason = one["reason"].as_str().unwrap_or_default();
            ["UNSUBSCRIBE", "SPAM_REPORT", "USER_SUPPRESSED"]
                .contains(&reason.to_uppercase().as_str())
        })
        .map(|one| instant_of(&one["timestamp"]).unwrap_or(updated))
        .max();
    if let Some(at) = withdrawn {
        return Some((ConsentState::Withdrawn, at));
    }
    let at = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| instant_of(&told[*name]));
        found.unwrap_or(updated)
    };
    match told["consent"].as_str()? {
        "SUBSCRIBED" => Some((
            ConsentState::Granted,
            at(["consent_timestamp", "last_updated"]),
        )),
        "UNSUBSCRIBED" => Some((
            ConsentState::Withdrawn,
            at(["last_updated", "consent_timestamp"]),
        )),
        _ => None,
    }
}

fn profile(row: &Value) -> Result<(String, Instant, &Value), Fault> {
    let id = filled(&row["id"]).ok_or_else(|| ("id", "is missing or empty".to_owned()))?;
    let own = &row["attributes"];
    let updated = instant_of(&own["updated"]).ok_or_else(|| {
        let expected = "expected an instant such as `2026-01-05T10:00:00+00:00`";
        ("updated", expected.to_owned())
    })?;
    Ok((id, updated, own))
}

fn identifiers(id: String, own: &Value) -> Vec<Identifier> {
    let mut all = vec![Identifier::Customer(id)];
    all.extend(filled(&own["email"]).map(Identifier::Email));
    all.extend(filled(&own["phone_number"]).map(Identifier::Phone));
    all.extend(filled(&own["external_id"]).map(|id| {
        Identifier::External(ExternalId {
            system: EXTERNAL_SYSTEM.to_owned(),
            id,
        })
    }));
    all
}

/// What a built-in metric means, with its channel.
pub fn engagement_kind(metric: &str) -> Option<(EngagementKind, &'static str)> {
    Some(match metric {
        "Received Email" => (EngagementKind::Delivered, "email"),
        "Opened Email" => (EngagementKind::Opened, "email"),
        "Clicked Email" => (EngagementKind::Clicked, "email"),
        "Bounced Email" => (EngagementKind::Bounced, "email"),
        "Dropped Email" => (EngagementKind::Deferred, "email"),
        "Marked Email as Spam" => (EngagementKind::Complained, "email"),
        "Unsubscribed from Email Marketing" | "Unsubscribed" => {
            (EngagementKind::Unsubscribed, "email")
        }
        "Received SMS" => (EngagementKind::Delivered, "sms"),
        "Clicked SMS" => (EngagementKind::Clicked, "sms"),
        "Unsubscribed from SMS Marketing" => (EngagementKind::Unsubscribed, "sms"),
        _ => return None,
    })
}

/// An event of a metric: an engagement for built-in ones, else a fact under the metric's name.
pub fn event(row: &Value, metric: &str) -> Result<Record, Fault> {
    let id = filled(&row["id"]).ok_or_else(|| ("id", "is missing or empty".to_owned()))?;
    let own = &row["attributes"];
    let occurred_at = instant_of(&own["datetime"])
        .or_else(|| own["timestamp"].as_i64().map(|seconds| seconds * 1000))
        .ok_or_else(|| ("datetime", "expected an instant".to_owned()))?;
    let person = filled(&row["relationships"]["profile"]["data"]["id"]);
    let empty = Map::new();
    let properties = own["event_properties"].as_object().unwrap_or(&empty);
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| properties.get(*name).and_then(filled))
    };
    let body = match engagement_kind(metric) {
        Some((kind, channel)) => Body::Engagement(Engagement {
            kind,
            occurred_at,
            channel: channel.to_owned(),
            campaign: text(&["Campaign Name", "$flow"]),
            message_id: text(&["$message"]),
            delivery_key: None,
            url: text(&["URL"]),
            reason: text(&["Bounce Type", "Reason"])
                .or_else(|| (metric == "Dropped Email").then(|| "dropped".to_owned())),
        }),
        None => Body::Event(Event {
            name: metric.to_owned(),
            occurred_at,
        }),
    };
    let mut record = Record::new(id, occurred_at, body);
    record.identifiers.extend(person.map(Identifier::Customer));
    for (name, value) in own.as_object().into_iter().flatten() {
        if !["event_properties", "datetime", "timestamp"].contains(&name.as_str()) {
            record
                .attributes
                .push(Attribute::new(name, Field::from(value)));
        }
    }
    for (name, value) in properties.iter().filter(|(name, _)| !name.is_empty()) {
        record
            .attributes
            .push(Attribute::new(name, Field::from(value)));
    }
    Ok(record)
}

/// Text that is there.
pub fn filled(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
