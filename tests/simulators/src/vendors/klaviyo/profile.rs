//! Profiles: checked, written, found, merged.

use serde_json::{Map, Value, json};

use super::data::{Consent, FIELDS, Profile, attributes};
use super::query::{self, Condition, Paging};
use super::{Klaviyo, Outcome, Refusal, digest};
use crate::{Call, Sim};

const LOCATION: &[&str] = &[
    "address1",
    "address2",
    "city",
    "country",
    "latitude",
    "longitude",
    "region",
    "zip",
    "timezone",
    "ip",
];
/// Bytes of one profile.
const PROFILE_MAX: usize = 100_000;

pub const ATTRIBUTES: &[&str] = &[
    "email",
    "phone_number",
    "external_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "location",
    "properties",
];

pub fn is_email(text: &str) -> bool {
    let is_plain = text.len() <= 254
        && !text
            .chars()
            .any(|it| it.is_whitespace() || matches!(it, ',' | ';' | '<' | '>'));
    let parts = text.split_once('@');
    is_plain
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.contains('.')
                && domain.split('.').all(|it| !it.is_empty())
        })
}

pub fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|it| it.is_ascii_digit())
}

/// Checks what a profile may have; the pointer is the data's.
pub fn check<'a>(
    data: &'a Value,
    pointer: &str,
    extra: &[&str],
) -> Outcome<&'a Map<String, Value>> {
    let given = attributes(data, "profile", pointer, &[ATTRIBUTES, extra].concat())?;
    let refuse = |name: &str, detail: &str| {
        Err(Refusal::at(&format!("{pointer}/attributes/{name}"), detail))
    };
    if data.to_string().len() > PROFILE_MAX {
        return Err(Refusal::new(
            413,
            "payload_too_large",
            "The profile is larger than 100 KB.",
        ));
    }
    for (name, value) in given {
        let text = value.as_str();
        match name.as_str() {
            _ if value.is_null() => {}
            "email" if !text.is_some_and(is_email) => {
                return refuse(name, "Invalid email address.");
            }
            "phone_number" if !text.is_some_and(is_e164) => {
                return refuse(
                    name,
                    "Invalid phone number format (Example of a valid format: +12345678901).",
                );
            }
            "properties" if !value.is_object() => {
                return refuse(name, "'properties' must be an object.");
            }
            "location" => {
                let parts = value.as_object();
                if !parts.is_some_and(|it| {
                    it.iter().all(|(name, value)| {
                        LOCATION.contains(&name.as_str()) && !value.is_object() && !value.is_array()
                    })
                }) {
                    return refuse(name, "'location' has an invalid field.");
                }
            }
            "email" | "phone_number" | "properties" | "subscriptions" => {}
            _ if text.is_none() => return refuse(name, &format!("'{name}' must be a string.")),
            _ => {}
        }
    }
    Ok(given)
}

