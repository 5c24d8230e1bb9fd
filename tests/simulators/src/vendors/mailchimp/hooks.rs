//! Webhooks: forms with keys as PHP writes them, one event each, optionally signed.

use std::collections::BTreeSet;

use hmac::{Hmac, Mac as _};
use http::Method;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::Mailchimp;
use super::data::{List, Member, subscriber_hash};
use super::request::{Outcome, Problem};
use crate::hook::Hook;
use crate::{Sim, iso};

const EVENTS: &[&str] = &[
    "subscribe",
    "unsubscribe",
    "profile",
    "cleaned",
    "upemail",
    "campaign",
];
const SOURCES: &[&str] = &["user", "admin", "api"];
/// How often one is tried.
const TRIES: u32 = 20;

/// lower-case hex of HMAC-SHA256(secret, "T." + body)
pub fn signature(secret: &str, at_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(format!("{at_s}.").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Where events of a list go.
#[derive(Clone, Debug)]
pub struct ListHook {
    pub id: String,
    pub url: String,
    events: BTreeSet<String>,
    sources: BTreeSet<String>,
    secret: Option<String>,
}

impl ListHook {
    pub fn set(&mut self, events: &Value, sources: &Value) {
        let update = |set: &mut BTreeSet<String>, given: &Value| {
            for (name, is_on) in given.as_object().into_iter().flatten() {
                if is_on == true {
                    set.insert(name.clone());
                } else {
                    set.remove(name);
                }
            }
        };
        update(&mut self.events, events);
        update(&mut self.sources, sources);
    }

    pub fn view(&self, list: &str, with_secret: bool) -> Value {
        let flags = |known: &[&str], on: &BTreeSet<String>| -> Map<String, Value> {
            known
                .iter()
                .map(|name| ((*name).to_owned(), json!(on.contains(*name))))
                .collect()
        };
        let mut view = json!({ "id": self.id, "url": self.url, "events": flags(EVENTS, &self.events),
                               "sources": flags(SOURCES, &self.sources), "list_id": list });
        if let Some(secret) = self.secret.as_ref().filter(|_| with_secret) {
            view["signing_secret"] = json!(secret);
        }
        view
    }

    /// The address must answer a GET, or the webhook goes.
    pub fn probe(&self, sim: &mut Sim) {
        sim.hooks
            .push(Hook::get(&self.url).with("user-agent", "MailChimp"));
    }
}

pub fn check_events(given: &Map<String, Value>) -> Outcome<()> {
    for (field, known) in [("events", EVENTS), ("sources", SOURCES)] {
        for (name, value) in given
            .get(field)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if !known.contains(&name.as_str()) || !value.is_boolean() {
                return Err(Problem::field(
                    &format!("{field}.{name}"),
                    "This value is not valid.",
                ));
            }
        }
    }
    Ok(())
}

impl Mailchimp {
    pub fn new_hook(&mut self, url: &str, events: &Value, sources: &Value) -> ListHook {
        let id = self.new_id("hook");
        let secret = self
            .has_signatures
            .then(|| format!("whsec_{}", super::data::md5(&format!("secret:{id}"))));
        let all = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let mut hook = ListHook {
            id,
            url: url.to_owned(),
            events: all(&EVENTS[..5]),
            sources: all(&SOURCES[..2]),
            secret,
        };
        if events.is_object() {
            hook.events.clear();
        }
        hook.set(events, sources);
        hook
    }

    fn tell(&self, list: &List, kind: &str, data: &[(&str, String)], origin: &str, sim: &mut Sim) {
        let fired_at = iso(self.now_ms).replace('T', " ").replace('Z', "");
        for hook in list
            .hooks
            .values()
            .filter(|it| it.events.contains(kind) && it.sources.contains(origin))
        {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("type", kind)
                .append_pair("fired_at", &fired_at);
            for (name, value) in data {
                form.append_pair(&format!("data{name}"), value);
            }
            sim.hooks
                .push(Hook::form(&hook.url, form.finish()).with("user-agent", "MailChimp"));
        }
    }

    /// What a change means for the list's webhooks.
    pub fn tell_difference(
        &self,
        list_id: &str,
        before: Option<&Member>,
        after: &Member,
        origin: &str,
        sim: &mut Sim,
    ) {
        let list = &self.lists[list_id];
        if list.hooks.is_empty() {
            return;
        }
        let data = about(list, after);
        let was = before.map(|it| it.status.as_str());
        let mut is_told = false;
        if was != Some(&after.status) {
            is_told = true;
            match after.status.as_str() {
                "subscribed" => self.tell(list, "subscribe", &data, origin, sim),
                "unsubscribed" => {
                    let reason = after
                        .unsubscribed
                        .as_ref()
                        .map(|it| it.reason.clone())
                        .unwrap_or_default();
                    let extra = [
                        ("[action]", "unsub".to_owned()),
                        (
                            "[reason]",
                            if reason.starts_with("N/A") {
                                "manual".to_owned()
                            } else {
                                reason
                            },
                        ),
                    ];
                    self.tell(
                        list,
                        "unsubscribe",
                        &[&extra[..], &data].concat(),
                        origin,
                        sim,
                    );
                }
                "cleaned" => {
                    let id = self.campaigns.keys().next().cloned().unwrap_or_default();
                    let data = [
                        ("[list_id]", list.id.clone()),
                        ("[campaign_id]", id),
                        ("[reason]", "hard".to_owned()),
                        ("[email]", after.email.clone()),
                    ];
                    self.tell(list, "cleaned", &data, origin, sim);
                }
                "archived" => self.tell_gone(list_id, after, origin, sim),
                _ => is_told = false,
            }
        }
        if let Some(before) = before.filter(|it| it.email != after.email) {
            let data = [
                ("[list_id]", list.id.clone()),
                ("[new_id]", subscriber_hash(&after.email)),
                ("[new_email]", after.email.clone()),
                ("[old_email]", before.email.clone()),
            ];
            self.tell(list, "upemail", &data, origin, sim);
        }
        let is_profile = before.is_some_and(|it| {
            it.merge != after.merge
                || it.email != after.email
                || it.interests != after.interests
                || it.email_type != after.email_type
        });
        if is_profile && !is_told {
            self.tell(list, "profile", &data, origin, sim);
        }
    }

    /// Archived or forgotten.
    pub fn tell_gone(&self, list_id: &str, member: &Member, origin: &str, sim: &mut Sim) {
        let list = &self.lists[list_id];
        let extra = [
            ("[action]", "delete".to_owned()),
            ("[reason]", "manual".to_owned()),
        ];
        self.tell(
            list,
            "unsubscribe",
            &[&extra[..], &about(list, member)].concat(),
            origin,
            sim,
        );
    }

    pub fn tell_campaign(&self, list_id: &str, id: &str, title: &str, sim: &mut Sim) {
        let data = [
            ("[id]", id.to_owned()),
            ("[subject]", title.to_owned()),
            ("[status]", "sent".to_owned()),
            ("[reason]", String::new()),
            ("[list_id]", list_id.to_owned()),
        ];
        self.tell(&self.lists[list_id], "campaign", &data, "admin", sim);
    }

    /// Signs with the moment of sending.
    pub fn sign(&self, hook: &mut Hook, now_ms: i64) {
        let mut hooks = self.lists.values().flat_map(|list| list.hooks.values());
        let secret = hooks
            .find(|it| it.url == hook.url)
            .and_then(|it| it.secret.as_ref());
        hook.headers
            .retain(|(name, _)| name != "x-mailchimp-signature");
        if let Some(secret) = secret.filter(|_| hook.method == Method::POST) {
            let at_s = now_ms.div_euclid(1000);
            let value = format!("t={at_s},v1={}", signature(secret, at_s, &hook.body));
            hook.headers
                .push(("x-mailchimp-signature".to_owned(), value));
        }
    }

    /// Whether it is tried again; a refused probe takes the webhook away.
    pub fn after_sending(&mut self, hook: &Hook, status: u16) -> bool {
        let is_accepted = (200..300).contains(&status);
        if hook.method == Method::GET {
            if !is_accepted {
                for list in self.lists.values_mut() {
                    list.hooks.retain(|_, it| it.url != hook.url);
                }
            }
            return false;
        }
        if is_accepted {
            return false;
        }
        let failures = self.hook_failures.entry(hook.body.to_vec()).or_default();
        *failures += 1;
        *failures < TRIES
    }
}

fn about(list: &List, member: &Member) -> Vec<(&'static str, String)> {
    let mut data = vec![
        ("[id]", subscriber_hash(&member.email)),
        ("[list_id]", list.id.clone()),
        ("[email]", member.email.clone()),
        ("[email_type]", member.email_type.clone()),
        ("[ip_opt]", member.ip_opt.clone()),
        ("[web_id]", (500_000_000 + member.number).to_string()),
        ("[merges][EMAIL]", member.email.clone()),
    ];
    for (tag, key) in [
        ("FNAME", "[merges][FNAME]"),
        ("LNAME", "[merges][LNAME]"),
        ("PHONE", "[merges][PHONE]"),
        ("BIRTHDAY", "[merges][BIRTHDAY]"),
        ("LTV", "[merges][LTV]"),
    ] {
        let value = member.merge.get(tag);
        let text = value.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
        data.push((key, text.unwrap_or_default()));
    }
    data
}
