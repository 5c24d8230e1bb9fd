//! The account at the start, what happens in it by itself, and how it stands.

use serde_json::{Map, Value, json};

use super::Klaviyo;
use super::data::{Consent, List};
use crate::Sim;
use crate::world::{Person, Status};

/// The list that subscribers are on.
pub const NEWSLETTER: &str = "Y6nRLr";
const BUYERS: &str = "Vb5tKc";
/// A segment.
const ENGAGED: &str = "Ss9mQd";
const BUILT_IN: &[&str] = &[
    "Received Email",
    "Opened Email",
    "Clicked Email",
    "Bounced Email",
    "Dropped Email",
    "Marked Email as Spam",
    "Subscribed to Email Marketing",
    "Unsubscribed from Email Marketing",
    "Manually Suppressed from Email Marketing",
];
const DAY_MS: i64 = 86_400_000;

impl Klaviyo {
    pub fn fill(&mut self) {
        let world = self.world.clone();
        for name in BUILT_IN {
            self.metric(name);
        }
        for (id, name, is_segment) in [
            (NEWSLETTER, "Newsletter", false),
            (BUYERS, "Buyers", false),
            (ENGAGED, "Engaged", true),
        ] {
            let created_ms = world.now_ms - 1000 * DAY_MS;
            let list = List {
                id: id.to_owned(),
                name: name.to_owned(),
                created_ms,
                updated_ms: created_ms,
                is_double_opt_in: false,
                is_segment,
                members: Default::default(),
            };
            self.lists.insert(id.to_owned(), list);
        }
        let ids: Vec<String> = world
            .people
            .iter()
            .map(|person| self.person(person))
            .collect();
        let received = self.metric("Received Email");
        let (opened, bounced) = (self.metric("Opened Email"), self.metric("Bounced Email"));
        for (person, id) in world.people.iter().zip(&ids) {
            if let Some((true, at_ms)) = person.email_consent {
                let metric = if person.number.is_multiple_of(29) {
                    &bounced
                } else {
                    &received
                };
                let at_ms = (at_ms + DAY_MS).min(world.now_ms);
                self.add_event(id, metric, at_ms, 0, "welcome".to_owned(), Map::new());
                if person.number.is_multiple_of(3) && *metric == received {
                    self.add_event(id, &opened, at_ms, 0, "welcome".to_owned(), Map::new());
                }
            }
        }
        let placed = self.metric("Placed Order");
        for order in world
            .orders
            .iter()
            .filter(|it| it.status != Status::Pending)
        {
            let properties = json!({ "OrderId": order.number.to_string(), "$value": order.total_cents() as f64 / 100.0, "$currency_code": order.currency });
            let properties = properties.as_object().cloned().unwrap_or_default();
            let unique_id = order.number.to_string();
            self.seen
                .insert((ids[order.person].clone(), placed.clone(), unique_id.clone()));
            self.add_event(
                &ids[order.person],
                &placed,
                order.placed_at_ms,
                0,
                unique_id,
                properties,
            );
            self.lists.get_mut(BUYERS).map(|it| {
                it.members
                    .entry(ids[order.person].clone())
                    .or_insert(order.placed_at_ms)
            });
        }
    }

    fn person(&mut self, person: &Person) -> String {
        let id = self.new_profile(0);
        // Two people with one number would be one profile.
        let phone = person
            .phone
            .clone()
            .filter(|it| !self.by_phone.contains_key(it));
        let Some(profile) = self.profiles.get_mut(&id) else {
            return id;
        };
        profile.visible_ms = 0;
        profile.email = Some(person.email.clone());
        profile.phone = phone;
        profile.external_id = person
            .number
            .is_multiple_of(2)
            .then(|| format!("crm-{}", person.number));
        (profile.created_ms, profile.updated_ms) = (person.created_at_ms, person.updated_at_ms);
        let fields = json!({
            "first_name": person.first_name, "last_name": person.last_name, "organization": person.company, "title": person.job_title, "locale": person.language,
            "location": { "address1": person.street, "city": person.city, "zip": person.postal_code, "country": person.country, "timezone": person.time_zone }
        });
        profile.fields = fields.as_object().cloned().unwrap_or_default();
        profile
            .properties
            .insert("tags".to_owned(), json!(person.tags));
        if let Some(birthday) = &person.birthday {
            profile
                .properties
                .insert("birthday".to_owned(), json!(birthday));
        }
        if let Some((is_on, at_ms)) = person.email_consent {
            let source = Some("Footer form".to_owned());
            profile.consent = Consent {
                state: Some(if is_on { "SUBSCRIBED" } else { "UNSUBSCRIBED" }),
                at_ms,
                source,
            };
            if !is_on {
                profile.suppressions.insert("UNSUBSCRIBE", at_ms);
            } else if person.number.is_multiple_of(29) {
                profile.suppressions.insert("HARD_BOUNCE", at_ms);
            }
            if is_on {
                self.lists
                    .get_mut(NEWSLETTER)
                    .map(|it| it.members.insert(id.clone(), at_ms));
                self.lists
                    .get_mut(ENGAGED)
                    .filter(|_| person.number.is_multiple_of(3))
                    .map(|it| it.members.insert(id.clone(), at_ms));
            }
        }
        if let (Some((is_on, at_ms)), Some(it)) = (person.sms_consent, self.profiles.get_mut(&id)) {
            it.sms = Consent {
                state: Some(if is_on { "SUBSCRIBED" } else { "UNSUBSCRIBED" }),
                at_ms,
                source: None,
            };
        }
        self.reindex(&id);
        id
    }

