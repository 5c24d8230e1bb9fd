//! Salesforce Sales Cloud, as source and destination. Start reading at [`Salesforce`]; `read` is the
//! sweep over an object, `map` makes records of rows, `deliver` writes.
//!
//! # Invariants
//! - No row is lost where many have the same stamp, where rows change meanwhile, or where one
//!   appears late with an older stamp (`tests::sweep::any_resumption_yields_every_row`,
//!   `tests::sweep::a_row_that_appears_late_is_found`).
//! - What a cursor or a person's data holds cannot change a query
//!   (`tests::sweep::cursors_that_are_not_ours_start_over`, `tests::deliver::values_are_quoted`).
//! - A used-up limit is no matter of credentials, though it comes with 403
//!   (`tests::faults::status_and_code_decide_the_class`).
//! - A record that the vendor refuses never fails its neighbours, even where the vendor refuses the
//!   whole call (`tests::deliver::poisoned_record_is_found_by_halving`).
//! - Amounts keep every digit in both directions (`tests::map::amounts_keep_every_digit`,
//!   `tests::deliver::golden_upserts`).
//!
//! # Not here
//! Tokens and their renewal, retries, rate limits: the host's.

mod client;
mod cursor;
mod deliver;
mod map;
mod object;
mod read;
mod settings;
mod shape;
#[cfg(test)]
mod tests;

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{
    Action, ActionKind, Batch, Budget, Context, Destination, Error, Found, Item, Outcome, Page,
    Reject, Source, Stream,
};

use client::Client;
pub use object::Object;
use object::View;
pub use settings::{NotOptedOut, Settings};
use shape::Shape;

/// The plugin.
pub struct Salesforce;

impl Source for Salesforce {
    type Settings = Settings;

    fn streams(_: &Context, settings: &Settings) -> Result<Vec<Stream>, Error> {
        settings.validate()?;
        Ok(object::streams(&settings.objects))
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        settings.validate()?;
        read::read(ctx, settings, of_stream(stream)?, cursor, budget)
    }

    fn retry(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        raw: Vec<Vec<u8>>,
    ) -> Result<Page, Error> {
        settings.validate()?;
        let (object, view) = of_stream(stream)?;
        let shape = match Shape::noted(ctx, object) {
            Some(shape) => shape,
            None => Shape::fetch(ctx, &Client::new(ctx, settings), object)?,
        };
        let mut page = Page::empty();
        for raw in raw {
            match again(&raw, object, view, &shape, settings) {
                Ok(records) => page.records.extend(records),
                Err((field, reason)) => page.rejects.push(Reject {
                    locator: object.name().to_owned(),
                    field,
                    reason,
                    raw,
                }),
            }
        }
        Ok(page)
    }

    /// Limits prove credentials and the scope `api`, `describe` the right to read each object.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        client.get("/limits").map_err(Error::from)?;
        for object in &settings.objects {
            let json = shape::describe(&client, *object)?;
            Shape::parse(*object, &json)?;
        }
        Ok(())
    }
}

impl Destination for Salesforce {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        Ok(deliver::actions(settings))
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        deliver::deliver(ctx, settings, &batch)
    }

    fn poll(
        ctx: &Context,
        settings: &Settings,
        job: &str,
        keys: &[String],
    ) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        deliver::erase::poll(ctx, settings, job, keys)
    }

    fn read_back(
        ctx: &Context,
        settings: &Settings,
        action: ActionKind,
        items: Vec<Item>,
    ) -> Result<Vec<Found>, Error> {
        settings.validate()?;
        deliver::read_back(ctx, settings, &action, &items)
    }

    /// Besides what the source proves: the external id field can be written by.
    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let client = Client::new(ctx, settings);
        if settings.external_id_field.is_empty() {
            return client.get("/limits").map(|_| ()).map_err(Error::from);
        }
        let json = shape::describe(&client, settings.person_object)?;
        let fields = json.get("fields").map_or(&[][..], Json::items);
        let name = settings.external_id_field.as_str();
        let found = fields
            .iter()
            .find(|field| field.text_at("name") == Some(name));
        let object = settings.person_object.name();
        match found {
            None => Err(Error::invalid(
                "external_id_field",
                format!(
                    "`{object}` has no field `{name}`, or the integration user does not see it"
                ),
            )),
            Some(field) if field.get("externalId") == Some(&Json::Bool(false)) => {
                Err(Error::invalid(
                    "external_id_field",
                    format!("`{object}.{name}` is no external id: tick External ID and Unique"),
                ))
            }
            Some(_) => Ok(()),
        }
    }
}

fn of_stream(stream: &str) -> Result<(Object, View), Error> {
    object::of_stream(stream)
        .ok_or_else(|| Error::invalid("stream", format!("there is no stream `{stream}`")))
}

/// A quarantined row, read as `read` would.
fn again(
    raw: &[u8],
    object: Object,
    view: View,
    shape: &Shape,
    settings: &Settings,
) -> Result<Vec<crosspoint_sdk::Record>, (Option<String>, String)> {
    let no_row = |_| {
        (
            None,
            "expected a row as JSON with `Id` and its stamp".to_owned(),
        )
    };
    let text = std::str::from_utf8(raw).map_err(|_| no_row(()))?;
    let row = Json::parse(text).map_err(|_| no_row(()))?;
    let id = row.text_at("Id").ok_or(()).map_err(no_row)?;
    let stamp = row.text_at(&shape.stamp).ok_or(()).map_err(no_row)?;
    let stamp = instant::parse(stamp, 0).map_err(|_| no_row(()))?;
    map::records(&row, id, stamp, object, view, shape, settings)
        .map_err(|problem| (Some(problem.field), problem.reason))
}

crosspoint_sdk::connector!(Salesforce);
