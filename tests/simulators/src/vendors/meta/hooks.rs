//! Events of pages: who gets them, the handshake, signatures, requests to delete data.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use super::graph::{Ask, Problem};
use super::tokens::hmac;
use super::{APP, APP_SECRET, HOUR_MS, Meta, VERIFY, make, seconds};
use crate::Sim;
use crate::hook::Hook;

/// A failed event is tried for so long.
const PATIENCE_MS: i64 = 36 * HOUR_MS;

/// An address that gets events of pages.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub url: String,
    pub challenge: String,
    pub is_active: bool,
    /// It answered with the bare challenge.
    pub is_verified: bool,
}

/// A text as it goes over the wire: letters beyond ASCII and slashes are escaped.
fn escaped(value: &Value) -> String {
    let mut text = String::new();
    for unit in value.to_string().replace('/', "\\/").chars() {
        if unit.is_ascii() {
            text.push(unit);
        } else {
            let mut units = [0; 2];
            for unit in unit.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// A POST with both signatures.
fn signed(url: &str, body: String) -> Hook {
    let mut old = Hmac::<Sha1>::new_from_slice(APP_SECRET.as_bytes()).expect("any length");
    old.update(body.as_bytes());
    let old = hex::encode(old.finalize().into_bytes());
    let new = hmac(body.as_bytes());
    Hook::json(url, body)
        .with("x-hub-signature-256", format!("sha256={new}"))
        .with("x-hub-signature", format!("sha1={old}"))
        .with("user-agent", "facebookexternalua")
}

impl Meta {
    fn add(&mut self, url: &str, verify: &str, sim: &mut Sim) {
        let challenge = (1_158_201_444 + self.next()).to_string();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("hub.mode", "subscribe");
        query.append_pair("hub.challenge", &challenge);
        query.append_pair("hub.verify_token", verify);
        let mark = if url.contains('?') { '&' } else { '?' };
        let mut hello = Hook::json(&format!("{url}{mark}{}", query.finish()), String::new());
        hello.method = http::Method::GET;
        sim.hooks.push(hello);
        self.subscriptions.retain(|it| it.url != url);
        self.subscriptions.push(Subscription {
            url: url.to_owned(),
            challenge,
            is_active: true,
            is_verified: false,
        });
    }

    /// As an operator does in the app's dashboard and at each page.
    pub fn subscribed(&mut self, url: &str, args: &Value, sim: &mut Sim) -> Result<Value, String> {
        let verify = args["verify_token"].as_str().unwrap_or(VERIFY).to_owned();
        self.add(url, &verify, sim);
        if args["install"] != false {
            self.pages.iter_mut().for_each(|it| it.is_installed = true);
        }
        Ok(json!({ "app_secret": APP_SECRET, "verify_token": verify }))
    }

    /// `/{app}/subscriptions`
    pub fn subscriptions(&mut self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        match ask.method.as_str() {
            "GET" => {
                let active = self.subscriptions.iter().filter(|it| it.is_active);
                let rows = active.map(|it| json!({ "object": "page", "callback_url": it.url, "active": true, "fields": [{ "name": "leadgen", "version": "v26.0" }] }));
                Ok(json!({ "data": rows.collect::<Vec<_>>() }))
            }
            "POST" => {
                let text = |name: &str| ask.params.text(name).ok_or(Problem::required(name));
                let (object, url) = (text("object")?, text("callback_url")?);
                let (fields, verify) = (text("fields")?, text("verify_token")?);
                if object != "page" {
                    return Err(Problem::parameter(
                        "Param object must be one of {USER, PAGE, PERMISSIONS, PAYMENTS}",
                    ));
                }
                if fields.split(',').any(|it| it.trim() != "leadgen") {
                    return Err(Problem::parameter(
                        "Param fields must be an array of subscribable fields",
                    ));
                }
                if !url.starts_with("https://") && !url.starts_with("http://127.0.0.1") {
                    return Err(Problem::new(
                        400,
                        2200,
                        "(#2200) callback verification failed: only https is allowed",
                    ));
                }
                self.add(&url, &verify, sim);
                sim.effect(
                    "subscription.create",
                    &url,
                    "leadgen",
                    json!({ "fields": fields }),
                );
                Ok(json!({ "success": true }))
            }
            "DELETE" => {
                self.subscriptions.clear();
                sim.effect("subscription.delete", APP, "", Value::Null);
                Ok(json!({ "success": true }))
            }
            _ => Err(Problem::missing(APP, &ask.method.to_lowercase())),
        }
    }

    /// `/{page}/subscribed_apps`
    pub fn installation(&mut self, page: usize, ask: &Ask) -> Result<Value, Problem> {
        self.needs("pages_manage_metadata")?;
        let is_installed = self.pages[page].is_installed;
        match ask.method.as_str() {
            "GET" if !is_installed => return Ok(json!({ "data": [] })),
            "GET" => {
                return Ok(
                    json!({ "data": [{ "category": "Business", "name": "Crosspoint", "id": APP, "subscribed_fields": ["leadgen"] }] }),
                );
            }
            "POST" => {
                let fields = ask.params.text("subscribed_fields").unwrap_or_default();
                if !fields
                    .split(',')
                    .any(|it| it.trim_matches(['[', ']', '"', ' ']) == "leadgen")
                {
                    return Err(Problem::parameter(
                        "Param subscribed_fields must be a valid enum value",
                    ));
                }
                self.pages[page].is_installed = true;
            }
            _ => self.pages[page].is_installed = false,
        }
        Ok(json!({ "success": true }))
    }

    /// The events of these leads, in one call to each subscriber: an entry a page.
    pub fn announce(&mut self, leads: &[u64], sim: &mut Sim) {
        let id = |id: u64| {
            if self.numbers_in_hooks {
                json!(id)
            } else {
                json!(id.to_string())
            }
        };
        let mut entries = Vec::new();
        for (at, page) in self
            .pages
            .iter()
            .enumerate()
            .filter(|(_, it)| it.is_installed)
        {
            let own = leads
                .iter()
                .filter_map(|id| self.lead_by_id(*id))
                .filter(|it| self.forms[it.form].page == at);
            let changes = own.map(|lead| {
                let mut value = json!({ "leadgen_id": id(lead.id), "page_id": id(page.id), "form_id": id(self.forms[lead.form].id), "created_time": self.lead_second(lead.id) });
                if let Some(ad) = lead.ad {
                    value["ad_id"] = id(self.ads[ad].id);
                    value["adgroup_id"] = id(self.ads[ad].id);
                }
                if self.text_in_hooks {
                    value["note"] = json!("Käufer / \u{1f600}");
                }
                json!({ "field": "leadgen", "value": value })
            });
            let changes: Vec<Value> = changes.collect();
            if !changes.is_empty() {
                entries.push(
                    json!({ "id": id(page.id), "time": seconds(sim.now_ms()), "changes": changes }),
                );
            }
        }
        if entries.is_empty() {
            return;
        }
        let body = escaped(&json!({ "object": "page", "entry": entries }));
        for subscription in self.subscriptions.iter().filter(|it| it.is_active) {
            sim.hooks.push(signed(&subscription.url, body.clone()));
        }
    }

    /// What a subscriber said; whether the call waits for another attempt.
    pub fn heard(&mut self, hook: &Hook, status: u16, sim: &Sim) -> bool {
        let is_taken = (200..300).contains(&status);
        if hook.method == http::Method::GET {
            let own = |it: &&mut Subscription| {
                hook.url
                    .contains(&format!("hub.challenge={}", it.challenge))
            };
            if let Some(it) = self.subscriptions.iter_mut().find(own) {
                it.is_verified = is_taken && hook.answer == it.challenge;
                it.is_active = it.is_verified;
            }
            return false;
        }
        let mark = make::hash(&format!(
            "{}\n{}",
            hook.url,
            String::from_utf8_lossy(&hook.body)
        ));
        let first_ms = *self.tries.entry(mark.clone()).or_insert(sim.now_ms());
        if is_taken {
            self.tries.remove(&mark);
            return false;
        }
        if sim.now_ms() - first_ms < PATIENCE_MS {
            return true;
        }
        self.tries.remove(&mark);
        for it in self
            .subscriptions
            .iter_mut()
            .filter(|it| it.url == hook.url)
        {
            it.is_active = false;
        }
        false
    }

    /// A person asks to be forgotten: the app's data deletion callback is called.
    pub fn data_deletion(&mut self, args: &Value, sim: &mut Sim) {
        let payload = json!({ "algorithm": "HMAC-SHA256", "issued_at": seconds(sim.now_ms()), "user_id": args["user"] });
        let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
        let mut signature = hex::decode(hmac(payload.as_bytes())).unwrap_or_default();
        if args["forged"] == true {
            signature[0] ^= 1;
        }
        let text = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(signature));
        let mut hook = Hook::json(args["url"].as_str().unwrap_or_default(), String::new());
        hook.headers = vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )];
        hook.body = Bytes::from(format!("signed_request={text}"));
        sim.hooks.push(hook);
    }
}