    pub fn random_change(&mut self, sim: &mut Sim) -> Value {
        let what = sim.rng.usize(..20);
        let now_ms = self.now_ms;
        if what < 4 || self.profiles.is_empty() {
            let at = self.world.sign_up(&mut sim.rng, now_ms);
            let person = self.world.people[at].clone();
            let id = self.person(&person);
            return json!({ "kind": "profiles", "id": id, "change": "created" });
        }
        let at = sim.rng.usize(..self.profiles.len());
        let id = self.profiles.keys().nth(at).cloned().unwrap_or_default();
        let number = sim.rng.u32(..100_000);
        let is_subscribed = self.profiles[&id].consent.state == Some("SUBSCRIBED");
        let Some(profile) = self.profiles.get_mut(&id) else {
            return Value::Null;
        };
        let change = match what {
            4 => {
                self.delete(&id);
                return json!({ "kind": "profiles", "id": id, "change": "deleted" });
            }
            5 => {
                let other = self
                    .profiles
                    .keys()
                    .find(|it| **it != id)
                    .cloned()
                    .unwrap_or_else(|| id.clone());
                if other != id {
                    self.merge(&other, &id);
                }
                return json!({ "kind": "profiles", "id": id, "change": "merged" });
            }
            6 | 7 if is_subscribed => {
                profile.consent = Consent {
                    state: Some("UNSUBSCRIBED"),
                    at_ms: now_ms,
                    source: None,
                };
                profile.suppressions.insert("UNSUBSCRIBE", now_ms);
                profile.updated_ms = now_ms;
                self.happen(&id, "Unsubscribed from Email Marketing", sim);
                "unsubscribed"
            }
            8 if is_subscribed => {
                profile.suppressions.insert("HARD_BOUNCE", now_ms);
                profile.updated_ms = now_ms;
                self.happen(&id, "Bounced Email", sim);
                "bounced"
            }
            9..12 => {
                self.happen(
                    &id,
                    ["Opened Email", "Clicked Email", "Received Email"][what - 9],
                    sim,
                );
                return json!({ "kind": "events", "id": id, "change": "event" });
            }
            12 => {
                let list = self.lists.get_mut(BUYERS);
                if let Some(list) = list
                    && list.members.remove(&id).is_none()
                {
                    list.members.insert(id.clone(), now_ms);
                }
                "moved between lists"
            }
            13 => {
                let email = format!("new{number}@mail.example");
                self.unindex(&id);
                if let Some(it) = self.profiles.get_mut(&id) {
                    (it.email, it.updated_ms) = (Some(email), now_ms);
                }
                self.reindex(&id);
                "moved"
            }
            _ => {
                profile
                    .fields
                    .insert("last_name".to_owned(), json!(format!("Renamed {number}")));
                profile.updated_ms = now_ms;
                "edited"
            }
        };
        json!({ "kind": "profiles", "id": id, "change": change })
    }

    pub fn whole_truth(&self) -> Value {
        let profiles = self.profiles.values().map(|it| {
            json!({
                "id": it.id, "updated_at_ms": it.updated_ms, "created_at_ms": it.created_ms, "deleted": false, "email": it.email, "phone": it.phone,
                "external_id": it.external_id, "fields": it.fields, "properties": it.properties, "email_consent": it.consent.state, "email_consent_at_ms": it.consent.at_ms,
                "sms_consent": it.sms.state, "suppressions": it.suppressions, "list_suppressions": it.list_suppressions,
                "is_suppressed": it.suppressions.contains_key("USER_SUPPRESSED"),
                "lists": self.lists.values().filter(|list| list.members.contains_key(&it.id)).map(|list| &list.name).collect::<Vec<_>>()
            })
        });
        let gone = self
            .gone
            .iter()
            .map(|(id, at_ms)| json!({ "id": id, "updated_at_ms": at_ms, "deleted": true }));
        let lists = self.lists.values().map(|it| {
            json!({ "id": it.id, "updated_at_ms": it.updated_ms, "deleted": false, "name": it.name, "is_segment": it.is_segment, "members": it.members.keys().collect::<Vec<_>>() })
        });
        let events = self.events.iter().map(|it| {
            json!({ "id": it.id, "updated_at_ms": it.at_ms, "deleted": false, "profile": it.profile, "metric": self.metrics.get(&it.metric), "metric_id": it.metric,
                    "unique_id": it.unique_id, "properties": it.properties, "value_currency": it.currency })
        });
        let gone_events = self
            .gone_events
            .iter()
            .map(|(id, at_ms)| json!({ "id": id, "updated_at_ms": at_ms, "deleted": true }));
        let metrics = self.metrics.iter().map(
            |(id, name)| json!({ "id": id, "updated_at_ms": 0, "deleted": false, "name": name }),
        );
        json!({ "profiles": profiles.chain(gone).collect::<Vec<_>>(), "lists": lists.collect::<Vec<_>>(), "events": events.chain(gone_events).collect::<Vec<_>>(),
                "metrics": metrics.collect::<Vec<_>>(), "jobs": self.jobs.values().map(super::jobs::Job::truth).collect::<Vec<_>>(),
                "webhooks": self.webhooks.values().map(super::webhook::Webhook::view).collect::<Vec<_>>() })
    }
}
