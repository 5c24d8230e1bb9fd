//! `[connectors.NAME.settings]`: free TOML, handed to the plugin as JSON.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::DeValue;

use crate::error::Code;
use crate::table::Table;

pub(super) fn read(table: &Table<'_>) -> Map<String, Value> {
    let Some((settings, entries)) = table.free_entries("settings") else {
        return Map::new();
    };
    entries
        .into_iter()
        .map(|(key, value)| (key.text.to_owned(), json(&settings, key.text, value)))
        .collect()
}

/// Dates and times become text; JSON has neither them nor numbers beyond all bounds.
fn json(table: &Table<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Number(number.into()),
            Err(_) => out_of_range(table, key, value),
        },
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or_else(|| out_of_range(table, key, value), Value::Number)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(datetime) => Value::String(datetime.to_string()),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| json(table, key, item)).collect())
        }
        DeValue::Table(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), json(table, key.get_ref(), value)));
            Value::Object(entries.collect())
        }
    }
}

fn out_of_range(table: &Table<'_>, key: &str, value: &Spanned<DeValue<'_>>) -> Value {
    let message = format!(
        "the number at `{key}` in {} is beyond 64 bits",
        table.place()
    );
    table.report(Code::OutOfRange, Table::start(value), message, None);
    Value::Null
}
