//! Which fields a body may have, and what merge fields take.

use serde_json::{Map, Value, json};

use super::data::{List, MergeField};
use super::request::{Outcome, Problem, instant_ms};

/// What a field takes.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    Number,
    Flag,
    Object,
    Array,
    Instant,
}

use Kind::{Array, Flag, Instant, Number, Object, Text};

pub const MEMBER: &[(&str, Kind)] = &[
    ("email_address", Text),
    ("email_type", Text),
    ("status", Text),
    ("status_if_new", Text),
    ("merge_fields", Object),
    ("interests", Object),
    ("language", Text),
    ("vip", Flag),
    ("location", Object),
    ("marketing_permissions", Array),
    ("ip_signup", Text),
    ("timestamp_signup", Instant),
    ("ip_opt", Text),
    ("timestamp_opt", Instant),
    ("tags", Array),
];

const STATUSES: &[&str] = &[
    "subscribed",
    "unsubscribed",
    "cleaned",
    "pending",
    "transactional",
];

type Errors = Vec<(String, String)>;

/// Refuses a body that is no object, unknown fields and wrong types; all at once.
pub fn check<'a>(
    body: &'a Value,
    known: &[(&str, Kind)],
    required: &[&str],
) -> Outcome<&'a Map<String, Value>> {
    let Some(fields) = body.as_object() else {
        let found = named(body);
        return Err(Problem::field(
            "",
            &format!("Schema describes object, {found} found instead"),
        ));
    };
    let mut errors = Errors::new();
    for (name, value) in fields {
        let Some((_, kind)) = known.iter().find(|(known, _)| known == name) else {
            errors.push((name.clone(), "This field is not known.".to_owned()));
            continue;
        };
        let (is_right, wanted) = match kind {
            Text => (value.is_string(), "string"),
            Number => (value.is_number(), "number"),
            Flag => (value.is_boolean(), "boolean"),
            Object => (value.is_object(), "object"),
            Array => (value.is_array(), "array"),
            Instant => (
                value
                    .as_str()
                    .is_some_and(|it| it.is_empty() || instant_ms(it).is_some()),
                "date-time",
            ),
        };
        if !is_right {
            errors.push((
                name.clone(),
                format!("Schema describes {wanted}, {} found instead", named(value)),
            ));
        }
    }
    let missing: Vec<&str> = required
        .iter()
        .filter(|it| !fields.contains_key(**it))
        .copied()
        .collect();
    if !missing.is_empty() {
        errors.push((
            String::new(),
            format!("Required fields were not provided: {}", missing.join(", ")),
        ));
    }
    if errors.is_empty() {
        Ok(fields)
    } else {
        Err(Problem::invalid(errors))
    }
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The values of a member's fields, and references into the list.
pub fn check_member(list: &List, fields: &Map<String, Value>) -> Outcome<()> {
    let mut errors = Errors::new();
    let mut refuse = |field: String, message: &str| errors.push((field, message.to_owned()));
    for name in ["status", "status_if_new"] {
        if fields
            .get(name)
            .is_some_and(|it| !STATUSES.iter().any(|known| it == known))
        {
            refuse(
                name.to_owned(),
                "Value must be one of: subscribed, unsubscribed, cleaned, pending, transactional",
            );
        }
    }
    if fields
        .get("email_type")
        .is_some_and(|it| it != "html" && it != "text")
    {
        refuse("email_type".to_owned(), "Value must be one of: html, text");
    }
    for (id, value) in fields
        .get("interests")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !list.interests.iter().any(|(known, _)| known == id) {
            refuse(format!("interests.{id}"), "Invalid interest ID");
        } else if !value.is_boolean() {
            refuse(
                format!("interests.{id}"),
                "Schema describes boolean, something else found instead",
            );
        }
    }
    for row in fields
        .get("marketing_permissions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let id = row["marketing_permission_id"].as_str();
        if !list
            .permissions
            .iter()
            .any(|(known, _)| Some(known.as_str()) == id)
            || !row["enabled"].is_boolean()
        {
            refuse(
                "marketing_permissions".to_owned(),
                "Invalid marketing permission",
            );
        }
    }
    for row in fields
        .get("tags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        if !row
            .as_str()
            .is_some_and(|name| !name.is_empty() && name.len() <= 100)
        {
            refuse(
                "tags".to_owned(),
                "Schema describes string, something else found instead",
            );
        }
    }
    if errors.is_empty() {
        return match fields.get("email_address").and_then(Value::as_str) {
            Some(email) if !is_email(email) => {
                let detail = "Please provide a valid email address.";
                Err(Problem {
                    detail: detail.to_owned(),
                    ..Problem::new(400, "Invalid Resource", "")
                })
            }
            _ => Ok(()),
        };
    }
    Err(Problem::invalid(errors))
}

