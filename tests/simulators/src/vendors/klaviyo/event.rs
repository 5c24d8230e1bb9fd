//! Events and metrics: accepted, then stored once per profile, metric and unique id.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::data::{Event, attributes, metric_view, stamp};
use super::query::{self, Paging};
use super::{Klaviyo, Outcome, Refusal, digest, profile};
use crate::{Call, Sim};

const COMPARED: &[&str] = &[
    "greater-than",
    "greater-or-equal",
    "less-than",
    "less-or-equal",
];
/// The revision that knows `backfill`.
const BACKFILL_SINCE: &str = "2026-07-15";

impl Klaviyo {
    pub fn event_calls(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        revision: &str,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        match (call.method.as_str(), parts) {
            ("GET", ["metrics"]) => {
                query::only(
                    call,
                    &["filter", "page[cursor]", "fields[metric]", "include"],
                )?;
                query::filter(
                    call,
                    &[
                        ("integration.name", &["equals"]),
                        ("integration.category", &["equals"]),
                    ],
                )?;
                let paging = Paging {
                    sorts: &["name"],
                    default_sort: "name",
                    size: 200,
                    size_max: 200,
                };
                let key = |(id, _): &(&String, &String), _: &str| ((*id).clone(), String::new());
                Ok((
                    200,
                    query::page(
                        call,
                        sim,
                        &paging,
                        self.metrics.iter().collect(),
                        key,
                        |(id, name)| metric_view(id, name),
                    )?,
                ))
            }
            ("GET", ["metrics", id]) => {
                let name = self.metrics.get(*id).ok_or_else(Refusal::not_found)?;
                Ok((200, json!({ "data": metric_view(id, name) })))
            }
            ("POST", ["events"]) => {
                let data = &body["data"];
                self.check_event(data, "/data", true, revision, sim)?;
                if sim.vendor_fault("event-lost").is_none() {
                    let profile = data["attributes"]["profile"]["data"].clone();
                    self.store_event(&profile, data, sim);
                }
                Ok((202, Value::Null))
            }
            ("POST", ["event-bulk-create-jobs"]) => self.many_events(body, revision, sim),
            ("GET", ["events"]) => {
                query::only(
                    call,
                    &[
                        "filter",
                        "sort",
                        "page[size]",
                        "page[cursor]",
                        "include",
                        "fields[event]",
                        "fields[profile]",
                        "fields[metric]",
                    ],
                )?;
                let known: &[(&str, &[&str])] = &[
                    ("metric_id", &["equals"]),
                    ("profile_id", &["equals"]),
                    ("datetime", COMPARED),
                    ("timestamp", COMPARED),
                ];
                let conditions = query::filter(call, known)?;
                let now_ms = sim.now_ms();
                let rows = self.events.iter().filter(|it| {
                    it.visible_ms <= now_ms
                        && conditions
                            .iter()
                            .all(|condition| match condition.field.as_str() {
                                "metric_id" => condition.has(Some(&it.metric)),
                                "profile_id" => condition.has(Some(&it.profile)),
                                _ => condition.compares(it.at_ms),
                            })
                });
                let paging = Paging {
                    sorts: &["datetime", "timestamp"],
                    default_sort: "-datetime",
                    size: 200,
                    size_max: 1000,
                };
                let key = |it: &&Event, _: &str| (query::instant_key(it.at_ms), it.id.clone());
                let mut page =
                    query::page(call, sim, &paging, rows.collect(), key, |it| it.view())?;
                if let Some(include) = call.param("include") {
                    page["included"] = self.included(include, &page["data"])?;
                }
                Ok((200, page))
            }
            ("GET", ["events", id]) => {
                let event = self
                    .events
                    .iter()
                    .find(|it| it.id == *id && it.visible_ms <= sim.now_ms())
                    .ok_or_else(Refusal::not_found)?;
                Ok((200, json!({ "data": event.view() })))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn included(&self, include: &str, rows: &Value) -> Outcome<Value> {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::new();
        for kind in include.split(',') {
            let ids: BTreeSet<&str> = rows
                .iter()
                .filter_map(|it| it["relationships"][kind]["data"]["id"].as_str())
                .collect();
            match kind {
                "profile" => found.extend(
                    ids.iter()
                        .filter_map(|id| Some(self.profiles.get(*id)?.view(&[]))),
                ),
                "metric" => found.extend(
                    ids.iter()
                        .filter_map(|id| Some(metric_view(id, self.metrics.get(*id)?))),
                ),
                _ => {
                    return Err(Refusal::parameter(
                        "include",
                        &format!("'{kind}' is not a valid include."),
                    ));
                }
            }
        }
        Ok(Value::Array(found))
    }

    fn check_event(
        &self,
        data: &Value,
        pointer: &str,
        with_profile: bool,
        revision: &str,
        sim: &Sim,
    ) -> Outcome<()> {
        let mut known = vec![
            "unique_id",
            "time",
            "value",
            "value_currency",
            "properties",
            "metric",
        ];
        if with_profile {
            known.push("profile");
        }
        if revision >= BACKFILL_SINCE {
            known.push("backfill");
        }
        let given = attributes(data, "event", pointer, &known)?;
        let at = |name: &str| format!("{pointer}/attributes/{name}");
        let name = given
            .get("metric")
            .and_then(|it| it["data"]["attributes"]["name"].as_str())
            .unwrap_or_default();
        if name.is_empty()
            || name.chars().count() >= 128
            || given["metric"]["data"]["type"] != "metric"
        {
            return Err(Refusal::at(
                &at("metric/data/attributes/name"),
                "A metric name of less than 128 characters is required.",
            ));
        }
        let properties = given.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or_else(|| {
            Refusal::at(
                &at("properties"),
                "The properties are required and must be an object.",
            )
        })?;
        if properties.len() > 400
            || properties
                .values()
                .any(|it| it.as_str().is_some_and(|it| it.len() > 100_000))
        {
            return Err(Refusal::at(
                &at("properties"),
                "There are too many properties, or one is too long.",
            ));
        }
        if let Some(time) = given.get("time") {
            let at_ms = time
                .as_str()
                .and_then(|it| it.parse::<jiff::Timestamp>().ok())
                .map(jiff::Timestamp::as_millisecond);
            if !at_ms.is_some_and(|it| it > 631_152_000_000 && it < sim.now_ms() + 86_400_000) {
                return Err(Refusal::at(&at("time"), "The time is not valid."));
            }
        }
        if given
            .get("value")
            .is_some_and(|it| !it.is_number() && !it.is_null())
        {
            return Err(Refusal::at(&at("value"), "The value must be a number."));
        }
        if with_profile {
            check_person(&data["attributes"]["profile"]["data"], &at("profile/data"))?;
        }
        Ok(())
    }

    fn many_events(
        &mut self,
        body: &Value,
        revision: &str,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        const POINTER: &str = "/data/attributes/events-bulk-create/data";
        let given = attributes(
            &body["data"],
            "event-bulk-create-job",
            "/data",
            &["events-bulk-create"],
        )?;
        let groups = given
            .get("events-bulk-create")
            .and_then(|it| it["data"].as_array());
        let groups = groups.ok_or_else(|| Refusal::at(POINTER, "An array is required."))?;
        let mut keys = BTreeSet::new();
        let mut rows = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            let pointer = format!("{POINTER}/{at}");
            let given = attributes(group, "event-bulk-create", &pointer, &["profile", "events"])?;
            let person = given.get("profile").map_or(&Value::Null, |it| &it["data"]);
            check_person(person, &format!("{pointer}/attributes/profile/data"))?;
            for (at, event) in given
                .get("events")
                .and_then(|it| it["data"].as_array())
                .into_iter()
                .flatten()
                .enumerate()
            {
                let pointer = format!("{pointer}/attributes/events/data/{at}");
                self.check_event(event, &pointer, false, revision, sim)?;
                if let Some(key) = event["attributes"]["unique_id"].as_str()
                    && !keys.insert(key.to_owned())
                {
                    return Err(Refusal::at(
                        &format!("{pointer}/attributes/unique_id"),
                        "The unique_id is repeated in this request.",
                    ));
                }
                rows.push((person.clone(), event.clone()));
            }
        }
        if rows.is_empty() || rows.len() > 1000 {
            return Err(Refusal::at(
                POINTER,
                "A request must have between 1 and 1000 events.",
            ));
        }
        sim.effect(
            "job.create",
            "event-bulk-create-job",
            &digest(body),
            json!({ "rows": rows.len() }),
        );
        if sim.vendor_fault("event-lost").is_none() {
            for (person, event) in rows {
                self.store_event(&person, &event, sim);
            }
        }
        Ok((202, Value::Null))
    }

    /// Stores an event that was checked, unless it is there.
    fn store_event(&mut self, person: &Value, data: &Value, sim: &mut Sim) {
        let given = &data["attributes"];
        let at_ms = given["time"]
            .as_str()
            .and_then(|it| it.parse::<jiff::Timestamp>().ok())
            .map_or_else(|| sim.now_ms(), jiff::Timestamp::as_millisecond);
        let at_ms = at_ms.div_euclid(1000) * 1000;
        let Some(id) = self.person_of(person, sim) else {
            return;
        };
        let metric = self.metric(
            given["metric"]["data"]["attributes"]["name"]
                .as_str()
                .unwrap_or_default(),
        );
        let unique_id = given["unique_id"]
            .as_str()
            .map_or_else(|| (at_ms / 1000).to_string(), str::to_owned);
        if !self
            .seen
            .insert((id.clone(), metric.clone(), unique_id.clone()))
        {
            return;
        }
        sim.effect(
            "event.add",
            &id,
            &format!("{metric}:{unique_id}"),
            data.clone(),
        );
        let mut properties = given["properties"].as_object().cloned().unwrap_or_default();
        if given["value"].is_number() {
            properties.insert("$value".to_owned(), given["value"].clone());
        }
        properties.insert("$event_id".to_owned(), json!(unique_id));
        let visible_ms = sim.now_ms() + self.lag_ms;
        self.add_event(&id, &metric, at_ms, visible_ms, unique_id, properties);
        if let Some(event) = self.events.last_mut() {
            event.currency = given["value_currency"].as_str().map(str::to_owned);
        }
    }

    /// Who is known and only named is left as is.
    fn person_of(&mut self, person: &Value, sim: &mut Sim) -> Option<String> {
        let given = person["attributes"].as_object()?;
        let is_named_only = given
            .keys()
            .all(|it| matches!(it.as_str(), "email" | "phone_number" | "external_id"));
        match self.matches(given).as_slice() {
            [id] if is_named_only => Some(id.clone()),
            _ => self
                .upsert(person, "/data/attributes/profile/data", sim)
                .ok()
                .map(|(id, _)| id),
        }
    }

    pub fn add_event(
        &mut self,
        profile: &str,
        metric: &str,
        at_ms: i64,
        visible_ms: i64,
        unique_id: String,
        properties: Map<String, Value>,
    ) {
        let id = self.new_id("event");
        let (profile, metric) = (profile.to_owned(), metric.to_owned());
        self.events.push(Event {
            id,
            profile,
            metric,
            at_ms,
            visible_ms,
            unique_id,
            properties,
            currency: None,
        });
    }

    /// The id of the metric of that name.
    pub fn metric(&mut self, name: &str) -> String {
        if let Some((id, _)) = self.metrics.iter().find(|(_, known)| *known == name) {
            return id.clone();
        }
        let id = self.new_id("metric");
        self.metrics.insert(id.clone(), name.to_owned());
        id
    }

    /// An event that the vendor makes up itself.
    pub fn happen(&mut self, profile: &str, name: &str, sim: &Sim) {
        let (metric, now_ms) = (self.metric(name), self.now_ms);
        let mut properties = Map::new();
        properties.insert("Subject".to_owned(), json!("News"));
        let unique_id = format!("{}:{}", stamp(now_ms), self.made);
        self.add_event(
            profile,
            &metric,
            now_ms,
            sim.now_ms(),
            unique_id,
            properties,
        );
        if let Some(event) = self.events.last().cloned() {
            self.tell(name, &event);
        }
    }
}

fn check_person(data: &Value, pointer: &str) -> Outcome<()> {
    let given = profile::check(data, pointer, &[])?;
    let is_named = data["id"].is_string()
        || ["email", "phone_number", "external_id"]
            .iter()
            .any(|name| given.get(*name).is_some_and(Value::is_string));
    if is_named {
        Ok(())
    } else {
        Err(Refusal::at(pointer, "A profile needs an identifier."))
    }
}
