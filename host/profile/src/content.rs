//! Bodies as facts: what of an order, cart, event, submission or engagement is kept, and under
//! which names.

use crosspoint_model::profile::FactLine;
use crosspoint_model::record::{
    Address, Attribute, Body, Cart, Engagement, Line, Order, Submission,
};
use crosspoint_model::{Decimal, Money, Symbol, Value};
use smol_str::SmolStr;

use crate::names::Names;

/// What a fact says beyond kind, name and instant.
#[derive(Default)]
pub(crate) struct Content {
    pub total: Option<(Decimal, Symbol)>,
    pub properties: Vec<(Symbol, Value)>,
    pub lines: Vec<FactLine>,
}

type Intern<'a> = &'a mut dyn FnMut(&str) -> Symbol;

impl Content {
    /// The body's own fields first: where an attribute has the name of one, the field wins.
    /// `Null` is not kept: a newer version replaces a fact as a whole.
    pub fn of(body: &Body, attributes: &[Attribute], names: &Names, intern: Intern<'_>) -> Self {
        let mut content = Self::default();
        match body {
            Body::Order(order) => content.order(order, names, intern),
            Body::Cart(cart) => content.cart(cart, names, intern),
            Body::Submission(submission) => content.submission(submission, names),
            Body::Engagement(engagement) => content.engagement(engagement, names),
            _ => {}
        }
        for attribute in attributes {
            if attribute.value != Value::Null {
                let name = intern(&attribute.name);
                content.properties.push((name, attribute.value.clone()));
            }
        }
        content.properties.sort_by_key(|property| property.0);
        content.properties.dedup_by_key(|property| property.0);
        content.properties.shrink_to_fit();
        content
    }

    fn order(&mut self, order: &Order, names: &Names, intern: Intern<'_>) {
        let currency = &order.total.currency;
        self.total = Some((order.total.amount, intern(currency)));
        self.text(names.number, &order.number);
        self.text(names.channel, &order.channel);
        self.list(names.coupons, &order.coupons);
        let mut foreign = Vec::new();
        for (name, word, money) in [
            (names.subtotal, "subtotal", &order.subtotal),
            (names.tax, "tax", &order.tax),
            (names.shipping, "shipping", &order.shipping),
            (names.discount, "discount", &order.discount),
            (names.refunded, "refunded", &order.refunded),
        ] {
            let Some(money) = money else { continue };
            if money.currency == *currency {
                self.properties.push((name, Value::Decimal(money.amount)));
            } else {
                foreign.push(foreign_amount(word, money));
            }
        }
        if let Some(address) = &order.shipping_address {
            self.destination(address, names);
        }
        self.lines = lines(&order.lines, Some(currency), &mut foreign);
        self.list(names.other_currency, &foreign);
    }

    /// A cart without a total has the sum of its lines as its total, where every line has one.
    /// Its currency is then that of the first line with an amount.
    fn cart(&mut self, cart: &Cart, names: &Names, intern: Intern<'_>) {
        let amounts = cart
            .lines
            .iter()
            .filter_map(|line| line.total.as_ref().or(line.unit_price.as_ref()));
        let currency = cart
            .total
            .iter()
            .chain(amounts)
            .map(|money| &money.currency)
            .next();
        let mut foreign = Vec::new();
        self.lines = lines(&cart.lines, currency, &mut foreign);
        self.list(names.other_currency, &foreign);
        let amount = match &cart.total {
            Some(total) => Some(total.amount),
            None => self
                .lines
                .iter()
                .try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.total?)),
        };
        self.total = amount
            .zip(currency)
            .map(|(amount, code)| (amount, intern(code)));
        self.text(names.recovery_url, &cart.recovery_url);
        self.text(names.order_id, &cart.order_id);
        for (name, instant) in [
            (names.created_at, cart.created_at),
            (names.closed_at, cart.closed_at),
        ] {
            if let Some(instant) = instant {
                self.properties.push((name, Value::Instant(instant)));
            }
        }
    }

    fn submission(&mut self, submission: &Submission, names: &Names) {
        self.text(names.form_name, &submission.form_name);
        if !submission.origin.is_empty() {
            let origin: serde_json::Map<_, _> = submission
                .origin
                .iter()
                .map(|attribute| (attribute.name.to_string(), json(&attribute.value)))
                .collect();
            let text = serde_json::Value::Object(origin).to_string();
            self.properties
                .push((names.origin, Value::Json(text.into())));
        }
    }

    fn engagement(&mut self, engagement: &Engagement, names: &Names) {
        self.properties
            .push((names.channel, Value::Text(engagement.channel.clone())));
        self.text(names.campaign, &engagement.campaign);
        self.text(names.message_id, &engagement.message_id);
        self.text(names.delivery_key, &engagement.delivery_key);
        self.text(names.url, &engagement.url);
        self.text(names.reason, &engagement.reason);
    }

    fn destination(&mut self, address: &Address, names: &Names) {
        self.text(names.shipping_city, &address.city);
        self.text(names.shipping_region, &address.region);
        self.text(names.shipping_postal_code, &address.postal_code);
        self.text(names.shipping_country, &address.country);
    }

    fn text(&mut self, name: Symbol, text: &Option<SmolStr>) {
        if let Some(text) = text {
            self.properties.push((name, Value::Text(text.clone())));
        }
    }

    fn list(&mut self, name: Symbol, items: &[SmolStr]) {
        if let Some(list) = json_list(items) {
            self.properties.push((name, list));
        }
    }
}

/// Positions in the fact's currency. A line without a total costs unit price times quantity. An
/// amount in another currency is no total; it is listed in `foreign`.
fn lines(lines: &[Line], currency: Option<&SmolStr>, foreign: &mut Vec<SmolStr>) -> Vec<FactLine> {
    let mut kept = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        let total = line.total.clone().or_else(|| {
            let price = line.unit_price.as_ref()?;
            let amount = price.amount.checked_mul(line.quantity)?;
            Some(Money {
                amount,
                currency: price.currency.clone(),
            })
        });
        let own = |money: &Money| Some(&money.currency) == currency;
        if let Some(money) = total.as_ref().filter(|money| !own(money)) {
            foreign.push(foreign_amount(&format!("line {}", number + 1), money));
        }
        kept.push(FactLine {
            product: line.product_id.clone().or_else(|| line.sku.clone()),
            sku: line.sku.clone(),
            name: line.name.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            total: total.filter(own).map(|money| money.amount),
        });
    }
    kept
}

/// `tax: 1.20 USD`, an element of the property `other_currency`.
fn foreign_amount(word: &str, money: &Money) -> SmolStr {
    smol_str::format_smolstr!("{word}: {} {}", money.amount, money.currency)
}

/// A JSON list; `None` for the empty one.
pub(crate) fn json_list(items: &[SmolStr]) -> Option<Value> {
    if items.is_empty() {
        return None;
    }
    let list = items
        .iter()
        .map(|item| serde_json::Value::from(item.as_str()))
        .collect();
    Some(Value::Json(
        serde_json::Value::Array(list).to_string().into(),
    ))
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| (&**text).into()),
        other => other.to_string().into(),
    }
}
