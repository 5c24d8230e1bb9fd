//! Orders.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::{Order, OrderStatus};
use crosspoint_sdk::{Body, Record};

use super::{
    Fault, address, address_taken, buyer, id, left_of, line, nodes, optional_instant, shop_money,
    text, texts, updated_at,
};

const TAKEN: [&str; 21] = [
    "id",
    "legacyResourceId",
    "name",
    "email",
    "phone",
    "updatedAt",
    "processedAt",
    "displayFinancialStatus",
    "displayFulfillmentStatus",
    "discountCodes",
    "totalPriceSet",
    "subtotalPriceSet",
    "totalTaxSet",
    "totalShippingPriceSet",
    "totalDiscountsSet",
    "totalRefundedSet",
    "customer",
    "shippingAddress",
    "billingAddress",
    "lineItems",
    "sourceName",
];

pub(super) fn record(node: &Json) -> Result<Record, Fault> {
    let placed_at = match optional_instant(node, "processedAt")? {
        Some(placed_at) => placed_at,
        None => {
            optional_instant(node, "createdAt")?.ok_or_else(|| Fault::missing("processedAt"))?
        }
    };
    let total =
        shop_money(node, "totalPriceSet")?.ok_or_else(|| Fault::missing("totalPriceSet"))?;
    let lines = nodes(node, "lineItems");
    let lines = lines.iter().map(|item| line(item, "discountedTotalSet"));
    let order = Order {
        number: text(node, "name"),
        subtotal: shop_money(node, "subtotalPriceSet")?,
        tax: shop_money(node, "totalTaxSet")?,
        shipping: shop_money(node, "totalShippingPriceSet")?,
        discount: shop_money(node, "totalDiscountsSet")?,
        refunded: shop_money(node, "totalRefundedSet")?,
        coupons: texts(node, "discountCodes"),
        channel: text(node, "sourceName"),
        lines: lines.collect::<Result<_, _>>()?,
        shipping_address: address(node, "shippingAddress"),
        ..Order::new(status(node), placed_at, total)
    };
    let mut record = Record::new(id(node)?, updated_at(node)?, Body::Order(order));
    record.identifiers = buyer(node);
    record.attributes = node.attributes_except(&TAKEN);
    let left = [
        left_of(node, "totalPriceSet", &["shopMoney"]),
        left_of(node, "customer", &["id"]),
        left_of(node, "shippingAddress", &address_taken()),
        left_of(node, "billingAddress", &[]),
    ];
    record.attributes.extend(left.into_iter().flatten());
    for name in ["displayFinancialStatus", "displayFulfillmentStatus"] {
        let given = node.get(name).map(|word| (name, word));
        record
            .attributes
            .extend(given.map(|(name, word)| crosspoint_sdk::Attribute::new(name, word)));
    }
    Ok(record)
}

/// Cancellation and refunds count before shipping, shipping before payment.
fn status(node: &Json) -> OrderStatus {
    if node.text_at("cancelledAt").is_some() {
        return OrderStatus::Cancelled;
    }
    let paid = node.text_at("displayFinancialStatus").unwrap_or_default();
    match paid {
        "REFUNDED" => return OrderStatus::Refunded,
        "PARTIALLY_REFUNDED" => return OrderStatus::PartiallyRefunded,
        "VOIDED" => return OrderStatus::Cancelled,
        _ => {}
    }
    if node.text_at("displayFulfillmentStatus") == Some("FULFILLED") {
        return OrderStatus::Fulfilled;
    }
    match paid {
        "PAID" => OrderStatus::Paid,
        "PENDING" | "AUTHORIZED" | "PARTIALLY_PAID" | "" => OrderStatus::Pending,
        other => OrderStatus::Other(other.to_owned()),
    }
}
