//! From a row to records.

pub mod fields;
mod kinds;
mod values;

use crosspoint_sdk::model::{
    self, ConsentState, ConsentTopic, ExternalId, Identifier, Instant, Record, Tombstone,
};
use crosspoint_sdk::{Attribute, Body, Value, map};

use crate::cells::{Cell, CellKind};
use crate::dialect::fold;
use crate::plan::{ColumnId, IdentifierKind, Plan};
use crate::settings::AttributeType;

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What was expected, without the cell's content.
    pub reason: String,
}

impl Fault {
    /// A fault of the row as a whole.
    pub fn of_row(reason: impl Into<String>) -> Self {
        Self {
            column: None,
            reason: reason.into(),
        }
    }
}

/// Where the mentioned columns stand in a file's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// By mentioned column.
    at: Vec<Option<usize>>,
    /// By position: the mentioned column.
    mentioned: Vec<Option<ColumnId>>,
}

impl Binding {
    /// Finds the mentioned columns by name.
    pub fn new(plan: &Plan, names: &[String]) -> Self {
        let mut at = vec![None; plan.mentioned.len()];
        let mentioned = names
            .iter()
            .enumerate()
            .map(|(position, name)| {
                let folded = fold(name);
                let id = plan.mentioned.iter().position(|one| one.folded == folded)?;
                at[id].get_or_insert(position);
                Some(id)
            })
            .collect();
        Self { at, mentioned }
    }

    /// Columns that the settings mention and the file does not have: all, or only those without
    /// which no row can be read.
    pub fn missing<'a>(
        &'a self,
        plan: &'a Plan,
        only_required: bool,
    ) -> impl Iterator<Item = &'a str> {
        plan.mentioned
            .iter()
            .zip(&self.at)
            .filter(move |(one, at)| at.is_none() && (one.is_required || !only_required))
            .map(|(one, _)| one.name.as_str())
    }
}

