//! Coupons.

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::number::{Notation, decimal};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Item, Value};

use super::{Stop, email, reject};
use crate::Settings;
use crate::client::Client;

pub(super) const FIELDS: [(&str, &str); 10] = [
    (
        "code",
        "The code, in lower case; made up of `coupon_prefix` and the delivery's key if not given",
    ),
    (
        "discount_type",
        "percent, fixed_cart or fixed_product; percent if not given",
    ),
    ("amount", "How much off"),
    ("description", "What the shop's staff sees"),
    ("date_expires_gmt", "Until when"),
    ("usage_limit", "How often it can be used; once if not given"),
    ("minimum_amount", "Smallest order that it works with"),
    ("individual_use", "true: not together with other coupons"),
    ("free_shipping", "true: shipping is free"),
    (
        "only_this_customer",
        "true: only for the person's e-mail address",
    ),
];

/// Characters of the key in a code that is made up.
const KEY_CHARACTERS: usize = 12;

fn code_of(settings: &Settings, item: &Item) -> Result<String, Stop> {
    let made_up: String = item.key.chars().take(KEY_CHARACTERS).collect();
    let given = item.fields.iter().find(|field| field.name == "code");
    let code = match given.map(|field| &field.value) {
        None | Some(Value::Null) => format!("{}{made_up}", settings.coupon_prefix),
        Some(Value::Text(text)) if !text.trim().is_empty() => text.trim().to_owned(),
        Some(_) => return reject("code", "expected text"),
    };
    // The shop answers in lower case whatever it was sent.
    Ok(code.to_lowercase())
}

pub(super) fn create(
    client: &Client<'_>,
    settings: &Settings,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let code = code_of(settings, item)?;
    let mut body = json!({
        "code": code, "discount_type": "percent", "usage_limit": 1, "usage_limit_per_user": 1,
    });
    for field in &item.fields {
        let name = field.name.as_str();
        match (name, &field.value) {
            ("code", _) | (_, Value::Null) => {}
            ("amount" | "minimum_amount", value) => {
                let text = match value {
                    Value::Integer(number) => number.to_string(),
                    Value::Decimal(text) | Value::Text(text) => text.clone(),
                    _ => return reject(name, "expected a number"),
                };
                match decimal(&text, Notation::Point) {
                    Ok(number) if !number.starts_with('-') => body[name] = json!(number),
                    Ok(_) => return reject(name, "expected a number that is not negative"),
                    Err(error) => return reject(name, error.to_string()),
                }
            }
            ("discount_type", Value::Text(kind))
                if matches!(kind.as_str(), "percent" | "fixed_cart" | "fixed_product") =>
            {
                body[name] = json!(kind);
            }
            ("description", Value::Text(text)) => body[name] = json!(text),
            ("usage_limit", Value::Integer(limit)) if *limit > 0 => body[name] = json!(limit),
            ("individual_use" | "free_shipping", Value::Boolean(flag)) => body[name] = json!(flag),
            ("date_expires_gmt", value) => {
                let at = match value {
                    Value::Instant(at) => Some(*at),
                    Value::Text(text) => instant::parse(text, 0).ok(),
                    _ => None,
                };
                let Some(at) = at else {
                    return reject(name, "expected an instant");
                };
                // UTC by its name, so without a suffix.
                let text = instant::to_rfc3339(at.div_euclid(1000) * 1000);
                body[name] = json!(text.trim_end_matches('Z'));
            }
            ("only_this_customer", Value::Boolean(flag)) => {
                if *flag {
                    let Some(email) = email(item) else {
                        return reject(name, "the person has no e-mail address");
                    };
                    body["email_restrictions"] = json!([email]);
                }
            }
            (known, _) if FIELDS.iter().any(|(name, _)| *name == known) => {
                return reject(name, "does not have the form that the field takes");
            }
            _ => return reject(name, "is no field of a coupon"),
        }
    }
    if body.get("amount").is_none() {
        return reject("amount", "is missing");
    }
    match client.send(Method::Post, "coupons", &body) {
        Ok(_) => Ok(Some(code)),
        // The same delivery has been here, or the code is one for all.
        Err(failure) if failure.code() == "woocommerce_rest_coupon_code_already_exists" => {
            Ok(Some(code))
        }
        Err(failure) => Err(failure.into()),
    }
}
