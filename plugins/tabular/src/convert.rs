//! One row's bytes to records: decoding, cells, shape, mapping.

use crosspoint_sdk::Record;
use crosspoint_sdk::model::Instant;

use crate::cells::{Cell, list, object};
use crate::dialect::{Dialect, Layout, cells, fold};
use crate::mapping::{Binding, Fault, Row};
use crate::plan::Plan;
use crate::settings::ShortRows;

/// Converts rows of one file.
pub struct Convert<'a> {
    plan: &'a Plan,
    dialect: &'a Dialect,
    binding: Binding,
}

impl<'a> Convert<'a> {
    /// Finds the mentioned columns once for all rows.
    pub fn new(plan: &'a Plan, dialect: &'a Dialect) -> Self {
        Self {
            plan,
            dialect,
            binding: Binding::new(plan, &dialect.columns),
        }
    }

    /// The records of a row.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn row(
        &self,
        bytes: &[u8],
        path: &str,
        line: u64,
        modified_at: Option<Instant>,
    ) -> Result<Vec<Record>, Fault> {
        let (plan, dialect) = (self.plan, self.dialect);
        let text = dialect.encoding.decode(bytes).ok_or_else(|| {
            let encoding = dialect.encoding.name();
            Fault::of_row(format!(
                "the row is not {encoding}; set `encoding` if the file is not"
            ))
        })?;
        if dialect.layout == Layout::Ndjson {
            let is_opened = |name: &str| {
                let prefix = format!("{}.", fold(name));
                plan.mentioned
                    .iter()
                    .any(|one| one.folded.starts_with(&prefix))
            };
            let (names, cells) = object(&text, &is_opened).map_err(Fault::of_row)?;
            let binding = &Binding::new(plan, &names);
            return Row {
                plan,
                is_sheet: false,
                binding,
                names: &names,
                cells: &cells,
                path,
                line,
                modified_at,
            }
            .records();
        }
        let mut cells = match dialect.layout {
            Layout::Sheet => list(&text).map_err(Fault::of_row)?,
            layout => cells(&text, layout),
        };
        self.shape(&mut cells)?;
        let (binding, names) = (&self.binding, &dialect.columns);
        Row {
            plan,
            is_sheet: dialect.layout == Layout::Sheet,
            binding,
            names,
            cells: &cells,
            path,
            line,
            modified_at,
        }
        .records()
    }

    /// Empty cells too many are cut off, cells too few are made up for where settings allow it.
    fn shape(&self, cells: &mut Vec<Cell<'_>>) -> Result<(), Fault> {
        let expected = self.dialect.columns.len();
        while cells.len() > expected && cells.last().is_some_and(|cell| cell.text.is_empty()) {
            cells.pop();
        }
        let is_short = cells.len() < expected;
        let may_pad =
            self.plan.short_rows == ShortRows::Pad && self.dialect.layout != Layout::Aligned;
        if cells.len() > expected || (is_short && !may_pad) {
            return Err(Fault::of_row(format!(
                "the row has {} cells where the file has {expected} columns",
                cells.len()
            )));
        }
        cells.resize(expected, Cell::EMPTY);
        Ok(())
    }
}

/// Roughly what a record takes on its way to the host, in bytes.
pub fn record_bytes(record: &Record) -> u64 {
    let attributes: usize = record
        .attributes
        .iter()
        .map(|attribute| {
            let value = match &attribute.value {
                crosspoint_sdk::Value::Text(text)
                | crosspoint_sdk::Value::Decimal(text)
                | crosspoint_sdk::Value::Json(text) => text.len(),
                _ => 8,
            };
            attribute.name.len() + value + 16
        })
        .sum();
    // Fields of a body are few and short; long texts come as attributes or are counted here too
    // low, which the host's own limit on a call's answer catches.
    256 + (record.id.len() + attributes) as u64
}
