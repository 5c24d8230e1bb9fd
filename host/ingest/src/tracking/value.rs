//! JSON as values, and names as we spell them.

use crosspoint_model::{Decimal, Instant, Value};
use serde_json::Value as Json;
use smol_str::SmolStr;

/// A number below this is in seconds, else in milliseconds: 1973 in milliseconds, 5138 in seconds.
const FIRST_MS: i64 = 100_000_000_000;

/// Lists and objects stay JSON. A number is exact: the shortest text of a float is what the client
/// wrote, since every client writes its floats so.
pub(super) fn value_of(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => match decimal_of(json) {
                Some(decimal) => Value::Decimal(decimal),
                None => Value::Json(number.to_string().into()),
            },
        },
        Json::String(text) => Value::text(text),
        Json::Array(_) | Json::Object(_) => Value::Json(json.to_string().into()),
    }
}

/// Text that says something; a number counts, since ids are often numbers.
pub(super) fn text_of(json: &Json) -> Option<SmolStr> {
    match json {
        Json::String(text) => {
            let text = text.trim();
            (!text.is_empty()).then(|| text.into())
        }
        Json::Number(number) => Some(SmolStr::new(number.to_string())),
        _ => None,
    }
}

/// A number, or text that is nothing but one.
pub(super) fn decimal_of(json: &Json) -> Option<Decimal> {
    match json {
        Json::Number(number) => match number.as_f64() {
            // Display never uses an exponent, which decimals do not have.
            Some(float) if number.is_f64() => float.to_string().parse().ok(),
            _ => number.to_string().parse().ok(),
        },
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// RFC 3339, where without an offset UTC is meant; a date; or a number since the epoch.
pub(super) fn instant_of(json: &Json) -> Option<Instant> {
    match json {
        Json::String(text) => {
            let text = text.trim();
            let with_offset = || format!("{text}Z").parse().ok();
            text.parse().ok().or_else(with_offset)
        }
        Json::Number(number) => {
            let whole = number
                .as_i64()
                .or_else(|| number.as_f64().map(|float| float as i64))?;
            let is_ms = whole.unsigned_abs() >= FIRST_MS.unsigned_abs();
            Some(Instant(if is_ms {
                whole
            } else {
                whole.saturating_mul(1_000)
            }))
        }
        _ => None,
    }
}

/// A name without case and separators, so that `firstName`, `first_name` and `First Name` are one.
pub(super) fn folded(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// `userAgentData` as `user_agent_data`, `OS Version` as `os_version`.
pub(super) fn snake(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 4);
    let mut before_is_lower = false;
    for character in name.chars() {
        if !character.is_alphanumeric() {
            if !spelled.is_empty() && !spelled.ends_with('_') {
                spelled.push('_');
            }
            before_is_lower = false;
            continue;
        }
        if character.is_uppercase() && before_is_lower {
            spelled.push('_');
        }
        before_is_lower = !character.is_uppercase();
        spelled.extend(character.to_lowercase());
    }
    spelled.truncate(spelled.trim_end_matches('_').len());
    if spelled.is_empty() {
        name.to_owned()
    } else {
        spelled
    }
}
