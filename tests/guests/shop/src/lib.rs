//! A shop whose orders come by poll and by webhook, and which does on request what a plugin must
//! not do in `receive`. Start reading at [`Shop`].
//!
//! # Not here
//! What the tests expect of it: `host/api/src/http/hooks/tests.rs`.

use crosspoint_sdk::model::{Body, Identifier, OrderStatus, Tombstone};
use crosspoint_sdk::{
    Budget, Context, Deletes, Error, Money, Page, Received, Record, RecordKind, Reject, Source,
    Stream, WebhookRequest, serde_json,
};
use serde::Deserialize;

/// The plugin.
pub struct Shop;

/// The connector's settings.
#[derive(Deserialize)]
pub struct Settings {
    url: String,
}

/// An order as the shop tells of it.
#[derive(Deserialize)]
struct Told {
    id: String,
    customer: String,
    total: String,
    placed_at: i64,
    updated_at: i64,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct Listed {
    orders: Vec<Told>,
    next: u64,
    more: bool,
}

/// The body of a call.
#[derive(Deserialize)]
#[serde(tag = "topic", content = "value", rename_all = "kebab-case")]
enum Called {
    Order(Told),
    /// Something changed, but the call does not say what.
    Changed,
    /// What a plugin must not do.
    Fail,
    Panic,
    ForeignStream,
}

impl Told {
    fn record(self) -> Record {
        let (id, at) = (self.id, self.updated_at);
        let body = match self.deleted {
            true => Body::Tombstone(Tombstone {
                kind: RecordKind::Order,
                deleted_at: at,
                erasure: false,
            }),
            false => {
                let total = Money::new(self.total, "EUR");
                let order =
                    crosspoint_sdk::model::Order::new(OrderStatus::Paid, self.placed_at, total);
                Body::Order(order)
            }
        };
        let mut record = Record::new(id, at, body);
        record.identifiers = vec![Identifier::Customer(self.customer)];
        record
    }
}

impl Source for Shop {
    type Settings = Settings;

    fn streams(_: &Context, _: &Settings) -> Result<Vec<Stream>, Error> {
        let stream = |name: &str, kind, webhook| Stream {
            name: name.to_owned(),
            kind,
            description: format!("The shop's {name}."),
            incremental: true,
            webhook,
            deletes: Deletes::Tombstones,
        };
        Ok(vec![
            stream("orders", RecordKind::Order, true),
            stream("products", RecordKind::Product, false),
        ])
    }

    fn read(
        ctx: &Context,
        settings: &Settings,
        stream: &str,
        cursor: Option<&[u8]>,
        _: Budget,
    ) -> Result<Page, Error> {
        let after = cursor.map_or("0".into(), String::from_utf8_lossy);
        let call = ctx.http_at(&settings.url).get(stream).query("after", after);
        let listed: Listed = call.json()?;
        let mut page = Page::empty();
        page.records = listed.orders.into_iter().map(Told::record).collect();
        page.next_cursor = listed.next.to_string().into_bytes();
        page.more = listed.more;
        Ok(page)
    }

    fn receive(_: &Context, _: &Settings, request: WebhookRequest) -> Result<Received, Error> {
        let mut received = Received::empty();
        match serde_json::from_slice(&request.body) {
            Ok(Called::Order(told)) => received.part("orders").records.push(told.record()),
            Ok(Called::Changed) => received.poke.push("orders".to_owned()),
            Ok(Called::Fail) => return Err(Error::Transient("not now".to_owned())),
            Ok(Called::Panic) => panic!("as asked"),
            Ok(Called::ForeignStream) => {
                received.part("products");
            }
            Err(error) => received
                .part("orders")
                .rejects
                .push(reject(&error, request.body)),
        }
        Ok(received)
    }

    fn retry(_: &Context, _: &Settings, _: &str, raw: Vec<Vec<u8>>) -> Result<Page, Error> {
        let mut page = Page::empty();
        for raw in raw {
            // By now the plugin understands orders that no topic names.
            match serde_json::from_slice::<Told>(&raw) {
                Ok(told) => page.records.push(told.record()),
                Err(error) => page.rejects.push(reject(&error, raw)),
            }
        }
        Ok(page)
    }

    fn check(_: &Context, _: &Settings) -> Result<(), Error> {
        Ok(())
    }
}

fn reject(error: &serde_json::Error, raw: Vec<u8>) -> Reject {
    Reject {
        locator: "a call".to_owned(),
        field: None,
        reason: error.to_string(),
        raw,
    }
}

crosspoint_sdk::source!(Shop);
