//! The rows of one sheet of a workbook (ECMA-376), each as a line of JSON: a list of its cells.
//! Text is text, numbers are decimals, dates are ISO 8601 without a zone, formulas are what they
//! last came to, errors are `{"error": "#N/A"}`. A row without content is a blank line.

use std::cmp::Ordering;

use calamine::{
    Cell, DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader,
    XlsxError,
};
use crosspoint_sdk::files::{Entry, Files};
use crosspoint_sdk::serde_json;
use zip::ZipArchive;

use super::ranges::{Fault, Ranges};
use super::{Produce, Trouble, decimal, too_large};
use crate::plan::Plan;
use crate::settings::SheetSetting;

/// Text that is made at once.
const STEP_BYTES: usize = 64 << 10;

/// Rows of a sheet; more is no workbook.
const MAX_ROWS: u32 = 1 << 20;

/// Calls `body` with the rows of the sheet that the settings mean.
pub fn with_rows<T>(
    files: &dyn Files,
    entry: &Entry,
    plan: &Plan,
    body: impl FnOnce(Rows<'_, '_>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    check_size(files, entry, plan)?;
    let ranges = Ranges::new(files, entry);
    let fault = ranges.fault();
    let mut book =
        Xlsx::<Ranges<'_>>::new(ranges).map_err(|error| fault.or(|| unreadable(&error)))?;
    let name = choose(&book, &plan.sheet)?;
    let cells = book
        .worksheet_cells_reader(&name)
        .map_err(|error| fault.or(|| unreadable(&error)))?;
    body(Rows {
        cells,
        fault: fault.clone(),
        next: None,
        row: 0,
        comment: plan.comment.as_deref(),
        is_begun: false,
    })
}

/// What has to be in memory at once, and what has to be gone through, by the file's own directory.
fn check_size(files: &dyn Files, entry: &Entry, plan: &Plan) -> Result<(), Trouble> {
    let ranges = Ranges::new(files, entry);
    let fault = ranges.fault();
    // The directory stands at the end: without it, the end is missing.
    let mut archive = ZipArchive::new(ranges).map_err(|_| fault.or(|| Trouble::CutOff))?;
    let (mut texts, mut largest, mut is_workbook) = (0, 0, false);
    for at in 0..archive.len() {
        let part = archive
            .by_index_raw(at)
            .map_err(|_| fault.or(|| Trouble::Broken("its ZIP directory is damaged".to_owned())))?;
        let name = String::from_utf8_lossy(part.name_raw()).to_lowercase();
        is_workbook |= name.ends_with("workbook.xml");
        if name.ends_with("sharedstrings.xml") || name.ends_with("styles.xml") {
            texts += part.size();
        }
        if name.starts_with("xl/") && name.ends_with(".xml") {
            largest = largest.max(part.size());
        }
    }
    if !is_workbook {
        let reason = "a ZIP file, and no workbook of Excel (.xlsx) in it";
        return Err(Trouble::Broken(reason.to_owned()));
    }
    let limit = plan.max_unpacked_bytes;
    if texts > limit / 2 {
        return Err(too_large("twice its table of texts", texts * 2, limit));
    }
    if largest > limit {
        return Err(too_large("its largest sheet", largest, limit));
    }
    Ok(())
}

fn choose(book: &Xlsx<Ranges<'_>>, setting: &SheetSetting) -> Result<String, Trouble> {
    let sheets = || {
        book.sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
    };
    let found = match setting {
        SheetSetting::First => sheets()
            .find(|sheet| sheet.visible == SheetVisible::Visible)
            .or_else(|| sheets().next()),
        SheetSetting::Number(number) => sheets().nth(*number as usize - 1),
        SheetSetting::Name(name) => sheets().find(|sheet| sheet.name == *name).or_else(|| {
            let folded = crate::dialect::fold(name);
            sheets().find(|sheet| crate::dialect::fold(&sheet.name) == folded)
        }),
    };
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| {
        let names: Vec<_> = sheets().map(|sheet| format!("`{}`", sheet.name)).collect();
        Trouble::Broken(format!(
            "it has no sheet {setting}; it has {}",
            names.join(", ")
        ))
    })
}

fn unreadable(error: &XlsxError) -> Trouble {
    Trouble::Broken(match error {
        XlsxError::Password => "the workbook is protected by a password".to_owned(),
        // A part's name, an element's name: nothing of the content.
        XlsxError::FileNotFound(part) => format!("the workbook lacks its part `{part}`"),
        XlsxError::XmlEof(element) => format!("`{element}` does not end"),
        XlsxError::UnexpectedNode(element) => format!("`{element}` stands where it must not"),
        _ => "the workbook is damaged".to_owned(),
    })
}

