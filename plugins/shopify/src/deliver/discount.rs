//! Discount codes.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::number::{Notation, decimal};
use crosspoint_sdk::serde_json::{Value as JsonValue, json};
use crosspoint_sdk::{Item, Value};

use super::{Person, Stop, reject, user_error};
use crate::Settings;
use crate::client::Client;

pub(super) const FIELDS: [(&str, &str); 9] = [
    (
        "code",
        "The code; made up of `code_prefix` and the delivery's key if not given",
    ),
    ("title", "What the shop's staff sees; the code if not given"),
    (
        "percentage",
        "Percent off, 1 to 100; this or `amount` is needed",
    ),
    ("amount", "Amount off the order, in the shop's currency"),
    (
        "startsAt",
        "From when on; the delivery's cause if not given",
    ),
    ("endsAt", "Until when"),
    ("usageLimit", "How often it can be used; once if not given"),
    ("minimumSubtotal", "Smallest subtotal that it works with"),
    (
        "onlyThisCustomer",
        "true: only for this customer, whose id the shop must have given",
    ),
];

const CREATE: &str = "mutation($input: DiscountCodeBasicInput!) { \
    discountCodeBasicCreate(basicCodeDiscount: $input) { codeDiscountNode { id } userErrors { field \
    message code } } }";

/// Characters of the key in a code that is made up: 36^12 codes are enough never to meet.
const KEY_CHARACTERS: usize = 12;

pub(super) fn create(
    client: &Client<'_>,
    settings: &Settings,
    person: &Person,
    item: &Item,
) -> Result<Option<String>, Stop> {
    if let Some(other) = item
        .fields
        .iter()
        .find(|field| FIELDS.iter().all(|(name, _)| *name != field.name))
    {
        return reject(&other.name, "is no field of a discount code");
    }
    let made_up: String = item.key.chars().take(KEY_CHARACTERS).collect();
    let code = text(item, "code")?
        .unwrap_or_else(|| format!("{}{}", settings.code_prefix, made_up.to_ascii_uppercase()));
    let value = match (number(item, "percentage")?, number(item, "amount")?) {
        (Some(percent), None) => json!({ "percentage": fraction(&percent)? }),
        (None, Some(amount)) => {
            json!({ "discountAmount": { "amount": amount, "appliesOnEachItem": false } })
        }
        _ => return reject("percentage", "expected either `percentage` or `amount`"),
    };
    let starts_at = moment(item, "startsAt")?
        .unwrap_or_else(|| instant::to_rfc3339(item.occurred_at.div_euclid(1000) * 1000));
    let usage_limit = match number(item, "usageLimit")? {
        Some(limit) => match limit.parse::<u32>() {
            Ok(limit) if limit > 0 => limit,
            _ => return reject("usageLimit", "expected a whole number from 1 on"),
        },
        None => 1,
    };
    let is_personal = flag(item, "onlyThisCustomer")?;
    let context = match (&person.id, is_personal) {
        (Some(id), true) => json!({ "customers": { "add": [id] } }),
        (None, true) => {
            return reject(
                "onlyThisCustomer",
                "the shop has given no id of this customer",
            );
        }
        (_, false) => json!({ "all": "ALL" }),
    };
    let mut input = json!({
        "title": text(item, "title")?.unwrap_or_else(|| code.clone()),
        "code": code,
        "startsAt": starts_at,
        "usageLimit": usage_limit,
        "appliesOncePerCustomer": true,
        "context": context,
        "customerGets": { "value": value, "items": { "all": true } },
    });
    if let Some(ends_at) = moment(item, "endsAt")? {
        input["endsAt"] = json!(ends_at);
    }
    if let Some(subtotal) = number(item, "minimumSubtotal")? {
        input["minimumRequirement"] =
            json!({ "subtotal": { "greaterThanOrEqualToSubtotal": subtotal } });
    }
    let answer = client.ask(CREATE, json!({ "input": input }))?;
    match user_error(&answer, "discountCodeBasicCreate") {
        None => Ok(Some(code)),
        // The same delivery has been here, or the code is one for all.
        Some(refusal) if refusal.code == "TAKEN" => Ok(Some(code)),
        Some(refusal) => Err(Stop::Outcome(refusal.outcome())),
    }
}

fn field<'a>(item: &'a Item, name: &str) -> Option<&'a Value> {
    let found = item.fields.iter().find(|field| field.name == name)?;
    (found.value != Value::Null).then_some(&found.value)
}

fn text(item: &Item, name: &str) -> Result<Option<String>, Stop> {
    match field(item, name) {
        None => Ok(None),
        Some(Value::Text(text)) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
        Some(Value::Integer(number)) => Ok(Some(number.to_string())),
        Some(_) => reject(name, "expected text"),
    }
}

fn number(item: &Item, name: &str) -> Result<Option<String>, Stop> {
    let found = match field(item, name) {
        None => return Ok(None),
        Some(Value::Integer(number)) => Ok(number.to_string()),
        Some(Value::Decimal(text) | Value::Text(text)) => decimal(text, Notation::Point),
        Some(_) => return reject(name, "expected a number"),
    };
    match found {
        Ok(number) if !number.starts_with('-') => Ok(Some(number)),
        Ok(_) => reject(name, "expected a number that is not negative"),
        Err(error) => reject(name, error.to_string()),
    }
}

fn flag(item: &Item, name: &str) -> Result<bool, Stop> {
    match field(item, name) {
        None => Ok(false),
        Some(Value::Boolean(flag)) => Ok(*flag),
        Some(_) => reject(name, "expected true or false"),
    }
}

fn moment(item: &Item, name: &str) -> Result<Option<String>, Stop> {
    match field(item, name) {
        None => Ok(None),
        Some(Value::Instant(at)) => Ok(Some(instant::to_rfc3339(*at))),
        Some(Value::Text(text)) => match instant::parse(text, 0) {
            Ok(at) => Ok(Some(instant::to_rfc3339(at))),
            Err(error) => reject(name, error.to_string()),
        },
        Some(_) => reject(name, "expected an instant"),
    }
}

/// `12.5` percent is `0.125`, exactly: the point moves, nothing is divided.
fn fraction(percent: &str) -> Result<JsonValue, Stop> {
    let (whole, places) = percent.split_once('.').unwrap_or((percent, ""));
    let padded = format!("{whole:0>3}");
    let (ones, hundredths) = padded.split_at(padded.len() - 2);
    let text = format!("{}.{hundredths}{places}", ones.trim_start_matches('0'));
    let text = format!("0{text}");
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(json!(share)),
        _ => reject("percentage", "expected more than 0 and at most 100"),
    }
}
