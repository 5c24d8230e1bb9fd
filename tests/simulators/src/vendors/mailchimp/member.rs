//! Members one by one: written, read, archived, forgotten.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::data::{Member, Unsubscription, stamp, subscriber_hash};
use super::fields::{self, Kind};
use super::request::{Outcome, Problem, Request, instant_ms};
use super::{Mailchimp, report};
use crate::Sim;

/// How a member is written.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// Only who is not there.
    Create,
    /// Either.
    Upsert,
    /// Only who is there.
    Update,
    /// A row of `POST /lists/ID`: like an upsert by address, but a refused re-subscription is
    /// silently not done.
    Row,
}

pub fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))[..16].to_owned()
}

impl Mailchimp {
    pub fn members(
        &mut self,
        list: &str,
        request: &Request,
        parts: &[&str],
        sim: &mut Sim,
    ) -> Outcome<Value> {
        const READ: &[&str] = &["count", "offset"];
        let refused = sim.vendor_fault("resubscribe-500").is_some();
        let may_lack = request.is_on("skip_merge_validation");
        match (request.method.as_str(), parts) {
            ("GET", []) => self.list_members(list, request),
            ("POST", []) => {
                request.only(&["skip_merge_validation"])?;
                self.write(list, None, &request.body, Mode::Create, may_lack, sim)
            }
            ("PUT" | "PATCH", [key]) => {
                request.only(&["skip_merge_validation"])?;
                let mode = if request.method == "PUT" {
                    Mode::Upsert
                } else {
                    Mode::Update
                };
                let done = self.write(list, Some(key), &request.body, mode, may_lack, sim);
                match done {
                    Err(problem) if refused && problem.title == "Member In Compliance State" => {
                        Err(Problem::new(
                            500,
                            "Internal Server Error",
                            "An unexpected internal error has occurred.",
                        ))
                    }
                    done => done,
                }
            }
            ("GET", [key]) => {
                request.only(&[])?;
                let list = &self.lists[list];
                let hash = list.find(key).ok_or_else(Problem::not_found)?;
                Ok(list.member_view(&list.members[&hash]))
            }
            ("DELETE", [key]) => self.archive(list, key, sim),
            ("POST", [hash, "actions", "delete-permanent"]) => {
                if !self.lists[list].members.contains_key(*hash) {
                    return Err(Problem::not_found());
                }
                sim.effect("member.forget", hash, "", json!({ "list": list }));
                self.forget(list, hash, "api", sim);
                Ok(Value::Null)
            }
            ("GET" | "POST", [hash, "tags"]) => self.member_tags(list, hash, request, sim),
            ("GET", [key, "events"]) => {
                request.only(READ)?;
                let list = &self.lists[list];
                let hash = list.find(key).ok_or_else(Problem::not_found)?;
                let newest_first = list.members[&hash].events.iter().rev();
                let (rows, total) = request.page(newest_first.collect())?;
                let row = |(name, at_ms, properties): &&(String, i64, Value)| json!({ "name": name, "occurred_at": stamp(*at_ms), "properties": properties });
                Ok(
                    json!({ "events": rows.iter().map(row).collect::<Vec<_>>(), "total_items": total }),
                )
            }
            ("POST", [key, "events"]) => self.add_event(list, key, &request.body, sim),
            ("GET", [key, "activity-feed"]) => {
                request.only(&["count", "offset", "activity_filters"])?;
                let hash = self.lists[list].find(key).ok_or_else(Problem::not_found)?;
                let wanted = request.param("activity_filters");
                let feed = report::feed(&self.campaigns, list, &hash, wanted);
                let (rows, total) = request.page(feed)?;
                Ok(
                    json!({ "activity": rows, "email_id": hash, "list_id": list, "total_items": total }),
                )
            }
            _ => Err(Problem::not_found()),
        }
    }