/// Goes over the rows of a sheet.
pub struct Rows<'a, 'b> {
    cells: XlsxCellReader<'a, Ranges<'b>>,
    fault: Fault,
    /// The first cell of the next row that has one.
    next: Option<Cell<DataRef<'a>>>,
    /// The next row, counted from 0.
    row: u32,
    comment: Option<&'a str>,
    is_begun: bool,
}

impl<'a> Rows<'a, '_> {
    fn advance(&mut self) -> Result<(), Trouble> {
        let fault = &self.fault;
        self.next = self
            .cells
            .next_cell()
            .map_err(|error| fault.or(|| unreadable(&error)))?;
        Ok(())
    }

    /// The cells of the row at hand, those left out included.
    fn take_row(&mut self) -> Result<Vec<DataRef<'a>>, Trouble> {
        let mut cells = Vec::new();
        while let Some(cell) = self.next.take_if(|cell| cell.get_position().0 == self.row) {
            let column = cell.get_position().1 as usize;
            if column >= cells.len() {
                cells.resize(column + 1, DataRef::Empty);
            }
            cells[column] = cell.get_value().clone();
            self.advance()?;
        }
        Ok(cells)
    }
}

impl Produce for Rows<'_, '_> {
    fn produce(&mut self, text: &mut Vec<u8>) -> Result<bool, Trouble> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.advance()?;
        }
        let limit = text.len() + STEP_BYTES;
        while text.len() < limit {
            let Some(next) = &self.next else {
                return Ok(false);
            };
            match next.get_position().0.cmp(&self.row) {
                // A row that stands out of order cannot get its place any more.
                Ordering::Less => {
                    let row = next.get_position().0 + 1;
                    let reason = format!("row {row} of the sheet stands behind a later one");
                    return Err(Trouble::Broken(reason));
                }
                Ordering::Greater => {}
                Ordering::Equal => {
                    let cells = self.take_row()?;
                    write(&cells, self.comment, text);
                }
            }
            text.push(b'\n');
            self.row += 1;
            if self.row > MAX_ROWS {
                return Err(Trouble::Broken("the sheet has too many rows".to_owned()));
            }
        }
        Ok(true)
    }
}

fn write(cells: &[DataRef<'_>], comment: Option<&str>, text: &mut Vec<u8>) {
    let is_text = |cell: &DataRef<'_>, said: &dyn Fn(&str) -> bool| match cell {
        DataRef::String(text) => said(text),
        DataRef::SharedString(text) => said(text),
        _ => false,
    };
    let is_blank = |cell: &DataRef<'_>| {
        *cell == DataRef::Empty || is_text(cell, &|text| text.trim().is_empty())
    };
    let is_comment = comment.is_some_and(|comment| {
        let first = cells.iter().find(|cell| !is_blank(cell));
        first.is_some_and(|cell| is_text(cell, &|text| text.trim_start().starts_with(comment)))
    });
    let Some(last) = cells.iter().rposition(|cell| !is_blank(cell)) else {
        return;
    };
    if is_comment {
        return;
    }
    let mut mark = b'[';
    for cell in &cells[..=last] {
        text.push(mark);
        mark = b',';
        write_cell(cell, text);
    }
    text.push(b']');
}

fn write_cell(cell: &DataRef<'_>, text: &mut Vec<u8>) {
    let mut put = |value: &str| text.extend_from_slice(value.as_bytes());
    match cell {
        DataRef::Empty => put("null"),
        DataRef::Bool(value) => put(if *value { "true" } else { "false" }),
        DataRef::Int(value) => put(&value.to_string()),
        DataRef::Float(value) => put(&decimal::text(*value)),
        DataRef::String(value) => put(&quoted(value)),
        DataRef::SharedString(value) => put(&quoted(value)),
        DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => put(&quoted(value)),
        DataRef::DateTime(value) => put(&quoted(&date(value))),
        DataRef::Error(error) => {
            put(&serde_json::json!({ "error": error.to_string() }).to_string())
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A date, with its time unless that is midnight; a time alone where there is no date.
fn date(value: &ExcelDateTime) -> String {
    if value.is_duration() || value.as_f64() < 1.0 {
        let total_ms = (value.as_f64() * 86_400_000.0).round() as i64;
        let (seconds, ms) = (total_ms.abs() / 1000, total_ms.abs() % 1000);
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let sign = if total_ms < 0 { "-" } else { "" };
        return with_ms(
            format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60),
            ms as u16,
        );
    }
    let (year, month, day, hour, minute, second, ms) = value.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second, ms) == (0, 0, 0, 0) {
        return date;
    }
    with_ms(format!("{date}T{hour:02}:{minute:02}:{second:02}"), ms)
}

fn with_ms(text: String, ms: u16) -> String {
    match ms {
        0 => text,
        ms => format!("{text}.{ms:03}"),
    }
}
