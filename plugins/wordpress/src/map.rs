//! From rows to records.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::{Contact, Content, Event, Tombstone};
use crosspoint_sdk::{Body, Identifier, Instant, Record, RecordKind};

use crate::html;
use crate::stream::Kind;

/// Why a row cannot become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The member at fault.
    pub field: &'static str,
    /// What was expected.
    pub reason: String,
}

/// The record of one row. `changed_at`: when it was first seen with this content, for rows that
/// have no instant of change.
///
/// # Errors
/// The member that cannot be used.
pub fn record(row: &Json, kind: &Kind, changed_at: Option<Instant>) -> Result<Record, Problem> {
    let id = row.text_at("id").ok_or_else(|| Problem {
        field: "id",
        reason: "expected a number".to_owned(),
    })?;
    match kind {
        Kind::Content => content(row, id),
        Kind::Term => Ok(term(row, id, changed_at.unwrap_or(0))),
        Kind::User => user(row, id, changed_at),
        Kind::Comment => comment(row, id, changed_at),
    }
}

/// UTC without offset. A draft that never had a date holds none, or zeros.
fn utc(row: &Json, field: &'static str) -> Result<Option<Instant>, Problem> {
    let text = row.text_at(field).filter(|text| !text.starts_with("0000"));
    text.map(|text| {
        instant::parse(text, 0).map_err(|error| Problem {
            field,
            reason: error.to_string(),
        })
    })
    .transpose()
}

fn required(at: Option<Instant>, field: &'static str) -> Result<Instant, Problem> {
    at.ok_or_else(|| Problem {
        field,
        reason: "expected an instant such as `2026-11-21T19:24:51`".to_owned(),
    })
}

/// Text as the author wrote it where it may be seen, else as it is shown.
fn text(row: &Json, name: &str) -> Option<String> {
    let part = row.get(name)?;
    let raw = part.text_at("raw").map(str::to_owned);
    let shown = || part.text_at("rendered").map(html::text);
    raw.or_else(shown).filter(|text| !text.trim().is_empty())
}

fn content(row: &Json, id: &str) -> Result<Record, Problem> {
    let published_at = utc(row, "date_gmt")?;
    let modified_at = match utc(row, "modified_gmt")? {
        Some(at) => at,
        None => required(utc(row, "modified")?, "modified_gmt")?,
    };
    let status = row.text_at("status").unwrap_or("publish");
    if status == "trash" {
        let body = Body::Tombstone(Tombstone {
            kind: RecordKind::Content,
            deleted_at: modified_at,
            erasure: false,
        });
        return Ok(Record::new(id, modified_at, body));
    }
    let is_published = status == "publish";
    let classes = row.get("class_list").map_or(&[][..], Json::items);
    let topics = classes.iter().filter_map(Json::text).filter_map(|class| {
        let topic = class
            .strip_prefix("category-")
            .or_else(|| class.strip_prefix("tag-"));
        topic.map(str::to_owned)
    });
    let content = Content {
        kind: row.text_at("type").unwrap_or("post").to_owned(),
        title: text(row, "title").unwrap_or_default(),
        summary: text(row, "excerpt"),
        url: row.text_at("link").map(str::to_owned),
        image_url: None,
        language: None,
        topics: topics.collect(),
        author: None,
        published_at: published_at.filter(|_| is_published),
        expires_at: None,
        published: is_published,
    };
    // A scheduled post is published without being modified.
    let updated_at = match published_at {
        Some(at) if is_published => modified_at.max(at),
        _ => modified_at,
    };
    let mut record = Record::new(id, updated_at, Body::Content(content));
    record.attributes =
        row.attributes_except(&["id", "title", "excerpt", "link", "type", "_links"]);
    Ok(record)
}

fn term(row: &Json, id: &str, updated_at: Instant) -> Record {
    let own = |name: &str| row.text_at(name).map(html::text);
    let content = Content {
        kind: row.text_at("taxonomy").unwrap_or("term").to_owned(),
        title: own("name").unwrap_or_default(),
        summary: own("description"),
        url: row.text_at("link").map(str::to_owned),
        image_url: None,
        language: None,
        topics: Vec::new(),
        author: None,
        published_at: None,
        expires_at: None,
        published: true,
    };
    let mut record = Record::new(id, updated_at, Body::Content(content));
    record.attributes =
        row.attributes_except(&["id", "name", "description", "link", "taxonomy", "_links"]);
    record
}

fn user(row: &Json, id: &str, changed_at: Option<Instant>) -> Result<Record, Problem> {
    let registered_at = required(utc(row, "registered_date")?, "registered_date")?;
    let own = |name: &str| row.text_at(name).map(str::to_owned);
    let roles = row.get("roles").map_or(&[][..], Json::items);
    let contact = Contact {
        first_name: own("first_name"),
        last_name: own("last_name"),
        full_name: own("name"),
        language: row.text_at("locale").map(|locale| locale.replace('_', "-")),
        tags: roles
            .iter()
            .filter_map(Json::text)
            .map(str::to_owned)
            .collect(),
        created_at: Some(registered_at),
        ..Contact::default()
    };
    let updated_at = changed_at.map_or(registered_at, |at| at.max(registered_at));
    let mut record = Record::new(id, updated_at, Body::Contact(contact));
    record.identifiers = vec![Identifier::Customer(id.to_owned())];
    record
        .identifiers
        .extend(own("email").map(Identifier::Email));
    record.attributes = row.attributes_except(&[
        "id",
        "first_name",
        "last_name",
        "name",
        "locale",
        "roles",
        "registered_date",
        "email",
        "_links",
    ]);
    Ok(record)
}

fn comment(row: &Json, id: &str, changed_at: Option<Instant>) -> Result<Record, Problem> {
    let occurred_at = required(utc(row, "date_gmt")?, "date_gmt")?;
    let body = Body::Event(Event {
        name: "Comment Posted".to_owned(),
        occurred_at,
    });
    let updated_at = changed_at.map_or(occurred_at, |at| at.max(occurred_at));
    let mut record = Record::new(id, updated_at, body);
    let author = row.text_at("author").filter(|author| *author != "0");
    record.identifiers = author
        .map(|author| Identifier::Customer(author.to_owned()))
        .into_iter()
        .collect();
    let email = row.text_at("author_email").map(str::to_owned);
    record.identifiers.extend(email.map(Identifier::Email));
    record.attributes = row.attributes_except(&["id", "date_gmt", "_links"]);
    Ok(record)
}
