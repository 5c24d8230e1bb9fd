//! From rows to records.

mod activity;
mod person;
mod things;

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::Tombstone;
use crosspoint_sdk::{Attribute, Body, Identifier, Instant, Record, RecordKind, Value};

use crate::object::{Object, View};
use crate::settings::Settings;
use crate::shape::Shape;

pub use person::{CONSENTS_PER_ROW, consent_fields};

/// Why a row cannot become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field at fault.
    pub field: String,
    /// What was expected.
    pub reason: String,
}

impl Problem {
    fn new(field: &str, reason: impl ToString) -> Self {
        Self {
            field: field.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// The records of one row: none, one, or one per decision.
///
/// # Errors
/// The field that cannot be used.
pub fn records(
    row: &Json,
    id: &str,
    stamp: Instant,
    object: Object,
    view: View,
    shape: &Shape,
    settings: &Settings,
) -> Result<Vec<Record>, Problem> {
    let is_deleted = row.is_true_at("IsDeleted");
    let row = Row {
        json: row,
        id,
        stamp,
        shape,
        settings,
    };
    if view == View::Consents {
        return Ok(if is_deleted {
            Vec::new()
        } else {
            person::consents(&row)
        });
    }
    if is_deleted {
        return Ok(tombstone(&row, object).into_iter().collect());
    }
    Ok(match object {
        Object::Lead | Object::Contact => vec![person::contact(&row, object)?],
        Object::Account | Object::User => vec![things::content(&row, object)],
        Object::Opportunity => vec![things::order(&row)?],
        Object::Task | Object::Event => activity::event(&row, object)?.into_iter().collect(),
    })
}

/// A row and what is needed to understand it.
struct Row<'a> {
    json: &'a Json,
    id: &'a str,
    stamp: Instant,
    shape: &'a Shape,
    settings: &'a Settings,
}

impl Row<'_> {
    fn text(&self, field: &str) -> Option<String> {
        self.json.text_at(field).map(str::to_owned)
    }

    fn instant(&self, field: &str) -> Result<Option<Instant>, Problem> {
        let text = self.json.text_at(field);
        text.map(|text| instant::parse(text, 0).map_err(|error| Problem::new(field, error)))
            .transpose()
    }

    /// Everything that is not taken, under the vendor's names. Instants are told by `describe`.
    fn attributes(&self, taken: &[&str]) -> Vec<Attribute> {
        let always = ["attributes", "Id"];
        let members = self.json.members().iter().filter(|(name, _)| {
            !always.contains(&name.as_str()) && !taken.contains(&name.as_str())
        });
        members
            .map(|(name, json)| {
                let instant = json
                    .text()
                    .filter(|_| self.shape.instants.contains(name))
                    .and_then(|text| instant::parse(text, 0).ok());
                Attribute::new(
                    name,
                    instant.map_or_else(|| Value::from(json), Value::Instant),
                )
            })
            .collect()
    }
}

/// The recycle bin holds it, or a merge took it away. A deleted activity belongs to whom it was
/// with; one with nobody never was a record.
fn tombstone(row: &Row<'_>, object: Object) -> Option<Record> {
    let customer = |field: &str| row.text(field).map(Identifier::Customer);
    let (kind, identifiers) = match object {
        Object::Lead | Object::Contact => (
            RecordKind::Contact,
            vec![Identifier::Customer(row.id.to_owned())],
        ),
        Object::Account | Object::User => (RecordKind::Content, Vec::new()),
        Object::Opportunity => (
            RecordKind::Order,
            customer("ContactId").into_iter().collect(),
        ),
        Object::Task | Object::Event => (RecordKind::Event, vec![customer("WhoId")?]),
    };
    let body = Body::Tombstone(Tombstone {
        kind,
        deleted_at: row.stamp,
        erasure: false,
    });
    let mut record = Record::new(row.id, row.stamp, body);
    record.identifiers = identifiers;
    record.attributes = row
        .text("MasterRecordId")
        .map(|id| Attribute::new("MasterRecordId", id))
        .into_iter()
        .collect();
    Some(record)
}
