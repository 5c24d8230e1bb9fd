//! Orders, and the guests who placed them.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::map::number::{Notation, decimal};
use crosspoint_sdk::model::{Contact, Line, Order, OrderStatus};
use crosspoint_sdk::{Attribute, Body, Money, Record};

use super::{Fault, address, amount, attributes, id, optional_instant, person, text, updated_at};
use crate::Settings;
use crate::decimal::{Fixed, sum};

const TAKEN: [&str; 15] = [
    "id",
    "number",
    "status",
    "currency",
    "date_created_gmt",
    "date_modified_gmt",
    "total",
    "total_tax",
    "shipping_total",
    "discount_total",
    "created_via",
    "customer_id",
    "shipping",
    "line_items",
    "currency_symbol",
];

pub(super) fn records(settings: &Settings, node: &Json) -> Result<Vec<Record>, Fault> {
    let id = id(node)?;
    let updated_at = updated_at(node)?;
    let currency = node
        .text_at("currency")
        .ok_or_else(|| Fault::missing("currency"))?;
    let total = amount(node, "total", currency)?.ok_or_else(|| Fault::missing("total"))?;
    let placed_at = optional_instant(node, "date_created_gmt")?
        .ok_or_else(|| Fault::missing("date_created_gmt"))?;
    let of = |sum: Fixed| Money::new(sum.text(), total.currency.clone());
    let amounts = |list: &str, field: &str| {
        let items = node.get(list).map_or(&[][..], Json::items);
        sum(items.iter().filter_map(|item| item.text_at(field)))
    };
    let refunded = amounts("refunds", "total")
        .map(Fixed::absolute)
        .filter(|sum| !sum.is_zero());
    let lines = node.get("line_items").map_or(&[][..], Json::items);
    let coupons = node.get("coupon_lines").map_or(&[][..], Json::items);
    let order = Order {
        number: text(node, "number"),
        subtotal: amounts("line_items", "subtotal").map(of),
        tax: amount(node, "total_tax", currency)?,
        shipping: amount(node, "shipping_total", currency)?,
        discount: amount(node, "discount_total", currency)?,
        refunded: refunded.map(of),
        coupons: coupons.iter().filter_map(|it| text(it, "code")).collect(),
        channel: text(node, "created_via"),
        lines: lines
            .iter()
            .map(|item| line(item, currency))
            .collect::<Result<_, _>>()?,
        shipping_address: address(node, "shipping"),
        ..Order::new(status(node, refunded.is_some()), placed_at, total)
    };
    let identifiers = person(node.text_at("customer_id"), node);
    let mut record = Record::new(id.clone(), updated_at, Body::Order(order));
    record.identifiers.clone_from(&identifiers);
    record.attributes = attributes(node, &TAKEN);
    record.attributes.extend(
        ["status", "shipping", "currency_symbol"]
            .into_iter()
            .filter_map(|name| Some(Attribute::new(name, node.get(name)?))),
    );
    let mut records = vec![record];
    let is_guest = matches!(node.text_at("customer_id"), Some("0") | None);
    if settings.guests && is_guest && !identifiers.is_empty() {
        let contact = Contact {
            first_name: text(node, "billing.first_name"),
            last_name: text(node, "billing.last_name"),
            company: text(node, "billing.company"),
            address: address(node, "billing"),
            ..Contact::default()
        };
        let mut guest = Record::new(format!("{id}/guest"), updated_at, Body::Contact(contact));
        guest.identifiers = identifiers;
        records.push(guest);
    }
    Ok(records)
}

/// A partial refund leaves the status as it was.
fn status(node: &Json, is_refunded: bool) -> OrderStatus {
    match node.text_at("status").unwrap_or_default() {
        "cancelled" => OrderStatus::Cancelled,
        "refunded" => OrderStatus::Refunded,
        "completed" | "processing" if is_refunded => OrderStatus::PartiallyRefunded,
        "completed" => OrderStatus::Fulfilled,
        "processing" => OrderStatus::Paid,
        "pending" | "on-hold" => OrderStatus::Pending,
        other => OrderStatus::Other(other.to_owned()),
    }
}

fn line(item: &Json, currency: &str) -> Result<Line, Fault> {
    let quantity = item.text_at("quantity").unwrap_or("1");
    let quantity = decimal(quantity, Notation::Point)
        .map_err(|error| Fault::notation("line_items.quantity", error))?;
    let mut line = Line::new(quantity);
    line.id = text(item, "id");
    line.product_id = text(item, "product_id").filter(|id| id != "0");
    line.sku = text(item, "sku");
    line.name = text(item, "name");
    // A number that PHP divided, often with a long tail: what is no decimal stays an attribute.
    line.unit_price = amount(item, "price", currency).ok().flatten();
    line.total = amount(item, "total", currency)?;
    let price = if line.unit_price.is_some() {
        "price"
    } else {
        ""
    };
    line.attributes = item.attributes_except(&[
        "id",
        "product_id",
        "sku",
        "name",
        "quantity",
        "total",
        price,
    ]);
    Ok(line)
}
