//! Products.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::Product;
use crosspoint_sdk::{Attribute, Body, Record, Value};

use super::{Fault, id, left_of, money_at, nodes, quantity, text, texts, updated_at};

const TAKEN: [&str; 13] = [
    "id",
    "legacyResourceId",
    "title",
    "descriptionHtml",
    "productType",
    "tags",
    "updatedAt",
    "onlineStoreUrl",
    "totalInventory",
    "priceRangeV2",
    "featuredMedia",
    "variants",
    "status",
];

pub(super) fn record(node: &Json) -> Result<Record, Fault> {
    let variants = nodes(node, "variants");
    let stock = match node.text_at("totalInventory") {
        Some(_) => Some(quantity(node, "totalInventory")?),
        None => None,
    };
    let product = Product {
        // With several variants no single one is the product's.
        sku: match variants.as_slice() {
            [only] => text(only, "sku"),
            _ => None,
        },
        description: text(node, "descriptionHtml"),
        url: text(node, "onlineStoreUrl"),
        image_url: text(node, "featuredMedia.preview.image.url"),
        price: money_at(node, "priceRangeV2.minVariantPrice", "priceRangeV2")?,
        categories: text(node, "productType").into_iter().collect(),
        tags: texts(node, "tags"),
        stock,
        available: matches!(node.text_at("status"), Some("ACTIVE") | None),
        ..Product::new(text(node, "title").ok_or_else(|| Fault::missing("title"))?)
    };
    let mut record = Record::new(id(node)?, updated_at(node)?, Body::Product(product));
    record.attributes = node.attributes_except(&TAKEN);
    let status = node.get("status");
    record
        .attributes
        .extend(status.map(|status| Attribute::new("status", status)));
    let left = [
        left_of(node, "priceRangeV2", &["minVariantPrice"]),
        left_of(node, "featuredMedia", &["preview"]),
    ];
    record.attributes.extend(left.into_iter().flatten());
    if !variants.is_empty() {
        let list = Json::List(variants).to_string();
        record
            .attributes
            .push(Attribute::new("variants", Value::Json(list)));
    }
    Ok(record)
}