impl Klaviyo {
    pub fn profile_calls(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        const SHOWN: &[&str] = &["additional-fields[profile]", "fields[profile]", "include"];
        let extra: Vec<&str> = call
            .param("additional-fields[profile]")
            .unwrap_or_default()
            .split(',')
            .collect();
        match (call.method.as_str(), parts) {
            ("POST", ["profile-import"]) => {
                let (id, created) = self.upsert(&body["data"], "/data", sim)?;
                Ok((
                    if created { 201 } else { 200 },
                    json!({ "data": self.profiles[&id].view(&[]) }),
                ))
            }
            ("POST", ["profiles"]) => {
                let given = check(&body["data"], "/data", &[])?;
                if let Some(id) = self.matches(given).first() {
                    return Err(duplicate(id));
                }
                let (id, _) = self.upsert(&body["data"], "/data", sim)?;
                Ok((201, json!({ "data": self.profiles[&id].view(&[]) })))
            }
            ("GET", ["profiles"]) => {
                query::only(
                    call,
                    &[SHOWN, &["filter", "sort", "page[size]", "page[cursor]"]].concat(),
                )?;
                let conditions = query::filter(call, PROFILE_FILTERS)?;
                let now_ms = sim.now_ms();
                let rows = self.profiles.values().filter(|it| {
                    it.visible_ms <= now_ms
                        && conditions.iter().all(|condition| is_met(it, condition))
                });
                let paging = Paging {
                    sorts: &[
                        "created",
                        "updated",
                        "email",
                        "id",
                        "subscriptions.email.marketing.suppression.timestamp",
                    ],
                    default_sort: "created",
                    size: 20,
                    size_max: 100,
                };
                let key = |it: &&Profile, sort: &str| {
                    let key = match sort {
                        "created" => query::instant_key(it.created_ms),
                        "updated" => query::instant_key(it.updated_ms),
                        "email" => it.email.clone().unwrap_or_default(),
                        "id" => String::new(),
                        _ => {
                            query::instant_key(it.suppressions.values().max().copied().unwrap_or(0))
                        }
                    };
                    (key, it.id.clone())
                };
                Ok((
                    200,
                    query::page(call, sim, &paging, rows.collect(), key, |it| {
                        it.view(&extra)
                    })?,
                ))
            }
            ("GET", ["profiles", id]) => {
                query::only(call, SHOWN)?;
                let profile = self
                    .profiles
                    .get(*id)
                    .filter(|it| it.visible_ms <= sim.now_ms())
                    .ok_or_else(Refusal::not_found)?;
                Ok((
                    200,
                    json!({ "data": query::sparse(call, profile.view(&extra)) }),
                ))
            }
            ("PATCH", ["profiles", id]) => {
                if body["data"]["id"] != *id {
                    return Err(Refusal::at(
                        "/data/id",
                        "The id must be the one of the path.",
                    ));
                }
                if !self.profiles.contains_key(*id) {
                    return Err(Refusal::not_found());
                }
                let (id, _) = self.upsert(&body["data"], "/data", sim)?;
                Ok((200, json!({ "data": self.profiles[&id].view(&[]) })))
            }
            ("POST", ["profile-merge"]) => {
                let into = body["data"]["id"].as_str().unwrap_or_default();
                let from = body["data"]["relationships"]["profiles"]["data"].as_array();
                let from = from
                    .filter(|it| it.len() == 1)
                    .and_then(|it| it[0]["id"].as_str());
                let from = from.ok_or_else(|| {
                    Refusal::at(
                        "/data/relationships/profiles/data",
                        "Exactly one source profile is required.",
                    )
                })?;
                if into == from
                    || !self.profiles.contains_key(into)
                    || !self.profiles.contains_key(from)
                {
                    return Err(Refusal::not_found());
                }
                sim.effect("profile.merge", into, from, Value::Null);
                self.merge(into, from);
                Ok((202, json!({ "data": { "type": "profile", "id": into } })))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    /// Different profiles that the identifiers belong to, in the order of precedence.
    pub fn matches(&self, given: &Map<String, Value>) -> Vec<String> {
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let mut found: Vec<String> = Vec::new();
        for (index, name) in [
            (&self.by_email, "email"),
            (&self.by_phone, "phone_number"),
            (&self.by_external_id, "external_id"),
        ] {
            if let Some(id) = text(name).and_then(|it| index.get(it))
                && !found.contains(id)
            {
                found.push(id.clone());
            }
        }
        found
    }

    /// Writes one profile; its id, and whether it is new.
    pub fn upsert(
        &mut self,
        data: &Value,
        pointer: &str,
        sim: &mut Sim,
    ) -> Outcome<(String, bool)> {
        let given = check(data, pointer, &[])?;
        let mut found = self.matches(given);
        if let Some(id) = data["id"].as_str() {
            if !self.profiles.contains_key(id) {
                return Err(Refusal::not_found());
            }
            found.retain(|it| it != id);
            found.insert(0, id.to_owned());
        }
        if let Some(other) = found.get(1) {
            return Err(duplicate(other));
        }
        let has_identifier = ["email", "phone_number", "external_id"]
            .iter()
            .any(|name| given.get(*name).is_some_and(Value::is_string));
        if found.is_empty() && !has_identifier {
            return Err(Refusal::at(
                pointer,
                "At least one of id, email, phone_number or external_id is required.",
            ));
        }
        let (id, created) = match found.pop() {
            Some(id) => (id, false),
            None => (self.new_profile(sim.now_ms()), true),
        };
        self.unindex(&id);
        if let Some(profile) = self.profiles.get_mut(&id) {
            apply(profile, given);
            patch(profile, &data["meta"]["patch_properties"]);
            profile.updated_ms = self.now_ms;
        }
        self.reindex(&id);
        sim.effect(
            "profile.write",
            &id,
            &digest(data),
            json!({ "created": created, "email": self.profiles[&id].email, "data": data }),
        );
        Ok((id, created))
    }

    pub fn new_profile(&mut self, now_ms: i64) -> String {
        let id = format!("01{}", self.new_id("profile"));
        let profile = Profile {
            id: id.clone(),
            email: None,
            phone: None,
            external_id: None,
            fields: Map::new(),
            properties: Map::new(),
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            visible_ms: now_ms + self.lag_ms,
            consent: Consent::default(),
            sms: Consent::default(),
            suppressions: Default::default(),
            list_suppressions: Default::default(),
        };
        self.profiles.insert(id.clone(), profile);
        id
    }

    pub fn unindex(&mut self, id: &str) {
        if let Some(profile) = self.profiles.get(id) {
            profile.email.as_ref().map(|it| self.by_email.remove(it));
            profile.phone.as_ref().map(|it| self.by_phone.remove(it));
            profile
                .external_id
                .as_ref()
                .map(|it| self.by_external_id.remove(it));
        }
    }

    pub fn reindex(&mut self, id: &str) {
        if let Some(profile) = self.profiles.get(id) {
            let id = || id.to_owned();
            profile
                .email
                .clone()
                .map(|it| self.by_email.insert(it, id()));
            profile
                .phone
                .clone()
                .map(|it| self.by_phone.insert(it, id()));
            profile
                .external_id
                .clone()
                .map(|it| self.by_external_id.insert(it, id()));
        }
    }

    pub fn delete(&mut self, id: &str) {
        self.unindex(id);
        self.profiles.remove(id);
        self.lists.values_mut().for_each(|it| {
            it.members.remove(id);
        });
        let own = self.events.iter().filter(|it| it.profile == id);
        let own = own.map(|it| (it.id.clone(), self.now_ms));
        self.gone_events.extend(own);
        self.events.retain(|it| it.profile != id);
        self.gone.insert(id.to_owned(), self.now_ms);
    }

    pub fn merge(&mut self, into: &str, from: &str) {
        let Some(source) = self.profiles.get(from).cloned() else {
            return;
        };
        for list in self.lists.values_mut() {
            if let Some(at_ms) = list.members.remove(from) {
                list.members.entry(into.to_owned()).or_insert(at_ms);
            }
        }
        for event in self.events.iter_mut().filter(|it| it.profile == from) {
            into.clone_into(&mut event.profile);
        }
        self.delete(from);
        let now_ms = self.now_ms;
        if let Some(target) = self.profiles.get_mut(into) {
            target.phone = target.phone.take().or(source.phone);
            target.external_id = target.external_id.take().or(source.external_id);
            for (name, value) in source.properties {
                target.properties.entry(name).or_insert(value);
            }
            target.updated_ms = now_ms;
        }
        self.reindex(into);
    }
}

fn duplicate(id: &str) -> Refusal {
    let detail = "A profile already exists with one of these identifiers.";
    Refusal {
        meta: json!({ "duplicate_profile_id": id }),
        source: Some(("pointer", "/data/attributes".to_owned())),
        ..Refusal::new(409, "duplicate_profile", detail)
    }
}

/// `null` clears, what is absent stays.
fn apply(profile: &mut Profile, given: &Map<String, Value>) {
    for (name, value) in given {
        let text = || value.as_str().map(str::to_owned);
        match name.as_str() {
            "email" => profile.email = text(),
            "phone_number" => profile.phone = text(),
            "external_id" => profile.external_id = text(),
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    profile.properties.insert(name.clone(), value.clone());
                }
            }
            "location" if value.is_object() => {
                let location = profile
                    .fields
                    .entry("location")
                    .or_insert_with(|| json!({}));
                for (name, value) in value.as_object().into_iter().flatten() {
                    location[name] = value.clone();
                }
            }
            name if FIELDS.contains(&name) => {
                profile.fields.insert(name.to_owned(), value.clone());
            }
            _ => {}
        }
    }
}

fn patch(profile: &mut Profile, patch: &Value) {
    let as_list = |value: &Value| {
        value
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![value.clone()])
    };
    for (name, value) in patch["append"].as_object().into_iter().flatten() {
        let row = profile
            .properties
            .entry(name.clone())
            .or_insert_with(|| json!([]));
        let mut rows = as_list(row);
        rows.extend(as_list(value));
        *row = Value::Array(rows);
    }
    for (name, value) in patch["unappend"].as_object().into_iter().flatten() {
        if let Some(row) = profile.properties.get_mut(name) {
            let gone = as_list(value);
            *row = as_list(row)
                .into_iter()
                .filter(|it| !gone.contains(it))
                .collect();
        }
    }
    for name in patch["unset"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        profile.properties.remove(name);
    }
}

