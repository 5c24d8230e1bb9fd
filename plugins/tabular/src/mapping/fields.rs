//! The fields that each kind of record has, by their names in settings.

use crosspoint_sdk::{Error, RecordKind};

use crate::plan::Field;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FieldForm {
    Text,
    Instant,
    /// A calendar date that stays text.
    Date,
    Money,
    Decimal,
    Boolean,
    List,
}

use FieldForm::{Boolean, Date, Decimal, Instant, List, Money, Text};

type Fields = &'static [(&'static str, FieldForm)];

const CONTACT: Fields = &[
    ("first_name", Text),
    ("last_name", Text),
    ("full_name", Text),
    ("company", Text),
    ("job_title", Text),
    ("language", Text),
    ("time_zone", Text),
    ("birthday", Date),
    ("gender", Text),
    ("tags", List),
    ("created_at", Instant),
];
const ADDRESS: Fields = &[
    ("recipient", Text),
    ("company", Text),
    ("street", Text),
    ("city", Text),
    ("region", Text),
    ("postal_code", Text),
    ("country", Text),
];
const LINE: Fields = &[
    ("id", Text),
    ("product_id", Text),
    ("sku", Text),
    ("name", Text),
    ("category", Text),
    ("quantity", Decimal),
    ("unit_price", Money),
    ("total", Money),
];
const ORDER: Fields = &[
    ("number", Text),
    ("status", Text),
    ("placed_at", Instant),
    ("total", Money),
    ("subtotal", Money),
    ("tax", Money),
    ("shipping", Money),
    ("discount", Money),
    ("refunded", Money),
    ("currency", Text),
    ("coupons", List),
    ("channel", Text),
];
const PRODUCT: Fields = &[
    ("sku", Text),
    ("name", Text),
    ("description", Text),
    ("url", Text),
    ("image_url", Text),
    ("price", Money),
    ("currency", Text),
    ("categories", List),
    ("tags", List),
    ("stock", Decimal),
    ("available", Boolean),
];
const CART: Fields = &[
    ("created_at", Instant),
    ("total", Money),
    ("currency", Text),
    ("recovery_url", Text),
    ("closed_at", Instant),
    ("order_id", Text),
];
const EVENT: Fields = &[("name", Text), ("occurred_at", Instant)];
const CONTENT: Fields = &[
    ("kind", Text),
    ("title", Text),
    ("summary", Text),
    ("url", Text),
    ("image_url", Text),
    ("language", Text),
    ("topics", List),
    ("author", Text),
    ("published_at", Instant),
    ("expires_at", Instant),
    ("published", Boolean),
];
const SUBMISSION: Fields = &[
    ("form_id", Text),
    ("form_name", Text),
    ("submitted_at", Instant),
];
const CONSENT: Fields = &[
    ("topic", Text),
    ("state", Text),
    ("decided_at", Instant),
    ("evidence", Text),
];
const ENGAGEMENT: Fields = &[
    ("kind", Text),
    ("occurred_at", Instant),
    ("channel", Text),
    ("campaign", Text),
    ("message_id", Text),
    ("delivery_key", Text),
    ("url", Text),
    ("reason", Text),
];

/// A kind's own fields, its groups of fields, and which of its own it cannot do without.
struct Shape {
    fields: Fields,
    groups: &'static [(&'static str, Fields)],
    required: &'static [&'static str],
}

fn shape(kind: RecordKind) -> Shape {
    let (fields, groups, required): (
        _,
        &'static [(&'static str, Fields)],
        &'static [&'static str],
    ) = match kind {
        RecordKind::Contact => (CONTACT, &[("address.", ADDRESS)], &[]),
        RecordKind::Order => (
            ORDER,
            &[("line.", LINE), ("shipping_address.", ADDRESS)],
            &["placed_at", "total"],
        ),
        RecordKind::Product => (PRODUCT, &[], &["name"]),
        RecordKind::Cart => (CART, &[("line.", LINE)], &[]),
        RecordKind::Event => (EVENT, &[], &["name", "occurred_at"]),
        RecordKind::Content => (CONTENT, &[], &["kind", "title"]),
        RecordKind::Submission => (
            SUBMISSION,
            &[
                ("contact.address.", ADDRESS),
                ("contact.", CONTACT),
                ("origin.", &[]),
            ],
            &["form_id", "submitted_at"],
        ),
        RecordKind::Consent => (CONSENT, &[], &["topic", "state", "decided_at"]),
        RecordKind::Engagement => (ENGAGEMENT, &[], &["kind", "occurred_at", "channel"]),
    };
    Shape {
        fields,
        groups,
        required,
    }
}

const KINDS: [RecordKind; 9] = [
    RecordKind::Contact,
    RecordKind::Order,
    RecordKind::Product,
    RecordKind::Cart,
    RecordKind::Event,
    RecordKind::Content,
    RecordKind::Submission,
    RecordKind::Consent,
    RecordKind::Engagement,
];

/// Reads a kind's word.
///
/// # Errors
/// [`Error::Invalid`] with all of them.
pub fn kind_of(word: &str) -> Result<RecordKind, Error> {
    KINDS
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| {
            let all = KINDS.map(|kind| kind.as_str()).join(", ");
            Error::invalid("records.kind", format!("expected one of {all}"))
        })
}

/// What a field holds and whether the kind cannot do without it.
///
/// # Errors
/// [`Error::Invalid`] with the fields that there are.
pub fn form_of(kind: RecordKind, name: &str, place: &str) -> Result<(FieldForm, bool), Error> {
    let shape = shape(kind);
    if let Some((_, form)) = shape.fields.iter().find(|(own, _)| *own == name) {
        return Ok((*form, shape.required.contains(&name)));
    }
    for (prefix, fields) in shape.groups {
        let Some(rest) = name.strip_prefix(prefix) else {
            continue;
        };
        if *prefix == "origin." && !rest.is_empty() {
            return Ok((Text, false));
        }
        if let Some((_, form)) = fields.iter().find(|(own, _)| *own == rest) {
            return Ok((*form, false));
        }
    }
    let mut known: Vec<_> = shape
        .fields
        .iter()
        .map(|(own, _)| (*own).to_owned())
        .collect();
    for (prefix, fields) in shape.groups {
        known.extend(fields.iter().map(|(own, _)| format!("{prefix}{own}")));
    }
    let reason = format!(
        "`{}` has no such field; it has {}",
        kind.as_str(),
        known.join(", ")
    );
    Err(Error::invalid(place, reason))
}

/// All fields that the kind cannot do without must be mapped.
///
/// # Errors
/// [`Error::Invalid`] for the first that is not.
pub fn check_required(kind: RecordKind, mapped: &[(String, Field)]) -> Result<(), Error> {
    for name in shape(kind).required {
        if !mapped.iter().any(|(own, _)| own == name) {
            return Err(Error::invalid(
                format!("records.fields.{name}"),
                format!(
                    "an `{}` needs it: name the column or a `value`",
                    kind.as_str()
                ),
            ));
        }
    }
    Ok(())
}
