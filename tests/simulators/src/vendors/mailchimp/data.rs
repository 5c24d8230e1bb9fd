//! What the account holds.

use std::collections::{BTreeMap, BTreeSet};

use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use super::hooks::ListHook;
use crate::iso;

pub fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text.as_bytes()))
}

/// Who a member is, as far as paths go.
pub fn subscriber_hash(email: &str) -> String {
    md5(&email.trim().to_lowercase())
}

/// What the contact ids of a list begin with, so that a hash is told from one at once.
fn contact_prefix(list: &str) -> String {
    md5(&format!("contact:{list}"))[..24].to_owned()
}

/// `2026-01-01T00:00:00+00:00`
pub fn stamp(at_ms: i64) -> String {
    iso(at_ms).replace('Z', "+00:00")
}

/// The empty text where there is no instant.
pub fn stamp_or_empty(at_ms: Option<i64>) -> String {
    at_ms.map(stamp).unwrap_or_default()
}

#[derive(Clone, Debug)]
pub struct MergeField {
    pub id: u64,
    pub tag: String,
    pub name: String,
    pub kind: String,
    pub is_required: bool,
    pub choices: Vec<String>,
}

impl MergeField {
    pub fn view(&self, list: &str) -> Value {
        let mut options = json!({ "size": 25 });
        if !self.choices.is_empty() {
            options["choices"] = json!(self.choices);
        }
        json!({ "merge_id": self.id, "tag": self.tag, "name": self.name, "type": self.kind, "required": self.is_required,
                "default_value": "", "public": true, "display_order": self.id, "options": options, "help_text": "", "list_id": list })
    }
}

/// How somebody stopped being subscribed.
#[derive(Clone, Debug)]
pub struct Unsubscription {
    pub at_ms: i64,
    pub is_by_member: bool,
    pub reason: String,
}

#[derive(Clone, Debug)]
pub struct Member {
    /// In order of arrival; stays when the address changes.
    pub number: u64,
    pub email: String,
    pub status: String,
    pub merge: Map<String, Value>,
    pub interests: BTreeMap<String, bool>,
    pub permissions: BTreeMap<String, bool>,
    pub email_type: String,
    pub language: String,
    pub is_vip: bool,
    pub location: (f64, f64),
    pub ip_signup: String,
    pub ip_opt: String,
    pub signup_ms: Option<i64>,
    pub opt_ms: Option<i64>,
    pub changed_ms: i64,
    /// Ids of segments.
    pub tags: BTreeSet<u64>,
    pub unsubscribed: Option<Unsubscription>,
    pub source: &'static str,
    /// Name, instant, properties.
    pub events: Vec<(String, i64, Value)>,
}

impl Member {
    pub fn new(number: u64, email: &str, status: &str, at_ms: i64) -> Self {
        Self {
            number,
            email: email.to_owned(),
            status: status.to_owned(),
            merge: Map::new(),
            interests: BTreeMap::new(),
            permissions: BTreeMap::new(),
            email_type: "html".to_owned(),
            language: String::new(),
            is_vip: false,
            location: (0.0, 0.0),
            ip_signup: String::new(),
            ip_opt: String::new(),
            signup_ms: None,
            opt_ms: Some(at_ms),
            changed_ms: at_ms,
            tags: BTreeSet::new(),
            unsubscribed: None,
            source: "API - Generic",
            events: Vec::new(),
        }
    }

    pub fn contact_id(&self, list: &str) -> String {
        format!("{}{:08x}", contact_prefix(list), self.number)
    }
}

#[derive(Clone, Debug)]
pub struct Segment {
    pub name: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// One list of members.
#[derive(Clone, Debug)]
pub struct List {
    pub id: String,
    pub name: String,
    pub created_ms: i64,
    /// By hash.
    pub members: BTreeMap<String, Member>,
    /// Addresses that never come back, by hash, with the instant.
    pub forgotten: BTreeMap<String, i64>,
    /// Hashes of addresses that members gave up for another one, with the instant.
    pub moved: BTreeMap<String, i64>,
    pub merge_fields: Vec<MergeField>,
    /// Static ones: tags.
    pub segments: BTreeMap<u64, Segment>,
    /// Id and name.
    pub interests: Vec<(String, String)>,
    pub permissions: Vec<(String, String)>,
    pub hooks: BTreeMap<String, ListHook>,
    pub made: u64,
}

impl List {
    /// The hash of the member that a path names: by hash, address or `contact_id`.
    pub fn find(&self, key: &str) -> Option<String> {
        if self.members.contains_key(key) {
            return Some(key.to_owned());
        }
        if key.contains('@') {
            let hash = subscriber_hash(key);
            return self.members.contains_key(&hash).then_some(hash);
        }
        let number = key.strip_prefix(&contact_prefix(&self.id))?;
        let number = u64::from_str_radix(number, 16).ok()?;
        let found = self
            .members
            .iter()
            .find(|(_, member)| member.number == number);
        found.map(|(hash, _)| hash.clone())
    }

