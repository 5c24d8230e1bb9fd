//! A plugin's record in the host's terms, or why it cannot be one.

use crosspoint_model::entry::RejectedInput;
use crosspoint_model::record::{
    Body, Cart, Contact, Content, Engagement, EngagementKind, Event, Order, OrderStatus, Product,
    Record, RecordKind, Submission, Tombstone,
};
use crosspoint_model::{Decimal, Instant};

use smol_str::SmolStr;

use super::parts::{
    Converted, Fault, address, attributes, consent, decimal, identifiers, instant, lines, money,
    some_money, text, texts,
};
use crate::bindings::crosspoint::connector::model as wit;

/// Longest id of a vendor object, in bytes; it is part of store keys.
const MAX_ID_BYTES: usize = 512;

/// Converts, normalizing identifiers and parsing decimals. Borrows, since quarantine keeps what
/// cannot be converted; short texts are copied inline either way.
pub(crate) fn record(connector: &str, given: &wit::Record) -> Converted<Record> {
    if given.id.is_empty() || given.id.len() > MAX_ID_BYTES {
        let reason = format!("has {} bytes; expected 1 to {MAX_ID_BYTES}", given.id.len());
        return Err(Fault {
            field: "id",
            reason,
        });
    }
    let mut attributes = attributes(&given.attributes)?;
    let identifiers = identifiers(connector, &given.identifiers, &mut attributes);
    Ok(Record {
        id: SmolStr::new(&given.id),
        updated_at: Instant(given.updated_at),
        identifiers,
        attributes,
        body: body(&given.body)?,
    })
}

/// What quarantine keeps of a record that cannot be converted: its JSON, for a person to read and
/// for [`yielded`] to try again.
pub(crate) fn rejected_input(given: &wit::Record) -> RejectedInput {
    RejectedInput::Yielded(serde_json::to_vec(given).unwrap_or_default())
}

/// Reads [`rejected_input`].
pub(crate) fn yielded(json: &[u8]) -> Result<wit::Record, serde_json::Error> {
    serde_json::from_slice(json)
}

fn body(given: &wit::Body) -> Converted<Body> {
    Ok(match given {
        wit::Body::Contact(it) => Body::Contact(Box::new(contact(it))),
        wit::Body::Order(it) => Body::Order(Box::new(order(it)?)),
        wit::Body::Product(it) => Body::Product(Box::new(product(it)?)),
        wit::Body::Cart(it) => Body::Cart(Box::new(cart(it)?)),
        wit::Body::Event(it) => {
            if it.name.trim().is_empty() {
                return Err(Fault {
                    field: "name",
                    reason: "an event needs a name".to_owned(),
                });
            }
            Body::Event(Event {
                name: SmolStr::new(&it.name),
                occurred_at: Instant(it.occurred_at),
            })
        }
        wit::Body::Content(it) => Body::Content(Box::new(content(it))),
        wit::Body::Submission(it) => Body::Submission(Box::new(Submission {
            form_id: SmolStr::new(&it.form_id),
            form_name: text(&it.form_name),
            submitted_at: Instant(it.submitted_at),
            origin: attributes(&it.origin)?,
            contact: it.contact.as_ref().map(contact),
        })),
        wit::Body::Consent(it) => Body::Consent(consent(it)),
        wit::Body::Engagement(it) => Body::Engagement(Box::new(engagement(it))),
        wit::Body::Tombstone(it) => Body::Tombstone(Tombstone {
            kind: kind(it.kind),
            deleted_at: Instant(it.deleted_at),
            erasure: it.erasure,
        }),
    })
}

pub(crate) fn kind(given: wit::RecordKind) -> RecordKind {
    match given {
        wit::RecordKind::Contact => RecordKind::Contact,
        wit::RecordKind::Order => RecordKind::Order,
        wit::RecordKind::Product => RecordKind::Product,
        wit::RecordKind::Cart => RecordKind::Cart,
        wit::RecordKind::Event => RecordKind::Event,
        wit::RecordKind::Content => RecordKind::Content,
        wit::RecordKind::Submission => RecordKind::Submission,
        wit::RecordKind::Consent => RecordKind::Consent,
        wit::RecordKind::Engagement => RecordKind::Engagement,
    }
}

