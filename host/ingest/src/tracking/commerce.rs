//! Orders and carts, from the events of Segment's e-commerce specification
//! (<https://segment.com/docs/connections/spec/ecommerce/v2/>).

use crosspoint_model::record::{Attribute, Body, Cart, Line, Order, OrderStatus};
use crosspoint_model::{Decimal, Instant, Money};
use serde_json::Value as Json;
use smol_str::SmolStr;

use super::Stream;
use super::call::Object;
use super::value::{decimal_of, folded, text_of, value_of};

/// The ISO 4217 code for "no currency", of an amount whose call does not say one.
const NO_CURRENCY: &str = "XXX";

/// An order or cart.
pub(super) struct Purchase {
    pub stream: Stream,
    /// The shop's id, else the call's.
    pub id: SmolStr,
    pub attributes: Vec<Attribute>,
    pub body: Body,
}

/// What an event says of orders and carts.
///
/// A partial refund, which lists products, changes no order: what is left of its total is not
/// said. `Order Updated` does not say when the order was placed. Both stay events.
pub(super) fn purchases(
    event: &str,
    properties: &Object,
    call_id: &SmolStr,
    at: Instant,
    orders: bool,
) -> Vec<Purchase> {
    let mut purchase = Reader {
        properties,
        read: Vec::new(),
    };
    let refunds_part = || {
        let products = properties.get("products").and_then(Json::as_array);
        products.is_some_and(|products| !products.is_empty())
    };
    let mut found = Vec::new();
    match folded(event).as_str() {
        "ordercompleted" | "completedorder" if orders => {
            found.extend(purchase.closed_cart(at));
            found.push(purchase.order(None, call_id, at));
        }
        "orderrefunded" | "refundedorder" if orders && !refunds_part() => {
            found.extend(purchase.known_order(OrderStatus::Refunded, at));
        }
        "ordercancelled" | "ordercanceled" | "cancelledorder" if orders => {
            found.extend(purchase.known_order(OrderStatus::Cancelled, at));
        }
        "cartviewed" | "viewedcart" | "checkoutstarted" | "startedcheckout" => {
            found.extend(purchase.open_cart());
        }
        _ => {}
    }
    found
}

/// Reads properties, and remembers which.
struct Reader<'a> {
    properties: &'a Object,
    read: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn take<T>(&mut self, names: &[&str], read: impl Fn(&'a Json) -> Option<T>) -> Option<T> {
        let (name, value) = names.iter().find_map(|name| {
            let (name, json) = self.properties.get_key_value(*name)?;
            Some((name, read(json)?))
        })?;
        self.read.push(name);
        Some(value)
    }

    fn text(&mut self, names: &[&str]) -> Option<SmolStr> {
        self.take(names, text_of)
    }

    fn money(&mut self, names: &[&str], currency: &SmolStr) -> Option<Money> {
        let amount = self.take(names, decimal_of)?;
        Some(Money {
            amount,
            currency: currency.clone(),
        })
    }

    fn currency(&mut self) -> SmolStr {
        let code = |json| {
            let text: SmolStr = text_of(json)?;
            let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
            is_code.then(|| SmolStr::new(text.to_ascii_uppercase()))
        };
        self.take(&["currency"], code)
            .unwrap_or_else(|| NO_CURRENCY.into())
    }

    fn cart_id(&mut self) -> Option<SmolStr> {
        self.text(&["cart_id", "cartId", "checkout_id", "checkoutId"])
    }

    fn order_id(&mut self) -> Option<SmolStr> {
        self.text(&["order_id", "orderId"])
    }

    fn known_order(&mut self, status: OrderStatus, at: Instant) -> Option<Purchase> {
        let id = self.order_id()?;
        Some(self.order(Some(status), &id, at))
    }

    /// An order without an amount is one of nothing: it happened all the same.
    fn order(&mut self, status: Option<OrderStatus>, or_id: &SmolStr, at: Instant) -> Purchase {
        let id = self.order_id().unwrap_or_else(|| or_id.clone());
        let currency = self.currency();
        let lines = self.lines(&currency);
        let total = self
            .money(&["total", "revenue", "value"], &currency)
            .or_else(|| sum(&lines, &currency));
        let total = total.unwrap_or(Money {
            amount: Decimal::ZERO,
            currency: currency.clone(),
        });
        let is_refund = status == Some(OrderStatus::Refunded);
        let status = status
            .or_else(|| self.take(&["status"], |json| text_of(json).map(|word| said(&word))))
            .unwrap_or(OrderStatus::Paid);
        let order = Order {
            number: self.text(&["order_number", "orderNumber"]),
            status,
            placed_at: at,
            subtotal: self.money(&["subtotal"], &currency),
            tax: self.money(&["tax"], &currency),
            shipping: self.money(&["shipping"], &currency),
            discount: self.money(&["discount"], &currency),
            refunded: is_refund.then(|| total.clone()),
            total,
            coupons: self
                .take(&["coupon", "coupons"], texts_of)
                .unwrap_or_default(),
            channel: None,
            lines,
            shipping_address: None,
        };
        Purchase {
            stream: Stream::Orders,
            id,
            attributes: self.rest(),
            body: Body::Order(Box::new(order)),
        }
    }

    /// Without an id it could never be told when the cart was bought.
    fn open_cart(&mut self) -> Option<Purchase> {
        let id = self.cart_id()?;
        let currency = self.currency();
        let lines = self.lines(&currency);
        let cart = Cart {
            created_at: None,
            total: self.money(&["total", "value", "revenue"], &currency),
            lines,
            recovery_url: self.text(&["recovery_url", "cart_url"]),
            closed_at: None,
            order_id: None,
        };
        Some(Purchase {
            stream: Stream::Carts,
            id,
            attributes: self.rest(),
            body: Body::Cart(Box::new(cart)),
        })
    }

    /// The cart that an order came from, where the order names it. The order has its contents.
    fn closed_cart(&self, at: Instant) -> Option<Purchase> {
        let mut order = Reader {
            properties: self.properties,
            read: Vec::new(),
        };
        let id = order.cart_id()?;
        let currency = order.currency();
        let cart = Cart {
            created_at: None,
            lines: order.lines(&currency),
            total: order.money(&["total", "revenue", "value"], &currency),
            recovery_url: None,
            closed_at: Some(at),
            order_id: order.order_id(),
        };
        Some(Purchase {
            stream: Stream::Carts,
            id,
            attributes: Vec::new(),
            body: Body::Cart(Box::new(cart)),
        })
    }

    /// The products, where each of them is an object.
    fn lines(&mut self, currency: &SmolStr) -> Vec<Line> {
        let all = |json: &'a Json| {
            let products = json.as_array()?.iter();
            products
                .map(|product| Some(line(product.as_object()?, currency)))
                .collect::<Option<Vec<_>>>()
        };
        self.take(&["products"], all).unwrap_or_default()
    }

    /// Properties that no field took.
    fn rest(&self) -> Vec<Attribute> {
        attributes_except(self.properties, &self.read)
    }
}

