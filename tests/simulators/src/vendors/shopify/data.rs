//! What a shop holds, with the indexes that its lists read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A consent to be written to, by mail or by text message.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    pub state: String,
    pub level: Option<String>,
    pub at_ms: Option<i64>,
}

impl Consent {
    pub fn none() -> Self {
        Self {
            state: "NOT_SUBSCRIBED".to_owned(),
            level: None,
            at_ms: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Address {
    pub id: u64,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub province_code: Option<String>,
    pub country: Option<String>,
    pub zip: Option<String>,
    pub phone: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Metafield {
    pub id: u64,
    pub owner: String,
    pub namespace: String,
    pub key: String,
    pub kind: String,
    pub value: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Customer {
    pub id: u64,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub locale: String,
    pub state: &'static str,
    pub tags: Vec<String>,
    pub note: Option<String>,
    pub addresses: Vec<Address>,
    pub email_consent: Consent,
    pub sms_consent: Consent,
    pub tax_exempt: bool,
    pub verified_email: bool,
    pub data_sale_opt_out: bool,
    /// When an erasure was asked for.
    pub erasure_ms: Option<i64>,
    pub orders: Vec<u64>,
    pub spent_cents: i64,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub id: u64,
    pub product: u64,
    pub quantity: i64,
    pub current_quantity: i64,
    pub unit_cents: i64,
    pub discount_cents: i64,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub id: u64,
    pub number: u64,
    pub customer: Option<u64>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub address: Option<Address>,
    pub financial: &'static str,
    pub fulfillment: &'static str,
    pub test: bool,
    pub source: &'static str,
    pub accepts_marketing: bool,
    pub codes: Vec<String>,
    pub tags: Vec<String>,
    pub lines: Vec<Line>,
    pub shipping_cents: i64,
    pub tax_cents: i64,
    /// Each with its id and instant.
    pub refunds: Vec<(u64, i64, i64)>,
    pub cancelled_ms: Option<i64>,
    pub closed_ms: Option<i64>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Order {
    pub fn discount_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.discount_cents).sum()
    }

    pub fn subtotal_cents(&self) -> i64 {
        let line = |line: &Line| line.unit_cents * line.quantity - line.discount_cents;
        self.lines.iter().map(line).sum()
    }

    pub fn total_cents(&self) -> i64 {
        self.subtotal_cents() + self.shipping_cents + self.tax_cents
    }

    pub fn refunded_cents(&self) -> i64 {
        self.refunds.iter().map(|(_, _, cents)| cents).sum()
    }
}

#[derive(Clone, Debug)]
pub struct Product {
    pub id: u64,
    pub title: String,
    pub category: String,
    pub sku: String,
    pub price_cents: i64,
    pub stock: i64,
    pub status: &'static str,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Product {
    pub fn variant_id(&self) -> u64 {
        super::VARIANTS + self.id % super::PRODUCTS
    }
}

#[derive(Clone, Debug)]
pub struct Checkout {
    pub id: u64,
    pub customer: Option<u64>,
    pub lines: Vec<Line>,
    pub codes: Vec<String>,
    pub completed_ms: Option<i64>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Discount {
    pub id: u64,
    pub title: String,
    /// What it gives, as asked for: `percentage` or `discountAmount`.
    pub gives: Value,
    pub usage_limit: Option<i64>,
    pub once: bool,
    pub starts_ms: i64,
    pub ends_ms: Option<i64>,
    pub codes: Vec<(u64, String)>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

#[derive(Clone, Debug)]
pub struct GiftCard {
    pub id: u64,
    pub code: String,
    pub cents: i64,
    pub customer: Option<u64>,
    pub expires_on: Option<String>,
    pub note: Option<String>,
    pub created_ms: i64,
}

/// Codes that are being added to a discount.
#[derive(Clone, Debug)]
pub struct CodeJob {
    pub id: u64,
    pub created_ms: i64,
    pub done_ms: i64,
    /// The code, its id, or why it was refused.
    pub codes: Vec<(String, Result<u64, String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Customer,
    Order,
    Product,
    Checkout,
}

/// The whole shop. Cheap to keep a copy of: it stands behind an `Arc`.
#[derive(Clone, Debug, Default)]
pub struct Data {
    pub customers: BTreeMap<u64, Customer>,
    pub orders: BTreeMap<u64, Order>,
    pub products: BTreeMap<u64, Product>,
    pub checkouts: BTreeMap<u64, Checkout>,
    pub discounts: BTreeMap<u64, Discount>,
    pub gift_cards: BTreeMap<u64, GiftCard>,
    pub code_jobs: BTreeMap<u64, CodeJob>,
    /// By owner's gid, namespace and key.
    pub metafields: BTreeMap<(String, String, String), Metafield>,
    /// What was deleted and when.
    pub deleted: BTreeMap<(Kind, u64), i64>,
    by_updated: BTreeMap<Kind, BTreeSet<(i64, u64)>>,
    emails: BTreeMap<String, u64>,
    phones: BTreeMap<String, u64>,
    made: u64,
}

impl Data {
    /// An id that nothing had before.
    pub fn new_id(&mut self) -> u64 {
        self.made += 1;
        1_070_000_000_000 + self.made
    }

    pub fn by_email(&self, email: &str) -> Option<u64> {
        self.emails.get(&email.to_lowercase()).copied()
    }

    pub fn by_phone(&self, phone: &str) -> Option<u64> {
        self.phones.get(phone).copied()
    }

    /// Instants of change with ids, in order.
    pub fn by_updated(&self, kind: Kind) -> &BTreeSet<(i64, u64)> {
        static EMPTY: BTreeSet<(i64, u64)> = BTreeSet::new();
        self.by_updated.get(&kind).unwrap_or(&EMPTY)
    }

    fn reindex(&mut self, kind: Kind, id: u64, old_ms: Option<i64>, new_ms: Option<i64>) {
        let index = self.by_updated.entry(kind).or_default();
        if let Some(at_ms) = old_ms {
            index.remove(&(at_ms, id));
        }
        if let Some(at_ms) = new_ms {
            index.insert((at_ms, id));
        }
    }

    pub fn put_customer(&mut self, new: Customer) {
        let (id, new_ms) = (new.id, new.updated_ms);
        self.forget_names(id);
        if let Some(email) = &new.email {
            self.emails.insert(email.to_lowercase(), id);
        }
        if let Some(phone) = &new.phone {
            self.phones.insert(phone.clone(), id);
        }
        let old = self.customers.insert(id, new);
        let old_ms = old.map(|old| old.updated_ms);
        self.reindex(Kind::Customer, id, old_ms, Some(new_ms));
    }

    fn forget_names(&mut self, id: u64) {
        if let Some(old) = self.customers.get(&id) {
            if let Some(email) = &old.email {
                self.emails.remove(&email.to_lowercase());
            }
            if let Some(phone) = &old.phone {
                self.phones.remove(phone);
            }
        }
    }

    pub fn remove_customer(&mut self, id: u64, now_ms: i64) {
        self.forget_names(id);
        if let Some(old) = self.customers.remove(&id) {
            self.reindex(Kind::Customer, id, Some(old.updated_ms), None);
            self.deleted.insert((Kind::Customer, id), now_ms);
            let owner = super::gid("Customer", id);
            self.metafields.retain(|(of, _, _), _| *of != owner);
        }
    }

    pub fn put_order(&mut self, new: Order) {
        let (id, new_ms) = (new.id, new.updated_ms);
        let customer = new.customer;
        let old = self.orders.insert(id, new);
        let old_ms = old.map(|old| old.updated_ms);
        self.reindex(Kind::Order, id, old_ms, Some(new_ms));
        if let Some(customer) = customer.and_then(|it| self.customers.get_mut(&it)) {
            if old_ms.is_none() {
                customer.orders.push(id);
            }
            customer.spent_cents = spent_cents(&self.orders, &customer.orders);
        }
    }

    pub fn remove_order(&mut self, id: u64, now_ms: i64) {
        let Some(old) = self.orders.remove(&id) else {
            return;
        };
        self.reindex(Kind::Order, id, Some(old.updated_ms), None);
        self.deleted.insert((Kind::Order, id), now_ms);
        if let Some(customer) = old.customer.and_then(|it| self.customers.get_mut(&it)) {
            customer.orders.retain(|it| *it != id);
            customer.spent_cents = spent_cents(&self.orders, &customer.orders);
        }
    }

    pub fn put_product(&mut self, new: Product) {
        let (id, new_ms) = (new.id, new.updated_ms);
        let old = self.products.insert(id, new);
        let old_ms = old.map(|old| old.updated_ms);
        self.reindex(Kind::Product, id, old_ms, Some(new_ms));
    }

    pub fn remove_product(&mut self, id: u64, now_ms: i64) {
        if let Some(old) = self.products.remove(&id) {
            self.reindex(Kind::Product, id, Some(old.updated_ms), None);
            self.deleted.insert((Kind::Product, id), now_ms);
        }
    }

    pub fn put_checkout(&mut self, new: Checkout) {
        let (id, new_ms) = (new.id, new.updated_ms);
        let old = self.checkouts.insert(id, new);
        let old_ms = old.map(|old| old.updated_ms);
        self.reindex(Kind::Checkout, id, old_ms, Some(new_ms));
    }

    pub fn has_code(&self, code: &str) -> bool {
        self.discount_of(code).is_some()
    }

    /// Codes are the same whatever their letters' case.
    pub fn discount_of(&self, code: &str) -> Option<&Discount> {
        let is_it = |(_, known): &(u64, String)| known.eq_ignore_ascii_case(code);
        self.discounts
            .values()
            .find(|it| it.codes.iter().any(is_it))
    }
}

fn spent_cents(orders: &BTreeMap<u64, Order>, ids: &[u64]) -> i64 {
    let counted = ids.iter().filter_map(|id| orders.get(id));
    counted
        .filter(|it| it.cancelled_ms.is_none() && it.financial != "PENDING")
        .map(|it| it.total_cents() - it.refunded_cents())
        .sum()
}