fn contact(given: &wit::Contact) -> Contact {
    Contact {
        first_name: text(&given.first_name),
        last_name: text(&given.last_name),
        full_name: text(&given.full_name),
        company: text(&given.company),
        job_title: text(&given.job_title),
        language: text(&given.language),
        time_zone: text(&given.time_zone),
        birthday: text(&given.birthday),
        gender: text(&given.gender),
        address: address(&given.address),
        tags: Some(texts(&given.tags)),
        created_at: instant(given.created_at),
    }
}

fn order(given: &wit::Order) -> Converted<Order> {
    Ok(Order {
        number: text(&given.number),
        status: match &given.status {
            wit::OrderStatus::Pending => OrderStatus::Pending,
            wit::OrderStatus::Paid => OrderStatus::Paid,
            wit::OrderStatus::Fulfilled => OrderStatus::Fulfilled,
            wit::OrderStatus::Cancelled => OrderStatus::Cancelled,
            wit::OrderStatus::Refunded => OrderStatus::Refunded,
            wit::OrderStatus::PartiallyRefunded => OrderStatus::PartiallyRefunded,
            wit::OrderStatus::Other(word) => OrderStatus::Other(SmolStr::new(word)),
        },
        placed_at: Instant(given.placed_at),
        total: money("total", &given.total)?,
        subtotal: some_money("subtotal", &given.subtotal)?,
        tax: some_money("tax", &given.tax)?,
        shipping: some_money("shipping", &given.shipping)?,
        discount: some_money("discount", &given.discount)?,
        refunded: some_money("refunded", &given.refunded)?,
        coupons: texts(&given.coupons),
        channel: text(&given.channel),
        lines: lines(&given.lines)?,
        shipping_address: address(&given.shipping_address),
    })
}

fn product(given: &wit::Product) -> Converted<Product> {
    let stock: Option<Decimal> = given
        .stock
        .as_ref()
        .map(|stock| decimal("stock", stock))
        .transpose()?;
    Ok(Product {
        sku: text(&given.sku),
        name: SmolStr::new(&given.name),
        description: text(&given.description),
        url: text(&given.url),
        image_url: text(&given.image_url),
        price: some_money("price", &given.price)?,
        categories: texts(&given.categories),
        tags: texts(&given.tags),
        stock,
        available: given.available,
    })
}

fn cart(given: &wit::Cart) -> Converted<Cart> {
    Ok(Cart {
        created_at: instant(given.created_at),
        total: some_money("total", &given.total)?,
        lines: lines(&given.lines)?,
        recovery_url: text(&given.recovery_url),
        closed_at: instant(given.closed_at),
        order_id: text(&given.order_id),
    })
}

fn content(given: &wit::Content) -> Content {
    Content {
        kind: SmolStr::new(&given.kind),
        title: SmolStr::new(&given.title),
        summary: text(&given.summary),
        url: text(&given.url),
        image_url: text(&given.image_url),
        language: text(&given.language),
        topics: texts(&given.topics),
        author: text(&given.author),
        published_at: instant(given.published_at),
        expires_at: instant(given.expires_at),
        published: given.published,
    }
}

fn engagement(given: &wit::Engagement) -> Engagement {
    Engagement {
        kind: match given.kind {
            wit::EngagementKind::Sent => EngagementKind::Sent,
            wit::EngagementKind::Delivered => EngagementKind::Delivered,
            wit::EngagementKind::Opened => EngagementKind::Opened,
            wit::EngagementKind::Clicked => EngagementKind::Clicked,
            wit::EngagementKind::Bounced => EngagementKind::Bounced,
            wit::EngagementKind::Deferred => EngagementKind::Deferred,
            wit::EngagementKind::Unsubscribed => EngagementKind::Unsubscribed,
            wit::EngagementKind::Complained => EngagementKind::Complained,
            wit::EngagementKind::Replied => EngagementKind::Replied,
        },
        occurred_at: Instant(given.occurred_at),
        channel: SmolStr::new(&given.channel),
        campaign: text(&given.campaign),
        message_id: text(&given.message_id),
        delivery_key: text(&given.delivery_key),
        url: text(&given.url),
        reason: text(&given.reason),
    }
}
