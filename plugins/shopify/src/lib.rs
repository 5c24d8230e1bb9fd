//! Reads a Shopify shop and writes to its customers, over the GraphQL Admin API. Start reading at
//! [`Shopify`]; `scan` reads what changed, `bulk` the first history, `hook` webhooks, `map` makes
//! records of the vendor's objects, `deliver` writes.
//!
//! # Invariants
//! - Reading on from any cursor gives what one read gives
//!   (`tests::scan::every_cursor_continues`).
//! - An object is the same record whether it came by a page, by a bulk operation or by a webhook
//!   (`tests::map::a_webhook_makes_the_same_record`, `tests::bulk::bulk_equals_pages`).
//! - What a filter of the vendor's lets through by mistake is passed over
//!   (`tests::scan::an_ignored_filter_brings_nothing_twice`).
//! - No token goes to an address that is not a shop's, unless the operator says so
//!   (`tests::settings::only_a_shop_gets_the_token`).
//! - No success is claimed without the vendor's answer (`tests::deliver::status_decides`).
//! - One item that is refused leaves its neighbours alone (`tests::deliver::poisoned_neighbour`).
//! - Consent that the shop knows better is left alone (`tests::deliver::newer_consent_stays`).
//!
//! # Not here
//! Credentials, signatures, retries and the rate of requests: the host's.

mod bulk;
mod client;
mod collect;
mod cursor;
mod deliver;
mod entity;
mod hook;
mod map;
mod probe;
mod scan;
mod settings;
#[cfg(test)]
mod tests;

use crosspoint_sdk::{
    Action, Batch, Budget, Context, Destination, Error, Outcome, Page, Received, Reject, Source,
    Stream, WebhookRequest,
};

use crate::client::Client;
use crate::collect::{Collector, rejected};
use crate::cursor::Cursor;
use crate::entity::{ALL, Entity};

pub use settings::Settings;

/// The plugin.
pub struct Shopify;

impl Source for Shopify {
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
        let collector = Collector::new(Client::new(ctx, settings), settings, entity, budget);
        let Some(bytes) = cursor else {
            return if settings.bulk_history {
                bulk::start(collector)
            } else {
                scan::read(collector, Cursor::start())
            };
        };
        let mut cursor = Cursor::decode(bytes)?;
        match cursor.bulk.take() {
            Some(bulk) => bulk::read(collector, cursor, bulk),
            None => scan::read(collector, cursor),
        }
    }

    fn receive(
        ctx: &Context,
        settings: &Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        Ok(hook::receive(ctx, settings, &request))
    }

    fn retry(_: &Context, _: &Settings, stream: &str, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
        let entity = Entity::of(stream)?;
        let mut page = Page::empty();
        for raw in raw {
            match map::from_quarantine(entity, &raw) {
                Ok(node) => match map::records(entity, &node) {
                    Ok(records) => page.records.extend(records),
                    Err(fault) => page.rejects.push(rejected(entity, &node, fault)),
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
        probe::check(&Client::new(ctx, settings), &probe::SOURCE)
    }
}

impl Destination for Shopify {
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
        probe::check(&Client::new(ctx, settings), &probe::DESTINATION)
    }
}

crosspoint_sdk::connector!(Shopify);
