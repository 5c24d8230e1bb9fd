//! From the shop's objects to records. Lists and webhooks have the same form.

mod order;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::map::number::{Notation, decimal, money};
use crosspoint_sdk::map::{NotationError, instant};
use crosspoint_sdk::model::{
    Address, Consent, ConsentState, ConsentTopic, Contact, Content, Product, Tombstone,
};
use crosspoint_sdk::{
    Attribute, Body, Error, Identifier, Instant, Money, Record, RecordKind, Reject,
};

use crate::Settings;
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
pub(crate) fn records(
    settings: &Settings,
    entity: Entity,
    node: &Json,
) -> Result<Vec<Record>, Fault> {
    if entity == Entity::Orders && node.text_at("status") == Some("trash") {
        return trashed(node).map(|record| vec![record]);
    }
    match entity {
        Entity::Customers => customer(settings, node),
        Entity::Orders => order::records(settings, node),
        Entity::Products => product(settings, node).map(|record| vec![record]),
        Entity::Coupons => coupon(node).map(|record| vec![record]),
    }
}

fn id(node: &Json) -> Result<String, Fault> {
    let id = node.text_at("id").filter(|id| *id != "0");
    id.map(str::to_owned).ok_or_else(|| Fault::missing("id"))
}

/// When the object changed; one that never was is as old as it is.
pub(crate) fn updated_at(node: &Json) -> Result<Instant, Fault> {
    match optional_instant(node, "date_modified_gmt")? {
        Some(at) => Ok(at),
        None => optional_instant(node, "date_created_gmt")?
            .ok_or_else(|| Fault::missing("date_modified_gmt")),
    }
}

/// `..._gmt` is UTC and says so in its name only.
fn optional_instant(node: &Json, field: &'static str) -> Result<Option<Instant>, Fault> {
    node.text_at(field)
        .map(|text| instant::parse(text, 0).map_err(|error| Fault::notation(field, error)))
        .transpose()
}

fn text(node: &Json, field: &str) -> Option<String> {
    node.text_at(field).map(str::to_owned)
}

fn names(node: &Json, field: &str) -> Vec<String> {
    let items = node.get(field).map_or(&[][..], Json::items);
    items.iter().filter_map(|item| text(item, "name")).collect()
}

fn amount(node: &Json, field: &'static str, currency: &str) -> Result<Option<Money>, Fault> {
    node.text_at(field)
        .map(|text| {
            money(text, currency, Notation::Point).map_err(|error| Fault::notation(field, error))
        })
        .transpose()
}

fn address(node: &Json, field: &str) -> Option<Address> {
    let found = node.get(field)?;
    let recipient = [text(found, "first_name"), text(found, "last_name")];
    let recipient = recipient
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let country = text(found, "country").filter(|code| code.len() == 2);
    let made = Address {
        recipient: Some(recipient).filter(|name| !name.is_empty()),
        company: text(found, "company"),
        street: ["address_1", "address_2"]
            .into_iter()
            .filter_map(|field| text(found, field))
            .collect(),
        city: text(found, "city"),
        region: text(found, "state"),
        postal_code: text(found, "postcode"),
        country: country.map(|code| code.to_ascii_uppercase()),
    };
    (made != Address::default()).then_some(made)
}

