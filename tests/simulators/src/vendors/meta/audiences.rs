//! Custom Audiences: the list, one audience, its members.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::graph::{Ask, Problem, Shape, page};
use super::rows::Row;
use super::{ACCOUNT, Meta, make, nodes, seconds};
use crate::Sim;

const MOST_AUDIENCES: usize = 500;
/// Words that make the vendor look closer.
const DELICATE: &[&str] = &["diabetes", "cancer", "bankrupt", "credit score", "pregnan"];

const AUDIENCE: Shape = Shape {
    name: "CustomAudience",
    fields: &[
        "id",
        "account_id",
        "name",
        "description",
        "subtype",
        "customer_file_source",
        "is_value_based",
        "approximate_count_lower_bound",
        "approximate_count_upper_bound",
        "operation_status",
        "delivery_status",
        "time_created",
        "time_updated",
        "time_content_updated",
        "retention_days",
        "permission_for_actions",
        "data_source",
        "audience_labels",
        "delete_time",
        "opt_out_link",
        "rule",
        "lookalike_spec",
        "sharing_status",
    ],
    usual: &["id"],
};

/// One person of an audience.
#[derive(Clone, Debug)]
pub struct Member {
    /// All under which it was ever added.
    pub keys: BTreeSet<(String, String)>,
    pub value: Option<f64>,
    pub at_ms: i64,
    pub is_deleted: bool,
}

/// An audience.
#[derive(Clone, Debug)]
pub struct Audience {
    pub id: u64,
    name: String,
    description: String,
    subtype: String,
    source: String,
    labels: Value,
    pub is_value_based: bool,
    created_ms: i64,
    updated_ms: i64,
    /// When people last changed; absent: never.
    pub content_ms: Option<i64>,
    pub is_deleted: bool,
    pub is_flagged: bool,
    /// A marketer's, not the API's.
    pub by_hand: bool,
    pub members: BTreeMap<String, Member>,
    by_key: BTreeMap<(String, String), BTreeSet<String>>,
    pub replacing: Option<u64>,
    pub has_failed: bool,
}

impl Audience {
    pub fn new(name: &str, now_ms: i64) -> Self {
        Self {
            id: 0,
            name: name.to_owned(),
            description: String::new(),
            subtype: "CUSTOM".to_owned(),
            source: "USER_PROVIDED_ONLY".to_owned(),
            labels: json!([]),
            is_value_based: false,
            created_ms: now_ms,
            updated_ms: now_ms,
            content_ms: None,
            is_deleted: false,
            is_flagged: false,
            by_hand: false,
            members: BTreeMap::new(),
            by_key: BTreeMap::new(),
            replacing: None,
            has_failed: false,
        }
    }

    pub fn told(&self) -> Value {
        let alive = self.members.iter().filter(|(_, it)| !it.is_deleted);
        json!({ "id": self.id.to_string(), "updated_at_ms": self.updated_ms, "deleted": self.is_deleted, "name": self.name, "by_hand": self.by_hand,
            "description": self.description, "is_value_based": self.is_value_based, "flagged": self.is_flagged,
            "customer_file_source": self.source, "members": alive.map(|(id, _)| id).collect::<Vec<_>>() })
    }

