//! The shop of a world. A thing is what the world says, under what was written over it since.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Item, OFFSET_S, WooCommerce};
use crate::world::{self, Person, Status};
use crate::{Sim, World, iso_local};

pub type Items = BTreeMap<u64, Item>;

/// Orders, refunds, products and coupons count their ids together.
const PRODUCTS: u64 = 100;
const ORDERS: u64 = 10_000;
const REFUNDS: u64 = 5_000_000;
pub const NEXT: u64 = 6_000_000;
/// The first user is who set the shop up.
const CUSTOMERS: u64 = 1;

fn decimal(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn item(id: u64, source: Option<usize>, created_ms: i64, modified_ms: i64, status: &str) -> Item {
    Item {
        id,
        source,
        created_ms,
        modified_ms,
        status: status.to_owned(),
        is_deleted: false,
        fields: Map::new(),
    }
}

pub fn items(world: &World) -> BTreeMap<&'static str, Items> {
    let people = world
        .people
        .iter()
        .enumerate()
        .filter(|(_, it)| !it.is_guest);
    let customers = people.map(|(at, it)| {
        let id = CUSTOMERS + it.number;
        (
            id,
            item(id, Some(at), it.created_at_ms, it.updated_at_ms, "customer"),
        )
    });
    let products = world.products.iter().enumerate().map(|(at, it)| {
        let id = PRODUCTS + it.number;
        (
            id,
            item(
                id,
                Some(at),
                it.updated_at_ms - 86_400_000,
                it.updated_at_ms,
                "publish",
            ),
        )
    });
    let orders = world.orders.iter().enumerate().map(|(at, it)| {
        let id = ORDERS + it.number;
        (
            id,
            item(
                id,
                Some(at),
                it.placed_at_ms,
                it.updated_at_ms,
                status(it.status),
            ),
        )
    });
    let mut coupon = item(
        90,
        None,
        world.now_ms - 86_400_000_000,
        world.now_ms - 86_400_000_000,
        "publish",
    );
    coupon.fields = coupon_fields(
        &json!({ "code": "welcome10", "discount_type": "percent", "amount": "10.00" }),
    );
    BTreeMap::from([
        ("customers", customers.collect()),
        ("products", products.collect()),
        ("orders", orders.collect()),
        ("coupons", BTreeMap::from([(90, coupon)])),
        ("webhooks", BTreeMap::new()),
    ])
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Paid => "processing",
        Status::Fulfilled => "completed",
        Status::Cancelled => "cancelled",
        Status::Refunded => "refunded",
    }
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What an item is before anything was written over it.
pub fn base(kind: &str, item: &Item, world: &World) -> Map<String, Value> {
    match (kind, item.source) {
        ("customers", Some(at)) => customer(&world.people[at]),
        ("products", Some(at)) => product(item, &world.products[at]),
        ("orders", Some(at)) => order(item, &world.orders[at], world),
        _ => Map::new(),
    }
}

fn billing(it: &Person) -> Value {
    json!({ "first_name": it.first_name, "last_name": it.last_name, "company": it.company.as_deref().unwrap_or(""), "address_1": it.street, "address_2": "",
        "city": it.city, "postcode": it.postal_code, "country": it.country, "state": "", "email": it.email, "phone": it.phone.as_deref().unwrap_or("") })
}

