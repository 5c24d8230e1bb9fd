//! The plugin as a part of the host would be: the same code compiled for this machine, and what it
//! yields turned into the host's records, which is the sandbox's work otherwise.

use anyhow::{Context as _, Result, anyhow, bail};
use crosspoint_model::record::{
    Address, Attribute, Body, Line, Order, OrderStatus, Record as HostRecord,
};
use crosspoint_model::{Decimal, Identifier, Instant, Money, Value};
use crosspoint_sdk::model as sdk;
use smol_str::SmolStr;

/// The host's record, with the sandbox's checks. Only orders, which are what is measured.
pub fn host_record(connector: &str, given: &sdk::Record) -> Result<HostRecord> {
    if given.id.is_empty() || given.id.len() > 512 {
        bail!("an id of {} bytes", given.id.len());
    }
    let sdk::Body::Order(given_order) = &given.body else {
        bail!("only orders are measured");
    };
    let attributes = attributes(&given.attributes)?;
    let mut identifiers = Vec::with_capacity(given.identifiers.len());
    for identifier in &given.identifiers {
        let sdk::Identifier::Customer(id) = identifier else {
            bail!("only customers are measured");
        };
        let identifier = Identifier::vendor(connector, id).context("an empty customer")?;
        if !identifiers.contains(&identifier) {
            identifiers.push(identifier);
        }
    }
    Ok(HostRecord {
        id: SmolStr::new(&given.id),
        updated_at: Instant(given.updated_at),
        identifiers,
        attributes,
        body: Body::Order(Box::new(order(given_order)?)),
    })
}

fn order(given: &sdk::Order) -> Result<Order> {
    Ok(Order {
        number: text(&given.number),
        status: match &given.status {
            sdk::OrderStatus::Pending => OrderStatus::Pending,
            sdk::OrderStatus::Paid => OrderStatus::Paid,
            sdk::OrderStatus::Fulfilled => OrderStatus::Fulfilled,
            sdk::OrderStatus::Cancelled => OrderStatus::Cancelled,
            sdk::OrderStatus::Refunded => OrderStatus::Refunded,
            sdk::OrderStatus::PartiallyRefunded => OrderStatus::PartiallyRefunded,
            sdk::OrderStatus::Other(word) => OrderStatus::Other(SmolStr::new(word)),
        },
        placed_at: Instant(given.placed_at),
        total: money(&given.total)?,
        subtotal: some_money(&given.subtotal)?,
        tax: some_money(&given.tax)?,
        shipping: some_money(&given.shipping)?,
        discount: some_money(&given.discount)?,
        refunded: some_money(&given.refunded)?,
        coupons: texts(&given.coupons),
        channel: text(&given.channel),
        lines: given.lines.iter().map(line).collect::<Result<_>>()?,
        shipping_address: given.shipping_address.as_ref().map(address),
    })
}

fn line(given: &sdk::Line) -> Result<Line> {
    Ok(Line {
        id: text(&given.id),
        product_id: text(&given.product_id),
        sku: text(&given.sku),
        name: text(&given.name),
        category: text(&given.category),
        quantity: decimal(&given.quantity)?,
        unit_price: some_money(&given.unit_price)?,
        total: some_money(&given.total)?,
        attributes: attributes(&given.attributes)?,
    })
}

fn attributes(given: &[sdk::Attribute]) -> Result<Vec<Attribute>> {
    let convert = |attribute: &sdk::Attribute| {
        let value = match &attribute.value {
            sdk::Value::Null => Value::Null,
            sdk::Value::Boolean(flag) => Value::Bool(*flag),
            sdk::Value::Integer(number) => Value::Int(*number),
            sdk::Value::Decimal(text) => Value::Decimal(decimal(text)?),
            sdk::Value::Text(text) => Value::Text(SmolStr::new(text)),
            sdk::Value::Instant(ms) => Value::Instant(Instant(*ms)),
            sdk::Value::Json(text) => {
                serde_json::from_str::<serde::de::IgnoredAny>(text)?;
                Value::Json(text.as_str().into())
            }
        };
        Ok(Attribute {
            name: SmolStr::new(&attribute.name),
            value,
        })
    };
    given.iter().map(convert).collect()
}

fn address(given: &sdk::Address) -> Address {
    Address {
        recipient: text(&given.recipient),
        company: text(&given.company),
        street: texts(&given.street),
        city: text(&given.city),
        region: text(&given.region),
        postal_code: text(&given.postal_code),
        country: text(&given.country),
    }
}

fn money(given: &sdk::Money) -> Result<Money> {
    let is_code =
        given.currency.len() == 3 && given.currency.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_code {
        bail!("`{}` is no currency", given.currency);
    }
    Ok(Money {
        amount: decimal(&given.amount)?,
        currency: SmolStr::new(&given.currency),
    })
}

fn some_money(given: &Option<sdk::Money>) -> Result<Option<Money>> {
    given.as_ref().map(money).transpose()
}

fn decimal(text: &str) -> Result<Decimal> {
    text.parse().map_err(|error| anyhow!("{error}"))
}

fn text(text: &Option<String>) -> Option<SmolStr> {
    text.as_ref().map(SmolStr::new)
}

fn texts(texts: &[String]) -> Vec<SmolStr> {
    texts.iter().map(SmolStr::new).collect()
}
