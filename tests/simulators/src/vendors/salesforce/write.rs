//! Writing: what a record must look like, one at a time, by external id, in collections.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::data::{Row, instant, long_id};
use super::schema::Field;
use super::{Fault, Salesforce};
use crate::{Call, Sim};

/// Which record is meant.
#[derive(Clone, Debug)]
pub enum Target {
    New,
    Id(String),
    External(&'static str, String),
}

pub fn digest(fields: &Map<String, Value>) -> String {
    let text = Value::Object(fields.clone()).to_string();
    hex::encode(Sha256::digest(text.as_bytes()))[..16].to_owned()
}

/// Why a JSON value cannot stand in a field at all.
fn mistyped(field: &Field, value: &Value) -> Option<Fault> {
    let is_fit = match (field.kind, value) {
        (_, Value::Null) => true,
        ("boolean", it) => it.is_boolean(),
        ("double" | "currency", it) => it.is_number(),
        ("int", it) => it.is_i64(),
        ("datetime" | "date", it) => {
            let is_day = field.kind == "date";
            it.as_str().is_some_and(|it| {
                it.is_empty() || instant(it).is_some() && (!is_day || it.len() == 10)
            })
        }
        (_, it) => it.is_string() || it.is_number(),
    };
    (!is_fit).then(|| {
        let text = format!("Cannot deserialize instance of {} from VALUE_STRING value {value} or request may be missing a required field at [line:1, column:2]", field.kind);
        Fault::new(400, "JSON_PARSER_ERROR", &text)
    })
}

/// What a value breaks in its field.
fn broken(field: &Field, value: &Value) -> Option<Fault> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if field.is_text() => number.to_string(),
        _ => return None,
    };
    let bad =
        |code: &'static str, message: String| Some(Fault::field(&message, code, &[field.name]));
    if field.length > 0
        && text.chars().count() > field.length
        && !matches!(field.kind, "reference" | "id")
    {
        return bad(
            "STRING_TOO_LONG",
            format!(
                "{}: data value too large: {text} (max length={})",
                field.name, field.length
            ),
        );
    }
    match field.kind {
        "email" => {
            let (name, host) = text.split_once('@').unwrap_or_default();
            let is_fine = !name.is_empty()
                && host.contains('.')
                && !text.contains(char::is_whitespace)
                && text.is_ascii();
            if !is_fine {
                return bad(
                    "INVALID_EMAIL_ADDRESS",
                    format!("{}: invalid email address: {text}", field.name),
                );
            }
        }
        "picklist" if field.is_restricted && !field.choices.contains(&text.as_str()) => {
            return bad(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                format!(
                    "{}: bad value for restricted picklist field: {text}",
                    field.name
                ),
            );
        }
        "reference" if text.len() != 15 && text.len() != 18 => {
            return bad(
                "MALFORMED_ID",
                format!("{}: id value of incorrect type: {text}", field.name),
            );
        }
        _ => {}
    }
    None
}

impl Salesforce {
    /// What no record of this kind can be: refuses the whole call.
    pub fn readable(&self, object: &'static str, fields: &Map<String, Value>) -> Result<(), Fault> {
        let known = &self.data.objects[object];
        for (name, value) in fields.iter().filter(|(name, _)| *name != "attributes") {
            if value.is_object() && known.by_relationship(name).is_some() {
                continue;
            }
            let field = known
                .field(name)
                .filter(|it| !self.is_hidden(object, it.name));
            let Some(field) = field else {
                let text = format!("No such column '{name}' on sobject of type {object}");
                return Err(Fault::new(400, "INVALID_FIELD", &text));
            };
            if let Some(fault) = mistyped(field, value) {
                return Err(fault);
            }
        }
        Ok(())
    }

