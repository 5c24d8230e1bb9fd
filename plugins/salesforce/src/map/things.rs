//! Accounts, owners and deals.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::map::number::{Notation, currency, decimal};
use crosspoint_sdk::model::{Content, Order, OrderStatus};
use crosspoint_sdk::{Body, Identifier, Money, Record};

use super::{Problem, Row};
use crate::object::Object;

/// An account or an owner: belongs to no person.
pub fn content(row: &Row<'_>, object: Object) -> Record {
    let (kind, taken): (_, &[&str]) = match object {
        Object::User => ("user", &["Name"]),
        _ => ("account", &["Name", "Description", "Website"]),
    };
    let described = object == Object::Account;
    let content = Content {
        kind: kind.to_owned(),
        title: row.text("Name").unwrap_or_default(),
        summary: row.text("Description").filter(|_| described),
        url: row.text("Website").filter(|_| described),
        image_url: None,
        language: None,
        topics: Vec::new(),
        author: None,
        published_at: None,
        expires_at: None,
        published: false,
    };
    let mut record = Record::new(row.id, row.stamp, Body::Content(content));
    record.attributes = row.attributes(taken);
    record
}

/// A deal of a contact: paid when won, cancelled when lost, else pending.
pub fn order(row: &Row<'_>) -> Result<Record, Problem> {
    let status = match (
        row.json.is_true_at("IsWon"),
        row.json.is_true_at("IsClosed"),
    ) {
        (true, _) => OrderStatus::Paid,
        (false, true) => OrderStatus::Cancelled,
        (false, false) => OrderStatus::Pending,
    };
    // The day of closing for what is closed; for the rest that day is a hope.
    let closed = row
        .json
        .text_at("CloseDate")
        .filter(|_| row.json.is_true_at("IsClosed"));
    let placed_at = match closed {
        Some(day) => instant::parse(day, 0).map_err(|error| Problem::new("CloseDate", error))?,
        None => row.instant("CreatedDate")?.unwrap_or(row.stamp),
    };
    let code = row.json.text_at("CurrencyIsoCode");
    let code = code.unwrap_or(&row.settings.currency);
    let code = currency(code).map_err(|_| {
        Problem::new(
            "CurrencyIsoCode",
            "the row names no currency: set `currency` to the org's",
        )
    })?;
    let amount = match row.json.get("Amount") {
        None | Some(Json::Null) => "0".to_owned(),
        Some(amount) => decimal(amount.text().unwrap_or_default(), Notation::Point)
            .map_err(|error| Problem::new("Amount", error))?,
    };
    let order = Order {
        number: row.text("Name"),
        channel: row.text("LeadSource"),
        ..Order::new(status, placed_at, Money::new(amount, code))
    };
    let mut record = Record::new(row.id, row.stamp, Body::Order(order));
    let who = row.text("ContactId").map(Identifier::Customer);
    record.identifiers = who.into_iter().collect();
    record.attributes = row.attributes(&["Name", "LeadSource"]);
    Ok(record)
}
