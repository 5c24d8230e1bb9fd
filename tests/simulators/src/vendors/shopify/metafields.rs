//! Values that apps keep with the shop's things: all of a call's rows are set, or none.

use serde_json::Value;

use super::data::Metafield;
use super::view::{self, parse_gid};
use super::write::{Wrong, done, refused, wrong};
use super::{APP_SPACE, Shopify, digest, now};
use crate::Sim;

impl Shopify {
    /// What is wrong with rows of metafields; also the vendor's index of the row.
    pub fn check_metafields(&self, rows: &[Value], is_inline: bool) -> Vec<Wrong> {
        let mut wrongs = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let at = at.to_string();
            let mut refuse = |name: &str, message: &str, code: &str| {
                wrongs.push(wrong(&["metafields", &at, name], message, code))
            };
            let owner = row["ownerId"].as_str().unwrap_or_default();
            let kind = parse_gid(owner).map_or("", |(kind, _)| kind);
            if !is_inline && view::by_gid(&self.data, owner).is_none() {
                refuse("ownerId", "Owner does not exist.", "INVALID_VALUE");
                continue;
            }
            let write = match kind {
                "Customer" => "write_customers",
                "Order" => "write_orders",
                _ => "write_products",
            };
            if !self.may(write) {
                refuse(
                    "ownerId",
                    "Access to this resource is denied",
                    "APP_NOT_AUTHORIZED",
                );
                continue;
            }
            let (space, key) = names(row);
            let is_name = |text: &str, least: usize, most: usize| {
                (least..=most).contains(&text.len())
                    && text
                        .bytes()
                        .all(|it| it.is_ascii_alphanumeric() || b"_-$:".contains(&it))
            };
            if !is_name(&space, 3, 255) {
                refuse(
                    "namespace",
                    "is too short (minimum is 3 characters)",
                    "TOO_SHORT",
                );
            }
            if !is_name(&key, 2, 64) {
                refuse("key", "is too short (minimum is 2 characters)", "TOO_SHORT");
            }
            let known = self.data.metafields.get(&(owner.to_owned(), space, key));
            let kind = row["type"].as_str().or(known.map(|it| it.kind.as_str()));
            let value = row["value"].as_str().unwrap_or_default();
            match kind {
                None => refuse("type", "can't be blank", "BLANK"),
                Some(kind) => match fits(kind, value) {
                    None => refuse("type", "must be one of the known types", "INVALID_TYPE"),
                    Some(false) => {
                        refuse("value", &format!("Value is not a {kind}."), "INVALID_VALUE")
                    }
                    Some(true) => {}
                },
            }
            if value.is_empty() {
                refuse("value", "can't be blank", "BLANK");
            }
            if let Some(digest) = row.get("compareDigest") {
                let now = known.map(|it| view::metafield(it)["compareDigest"].clone());
                if digest.as_str().is_some_and(|text| text.len() != 64) {
                    refuse(
                        "compareDigest",
                        "The compareDigest is invalid.",
                        "INVALID_COMPARE_DIGEST",
                    );
                } else if now.unwrap_or(Value::Null) != *digest {
                    refuse(
                        "",
                        "The resource has been updated since it was loaded. Try again with an updated `compareDigest` value.",
                        "STALE_OBJECT",
                    );
                }
            }
        }
        wrongs
    }

    /// Rows that were checked. Moves the owner's instant of change.
    pub fn put_metafields(&mut self, rows: &[Value], now_ms: i64) -> Vec<Value> {
        let mut made = Vec::new();
        for row in rows {
            let owner = row["ownerId"].as_str().unwrap_or_default().to_owned();
            let (space, key) = names(row);
            let place = (owner.clone(), space.clone(), key.clone());
            let data = self.change();
            let old = data.metafields.get(&place).cloned();
            let new = Metafield {
                id: old.as_ref().map_or_else(|| data.new_id(), |it| it.id),
                owner,
                namespace: space,
                key,
                kind: row["type"]
                    .as_str()
                    .map(str::to_owned)
                    .or(old.as_ref().map(|it| it.kind.clone()))
                    .unwrap_or_default(),
                value: row["value"].as_str().unwrap_or_default().to_owned(),
                created_ms: old.as_ref().map_or(now_ms, |it| it.created_ms),
                updated_ms: now_ms,
            };
            made.push(view::metafield(&new));
            data.metafields.insert(place, new);
        }
        made
    }

    pub fn metafields_set(&mut self, rows: &Value, sim: &mut Sim) -> Value {
        let rows = rows.as_array().cloned().unwrap_or_default();
        if rows.len() > 25 {
            return refused(vec![wrong(
                &["metafields"],
                "Exceeded the maximum metafields input limit of 25.",
                "LESS_THAN_OR_EQUAL_TO",
            )]);
        }
        let wrongs = self.check_metafields(&rows, false);
        if !wrongs.is_empty() {
            return refused(wrongs);
        }
        let made = self.put_metafields(&rows, now(sim));
        for row in &rows {
            let subject = format!(
                "{} {}",
                row["ownerId"].as_str().unwrap_or_default(),
                row["key"].as_str().unwrap_or_default()
            );
            sim.effect("metafields.set", &subject, &digest(row), row.clone());
        }
        done("metafields", Value::Array(made))
    }

    pub fn metafields_delete(&mut self, rows: &Value, sim: &mut Sim) -> Value {
        let mut gone = Vec::new();
        for row in rows.as_array().into_iter().flatten() {
            let owner = row["ownerId"].as_str().unwrap_or_default().to_owned();
            let (space, key) = names(row);
            let subject = format!("{owner} {key}");
            let removed = self.change().metafields.remove(&(owner, space, key));
            if removed.is_some() {
                sim.effect("metafields.delete", &subject, "", row.clone());
            }
            gone.push(if removed.is_some() {
                row.clone()
            } else {
                Value::Null
            });
        }
        done("deletedMetafields", Value::Array(gone))
    }
}

fn names(row: &Value) -> (String, String) {
    let space = row["namespace"].as_str().unwrap_or(APP_SPACE);
    (
        space.to_owned(),
        row["key"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Whether a text is a value of a metafield's type; `None` for a type that there is not.
fn fits(kind: &str, value: &str) -> Option<bool> {
    if let Some(inner) = kind.strip_prefix("list.") {
        let rows: Option<Vec<Value>> = serde_json::from_str(value).ok();
        fits(inner, "0")?;
        return Some(rows.is_some());
    }
    Some(match kind {
        "single_line_text_field" => !value.contains('\n'),
        "multi_line_text_field" | "id" | "url" | "color" => true,
        "number_integer" => value.parse::<i64>().is_ok(),
        "number_decimal" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "boolean" => matches!(value, "true" | "false"),
        "date" => value.parse::<jiff::civil::Date>().is_ok(),
        "date_time" => {
            value.parse::<jiff::Timestamp>().is_ok()
                || value.parse::<jiff::civil::DateTime>().is_ok()
        }
        "json" | "money" | "rating" => serde_json::from_str::<Value>(value).is_ok(),
        _ => return None,
    })
}
