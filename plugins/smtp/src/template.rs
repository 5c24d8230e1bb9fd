//! Texts with `{{ field }}` in them.

use std::fmt::Write as _;

/// A text of the operator's, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value {
        field: String,
        default: Option<String>,
        is_url: bool,
    },
}

/// Where a value stands, which decides how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Text,
    Html,
}

impl Template {
    /// Reads `{{ field }}`, `{{ field | default: "text" }}` and `{{ field | url }}`.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, behind) = after
                .split_once("}}")
                .ok_or("has `{{` without `}}`".to_owned())?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(value(inside)?);
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text for one person; `Err` names a field that is missing and has no default.
    pub(crate) fn render(
        &self,
        place: Place,
        field: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value {
                    field: name,
                    default,
                    is_url,
                } => {
                    let value = field(name)
                        .filter(|value| !value.is_empty())
                        .or_else(|| default.clone())
                        .ok_or_else(|| name.clone())?;
                    let value = if *is_url { url(&value) } else { value };
                    match place {
                        Place::Text => out.push_str(&value),
                        Place::Html => html(&value, &mut out),
                    }
                }
            }
        }
        Ok(out)
    }
}

fn value(inside: &str) -> Result<Part, String> {
    let (field, filters) = inside.split_once('|').unwrap_or((inside, ""));
    let field = field.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if field.is_empty() || !field.chars().all(fits) {
        return Err(format!("has `{{{{{inside}}}}}`, which names no field"));
    }
    let (mut default, mut is_url) = (None, false);
    let mut rest = filters.trim();
    while !rest.is_empty() {
        let filter = rest;
        let unknown =
            || format!("has the filter `{filter}`; there are `default: \"text\"` and `url`");
        if let Some(text) = rest.strip_prefix("default:") {
            let text = text.trim_start().strip_prefix('"').ok_or_else(unknown)?;
            let (text, behind) = text.split_once('"').ok_or_else(unknown)?;
            default = Some(text.to_owned());
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("url") {
            is_url = true;
            rest = behind;
        } else {
            return Err(unknown());
        }
        rest = rest.trim_start();
        rest = match rest.strip_prefix('|') {
            Some(next) if !next.trim().is_empty() => next.trim_start(),
            None if rest.is_empty() => rest,
            _ => return Err(unknown()),
        };
    }
    Ok(Part::Value {
        field: field.to_owned(),
        default,
        is_url,
    })
}

/// Text in HTML, within quotes too.
fn html(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// A part of an address, such as a parameter's value (RFC 3986).
fn url(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        out
    })
}