    pub fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The tag of that name, made where there is none.
    pub fn tag(&mut self, name: &str, now_ms: i64) -> u64 {
        if let Some((id, _)) = self.segments.iter().find(|(_, it)| it.name == name) {
            return *id;
        }
        let id = self.next_number() + 3_000_000;
        let name = name.to_owned();
        self.segments.insert(
            id,
            Segment {
                name,
                created_ms: now_ms,
                updated_ms: now_ms,
            },
        );
        id
    }

    pub fn view(&self) -> Value {
        let count = |status: &str| {
            self.members
                .values()
                .filter(|it| it.status == status)
                .count()
        };
        json!({
            "id": self.id, "web_id": 404_109, "name": self.name, "date_created": stamp(self.created_ms), "list_rating": 3,
            "email_type_option": true, "double_optin": false, "marketing_permissions": true, "visibility": "prv",
            "contact": { "company": "A shop", "address1": "Main 1", "city": "Bonn", "state": "NW", "zip": "53111", "country": "DE" },
            "permission_reminder": "You bought something.",
            "campaign_defaults": { "from_name": "A shop", "from_email": "news@shop.example", "subject": "", "language": "en" },
            "stats": { "member_count": count("subscribed"), "unsubscribe_count": count("unsubscribed"), "cleaned_count": count("cleaned"),
                       "total_contacts": self.members.len(), "merge_field_count": self.merge_fields.len() }
        })
    }

    pub fn member_view(&self, member: &Member) -> Value {
        let mut merge = Map::new();
        for field in &self.merge_fields {
            let value = member.merge.get(&field.tag).cloned();
            merge.insert(field.tag.clone(), value.unwrap_or_else(|| json!("")));
        }
        let text = |tag: &str| {
            member
                .merge
                .get(tag)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let full_name = format!("{} {}", text("FNAME"), text("LNAME"))
            .trim()
            .to_owned();
        let tags: Vec<Value> = (member.tags.iter())
            .filter_map(|id| Some(json!({ "id": id, "name": self.segments.get(id)?.name })))
            .collect();
        let interest = |(id, _): &(String, String)| {
            (
                id.clone(),
                json!(member.interests.get(id).copied().unwrap_or(false)),
            )
        };
        let permission = |(id, text): &(String, String)| json!({ "marketing_permission_id": id, "text": text, "enabled": member.permissions.get(id).copied().unwrap_or(false) });
        let mut view = json!({
            "id": subscriber_hash(&member.email), "email_address": member.email, "unique_email_id": md5(&format!("unique:{}", member.email))[..10],
            "contact_id": member.contact_id(&self.id), "full_name": full_name, "web_id": 500_000_000 + member.number, "email_type": member.email_type,
            "status": member.status, "consents_to_one_to_one_messaging": true, "merge_fields": merge,
            "interests": self.interests.iter().map(interest).collect::<Map<_, _>>(), "stats": { "avg_open_rate": 0, "avg_click_rate": 0 },
            "ip_signup": member.ip_signup, "timestamp_signup": stamp_or_empty(member.signup_ms), "ip_opt": member.ip_opt,
            "timestamp_opt": stamp_or_empty(member.opt_ms), "member_rating": 2, "last_changed": stamp(member.changed_ms),
            "language": member.language, "vip": member.is_vip, "email_client": "", "source": member.source,
            "location": { "latitude": member.location.0, "longitude": member.location.1, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": "", "region": "" },
            "marketing_permissions": self.permissions.iter().map(permission).collect::<Vec<_>>(),
            "tags_count": tags.len(), "tags": tags, "list_id": self.id
        });
        if let Some(gone) = member
            .unsubscribed
            .as_ref()
            .filter(|_| member.status == "unsubscribed")
        {
            view["unsubscribe_reason"] = json!(gone.reason);
        }
        view
    }
}

/// What a campaign did to one member.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub email: String,
    /// `sent`, `hard` or `soft`.
    pub status: &'static str,
    /// Action and instant.
    pub acts: Vec<(&'static str, i64)>,
    /// Instant and reason.
    pub unsubscribed: Option<(i64, &'static str)>,
    pub complained_ms: Option<i64>,
}

/// A mailing that was sent.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: String,
    pub list: String,
    pub title: String,
    pub sent_ms: i64,
    /// By hash.
    pub recipients: BTreeMap<String, Recipient>,
}
