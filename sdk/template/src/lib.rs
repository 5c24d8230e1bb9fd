//! Reads customers from a shop's API and writes them back. Replace the shop by your vendor: the
//! paths and fields below are the only things that are made up.
//!
//! # Invariants
//! - Where the next read goes on is part of what is yielded (`a_page_becomes_contacts_and_a_cursor`).
//! - One item that fails does not fail its neighbours
//!   (`each_item_has_the_outcome_of_its_own_request`).
//!
//! # Not here
//! Credentials, retries and rate limits: the host has them.

mod client;
#[cfg(test)]
mod tests;

use crosspoint_sdk::model::Contact;
use crosspoint_sdk::{
    Action, ActionKind, Attribute, Batch, Body, Budget, Context, Deletes, Destination, Error,
    Identifier, Outcome, Page, Record, RecordKind, Source, Stream, serde_json,
};
use serde::Deserialize;

use client::{Client, Customer};

/// What the operator configures; the manifest names and checks the same.
#[derive(Debug, Deserialize)]
pub struct Settings {
    url: String,
}

/// The plugin.
pub struct Shop;

const STREAM: &str = "customers";

impl Source for Shop {
    type Settings = Settings;

    fn streams(_: &Context, _: &Settings) -> Result<Vec<Stream>, Error> {
        Ok(vec![Stream {
            name: STREAM.to_owned(),
            kind: RecordKind::Contact,
            description: "The shop's customers.".to_owned(),
            incremental: true,
            webhook: false,
            deletes: Deletes::NotReported,
        }])
    }

    /// The cursor is the vendor's own token of the next page.
    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        if stream != STREAM {
            return Err(Error::Unsupported(format!("there is no stream `{stream}`")));
        }
        let token = String::from_utf8_lossy(cursor.unwrap_or_default());
        let found = Client::new(ctx, settings).customers(&token, budget.records)?;
        let mut page = Page::empty();
        page.more = found.next.is_some();
        page.next_cursor = found
            .next
            .map_or_else(|| token.as_bytes().to_vec(), String::into_bytes);
        page.records = found.customers.into_iter().map(record).collect();
        Ok(page)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        Client::new(ctx, settings).customers("", 1).map(drop)
    }
}

/// What no field takes becomes an attribute: nothing that a vendor sends is dropped.
fn record(customer: Customer) -> Record {
    let contact = Contact {
        first_name: customer.first_name,
        ..Contact::default()
    };
    let body = Body::Contact(contact);
    let mut record = Record::new(customer.id.clone(), customer.updated_at_ms, body);
    record.identifiers.push(Identifier::Customer(customer.id));
    record
        .identifiers
        .extend(customer.email.map(Identifier::Email));
    let others = customer.others.into_iter();
    record.attributes = others
        .map(|(name, value)| Attribute::new(name, value.to_string()))
        .collect();
    record
}

impl Destination for Shop {
    type Settings = Settings;

    fn actions(_: &Context, _: &Settings) -> Result<Vec<Action>, Error> {
        // Idempotent: writing the same customer again changes nothing.
        Ok(vec![Action::new(
            ActionKind::UpsertContact,
            "Write a customer's fields",
        )])
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        let client = Client::new(ctx, settings);
        let outcome = |item| match &batch.action {
            ActionKind::UpsertContact => client.write(item),
            other => Ok(Outcome::Unsupported(other.as_str().to_owned())),
        };
        batch.items.iter().map(outcome).collect()
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        <Self as Source>::check(ctx, settings)
    }
}

/// Fields as the vendor wants them.
fn json(fields: &[Attribute]) -> serde_json::Value {
    let pairs = fields.iter();
    let map: serde_json::Map<_, _> = pairs
        .map(|field| (field.name.clone(), (&field.value).into()))
        .collect();
    map.into()
}

crosspoint_sdk::connector!(Shop);