const EXACT: &[&str] = &["equals", "any"];
const MOMENT: &[&str] = &["greater-than", "less-than"];
const PROFILE_FILTERS: &[(&str, &[&str])] = &[
    ("id", EXACT),
    ("email", EXACT),
    ("phone_number", EXACT),
    ("external_id", EXACT),
    ("created", MOMENT),
    ("updated", MOMENT),
    (
        "subscriptions.email.marketing.suppression.reason",
        &["equals"],
    ),
    (
        "subscriptions.email.marketing.suppression.timestamp",
        &[
            "greater-than",
            "greater-or-equal",
            "less-than",
            "less-or-equal",
        ],
    ),
    (
        "subscriptions.email.marketing.list_suppressions.list_id",
        &["equals"],
    ),
];

fn is_met(profile: &Profile, condition: &Condition) -> bool {
    match condition.field.as_str() {
        "id" => condition.has(Some(&profile.id)),
        "email" => condition.has(profile.email.as_deref()),
        "phone_number" => condition.has(profile.phone.as_deref()),
        "external_id" => condition.has(profile.external_id.as_deref()),
        "created" => condition.compares(profile.created_ms),
        "updated" => condition.compares(profile.updated_ms),
        "subscriptions.email.marketing.suppression.reason" => profile
            .suppressions
            .keys()
            .any(|it| condition.has(Some(it))),
        "subscriptions.email.marketing.list_suppressions.list_id" => profile
            .list_suppressions
            .keys()
            .any(|it| condition.has(Some(it))),
        _ => profile
            .suppressions
            .values()
            .any(|at_ms| condition.compares(*at_ms)),
    }
}