    /// Writes one member and answers with all of it.
    pub fn write(
        &mut self,
        list_id: &str,
        key: Option<&str>,
        body: &Value,
        mode: Mode,
        may_lack: bool,
        sim: &mut Sim,
    ) -> Outcome<Value> {
        let list = self.lists.get(list_id).ok_or_else(Problem::not_found)?;
        let known = |name: &str| match mode {
            Mode::Create | Mode::Row => name != "status_if_new",
            Mode::Upsert => name != "tags",
            Mode::Update => name != "tags" && name != "status_if_new",
        };
        let allowed: Vec<(&str, Kind)> = fields::MEMBER
            .iter()
            .copied()
            .filter(|(name, _)| known(name))
            .collect();
        let required: &[&str] = match mode {
            Mode::Create => &["email_address", "status"],
            Mode::Upsert | Mode::Row => &["email_address"],
            Mode::Update => &[],
        };
        let given = fields::check(body, &allowed, required)?;
        fields::check_member(list, given)?;
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let email = text("email_address").unwrap_or_default().trim();
        let found = match key {
            Some(key) => list.find(key),
            None => list.find(email),
        };
        let before = found.as_ref().map(|hash| &list.members[hash]);
        let is_there = before.is_some_and(|it| it.status != "archived");
        if mode == Mode::Create && is_there {
            let detail = format!(
                "{email} is already a list member. Use PUT to insert or update list members."
            );
            return Err(Problem::new(400, "Member Exists", &detail));
        }
        if mode == Mode::Update && before.is_none() {
            return Err(Problem::not_found());
        }
        if before.is_none() {
            let is_named = key.is_none_or(|key| {
                key == subscriber_hash(email) || subscriber_hash(key) == subscriber_hash(email)
            });
            if !is_named {
                return Err(Problem::field(
                    "email_address",
                    "The address does not belong to the subscriber hash.",
                ));
            }
            if list.forgotten.contains_key(&subscriber_hash(email)) {
                let detail = format!(
                    "{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list."
                );
                return Err(Problem::new(400, "Forgotten Email Not Subscribed", &detail));
            }
        }
        let if_new = text("status_if_new").filter(|_| !is_there);
        let mut wanted = text("status").or(if_new);
        if before.is_none() && wanted.is_none() {
            let name = if mode == Mode::Upsert {
                "status_if_new"
            } else {
                "status"
            };
            return Err(Problem::field(
                "",
                &format!("Required fields were not provided: {name}"),
            ));
        }
        if let Some(before) =
            before.filter(|before| wanted == Some("subscribed") && is_in_compliance_state(before))
        {
            if mode != Mode::Row {
                let detail = format!(
                    "{} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.",
                    before.email
                );
                return Err(Problem::new(400, "Member In Compliance State", &detail));
            }
            wanted = None;
        }
        let merge = given.get("merge_fields").and_then(Value::as_object);
        let merge = fields::check_merge(list, before.map(|it| &it.merge), merge, may_lack)?;
        if found.as_deref() != Some(&subscriber_hash(email))
            && !email.is_empty()
            && list.find(email).is_some()
        {
            return Err(Problem::new(
                400,
                "Member Exists",
                &format!("{email} is already a list member."),
            ));
        }
        let created = before.is_none();
        let mut member = match before {
            Some(before) => before.clone(),
            None => Member::new(0, email, wanted.unwrap_or_default(), self.now_ms),
        };
        member.merge = merge;
        let now_ms = self.now_ms;
        apply(&mut member, given, wanted, created, now_ms);
        let list = self.lists.get_mut(list_id).ok_or_else(Problem::not_found)?;
        if created {
            member.number = list.next_number();
        }
        for name in given
            .get("tags")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let tag = list.tag(name.as_str().unwrap_or_default(), now_ms);
            member.tags.insert(tag);
        }
        let hash = subscriber_hash(&member.email);
        let status = member.status.clone();
        if wanted == Some("pending") {
            sim.effect(
                "opt-in-mail",
                &hash,
                &digest(body),
                json!({ "list": list_id }),
            );
        }
        sim.effect("member.write", &hash, &digest(body), json!({ "list": list_id, "email": member.email, "status": status, "created": created, "body": body }));
        self.store(list_id, found.as_deref(), member, "api", sim);
        let list = &self.lists[list_id];
        Ok(list.member_view(&list.members[&hash]))
    }

    /// Puts a member back. Says whether anything is different.
    pub fn store(
        &mut self,
        list_id: &str,
        before: Option<&str>,
        member: Member,
        origin: &str,
        sim: &mut Sim,
    ) -> bool {
        let mut member = member;
        let Some(list) = self.lists.get_mut(list_id) else {
            return false;
        };
        let before = before.and_then(|hash| list.members.remove(hash));
        let is_changed = before
            .as_ref()
            .is_none_or(|it| list.member_view(it) != list.member_view(&member));
        if is_changed {
            member.changed_ms = self.now_ms;
        }
        let hash = subscriber_hash(&member.email);
        if let Some(before) = before.as_ref().map(|it| subscriber_hash(&it.email))
            && before != hash
        {
            list.moved.insert(before, self.now_ms);
        }
        list.moved.remove(&hash);
        list.members.insert(hash, member.clone());
        if is_changed {
            self.tell_difference(list_id, before.as_ref(), &member, origin, sim);
        }
        is_changed
    }

    fn archive(&mut self, list_id: &str, key: &str, sim: &mut Sim) -> Outcome<Value> {
        let hash = self.lists[list_id]
            .find(key)
            .ok_or_else(Problem::not_found)?;
        let mut member = self.lists[list_id].members[&hash].clone();
        if matches!(member.status.as_str(), "cleaned" | "pending" | "archived") {
            let detail = "This list member cannot be removed. Can not archive a contact that is bounced, pending or archived";
            return Err(Problem::new(405, "Method Not Allowed", detail));
        }
        sim.effect("member.archive", &hash, "", json!({ "list": list_id }));
        "archived".clone_into(&mut member.status);
        self.store(list_id, Some(&hash), member, "api", sim);
        Ok(Value::Null)
    }

    /// Deletes a member for good.
    pub fn forget(&mut self, list_id: &str, hash: &str, origin: &str, sim: &mut Sim) {
        let now_ms = self.now_ms;
        let Some(list) = self.lists.get_mut(list_id) else {
            return;
        };
        let Some(member) = list.members.remove(hash) else {
            return;
        };
        list.forgotten.insert(hash.to_owned(), now_ms);
        for campaign in self.campaigns.values_mut().filter(|it| it.list == list_id) {
            campaign.recipients.remove(hash);
        }
        self.tell_gone(list_id, &member, origin, sim);
    }

    fn add_event(
        &mut self,
        list_id: &str,
        key: &str,
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<Value> {
        use Kind::{Flag, Instant, Object, Text};
        let known = [
            ("name", Text),
            ("properties", Object),
            ("is_syncing", Flag),
            ("occurred_at", Instant),
        ];
        let hash = self.lists[list_id]
            .find(key)
            .ok_or_else(Problem::not_found)?;
        let given = fields::check(body, &known, &["name"])?;
        let name = given["name"].as_str().unwrap_or_default();
        if !(2..=30).contains(&name.chars().count()) {
            return Err(Problem::field(
                "name",
                "This value should be between 2 and 30 characters.",
            ));
        }
        let properties = given
            .get("properties")
            .cloned()
            .unwrap_or_else(|| json!({}));
        for (name, value) in properties.as_object().into_iter().flatten() {
            if !value.is_string() {
                return Err(Problem::field(
                    &format!("properties.{name}"),
                    "Schema describes string, something else found instead",
                ));
            }
        }
        let at_ms = given
            .get("occurred_at")
            .and_then(Value::as_str)
            .and_then(instant_ms)
            .unwrap_or(self.now_ms);
        sim.effect(
            "event.add",
            &hash,
            &digest(body),
            json!({ "list": list_id, "body": body }),
        );
        let member = self
            .lists
            .get_mut(list_id)
            .and_then(|list| list.members.get_mut(&hash));
        if let Some(member) = member {
            member.events.push((name.to_owned(), at_ms, properties));
        }
        Ok(Value::Null)
    }
}

