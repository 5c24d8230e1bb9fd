//! What the account holds, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::iso;

/// `2026-01-01T00:00:00+00:00`
pub fn stamp(at_ms: i64) -> String {
    iso(at_ms).replace('Z', "+00:00")
}

#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// `SUBSCRIBED`, `UNSUBSCRIBED`, or never asked.
    pub state: Option<&'static str>,
    pub at_ms: i64,
    pub source: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Profile {
    pub id: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub external_id: Option<String>,
    /// First name and the like, location included.
    pub fields: Map<String, Value>,
    pub properties: Map<String, Value>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// From when on it is found, on the exact clock.
    pub visible_ms: i64,
    pub consent: Consent,
    pub sms: Consent,
    /// Instant by reason.
    pub suppressions: BTreeMap<&'static str, i64>,
    /// Instant by list.
    pub list_suppressions: BTreeMap<String, i64>,
}

pub const FIELDS: &[&str] = &[
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "location",
];

impl Profile {
    pub fn view(&self, extra: &[&str]) -> Value {
        let mut attributes = Map::new();
        let mut set = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
        set("email", json!(self.email));
        set("phone_number", json!(self.phone));
        set("external_id", json!(self.external_id));
        for name in FIELDS {
            let empty = if *name == "location" {
                json!({})
            } else {
                Value::Null
            };
            set(name, self.fields.get(*name).cloned().unwrap_or(empty));
        }
        set("created", json!(stamp(self.created_ms)));
        set("updated", json!(stamp(self.updated_ms)));
        set("last_event_date", Value::Null);
        set("properties", json!(self.properties));
        if extra.contains(&"subscriptions") {
            set("subscriptions", self.subscriptions());
        }
        if extra.contains(&"predictive_analytics") {
            set("predictive_analytics", json!({ "historic_clv": 0.0 }));
        }
        json!({ "type": "profile", "id": self.id, "attributes": attributes, "relationships": {}, "links": { "self": format!("/api/profiles/{}/", self.id) } })
    }

    fn subscriptions(&self) -> Value {
        let is_subscribed = self.consent.state == Some("SUBSCRIBED");
        let at = |consent: &Consent| consent.state.map(|_| stamp(consent.at_ms));
        let state = |consent: &Consent| consent.state.unwrap_or("NEVER_SUBSCRIBED");
        let suppression = |(reason, at_ms): (&&str, &i64)| json!({ "reason": reason, "timestamp": stamp(*at_ms) });
        let of_list = |(list, at_ms): (&String, &i64)| json!({ "list_id": list, "reason": "UNSUBSCRIBE", "timestamp": stamp(*at_ms) });
        json!({
            "email": { "marketing": {
                "can_receive_email_marketing": self.email.is_some() && self.suppressions.is_empty() && self.consent.state != Some("UNSUBSCRIBED"),
                "consent": state(&self.consent), "consent_timestamp": at(&self.consent), "last_updated": at(&self.consent),
                "method": if is_subscribed { json!("SERVER") } else { Value::Null }, "custom_method_detail": self.consent.source, "double_optin": false,
                "suppression": self.suppressions.iter().map(suppression).collect::<Vec<_>>(),
                "list_suppressions": self.list_suppressions.iter().map(of_list).collect::<Vec<_>>() } },
            "sms": { "marketing": { "can_receive_sms_marketing": self.sms.state == Some("SUBSCRIBED"), "consent": state(&self.sms),
                "consent_timestamp": at(&self.sms), "last_updated": at(&self.sms) } }
        })
    }
}

#[derive(Clone, Debug)]
pub struct List {
    pub id: String,
    pub name: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub is_double_opt_in: bool,
    pub is_segment: bool,
    /// Instant of joining by profile.
    pub members: BTreeMap<String, i64>,
}

impl List {
    pub fn kind(&self) -> &'static str {
        if self.is_segment { "segment" } else { "list" }
    }

    pub fn view(&self) -> Value {
        let mut attributes = json!({ "name": self.name, "created": stamp(self.created_ms), "updated": stamp(self.updated_ms) });
        if self.is_segment {
            attributes["is_active"] = json!(true);
        } else {
            attributes["opt_in_process"] = json!(if self.is_double_opt_in {
                "double_opt_in"
            } else {
                "single_opt_in"
            });
        }
        json!({ "type": self.kind(), "id": self.id, "attributes": attributes, "links": { "self": format!("/api/{}s/{}/", self.kind(), self.id) } })
    }
}

#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub profile: String,
    pub metric: String,
    pub at_ms: i64,
    pub visible_ms: i64,
    pub unique_id: String,
    pub properties: Map<String, Value>,
    /// Of the value.
    pub currency: Option<String>,
}

impl Event {
    pub fn view(&self) -> Value {
        json!({
            "type": "event", "id": self.id,
            "attributes": { "timestamp": self.at_ms.div_euclid(1000), "datetime": stamp(self.at_ms), "uuid": format!("{}-event", self.id), "event_properties": self.properties },
            "relationships": { "profile": { "data": { "type": "profile", "id": self.profile } }, "metric": { "data": { "type": "metric", "id": self.metric } } },
            "links": { "self": format!("/api/events/{}/", self.id) }
        })
    }
}

pub fn metric_view(id: &str, name: &str) -> Value {
    json!({ "type": "metric", "id": id, "attributes": { "name": name, "created": "2023-01-01T00:00:00+00:00", "updated": "2023-01-01T00:00:00+00:00",
            "integration": { "object": "integration", "id": "0eMvjm", "name": "Klaviyo", "category": "Internal" } } })
}

/// `data` with type and attributes, as a body or one of its parts has it.
pub fn attributes<'a>(
    data: &'a Value,
    kind: &str,
    pointer: &str,
    known: &[&str],
) -> super::Outcome<&'a Map<String, Value>> {
    use super::Refusal;
    if data["type"] != kind {
        return Err(Refusal::at(
            &format!("{pointer}/type"),
            &format!(
                "'{}' is not a valid type, expected '{kind}'.",
                data["type"].as_str().unwrap_or_default()
            ),
        ));
    }
    let given = data["attributes"].as_object();
    let given = given.ok_or_else(|| {
        Refusal::at(
            &format!("{pointer}/attributes"),
            "The attributes are required.",
        )
    })?;
    let known: BTreeSet<&str> = known.iter().copied().collect();
    match given.keys().find(|it| !known.contains(it.as_str())) {
        Some(name) => Err(Refusal::at(
            &format!("{pointer}/attributes/{name}"),
            &format!("'{name}' is not a valid field for the resource '{kind}'."),
        )),
        None => Ok(given),
    }
}
