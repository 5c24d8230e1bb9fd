//! The shop as it is, for whoever tests.

use serde_json::{Value, json};

use super::data::Kind;
use super::{Shopify, gid};

impl Shopify {
    /// Every collection, deleted things included.
    pub fn whole_truth(&self) -> Value {
        let data = &self.data;
        let gone = |kind: Kind| {
            let rows = data
                .deleted
                .iter()
                .filter(move |((known, _), _)| *known == kind);
            rows.map(|((_, id), at_ms)| json!({ "id": id.to_string(), "updated_at_ms": at_ms, "deleted": true }))
        };
        let metafields = |id: u64| -> Value {
            let of_owner = data
                .metafields
                .range((gid("Customer", id), String::new(), String::new())..);
            let of_owner = of_owner.take_while(|((owner, _, _), _)| *owner == gid("Customer", id));
            Value::Object(
                of_owner
                    .map(|(_, it)| (format!("{}.{}", it.namespace, it.key), json!(it.value)))
                    .collect(),
            )
        };
        let customers = data.customers.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "created_at_ms": it.created_ms, "deleted": false, "email": it.email, "phone": it.phone,
            "first_name": it.first_name, "last_name": it.last_name, "locale": it.locale, "tags": it.tags, "note": it.note, "state": it.state,
            "email_consent": it.email_consent.state, "email_consent_at_ms": it.email_consent.at_ms, "sms_consent": it.sms_consent.state,
            "orders": it.orders.len(), "spent_cents": it.spent_cents, "country": it.addresses.first().and_then(|it| it.country.clone()),
            "city": it.addresses.first().and_then(|it| it.city.clone()), "erasure_at_ms": it.erasure_ms, "metafields": metafields(it.id)
        }));
        let orders = data.orders.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "created_at_ms": it.created_ms, "deleted": false, "number": it.number,
            "customer_id": it.customer.map(|id| id.to_string()), "email": it.email, "total_cents": it.total_cents(), "refunded_cents": it.refunded_cents(),
            "currency": "EUR", "financial_status": it.financial, "fulfillment_status": it.fulfillment, "is_cancelled": it.cancelled_ms.is_some(), "is_test": it.test,
            "lines": it.lines.iter().map(|line| json!({ "id": line.id.to_string(), "product_id": line.product.to_string(), "quantity": line.quantity,
                "unit_cents": line.unit_cents, "discount_cents": line.discount_cents })).collect::<Vec<_>>()
        }));
        let products = data.products.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "deleted": false, "title": it.title, "sku": it.sku, "price_cents": it.price_cents, "stock": it.stock, "status": it.status
        }));
        let checkouts = data.checkouts.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "created_at_ms": it.created_ms, "deleted": false,
            "customer_id": it.customer.map(|id| id.to_string()), "completed_at_ms": it.completed_ms, "lines": it.lines.len()
        }));
        let discounts = data.discounts.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.updated_ms, "deleted": false, "title": it.title, "gives": it.gives, "usage_limit": it.usage_limit, "codes": it.codes.iter().map(|(_, code)| code).collect::<Vec<_>>()
        }));
        let cards = data.gift_cards.values().map(|it| json!({
            "id": it.id.to_string(), "updated_at_ms": it.created_ms, "deleted": false, "code": it.code, "cents": it.cents, "customer_id": it.customer.map(|id| id.to_string())
        }));
        let hooks = self.subscriptions.iter().map(|it| json!({ "id": it.id.to_string(), "updated_at_ms": it.created_ms, "deleted": false, "topic": it.topic, "uri": it.uri }));
        json!({
            "customers": customers.chain(gone(Kind::Customer)).collect::<Vec<_>>(), "orders": orders.chain(gone(Kind::Order)).collect::<Vec<_>>(),
            "products": products.chain(gone(Kind::Product)).collect::<Vec<_>>(), "abandoned_checkouts": checkouts.collect::<Vec<_>>(),
            "discounts": discounts.collect::<Vec<_>>(), "gift_cards": cards.collect::<Vec<_>>(), "webhooks": hooks.collect::<Vec<_>>()
        })
    }
}
