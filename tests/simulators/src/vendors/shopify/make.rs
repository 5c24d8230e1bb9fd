//! The shop of a world, and what happens in it by itself.

use serde_json::{Value, json};

use super::data::{Address, Checkout, Consent, Customer, Data, Kind, Line, Order, Product};
use super::{CHECKOUTS, CUSTOMERS, LINES, ORDERS, PRODUCTS, Shopify};
use crate::world::{self, Person, Status};
use crate::{Sim, World};

pub fn data(world: &World) -> Data {
    let mut data = Data::default();
    for product in &world.products {
        data.put_product(new_product(product));
    }
    for person in &world.people {
        data.put_customer(customer(person));
    }
    for order in &world.orders {
        data.put_order(new_order(order, world));
    }
    let step = (world.orders.len() / 60).max(3);
    for (number, order) in (1..).zip(world.orders.iter().step_by(step)) {
        data.put_checkout(checkout(number, order, world));
    }
    data
}

fn consent(decided: Option<(bool, i64)>) -> Consent {
    let Some((is_in, at_ms)) = decided else {
        return Consent::none();
    };
    Consent {
        state: if is_in { "SUBSCRIBED" } else { "UNSUBSCRIBED" }.to_owned(),
        level: Some("SINGLE_OPT_IN".to_owned()),
        at_ms: Some(at_ms),
    }
}

fn customer(person: &Person) -> Customer {
    let id = CUSTOMERS + person.number;
    let address = Address {
        id: id + 1_000_000_000,
        address1: Some(person.street.clone()),
        address2: None,
        city: Some(person.city.clone()),
        province_code: None,
        country: Some(person.country.clone()),
        zip: Some(person.postal_code.clone()),
        phone: person.phone.clone(),
        first_name: Some(person.first_name.clone()),
        last_name: Some(person.last_name.clone()),
        company: person.company.clone(),
    };
    Customer {
        id,
        first_name: Some(person.first_name.clone()),
        last_name: Some(person.last_name.clone()),
        email: Some(person.email.clone()),
        phone: person.phone.clone(),
        locale: person.language.clone(),
        state: if person.is_guest {
            "DISABLED"
        } else {
            "ENABLED"
        },
        tags: person.tags.clone(),
        note: None,
        addresses: vec![address],
        email_consent: consent(person.email_consent),
        sms_consent: match person.phone {
            Some(_) => consent(person.sms_consent),
            None => Consent::none(),
        },
        tax_exempt: false,
        verified_email: true,
        data_sale_opt_out: false,
        erasure_ms: None,
        orders: Vec::new(),
        spent_cents: 0,
        created_ms: person.created_at_ms,
        updated_ms: person.updated_at_ms,
    }
}

fn new_product(product: &world::Product) -> Product {
    Product {
        id: PRODUCTS + product.number,
        title: product.name.clone(),
        category: product.category.clone(),
        sku: product.sku.clone(),
        price_cents: product.price_cents,
        stock: product.stock,
        status: "ACTIVE",
        created_ms: product.updated_at_ms - 86_400_000,
        updated_ms: product.updated_at_ms,
    }
}

fn lines(order: &world::Order) -> Vec<Line> {
    let line = |(at, line): (usize, &world::Line)| Line {
        id: LINES + order.number * 10 + at as u64,
        product: PRODUCTS + line.product as u64 + 1,
        quantity: line.quantity,
        current_quantity: line.quantity,
        unit_cents: line.unit_cents,
        discount_cents: line.discount_cents,
    };
    order.lines.iter().enumerate().map(line).collect()
}

fn new_order(order: &world::Order, world: &World) -> Order {
    let person = &world.people[order.person];
    // At the counter nobody asks for a name.
    let is_counter = order.number.is_multiple_of(97);
    let (financial, fulfillment) = match order.status {
        Status::Pending => ("PENDING", "UNFULFILLED"),
        Status::Paid => ("PAID", "UNFULFILLED"),
        Status::Fulfilled => ("PAID", "FULFILLED"),
        Status::Cancelled => ("VOIDED", "UNFULFILLED"),
        Status::Refunded => ("REFUNDED", "FULFILLED"),
    };
    let mut new = Order {
        id: ORDERS + order.number,
        number: 1000 + order.number,
        customer: (!is_counter).then_some(CUSTOMERS + person.number),
        email: (!is_counter).then(|| person.email.clone()),
        phone: None,
        address: (!is_counter).then(|| customer(person).addresses.remove(0)),
        financial,
        fulfillment,
        test: order.number.is_multiple_of(211),
        source: if is_counter { "pos" } else { "web" },
        accepts_marketing: person.email_consent.is_some_and(|(is_in, _)| is_in),
        codes: order.coupon.iter().map(|&it| it.to_owned()).collect(),
        tags: Vec::new(),
        lines: lines(order),
        shipping_cents: order.shipping_cents,
        tax_cents: order.tax_cents,
        refunds: Vec::new(),
        cancelled_ms: (order.status == Status::Cancelled).then_some(order.updated_at_ms),
        closed_ms: (order.status == Status::Fulfilled).then_some(order.updated_at_ms),
        created_ms: order.placed_at_ms,
        updated_ms: order.updated_at_ms,
    };
    if order.status == Status::Refunded {
        new.refunds.push((
            ORDERS + 500_000_000 + order.number,
            order.updated_at_ms,
            new.total_cents(),
        ));
    }
    new
}

