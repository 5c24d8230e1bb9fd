//! A plugin whose streams are its misdeeds: `read` does what the stream's name says, with the
//! cursor as its argument, and reports what it saw as notices.
//!
//! # Not here
//! The SDK: it would keep some of these from happening.
#![cfg(target_arch = "wasm32")]

mod doors;
mod misdeeds;

wit_bindgen::generate!({ path: "../../../wit/v0.1", world: "connector", generate_all });

use crosspoint::connector::errors::Error;
use crosspoint::connector::model::Record;
use exports::crosspoint::connector::{destination, source};

#[unsafe(link_section = "crosspoint:manifest")]
#[used]
#[allow(unsafe_code)]
static MANIFEST: [u8; include_bytes!("../plugin.toml").len()] = *include_bytes!("../plugin.toml");

struct Misbehaving;

export!(Misbehaving);

/// What a misdeed leaves behind.
#[derive(Default)]
struct Seen {
    records: Vec<Record>,
    cursor: Vec<u8>,
    notices: Vec<String>,
}

impl Seen {
    fn text(text: impl Into<String>) -> Self {
        Self {
            notices: vec![text.into()],
            ..Self::default()
        }
    }
}

impl source::Guest for Misbehaving {
    fn streams() -> Result<Vec<source::Stream>, Error> {
        Ok(vec![])
    }

    fn read(
        stream: String,
        cursor: Option<Vec<u8>>,
        _: source::Budget,
    ) -> Result<source::Page, Error> {
        let argument = String::from_utf8(cursor.unwrap_or_default()).unwrap_or_default();
        let Seen {
            records,
            cursor,
            notices,
        } = misdeeds::commit(&stream, &argument)?;
        Ok(source::Page {
            records,
            rejects: vec![],
            next_cursor: cursor,
            more: false,
            notices,
        })
    }

    fn receive(_: source::WebhookRequest) -> Result<source::Received, Error> {
        Err(Error::Unsupported("no webhooks".to_owned()))
    }

    fn retry(_: String, _: Vec<Vec<u8>>) -> Result<source::Page, Error> {
        Err(Error::Unsupported("no retries".to_owned()))
    }

    fn check() -> Result<(), Error> {
        Ok(())
    }
}

impl destination::Guest for Misbehaving {
    fn actions() -> Result<Vec<destination::Action>, Error> {
        Ok(vec![])
    }

    /// As many outcomes as the first item's list says.
    fn deliver(batch: destination::Batch) -> Result<Vec<destination::Outcome>, Error> {
        let wanted = batch.items[0]
            .list
            .as_ref()
            .and_then(|list| list.parse().ok())
            .unwrap_or(0);
        let ids = batch
            .items
            .iter()
            .map(|item| format!("{:?}", item.identifiers));
        let all = ids.cycle().take(wanted);
        Ok(all
            .map(|ids| destination::Outcome::Done(Some(ids)))
            .collect())
    }

    fn poll(_: String, keys: Vec<String>) -> Result<Vec<destination::Outcome>, Error> {
        Ok(keys.into_iter().map(destination::Outcome::Queued).collect())
    }

    fn read_back(
        _: destination::ActionKind,
        _: Vec<destination::Item>,
    ) -> Result<Vec<destination::Found>, Error> {
        Ok(vec![])
    }

    fn check() -> Result<(), Error> {
        Ok(())
    }
}