    /// The record as it would be stored: names in the vendor's case, parents found.
    fn checked(
        &self,
        object: &'static str,
        fields: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let known = &self.data.objects[object];
        let mut clean = Map::new();
        for (name, value) in fields.iter().filter(|(name, _)| *name != "attributes") {
            if let (Some(parent), Value::Object(by)) = (known.by_relationship(name), value) {
                clean.insert(parent.name.to_owned(), json!(self.parent(parent, by)?));
                continue;
            }
            let Some(field) = known.field(name) else {
                continue;
            };
            if !field.is_writable {
                let text = format!(
                    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
                    field.name
                );
                return Err(Fault::field(
                    &text,
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    &[field.name],
                ));
            }
            let value = match value {
                Value::String(text) if text.is_empty() => Value::Null,
                Value::Number(number) if field.is_text() => json!(number.to_string()),
                value => value.clone(),
            };
            if let Some(fault) = broken(field, &value) {
                return Err(fault);
            }
            let value = match (field.kind, value.as_str()) {
                ("reference", Some(id)) => {
                    let id = if id.len() == 15 {
                        long_id(id)
                    } else {
                        id.to_owned()
                    };
                    let owner = self
                        .data
                        .owner_of(&id)
                        .filter(|it| field.targets.contains(it));
                    let row = owner.and_then(|owner| self.data.row(owner, &id));
                    match row {
                        None => {
                            return Err(Fault::field(
                                "invalid cross reference id",
                                "INVALID_CROSS_REFERENCE_KEY",
                                &[],
                            ));
                        }
                        Some(row) if row.is_deleted => {
                            return Err(Fault::field(
                                "entity is deleted",
                                "ENTITY_IS_DELETED",
                                &[],
                            ));
                        }
                        Some(_) => json!(id),
                    }
                }
                ("datetime", Some(text)) => json!(super::data::stamp(instant(text).unwrap_or(0))),
                _ => value,
            };
            clean.insert(field.name.to_owned(), value);
        }
        Ok(clean)
    }

    fn parent(&self, field: &Field, by: &Map<String, Value>) -> Result<String, Fault> {
        let target = &self.data.objects[field.targets[0]];
        let mut named = by.iter().filter(|(name, _)| *name != "attributes");
        let found = named.next().and_then(|(name, value)| {
            let external = target.field(name).filter(|it| it.is_external)?;
            let text = value.as_str()?;
            Some((
                external.name,
                text,
                self.data.by_external(target.name, external.name, text),
            ))
        });
        match found {
            Some((_, _, ids)) if ids.len() == 1 => Ok(ids[0].clone()),
            Some((name, text, _)) => {
                let told = format!(
                    "Foreign key external ID: {text} not found for field {name} in entity {}",
                    target.name
                );
                Err(Fault::field(&told, "INVALID_FIELD", &[]))
            }
            None => Err(Fault::field(
                "An external ID reference has to name one external id",
                "INVALID_FIELD",
                &[],
            )),
        }
    }

    /// Creates or changes one record. Says its id and whether it is new.
    pub fn save(
        &mut self,
        object: &'static str,
        target: Target,
        fields: &Map<String, Value>,
        call: &Call,
        sim: &Sim,
    ) -> Result<(String, bool), Fault> {
        self.may_edit(object)?;
        let mut clean = self.checked(object, fields)?;
        let (existing, kind) = match &target {
            Target::New => (None, "create"),
            Target::Id(id) => match self.data.row(object, id) {
                None => {
                    return Err(Fault::new(
                        404,
                        "NOT_FOUND",
                        "The requested resource does not exist",
                    ));
                }
                Some(row) if row.is_deleted => {
                    return Err(Fault::new(404, "ENTITY_IS_DELETED", "entity is deleted"));
                }
                Some(row) => (Some(row.id.clone()), "update"),
            },
            Target::External(name, value) => {
                let ids = self.data.by_external(object, name, value);
                if ids.len() > 1 {
                    return Err(Fault::choices(object, &ids));
                }
                clean.insert((*name).to_owned(), json!(value));
                (ids.into_iter().next(), "upsert")
            }
        };
        self.whole_record(object, existing.as_deref(), &clean)?;
        self.unique(object, existing.as_deref(), &clean)?;
        if existing.is_none() {
            self.duplicate_rule(object, &clean, call)?;
        }
        if let Some((name, message)) = self
            .rule
            .as_ref()
            .filter(|(name, _)| clean.contains_key(name))
        {
            let name = self.data.objects[object].field(name).map(|it| it.name);
            return Err(Fault::field(
                message,
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                name.as_slice(),
            ));
        }
        let (key, now_ms) = (digest(&clean), sim.now_ms());
        // A repeated create is another record: what it was about is the subject, not its id.
        let subject = match (&target, &existing) {
            (Target::External(_, value), _) => value.clone(),
            (Target::Id(id), _) => id.clone(),
            (Target::New, _) => {
                let names = ["WhoId", "Email", "ContactId", "Name"];
                let found = names.iter().find_map(|name| clean.get(*name)?.as_str());
                found.unwrap_or_default().to_owned()
            }
        };
        self.pending.push((
            format!("{object}.{kind}"),
            subject,
            key,
            Value::Object(clean.clone()),
        ));
        match existing {
            Some(id) => {
                self.data.edit(object, &id, now_ms, |row| {
                    for (name, value) in clean {
                        if value.is_null() {
                            row.fields.remove(&name);
                        } else {
                            row.fields.insert(name, value);
                        }
                    }
                });
                Ok((id, false))
            }
            None => {
                self.fill_defaults(object, &mut clean);
                Ok((self.data.insert(object, clean, now_ms), true))
            }
        }
    }

