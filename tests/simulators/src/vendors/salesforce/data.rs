//! What the organisation holds: rows by object, found by id and by external id.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::schema::{self, Field, Object};
use crate::iso;

/// Deleted rows can be seen for so long.
pub const BIN_MS: i64 = 15 * 86_400_000;

/// One record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub id: String,
    /// Without ids, dates and `IsDeleted`; what is absent is null.
    pub fields: Map<String, Value>,
    pub created_ms: i64,
    /// `SystemModstamp`, whole seconds.
    pub stamp_ms: i64,
    pub is_deleted: bool,
    /// Its transaction is through only then.
    pub visible_ms: i64,
}

/// What a field holds, for comparing.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Cell {
    Null,
    Flag(bool),
    Number(f64),
    /// An instant in milliseconds.
    At(i64),
    /// Lower case, as comparisons are.
    Text(String),
}

/// All rows.
#[derive(Clone, Debug)]
pub struct Data {
    pub objects: BTreeMap<&'static str, Object>,
    rows: BTreeMap<&'static str, BTreeMap<String, Row>>,
    external: BTreeMap<(&'static str, &'static str, String), BTreeSet<String>>,
    made: u64,
}

/// `2026-02-03T04:05:06.000+0000`
pub fn stamp(at_ms: i64) -> String {
    iso(at_ms).replace('Z', ".000+0000")
}

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The eighteen characters of a fifteen-character id.
pub fn long_id(short: &str) -> String {
    let chunks = short.as_bytes().chunks(5).map(|chunk| {
        let bits = chunk
            .iter()
            .enumerate()
            .filter(|(_, it)| it.is_ascii_uppercase());
        let sum: usize = bits.map(|(at, _)| 1 << at).sum();
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum])
    });
    format!("{short}{}", chunks.collect::<String>())
}

fn id(prefix: &str, number: u64) -> String {
    let mut rest = number * 7919;
    let mut digits = [b'0'; 10];
    for slot in digits.iter_mut().rev() {
        *slot = LETTERS[(rest % 62) as usize];
        rest /= 62;
    }
    long_id(&format!("{prefix}RO{}", String::from_utf8_lossy(&digits)))
}

impl Data {
    pub fn new() -> Self {
        let objects = schema::objects();
        let rows = objects
            .keys()
            .map(|name| (*name, BTreeMap::new()))
            .collect();
        Self {
            objects,
            rows,
            external: BTreeMap::new(),
            made: 0,
        }
    }

    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects
            .values()
            .find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// A new id of an object, or of a job by its prefix.
    pub fn next_id(&mut self, prefix: &str) -> String {
        self.made += 1;
        id(prefix, self.made)
    }

    pub fn rows(&self, object: &str) -> impl Iterator<Item = &Row> {
        self.rows.get(object).into_iter().flat_map(BTreeMap::values)
    }

    /// By an id of fifteen or eighteen characters.
    pub fn row(&self, object: &str, id: &str) -> Option<&Row> {
        let rows = self.rows.get(object)?;
        if id.len() == 15 {
            return rows.get(&long_id(id));
        }
        rows.get(id)
    }

