//! Values, money, identifiers, addresses, consents.

use crosspoint_model::record::{Address, Attribute, Consent, ConsentState, ConsentTopic, Line};
use crosspoint_model::{Decimal, Identifier, Instant, Money, Value};
use smol_str::SmolStr;

use crate::bindings::crosspoint::connector::model as wit;

/// Which field cannot be used, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) reason: String,
}

pub(super) type Converted<T> = Result<T, Fault>;

pub(super) fn text(text: &Option<String>) -> Option<SmolStr> {
    text.as_ref().map(SmolStr::new)
}

pub(super) fn texts(texts: &[String]) -> Vec<SmolStr> {
    texts.iter().map(SmolStr::new).collect()
}

pub(super) fn instant(ms: Option<i64>) -> Option<Instant> {
    ms.map(Instant)
}

pub(super) fn decimal(field: &'static str, text: &str) -> Converted<Decimal> {
    text.parse().map_err(
        |error: crosspoint_model::decimal::ParseDecimalError| Fault {
            field,
            reason: error.to_string(),
        },
    )
}

pub(super) fn money(field: &'static str, money: &wit::Money) -> Converted<Money> {
    let is_code =
        money.currency.len() == 3 && money.currency.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_code {
        let reason = format!(
            "`{}` is no currency; expected an ISO 4217 code such as `EUR`",
            money.currency
        );
        return Err(Fault { field, reason });
    }
    Ok(Money {
        amount: decimal(field, &money.amount)?,
        currency: SmolStr::new(&money.currency),
    })
}

pub(super) fn some_money(
    field: &'static str,
    given: &Option<wit::Money>,
) -> Converted<Option<Money>> {
    given.as_ref().map(|given| money(field, given)).transpose()
}

fn value(value: &wit::Value) -> Converted<Value> {
    Ok(match value {
        wit::Value::Null => Value::Null,
        wit::Value::Boolean(flag) => Value::Bool(*flag),
        wit::Value::Integer(number) => Value::Int(*number),
        wit::Value::Decimal(text) => Value::Decimal(decimal("attributes", text)?),
        wit::Value::Text(text) => Value::Text(SmolStr::new(text)),
        wit::Value::Instant(ms) => Value::Instant(Instant(*ms)),
        wit::Value::Json(text) => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| Fault {
                field: "attributes",
                reason: format!("a JSON value is broken: {error}"),
            })?;
            Value::Json(text.as_str().into())
        }
    })
}

pub(super) fn attributes(given: &[wit::Attribute]) -> Converted<Vec<Attribute>> {
    given
        .iter()
        .map(|attribute| {
            let value = value(&attribute.value).map_err(|fault| Fault {
                reason: format!("`{}`: {}", attribute.name, fault.reason),
                ..fault
            })?;
            Ok(Attribute {
                name: SmolStr::new(&attribute.name),
                value,
            })
        })
        .collect()
}

/// Normalizes. What is left with nothing to join on is kept as an attribute, so that it is seen.
pub(super) fn identifiers(
    connector: &str,
    given: &[wit::Identifier],
    attributes: &mut Vec<Attribute>,
) -> Vec<Identifier> {
    let mut found = Vec::with_capacity(given.len());
    for identifier in given {
        let (kind, normalized, raw) = match identifier {
            wit::Identifier::Customer(id) => ("customer", Identifier::vendor(connector, id), id),
            wit::Identifier::UserId(id) => ("user-id", Identifier::user_id(id), id),
            wit::Identifier::Email(id) => ("email", Identifier::email(id), id),
            wit::Identifier::Phone(id) => ("phone", Identifier::phone(id), id),
            wit::Identifier::AnonymousId(id) => ("anonymous-id", Identifier::anonymous_id(id), id),
            wit::Identifier::Cookie(id) => ("cookie", Identifier::cookie(id), id),
            wit::Identifier::External(external) => (
                "external",
                Identifier::vendor(&external.system, &external.id),
                &external.id,
            ),
        };
        match normalized {
            Some(identifier) if found.contains(&identifier) => {}
            Some(identifier) => found.push(identifier),
            None if raw.trim().is_empty() => {}
            None => attributes.push(Attribute {
                name: smol_str::format_smolstr!("unusable-{kind}"),
                value: Value::text(raw),
            }),
        }
    }
    found
}

pub(super) fn address(given: &Option<wit::Address>) -> Option<Address> {
    given.as_ref().map(|given| Address {
        recipient: text(&given.recipient),
        company: text(&given.company),
        street: texts(&given.street),
        city: text(&given.city),
        region: text(&given.region),
        postal_code: text(&given.postal_code),
        country: text(&given.country),
    })
}

pub(super) fn lines(given: &[wit::Line]) -> Converted<Vec<Line>> {
    given
        .iter()
        .map(|line| {
            Ok(Line {
                id: text(&line.id),
                product_id: text(&line.product_id),
                sku: text(&line.sku),
                name: text(&line.name),
                category: text(&line.category),
                quantity: decimal("lines.quantity", &line.quantity)?,
                unit_price: some_money("lines.unit-price", &line.unit_price)?,
                total: some_money("lines.total", &line.total)?,
                attributes: attributes(&line.attributes)?,
            })
        })
        .collect()
}

pub(super) fn consent(given: &wit::Consent) -> Consent {
    Consent {
        topic: match &given.topic {
            wit::ConsentTopic::EmailMarketing => ConsentTopic::EmailMarketing,
            wit::ConsentTopic::SmsMarketing => ConsentTopic::SmsMarketing,
            wit::ConsentTopic::PhoneMarketing => ConsentTopic::PhoneMarketing,
            wit::ConsentTopic::PostMarketing => ConsentTopic::PostMarketing,
            wit::ConsentTopic::Ads => ConsentTopic::Ads,
            wit::ConsentTopic::Analytics => ConsentTopic::Analytics,
            wit::ConsentTopic::Personalization => ConsentTopic::Personalization,
            // A word that means a standard topic is that topic.
            wit::ConsentTopic::Other(word) => ConsentTopic::from_word(word),
        },
        state: match given.state {
            wit::ConsentState::Granted => ConsentState::Granted,
            wit::ConsentState::Withdrawn => ConsentState::Withdrawn,
            wit::ConsentState::Pending => ConsentState::Pending,
        },
        decided_at: Instant(given.decided_at),
        evidence: text(&given.evidence),
    }
}
