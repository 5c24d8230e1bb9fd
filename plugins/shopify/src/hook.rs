//! Webhooks: what each topic brings. Bodies are trusted where they are complete; else the stream is
//! read soon.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::Tombstone;
use crosspoint_sdk::{
    Body, Context, Identifier, Instant, Level, Received, Record, RecordKind, Reject, WebhookRequest,
};

use crate::Settings;
use crate::collect::rejected;
use crate::entity::{ALL, Entity};
use crate::map::{self, rest};

pub(crate) fn receive(ctx: &Context, settings: &Settings, request: &WebhookRequest) -> Received {
    let mut received = Received::empty();
    // The names lose their `x-` from 2026-04 on.
    let header = |name: &str| {
        let older = request.header(&format!("x-shopify-{name}"));
        older.or_else(|| request.header(&format!("shopify-{name}")))
    };
    let topic = header("topic").unwrap_or_default().to_ascii_lowercase();
    let at = header("triggered-at")
        .and_then(|text| instant::parse(text, 0).ok())
        .unwrap_or(request.received_at);
    let text = std::str::from_utf8(&request.body).unwrap_or_default();
    let hook = Hook {
        settings,
        request,
        at,
        body: Json::parse(text).unwrap_or(Json::Null),
    };
    // Topics such as `customer.tags_added` have dots instead of slashes.
    let topic = topic.replace('.', "/");
    match topic.as_str() {
        "customers/create" | "customers/update" | "customers/enable" | "customers/disable" => {
            hook.object(&mut received, Entity::Customers);
        }
        "customers/delete" => hook.deleted(&mut received, Entity::Customers, false),
        "customers/redact" => {
            hook.deleted(&mut received, Entity::Customers, true);
            hook.redacted_orders(&mut received);
        }
        "customers/data_request" | "shop/redact" => {
            ctx.log(
                Level::Warn,
                format_args!(
                    "Shopify sent `{topic}`, which a person has to answer; see quarantine"
                ),
            );
            let reason = "asks a person to act; drop it when that is done";
            hook.reject(&mut received, Entity::Customers, reason);
        }
        "orders/delete" => hook.deleted(&mut received, Entity::Orders, false),
        "orders/edited" | "refunds/create" => poke(&mut received, Entity::Orders),
        "products/delete" => hook.deleted(&mut received, Entity::Products, false),
        "app/uninstalled" => {
            ctx.log(Level::Warn, "the app was uninstalled from the shop");
        }
        "bulk_operations/finish" => {
            ALL.into_iter()
                .for_each(|entity| poke(&mut received, entity));
        }
        _ => match topic.split('/').next().unwrap_or_default() {
            "orders" => hook.object(&mut received, Entity::Orders),
            // No currency stands with a webhook's prices.
            "products" => poke(&mut received, Entity::Products),
            // Not every checkout is an abandoned one, nor under the same id.
            "checkouts" => poke(&mut received, Entity::Carts),
            "customers"
            | "customer"
            | "customer_tags"
            | "customers_marketing_consent"
            | "customers_email_marketing_consent" => poke(&mut received, Entity::Customers),
            _ => {
                let reason = "is of a topic that nothing is read from: unsubscribe from it";
                hook.reject(&mut received, Entity::Customers, reason);
            }
        },
    }
    received
}

fn poke(received: &mut Received, entity: Entity) {
    received.poke.push(entity.stream().to_owned());
}

struct Hook<'a> {
    settings: &'a Settings,
    request: &'a WebhookRequest,
    /// When the vendor made the call.
    at: Instant,
    body: Json,
}

impl Hook<'_> {
    /// The object that the body is.
    fn object(&self, received: &mut Received, entity: Entity) {
        if self.body.text_at("id").is_none() {
            self.reject(received, entity, "is no object with an id");
            return;
        }
        let node = match entity {
            Entity::Orders => rest::order(&self.body),
            _ => rest::customer(&self.body),
        };
        if entity == Entity::Orders {
            if node.is_true_at("test") && !self.settings.test_orders {
                return;
            }
            if !rest::is_complete(&node) {
                poke(received, entity);
                return;
            }
        }
        let part = received.part(entity.stream());
        match map::records(entity, &node) {
            Ok(records) => part.records.extend(records),
            Err(fault) => part.rejects.push(rejected(entity, &node, fault)),
        }
    }

    fn deleted(&self, received: &mut Received, entity: Entity, erasure: bool) {
        let id = self.body.text_at("id").filter(|_| !erasure);
        match id.or_else(|| self.body.text_at("customer.id")) {
            Some(id) => {
                let record = self.tombstone(entity, id, erasure);
                received.part(entity.stream()).records.push(record);
            }
            None => self.reject(received, entity, "names no object by its id"),
        }
    }

    fn redacted_orders(&self, received: &mut Received) {
        let ids = self
            .body
            .get("orders_to_redact")
            .map_or(&[][..], Json::items);
        for id in ids.iter().filter_map(Json::text) {
            let record = self.tombstone(Entity::Orders, id, true);
            received.part("orders").records.push(record);
        }
    }

    fn tombstone(&self, entity: Entity, id: &str, erasure: bool) -> Record {
        let id = map::number_of(id).to_owned();
        let kind = match entity {
            Entity::Customers => RecordKind::Contact,
            Entity::Orders => RecordKind::Order,
            Entity::Products => RecordKind::Product,
            Entity::Carts => RecordKind::Cart,
        };
        let tombstone = Tombstone {
            kind,
            deleted_at: self.at,
            erasure,
        };
        let mut record = Record::new(id.clone(), self.at, Body::Tombstone(tombstone));
        if entity == Entity::Customers {
            record.identifiers.push(Identifier::Customer(id));
        }
        record
    }

    fn reject(&self, received: &mut Received, entity: Entity, reason: &str) {
        let topic = self.request.header("x-shopify-topic").unwrap_or("webhook");
        let id = self.request.header("x-shopify-webhook-id").unwrap_or("?");
        received.part(entity.stream()).rejects.push(Reject {
            locator: format!("{topic}/{id}"),
            field: None,
            reason: reason.to_owned(),
            raw: self.request.body.clone(),
        });
    }
}
