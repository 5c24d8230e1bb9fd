//! People, products and orders that look like a shop's: made up, but with the awkward parts of the
//! real thing (names from many scripts, guests, people without a phone, repeated buyers, refunds).
//!
//! The same seed and sizes make the same world for every vendor, so that one person can be met in
//! several systems: a shop knows [`Person::email`], a CRM may know [`Person::work_email`].

mod names;
#[cfg(test)]
mod tests;

const DAY_MS: i64 = 86_400_000;

/// One person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// From 1.
    pub number: u64,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    /// Another address of the same person.
    pub work_email: String,
    /// E.164.
    pub phone: Option<String>,
    pub company: Option<String>,
    pub job_title: Option<String>,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// ISO 639-1.
    pub language: String,
    /// IANA.
    pub time_zone: String,
    /// ISO 8601 date.
    pub birthday: Option<String>,
    pub tags: Vec<String>,
    /// Bought without an account.
    pub is_guest: bool,
    /// Opted in to mail: decided, and when. Absent: never asked.
    pub email_consent: Option<(bool, i64)>,
    pub sms_consent: Option<(bool, i64)>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// One thing for sale.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// From 1.
    pub number: u64,
    pub sku: String,
    pub name: String,
    pub category: String,
    pub price_cents: i64,
    pub stock: i64,
    pub updated_at_ms: i64,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Paid,
    Fulfilled,
    Cancelled,
    Refunded,
}

/// One position of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Index into [`World::products`].
    pub product: usize,
    pub quantity: i64,
    pub unit_cents: i64,
    /// For the whole quantity.
    pub discount_cents: i64,
}

/// One purchase.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// From 1.
    pub number: u64,
    /// Index into [`World::people`].
    pub person: usize,
    pub status: Status,
    pub currency: &'static str,
    pub lines: Vec<Line>,
    pub shipping_cents: i64,
    pub tax_cents: i64,
    pub coupon: Option<&'static str>,
    pub placed_at_ms: i64,
    pub updated_at_ms: i64,
}

impl Order {
    /// Of all lines, after discounts, before shipping and tax.
    #[must_use]
    pub fn subtotal_cents(&self) -> i64 {
        let line = |line: &Line| line.unit_cents * line.quantity - line.discount_cents;
        self.lines.iter().map(line).sum()
    }

    #[must_use]
    pub fn total_cents(&self) -> i64 {
        self.subtotal_cents() + self.shipping_cents + self.tax_cents
    }
}

/// Everything there is at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// The newest instant of anything in it.
    pub now_ms: i64,
    pub people: Vec<Person>,
    pub products: Vec<Product>,
    /// By instant of purchase.
    pub orders: Vec<Order>,
}

impl World {
    /// A world whose history ends at `now_ms` and begins three years before. Where `now_ms`
    /// differs all instants shift with it.
    #[must_use]
    pub fn new(seed: u64, people: usize, orders: usize, now_ms: i64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        // Whole seconds: most vendors know no finer instant.
        let now_ms = now_ms.div_euclid(1000) * 1000;
        let products: Vec<Product> = (1..=200).map(|it| product(&mut rng, it, now_ms)).collect();
        let people: Vec<Person> = (1..=people as u64)
            .map(|it| person(&mut rng, it, now_ms))
            .collect();
        let count = if people.is_empty() { 0 } else { orders };
        let mut orders: Vec<Order> = (0..count)
            .map(|_| order(&mut rng, &people, &products, now_ms))
            .collect();
        orders.sort_by_key(|order| order.placed_at_ms);
        for (number, order) in (1..).zip(&mut orders) {
            order.number = number;
        }
        Self {
            now_ms,
            people,
            products,
            orders,
        }
    }

    /// One more person, as a sign-up would make.
    pub fn sign_up(&mut self, rng: &mut fastrand::Rng, now_ms: i64) -> usize {
        let number = self.people.len() as u64 + 1;
        let mut new = person(rng, number, now_ms);
        (new.created_at_ms, new.updated_at_ms) = (now_ms, now_ms);
        self.people.push(new);
        self.people.len() - 1
    }

    /// One more order, placed now by somebody who is there.
    pub fn purchase(&mut self, rng: &mut fastrand::Rng, now_ms: i64) -> usize {
        let mut new = order(rng, &self.people, &self.products, now_ms);
        new.number = self.orders.len() as u64 + 1;
        new.status = Status::Paid;
        (new.placed_at_ms, new.updated_at_ms) = (now_ms, now_ms);
        self.orders.push(new);
        self.orders.len() - 1
    }
}

fn pick<'a, T>(rng: &mut fastrand::Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}

/// Whole seconds, at most so many days before.
fn before(rng: &mut fastrand::Rng, now_ms: i64, days: i64) -> i64 {
    now_ms - rng.i64(0..days * 86_400) * 1000
}