fn checkout(number: u64, order: &world::Order, world: &World) -> Checkout {
    let person = &world.people[order.person];
    let completed_ms = number
        .is_multiple_of(3)
        .then_some(order.updated_at_ms.min(order.placed_at_ms + 3_600_000));
    let mut lines = lines(order);
    for line in &mut lines {
        line.id += 500_000_000;
    }
    Checkout {
        id: CHECKOUTS + number,
        customer: Some(CUSTOMERS + person.number),
        lines,
        codes: order.coupon.iter().map(|&it| it.to_owned()).collect(),
        completed_ms,
        created_ms: order.placed_at_ms,
        updated_ms: completed_ms.unwrap_or(order.placed_at_ms),
    }
}

impl Shopify {
    fn any(&self, kind: Kind, sim: &mut Sim) -> Option<u64> {
        let index = self.data.by_updated(kind);
        let at = (!index.is_empty()).then(|| sim.rng.usize(..index.len()))?;
        index.iter().nth(at).map(|(_, id)| *id)
    }

    /// Something happens in the shop.
    pub fn happen(&mut self, sim: &mut Sim) -> Value {
        // Now and then two changes fall on one instant.
        let now_ms = if sim.rng.f64() < 0.3 && self.last_change_ms > 0 {
            self.last_change_ms.max(super::now(sim) - 1000)
        } else {
            super::now(sim)
        };
        self.last_change_ms = now_ms;
        match sim.rng.u32(0..100) {
            0..15 => self.sign_up(sim, now_ms),
            15..35 => self.purchase(sim, now_ms),
            35..50 => self.order_moves(sim, now_ms),
            50..72 => self.customer_edits(sim, now_ms),
            72..78 => self.customer_leaves(sim, now_ms),
            78..82 => self.order_vanishes(sim, now_ms),
            82..92 => self.product_changes(sim, now_ms),
            _ => self.checkout_changes(sim, now_ms),
        }
    }

    fn sign_up(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let at = self.world.sign_up(&mut sim.rng, now_ms);
        let new = customer(&self.world.people[at]);
        let id = new.id;
        self.change().put_customer(new);
        self.tell_customer("CUSTOMERS_CREATE", id, sim);
        json!({ "kind": "customer", "id": id.to_string(), "change": "created" })
    }

    fn purchase(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        if self.world.people.is_empty() {
            return self.sign_up(sim, now_ms);
        }
        let at = self.world.purchase(&mut sim.rng, now_ms);
        let mut new = new_order(&self.world.orders[at], &self.world);
        let id = new.id;
        if !new
            .customer
            .is_some_and(|it| self.data.customers.contains_key(&it))
        {
            (new.customer, new.email, new.address) = (None, None, None);
        }
        let customer = new.customer;
        self.change().put_order(new);
        self.tell_order("ORDERS_CREATE", id, sim);
        self.tell_order("ORDERS_PAID", id, sim);
        if let Some(customer) = customer {
            self.touch_customer(customer, now_ms, sim, |_| {});
        }
        json!({ "kind": "order", "id": id.to_string(), "change": "created" })
    }

    fn order_moves(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let Some(id) = self.any(Kind::Order, sim) else {
            return self.purchase(sim, now_ms);
        };
        let refund = self.change().new_id();
        let mut order = self.data.orders[&id].clone();
        order.updated_ms = now_ms.max(order.updated_ms);
        let (topic, change) = match sim.rng.u32(0..4) {
            0 if order.cancelled_ms.is_none() => {
                (order.cancelled_ms, order.financial) = (Some(now_ms), "VOIDED");
                ("ORDERS_CANCELLED", "cancelled")
            }
            1 if order.refunds.is_empty() && order.cancelled_ms.is_none() => {
                let cents = order.total_cents() / 2;
                order.refunds.push((refund, now_ms, cents));
                order.financial = "PARTIALLY_REFUNDED";
                ("REFUNDS_CREATE", "refunded")
            }
            2 => {
                order.fulfillment = "FULFILLED";
                order.closed_ms = Some(now_ms);
                ("ORDERS_FULFILLED", "fulfilled")
            }
            _ => {
                order.tags.push(format!("t{}", sim.rng.u32(..100)));
                ("", "tagged")
            }
        };
        self.change().put_order(order);
        if topic == "REFUNDS_CREATE" {
            self.tell_refund(id, sim);
        } else if !topic.is_empty() {
            self.tell_order(topic, id, sim);
        }
        self.tell_order("ORDERS_UPDATED", id, sim);
        json!({ "kind": "order", "id": id.to_string(), "change": change })
    }

