//! The objects that are read, and the streams that come of them.

use crosspoint_sdk::{Deletes, RecordKind, Stream};
use serde::Deserialize;

/// A standard object of Sales Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Object {
    /// Somebody who may become a customer.
    Lead,
    /// A person at an account.
    Contact,
    /// A company, or a person where person accounts are on.
    Account,
    /// A deal.
    Opportunity,
    /// Somebody who works with Salesforce: the owner of the others.
    User,
    /// A call, mail or to-do.
    Task,
    /// A meeting.
    Event,
}

/// What of an object a stream yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The object itself.
    Whole,
    /// The decisions in its opt-out boxes.
    Consents,
}

/// Every stream: name, object, view, kind, description.
const STREAMS: [(&str, Object, View, RecordKind, &str); 9] = [
    (
        "leads",
        Object::Lead,
        View::Whole,
        RecordKind::Contact,
        "People who may become customers (Lead).",
    ),
    (
        "contacts",
        Object::Contact,
        View::Whole,
        RecordKind::Contact,
        "People at accounts (Contact).",
    ),
    (
        "accounts",
        Object::Account,
        View::Whole,
        RecordKind::Content,
        "Companies (Account).",
    ),
    (
        "opportunities",
        Object::Opportunity,
        View::Whole,
        RecordKind::Order,
        "Deals of a contact; won ones count as paid (Opportunity).",
    ),
    (
        "users",
        Object::User,
        View::Whole,
        RecordKind::Content,
        "Owners of leads, contacts and deals (User).",
    ),
    (
        "tasks",
        Object::Task,
        View::Whole,
        RecordKind::Event,
        "Calls, mails and to-dos with a lead or contact (Task).",
    ),
    (
        "events",
        Object::Event,
        View::Whole,
        RecordKind::Event,
        "Meetings with a lead or contact (Event).",
    ),
    (
        "lead-consents",
        Object::Lead,
        View::Consents,
        RecordKind::Consent,
        "Opt-outs of leads.",
    ),
    (
        "contact-consents",
        Object::Contact,
        View::Consents,
        RecordKind::Consent,
        "Opt-outs of contacts.",
    ),
];

impl Object {
    /// Its API name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Contact => "Contact",
            Self::Account => "Account",
            Self::Opportunity => "Opportunity",
            Self::User => "User",
            Self::Task => "Task",
            Self::Event => "Event",
        }
    }

    /// The object whose ids start with these three characters, where it holds people.
    pub fn of_person_id(id: &str) -> Option<Self> {
        match id.get(..3) {
            Some("003") => Some(Self::Contact),
            Some("00Q") => Some(Self::Lead),
            _ => None,
        }
    }
}

/// The object and view behind a stream.
pub fn of_stream(name: &str) -> Option<(Object, View)> {
    let found = STREAMS.iter().find(|(stream, ..)| *stream == name);
    found.map(|(_, object, view, ..)| (*object, *view))
}

/// The streams of these objects, always in the same order.
pub fn streams(objects: &[Object]) -> Vec<Stream> {
    let chosen = STREAMS
        .iter()
        .filter(|(_, object, ..)| objects.contains(object));
    chosen
        .map(|(name, object, view, kind, description)| Stream {
            name: (*name).to_owned(),
            kind: *kind,
            description: (*description).to_owned(),
            incremental: true,
            webhook: false,
            deletes: match (object, view) {
                // Users are deactivated, never deleted; a decision outlives the record.
                (Object::User, _) | (_, View::Consents) => Deletes::NotReported,
                _ => Deletes::Tombstones,
            },
        })
        .collect()
}