/// Only the member can come back.
fn is_in_compliance_state(member: &Member) -> bool {
    member.status == "cleaned"
        || member.status != "subscribed"
            && member
                .unsubscribed
                .as_ref()
                .is_some_and(|it| it.is_by_member)
}

/// Sets what was given.
fn apply(
    member: &mut Member,
    given: &Map<String, Value>,
    status: Option<&str>,
    is_new: bool,
    now_ms: i64,
) {
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let is_other = status.is_some_and(|status| status != member.status);
    if let Some(status) = status.filter(|_| is_other || is_new) {
        status.clone_into(&mut member.status);
        match status {
            "unsubscribed" => {
                let reason = "N/A (Unsubscribed by admin)".to_owned();
                member.unsubscribed = Some(Unsubscription {
                    at_ms: now_ms,
                    is_by_member: false,
                    reason,
                });
            }
            "subscribed" => {
                member.unsubscribed = None;
                member.opt_ms = Some(now_ms);
            }
            _ => {}
        }
    }
    if let Some(email) = text("email_address") {
        email.trim().clone_into(&mut member.email);
    }
    let set = |name: &str, field: &mut String| {
        if let Some(text) = text(name) {
            text.clone_into(field);
        }
    };
    set("email_type", &mut member.email_type);
    set("language", &mut member.language);
    set("ip_signup", &mut member.ip_signup);
    set("ip_opt", &mut member.ip_opt);
    if let Some(at_ms) = text("timestamp_signup").and_then(instant_ms) {
        member.signup_ms = Some(at_ms);
    }
    if let Some(at_ms) = text("timestamp_opt").and_then(instant_ms) {
        member.opt_ms = Some(at_ms);
    }
    if let Some(is_vip) = given.get("vip").and_then(Value::as_bool) {
        member.is_vip = is_vip;
    }
    if let Some(location) = given.get("location") {
        let (latitude, longitude) = (
            location["latitude"].as_f64(),
            location["longitude"].as_f64(),
        );
        member.location = (
            latitude.unwrap_or(member.location.0),
            longitude.unwrap_or(member.location.1),
        );
    }
    for (id, is_on) in given
        .get("interests")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        member.interests.insert(id.clone(), is_on == true);
    }
    for row in given
        .get("marketing_permissions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let id = row["marketing_permission_id"].as_str().unwrap_or_default();
        member
            .permissions
            .insert(id.to_owned(), row["enabled"] == true);
    }
}
