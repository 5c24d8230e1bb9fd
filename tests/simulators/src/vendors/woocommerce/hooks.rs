//! Webhooks: sent once, with the thing as it is at that moment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{WooCommerce, now};
use crate::Sim;
use crate::hook::Hook;

pub const AGENT: &str = "WooCommerce/10.0.2 Hookshot (WordPress/7.1)";
/// One failure more disables a webhook.
const FAILURES_MAX: u32 = 5;

/// base64(HMAC-SHA256(secret, body))
pub fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

impl WooCommerce {
    /// Waits to be sent to every active webhook of the topic.
    pub fn tell(&mut self, topic: &str, kind: &'static str, id: u64, sim: &mut Sim) {
        let drafts = self.items[kind]
            .get(&id)
            .is_some_and(|it| it.status == "checkout-draft");
        let targets: Vec<(u64, String)> = (self.items["webhooks"].values())
            .filter(|it| {
                !drafts && !it.is_deleted && it.status == "active" && it.fields["topic"] == topic
            })
            .map(|it| {
                (
                    it.id,
                    it.fields["delivery_url"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                )
            })
            .collect();
        let second = now(sim);
        for (webhook, url) in targets {
            let (thing, event) = topic.split_once('.').unwrap_or((topic, ""));
            // A hash of webhook and second: not unique.
            let delivery = &hex::encode(Sha256::digest(format!("{webhook}{second}")))[..32];
            let hook = Hook::json(&url, json!({ "id": id }).to_string())
                .with("user-agent", AGENT)
                .with("x-wc-webhook-source", format!("{}/", sim.url))
                .with("x-wc-webhook-topic", topic)
                .with("x-wc-webhook-resource", thing)
                .with("x-wc-webhook-event", event)
                .with("x-wc-webhook-id", webhook.to_string())
                .with("x-wc-webhook-delivery-id", delivery);
            sim.hooks.push(hook);
        }
    }

    /// Makes body and signature, at the moment of sending.
    pub fn fill_in(&self, hook: &mut Hook) {
        let header = |name: &str| {
            hook.headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let (Some(webhook), Some(thing), Some(event)) = (
            header("x-wc-webhook-id"),
            header("x-wc-webhook-resource"),
            header("x-wc-webhook-event"),
        ) else {
            return;
        };
        let body: Value = serde_json::from_slice(&hook.body).unwrap_or(Value::Null);
        let item = self
            .kind(&format!("{thing}s"))
            .and_then(|kind| Some((kind, self.items[kind].get(&body["id"].as_u64()?)?)));
        if let Some((kind, item)) = item.filter(|(_, item)| event != "deleted" && !item.is_deleted)
        {
            hook.body = Value::Object(self.view(kind, item)).to_string().into();
        }
        let secret = webhook
            .parse()
            .map(|id| self.fields("webhooks", id)["secret"].clone())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&hook.body).into_owned();
        hook.headers
            .retain(|(name, _)| name != "x-wc-webhook-signature");
        hook.headers.push((
            "x-wc-webhook-signature".to_owned(),
            signature(secret.as_str().unwrap_or_default(), &text),
        ));
    }

    /// Counts failures in a row; too many disable the webhook without a word.
    pub fn count_failure(&mut self, hook: &Hook, status: u16) {
        let webhook = hook
            .headers
            .iter()
            .find(|(name, _)| name == "x-wc-webhook-id")
            .and_then(|(_, id)| id.parse().ok());
        let Some(webhook) = webhook else {
            return;
        };
        let failures = self.failures.entry(webhook).or_default();
        *failures = if (200..=302).contains(&status) {
            0
        } else {
            *failures + 1
        };
        if *failures > FAILURES_MAX
            && let Some(item) = self
                .items
                .get_mut("webhooks")
                .and_then(|items| items.get_mut(&webhook))
        {
            item.status = "disabled".to_owned();
        }
    }
}