fn shipping() -> Value {
    json!({ "first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "", "city": "", "postcode": "", "country": "", "state": "", "phone": "" })
}

fn customer(it: &Person) -> Map<String, Value> {
    let mut meta =
        vec![json!({ "id": it.number * 10, "key": "last_update", "value": "1768000000" })];
    if let Some((is_in, _)) = it.email_consent {
        meta.push(json!({ "id": it.number * 10 + 1, "key": "newsletter_optin", "value": if is_in { "yes" } else { "no" } }));
    }
    if !it.tags.is_empty() {
        meta.push(json!({ "id": it.number * 10 + 2, "key": "tags", "value": it.tags }));
    }
    object(json!({
        "email": it.email, "first_name": it.first_name, "last_name": it.last_name, "role": "customer", "username": format!("user{}", it.number),
        "billing": billing(it), "shipping": shipping(), "is_paying_customer": true, "avatar_url": "https://secure.gravatar.com/avatar/x?s=96", "meta_data": meta
    }))
}

pub fn blank_customer(email: &str) -> Map<String, Value> {
    let mut billing = shipping();
    billing["email"] = json!("");
    let name = email.split('@').next().unwrap_or_default();
    object(
        json!({ "email": email, "first_name": "", "last_name": "", "role": "customer", "username": name, "billing": billing, "shipping": shipping(),
        "is_paying_customer": false, "avatar_url": "https://secure.gravatar.com/avatar/x?s=96", "meta_data": [] }),
    )
}

fn product(item: &Item, it: &world::Product) -> Map<String, Value> {
    let (slug, price) = (format!("p-{}", it.number), decimal(it.price_cents));
    let images = if it.number.is_multiple_of(3) {
        json!([])
    } else {
        json!([{ "id": item.id + 90_000, "src": format!("https://site.example/{slug}.jpg"), "name": it.name, "alt": "" }])
    };
    object(json!({
        "name": it.name, "slug": slug, "permalink": format!("https://site.example/product/{slug}/"), "type": "simple", "sku": it.sku, "price": price,
        "regular_price": price, "sale_price": "", "on_sale": false, "manage_stock": true, "stock_quantity": it.stock,
        "stock_status": if it.stock > 0 { "instock" } else { "outofstock" }, "description": format!("<p>{}</p>", it.name), "short_description": "",
        "categories": [{ "id": 15, "name": it.category, "slug": it.category.to_lowercase() }], "tags": [], "images": images, "attributes": [], "variations": [],
        "global_unique_id": "", "brands": [], "meta_data": [], "parent_id": 0
    }))
}

/// The customer of an order of the world; none where it is a guest's.
pub fn buyer(world: &World, order: usize) -> Option<u64> {
    let person = &world.people[world.orders[order].person];
    (!person.is_guest).then_some(CUSTOMERS + person.number)
}

fn order(item: &Item, it: &world::Order, world: &World) -> Map<String, Value> {
    let person = &world.people[it.person];
    let customer = if person.is_guest {
        0
    } else {
        CUSTOMERS + person.number
    };
    let lines: Vec<Value> = it.lines.iter().enumerate().map(|(at, line)| {
        let product = &world.products[line.product];
        let total = line.unit_cents * line.quantity - line.discount_cents;
        let (id, src) = if product.number.is_multiple_of(3) { (json!(""), "") } else { (json!((PRODUCTS + product.number + 90_000).to_string()), "https://site.example/x.jpg") };
        json!({ "id": it.number * 10 + at as u64, "name": product.name, "product_id": PRODUCTS + product.number, "variation_id": 0, "quantity": line.quantity, "tax_class": "",
            "subtotal": decimal(line.unit_cents * line.quantity), "subtotal_tax": "0.00", "total": decimal(total), "total_tax": "0.00", "taxes": [], "meta_data": [],
            "sku": product.sku, "price": total as f64 / 100.0 / line.quantity.max(1) as f64, "image": { "id": id, "src": src }, "parent_name": null })
    }).collect();
    let discount: i64 = it.lines.iter().map(|line| line.discount_cents).sum();
    let is_paid = !matches!(it.status, Status::Pending | Status::Cancelled);
    let date = |is_there: bool, offset_s| {
        if is_there {
            json!(iso_local(it.placed_at_ms, offset_s))
        } else {
            Value::Null
        }
    };
    let coupons: Vec<Value> = it.coupon.iter().map(|code| json!({ "id": it.number * 10 + 8, "code": code.to_lowercase(),
        "discount": format!("{}", discount as f64 / 100.0), "discount_tax": "0", "discount_type": "percent", "nominal_amount": 10 })).collect();
    let refunds = match it.status {
        Status::Refunded => {
            json!([{ "id": REFUNDS + it.number, "reason": "", "total": decimal(-it.total_cents()) }])
        }
        _ => json!([]),
    };
    let is_done = it.status == Status::Fulfilled;
    object(json!({
        "parent_id": 0, "number": item.id.to_string(), "currency": it.currency, "currency_symbol": "&euro;", "version": "10.0.2", "prices_include_tax": false,
        "date_paid": date(is_paid, OFFSET_S), "date_paid_gmt": date(is_paid, 0), "date_completed": date(is_done, OFFSET_S), "date_completed_gmt": date(is_done, 0),
        "discount_total": decimal(discount), "discount_tax": "0.00", "shipping_total": decimal(it.shipping_cents), "shipping_tax": "0.00", "cart_tax": decimal(it.tax_cents),
        "total": decimal(it.total_cents()), "total_tax": decimal(it.tax_cents), "customer_id": customer, "order_key": format!("wc_order_{}", it.number), "created_via": "checkout",
        "customer_note": "", "payment_method": "bacs", "payment_method_title": "Bank", "transaction_id": "", "cart_hash": "", "billing": billing(person), "shipping": shipping(),
        "meta_data": [], "line_items": lines, "tax_lines": [], "shipping_lines": [{ "id": it.number * 10 + 7, "method_title": "Flat", "method_id": "flat_rate",
        "total": decimal(it.shipping_cents), "total_tax": "0.00", "taxes": [] }], "fee_lines": [], "coupon_lines": coupons, "refunds": refunds, "payment_url": "https://site.example/pay"
    }))
}

pub fn coupon_fields(input: &Value) -> Map<String, Value> {
    let mut fields = object(json!({
        "code": "", "amount": "0.00", "discount_type": "fixed_cart", "description": "", "date_expires": null, "date_expires_gmt": null, "usage_count": 0, "individual_use": false,
        "product_ids": [], "excluded_product_ids": [], "usage_limit": null, "usage_limit_per_user": null, "limit_usage_to_x_items": null, "free_shipping": false,
        "product_categories": [], "excluded_product_categories": [], "exclude_sale_items": false, "minimum_amount": "0.00", "maximum_amount": "0.00",
        "email_restrictions": [], "used_by": [], "meta_data": []
    }));
    for (name, value) in input.as_object().into_iter().flatten() {
        if fields.contains_key(name) {
            fields.insert(name.clone(), value.clone());
        }
    }
    fields
}

impl WooCommerce {
    fn any(&self, kind: &str, sim: &mut Sim) -> Option<u64> {
        let items = &self.items[kind];
        let at = (!items.is_empty()).then(|| sim.rng.usize(..items.len()))?;
        let (id, item) = items.iter().nth(at)?;
        (!item.is_deleted && item.status != "trash").then_some(*id)
    }

    /// Something happens in the shop; now and then several things in one second.
    pub fn happen(&mut self, sim: &mut Sim) -> Value {
        let now_ms = super::now(sim);
        let said = |kind: &str, id: u64, change: &str| json!({ "kind": kind, "id": id.to_string(), "change": change });
        let number = sim.rng.u32(..100_000);
        match (
            sim.rng.u32(0..100),
            self.any("customers", sim),
            self.any("orders", sim),
            self.any("products", sim),
        ) {
            (0..25, _, _, _) if !self.world.people.is_empty() => {
                let at = self.world.purchase(&mut sim.rng, now_ms);
                let it = &self.world.orders[at];
                let id = ORDERS + it.number;
                let mut new = item(id, Some(at), now_ms, now_ms, status(it.status));
                let buyer = CUSTOMERS + self.world.people[it.person].number;
                if self.items["customers"]
                    .get(&buyer)
                    .is_none_or(|it| it.is_deleted)
                {
                    new.fields.insert("customer_id".to_owned(), json!(0));
                }
                self.put("orders", new);
                self.tell("order.created", "orders", id, sim);
                said("order", id, "created")
            }
            (25..50, _, Some(id), _) => {
                let to = ["completed", "cancelled", "on-hold", "refunded"][sim.rng.usize(..4)];
                self.edit("orders", id, now_ms, |it| it.status = to.to_owned());
                self.tell("order.updated", "orders", id, sim);
                said("order", id, to)
            }
            (50..65, Some(id), _, _) => {
                self.edit("customers", id, now_ms, |it| {
                    drop(
                        it.fields
                            .insert("last_name".to_owned(), json!(format!("Nové-{number}"))),
                    )
                });
                self.tell("customer.updated", "customers", id, sim);
                said("customer", id, "edited")
            }
            // Metadata alone moves no instant.
            (65..72, Some(id), _, _) => {
                let mut meta = self.fields("customers", id)["meta_data"].clone();
                if let Some(rows) = meta.as_array_mut() {
                    rows.retain(|it| it["key"] != "newsletter_optin");
                    rows.push(json!({ "id": id * 10 + 1, "key": "newsletter_optin", "value": if number.is_multiple_of(2) { "yes" } else { "no" } }));
                }
                let at_ms = self.items["customers"][&id].modified_ms;
                self.edit("customers", id, at_ms, |it| {
                    drop(it.fields.insert("meta_data".to_owned(), meta))
                });
                self.tell("customer.updated", "customers", id, sim);
                said("customer", id, "meta")
            }
            (72..76, Some(id), _, _) => {
                self.edit("customers", id, now_ms, |it| it.is_deleted = true);
                self.tell("customer.deleted", "customers", id, sim);
                said("customer", id, "deleted")
            }
            (76..80, _, Some(id), _) => {
                self.edit("orders", id, now_ms, |it| it.status = "trash".to_owned());
                self.tell("order.updated", "orders", id, sim);
                said("order", id, "trashed")
            }
            (80..83, _, Some(id), _) => {
                self.edit("orders", id, now_ms, |it| it.is_deleted = true);
                self.tell("order.deleted", "orders", id, sim);
                said("order", id, "deleted")
            }
            (83..90, _, _, Some(id)) => {
                self.edit("products", id, now_ms, |it| {
                    drop(
                        it.fields
                            .insert("stock_quantity".to_owned(), json!(number % 500)),
                    )
                });
                self.tell("product.updated", "products", id, sim);
                said("product", id, "stock")
            }
            _ => {
                let at = self.world.sign_up(&mut sim.rng, now_ms);
                self.world.people[at].is_guest = false;
                let id = CUSTOMERS + self.world.people[at].number;
                self.put("customers", item(id, Some(at), now_ms, now_ms, "customer"));
                self.tell("customer.created", "customers", id, sim);
                said("customer", id, "created")
            }
        }
    }
}
