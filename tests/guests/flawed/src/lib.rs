//! Reads a list of things, each with a request of its own, and does on request what the contract
//! forbids. Start reading at [`Flaw`].
//!
//! # Not here
//! The vendor, and which check sees which flaw: `tests/conformance/tests/flaws`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use crosspoint_sdk::map::{NotationError, instant};
use crosspoint_sdk::model::{Body, Contact};
use crosspoint_sdk::{
    Budget, Context, Deletes, Error, Instant, Page, Received, Record, RecordKind, Reject, Source,
    Stream, WebhookRequest, serde_json,
};
use serde::{Deserialize, Serialize};

/// The plugin.
pub struct Flawed;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// Nothing.
    None,
    /// Takes things from the vendor's queue, which forgets what it gave.
    Consumes,
    /// Leaves out a thing whose own request failed.
    Swallows,
    /// Asks in words of chance.
    Chance,
    /// Takes the site's time for UTC.
    LocalTime,
    /// Hands the first thing of each page over twice.
    Twice,
    /// Drops what it cannot read.
    Drops,
    /// Takes the time of a call for that of the change.
    CallTime,
}

/// The connector's settings.
#[derive(Deserialize)]
pub struct Settings {
    url: String,
    flaw: Flaw,
}

/// A thing as the vendor tells of it: its time has no zone, and is an hour ahead of UTC.
#[derive(Serialize, Deserialize)]
struct Thing {
    id: String,
    name: String,
    changed: String,
    changed_gmt: String,
}

#[derive(Deserialize)]
struct Listed {
    things: Vec<Place>,
    more: bool,
}

/// A thing and the number of its last change.
#[derive(Deserialize)]
struct Place {
    id: String,
    change: u64,
}

/// Where a read goes on: behind that change.
#[derive(Default, Serialize, Deserialize)]
struct Cursor {
    after: u64,
}

impl Thing {
    fn changed(&self, flaw: Flaw) -> Result<Instant, NotationError> {
        let text = match flaw {
            Flaw::LocalTime => &self.changed,
            _ => &self.changed_gmt,
        };
        instant::parse(text, 0)
    }

    /// Onto the page, as a record or a reject.
    fn hand_over(self, flaw: Flaw, page: &mut Page) {
        match self.changed(flaw) {
            Ok(at) => page.records.push(self.record(at)),
            Err(_) if flaw == Flaw::Drops => {}
            Err(error) => page.rejects.push(Reject {
                locator: format!("things/{}", self.id),
                field: Some("changed_gmt".to_owned()),
                reason: error.to_string(),
                raw: serde_json::to_vec(&self).unwrap_or_default(),
            }),
        }
    }

    fn record(self, at: Instant) -> Record {
        let contact = Contact {
            full_name: Some(self.name),
            ..Contact::default()
        };
        Record::new(self.id, at, Body::Contact(contact))
    }
}

impl Source for Flawed {
    type Settings = Settings;

    fn streams(_: &Context, _: &Settings) -> Result<Vec<Stream>, Error> {
        Ok(vec![Stream {
            name: "things".to_owned(),
            kind: RecordKind::Contact,
            description: "All things.".to_owned(),
            incremental: true,
            webhook: true,
            deletes: Deletes::NotReported,
        }])
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        _: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> Result<Page, Error> {
        let flaw = settings.flaw;
        let expired = |_| Error::CursorExpired("no cursor of ours".to_owned());
        let cursor: Cursor = match cursor {
            Some(bytes) => serde_json::from_slice(bytes).map_err(expired)?,
            None => Cursor::default(),
        };
        let http = ctx.http_at(&settings.url);
        let path = match flaw {
            Flaw::Consumes => "queue",
            _ => "things",
        };
        let mut call = http.get(path).query("limit", budget.records);
        call = call.query("after", cursor.after);
        if flaw == Flaw::Chance {
            call = call.query("nonce", RandomState::new().hash_one(0));
        }
        let listed: Listed = call.json()?;
        let mut page = Page::empty();
        for place in &listed.things {
            let path = format!("things/{}", place.id);
            match http.get(&path).json::<Thing>() {
                Ok(thing) => thing.hand_over(flaw, &mut page),
                Err(_) if flaw == Flaw::Swallows => {}
                Err(error) => return Err(error),
            }
        }
        if flaw == Flaw::Twice {
            page.records.extend(page.records.first().cloned());
        }
        let last = listed.things.last();
        let after = last.map_or(cursor.after, |place| place.change);
        page.next_cursor = serde_json::to_vec(&Cursor { after }).unwrap_or_default();
        page.more = listed.more;
        Ok(page)
    }

    fn receive(
        _: &Context,
        settings: &Settings,
        request: WebhookRequest,
    ) -> Result<Received, Error> {
        let mut received = Received::empty();
        let fatal = |error: &dyn std::error::Error| Error::Fatal(error.to_string());
        let thing: Thing = serde_json::from_slice(&request.body).map_err(|it| fatal(&it))?;
        let at = match settings.flaw {
            Flaw::CallTime => request.received_at,
            flaw => thing.changed(flaw).map_err(|it| fatal(&it))?,
        };
        received.part("things").records.push(thing.record(at));
        Ok(received)
    }

    fn retry(_: &Context, settings: &Settings, _: &str, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
        let mut page = Page::empty();
        let things = raw
            .iter()
            .filter_map(|raw| serde_json::from_slice(raw).ok());
        things.for_each(|thing: Thing| thing.hand_over(settings.flaw, &mut page));
        Ok(page)
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        let call = ctx.http_at(&settings.url).get("things").query("limit", 1);
        call.json::<Listed>().map(drop)
    }
}

crosspoint_sdk::source!(Flawed);
