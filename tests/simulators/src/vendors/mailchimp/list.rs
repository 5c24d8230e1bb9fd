//! Lists and what belongs to them; many members in one call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::data::{List, MergeField, stamp, subscriber_hash};
use super::fields::{self, Kind};
use super::member::{Mode, digest};
use super::request::{Outcome, Problem, Request};
use super::{Mailchimp, make};
use crate::Sim;

/// Members in one `POST /lists/ID`.
const ROWS_MAX: usize = 500;

impl Mailchimp {
    pub fn lists(&mut self, request: &Request, parts: &[&str], sim: &mut Sim) -> Outcome<Value> {
        let [id, rest @ ..] = parts else {
            return self.all_lists(request, sim);
        };
        let list = self.lists.get(*id).ok_or_else(Problem::not_found)?;
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                request.only(&["include_total_contacts"])?;
                Ok(list.view())
            }
            ("POST", []) => self.many(id, request, sim),
            (_, ["members", rest @ ..]) => self.members(id, request, rest, sim),
            (_, ["segments", rest @ ..]) => self.segments(id, request, rest, sim),
            (_, ["merge-fields", rest @ ..]) => self.merge_fields(id, request, rest, sim),
            (_, ["webhooks", rest @ ..]) => self.hooks(id, request, rest, sim),
            ("GET", ["tag-search"]) => {
                request.only(&["name"])?;
                let wanted = request.param("name").unwrap_or_default().to_lowercase();
                let tags: Vec<Value> = (list.segments.iter())
                    .filter(|(_, it)| it.name.to_lowercase().contains(&wanted))
                    .map(|(id, it)| json!({ "id": id, "name": it.name }))
                    .collect();
                Ok(json!({ "total_items": tags.len(), "tags": tags }))
            }
            ("GET", ["interest-categories"]) => {
                request.only(&["count", "offset", "type"])?;
                let category = json!({ "list_id": id, "id": make::CATEGORY, "title": "Topics", "display_order": 0, "type": "checkboxes" });
                let (rows, total) = request.page(if list.interests.is_empty() {
                    Vec::new()
                } else {
                    vec![category]
                })?;
                Ok(json!({ "list_id": id, "categories": rows, "total_items": total }))
            }
            ("GET", ["interest-categories", make::CATEGORY, "interests"]) => {
                request.only(&["count", "offset"])?;
                let interest = |(at, (interest, name)): (usize, &(String, String))| json!({ "category_id": make::CATEGORY, "list_id": id, "id": interest, "name": name, "subscriber_count": "0", "display_order": at });
                let (rows, total) =
                    request.page(list.interests.iter().enumerate().map(interest).collect())?;
                Ok(
                    json!({ "list_id": id, "category_id": make::CATEGORY, "interests": rows, "total_items": total }),
                )
            }
            _ => Err(Problem::not_found()),
        }
    }

    fn all_lists(&mut self, request: &Request, sim: &mut Sim) -> Outcome<Value> {
        use Kind::{Flag, Object, Text};
        if request.method == "GET" {
            request.only(&[
                "count",
                "offset",
                "before_date_created",
                "since_date_created",
                "before_campaign_last_sent",
                "since_campaign_last_sent",
                "email",
                "sort_field",
                "sort_dir",
                "has_ecommerce_store",
                "include_total_contacts",
            ])?;
            let hash = request.param("email").map(subscriber_hash);
            let is_shown = |list: &&List| {
                hash.as_ref()
                    .is_none_or(|hash| list.members.contains_key(hash))
            };
            let (rows, total) = request.page(self.lists.values().filter(is_shown).collect())?;
            return Ok(
                json!({ "lists": rows.into_iter().map(List::view).collect::<Vec<_>>(), "total_items": total }),
            );
        }
        if request.method != "POST" {
            return Err(Problem::not_found());
        }
        let known = [
            ("name", Text),
            ("contact", Object),
            ("permission_reminder", Text),
            ("campaign_defaults", Object),
            ("email_type_option", Flag),
            ("use_archive_bar", Flag),
            ("notify_on_subscribe", Text),
            ("notify_on_unsubscribe", Text),
            ("double_optin", Flag),
            ("marketing_permissions", Flag),
        ];
        let required = [
            "name",
            "contact",
            "permission_reminder",
            "campaign_defaults",
            "email_type_option",
        ];
        let given = fields::check(&request.body, &known, &required)?;
        let name = given["name"].as_str().unwrap_or_default().to_owned();
        let id = self.new_id("list");
        sim.effect(
            "list.create",
            &id,
            &digest(&request.body),
            json!({ "name": name }),
        );
        let list = make::list(&id, &name, self.now_ms);
        let view = list.view();
        self.lists.insert(id, list);
        Ok(view)
    }

    /// Answers with 200 whatever becomes of the rows.
    fn many(&mut self, list_id: &str, request: &Request, sim: &mut Sim) -> Outcome<Value> {
        let fault = sim.vendor_fault("batch-partial");
        request.only(&["skip_merge_validation", "skip_duplicate_check"])?;
        let known = [
            ("members", Kind::Array),
            ("sync_tags", Kind::Flag),
            ("update_existing", Kind::Flag),
        ];
        let given = fields::check(&request.body, &known, &["members"])?;
        let rows = given["members"].as_array().cloned().unwrap_or_default();
        if rows.len() > ROWS_MAX {
            return Err(Problem::field(
                "members",
                "This collection should contain 500 elements or less.",
            ));
        }
        let is_on = |name: &str| given.get(name) == Some(&Value::Bool(true));
        let may_lack = request.is_on("skip_merge_validation");
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for row in &rows {
            *seen
                .entry(subscriber_hash(
                    row["email_address"].as_str().unwrap_or_default(),
                ))
                .or_default() += 1;
        }
        let (mut created, mut updated, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            let email = row["email_address"].as_str().unwrap_or_default();
            let hash = subscriber_hash(email);
            let mut refuse = |code: &str, error: &str, field: &str, message: &str| {
                errors.push(json!({ "email_address": email, "error": error, "error_code": code, "field": field, "field_message": message }));
            };
            let is_struck = fault.as_ref().is_some_and(|args| {
                let emails = args["emails"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                emails.iter().any(|it| it == email) || args["index"].as_u64() == Some(at as u64)
            });
            let found = self.lists[list_id].members.get(&hash);
            let is_there = found.is_some_and(|it| it.status != "archived");
            let tags_before = found.map(|it| it.tags.clone());
            if is_struck {
                refuse(
                    "ERROR_GENERIC",
                    "An unexpected internal error has occurred.",
                    "",
                    "",
                );
            } else if seen[&hash] > 1 && !request.is_on("skip_duplicate_check") {
                refuse(
                    "ERROR_GENERIC",
                    &format!("{email} is in this call more than once"),
                    "",
                    "",
                );
            } else if is_there && !is_on("update_existing") {
                let text = format!(
                    "{email} is already a list member, do you want to update? please provide a value of \"update_existing:true\"."
                );
                refuse("ERROR_CONTACT_EXISTS", &text, "", "");
            } else {
                match self.write(list_id, None, row, Mode::Row, may_lack, sim) {
                    Ok(_) => {
                        if let Some(before) = tags_before.filter(|_| is_on("sync_tags")) {
                            self.sync_tags(list_id, &hash, row, &before, sim);
                        }
                        let list = &self.lists[list_id];
                        let view = list.member_view(&list.members[&hash]);
                        if is_there {
                            updated.push(view)
                        } else {
                            created.push(view)
                        }
                    }
                    Err(problem) => {
                        let (field, message) = problem.errors.first().cloned().unwrap_or_default();
                        refuse(
                            "ERROR_GENERIC",
                            &problem.detail,
                            field.trim_start_matches("merge_fields."),
                            &message,
                        );
                    }
                }
            }
        }
        Ok(
            json!({ "total_created": created.len(), "total_updated": updated.len(), "error_count": errors.len(),
                   "new_members": created, "updated_members": updated, "errors": errors }),
        )
    }

    /// Takes the tags away that the row does not name.
    fn sync_tags(
        &mut self,
        list_id: &str,
        hash: &str,
        row: &Value,
        before: &BTreeSet<u64>,
        sim: &mut Sim,
    ) {
        let list = &self.lists[list_id];
        let mut member = list.members[hash].clone();
        let named = row["tags"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_named = |id: &u64| {
            list.segments
                .get(id)
                .is_some_and(|it| named.iter().any(|name| *name == it.name))
        };
        member
            .tags
            .retain(|id| is_named(id) || !before.contains(id));
        self.store(list_id, Some(hash), member, "api", sim);
    }

    fn merge_fields(
        &mut self,
        list_id: &str,
        request: &Request,
        parts: &[&str],
        sim: &mut Sim,
    ) -> Outcome<Value> {
        use Kind::{Flag, Number, Object, Text};
        const KINDS: &[&str] = &[
            "text", "number", "address", "phone", "date", "url", "imageurl", "radio", "dropdown",
            "birthday", "zip",
        ];
        let known = [
            ("tag", Text),
            ("name", Text),
            ("type", Text),
            ("required", Flag),
            ("default_value", Text),
            ("public", Flag),
            ("display_order", Number),
            ("options", Object),
            ("help_text", Text),
        ];
        let list = self.lists.get_mut(list_id).ok_or_else(Problem::not_found)?;
        let at = match parts {
            [] => None,
            [id] => Some(
                list.merge_fields
                    .iter()
                    .position(|it| it.id.to_string() == *id)
                    .ok_or_else(Problem::not_found)?,
            ),
            _ => return Err(Problem::not_found()),
        };
        match (request.method.as_str(), at) {
            ("GET", None) => {
                request.only(&["count", "offset", "type", "required"])?;
                let is_shown =
                    |it: &&MergeField| request.param("type").is_none_or(|kind| kind == it.kind);
                let (rows, total) =
                    request.page(list.merge_fields.iter().filter(is_shown).collect())?;
                Ok(
                    json!({ "merge_fields": rows.into_iter().map(|it| it.view(list_id)).collect::<Vec<_>>(), "list_id": list_id, "total_items": total }),
                )
            }
            ("POST", None) => {
                let given = fields::check(&request.body, &known, &["name", "type"])?;
                let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
                let (name, kind) = (text("name").to_owned(), text("type").to_owned());
                if !KINDS.contains(&kind.as_str()) {
                    return Err(Problem::field(
                        "type",
                        &format!("Value must be one of: {}", KINDS.join(", ")),
                    ));
                }
                let id = list.merge_fields.iter().map(|it| it.id).max().unwrap_or(0) + 1;
                let tag = if text("tag").is_empty() {
                    format!("MMERGE{id}")
                } else {
                    text("tag").to_uppercase()
                };
                if tag.len() > 10
                    || !tag
                        .chars()
                        .all(|it| it.is_ascii_alphanumeric() || it == '_')
                {
                    return Err(Problem::field(
                        "tag",
                        "This value is too long. It should have 10 characters or less.",
                    ));
                }
                if list.merge_fields.iter().any(|it| it.tag == tag) {
                    return Err(Problem::bad(&format!(
                        "A Merge Field with the tag \"{tag}\" already exists for this list."
                    )));
                }
                let choices = given
                    .get("options")
                    .and_then(|it| it["choices"].as_array())
                    .into_iter()
                    .flatten();
                let choices = choices
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect();
                let is_required = given.get("required") == Some(&Value::Bool(true));
                let field = MergeField {
                    id,
                    tag,
                    name,
                    kind,
                    is_required,
                    choices,
                };
                sim.effect(
                    "merge-field.create",
                    list_id,
                    &field.tag,
                    request.body.clone(),
                );
                let view = field.view(list_id);
                list.merge_fields.push(field);
                Ok(view)
            }
            ("GET", Some(at)) => Ok(list.merge_fields[at].view(list_id)),
            ("PATCH", Some(at)) => {
                let given = fields::check(&request.body, &known, &[])?;
                let field = &mut list.merge_fields[at];
                if let Some(name) = given.get("name").and_then(Value::as_str) {
                    name.clone_into(&mut field.name);
                }
                field.is_required = given
                    .get("required")
                    .and_then(Value::as_bool)
                    .unwrap_or(field.is_required);
                Ok(field.view(list_id))
            }
            ("DELETE", Some(at)) => {
                let field = list.merge_fields.remove(at);
                list.members.values_mut().for_each(|it| {
                    it.merge.remove(&field.tag);
                });
                Ok(Value::Null)
            }
            _ => Err(Problem::not_found()),
        }
    }

    fn hooks(
        &mut self,
        list_id: &str,
        request: &Request,
        parts: &[&str],
        sim: &mut Sim,
    ) -> Outcome<Value> {
        let known = [
            ("url", Kind::Text),
            ("events", Kind::Object),
            ("sources", Kind::Object),
        ];
        let id = match parts {
            [] => None,
            [id] if self.lists[list_id].hooks.contains_key(*id) => Some(*id),
            _ => return Err(Problem::not_found()),
        };
        match (request.method.as_str(), id) {
            ("GET", None) => {
                request.only(&["count", "offset"])?;
                let (rows, total) = request.page(self.lists[list_id].hooks.values().collect())?;
                let rows: Vec<Value> = rows.into_iter().map(|it| it.view(list_id, false)).collect();
                Ok(json!({ "webhooks": rows, "list_id": list_id, "total_items": total }))
            }
            ("POST", None) => {
                let given = fields::check(&request.body, &known, &["url"])?;
                let url = given["url"].as_str().unwrap_or_default();
                if !url.starts_with("http://") && !url.starts_with("https://") {
                    return Err(Problem::field("url", "Please enter a valid URL"));
                }
                super::hooks::check_events(given)?;
                if self.lists[list_id].hooks.values().any(|it| it.url == url) {
                    return Err(Problem::bad(
                        "Sorry, you can't set up multiple WebHooks for one URL",
                    ));
                }
                let hook = self.new_hook(url, &request.body["events"], &request.body["sources"]);
                sim.effect("webhook.create", list_id, url, request.body.clone());
                hook.probe(sim);
                let view = hook.view(list_id, true);
                if let Some(list) = self.lists.get_mut(list_id) {
                    list.hooks.insert(hook.id.clone(), hook);
                }
                Ok(view)
            }
            ("GET", Some(id)) => Ok(self.lists[list_id].hooks[id].view(list_id, false)),
            ("PATCH", Some(id)) => {
                super::hooks::check_events(fields::check(&request.body, &known, &[])?)?;
                let hook = self
                    .lists
                    .get_mut(list_id)
                    .and_then(|it| it.hooks.get_mut(id))
                    .ok_or_else(Problem::not_found)?;
                hook.set(&request.body["events"], &request.body["sources"]);
                if let Some(url) = request.body["url"].as_str() {
                    url.clone_into(&mut hook.url);
                }
                Ok(hook.view(list_id, false))
            }
            ("DELETE", Some(id)) => {
                if let Some(list) = self.lists.get_mut(list_id) {
                    list.hooks.remove(id);
                }
                Ok(Value::Null)
            }
            _ => Err(Problem::not_found()),
        }
    }

    /// The instants of a list's life, for reports.
    pub fn name_of(&self, list_id: &str) -> (String, String) {
        let list = self.lists.get(list_id);
        list.map_or_else(Default::default, |it| {
            (it.name.clone(), stamp(it.created_ms))
        })
    }
}