    pub fn owner_of(&self, id: &str) -> Option<&'static str> {
        let prefix = id.get(..3)?;
        self.objects
            .values()
            .find(|it| it.prefix == prefix)
            .map(|it| it.name)
    }

    /// Who has this value in this external id; texts compare without case.
    pub fn by_external(
        &self,
        object: &'static str,
        field: &'static str,
        value: &str,
    ) -> Vec<String> {
        let key = (object, field, value.to_lowercase());
        let ids = self.external.get(&key).into_iter().flatten();
        ids.filter(|id| self.rows[object].get(*id).is_some_and(|it| !it.is_deleted))
            .cloned()
            .collect()
    }

    fn index(&mut self, object: &'static str, id: &str, is_in: bool) {
        let Some(row) = self.rows[object].get(id) else {
            return;
        };
        let names = self.objects[object]
            .fields
            .iter()
            .filter(|it| it.is_external)
            .map(|it| it.name);
        let found =
            names.filter_map(|name| Some((name, row.fields.get(name)?.as_str()?.to_lowercase())));
        let keys: Vec<_> = found.map(|(name, text)| (object, name, text)).collect();
        for key in keys {
            let ids = self.external.entry(key).or_default();
            if is_in {
                ids.insert(id.to_owned());
            } else {
                ids.remove(id);
            }
        }
    }

    pub fn put(&mut self, object: &'static str, row: Row) {
        let id = row.id.clone();
        self.index(object, &id, false);
        if let Some(rows) = self.rows.get_mut(object) {
            rows.insert(id.clone(), row);
        }
        self.index(object, &id, true);
    }

    /// Changes a row in place; its stamp moves.
    pub fn edit(
        &mut self,
        object: &'static str,
        id: &str,
        at_ms: i64,
        change: impl FnOnce(&mut Row),
    ) {
        let Some(mut row) = self.row(object, id).cloned() else {
            return;
        };
        change(&mut row);
        row.stamp_ms = at_ms.div_euclid(1000) * 1000;
        derive(object, &mut row.fields);
        self.index(object, &row.id, false);
        self.put(object, row);
    }

    pub fn purge(&mut self, object: &'static str, id: &str) {
        self.index(object, id, false);
        if let Some(rows) = self.rows.get_mut(object) {
            rows.remove(id);
        }
    }

    pub fn insert(
        &mut self,
        object: &'static str,
        mut fields: Map<String, Value>,
        at_ms: i64,
    ) -> String {
        let prefix = self.objects[object].prefix;
        let id = self.next_id(prefix);
        fields.retain(|_, value| !value.is_null());
        derive(object, &mut fields);
        let at_ms = at_ms.div_euclid(1000) * 1000;
        let row = Row {
            id: id.clone(),
            fields,
            created_ms: at_ms,
            stamp_ms: at_ms,
            is_deleted: false,
            visible_ms: i64::MIN,
        };
        self.put(object, row);
        id
    }

    /// A field's value as JSON.
    pub fn value(&self, row: &Row, field: &Field) -> Value {
        match field.name {
            "Id" => json!(row.id),
            "IsDeleted" => json!(row.is_deleted),
            "CreatedDate" => json!(stamp(row.created_ms)),
            "LastModifiedDate" | "SystemModstamp" => json!(stamp(row.stamp_ms)),
            name if field.kind == "address" => {
                let start = name.strip_suffix("Address").unwrap_or_default();
                let part = |end: &str| {
                    row.fields
                        .get(&format!("{start}{end}"))
                        .cloned()
                        .unwrap_or(Value::Null)
                };
                json!({ "street": part("Street"), "city": part("City"), "postalCode": part("PostalCode"), "country": part("Country"),
                    "state": null, "latitude": null, "longitude": null, "geocodeAccuracy": null })
            }
            name => match row.fields.get(name) {
                None if field.kind == "boolean" => json!(false),
                None => Value::Null,
                Some(value) => value.clone(),
            },
        }
    }

    pub fn cell(&self, row: &Row, field: &Field) -> Cell {
        match field.name {
            "CreatedDate" => return Cell::At(row.created_ms),
            "LastModifiedDate" | "SystemModstamp" => return Cell::At(row.stamp_ms),
            "IsDeleted" => return Cell::Flag(row.is_deleted),
            // Ids compare with their case.
            "Id" => return Cell::Text(row.id.clone()),
            _ => {}
        }
        match row.fields.get(field.name) {
            None | Some(Value::Null) if field.kind == "boolean" => Cell::Flag(false),
            None | Some(Value::Null) => Cell::Null,
            Some(Value::Bool(flag)) => Cell::Flag(*flag),
            Some(Value::Number(number)) => Cell::Number(number.as_f64().unwrap_or(0.0)),
            Some(Value::String(text)) => match field.kind {
                "datetime" | "date" => instant(text).map_or(Cell::Null, Cell::At),
                "reference" => Cell::Text(text.clone()),
                _ => Cell::Text(text.to_lowercase()),
            },
            Some(_) => Cell::Null,
        }
    }

    /// Whether a reader sees it now.
    pub fn is_seen(&self, row: &Row, with_deleted: bool, now_ms: i64) -> bool {
        row.visible_ms <= now_ms
            && (!row.is_deleted || with_deleted && row.stamp_ms > now_ms - BIN_MS)
    }
}

/// An instant or a day, in milliseconds.
pub fn instant(text: &str) -> Option<i64> {
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        let at = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        return Some(at.timestamp().as_millisecond());
    }
    let text = match text.len().checked_sub(5).map(|at| text.split_at(at)) {
        Some((start, end)) if end.starts_with(['+', '-']) && !end.contains(':') => {
            format!("{start}{}:{}", &end[..3], &end[3..])
        }
        _ => text.to_owned(),
    };
    if !text.contains('T') {
        return None;
    }
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

/// What follows from other fields.
fn derive(object: &str, fields: &mut Map<String, Value>) {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    match object {
        "Lead" | "Contact" | "User" => {
            let name = format!("{} {}", text("FirstName"), text("LastName"));
            fields.insert("Name".to_owned(), json!(name.trim()));
        }
        "Opportunity" => {
            let stage = text("StageName").to_owned();
            fields.insert("IsWon".to_owned(), json!(stage == "Closed Won"));
            fields.insert("IsClosed".to_owned(), json!(stage.starts_with("Closed")));
        }
        "Task" => {
            let is_closed = text("Status") == "Completed";
            fields.insert("IsClosed".to_owned(), json!(is_closed));
        }
        _ => {}
    }
}
