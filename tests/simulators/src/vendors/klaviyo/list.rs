//! Lists, who is on them, and segments.

use serde_json::{Value, json};

use super::data::{List, attributes};
use super::query::{self, Paging};
use super::{Klaviyo, Outcome, Refusal, digest};
use crate::{Call, Sim};

const COMPARED: &[&str] = &[
    "greater-than",
    "greater-or-equal",
    "less-than",
    "less-or-equal",
];

impl Klaviyo {
    pub fn list_calls(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        let is_segment = parts[0] == "segments";
        let id = parts.get(1).copied();
        if let Some(id) = id
            && self
                .lists
                .get(id)
                .is_none_or(|it| it.is_segment != is_segment)
        {
            return Err(Refusal::new(
                404,
                "not_found",
                &format!(
                    "A {} with id {id} does not exist.",
                    parts[0].trim_end_matches('s')
                ),
            ));
        }
        if is_segment && call.method != http::Method::GET {
            return Err(Refusal::new(
                405,
                "method_not_allowed",
                "Segments follow their rules.",
            ));
        }
        let id = id.unwrap_or_default();
        match (call.method.as_str(), parts.get(2..).unwrap_or_default()) {
            ("GET", []) if id.is_empty() => {
                query::only(
                    call,
                    &[
                        "filter",
                        "sort",
                        "page[size]",
                        "page[cursor]",
                        "fields[list]",
                        "fields[segment]",
                        "include",
                    ],
                )?;
                let known: &[(&str, &[&str])] = &[
                    ("id", &["any"]),
                    ("name", &["any", "equals"]),
                    ("created", &["greater-than"]),
                    ("updated", &["greater-than"]),
                ];
                let conditions = query::filter(call, known)?;
                let is_met = |it: &&List| {
                    it.is_segment == is_segment
                        && conditions
                            .iter()
                            .all(|condition| match condition.field.as_str() {
                                "id" => condition.has(Some(&it.id)),
                                "name" => condition.has(Some(&it.name)),
                                "created" => condition.compares(it.created_ms),
                                _ => condition.compares(it.updated_ms),
                            })
                };
                let paging = Paging {
                    sorts: &["created", "id", "name", "updated"],
                    default_sort: "created",
                    size: 10,
                    size_max: 10,
                };
                let key = |it: &&List, sort: &str| {
                    let key = match sort {
                        "name" => it.name.clone(),
                        "id" => String::new(),
                        "updated" => query::instant_key(it.updated_ms),
                        _ => query::instant_key(it.created_ms),
                    };
                    (key, it.id.clone())
                };
                Ok((
                    200,
                    query::page(
                        call,
                        sim,
                        &paging,
                        self.lists.values().filter(is_met).collect(),
                        key,
                        |it| it.view(),
                    )?,
                ))
            }
            ("POST", []) if id.is_empty() => {
                let given =
                    attributes(&body["data"], "list", "/data", &["name", "opt_in_process"])?;
                let name = given
                    .get("name")
                    .and_then(Value::as_str)
                    .filter(|it| !it.is_empty());
                let name = name
                    .ok_or_else(|| Refusal::at("/data/attributes/name", "The name is required."))?
                    .to_owned();
                let is_double_opt_in = given.get("opt_in_process") == Some(&json!("double_opt_in"));
                let id = self.new_id("list");
                sim.effect("list.create", &id, &digest(body), json!({ "name": name }));
                let now_ms = self.now_ms;
                let list = List {
                    id: id.clone(),
                    name,
                    created_ms: now_ms,
                    updated_ms: now_ms,
                    is_double_opt_in,
                    is_segment: false,
                    members: Default::default(),
                };
                let view = list.view();
                self.lists.insert(id, list);
                Ok((201, json!({ "data": view })))
            }
            ("GET", []) => {
                query::only(
                    call,
                    &[
                        "additional-fields[list]",
                        "additional-fields[segment]",
                        "fields[list]",
                        "fields[segment]",
                        "include",
                    ],
                )?;
                let list = &self.lists[id];
                let mut view = list.view();
                if call.param(&format!("additional-fields[{}]", list.kind()))
                    == Some("profile_count")
                {
                    view["attributes"]["profile_count"] = json!(list.members.len());
                }
                Ok((200, json!({ "data": view })))
            }
            ("PATCH", []) if !id.is_empty() => {
                let given =
                    attributes(&body["data"], "list", "/data", &["name", "opt_in_process"])?;
                let now_ms = self.now_ms;
                let list = self.lists.get_mut(id).ok_or_else(Refusal::not_found)?;
                if let Some(name) = given.get("name").and_then(Value::as_str) {
                    name.clone_into(&mut list.name);
                    list.updated_ms = now_ms;
                }
                Ok((200, json!({ "data": list.view() })))
            }
            ("DELETE", []) if !id.is_empty() => {
                sim.effect("list.delete", id, "", Value::Null);
                self.lists.remove(id);
                self.gone.insert(id.to_owned(), self.now_ms);
                Ok((204, Value::Null))
            }
            ("GET", ["profiles"]) => {
                query::only(
                    call,
                    &[
                        "filter",
                        "sort",
                        "page[size]",
                        "page[cursor]",
                        "fields[profile]",
                        "additional-fields[profile]",
                    ],
                )?;
                let known: &[(&str, &[&str])] = &[
                    ("email", &["equals", "any"]),
                    ("phone_number", &["equals", "any"]),
                    ("joined_group_at", COMPARED),
                ];
                let conditions = query::filter(call, known)?;
                let extra: Vec<&str> = call
                    .param("additional-fields[profile]")
                    .unwrap_or_default()
                    .split(',')
                    .collect();
                let rows = self.lists[id]
                    .members
                    .iter()
                    .filter_map(|(id, at_ms)| Some((self.profiles.get(id)?, *at_ms)));
                let rows = rows.filter(|(profile, at_ms)| {
                    conditions
                        .iter()
                        .all(|condition| match condition.field.as_str() {
                            "email" => condition.has(profile.email.as_deref()),
                            "phone_number" => condition.has(profile.phone.as_deref()),
                            _ => condition.compares(*at_ms),
                        })
                });
                let paging = Paging {
                    sorts: &["joined_group_at"],
                    default_sort: "joined_group_at",
                    size: 20,
                    size_max: 100,
                };
                let view = |(profile, at_ms): &(&super::Profile, i64)| {
                    let mut view = profile.view(&extra);
                    view["attributes"]["joined_group_at"] = json!(super::data::stamp(*at_ms));
                    view
                };
                let key = |(profile, at_ms): &(&super::Profile, i64), _: &str| {
                    (query::instant_key(*at_ms), profile.id.clone())
                };
                Ok((
                    200,
                    query::page(call, sim, &paging, rows.collect(), key, view)?,
                ))
            }
            ("GET", ["relationships", "profiles"]) => {
                query::only(call, &["filter", "sort", "page[size]", "page[cursor]"])?;
                let paging = Paging {
                    sorts: &["joined_group_at"],
                    default_sort: "joined_group_at",
                    size: 20,
                    size_max: 1000,
                };
                let rows: Vec<_> = self.lists[id].members.iter().collect();
                let key = |(id, at_ms): &(&String, &i64), _: &str| {
                    (query::instant_key(**at_ms), (*id).clone())
                };
                Ok((
                    200,
                    query::page(
                        call,
                        sim,
                        &paging,
                        rows,
                        key,
                        |(id, _)| json!({ "type": "profile", "id": id }),
                    )?,
                ))
            }
            (method @ ("POST" | "DELETE"), ["relationships", "profiles"]) => {
                let rows = body["data"]
                    .as_array()
                    .ok_or_else(|| Refusal::at("/data", "An array is required."))?;
                if rows.is_empty() || rows.len() > 1000 {
                    return Err(Refusal::at(
                        "/data",
                        "The array must have between 1 and 1000 elements.",
                    ));
                }
                let mut ids = Vec::new();
                for (at, row) in rows.iter().enumerate() {
                    let found = row["id"].as_str().filter(|_| row["type"] == "profile");
                    let found = found.ok_or_else(|| {
                        Refusal::at(
                            &format!("/data/{at}"),
                            "A profile's type and id are required.",
                        )
                    })?;
                    if !self.profiles.contains_key(found) {
                        let detail = format!("A profile with id {found} does not exist.");
                        return Err(Refusal {
                            source: Some(("pointer", format!("/data/{at}/id"))),
                            ..Refusal::new(404, "not_found", &detail)
                        });
                    }
                    ids.push(found.to_owned());
                }
                for profile in ids {
                    if method == "POST" {
                        self.join(id, &profile, sim);
                    } else {
                        sim.effect("list.remove", &profile, id, Value::Null);
                        self.lists.get_mut(id).map(|it| it.members.remove(&profile));
                    }
                }
                Ok((204, Value::Null))
            }
            _ => Err(Refusal::not_found()),
        }
    }

    /// Puts a profile on a list; who is on it stays since when it was.
    pub fn join(&mut self, list: &str, profile: &str, sim: &mut Sim) {
        sim.effect("list.add", profile, list, Value::Null);
        let now_ms = self.now_ms;
        if let Some(list) = self.lists.get_mut(list) {
            list.members.entry(profile.to_owned()).or_insert(now_ms);
        }
    }
}
