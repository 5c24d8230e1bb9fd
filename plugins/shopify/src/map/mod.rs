//! From the vendor's objects, in the form of GraphQL, to records.

mod cart;
mod customer;
mod order;
mod product;
pub(crate) mod rest;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::map::number::{Notation, decimal, money};
use crosspoint_sdk::map::{NotationError, instant};
use crosspoint_sdk::model::{Address, Line};
use crosspoint_sdk::{Attribute, Error, Identifier, Instant, Money, Record, Value};

use crate::entity::Entity;

/// Why an object cannot become a record.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) reason: String,
}

impl Fault {
    fn missing(field: &'static str) -> Self {
        Self {
            field,
            reason: "is missing".to_owned(),
        }
    }

    fn notation(field: &'static str, error: NotationError) -> Self {
        Self {
            field,
            reason: error.to_string(),
        }
    }
}

/// The records of one object: the object itself, then what else it tells.
pub(crate) fn records(entity: Entity, node: &Json) -> Result<Vec<Record>, Fault> {
    match entity {
        Entity::Customers => customer::records(node),
        Entity::Orders => order::record(node).map(|record| vec![record]),
        Entity::Products => product::record(node).map(|record| vec![record]),
        Entity::Carts => cart::record(node).map(|record| vec![record]),
    }
}

/// When the object changed.
pub(crate) fn updated_at(node: &Json) -> Result<Instant, Fault> {
    required_instant(node, "updatedAt")
}

/// The number in `gid://shopify/Customer/7001`, which stands alone in webhooks.
pub(crate) fn number_of(gid: &str) -> &str {
    let last = gid.rsplit('/').next().unwrap_or(gid);
    last.split('?').next().unwrap_or(last)
}

/// The object's id within its stream.
pub(crate) fn id(node: &Json) -> Result<String, Fault> {
    let given = node
        .text_at("id")
        .map(number_of)
        .or_else(|| node.text_at("legacyResourceId"));
    given.map(str::to_owned).ok_or_else(|| Fault::missing("id"))
}

fn required_instant(node: &Json, field: &'static str) -> Result<Instant, Fault> {
    optional_instant(node, field)?.ok_or_else(|| Fault::missing(field))
}

/// GraphQL answers in UTC, webhooks with the shop's offset; a time without any is nowhere.
fn optional_instant(node: &Json, field: &'static str) -> Result<Option<Instant>, Fault> {
    node.text_at(field)
        .map(|text| instant::parse(text, 0).map_err(|error| Fault::notation(field, error)))
        .transpose()
}

fn text(node: &Json, field: &str) -> Option<String> {
    node.text_at(field).map(str::to_owned)
}

fn texts(node: &Json, field: &str) -> Vec<String> {
    let items = node.get(field).map_or(&[][..], Json::items);
    items
        .iter()
        .filter_map(Json::text)
        .map(str::to_owned)
        .collect()
}

/// `{"amount":"1.00","currencyCode":"EUR"}`
fn money_at(node: &Json, path: &str, field: &'static str) -> Result<Option<Money>, Fault> {
    let Some(found) = node.at(path) else {
        return Ok(None);
    };
    match (found.text_at("amount"), found.text_at("currencyCode")) {
        (Some(amount), Some(currency)) => money(amount, currency, Notation::Point)
            .map(Some)
            .map_err(|error| Fault::notation(field, error)),
        _ => Ok(None),
    }
}

/// The shop's side of a money bag.
fn shop_money(node: &Json, field: &'static str) -> Result<Option<Money>, Fault> {
    money_at(node, &format!("{field}.shopMoney"), field)
}

fn quantity(node: &Json, field: &'static str) -> Result<String, Fault> {
    let text = node.text_at(field).ok_or_else(|| Fault::missing(field))?;
    decimal(text, Notation::Point).map_err(|error| Fault::notation(field, error))
}

/// The items of a connection, as `nodes` or as `edges`.
fn nodes(node: &Json, field: &str) -> Vec<Json> {
    let Some(list) = node.get(field) else {
        return Vec::new();
    };
    match list.get("nodes") {
        Some(nodes) => nodes.items().to_vec(),
        None => {
            let edges = list.get("edges").map_or(list.items(), Json::items);
            edges
                .iter()
                .map(|edge| edge.get("node").unwrap_or(edge).clone())
                .collect()
        }
    }
}

