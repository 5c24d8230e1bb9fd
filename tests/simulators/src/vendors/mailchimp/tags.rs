//! Tags of a member, and the static segments that they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Mailchimp;
use super::data::{List, stamp, subscriber_hash};
use super::fields::{self, Kind};
use super::request::{Outcome, Problem, Request};
use crate::Sim;

/// Addresses in one call to a segment.
const ADDRESSES_MAX: usize = 500;

fn view(list: &List, id: u64) -> Value {
    let segment = &list.segments[&id];
    let count = list
        .members
        .values()
        .filter(|it| it.tags.contains(&id) && it.status == "subscribed")
        .count();
    json!({ "id": id, "name": segment.name, "member_count": count, "type": "static", "created_at": stamp(segment.created_ms),
            "updated_at": stamp(segment.updated_ms), "options": { "match": "all", "conditions": [] }, "list_id": list.id })
}

impl Mailchimp {
    pub fn member_tags(
        &mut self,
        list_id: &str,
        hash: &str,
        request: &Request,
        sim: &mut Sim,
    ) -> Outcome<Value> {
        let list = self.lists.get_mut(list_id).ok_or_else(Problem::not_found)?;
        let mut member = list
            .members
            .get(hash)
            .cloned()
            .ok_or_else(Problem::not_found)?;
        if request.method == "GET" {
            request.only(&["count", "offset"])?;
            let rows = member.tags.iter().filter_map(|id| {
                let segment = list.segments.get(id)?;
                Some(json!({ "id": id, "name": segment.name, "date_added": stamp(segment.created_ms) }))
            });
            let (rows, total) = request.page(rows.collect())?;
            return Ok(json!({ "tags": rows, "total_items": total }));
        }
        let given = fields::check(
            &request.body,
            &[("tags", Kind::Array), ("is_syncing", Kind::Flag)],
            &["tags"],
        )?;
        let rows: Vec<(&str, bool)> = (given["tags"].as_array().into_iter().flatten())
            .map(|row| match (row["name"].as_str(), row["status"].as_str()) {
                (Some(name), Some("active")) if !name.is_empty() && name.len() <= 100 => {
                    Ok((name, true))
                }
                (Some(name), Some("inactive")) if !name.is_empty() => Ok((name, false)),
                _ => Err(Problem::field(
                    "tags",
                    "Each tag needs a name and the status active or inactive.",
                )),
            })
            .collect::<Outcome<_>>()?;
        for (name, is_active) in rows {
            let is_known = list.segments.values().any(|it| it.name == name);
            if is_active {
                member.tags.insert(list.tag(name, self.now_ms));
            } else if is_known {
                member.tags.remove(&list.tag(name, self.now_ms));
            }
            let verb = if is_active { "tag.add" } else { "tag.remove" };
            sim.effect(verb, hash, name, json!({ "list": list_id }));
        }
        self.store(list_id, Some(hash), member, "api", sim);
        Ok(Value::Null)
    }