fn line(product: &Object, currency: &SmolStr) -> Line {
    let mut reader = Reader {
        properties: product,
        read: Vec::new(),
    };
    Line {
        id: reader.text(&["line_id", "lineId"]),
        product_id: reader.text(&["product_id", "productId", "id"]),
        sku: reader.text(&["sku"]),
        name: reader.text(&["name"]),
        category: reader.text(&["category"]),
        quantity: reader
            .take(&["quantity"], decimal_of)
            .unwrap_or(Decimal::from(1)),
        unit_price: reader.money(&["price"], currency),
        total: reader.money(&["total"], currency),
        attributes: reader.rest(),
    }
}

/// What all lines cost, where each says so.
fn sum(lines: &[Line], currency: &SmolStr) -> Option<Money> {
    let amount = lines.iter().try_fold(Decimal::ZERO, |sum, line| {
        let of_line = match (&line.total, &line.unit_price) {
            (Some(total), _) => total.amount,
            (None, Some(price)) => price.amount.checked_mul(line.quantity)?,
            (None, None) => return None,
        };
        sum.checked_add(of_line)
    })?;
    Some(Money {
        amount,
        currency: currency.clone(),
    })
}

fn said(word: &str) -> OrderStatus {
    match folded(word).as_str() {
        "pending" => OrderStatus::Pending,
        "paid" | "completed" => OrderStatus::Paid,
        "fulfilled" | "shipped" => OrderStatus::Fulfilled,
        "cancelled" | "canceled" => OrderStatus::Cancelled,
        "refunded" => OrderStatus::Refunded,
        "partiallyrefunded" => OrderStatus::PartiallyRefunded,
        _ => OrderStatus::Other(word.into()),
    }
}

fn texts_of(json: &Json) -> Option<Vec<SmolStr>> {
    match json {
        Json::Array(list) => list.iter().map(text_of).collect(),
        _ => text_of(json).map(|text| vec![text]),
    }
}

fn attributes_except(properties: &Object, read: &[&str]) -> Vec<Attribute> {
    properties
        .iter()
        .filter(|(name, json)| !read.contains(&name.as_str()) && !json.is_null())
        .map(|(name, json)| Attribute {
            name: name.into(),
            value: value_of(json),
        })
        .collect()
}