fn is_email(text: &str) -> bool {
    let is_plain = !text
        .trim()
        .chars()
        .any(|it| it.is_whitespace() || matches!(it, ',' | ';' | '<' | '>'));
    let parts = text.trim().rsplit_once('@');
    is_plain
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty()
                && !local.contains('@')
                && local.len() <= 64
                && domain.split('.').count() > 1
                && domain.split('.').all(|label| !label.is_empty())
        })
}

/// What the merge fields become; tags that the list does not know are dropped.
pub fn check_merge(
    list: &List,
    before: Option<&Map<String, Value>>,
    given: Option<&Map<String, Value>>,
    may_lack: bool,
) -> Outcome<Map<String, Value>> {
    let mut after = before.cloned().unwrap_or_default();
    let mut errors = Errors::new();
    for field in &list.merge_fields {
        let value = given.and_then(|given| given.get(&field.tag));
        match value.map(|value| taken(field, value)) {
            Some(Ok(Some(value))) => {
                after.insert(field.tag.clone(), value);
            }
            Some(Ok(None)) => {
                after.remove(&field.tag);
            }
            Some(Err(message)) => {
                errors.push((format!("merge_fields.{}", field.tag), message.to_owned()))
            }
            None => {}
        }
        let is_touched = before.is_none() || value.is_some();
        if field.is_required && is_touched && !may_lack && !after.contains_key(&field.tag) {
            errors.push((
                format!("merge_fields.{}", field.tag),
                "Please enter a value".to_owned(),
            ));
        }
    }
    if errors.is_empty() {
        return Ok(after);
    }
    let detail = "Your merge fields were invalid.".to_owned();
    Err(Problem {
        detail,
        ..Problem::invalid(errors)
    })
}

/// The value as it is kept, none where it is cleared.
fn taken(field: &MergeField, value: &Value) -> Result<Option<Value>, &'static str> {
    const NO_SCHEMA: &str = "Data did not match any of the schemas described in anyOf.";
    if field.kind == "address" {
        if value == "" {
            return Ok(None);
        }
        let parts = value.as_object().ok_or(NO_SCHEMA)?;
        let is_known = |name: &String| {
            matches!(
                name.as_str(),
                "addr1" | "addr2" | "city" | "state" | "zip" | "country"
            )
        };
        if !parts
            .iter()
            .all(|(name, value)| is_known(name) && value.is_string())
        {
            return Err(NO_SCHEMA);
        }
        let is_full = |name: &&str| {
            parts
                .get(*name)
                .and_then(Value::as_str)
                .is_some_and(|it| !it.is_empty())
        };
        if !["addr1", "city", "state", "zip"].iter().all(is_full) {
            return Err("Please enter a complete address");
        }
        return Ok(Some(value.clone()));
    }
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Number(_) => &value.to_string(),
        _ => return Err(NO_SCHEMA),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let is_number =
        |text: &str, most: u32| text.parse::<u32>().is_ok_and(|it| it >= 1 && it <= most);
    let kept = match field.kind.as_str() {
        "number" => match text.parse::<f64>() {
            Ok(_) if value.is_number() => value.clone(),
            Ok(number) => json!(number),
            Err(_) => return Err("Please enter a number"),
        },
        "date" => {
            let day = text.get(..10).unwrap_or(text);
            let is_day = day.parse::<jiff::civil::Date>().is_ok()
                && (text.len() == 10 || instant_ms(text).is_some());
            if !is_day {
                return Err("Please enter a valid date");
            }
            json!(day)
        }
        "birthday" => match text.split_once('/') {
            Some((month, day))
                if month.len() == 2
                    && day.len() == 2
                    && is_number(month, 12)
                    && is_number(day, 31) =>
            {
                json!(text)
            }
            _ => return Err("Please enter a month (01-12) and a day (01-31)"),
        },
        "url" | "imageurl" => {
            if !text.starts_with("http://") && !text.starts_with("https://") {
                return Err("Please enter a valid URL");
            }
            json!(text)
        }
        "dropdown" | "radio" => {
            if !field.choices.iter().any(|choice| choice == text) {
                return Err("Value must be one of the field's choices");
            }
            json!(text)
        }
        _ if text.chars().count() > 255 => return Err("Please enter no more than 255 characters"),
        _ => json!(text),
    };
    Ok(Some(kept))
}
