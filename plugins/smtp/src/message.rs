//! One item as the message that is sent, or why it is not.

use std::time::SystemTime;

use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::{Identifier, Item, Outcome, Value, serde_json};

use crate::address::Address;
use crate::mime::{header, mailbox, quoted_printable, tokens};
use crate::settings::{ConsentRule, Letter, Plan};
use crate::template::Place;

/// Fields with a meaning of their own.
const TEMPLATE: &str = "template";
const TO: &str = "to";
const TO_NAME: &str = "to_name";
const UNSUBSCRIBE_URL: &str = "unsubscribe_url";

/// An address in a header that is not folded, less than the 998 of RFC 5322 §2.1.1.
const LONGEST_URL: usize = 800;

/// Ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) to: Address,
    /// Of the message, as the receipt names it.
    pub(crate) id: String,
    /// Headers and body, lines ended with CRLF, no line begins with a dot.
    pub(crate) bytes: Vec<u8>,
}

/// Fills in the template for one person.
pub(crate) fn message(plan: &Plan, item: &Item, now: SystemTime) -> Result<Message, Outcome> {
    let letter = letter(plan, item)?;
    check_consent(plan, letter, item)?;
    let to = recipient(item)?;
    let id = format!("<{}@{}>", item.key, plan.from.address.domain());
    let mut head = head(plan, letter, item, &to, &id, now)?;
    let lookup = |name: &str| field(item, name);
    let filled = |template: &crate::template::Template, place| {
        template
            .render(place, &lookup)
            .map_err(|name| Outcome::rejected(Some(&name), "the template needs this field"))
    };
    let subject = filled(&letter.subject, Place::Text)?;
    head.push_str(&header("Subject", &subject));
    head.push_str("MIME-Version: 1.0\r\n");
    let text = letter
        .text
        .as_ref()
        .map(|it| filled(it, Place::Text))
        .transpose()?;
    let html = letter
        .html
        .as_ref()
        .map(|it| filled(it, Place::Html))
        .transpose()?;
    head.push_str(&body(&item.key, text.as_deref(), html.as_deref()));
    Ok(Message {
        to,
        id,
        bytes: head.into_bytes(),
    })
}

fn letter<'a>(plan: &'a Plan, item: &Item) -> Result<&'a Letter, Outcome> {
    let only = || match plan.templates.len() {
        1 => plan.templates.values().next(),
        _ => None,
    };
    match field(item, TEMPLATE) {
        Some(name) => plan.templates.get(&name).ok_or_else(|| {
            Outcome::rejected(Some(TEMPLATE), "no template has this name in the settings")
        }),
        None => only().ok_or_else(|| {
            Outcome::rejected(Some(TEMPLATE), "there are several templates; name one")
        }),
    }
}

/// The newest decision on marketing by e-mail counts.
fn check_consent(plan: &Plan, letter: &Letter, item: &Item) -> Result<(), Outcome> {
    if letter.transactional {
        return Ok(());
    }
    let about_mail = |topic: &ConsentTopic| *topic == ConsentTopic::EmailMarketing;
    let decided = item
        .consents
        .iter()
        .filter(|consent| about_mail(&consent.topic))
        .max_by_key(|consent| consent.decided_at)
        .map(|consent| consent.state);
    match (plan.consent, decided) {
        (_, Some(ConsentState::Withdrawn)) => Err(Outcome::rejected(
            None,
            "the person has withdrawn consent to `email-marketing`",
        )),
        (_, Some(ConsentState::Pending)) => Err(Outcome::rejected(
            None,
            "the person has not confirmed consent to `email-marketing`; a message that asks for it is \
             `transactional`",
        )),
        (ConsentRule::Granted, None) => Err(Outcome::rejected(
            None,
            "the person has not given consent to `email-marketing`",
        )),
        _ => Ok(()),
    }
}

fn recipient(item: &Item) -> Result<Address, Outcome> {
    let of_profile = || {
        item.identifiers
            .iter()
            .find_map(|identifier| match identifier {
                Identifier::Email(address) => Some(address.clone()),
                _ => None,
            })
    };
    let address = field(item, TO)
        .or_else(of_profile)
        .ok_or_else(|| Outcome::rejected(Some(TO), "the profile has no e-mail address"))?;
    Address::parse(&address)
        .map_err(|reason| Outcome::rejected(Some(TO), format!("no usable address: {reason}")))
}

fn head(
    plan: &Plan,
    letter: &Letter,
    item: &Item,
    to: &Address,
    id: &str,
    now: SystemTime,
) -> Result<String, Outcome> {
    // RFC 5322 wants a zone in figures where HTTP says `GMT`.
    let date = httpdate::fmt_http_date(now).replace("GMT", "+0000");
    let mut head = tokens("Date", &[&date]);
    head.push_str(&tokens("Message-ID", &[id]));
    head.push_str(&mailbox(
        "From",
        &plan.from.name,
        plan.from.address.as_str(),
    ));
    let name = field(item, TO_NAME).unwrap_or_default();
    head.push_str(&mailbox("To", &name, to.as_str()));
    if let Some(reply_to) = &plan.reply_to {
        let line = mailbox("Reply-To", &reply_to.name, reply_to.address.as_str());
        head.push_str(&line);
    }
    if let Some(id) = &letter.list_id {
        head.push_str(&tokens("List-Id", &[id]));
    }
    if letter.transactional {
        head.push_str("Auto-Submitted: auto-generated\r\n");
    } else if let Some(url) = field(item, UNSUBSCRIBE_URL) {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>,".contains(&byte);
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || !url.bytes().all(is_plain) || url.len() > LONGEST_URL {
            let reason = "expected an address that starts with `https://`";
            return Err(Outcome::rejected(Some(UNSUBSCRIBE_URL), reason));
        }
        head.push_str(&tokens("List-Unsubscribe", &[&format!("<{url}>")]));
        head.push_str("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    }
    Ok(head)
}

/// Content headers and content: one part, or both as alternatives, the better one last.
fn body(key: &str, text: Option<&str>, html: Option<&str>) -> String {
    let part = |kind: &str, content: &str| {
        format!(
            "Content-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(content)
        )
    };
    match (text, html) {
        (Some(text), Some(html)) => {
            // `=_` never stands in quoted-printable text (RFC 2045 §6.7).
            let border = format!("=_{key}");
            format!(
                "Content-Type: multipart/alternative;\r\n boundary=\"{border}\"\r\n\r\n\
                 --{border}\r\n{}\r\n--{border}\r\n{}\r\n--{border}--\r\n",
                part("plain", text),
                part("html", html)
            )
        }
        (Some(text), None) => part("plain", text),
        (None, html) => part("html", html.unwrap_or_default()),
    }
}

/// A field's value as text; empty and absent are the same.
fn field(item: &Item, name: &str) -> Option<String> {
    let value = item.fields.iter().find(|field| field.name == name)?;
    let text = match serde_json::Value::from(&value.value) {
        serde_json::Value::Null => return None,
        serde_json::Value::String(text) => text,
        other => match &value.value {
            Value::Json(text) => text.clone(),
            _ => other.to_string(),
        },
    };
    Some(text).filter(|text| !text.trim().is_empty())
}