    fn whole_record(
        &self,
        object: &'static str,
        existing: Option<&str>,
        clean: &Map<String, Value>,
    ) -> Result<(), Fault> {
        let old = existing.and_then(|id| self.data.row(object, id));
        let is_converted = |row: &Row| row.fields.get("IsConverted") == Some(&json!(true));
        if old.is_some_and(is_converted) {
            return Err(Fault::field(
                "cannot reference converted lead",
                "CANNOT_UPDATE_CONVERTED_LEAD",
                &[],
            ));
        }
        let is_missing = |field: &&Field| {
            field.is_required
                && match clean.get(field.name) {
                    Some(value) => value.is_null(),
                    None => old.is_none(),
                }
        };
        // Picklists with a default are never missing.
        let fields = self.data.objects[object].fields.iter().filter(is_missing);
        let missing: Vec<&'static str> = fields
            .map(|it| it.name)
            .filter(|it| !matches!(*it, "Status" | "Priority"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let text = format!("Required fields are missing: [{}]", missing.join(", "));
        Err(Fault::field(&text, "REQUIRED_FIELD_MISSING", &missing))
    }

    fn unique(
        &self,
        object: &'static str,
        existing: Option<&str>,
        clean: &Map<String, Value>,
    ) -> Result<(), Fault> {
        for field in self.data.objects[object]
            .fields
            .iter()
            .filter(|it| it.is_unique)
        {
            let Some(text) = clean.get(field.name).and_then(Value::as_str) else {
                continue;
            };
            let ids = self.data.by_external(object, field.name, text);
            if let Some(id) = ids.iter().find(|id| Some(id.as_str()) != existing) {
                let told = format!(
                    "duplicate value found: {} duplicates value on record with id: {id}",
                    field.name
                );
                return Err(Fault::field(&told, "DUPLICATE_VALUE", &[]));
            }
        }
        Ok(())
    }

    fn duplicate_rule(
        &self,
        object: &'static str,
        clean: &Map<String, Value>,
        call: &Call,
    ) -> Result<(), Fault> {
        let Some(may_save) = self.duplicates else {
            return Ok(());
        };
        let allows = call
            .header("sforce-duplicate-rule-header")
            .is_some_and(|it| it.replace(' ', "").contains("allowSave=true"));
        let email = clean
            .get("Email")
            .and_then(Value::as_str)
            .map(str::to_lowercase);
        let is_same = |row: &Row| {
            !row.is_deleted
                && row
                    .fields
                    .get("Email")
                    .and_then(Value::as_str)
                    .map(str::to_lowercase)
                    == email
        };
        if email.is_none() || allows && may_save || !self.data.rows(object).any(is_same) {
            return Ok(());
        }
        Err(Fault::field(
            "Use one of these records?",
            "DUPLICATES_DETECTED",
            &[],
        ))
    }

    fn fill_defaults(&self, object: &str, clean: &mut Map<String, Value>) {
        let mut preset = |name: &str, value: &str| {
            if clean.get(name).is_none_or(Value::is_null) {
                clean.insert(name.to_owned(), json!(value));
            }
        };
        preset("OwnerId", &self.users[0]);
        preset("CreatedById", &self.users[0]);
        preset("LastModifiedById", &self.users[0]);
        match object {
            "Lead" => preset("Status", "Open"),
            "Task" => {
                preset("Status", "Not Started");
                preset("Priority", "Normal");
            }
            _ => {}
        }
    }

    /// Moves a record to the bin.
    pub fn bin(&mut self, object: &'static str, id: &str, sim: &Sim) -> Result<String, Fault> {
        self.may_edit(object)?;
        match self.data.row(object, id) {
            None => Err(Fault::new(
                404,
                "INVALID_CROSS_REFERENCE_KEY",
                "invalid cross reference id",
            )),
            Some(row) if row.is_deleted => {
                Err(Fault::new(404, "ENTITY_IS_DELETED", "entity is deleted"))
            }
            Some(row) => {
                let id = row.id.clone();
                self.data
                    .edit(object, &id, sim.now_ms(), |row| row.is_deleted = true);
                self.pending.push((
                    format!("{object}.delete"),
                    id.clone(),
                    String::new(),
                    Value::Null,
                ));
                Ok(id)
            }
        }
    }
}
