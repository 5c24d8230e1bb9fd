//! From a cell's text to one value.

use crosspoint_sdk::Value;
use crosspoint_sdk::map::{NotationError, instant as instants, number};
use crosspoint_sdk::model::{Decimal, Instant, Money};

use super::{Fault, Row};
use crate::cells::{Cell, CellKind};
use crate::plan::{Dates, Field};

/// A number of JSON: whole, decimal, or with an exponent, which the contract has no case for.
pub fn json_number(text: &str) -> Value {
    if let Ok(integer) = text.parse() {
        Value::Integer(integer)
    } else if let Ok(decimal) = number::decimal(text, number::Notation::Point) {
        Value::Decimal(decimal)
    } else {
        Value::Json(text.to_owned())
    }
}

/// The usual words for true and false.
pub fn boolean(text: &str) -> Result<bool, NotationError> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "y" | "x" | "on" | "ja" | "j" | "t" => Ok(true),
        "false" | "0" | "no" | "n" | "off" | "nein" | "f" => Ok(false),
        _ => Err(NotationError {
            expected: "true or false, yes or no, 1 or 0",
        }),
    }
}

/// The first notation that fits.
pub fn instant(text: &str, dates: &Dates) -> Result<Instant, NotationError> {
    let mut result = Err(NotationError { expected: "a date" });
    for pattern in &dates.patterns {
        result = pattern.parse(text, dates.zone);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// A number that is one in the file has a point, whatever the settings say of texts.
pub fn notation(cell: &Cell<'_>, of_text: number::Notation) -> number::Notation {
    match cell.kind {
        CellKind::Number => number::Notation::Point,
        _ => of_text,
    }
}

/// Values of fields, by name. Absent where nothing is mapped or the cell is empty.
impl Row<'_> {
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        self.of(name, Self::text_of)
    }

    pub(super) fn instant(&self, name: &str) -> Result<Option<Instant>, Fault> {
        self.of(name, Self::instant_of)
    }

    pub(super) fn money(&self, name: &str, currency: Option<&str>) -> Result<Option<Money>, Fault> {
        self.of(name, |row, field| {
            let Some(text) = row.text_of(field)? else {
                return Ok(None);
            };
            let currency = currency.ok_or_else(|| {
                Fault::of_row("the row names no currency and settings have no `currency`")
            })?;
            let amount = if field.minor_units {
                let minor = text.parse().map_err(|_| {
                    row.field_fault(field, "expected a whole number of minor units")
                })?;
                return Ok(Some(number::from_minor_units(minor, currency)));
            } else {
                number::decimal(&text, row.notation(field))
                    .map_err(|error| row.field_fault(field, error))?
            };
            Ok(Some(Money {
                amount,
                currency: currency.to_owned(),
            }))
        })
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Fault> {
        self.of(name, |row, field| {
            let Some(text) = row.text_of(field)? else {
                return Ok(None);
            };
            number::decimal(&text, row.notation(field))
                .map(Some)
                .map_err(|error| row.field_fault(field, error))
        })
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.of(name, |row, field| {
            let Some(text) = row.text_of(field)? else {
                return Ok(None);
            };
            boolean(&text)
                .map(Some)
                .map_err(|error| row.field_fault(field, error))
        })
    }

    /// Parts of a cell; a comma separates them unless the field says otherwise.
    pub(super) fn list(&self, name: &str) -> Result<Vec<String>, Fault> {
        let list = self.of(name, |row, field| {
            let Some(text) = row.text_of(field)? else {
                return Ok(None);
            };
            let separator = field
                .split
                .as_deref()
                .filter(|split| !split.is_empty())
                .unwrap_or(",");
            let parts = text
                .split(separator)
                .map(str::trim)
                .filter(|part| !part.is_empty());
            Ok(Some(parts.map(str::to_owned).collect()))
        })?;
        Ok(list.unwrap_or_default())
    }

    /// A calendar date as ISO 8601 text; `--MM-DD` passes.
    pub(super) fn date(&self, name: &str) -> Result<Option<String>, Fault> {
        self.of(name, |row, field| {
            let Some(text) = row.text_of(field)? else {
                return Ok(None);
            };
            if field.dates.is_none() && text.starts_with("--") {
                return Ok(Some(text));
            }
            let day = Dates {
                zone: 0,
                ..field
                    .dates
                    .clone()
                    .unwrap_or_else(|| row.plan.dates.clone())
            };
            let at = row
                .date_of(&text, &day)
                .map_err(|error| row.field_fault(field, error))?;
            let mut iso = instants::to_rfc3339(at);
            iso.truncate(iso.find('T').unwrap_or(iso.len()));
            Ok(Some(iso))
        })
    }

    pub(super) fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| {
            let column = self
                .plan
                .field_named(name)
                .and_then(|field| field.column)
                .map(|column| self.plan.mentioned[column].name.clone());
            Fault {
                column,
                reason: format!("`{name}` is empty"),
            }
        })
    }

    fn of<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Self, &Field) -> Result<Option<T>, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.plan
            .field_named(name)
            .map_or(Ok(None), |field| read(self, field))
    }

    /// The cell's text, translated where the field says so; else the field's own value.
    pub(super) fn text_of(&self, field: &Field) -> Result<Option<String>, Fault> {
        let cell = field.column.and_then(|column| self.cell(column));
        let text = match (cell, &field.value) {
            (Some(cell), _) => cell.text.trim(),
            (None, Some(value)) => value,
            (None, None) => return Ok(None),
        };
        if !field.values.is_empty() {
            let word = text.to_lowercase();
            if let Some((_, ours)) = field.values.iter().find(|(theirs, _)| *theirs == word) {
                return Ok(Some(ours.clone()));
            }
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    pub(super) fn instant_of(&self, field: &Field) -> Result<Option<Instant>, Fault> {
        let Some(text) = self.text_of(field)? else {
            return Ok(None);
        };
        let dates = field.dates.as_ref().unwrap_or(&self.plan.dates);
        self.date_of(&text, dates)
            .map(Some)
            .map_err(|error| self.field_fault(field, error))
    }

    fn notation(&self, field: &Field) -> number::Notation {
        let cell = field.column.and_then(|column| self.cell(column));
        cell.map_or(field.notation, |cell| notation(cell, field.notation))
    }

    /// By the settings; a sheet's own dates besides, which are texts by now.
    pub(super) fn date_of(&self, text: &str, dates: &Dates) -> Result<Instant, NotationError> {
        let found = instant(text, dates);
        if found.is_ok() || !self.is_sheet {
            return found;
        }
        instants::parse(text, dates.zone).or(found)
    }

    pub(super) fn field_fault(&self, field: &Field, reason: impl ToString) -> Fault {
        match field.column {
            Some(column) => self.fault(column, reason.to_string()),
            None => Fault::of_row(reason.to_string()),
        }
    }
}
