//! Reads a WooCommerce shop and writes its customers and coupons, over the REST API v3. Start
//! reading at [`WooCommerce`]; `read` pages through lists, `hook` takes webhooks, `map` makes records
//! of the shop's objects, `deliver` writes.
//!
//! # Invariants
//! - Times are asked for in UTC, in the one notation that the shop does not shift
//!   (`tests::read::changes_are_asked_for_in_utc`).
//! - Rows that move while a list is read are not lost
//!   (`tests::read::rows_that_move_are_not_lost`, `tests::read::deleted_rows_hide_no_others`).
//! - Who ordered without an account is a contact (`tests::map::guests_are_contacts`).
//! - An object is the same record by list and by webhook
//!   (`tests::hook::a_webhook_makes_the_same_record`).
//! - No success is claimed without the shop's answer (`tests::deliver::status_decides`).
//! - One item that is refused leaves its neighbours alone (`tests::deliver::poisoned_neighbour`).
//!
//! # Not here
//! Credentials, signatures, retries and the rate of requests: the host's.

mod client;
mod cursor;
mod decimal;
mod deliver;
mod entity;
mod hook;
mod map;
mod read;
mod settings;
#[cfg(test)]
mod tests;

use crosspoint_sdk::{
    Action, Batch, Budget, Context, Destination, Error, Outcome, Page, Received, Reject, Source,
    Stream, WebhookRequest,
};

use crate::client::{Client, answer};
use crate::cursor::Cursor;
use crate::entity::{ALL, Entity};

pub use settings::Settings;

/// The plugin.
pub struct WooCommerce;

impl Source for WooCommerce {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        Ok(ALL
            .into_iter()
            .map(|entity| entity.describe(settings))
            .collect())
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        settings.validate()?;
        let entity = Entity::of(stream)?;
        let cursor = Cursor::decode(cursor)?;
        read::read(Client::new(ctx, settings), settings, entity, cursor, budget)
    }

    fn receive(
        _: &Context,
        settings: &Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        Ok(hook::receive(settings, &request))
    }

    fn retry(
        _: &Context,
        settings: &Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        let entity = Entity::of(stream)?;
        let mut page = Page::empty();
        for raw in raw {
            match map::from_quarantine(entity, &raw) {
                Ok(node) => match map::records(settings, entity, &node) {
                    Ok(records) => page.records.extend(records),
                    Err(fault) => page.rejects.push(map::rejected(entity, &node, fault)),
                },
                Err(error) => page.rejects.push(Reject {
                    locator: "retry".to_owned(),
                    field: None,
                    reason: error.to_string(),
                    raw,
                }),
            }
        }
        Ok(page)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        answer(client.get("orders").query("per_page", 1))?;
        Ok(())
    }
}

impl Destination for WooCommerce {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        Ok(deliver::actions())
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        deliver::deliver(&Client::new(ctx, settings), settings, &batch)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        answer(client.get("customers").query("per_page", 1))?;
        Ok(())
    }
}

crosspoint_sdk::connector!(WooCommerce);