    pub fn members_told(&self) -> impl Iterator<Item = Value> + '_ {
        self.members.iter().map(|(id, it)| {
            let mut keys: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            // Nothing is kept of who was taken out.
            for (name, text) in it.keys.iter().filter(|_| !it.is_deleted) {
                keys.entry(name).or_default().push(text);
            }
            json!({ "id": format!("{}/{id}", self.id), "audience": self.id.to_string(), "updated_at_ms": it.at_ms,
                "deleted": it.is_deleted || self.is_deleted, "keys": keys, "value": it.value })
        })
    }

    pub fn add(&mut self, row: &Row, now_ms: i64) {
        let fresh = Member {
            keys: BTreeSet::new(),
            value: None,
            at_ms: now_ms,
            is_deleted: false,
        };
        let member = self
            .members
            .entry(row.id.clone())
            .or_insert_with(|| fresh.clone());
        if member.is_deleted {
            *member = fresh;
        }
        member.keys.extend(row.keys.iter().cloned());
        member.value = row.value.or(member.value);
        member.at_ms = now_ms;
        for key in row.strong() {
            self.by_key
                .entry(key.clone())
                .or_default()
                .insert(row.id.clone());
        }
    }

    /// Takes out whom a row means: the same identity, else anybody with one of its keys.
    pub fn remove(&mut self, row: &Row, now_ms: i64) -> bool {
        let is_alive = |it: &Member| !it.is_deleted;
        let ids: Vec<String> = if self.members.get(&row.id).is_some_and(is_alive) {
            vec![row.id.clone()]
        } else {
            row.strong()
                .filter_map(|key| self.by_key.get(key))
                .flatten()
                .cloned()
                .collect()
        };
        let mut is_gone = false;
        for id in ids {
            if let Some(member) = self.members.get_mut(&id).filter(|it| !it.is_deleted) {
                (member.is_deleted, member.at_ms, is_gone) = (true, now_ms, true);
            }
        }
        is_gone
    }
}

impl Meta {
    fn audience_view(&self, audience: &Audience, now_ms: i64) -> Value {
        let settled_ms = audience.content_ms.map(|at| at + self.match_ms);
        let is_settled = settled_ms.is_some_and(|at| at <= now_ms);
        let alive = audience.members.values().filter(|it| !it.is_deleted);
        // Found only once matching is through; small numbers are not told.
        let found = alive
            .filter(|it| it.at_ms + self.match_ms <= now_ms && self.is_matched(&it.keys))
            .count();
        let (low, high) = if found < 1000 {
            (1000, 1000)
        } else {
            (found / 100 * 100, found / 100 * 115)
        };
        let (code, text) = match audience {
            _ if audience.is_flagged => (
                471,
                "This audience was flagged because it may contain information that is not allowed",
            ),
            _ if audience.replacing.is_some() => (414, "Audience replacement is in progress"),
            _ if audience.has_failed => (415, "Audience replacement failed"),
            _ if audience.content_ms.is_none() => (410, "No file was uploaded"),
            _ if !is_settled => (441, "We are finding people who fit your audience criteria"),
            _ => (200, "Normal"),
        };
        let delivery = if found >= 100 {
            json!({ "code": 200, "description": "This audience is ready for use." })
        } else {
            json!({ "code": 300, "description": "Audience size is too small." })
        };
        json!({
            "id": audience.id.to_string(), "account_id": ACCOUNT, "name": audience.name, "description": audience.description,
            "subtype": audience.subtype, "customer_file_source": audience.source, "is_value_based": audience.is_value_based,
            "approximate_count_lower_bound": low, "approximate_count_upper_bound": high,
            "operation_status": { "code": code, "description": text }, "delivery_status": delivery, "audience_labels": audience.labels,
            "time_created": seconds(audience.created_ms), "time_updated": seconds(audience.updated_ms),
            "time_content_updated": audience.content_ms.map_or(0, seconds), "retention_days": 0,
            "permission_for_actions": { "can_edit": true, "can_see_insight": "True", "can_share": "True" }
        })
    }