fn person(rng: &mut fastrand::Rng, number: u64, now_ms: i64) -> Person {
    let place = pick(rng, names::PLACES);
    let first_name = (*pick(rng, names::FIRST)).to_owned();
    let last_name = (*pick(rng, names::LAST)).to_owned();
    let login = format!("{}.{}{number}", ascii(&first_name), ascii(&last_name));
    let works = rng.f64() < 0.4;
    let company = works.then(|| (*pick(rng, names::COMPANIES)).to_owned());
    let created_at_ms = before(rng, now_ms, 1095);
    let since_days = (now_ms - created_at_ms) / DAY_MS + 1;
    let updated_at_ms = before(rng, now_ms, since_days).max(created_at_ms);
    let mut decision = |often: f64| {
        (rng.f64() < often).then(|| {
            (
                rng.f64() < 0.7,
                before(rng, now_ms, since_days).max(created_at_ms),
            )
        })
    };
    let (email_consent, sms_consent) = (decision(0.8), decision(0.3));
    let mut tags: Vec<String> = names::TAGS.iter().map(|&tag| tag.to_owned()).collect();
    tags.retain(|_| rng.f64() < 0.2);
    Person {
        number,
        work_email: format!(
            "{}@{}.example",
            login,
            ascii(company.as_deref().unwrap_or("office"))
        ),
        email: format!("{login}@{}", pick(rng, names::MAIL)),
        tags,
        phone: (rng.f64() < 0.6)
            .then(|| format!("{}{:08}", place.dial, rng.u32(10_000_000..99_999_999))),
        job_title: company
            .is_some()
            .then(|| (*pick(rng, names::JOBS)).to_owned()),
        street: format!("{} {}", pick(rng, names::STREETS), rng.u32(1..200)),
        postal_code: place.postal_code.to_owned(),
        city: place.city.to_owned(),
        country: place.country.to_owned(),
        language: place.language.to_owned(),
        time_zone: place.time_zone.to_owned(),
        birthday: (rng.f64() < 0.5).then(|| {
            let (year, month, day) = (rng.u32(1940..2008), rng.u32(1..13), rng.u32(1..29));
            format!("{year}-{month:02}-{day:02}")
        }),
        is_guest: rng.f64() < 0.1,
        first_name,
        last_name,
        company,
        email_consent,
        sms_consent,
        created_at_ms,
        updated_at_ms,
    }
}

fn product(rng: &mut fastrand::Rng, number: u64, now_ms: i64) -> Product {
    let (category, things) = pick(rng, names::THINGS);
    let (adjective, thing) = (pick(rng, names::ADJECTIVES), pick(rng, things));
    Product {
        number,
        sku: format!("{}-{number:04}", &category[..3].to_uppercase()),
        name: format!("{adjective} {thing}"),
        category: (*category).to_owned(),
        price_cents: rng.i64(199..29_999),
        stock: rng.i64(0..500),
        updated_at_ms: before(rng, now_ms, 365),
    }
}

fn order(rng: &mut fastrand::Rng, people: &[Person], products: &[Product], now_ms: i64) -> Order {
    // The square prefers the first: few buy much, many buy little.
    let share = rng.f64();
    let person = ((share * share) * people.len() as f64) as usize;
    let since_days = (now_ms - people[person].created_at_ms) / DAY_MS + 1;
    let placed_at_ms = before(rng, now_ms, since_days).max(people[person].created_at_ms);
    let is_reduced = rng.f64() < 0.15;
    let lines: Vec<Line> = (0..rng.usize(1..5))
        .map(|_| line(rng, products, is_reduced))
        .collect();
    let status = match rng.u32(0..100) {
        0..5 => Status::Pending,
        5..30 => Status::Paid,
        30..92 => Status::Fulfilled,
        92..96 => Status::Cancelled,
        _ => Status::Refunded,
    };
    let mut order = Order {
        number: 0,
        person,
        status,
        currency: "EUR",
        lines,
        shipping_cents: if rng.bool() { 495 } else { 0 },
        tax_cents: 0,
        coupon: is_reduced.then_some("WELCOME10"),
        placed_at_ms,
        updated_at_ms: (placed_at_ms + rng.i64(0..10 * 86_400) * 1000).min(now_ms),
    };
    order.tax_cents = order.subtotal_cents() * 19 / 100;
    order
}

fn line(rng: &mut fastrand::Rng, products: &[Product], is_reduced: bool) -> Line {
    let product = rng.usize(..products.len());
    let (quantity, unit_cents) = (rng.i64(1..4), products[product].price_cents);
    Line {
        product,
        quantity,
        unit_cents,
        discount_cents: if is_reduced {
            unit_cents * quantity / 10
        } else {
            0
        },
    }
}

/// The letters and digits of a name that an address may hold.
fn ascii(text: &str) -> String {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.is_empty() {
        "x".to_owned()
    } else {
        plain.to_ascii_lowercase()
    }
}