/// Customer, e-mail and phone of whom the object is about. Customer 0 is a guest.
fn person(customer: Option<&str>, node: &Json) -> Vec<Identifier> {
    let email = node
        .text_at("email")
        .or_else(|| node.text_at("billing.email"));
    [
        customer
            .filter(|id| *id != "0")
            .map(|id| Identifier::Customer(id.to_owned())),
        email.map(|email| Identifier::Email(email.to_owned())),
        text(node, "billing.phone").map(Identifier::Phone),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn attributes(node: &Json, taken: &[&str]) -> Vec<Attribute> {
    // Links to itself and its neighbours say nothing about the object.
    let taken: Vec<_> = taken.iter().copied().chain(["_links"]).collect();
    node.attributes_except(&taken)
}

fn customer(settings: &Settings, node: &Json) -> Result<Vec<Record>, Fault> {
    let id = id(node)?;
    let updated_at = updated_at(node)?;
    let contact = Contact {
        first_name: text(node, "first_name").or_else(|| text(node, "billing.first_name")),
        last_name: text(node, "last_name").or_else(|| text(node, "billing.last_name")),
        company: text(node, "billing.company"),
        address: address(node, "billing"),
        created_at: optional_instant(node, "date_created_gmt")?,
        ..Contact::default()
    };
    let identifiers = person(Some(&id), node);
    let mut record = Record::new(id.clone(), updated_at, Body::Contact(contact));
    record.identifiers.clone_from(&identifiers);
    record.attributes = attributes(
        node,
        &[
            "id",
            "email",
            "first_name",
            "last_name",
            "date_created_gmt",
            "date_modified_gmt",
        ],
    );
    let mut records = vec![record];
    records.extend(consents(settings, node, &id, updated_at, &identifiers));
    Ok(records)
}

/// Consent that a plugin of the shop keeps in meta data. It has no date of its own.
fn consents(
    settings: &Settings,
    node: &Json,
    id: &str,
    updated_at: Instant,
    identifiers: &[Identifier],
) -> Vec<Record> {
    let meta = node.get("meta_data").map_or(&[][..], Json::items);
    let topics = [
        (&settings.email_consent_key, ConsentTopic::EmailMarketing),
        (&settings.sms_consent_key, ConsentTopic::SmsMarketing),
    ];
    let mut records = Vec::new();
    for (key, topic) in topics.into_iter().filter(|(key, _)| !key.is_empty()) {
        let entry = meta
            .iter()
            .find(|it| it.text_at("key") == Some(key.as_str()));
        let Some(value) = entry.and_then(|it| it.get("value")) else {
            continue;
        };
        let word = match value {
            Json::Bool(flag) => flag.to_string(),
            other => other.text().unwrap_or_default().trim().to_lowercase(),
        };
        let is_granted = settings
            .consent_words
            .iter()
            .any(|it| it.to_lowercase() == word);
        let id = format!("{id}/consent/{}", topic.as_str());
        let consent = Consent {
            topic,
            state: if is_granted {
                ConsentState::Granted
            } else {
                ConsentState::Withdrawn
            },
            decided_at: updated_at,
            evidence: Some(format!("WooCommerce, meta data `{key}`")),
        };
        let mut record = Record::new(id, updated_at, Body::Consent(consent));
        record.identifiers = identifiers.to_vec();
        records.push(record);
    }
    records
}

fn product(settings: &Settings, node: &Json) -> Result<Record, Fault> {
    let currency = settings.currency.as_str();
    let price = match currency {
        "" => None,
        currency => amount(node, "price", currency)?,
    };
    let stock = node.text_at("stock_quantity");
    let is_out = node.text_at("stock_status") == Some("outofstock");
    let product = Product {
        sku: text(node, "sku"),
        description: text(node, "description").or_else(|| text(node, "short_description")),
        url: text(node, "permalink"),
        image_url: node
            .get("images")
            .and_then(|images| text(images.items().first()?, "src")),
        price,
        categories: names(node, "categories"),
        tags: names(node, "tags"),
        stock: stock
            .map(|text| decimal(text, Notation::Point))
            .transpose()
            .map_err(|error| Fault::notation("stock_quantity", error))?,
        available: node.text_at("status") == Some("publish") && !is_out,
        ..Product::new(text(node, "name").ok_or_else(|| Fault::missing("name"))?)
    };
    let mut record = Record::new(id(node)?, updated_at(node)?, Body::Product(product));
    record.attributes = attributes(
        node,
        &[
            "id",
            "sku",
            "name",
            "permalink",
            "description",
            "date_modified_gmt",
            "stock_quantity",
        ],
    );
    Ok(record)
}

fn coupon(node: &Json) -> Result<Record, Fault> {
    let content = Content {
        kind: "coupon".to_owned(),
        title: text(node, "code").ok_or_else(|| Fault::missing("code"))?,
        summary: text(node, "description"),
        url: None,
        image_url: None,
        language: None,
        topics: Vec::new(),
        author: None,
        published_at: optional_instant(node, "date_created_gmt")?,
        expires_at: optional_instant(node, "date_expires_gmt")?,
        published: !matches!(node.text_at("status"), Some("draft" | "pending" | "trash")),
    };
    let mut record = Record::new(id(node)?, updated_at(node)?, Body::Content(content));
    record.attributes = attributes(node, &["id", "code", "description", "date_modified_gmt"]);
    Ok(record)
}

/// What lies in the trash is gone for the shop; restored, it is newer.
fn trashed(node: &Json) -> Result<Record, Fault> {
    Ok(tombstone(RecordKind::Order, &id(node)?, updated_at(node)?))
}

pub(crate) fn tombstone(kind: RecordKind, id: &str, deleted_at: Instant) -> Record {
    let body = Body::Tombstone(Tombstone {
        kind,
        deleted_at,
        erasure: false,
    });
    let mut record = Record::new(id, deleted_at, body);
    if matches!(kind, RecordKind::Contact) {
        record.identifiers.push(Identifier::Customer(id.to_owned()));
    }
    record
}

/// For quarantine, with what `retry` needs to try the object again.
pub(crate) fn rejected(entity: Entity, node: &Json, fault: Fault) -> Reject {
    let stream = entity.stream();
    Reject {
        locator: format!("{stream}/{}", node.text_at("id").unwrap_or("?")),
        field: Some(fault.field.to_owned()),
        reason: fault.reason,
        raw: format!("{{\"stream\":\"{stream}\",\"node\":{node}}}").into_bytes(),
    }
}

/// The object in what [`rejected`] wrote.
pub(crate) fn from_quarantine(entity: Entity, raw: &[u8]) -> Result<Json, Error> {
    let json = std::str::from_utf8(raw)
        .ok()
        .and_then(|text| Json::parse(text).ok());
    let node = json.filter(|it| it.text_at("stream") == Some(entity.stream()));
    node.and_then(|it| it.get("node").cloned())
        .ok_or_else(|| Error::invalid("raw", "this is no object that was quarantined here"))
}

/// A value for an attribute's name, so that tests can look it up.
#[cfg(test)]
pub(crate) fn attribute<'a>(record: &'a Record, name: &str) -> Option<&'a crosspoint_sdk::Value> {
    let mut found = record.attributes.iter().filter(|it| it.name == name);
    let first = found.next().map(|attribute| &attribute.value);
    assert!(found.next().is_none(), "`{name}` stands twice");
    first
}