/// One row, ready to be mapped.
pub struct Row<'a> {
    /// The checked settings.
    pub plan: &'a Plan,
    /// Of a workbook: its dates are ISO 8601 whatever the settings say of texts.
    pub is_sheet: bool,
    /// Where columns stand.
    pub binding: &'a Binding,
    /// Names by position.
    pub names: &'a [String],
    /// Cells by position.
    pub cells: &'a [Cell<'a>],
    /// The file's path.
    pub path: &'a str,
    /// The line on which the row starts.
    pub line: u64,
    /// When the file last changed.
    pub modified_at: Option<Instant>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: ColumnId) -> Option<&'a Cell<'a>> {
        let cell = self.cells.get(self.binding.at[column]?)?;
        (!cell.is_null(&self.plan.null_tokens)).then_some(cell)
    }

    /// The records that the row yields: the object itself and the person's decisions.
    ///
    /// # Errors
    /// The first fault found; the row yields nothing then.
    pub fn records(&self) -> Result<Vec<Record>, Fault> {
        self.refuse_errors()?;
        let id = self.id()?;
        if self.is_deleted() {
            let deleted_at = self.updated_at(None)?;
            let tombstone = Tombstone {
                kind: self.plan.kind,
                deleted_at,
                erasure: false,
            };
            let mut record = Record::new(id, deleted_at, Body::Tombstone(tombstone));
            record.identifiers = self.identifiers()?;
            return Ok(vec![record]);
        }
        let (body, fact) = self.body()?;
        let updated_at = self.updated_at(fact)?;
        let identifiers = self.identifiers()?;
        let mut records = Vec::with_capacity(1 + self.plan.consents.len());
        let consents = self.consents(&id, updated_at, &identifiers)?;
        records.push(Record {
            id,
            updated_at,
            identifiers,
            attributes: self.attributes()?,
            body,
        });
        records.extend(consents);
        Ok(records)
    }

    /// Key columns joined by `/`, or file and line. A `/` or `%` within a key column is escaped,
    /// so that two keys never join to the same id.
    fn id(&self) -> Result<String, Fault> {
        if self.plan.id.is_empty() {
            return Ok(format!("{}#{}", self.path, self.line));
        }
        let mut id = String::new();
        for (at, column) in self.plan.id.iter().enumerate() {
            let cell = self
                .cell(*column)
                .filter(|cell| !cell.text.trim().is_empty());
            let text = cell
                .ok_or_else(|| self.fault(*column, "the key column is empty"))?
                .text
                .trim();
            self.refuse_damage(*column, text)?;
            if at > 0 {
                id.push('/');
            }
            if self.plan.id.len() > 1 && text.contains(['/', '%']) {
                id.push_str(&text.replace('%', "%25").replace('/', "%2F"));
            } else {
                id.push_str(text);
            }
        }
        Ok(id)
    }

    /// What a sheet shows in place of a value is none, where a field or a key needs one.
    fn refuse_errors(&self) -> Result<(), Fault> {
        for (at, cell) in self.cells.iter().enumerate() {
            let mentioned = self.binding.mentioned.get(at).copied().flatten();
            if cell.kind == CellKind::Error
                && let Some(column) = mentioned
                && self.plan.mentioned[column].is_taken
            {
                let reason = format!("the cell holds the error `{}`", cell.text);
                return Err(self.fault(column, reason));
            }
        }
        Ok(())
    }

    /// `1.23E+14` in a key is what a spreadsheet leaves of a long number.
    fn refuse_damage(&self, column: ColumnId, text: &str) -> Result<(), Fault> {
        let is_damaged = text.split_once(['E', 'e']).is_some_and(|(head, tail)| {
            let digits = tail.strip_prefix('+').unwrap_or_default();
            !digits.is_empty()
                && digits.bytes().all(|b| b.is_ascii_digit())
                && head
                    .bytes()
                    .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','))
                && head.bytes().next().is_some_and(|b| b.is_ascii_digit())
        });
        if is_damaged {
            return Err(self.fault(
                column,
                "a spreadsheet has replaced digits by an exponent; export the column as text",
            ));
        }
        Ok(())
    }

    fn fault(&self, column: ColumnId, reason: impl Into<String>) -> Fault {
        Fault {
            column: Some(self.plan.mentioned[column].name.clone()),
            reason: reason.into(),
        }
    }

    fn is_deleted(&self) -> bool {
        self.plan.deleted.as_ref().is_some_and(|(column, values)| {
            self.cell(*column).is_some_and(|cell| {
                let word = cell.text.trim().to_lowercase();
                values.contains(&word)
            })
        })
    }

    /// The mapped column, else the instant of the fact itself, else when the file last changed.
    fn updated_at(&self, fact: Option<Instant>) -> Result<Instant, Fault> {
        let mapped = match &self.plan.updated_at {
            Some(field) => self.instant_of(field)?,
            None => None,
        };
        mapped.or(fact).or(self.modified_at).ok_or_else(|| {
            Fault::of_row("nothing says when the row changed; map `records.updated_at`")
        })
    }

    fn identifiers(&self) -> Result<Vec<Identifier>, Fault> {
        let mut identifiers = Vec::with_capacity(self.plan.identifiers.len());
        for (kind, field) in &self.plan.identifiers {
            let Some(text) = self.text_of(field)? else {
                continue;
            };
            if let Some(column) = field.column {
                self.refuse_damage(column, &text)?;
            }
            identifiers.push(match kind {
                IdentifierKind::Customer => Identifier::Customer(text),
                IdentifierKind::UserId => Identifier::UserId(text),
                IdentifierKind::Email => Identifier::Email(text),
                IdentifierKind::Phone => {
                    let code = self.plan.calling_code.as_deref();
                    // A number whose country nobody knows would join strangers.
                    let number = map::phone::e164(&text, code)
                        .map_err(|error| self.field_fault(field, error))?;
                    Identifier::Phone(number)
                }
                IdentifierKind::AnonymousId => Identifier::AnonymousId(text),
                IdentifierKind::Cookie => Identifier::Cookie(text),
                IdentifierKind::External(system) => Identifier::External(ExternalId {
                    system: system.clone(),
                    id: text,
                }),
            });
        }
        Ok(identifiers)
    }

    fn consents(
        &self,
        id: &str,
        updated_at: Instant,
        identifiers: &[Identifier],
    ) -> Result<Vec<Record>, Fault> {
        let mut records = Vec::new();
        for consent in &self.plan.consents {
            let Some(cell) = self.cell(consent.column) else {
                continue;
            };
            let word = cell.text.trim().to_lowercase();
            let state = if consent.granted.contains(&word) {
                ConsentState::Granted
            } else if consent.withdrawn.contains(&word) {
                ConsentState::Withdrawn
            } else {
                return Err(self.fault(
                    consent.column,
                    "the cell is neither a declared yes nor a declared no",
                ));
            };
            let decided_at = match &consent.decided_at {
                Some(field) => self.instant_of(field)?.unwrap_or(updated_at),
                None => updated_at,
            };
            let evidence = match &consent.evidence {
                Some(field) => self.text_of(field)?,
                None => None,
            };
            let topic = ConsentTopic::from_word(&consent.topic);
            let body = Body::Consent(model::Consent {
                topic,
                state,
                decided_at,
                evidence,
            });
            let mut record =
                Record::new(format!("{id}/consent/{}", consent.topic), decided_at, body);
            record.identifiers = identifiers.to_vec();
            records.push(record);
        }
        Ok(records)
    }

    /// Every column that no field took. An empty cell is `null`.
    fn attributes(&self) -> Result<Vec<Attribute>, Fault> {
        let mut attributes = Vec::new();
        for (at, cell) in self.cells.iter().enumerate() {
            let Some(name) = self.names.get(at) else {
                break;
            };
            let mentioned = self.binding.mentioned.get(at).copied().flatten();
            let declared = mentioned.map(|id| &self.plan.mentioned[id]);
            if declared.is_some_and(|one| one.is_taken) {
                continue;
            }
            let declared = declared.map_or(AttributeType::Text, |one| one.attribute);
            let value = if cell.is_null(&self.plan.null_tokens) {
                Value::Null
            } else {
                self.attribute(cell, declared).map_err(|error| Fault {
                    column: Some(name.clone()),
                    reason: error.to_string(),
                })?
            };
            attributes.push(Attribute {
                name: name.clone(),
                value,
            });
        }
        Ok(attributes)
    }

    fn attribute(
        &self,
        cell: &Cell<'_>,
        declared: AttributeType,
    ) -> Result<Value, map::NotationError> {
        let text = cell.text.trim();
        Ok(match declared {
            AttributeType::Text => match cell.kind {
                CellKind::Boolean => Value::Boolean(text == "true"),
                CellKind::Json => Value::Json(text.to_owned()),
                CellKind::Number => values::json_number(text),
                _ => Value::Text(cell.text.clone().into_owned()),
            },
            AttributeType::Integer => {
                let number =
                    map::number::decimal(text, values::notation(cell, self.plan.notation))?;
                let integer = number.parse().map_err(|_| map::NotationError {
                    expected: "a whole number of 64 bits",
                })?;
                Value::Integer(integer)
            }
            AttributeType::Decimal => {
                let notation = values::notation(cell, self.plan.notation);
                Value::Decimal(map::number::decimal(text, notation)?)
            }
            AttributeType::Boolean => Value::Boolean(values::boolean(text)?),
            AttributeType::Instant => Value::Instant(self.date_of(text, &self.plan.dates)?),
            AttributeType::Json => {
                crosspoint_sdk::serde_json::from_str::<crosspoint_sdk::serde_json::Value>(text)
                    .map_err(|_| map::NotationError { expected: "JSON" })?;
                Value::Json(text.to_owned())
            }
        })
    }
}
