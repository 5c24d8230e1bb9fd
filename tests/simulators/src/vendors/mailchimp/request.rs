//! A call or an operation of a batch, what is refused about it, and trimming of answers.

use serde_json::{Map, Value, json};

use crate::{Answer, Call};

pub type Outcome<T> = Result<T, Problem>;

/// An error in the vendor's shape.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub title: String,
    pub detail: String,
    /// Field and message.
    pub errors: Vec<(String, String)>,
}

impl Problem {
    pub fn new(status: u16, title: &str, detail: &str) -> Self {
        let (title, detail, errors) = (title.to_owned(), detail.to_owned(), Vec::new());
        Self {
            status,
            title,
            detail,
            errors,
        }
    }

    pub fn not_found() -> Self {
        Self::new(
            404,
            "Resource Not Found",
            "The requested resource could not be found.",
        )
    }

    pub fn bad(detail: &str) -> Self {
        Self::new(400, "Bad Request", detail)
    }

    pub fn invalid(errors: Vec<(String, String)>) -> Self {
        let detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array.";
        Self {
            errors,
            ..Self::new(400, "Invalid Resource", detail)
        }
    }

    pub fn field(field: &str, message: &str) -> Self {
        Self::invalid(vec![(field.to_owned(), message.to_owned())])
    }

    pub fn body(&self) -> Value {
        let mut body = json!({
            "type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": self.title,
            "status": self.status, "detail": self.detail, "instance": "06b10e1c-5a7e-5db8-6d0a-bd45ed5a3ce7"
        });
        if !self.errors.is_empty() {
            let error =
                |(field, message): &(String, String)| json!({ "field": field, "message": message });
            body["errors"] = self.errors.iter().map(error).collect();
        }
        body
    }

    pub fn answer(&self) -> Answer {
        let body = self.body().to_string();
        Answer::bytes(self.status, "application/problem+json; charset=utf-8", body)
    }
}

/// One thing that is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Below `/3.0`, decoded.
    pub parts: Vec<String>,
    pub query: Vec<(String, String)>,
    pub body: Value,
}

impl Request {
    pub fn of(call: &Call, parts: &[String]) -> Outcome<Self> {
        let body = if call.body.is_empty() {
            Value::Null
        } else {
            call.json().ok_or_else(|| {
                let detail = "We encountered an unspecified JSON parsing error.";
                Problem::new(400, "JSON Parse Error", detail)
            })?
        };
        Ok(Self {
            method: call.method.to_string(),
            parts: parts.to_vec(),
            query: call.query.clone(),
            body,
        })
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.param(name), Some("true" | "1"))
    }

    /// Refuses parameters other than these and `fields`, `exclude_fields`.
    pub fn only(&self, names: &[&str]) -> Outcome<()> {
        let unknown = self.query.iter().find(|(name, _)| {
            !names.contains(&name.as_str()) && !matches!(name.as_str(), "fields" | "exclude_fields")
        });
        match unknown {
            Some((name, _)) => Err(Problem::field(name, "This parameter is not known.")),
            None => Ok(()),
        }
    }

    /// The instant that a parameter names, in milliseconds.
    pub fn instant(&self, name: &str) -> Outcome<Option<i64>> {
        let Some(text) = self.param(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match instant_ms(text) {
            Some(at_ms) => Ok(Some(at_ms)),
            None => Err(Problem::field(
                name,
                "Schema describes a date-time, something else found instead",
            )),
        }
    }

    /// One page of the rows, and how many there are.
    pub fn page<T>(&self, rows: Vec<T>) -> Outcome<(Vec<T>, usize)> {
        let number = |name: &str, default: usize, most: usize| match self.param(name) {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number <= most => Ok(number),
                Ok(_) => Err(Problem::field(
                    name,
                    &format!("Value must be less than or equal to {most}"),
                )),
                Err(_) => Err(Problem::field(
                    name,
                    "Schema describes integer, string found instead",
                )),
            },
        };
        let (count, offset) = (number("count", 10, 1000)?, number("offset", 0, usize::MAX)?);
        let total = rows.len();
        Ok((rows.into_iter().skip(offset).take(count).collect(), total))
    }

    /// The answer with the fields only that were asked for.
    pub fn trimmed(&self, body: Value) -> Value {
        let paths = |name: &str| -> Option<Vec<Vec<String>>> {
            let text = self.param(name).filter(|text| !text.is_empty())?;
            Some(
                text.split(',')
                    .map(|path| path.trim().split('.').map(str::to_owned).collect())
                    .collect(),
            )
        };
        let mut body = body;
        if let Some(paths) = paths("fields") {
            body = keep(&body, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        for path in paths("exclude_fields").unwrap_or_default() {
            exclude(&mut body, &path);
        }
        body
    }
}

pub fn instant_ms(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.as_second() * 1000);
    }
    let local: jiff::civil::DateTime = text.parse().ok()?;
    let at = local.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_second() * 1000)
}

fn keep(value: &Value, paths: &[&[String]]) -> Value {
    match value {
        Value::Array(rows) => rows.iter().map(|row| keep(row, paths)).collect(),
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let of_name: Vec<&[String]> = paths
                    .iter()
                    .filter(|path| path.first() == Some(name))
                    .map(|path| &path[1..])
                    .collect();
                if of_name.iter().any(|rest| rest.is_empty()) {
                    kept.insert(name.clone(), value.clone());
                } else if !of_name.is_empty() {
                    kept.insert(name.clone(), keep(value, &of_name));
                }
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

fn exclude(value: &mut Value, path: &[String]) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(|row| exclude(row, path)),
        Value::Object(fields) => match path {
            [last] => {
                fields.remove(last);
            }
            [first, rest @ ..] => {
                if let Some(inner) = fields.get_mut(first) {
                    exclude(inner, rest);
                }
            }
            [] => {}
        },
        _ => {}
    }
}