const ADDRESS: [&str; 8] = [
    "firstName",
    "lastName",
    "company",
    "address1",
    "address2",
    "city",
    "provinceCode",
    "zip",
];

fn address(node: &Json, field: &str) -> Option<Address> {
    let found = node
        .get(field)
        .filter(|found| !found.members().is_empty())?;
    let names = [text(found, "firstName"), text(found, "lastName")];
    let recipient = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let country = text(found, "countryCodeV2").map(|code| code.to_ascii_uppercase());
    let made = Address {
        recipient: Some(recipient).filter(|name| !name.is_empty()),
        company: text(found, "company"),
        street: [text(found, "address1"), text(found, "address2")]
            .into_iter()
            .flatten()
            .collect(),
        city: text(found, "city"),
        region: text(found, "provinceCode"),
        postal_code: text(found, "zip"),
        country: country.filter(|code| code.len() == 2),
    };
    (made != Address::default()).then_some(made)
}

/// What [`address`] takes, and the address's own id, which the two forms write differently.
fn address_taken() -> Vec<&'static str> {
    ADDRESS.into_iter().chain(["countryCodeV2", "id"]).collect()
}

/// What is left of an object within the object, under the object's own name; nothing where all is
/// taken or empty.
fn left_of(node: &Json, field: &'static str, taken: &[&str]) -> Option<Attribute> {
    let members = node.get(field)?.members();
    let left: Vec<_> = members
        .iter()
        .filter(|(name, value)| !taken.contains(&name.as_str()) && *value != Json::Null)
        .cloned()
        .collect();
    (!left.is_empty()).then(|| Attribute::new(field, Value::Json(Json::Object(left).to_string())))
}

/// Who an order or a checkout is about.
fn buyer(node: &Json) -> Vec<Identifier> {
    let at = |path: &str| node.text_at(path).map(str::to_owned);
    let email = at("email").or_else(|| at("customer.defaultEmailAddress.emailAddress"));
    let phone = at("phone").or_else(|| at("customer.defaultPhoneNumber.phoneNumber"));
    [
        at("customer.id").map(|gid| Identifier::Customer(number_of(&gid).to_owned())),
        email.map(Identifier::Email),
        phone.map(Identifier::Phone),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A line of an order or a checkout.
fn line(node: &Json, total: &'static str) -> Result<Line, Fault> {
    let mut line = Line::new(quantity(node, "quantity")?);
    let gid = |path: &str| node.text_at(path).map(|gid| number_of(gid).to_owned());
    line.id = gid("id");
    line.product_id = gid("product.id");
    line.sku = text(node, "sku");
    line.name = text(node, "title");
    line.unit_price = shop_money(node, "originalUnitPriceSet")?;
    line.total = shop_money(node, total)?;
    line.attributes = node.attributes_except(&[
        "id",
        "__parentId",
        "product",
        "variant",
        "sku",
        "title",
        "quantity",
        "originalUnitPriceSet",
        total,
    ]);
    if let Some(variant) = gid("variant.id") {
        line.attributes.push(Attribute::new("variantId", variant));
    }
    Ok(line)
}

/// For quarantine: what `retry` needs to try the object again.
pub(crate) fn quarantined(entity: Entity, node: &Json) -> Vec<u8> {
    format!("{{\"stream\":\"{}\",\"node\":{node}}}", entity.stream()).into_bytes()
}

/// The object in what [`quarantined`] wrote.
pub(crate) fn from_quarantine(entity: Entity, raw: &[u8]) -> Result<Json, Error> {
    let no_object = || Error::invalid("raw", "this is no object that was quarantined here");
    let text = std::str::from_utf8(raw).map_err(|_| no_object())?;
    let json = Json::parse(text).map_err(|_| no_object())?;
    match (json.text_at("stream"), json.get("node")) {
        (Some(stream), Some(node)) if stream == entity.stream() => Ok(node.clone()),
        _ => Err(no_object()),
    }
}
