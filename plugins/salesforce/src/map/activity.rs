//! Tasks and meetings with a lead or contact.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::model::Event;
use crosspoint_sdk::{Body, Identifier, Record};

use super::{Problem, Row};
use crate::object::Object;

/// An activity. One that is with nobody is no fact about a person and yields nothing.
pub fn event(row: &Row<'_>, object: Object) -> Result<Option<Record>, Problem> {
    let Some(who) = row.text("WhoId") else {
        return Ok(None);
    };
    let (name, begins) = match object {
        Object::Task => ("Task Logged", "CompletedDateTime"),
        _ => ("Meeting Scheduled", "StartDateTime"),
    };
    let day = row.json.text_at("ActivityDate");
    let occurred_at = match (row.instant(begins)?, day) {
        (Some(at), _) => at,
        (None, Some(day)) => {
            instant::parse(day, 0).map_err(|error| Problem::new("ActivityDate", error))?
        }
        (None, None) => row.instant("CreatedDate")?.unwrap_or(row.stamp),
    };
    let body = Body::Event(Event {
        name: name.to_owned(),
        occurred_at,
    });
    let mut record = Record::new(row.id, row.stamp, body);
    record.identifiers = vec![Identifier::Customer(who)];
    record.attributes = row.attributes(&[]);
    Ok(Some(record))
}
