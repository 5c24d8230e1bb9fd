//! Rows of an upload: the schema, what each value must look like, and whom a row means.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::graph::{Ask, Problem};

/// So many people fit one call.
const MOST: usize = 10_000;
/// SHA-256 of nothing: somebody hashed an empty value.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const HASHED: &[&str] = &[
    "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "FN", "LN", "FI", "CT", "ST", "ZIP", "COUNTRY",
];
const PLAIN: &[&str] = &[
    "EXTERN_ID",
    "MADID",
    "LOOKALIKE_VALUE",
    "DATA_PROCESSING_OPTIONS",
];
/// Keys that mean one person by themselves, by weight.
const STRONG: &[&str] = &["EXTERN_ID", "EMAIL", "PHONE", "MADID", "UID"];

/// One person of an upload.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whom it means: `EMAIL:62a1…`.
    pub id: String,
    pub keys: BTreeSet<(String, String)>,
    pub value: Option<f64>,
}

impl Row {
    pub fn strong(&self) -> impl Iterator<Item = &(String, String)> {
        self.keys
            .iter()
            .filter(|(name, _)| STRONG.contains(&name.as_str()))
    }
}

/// An upload, read.
pub struct Upload {
    pub received: usize,
    pub rows: Vec<Row>,
    /// Index and the row as it was sent.
    pub invalid: Vec<(usize, Value)>,
}

/// Single keys and what they are called among several.
fn single(schema: &str) -> Option<&'static str> {
    Some(match schema {
        "EMAIL_SHA256" => "EMAIL",
        "PHONE_SHA256" => "PHONE",
        "MOBILE_ADVERTISER_ID" => "MADID",
        "UID" => "UID",
        _ => return None,
    })
}

fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text != EMPTY
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_device(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12]
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

pub fn read(ask: &Ask, is_value_based: bool, poisoned: Option<usize>) -> Result<Upload, Problem> {
    if ask.params.0.get("payload").is_none() {
        return Err(Problem::required("payload"));
    }
    let Some(Value::Object(payload)) = ask.params.json("payload") else {
        return Err(Problem::parameter("Param payload must be a JSON object"));
    };
    if let Some(consent) = ask.params.json("customer_consent")
        && !consent.is_boolean()
    {
        return Err(Problem::parameter(
            "Param customer_consent must be a boolean",
        ));
    }
    let (schema, is_single) = schema(&payload)?;
    if schema.iter().any(|it| it == "LOOKALIKE_VALUE") && !is_value_based {
        let text = "LOOKALIKE_VALUE can only be used with a value based custom audience";
        return Err(Problem::parameter(text));
    }
    if schema == ["UID"] && !payload.contains_key("app_ids") && !payload.contains_key("page_ids") {
        return Err(Problem::parameter(
            "app_ids or page_ids is required when schema is UID",
        ));
    }
    let Some(data) = payload.get("data").and_then(Value::as_array) else {
        return Err(Problem::parameter(
            "Param payload['data'] must be an array.",
        ));
    };
    if data.len() > MOST {
        let text = format!("Param payload['data'] must have at most {MOST} elements");
        return Err(Problem::parameter(&text));
    }
    let mut upload = Upload {
        received: data.len(),
        rows: Vec::new(),
        invalid: Vec::new(),
    };
    for (at, given) in data.iter().enumerate() {
        let values = match given {
            Value::Array(values) => values.clone(),
            value if is_single => vec![value.clone()],
            _ => {
                return Err(Problem::parameter(&format!(
                    "Param payload['data'][{at}] must be an array."
                )));
            }
        };
        if values.len() != schema.len() {
            let text = format!(
                "Param payload['data'][{at}] must have exactly {} elements, as the schema",
                schema.len()
            );
            return Err(Problem::parameter(&text));
        }
        match row(&schema, &values).filter(|_| poisoned != Some(at)) {
            Some(row) => upload.rows.push(row),
            None => upload.invalid.push((at, given.clone())),
        }
    }
    Ok(upload)
}

fn schema(payload: &Map<String, Value>) -> Result<(Vec<String>, bool), Problem> {
    let bad = |name: &str| {
        let text = format!(
            "Param payload['schema'] must be one of {{EMAIL_SHA256, PHONE_SHA256, MOBILE_ADVERTISER_ID, UID}} or an array of keys; got {name}"
        );
        Problem::parameter(&text)
    };
    match payload.get("schema") {
        None | Some(Value::Null) => Err(Problem::required("payload['schema']")),
        Some(Value::String(text)) => {
            let name = single(text).ok_or_else(|| bad(text))?;
            Ok((vec![name.to_owned()], true))
        }
        Some(Value::Array(names)) => {
            let mut schema = Vec::new();
            for name in names {
                let name = name.as_str().unwrap_or_default();
                let known = HASHED.iter().chain(PLAIN).find(|it| **it == name).copied();
                let known = known.or(single(name).filter(|_| names.len() == 1));
                let known = known.ok_or_else(|| bad(name))?.to_owned();
                if schema.contains(&known) {
                    return Err(bad(name));
                }
                schema.push(known);
            }
            if schema.is_empty() {
                return Err(bad("[]"));
            }
            Ok((schema, false))
        }
        Some(other) => Err(bad(&other.to_string())),
    }
}

/// Absent: invalid.
fn row(schema: &[String], values: &[Value]) -> Option<Row> {
    let (mut keys, mut amount) = (BTreeSet::new(), None);
    for (name, value) in schema.iter().zip(values) {
        match name.as_str() {
            "LOOKALIKE_VALUE" => {
                let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
                amount = Some(number).filter(|it| *it >= 0.0);
                amount?;
                continue;
            }
            "DATA_PROCESSING_OPTIONS" => {
                let options = value.as_array()?;
                if options.iter().any(|it| it != "LDU") {
                    return None;
                }
                continue;
            }
            _ => {}
        }
        let text = value.as_str().map(str::to_owned).or_else(|| {
            let number = value
                .as_u64()
                .filter(|_| matches!(name.as_str(), "EXTERN_ID" | "UID"))?;
            Some(number.to_string())
        })?;
        if text.is_empty() {
            continue;
        }
        let is_good = match name.as_str() {
            "EXTERN_ID" => true,
            "UID" => text.bytes().all(|it| it.is_ascii_digit()),
            "MADID" => is_device(&text),
            _ => is_hash(&text),
        };
        if !is_good {
            return None;
        }
        keys.insert((name.clone(), text));
    }
    if keys.is_empty() {
        return None;
    }
    let weightiest = STRONG
        .iter()
        .find_map(|strong| keys.iter().find(|(name, _)| name == strong));
    let id = match weightiest {
        Some((name, text)) => format!("{name}:{text}"),
        None => {
            let all: Vec<&str> = keys.iter().map(|(_, text)| text.as_str()).collect();
            super::make::hash(&all.join("\n"))
        }
    };
    Some(Row {
        id,
        keys,
        value: amount,
    })
}
