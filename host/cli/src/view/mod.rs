//! Answers as text for a person. Pure: an answer and colours in, text out. What is not from our own
//! words goes through [`Sheet::field`], [`Sheet::heading`] or a table, which make control characters
//! visible.

mod delivery;
mod flow;
mod offline;
mod profile;
mod segment;
mod status;

#[cfg(test)]
mod tests;

use crosspoint_runtime::admin::Reply;
use serde_json::Value as Json;

pub use offline::{findings, plugin, plugins, replay};
pub use profile::clauses;

use crate::output::{Sheet, Style};

/// Any answer as text.
pub fn reply(reply: &Reply, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    match reply {
        Reply::Status(status) => status::status(&mut sheet, status),
        Reply::Synced(synced) => flow::synced(&mut sheet, synced),
        Reply::Delivered(delivered) => flow::delivered(&mut sheet, delivered),
        Reply::Profiles(profiles) => profile::list(&mut sheet, profiles),
        Reply::Profile(profile) => profile::show(&mut sheet, profile),
        Reply::Why(why) => profile::why(&mut sheet, why),
        Reply::Unmerged(unmerged) => profile::unmerged(&mut sheet, unmerged),
        Reply::Segments(segments) => segment::list(&mut sheet, segments),
        Reply::Preview(preview) => segment::preview(&mut sheet, preview),
        Reply::Members(members) => segment::members(&mut sheet, members),
        Reply::Explained(explained) => profile::explained(&mut sheet, explained),
        Reply::Verified(verified) => segment::verified(&mut sheet, verified),
        Reply::Deliveries(deliveries) => delivery::list(&mut sheet, deliveries),
        Reply::Delivery(delivery) => delivery::show(&mut sheet, delivery),
        Reply::Quarantine(items) => flow::quarantine(&mut sheet, items),
        Reply::QuarantineItem(item) => flow::quarantined(&mut sheet, item),
        Reply::Retried(retried) => flow::retried(&mut sheet, retried),
        Reply::Changed(changed) => {
            sheet.line(&crate::output::plain(&changed.message));
        }
    }
    sheet.finish()
}

/// A JSON value without the quotes of text.
pub fn value(json: &Json) -> String {
    match json {
        Json::Null => "–".to_owned(),
        Json::String(text) => instant(text),
        other => other.to_string(),
    }
}

/// An RFC 3339 instant in UTC as a person reads it; other text as it is.
pub fn instant(text: &str) -> String {
    let shape = |byte: u8| match byte {
        b'0'..=b'9' => b'0',
        other => other,
    };
    let shaped: Vec<u8> = text.bytes().map(shape).collect();
    if !shaped.starts_with(b"0000-00-00T00:00:00") || !text.ends_with('Z') {
        return text.to_owned();
    }
    let (date, time) = (&text[..10], &text[11..19]);
    if time == "00:00:00" && text.len() == 20 {
        date.to_owned()
    } else {
        format!("{date} {time}Z")
    }
}

/// A counter, which is never below zero.
fn positive(counter: i64) -> u64 {
    u64::try_from(counter).unwrap_or(0)
}

/// `1 profile`, `2 profiles`.
fn number_of(number: u64, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", crate::output::count(number))
}
