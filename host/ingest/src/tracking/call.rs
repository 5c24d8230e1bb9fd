//! One call, as the client sent it.

use serde_json::Value as Json;
use smol_str::SmolStr;

use super::value::text_of;
use super::{Fault, Limits};

pub(super) type Object = serde_json::Map<String, Json>;

/// The six types of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum CallKind {
    Alias,
    Group,
    Identify,
    Page,
    Screen,
    Track,
}

impl CallKind {
    /// Reads a type, or the first letter of one, which browsers use in addresses.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "alias" | "a" => Self::Alias,
            "group" | "g" => Self::Group,
            "identify" | "i" => Self::Identify,
            "page" | "p" => Self::Page,
            "screen" | "s" => Self::Screen,
            "track" | "t" => Self::Track,
            _ => return None,
        })
    }

    /// The type; also the name of the event that a call other than `track` makes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Group => "group",
            Self::Identify => "identify",
            Self::Page => "page",
            Self::Screen => "screen",
            Self::Track => "track",
        }
    }
}

/// One call of a batch: JSON that was not looked into yet.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    raw: &'a str,
    /// What the address says, for a call that does not say it itself.
    kind: Option<CallKind>,
    /// Most bytes, where it has more.
    exceeds_bytes: Option<usize>,
}

impl<'a> Call<'a> {
    pub(super) fn new(raw: &'a str, kind: Option<CallKind>, limits: Limits) -> Self {
        let exceeds = raw.len() > limits.call_bytes;
        Self {
            raw,
            kind,
            exceeds_bytes: exceeds.then_some(limits.call_bytes),
        }
    }

    /// As it was sent.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Its fields.
    pub(super) fn fields(&self) -> Result<Object, Fault> {
        if let Some(most) = self.exceeds_bytes {
            let reason = format!("has {} bytes; most are {most}", self.raw.len());
            return Err(Fault::new("call", reason));
        }
        match serde_json::from_str(self.raw) {
            Ok(Json::Object(fields)) => Ok(fields),
            Ok(_) => Err(Fault::new("call", "is no object")),
            // Its text would quote the call.
            Err(error) => Err(Fault::new(
                "call",
                format!("cannot be read at column {}", error.column()),
            )),
        }
    }

    /// Its type: its own, else its address's, else `track` where there is an event.
    pub(super) fn kind(&self, fields: &Object) -> Result<CallKind, Fault> {
        let own = fields.get("type").and_then(Json::as_str);
        let event = || {
            fields
                .get("event")
                .and_then(text_of)
                .map(|_| CallKind::Track)
        };
        own.and_then(|word| CallKind::from_word(&word.trim().to_ascii_lowercase()))
            .or(self.kind)
            .or_else(event)
            .ok_or_else(|| {
                let reason = "is none of alias, group, identify, page, screen, track";
                Fault::new("type", reason)
            })
    }

    /// For a person who looks for it.
    pub(super) fn locator(&self, number: usize, fields: Option<&Object>) -> SmolStr {
        const LONGEST: usize = 100;
        let id = fields.and_then(|fields| text_of(fields.get("messageId")?));
        match id.filter(|id| id.len() <= LONGEST) {
            Some(id) => smol_str::format_smolstr!("call {number} ({id})"),
            None => smol_str::format_smolstr!("call {number}"),
        }
    }
}
