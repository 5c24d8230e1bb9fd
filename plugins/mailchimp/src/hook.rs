//! Webhook calls: which streams to read.
//!
//! A call tells only a part of a member, and its instant has no zone. So it says which streams
//! to read, and the rows come from there.

use crosspoint_sdk::{Received, Reject, WebhookRequest};

use crate::settings::Settings;
use crate::{BOUNCES, CONSENTS, MEMBERS};

/// What a call brings.
pub fn receive(settings: &Settings, request: &WebhookRequest) -> Received {
    let mut received = Received::empty();
    if request.method.eq_ignore_ascii_case("GET") || request.body.is_empty() {
        return received;
    }
    let body = String::from_utf8_lossy(&request.body);
    let value = |name: &str| {
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(given, _)| decode(given) == name);
        found.map(|(_, value)| decode(value))
    };
    if value("data[list_id]").is_some_and(|list| list != settings.list_id) {
        return received;
    }
    let streams: &[&str] = match value("type").as_deref() {
        Some("subscribe" | "unsubscribe" | "upemail") => &[MEMBERS, CONSENTS],
        Some("profile") => &[MEMBERS],
        Some("cleaned") => &[MEMBERS, BOUNCES],
        // What became of a campaign comes with its activity.
        Some("campaign") => &[],
        _ => {
            received.part(MEMBERS).rejects.push(Reject {
                locator: "webhook".to_owned(),
                field: Some("type".to_owned()),
                reason: "expected a form whose `type` is one of Mailchimp's events".to_owned(),
                raw: request.body.clone(),
            });
            &[]
        }
    };
    received.poke = streams.iter().map(|name| (*name).to_owned()).collect();
    received
}

/// A form's text: `+` is a space, `%XX` a byte.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
