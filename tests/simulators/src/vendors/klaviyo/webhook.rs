//! Webhooks: many events in one call, signed over the body and a date.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::data::{Event, attributes, stamp};
use super::{ACCOUNT, Klaviyo, Outcome, Refusal, query};
use crate::hook::Hook;
use crate::{Call, Sim};

/// Topic and the name of its metric.
pub const TOPICS: &[(&str, &str)] = &[
    ("event:klaviyo.received_email", "Received Email"),
    ("event:klaviyo.opened_email", "Opened Email"),
    ("event:klaviyo.clicked_email", "Clicked Email"),
    ("event:klaviyo.bounced_email", "Bounced Email"),
    ("event:klaviyo.dropped_email", "Dropped Email"),
    ("event:klaviyo.marked_email_as_spam", "Marked Email as Spam"),
    (
        "event:klaviyo.subscribed_to_email_marketing",
        "Subscribed to Email Marketing",
    ),
    (
        "event:klaviyo.unsubscribed_from_email_marketing",
        "Unsubscribed from Email Marketing",
    ),
    (
        "event:klaviyo.manually_suppressed_from_email_marketing",
        "Manually Suppressed from Email Marketing",
    ),
];
/// Events in one call.
const EVENTS_MAX: usize = 1000;
/// Errors for this long disable a webhook.
const GIVE_UP_MS: i64 = 48 * 3_600_000;