    fn customer_edits(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let Some(id) = self.any(Kind::Customer, sim) else {
            return self.sign_up(sim, now_ms);
        };
        let (number, which) = (sim.rng.u32(..100_000), sim.rng.u32(0..4));
        let mut change = "edited";
        self.touch_customer(id, now_ms, sim, |customer| match which {
            0 => customer.last_name = Some(format!("Nové-{number}")),
            1 => {
                customer.tags.push(format!("t{}", number % 50));
                customer.tags.dedup();
                change = "tagged";
            }
            2 if customer.email.is_some() => {
                let is_in = customer.email_consent.state == "SUBSCRIBED";
                customer.email_consent = consent(Some((!is_in, now_ms)));
                change = "consent";
            }
            _ => customer.email = Some(format!("moved{number}.{id}@example.org")),
        });
        if change == "consent" {
            self.tell_consent(id, sim);
        }
        json!({ "kind": "customer", "id": id.to_string(), "change": change })
    }

    /// Only who never bought can be deleted.
    fn customer_leaves(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let gone = self.any(Kind::Customer, sim);
        let gone = gone.filter(|id| self.data.customers[id].orders.is_empty());
        let Some(id) = gone else {
            return self.customer_edits(sim, now_ms);
        };
        self.change().remove_customer(id, now_ms);
        self.tell(
            "CUSTOMERS_DELETE",
            &json!({ "id": id, "admin_graphql_api_id": super::gid("Customer", id) }),
            sim,
        );
        json!({ "kind": "customer", "id": id.to_string(), "change": "deleted" })
    }

    fn order_vanishes(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let Some(id) = self.any(Kind::Order, sim) else {
            return self.purchase(sim, now_ms);
        };
        self.change().remove_order(id, now_ms);
        self.tell("ORDERS_DELETE", &json!({ "id": id }), sim);
        json!({ "kind": "order", "id": id.to_string(), "change": "deleted" })
    }

    fn product_changes(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let Some(id) = self.any(Kind::Product, sim) else {
            return self.sign_up(sim, now_ms);
        };
        if sim.rng.f64() < 0.1 && self.data.products.len() > 50 {
            self.change().remove_product(id, now_ms);
            self.tell("PRODUCTS_DELETE", &json!({ "id": id }), sim);
            return json!({ "kind": "product", "id": id.to_string(), "change": "deleted" });
        }
        let mut product = self.data.products[&id].clone();
        product.updated_ms = now_ms.max(product.updated_ms);
        match sim.rng.u32(0..3) {
            0 => product.price_cents += 100,
            1 => product.stock = sim.rng.i64(0..500),
            _ => {
                product.status = if product.status == "ACTIVE" {
                    "ARCHIVED"
                } else {
                    "ACTIVE"
                }
            }
        }
        self.change().put_product(product);
        self.tell_product("PRODUCTS_UPDATE", id, sim);
        json!({ "kind": "product", "id": id.to_string(), "change": "edited" })
    }

    fn checkout_changes(&mut self, sim: &mut Sim, now_ms: i64) -> Value {
        let open = self
            .data
            .checkouts
            .values()
            .find(|it| it.completed_ms.is_none());
        let recovered = open.cloned().filter(|_| sim.rng.bool());
        let (new, topic) = match recovered {
            Some(mut checkout) => {
                (checkout.completed_ms, checkout.updated_ms) = (Some(now_ms), now_ms);
                (checkout, "CHECKOUTS_UPDATE")
            }
            None => {
                if self.world.orders.is_empty() {
                    return self.purchase(sim, now_ms);
                }
                let at = sim.rng.usize(..self.world.orders.len());
                let number = self.data.checkouts.len() as u64 + 1;
                let mut new = checkout(number, &self.world.orders[at], &self.world);
                new.customer = new
                    .customer
                    .filter(|it| self.data.customers.contains_key(it));
                (new.created_ms, new.updated_ms, new.completed_ms) = (now_ms, now_ms, None);
                (new, "CHECKOUTS_CREATE")
            }
        };
        let id = new.id;
        self.change().put_checkout(new);
        self.tell_checkout(topic, id, sim);
        json!({ "kind": "checkout", "id": id.to_string(), "change": topic })
    }
}
