//! Filters, sort orders, cursors and sparse fields.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Outcome, Refusal};
use crate::{Call, Sim};

/// One condition of a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub operator: String,
    pub field: String,
    /// More than one for `any`.
    pub values: Vec<String>,
}

impl Condition {
    pub fn has(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.values.iter().any(|it| it == value))
    }

    /// Compares whole seconds.
    pub fn compares(&self, at_ms: i64) -> bool {
        let wanted = self.values[0]
            .parse::<jiff::Timestamp>()
            .map_or(i64::MAX, |it| it.as_millisecond());
        let at_ms = at_ms.div_euclid(1000) * 1000;
        match self.operator.as_str() {
            "greater-than" => at_ms > wanted,
            "greater-or-equal" => at_ms >= wanted,
            "less-than" => at_ms < wanted,
            "less-or-equal" => at_ms <= wanted,
            _ => at_ms == wanted,
        }
    }
}

/// `equals(email,"a@x"),greater-than(updated,2026-01-01T00:00:00Z)`; each must be one of the known
/// fields with one of its operators, of which those that compare take an instant.
pub fn filter(call: &Call, known: &[(&str, &[&str])]) -> Outcome<Vec<Condition>> {
    let refuse = |detail: &str| Refusal::parameter("filter", detail);
    let mut found = Vec::new();
    let mut rest = call.param("filter").unwrap_or_default().trim();
    while !rest.is_empty() {
        let (condition, after) =
            condition(rest).ok_or_else(|| refuse("Invalid filter provided."))?;
        let allowed = known
            .iter()
            .find(|(field, _)| *field == condition.field)
            .map(|(_, operators)| *operators);
        let allowed = allowed
            .ok_or_else(|| refuse(&format!("'{}' is not a filterable field.", condition.field)))?;
        if !allowed.contains(&condition.operator.as_str()) {
            return Err(refuse(&format!(
                "'{}' is not allowed for '{}'.",
                condition.operator, condition.field
            )));
        }
        let is_instant =
            condition.operator.starts_with("greater") || condition.operator.starts_with("less");
        if is_instant && condition.values[0].parse::<jiff::Timestamp>().is_err() {
            return Err(refuse("The value is not a valid datetime."));
        }
        found.push(condition);
        rest = match after.strip_prefix(',') {
            Some(after) if !after.trim().is_empty() => after.trim(),
            None if after.is_empty() => after,
            _ => return Err(refuse("Invalid filter provided.")),
        };
    }
    Ok(found)
}

fn condition(text: &str) -> Option<(Condition, &str)> {
    let (operator, rest) = text.split_once('(')?;
    let (field, rest) = rest.split_once(',')?;
    let rest = rest.trim_start();
    let (values, rest) = if let Some(inner) = rest.strip_prefix('[') {
        let (inner, rest) = inner.split_once(']')?;
        let values: Vec<String> = serde_json::from_str(&format!("[{inner}]")).ok()?;
        (values, rest)
    } else if rest.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let value = values.next()?.ok()?;
        let end = values.byte_offset();
        (vec![value], &rest[end..])
    } else {
        let end = rest.find(')')?;
        (vec![rest[..end].trim().to_owned()], &rest[end..])
    };
    let is_list = operator == "any" || operator.starts_with("contains-");
    if values.is_empty() || !is_list && values.len() > 1 {
        return None;
    }
    let condition = Condition {
        operator: operator.trim().to_owned(),
        field: field.trim().to_owned(),
        values,
    };
    Some((condition, rest.strip_prefix(')')?))
}

/// Refuses other parameters.
pub fn only(call: &Call, known: &[&str]) -> Outcome<()> {
    match call
        .query
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        Some((name, _)) => Err(Refusal::parameter(
            name,
            &format!("'{name}' is not a valid parameter."),
        )),
        None => Ok(()),
    }
}

/// How a list is paged.
pub struct Paging<'a> {
    pub sorts: &'a [&'a str],
    pub default_sort: &'a str,
    pub size: usize,
    pub size_max: usize,
}

/// One page: rows sorted by the key that `key` makes of a row for a sort order, and by id.
pub fn page<T>(
    call: &Call,
    sim: &Sim,
    paging: &Paging<'_>,
    rows: Vec<T>,
    key: impl Fn(&T, &str) -> (String, String),
    view: impl Fn(&T) -> Value,
) -> Outcome<Value> {
    let sort = call.param("sort").unwrap_or(paging.default_sort);
    let name = sort.trim_start_matches('-');
    if !paging.sorts.contains(&name) {
        return Err(Refusal::parameter(
            "sort",
            &format!("'{name}' is not a valid sort field."),
        ));
    }
    let size = match call.param("page[size]") {
        None => paging.size,
        Some(text) => {
            let size = text
                .parse()
                .ok()
                .filter(|size| (1..=paging.size_max).contains(size));
            size.ok_or_else(|| {
                Refusal::parameter(
                    "page[size]",
                    &format!(
                        "Page size must be an integer between 1 and {}.",
                        paging.size_max
                    ),
                )
            })?
        }
    };
    let after = call
        .param("page[cursor]")
        .filter(|it| !it.is_empty())
        .map(|text| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok();
            let cursor =
                bytes.and_then(|it| serde_json::from_slice::<(String, String, String)>(&it).ok());
            let cursor = cursor.filter(|(of_sort, ..)| of_sort == sort);
            cursor.ok_or_else(|| {
                Refusal::parameter(
                    "page[cursor]",
                    "Invalid input: the page cursor is not valid.",
                )
            })
        });
    let after = after.transpose()?.map(|(_, key, id)| (key, id));
    let mut rows: Vec<((String, String), T)> =
        rows.into_iter().map(|row| (key(&row, name), row)).collect();
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    if sort.starts_with('-') {
        rows.reverse();
    }
    if let Some(after) = &after {
        rows.retain(|(key, _)| {
            if sort.starts_with('-') {
                key < after
            } else {
                key > after
            }
        });
    }
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|((key, id), _)| {
        let cursor = URL_SAFE_NO_PAD.encode(json!([sort, key, id]).to_string());
        let mut query = form_urlencoded::Serializer::new(String::new());
        let others = call.query.iter().filter(|(name, _)| name != "page[cursor]");
        query
            .extend_pairs(others)
            .append_pair("page[cursor]", &cursor);
        format!("{}{}?{}", sim.url, call.path, query.finish())
    });
    let data: Vec<Value> = rows
        .iter()
        .map(|(_, row)| sparse(call, view(row)))
        .collect();
    Ok(
        json!({ "data": data, "links": { "self": format!("{}{}", sim.url, call.path), "next": next, "prev": null } }),
    )
}

/// Only the attributes of `fields[TYPE]`.
pub fn sparse(call: &Call, mut view: Value) -> Value {
    let name = format!("fields[{}]", view["type"].as_str().unwrap_or_default());
    if let (Some(wanted), Some(attributes)) =
        (call.param(&name), view["attributes"].as_object_mut())
    {
        let wanted: Vec<&str> = wanted.split(',').collect();
        attributes.retain(|name, _| wanted.iter().any(|it| it.split('.').next() == Some(name)));
    }
    view
}

/// Sorts as text in the order of instants.
pub fn instant_key(at_ms: i64) -> String {
    format!("{at_ms:015}")
}