/// lower-case hex of HMAC-SHA256(secret, body + date)
pub fn signature(secret: &str, body: &[u8], date: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(body);
    mac.update(date.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: String,
    name: String,
    url: String,
    secret: String,
    topics: BTreeSet<String>,
    is_enabled: bool,
    failing_since_ms: Option<i64>,
    created_ms: i64,
}

impl Webhook {
    pub fn view(&self) -> Value {
        let topics: Vec<Value> = self
            .topics
            .iter()
            .map(|id| json!({ "type": "webhook-topic", "id": id }))
            .collect();
        json!({ "type": "webhook", "id": self.id, "attributes": { "name": self.name, "description": null, "endpoint_url": self.url, "enabled": self.is_enabled,
                "created_at": stamp(self.created_ms), "updated_at": stamp(self.created_ms) },
                "relationships": { "webhook-topics": { "data": topics } }, "links": { "self": format!("/api/webhooks/{}/", self.id) } })
    }
}

fn topics_of(body: &Value) -> Outcome<BTreeSet<String>> {
    const POINTER: &str = "/data/relationships/webhook-topics/data";
    let rows = body["data"]["relationships"]["webhook-topics"]["data"]
        .as_array()
        .filter(|it| !it.is_empty());
    let rows = rows.ok_or_else(|| Refusal::at(POINTER, "At least one topic is required."))?;
    let topic = |(at, row): (usize, &Value)| {
        let known = TOPICS
            .iter()
            .find(|(topic, _)| row["id"] == *topic && row["type"] == "webhook-topic");
        known
            .map(|(topic, _)| (*topic).to_owned())
            .ok_or_else(|| Refusal::at(&format!("{POINTER}/{at}"), "The topic is not known."))
    };
    rows.iter().enumerate().map(topic).collect()
}

fn check_target(given: &serde_json::Map<String, Value>) -> Outcome<()> {
    if let Some(url) = given.get("endpoint_url") {
        let is_allowed = url.as_str().is_some_and(|it| {
            it.starts_with("https://")
                || it.starts_with("http://127.0.0.1")
                || it.starts_with("http://localhost")
        });
        if !is_allowed {
            return Err(Refusal::at(
                "/data/attributes/endpoint_url",
                "The endpoint must be https.",
            ));
        }
    }
    if given
        .get("secret_key")
        .is_some_and(|it| it.as_str().is_none_or(|it| it.len() < 16))
    {
        return Err(Refusal::at(
            "/data/attributes/secret_key",
            "The secret key needs at least 16 characters.",
        ));
    }
    Ok(())
}

impl Klaviyo {
    pub fn webhook_calls(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        const KNOWN: &[&str] = &[
            "name",
            "description",
            "endpoint_url",
            "secret_key",
            "enabled",
        ];
        query::only(call, &["include", "fields[webhook]"])?;
        match (call.method.as_str(), parts) {
            ("GET", ["webhook-topics"]) => {
                let rows: Vec<Value> = TOPICS.iter().map(|(id, _)| json!({ "type": "webhook-topic", "id": id, "links": { "self": format!("/api/webhook-topics/{id}/") } })).collect();
                Ok((200, json!({ "data": rows, "links": {} })))
            }
            ("GET", ["webhooks"]) => Ok((
                200,
                json!({ "data": self.webhooks.values().map(Webhook::view).collect::<Vec<_>>(), "links": {} }),
            )),
            ("POST", ["webhooks"]) => {
                let given = attributes(&body["data"], "webhook", "/data", KNOWN)?;
                for name in ["name", "endpoint_url", "secret_key"] {
                    if !given.get(name).is_some_and(Value::is_string) {
                        return Err(Refusal::at(
                            &format!("/data/attributes/{name}"),
                            "This field is required.",
                        ));
                    }
                }
                check_target(given)?;
                let topics = topics_of(body)?;
                let text = |name: &str| given[name].as_str().unwrap_or_default();
                sim.effect(
                    "webhook.create",
                    text("endpoint_url"),
                    text("name"),
                    Value::Null,
                );
                let id = self.add_webhook(
                    text("name"),
                    text("endpoint_url"),
                    text("secret_key"),
                    topics,
                );
                Ok((201, json!({ "data": self.webhooks[&id].view() })))
            }
            ("GET", ["webhooks", id]) => {
                let webhook = self.webhooks.get(*id).ok_or_else(Refusal::not_found)?;
                Ok((200, json!({ "data": webhook.view() })))
            }
            ("PATCH", ["webhooks", id]) => {
                let given = attributes(&body["data"], "webhook", "/data", KNOWN)?;
                check_target(given)?;
                let topics = if body["data"]["relationships"].is_object() {
                    Some(topics_of(body)?)
                } else {
                    None
                };
                let webhook = self.webhooks.get_mut(*id).ok_or_else(Refusal::not_found)?;
                for (name, field) in [
                    ("name", &mut webhook.name),
                    ("endpoint_url", &mut webhook.url),
                    ("secret_key", &mut webhook.secret),
                ] {
                    if let Some(text) = given.get(name).and_then(Value::as_str) {
                        text.clone_into(field);
                    }
                }
                webhook.topics = topics.unwrap_or_else(|| webhook.topics.clone());
                webhook.is_enabled = given
                    .get("enabled")
                    .and_then(Value::as_bool)
                    .unwrap_or(webhook.is_enabled);
                Ok((200, json!({ "data": webhook.view() })))
            }
            ("DELETE", ["webhooks", id]) => self
                .webhooks
                .remove(*id)
                .map(|_| (204, Value::Null))
                .ok_or_else(Refusal::not_found),
            _ => Err(Refusal::not_found()),
        }
    }

    pub fn add_webhook(
        &mut self,
        name: &str,
        url: &str,
        secret: &str,
        topics: BTreeSet<String>,
    ) -> String {
        let id = self.new_id("webhook");
        let (name, url, secret) = (name.to_owned(), url.to_owned(), secret.to_owned());
        let webhook = Webhook {
            id: id.clone(),
            name,
            url,
            secret,
            topics,
            is_enabled: true,
            failing_since_ms: None,
            created_ms: self.now_ms,
        };
        self.webhooks.insert(id.clone(), webhook);
        id
    }

    /// Notes an event for every webhook of its topic.
    pub fn tell(&mut self, metric: &str, event: &Event) {
        let Some((topic, _)) = TOPICS.iter().find(|(_, name)| *name == metric) else {
            return;
        };
        for webhook in self
            .webhooks
            .values()
            .filter(|it| it.is_enabled && it.topics.contains(*topic))
        {
            let row = json!({ "external_id": format!("{}-event", event.id), "topic": topic, "payload": { "data": event.view() } });
            self.outgoing.push((webhook.id.clone(), row));
        }
    }

    /// Hands over what was noted, together.
    pub fn send_out(&mut self, sim: &mut Sim) {
        let mut rows: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (webhook, row) in self.outgoing.drain(..) {
            rows.entry(webhook).or_default().push(row);
        }
        for (id, rows) in rows {
            for rows in rows.chunks(EVENTS_MAX) {
                let meta = json!({ "klaviyo_account_id": ACCOUNT, "klaviyo_webhook_id": id, "timestamp": stamp(self.now_ms) });
                let body = json!({ "data": rows, "meta": meta }).to_string();
                sim.hooks.push(
                    Hook::json(&self.webhooks[&id].url, body).with("klaviyo-webhook-id", &id),
                );
            }
        }
    }

    fn webhook_of(&self, hook: &Hook) -> Option<String> {
        let (_, id) = hook
            .headers
            .iter()
            .find(|(name, _)| name == "klaviyo-webhook-id")?;
        self.webhooks.contains_key(id).then(|| id.clone())
    }

    /// Signs with the moment of sending.
    pub fn sign(&self, hook: &mut Hook, now_ms: i64) {
        let Some(id) = self.webhook_of(hook) else {
            return;
        };
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
        let date = httpdate::fmt_http_date(at);
        hook.headers
            .retain(|(name, _)| name != "klaviyo-timestamp" && name != "klaviyo-signature");
        let signature = signature(&self.webhooks[&id].secret, &hook.body, &date);
        hook.headers.push(("klaviyo-timestamp".to_owned(), date));
        hook.headers
            .push(("klaviyo-signature".to_owned(), signature));
    }

    /// Whether it is tried again; two days of errors disable the webhook.
    pub fn after_sending(&mut self, hook: &Hook, status: u16, now_ms: i64) -> bool {
        let Some(webhook) = self
            .webhook_of(hook)
            .and_then(|id| self.webhooks.get_mut(&id))
        else {
            return false;
        };
        if matches!(status, 200..=202) {
            webhook.failing_since_ms = None;
            return false;
        }
        let since_ms = *webhook.failing_since_ms.get_or_insert(now_ms);
        webhook.is_enabled &= now_ms - since_ms < GIVE_UP_MS;
        webhook.is_enabled
    }
}
