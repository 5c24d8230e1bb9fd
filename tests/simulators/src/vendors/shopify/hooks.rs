//! Webhooks, in the shapes of the old REST resources.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::data::{Address, Consent, Customer, Data, Line, Order};
use super::view::{decimal, gid};
use super::{SHOP, Shopify, VERSION, now};
use crate::hook::Hook;
use crate::{Sim, iso, iso_local};

/// The shop's clock is one hour ahead of UTC.
const OFFSET_S: i64 = 3600;

pub struct Subscription {
    pub id: u64,
    pub topic: String,
    pub uri: String,
    fields: Vec<String>,
    spaces: Vec<String>,
    pub created_ms: i64,
    updated_ms: i64,
}

fn texts(value: &Value) -> Vec<String> {
    let rows = value.as_array().into_iter().flatten();
    rows.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

impl Subscription {
    pub fn new(id: u64, topic: &str, input: &Value, now_ms: i64) -> Self {
        Self {
            id,
            topic: topic.to_owned(),
            uri: input["uri"].as_str().unwrap_or_default().to_owned(),
            fields: texts(&input["includeFields"]),
            spaces: texts(&input["metafieldNamespaces"]),
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    pub fn view(&self) -> Value {
        json!({
            "__typename": "WebhookSubscription", "id": gid("WebhookSubscription", self.id), "legacyResourceId": self.id.to_string(), "topic": self.topic, "uri": self.uri,
            "format": "JSON", "filter": null, "includeFields": self.fields, "metafieldNamespaces": self.spaces,
            "apiVersion": { "handle": VERSION, "displayName": VERSION, "supported": true },
            "createdAt": iso(self.created_ms), "updatedAt": iso(self.updated_ms)
        })
    }
}

/// `orders/updated`, but `customer.tags_added`.
pub fn header(topic: &str) -> String {
    let name = topic.to_lowercase();
    if let Some(rest) = name.strip_prefix("customer_") {
        return format!("customer.{rest}");
    }
    // The last word is what happened, but for a few.
    let verbs = ["data_request"];
    let verb = verbs.into_iter().find(|verb| name.ends_with(verb));
    let verb = verb.or(name.rsplit('_').next()).unwrap_or_default();
    let thing = name.strip_suffix(verb).unwrap_or_default();
    format!("{}/{verb}", thing.trim_end_matches('_'))
}

/// base64(HMAC-SHA256(client secret, body))
pub fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn time(at_ms: i64) -> String {
    format!("{}+01:00", iso_local(at_ms, OFFSET_S))
}

fn times(at_ms: Option<i64>) -> Value {
    at_ms.map_or(Value::Null, |at_ms| json!(time(at_ms)))
}

fn bag(cents: i64) -> Value {
    let money = json!({ "amount": decimal(cents), "currency_code": "EUR" });
    json!({ "shop_money": money, "presentment_money": money })
}

fn consent(it: &Consent) -> Value {
    json!({ "state": it.state.to_lowercase(), "opt_in_level": it.level.as_ref().map(|it| it.to_lowercase()), "consent_updated_at": times(it.at_ms) })
}

fn address(it: &Address, customer: Option<u64>) -> Value {
    json!({
        "id": it.id, "customer_id": customer, "first_name": it.first_name, "last_name": it.last_name, "company": it.company,
        "address1": it.address1, "address2": it.address2, "city": it.city, "province": null, "province_code": it.province_code,
        "country": it.country, "country_code": it.country, "zip": it.zip, "phone": it.phone
    })
}

pub fn customer(it: &Customer) -> Value {
    let addresses: Vec<Value> = it
        .addresses
        .iter()
        .map(|place| address(place, Some(it.id)))
        .collect();
    let mut sms = consent(&it.sms_consent);
    sms["consent_collected_from"] = json!(it.sms_consent.at_ms.map(|_| "SHOPIFY"));
    json!({
        "id": it.id, "admin_graphql_api_id": gid("Customer", it.id), "created_at": time(it.created_ms), "updated_at": time(it.updated_ms),
        "first_name": it.first_name, "last_name": it.last_name, "email": it.email, "phone": it.phone, "state": it.state.to_lowercase(),
        "note": it.note, "verified_email": it.verified_email, "multipass_identifier": null, "tax_exempt": it.tax_exempt, "currency": "EUR",
        "tags": it.tags.join(", "), "locale": it.locale, "orders_count": it.orders.len(), "total_spent": decimal(it.spent_cents),
        "email_marketing_consent": it.email.as_ref().map(|_| consent(&it.email_consent)),
        "sms_marketing_consent": it.phone.as_ref().map(|_| sms),
        "default_address": addresses.first(), "addresses": addresses
    })
}

fn line(data: &Data, it: &Line) -> Value {
    let product = data.products.get(&it.product);
    json!({
        "id": it.id, "admin_graphql_api_id": gid("LineItem", it.id), "product_id": product.map(|it| it.id), "variant_id": product.map(|it| it.variant_id()),
        "title": product.map_or("Gone", |it| &it.title), "variant_title": null, "sku": product.map(|it| &it.sku), "vendor": "Acme",
        "quantity": it.quantity, "current_quantity": it.current_quantity, "price": decimal(it.unit_cents), "price_set": bag(it.unit_cents),
        "total_discount": decimal(0), "gift_card": false, "taxable": true, "tax_lines": [], "properties": [],
        "discount_allocations": if it.discount_cents > 0 { json!([{ "amount": decimal(it.discount_cents), "discount_application_index": 0 }]) } else { json!([]) }
    })
}

pub fn order(data: &Data, it: &Order) -> Value {
    let place = it.address.as_ref().map(|place| address(place, None));
    let codes: Vec<Value> = it.codes.iter().map(|code| json!({ "code": code, "amount": decimal(it.discount_cents()), "type": "percentage" })).collect();
    let buyer = it
        .customer
        .and_then(|id| data.customers.get(&id))
        .map(customer);
    json!({
        "id": it.id, "admin_graphql_api_id": gid("Order", it.id), "name": format!("#{}", it.number), "number": it.number - 1000, "order_number": it.number,
        "email": it.email, "contact_email": it.email, "phone": it.phone, "created_at": time(it.created_ms), "processed_at": time(it.created_ms),
        "updated_at": time(it.updated_ms), "cancelled_at": times(it.cancelled_ms), "cancel_reason": it.cancelled_ms.map(|_| "customer"),
        "closed_at": times(it.closed_ms), "test": it.test, "currency": "EUR", "presentment_currency": "EUR", "taxes_included": false,
        "buyer_accepts_marketing": it.accepts_marketing, "financial_status": it.financial.to_lowercase(),
        "fulfillment_status": (it.fulfillment == "FULFILLED").then_some("fulfilled"), "source_name": it.source, "tags": it.tags.join(", "), "note": null,
        "total_price": decimal(it.total_cents()), "total_price_set": bag(it.total_cents()), "subtotal_price": decimal(it.subtotal_cents()),
        "subtotal_price_set": bag(it.subtotal_cents()), "total_tax": decimal(it.tax_cents), "total_tax_set": bag(it.tax_cents),
        "total_discounts": decimal(it.discount_cents()), "total_discounts_set": bag(it.discount_cents()), "total_shipping_price_set": bag(it.shipping_cents),
        "current_total_price": decimal(it.total_cents() - it.refunded_cents()), "current_total_price_set": bag(it.total_cents() - it.refunded_cents()),
        "discount_codes": codes, "note_attributes": [], "customer": buyer, "billing_address": place, "shipping_address": place,
        "line_items": it.lines.iter().map(|it| line(data, it)).collect::<Vec<_>>(),
        "shipping_lines": if it.shipping_cents > 0 { json!([{ "id": it.id, "title": "Standard", "price": decimal(it.shipping_cents), "price_set": bag(it.shipping_cents) }]) } else { json!([]) },
        "refunds": it.refunds.iter().map(|refund| self::refund(it.id, refund)).collect::<Vec<_>>()
    })
}

fn refund(order: u64, (id, at_ms, cents): &(u64, i64, i64)) -> Value {
    json!({ "id": id, "admin_graphql_api_id": gid("Refund", *id), "order_id": order, "created_at": time(*at_ms), "processed_at": time(*at_ms), "note": null,
        "refund_line_items": [], "transactions": [{ "amount": decimal(*cents), "currency": "EUR", "kind": "refund", "status": "success" }] })
}

impl Shopify {
    /// Sends a body to everybody who subscribed to the topic.
    pub fn tell(&mut self, topic: &str, body: &Value, sim: &mut Sim) {
        let bodies: Vec<(u64, String, Value)> =
            (self.subscriptions.iter().filter(|it| it.topic == topic))
                .map(|it| (it.id, it.uri.clone(), cut(body, &it.fields)))
                .collect();
        self.hooks_made += 1;
        let event = self.hooks_made;
        for (subscription, uri, body) in bodies {
            let body = body.to_string();
            let hook = Hook::json(&uri, body.clone())
                .with("x-shopify-topic", header(topic))
                .with(
                    "x-shopify-hmac-sha256",
                    signature(&self.client_secret, &body),
                )
                .with("x-shopify-shop-domain", SHOP)
                .with("x-shopify-api-version", VERSION)
                .with(
                    "x-shopify-webhook-id",
                    format!("b54557e4-{subscription:012}-{event:08}"),
                )
                .with("x-shopify-event-id", format!("98880550-{event:08}"))
                .with("x-shopify-triggered-at", iso(now(sim)))
                .with("user-agent", "Shopify-Captain-Hook");
            sim.hooks.push(hook);
        }
    }

    pub fn tell_customer(&mut self, topic: &str, id: u64, sim: &mut Sim) {
        let body = customer(&self.data.customers[&id]);
        self.tell(topic, &body, sim);
    }

    pub fn tell_consent(&mut self, id: u64, sim: &mut Sim) {
        let it = &self.data.customers[&id];
        let body = json!({ "customer_id": id, "email_address": it.email, "email_marketing_consent": consent(&it.email_consent) });
        self.tell("CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE", &body, sim);
    }

    pub fn tell_order(&mut self, topic: &str, id: u64, sim: &mut Sim) {
        let body = order(&self.data, &self.data.orders[&id]);
        self.tell(topic, &body, sim);
    }

    pub fn tell_refund(&mut self, order: u64, sim: &mut Sim) {
        let last = self.data.orders[&order]
            .refunds
            .last()
            .map(|it| refund(order, it));
        if let Some(body) = last {
            self.tell("REFUNDS_CREATE", &body, sim);
        }
    }

    pub fn tell_product(&mut self, topic: &str, id: u64, sim: &mut Sim) {
        let it = &self.data.products[&id];
        let body = json!({
            "id": id, "admin_graphql_api_id": gid("Product", id), "title": it.title, "handle": super::view::handle(it), "body_html": format!("<p>{}</p>", it.title),
            "vendor": "Acme", "product_type": it.category, "status": it.status.to_lowercase(), "tags": it.category,
            "created_at": time(it.created_ms), "updated_at": time(it.updated_ms), "published_at": time(it.created_ms), "image": null, "images": [],
            "variants": [{ "id": it.variant_id(), "product_id": id, "title": "Default Title", "sku": it.sku, "price": decimal(it.price_cents), "inventory_quantity": it.stock }]
        });
        self.tell(topic, &body, sim);
    }

    pub fn tell_checkout(&mut self, topic: &str, id: u64, sim: &mut Sim) {
        let it = &self.data.checkouts[&id];
        let buyer = it.customer.and_then(|id| self.data.customers.get(&id));
        let total: i64 = it
            .lines
            .iter()
            .map(|it| it.unit_cents * it.quantity - it.discount_cents)
            .sum();
        let body = json!({
            "id": id, "token": format!("t{id}"), "email": buyer.and_then(|it| it.email.clone()), "phone": null, "customer": buyer.map(customer),
            "created_at": time(it.created_ms), "updated_at": time(it.updated_ms), "completed_at": times(it.completed_ms),
            "abandoned_checkout_url": format!("https://shop.example/checkouts/{id}/recover?key=x"), "currency": "EUR", "total_price": decimal(total),
            "line_items": it.lines.iter().map(|it| line(&self.data, it)).collect::<Vec<_>>()
        });
        self.tell(topic, &body, sim);
    }

    /// Changes a customer and says so.
    pub fn touch_customer(
        &mut self,
        id: u64,
        now_ms: i64,
        sim: &mut Sim,
        change: impl FnOnce(&mut Customer),
    ) {
        let Some(mut it) = self.data.customers.get(&id).cloned() else {
            return;
        };
        change(&mut it);
        it.updated_ms = now_ms.max(it.updated_ms);
        self.change().put_customer(it);
        self.tell_customer("CUSTOMERS_UPDATE", id, sim);
    }

    /// What the law asks of apps: the topic comes with a slash, from the app's own settings.
    pub fn tell_law(&mut self, topic: &str, id: u64, sim: &mut Sim) -> Option<Value> {
        let it = self.data.customers.get(&id)?;
        let orders = if topic == "CUSTOMERS_REDACT" {
            "orders_to_redact"
        } else {
            "orders_requested"
        };
        let mut body = json!({ "shop_id": 1, "shop_domain": SHOP, "customer": { "id": id, "email": it.email, "phone": it.phone }, orders: it.orders });
        if orders == "orders_requested" {
            body["data_request"] = json!({ "id": self.hooks_made + 1 });
        }
        self.tell(topic, &body, sim);
        Some(body)
    }
}

fn cut(body: &Value, fields: &[String]) -> Value {
    let Some(whole) = body.as_object().filter(|_| !fields.is_empty()) else {
        return body.clone();
    };
    let kept: Map<String, Value> = whole
        .iter()
        .filter(|(name, _)| fields.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}