    pub fn list_audiences(&self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        let fields = ask.fields()?;
        AUDIENCE.check(fields.as_deref())?;
        let mut wanted: Vec<(String, String)> = Vec::new();
        if ask.params.text("filtering").is_some() {
            let filters = ask.params.json("filtering");
            let Some(Value::Array(filters)) = filters else {
                return Err(Problem::parameter("param filtering must be an array."));
            };
            for filter in filters {
                let text = |name: &str| filter[name].as_str().unwrap_or_default().to_owned();
                if text("field") != "name"
                    || !matches!(text("operator").as_str(), "EQUAL" | "CONTAIN")
                {
                    let told = format!(
                        "Filtering field {} with operation {} is not supported",
                        text("field"),
                        text("operator").to_lowercase()
                    );
                    return Err(Problem::parameter(&told));
                }
                wanted.push((text("operator"), text("value")));
            }
        }
        let is_shown = |it: &&Audience| {
            let fits = |(operator, value): &(String, String)| match operator.as_str() {
                "EQUAL" => it.name == *value,
                _ => it.name.contains(value),
            };
            !it.is_deleted && wanted.iter().all(fits)
        };
        let keys = self
            .audiences
            .values()
            .filter(is_shown)
            .map(|it| (it.created_ms, it.id))
            .collect();
        let now_ms = sim.now_ms();
        page(ask, sim, &keys, (i64::MIN, i64::MAX), 100, |id| {
            let all = self.audience_view(self.audiences.get(&id)?, now_ms);
            Some(AUDIENCE.cut(&all, fields.as_deref()))
        })
    }

    pub fn create_audience(&mut self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        self.terms()?;
        let text = |name: &str| ask.params.text(name);
        let name = text("name")
            .filter(|it| !it.trim().is_empty())
            .ok_or(Problem::required("name"))?;
        let subtype = text("subtype").ok_or(Problem::required("subtype"))?;
        if !matches!(
            subtype.as_str(),
            "CUSTOM"
                | "WEBSITE"
                | "APP"
                | "OFFLINE_CONVERSION"
                | "ENGAGEMENT"
                | "LOOKALIKE"
                | "BAG_OF_ACCOUNTS"
        ) {
            return Err(Problem::parameter(
                "Param subtype must be one of {CUSTOM, PRIMARY, WEBSITE, APP, OFFLINE_CONVERSION, CLAIM, MANAGED, PARTNER, VIDEO, LOOKALIKE, ENGAGEMENT, BAG_OF_ACCOUNTS, STUDY_RULE_AUDIENCE, FOX, MEASUREMENT, REGULATED_CATEGORIES_AUDIENCE, BIDDING, EXCLUSION, MESSENGER_SUBSCRIBER_LIST}",
            ));
        }
        if subtype != "CUSTOM" {
            return Err(Problem::parameter("Only customer files can be made here"));
        }
        let source = text("customer_file_source");
        let is_source = |it: &String| {
            matches!(
                it.as_str(),
                "USER_PROVIDED_ONLY" | "PARTNER_PROVIDED_ONLY" | "BOTH_USER_AND_PARTNER_PROVIDED"
            )
        };
        let Some(source) = source else {
            let mut problem = Problem::required("customer_file_source").sub(1_870_063);
            problem.user = Some((
                "Customer File Source Missing",
                "Specify where the information in the file came from.",
            ));
            return Err(problem);
        };
        if !is_source(&source) {
            return Err(Problem::parameter(
                "Param customer_file_source must be one of {USER_PROVIDED_ONLY, PARTNER_PROVIDED_ONLY, BOTH_USER_AND_PARTNER_PROVIDED}",
            ));
        }
        let labels = ask.params.json("audience_labels").unwrap_or(json!([]));
        if !labels.is_array() {
            return Err(Problem::parameter(
                "Param audience_labels must be an array.",
            ));
        }
        if ask.params.flag("enable_fetch_or_create")
            && let Some(there) = self
                .audiences
                .values()
                .find(|it| it.name == name && !it.is_deleted)
        {
            return Ok(json!({ "id": there.id.to_string() }));
        }
        if self.audiences.values().filter(|it| !it.is_deleted).count() >= MOST_AUDIENCES {
            return Err(Problem::new(
                400,
                2654,
                "(#2654) Failed to create custom audience: the maximum number was reached",
            ));
        }
        let mut audience = Audience::new(&name, sim.now_ms());
        audience.id = make::AUDIENCES + 1000 + self.next();
        audience.description = text("description").unwrap_or_default();
        (audience.subtype, audience.source, audience.labels) = (subtype, source, labels);
        audience.is_value_based = ask.params.flag("is_value_based");
        audience.is_flagged = DELICATE.iter().any(|it| name.to_lowercase().contains(it));
        let id = audience.id;
        // Two of one name are two: that is what a repeated call makes.
        sim.effect(
            "audience.create",
            &name,
            &name,
            json!({ "id": id.to_string() }),
        );
        self.audiences.insert(id, audience);
        Ok(json!({ "id": id.to_string() }))
    }