    pub fn segments(
        &mut self,
        list_id: &str,
        request: &Request,
        parts: &[&str],
        sim: &mut Sim,
    ) -> Outcome<Value> {
        let known = [("name", Kind::Text), ("static_segment", Kind::Array)];
        let list = self.lists.get_mut(list_id).ok_or_else(Problem::not_found)?;
        let id = match parts.first() {
            None => None,
            Some(text) => {
                let id = text
                    .parse()
                    .ok()
                    .filter(|id| list.segments.contains_key(id));
                Some(id.ok_or_else(Problem::not_found)?)
            }
        };
        match (
            request.method.as_str(),
            id,
            parts.get(1..).unwrap_or_default(),
        ) {
            ("GET", None, _) => {
                request.only(&[
                    "count",
                    "offset",
                    "type",
                    "since_created_at",
                    "before_created_at",
                    "since_updated_at",
                    "before_updated_at",
                ])?;
                let since = request.instant("since_updated_at")?;
                let is_shown = !matches!(request.param("type"), Some("saved" | "fuzzy"));
                let rows = list
                    .segments
                    .iter()
                    .filter(|(_, it)| is_shown && since.is_none_or(|at_ms| it.updated_ms > at_ms));
                let (rows, total) = request.page(rows.map(|(id, _)| *id).collect())?;
                let rows: Vec<Value> = rows.into_iter().map(|id| view(list, id)).collect();
                Ok(json!({ "segments": rows, "list_id": list_id, "total_items": total }))
            }
            ("POST", None, _) => {
                let given = fields::check(&request.body, &known, &["name"])?;
                let name = given["name"].as_str().unwrap_or_default();
                if name.is_empty() || name.len() > 100 {
                    return Err(Problem::field(
                        "name",
                        "This value should be between 1 and 100 characters.",
                    ));
                }
                if list.segments.values().any(|it| it.name == name) {
                    return Err(Problem::bad("Sorry, that tag already exists."));
                }
                let emails = addresses(given.get("static_segment"), "static_segment")?;
                let id = list.tag(name, self.now_ms);
                sim.effect(
                    "segment.create",
                    &id.to_string(),
                    name,
                    json!({ "list": list_id }),
                );
                self.in_segment(list_id, id, &emails, true, sim);
                Ok(view(&self.lists[list_id], id))
            }
            ("GET", Some(id), []) => Ok(view(list, id)),
            ("POST", Some(id), []) => {
                let known = [
                    ("members_to_add", Kind::Array),
                    ("members_to_remove", Kind::Array),
                ];
                let given = fields::check(&request.body, &known, &[])?;
                let added = addresses(given.get("members_to_add"), "members_to_add")?;
                let removed = addresses(given.get("members_to_remove"), "members_to_remove")?;
                let added = self.in_segment(list_id, id, &added, true, sim);
                let removed = self.in_segment(list_id, id, &removed, false, sim);
                Ok(
                    json!({ "total_added": added.len(), "total_removed": removed.len(), "members_added": added, "members_removed": removed,
                           "errors": [], "error_count": 0 }),
                )
            }
            ("PATCH", Some(id), []) => {
                let given = fields::check(&request.body, &known, &[])?;
                let segment = list.segments.get_mut(&id).ok_or_else(Problem::not_found)?;
                segment.updated_ms = self.now_ms;
                if let Some(name) = given.get("name").and_then(Value::as_str) {
                    name.clone_into(&mut segment.name);
                }
                if let Some(wanted) = given.get("static_segment") {
                    let wanted = addresses(Some(wanted), "static_segment")?;
                    let keep: BTreeSet<String> =
                        wanted.iter().map(|it| subscriber_hash(it)).collect();
                    let gone: Vec<String> = (list.members.iter())
                        .filter(|(hash, it)| it.tags.contains(&id) && !keep.contains(*hash))
                        .map(|(_, it)| it.email.clone())
                        .collect();
                    self.in_segment(list_id, id, &gone, false, sim);
                    self.in_segment(list_id, id, &wanted, true, sim);
                }
                Ok(view(&self.lists[list_id], id))
            }
            ("DELETE", Some(id), []) => {
                sim.effect(
                    "segment.delete",
                    &id.to_string(),
                    "",
                    json!({ "list": list_id }),
                );
                list.segments.remove(&id);
                list.members.values_mut().for_each(|it| {
                    it.tags.remove(&id);
                });
                Ok(Value::Null)
            }
            ("GET", Some(id), ["members"]) => {
                request.only(&[
                    "count",
                    "offset",
                    "include_cleaned",
                    "include_transactional",
                    "include_unsubscribed",
                ])?;
                let is_shown = |status: &str| match status {
                    "subscribed" => true,
                    "cleaned" | "transactional" | "unsubscribed" => {
                        request.is_on(&format!("include_{status}"))
                    }
                    _ => false,
                };
                let mut rows: Vec<_> = list
                    .members
                    .values()
                    .filter(|it| it.tags.contains(&id) && is_shown(&it.status))
                    .collect();
                rows.sort_by_key(|it| it.number);
                let (rows, total) = request.page(rows)?;
                let rows: Vec<Value> = rows.into_iter().map(|it| list.member_view(it)).collect();
                Ok(json!({ "members": rows, "total_items": total }))
            }
            ("POST", Some(id), ["members"]) => {
                let given = fields::check(
                    &request.body,
                    &[("email_address", Kind::Text)],
                    &["email_address"],
                )?;
                let email = given["email_address"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let hash = list.find(&email).ok_or_else(Problem::not_found)?;
                self.in_segment(list_id, id, &[email], true, sim);
                let list = &self.lists[list_id];
                Ok(list.member_view(&list.members[&hash]))
            }
            ("DELETE", Some(id), ["members", key]) => {
                let hash = list.find(key).ok_or_else(Problem::not_found)?;
                let email = list.members[&hash].email.clone();
                self.in_segment(list_id, id, &[email], false, sim);
                Ok(Value::Null)
            }
            _ => Err(Problem::not_found()),
        }
    }

    /// Tags or untags those that are on the list; who is not, is passed over.
    fn in_segment(
        &mut self,
        list_id: &str,
        id: u64,
        emails: &[String],
        is_active: bool,
        sim: &mut Sim,
    ) -> Vec<Value> {
        let mut done = Vec::new();
        for email in emails {
            let found = self.lists[list_id].find(email);
            let Some((hash, mut member)) =
                found.map(|hash| (hash.clone(), self.lists[list_id].members[&hash].clone()))
            else {
                continue;
            };
            if is_active {
                member.tags.insert(id);
            } else {
                member.tags.remove(&id);
            }
            let verb = if is_active { "tag.add" } else { "tag.remove" };
            let name = self.lists[list_id].segments[&id].name.clone();
            sim.effect(verb, &hash, &name, json!({ "list": list_id }));
            self.store(list_id, Some(&hash), member, "api", sim);
            let list = &self.lists[list_id];
            done.push(list.member_view(&list.members[&hash]));
        }
        done
    }
}

fn addresses(value: Option<&Value>, field: &str) -> Outcome<Vec<String>> {
    let rows = value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if rows.len() > ADDRESSES_MAX {
        return Err(Problem::field(
            field,
            "This collection should contain 500 elements or less.",
        ));
    }
    let text = |row: &Value| row.as_str().map(str::to_owned);
    let texts = rows.iter().map(text).collect::<Option<Vec<_>>>();
    texts.ok_or_else(|| {
        Problem::field(
            field,
            "Schema describes string, something else found instead",
        )
    })
}
