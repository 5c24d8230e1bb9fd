//! Abandoned checkouts.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::Cart;
use crosspoint_sdk::{Body, Record};

use super::{
    Fault, buyer, id, left_of, line, nodes, optional_instant, shop_money, text, updated_at,
};

const TAKEN: [&str; 10] = [
    "id",
    "abandonedCheckoutUrl",
    "createdAt",
    "updatedAt",
    "completedAt",
    "customer",
    "billingAddress",
    "shippingAddress",
    "totalPriceSet",
    "lineItems",
];

pub(super) fn record(node: &Json) -> Result<Record, Fault> {
    let lines = nodes(node, "lineItems");
    let lines = lines
        .iter()
        .map(|item| line(item, "discountedTotalPriceSet"));
    let cart = Cart {
        created_at: optional_instant(node, "createdAt")?,
        total: shop_money(node, "totalPriceSet")?,
        lines: lines.collect::<Result<_, _>>()?,
        recovery_url: text(node, "abandonedCheckoutUrl"),
        closed_at: optional_instant(node, "completedAt")?,
        order_id: None,
    };
    let mut record = Record::new(id(node)?, updated_at(node)?, Body::Cart(cart));
    record.identifiers = buyer(node);
    record.attributes = node.attributes_except(&TAKEN);
    let left = [
        left_of(
            node,
            "customer",
            &["id", "defaultEmailAddress", "defaultPhoneNumber"],
        ),
        left_of(node, "billingAddress", &[]),
        left_of(node, "shippingAddress", &[]),
    ];
    record.attributes.extend(left.into_iter().flatten());
    Ok(record)
}