    pub fn audience(
        &mut self,
        id: u64,
        rest: &[&str],
        ask: &Ask,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        let (text, verb) = (id.to_string(), ask.method.to_lowercase());
        let is_gone = self.audiences[&id].is_deleted;
        if is_gone && !rest.is_empty() {
            return Err(Problem::new(
                400,
                1_487_366,
                "This custom audience was deleted.",
            ));
        }
        if is_gone {
            return Err(Problem::missing(&text, &verb));
        }
        match (ask.method.as_str(), rest) {
            ("GET", []) => {
                let fields = ask.fields()?;
                AUDIENCE.check(fields.as_deref())?;
                let all = self.audience_view(&self.audiences[&id], sim.now_ms());
                Ok(AUDIENCE.cut(&all, fields.as_deref()))
            }
            ("POST", []) => {
                let now_ms = sim.now_ms();
                let audience = self.audiences.get_mut(&id).expect("is there");
                for (name, slot) in [
                    ("name", &mut audience.name),
                    ("description", &mut audience.description),
                ] {
                    if let Some(text) = ask.params.text(name) {
                        *slot = text;
                    }
                }
                audience.updated_ms = now_ms;
                sim.effect(
                    "audience.update",
                    &text,
                    &make::hash(&format!("{:?}", ask.params.0)),
                    Value::Null,
                );
                Ok(json!({ "success": true }))
            }
            ("DELETE", []) => {
                let now_ms = sim.now_ms();
                let audience = self.audiences.get_mut(&id).expect("is there");
                (audience.is_deleted, audience.updated_ms) = (true, now_ms);
                sim.effect("audience.delete", &text, "", Value::Null);
                Ok(json!({ "success": true }))
            }
            ("POST", ["users"]) => self.upload(id, "add", ask, sim),
            ("DELETE", ["users"]) => self.upload(id, "remove", ask, sim),
            ("POST", ["usersreplace"]) => self.upload(id, "replace", ask, sim),
            ("GET", ["sessions"]) => self.sessions_of(id, ask, sim),
            ("GET", ["users" | "usersreplace"]) => Err(Problem::missing(&text, &verb)),
            (_, [edge, ..]) => Err(nodes::nonexisting(edge, "CustomAudience")),
            _ => Err(Problem::missing(&text, &verb)),
        }
    }

    /// A marketer makes or renames one of their own.
    pub fn audience_by_hand(&mut self, sim: &mut Sim) -> Value {
        let (number, now_ms) = (self.next(), sim.now_ms());
        let own: Vec<u64> = self
            .audiences
            .values()
            .filter(|it| it.by_hand && !it.is_deleted)
            .map(|it| it.id)
            .collect();
        if let Some(id) = own.first().filter(|_| sim.rng.bool()) {
            let audience = self.audiences.get_mut(id).expect("is there");
            if own.len() > 3 {
                audience.is_deleted = true;
            }
            (audience.name, audience.updated_ms) = (format!("Renamed {number}"), now_ms);
            return json!({ "kind": "audience", "id": id.to_string(), "change": if audience.is_deleted { "deleted" } else { "updated" } });
        }
        let mut audience = Audience::new(&format!("By hand {number}"), now_ms);
        (audience.id, audience.by_hand) = (make::AUDIENCES + 1000 + number, true);
        let id = audience.id;
        self.audiences.insert(id, audience);
        json!({ "kind": "audience", "id": id.to_string(), "change": "created" })
    }
}
