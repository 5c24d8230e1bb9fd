//! Input that could not become a record, in a form that can be tried again: what surrounds the row
//! in its file travels along.

use crosspoint_sdk::model::Instant;
use crosspoint_sdk::{Reject, serde_json};
use serde::{Deserialize, Serialize};

use crate::dialect::{Dialect, Layout};
use crate::mapping::Fault;

/// A rejected row, as JSON. A person may correct `row` before it is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The file's path.
    pub file: String,
    /// The line on which the row starts.
    pub line: u64,
    /// When the file last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Instant>,
    /// The delimiter, `whitespace`, `ndjson` or `sheet`.
    pub layout: String,
    /// Names of the columns by position.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The row's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The row's bytes in hexadecimal, where they are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

impl Quarantined {
    /// The layout that its word means.
    pub fn layout(&self) -> Option<Layout> {
        match self.layout.as_str() {
            "whitespace" => Some(Layout::Aligned),
            "ndjson" => Some(Layout::Ndjson),
            "sheet" => Some(Layout::Sheet),
            other => match other.as_bytes() {
                [delimiter] => Some(Layout::Delimited(*delimiter)),
                _ => None,
            },
        }
    }

    /// The reject of a row.
    pub fn row(
        file: &str,
        line: u64,
        modified_at: Option<Instant>,
        dialect: &Dialect,
        row: &[u8],
        fault: Fault,
    ) -> Reject {
        let text = dialect
            .encoding
            .decode(row)
            .map(std::borrow::Cow::into_owned);
        let bytes = if text.is_none() {
            Some(to_hex(row))
        } else {
            None
        };
        let layout = match dialect.layout {
            Layout::Delimited(delimiter) => char::from(delimiter).to_string(),
            Layout::Aligned => "whitespace".to_owned(),
            Layout::Ndjson => "ndjson".to_owned(),
            Layout::Sheet => "sheet".to_owned(),
        };
        let columns = dialect.columns.clone();
        let quarantined = Self {
            file: file.to_owned(),
            line,
            modified_at,
            layout,
            columns,
            row: text,
            bytes,
        };
        quarantined.reject(fault)
    }

    /// The reject of a file as a whole.
    pub fn file(file: &str, line: u64, fault: Fault) -> Reject {
        let quarantined = Self {
            file: file.to_owned(),
            line,
            modified_at: None,
            layout: String::new(),
            columns: Vec::new(),
            row: None,
            bytes: None,
        };
        quarantined.reject(fault)
    }

    /// Puts it back.
    pub fn reject(&self, fault: Fault) -> Reject {
        Reject {
            locator: format!("{}:{}", self.file, self.line),
            field: fault.column,
            reason: fault.reason,
            raw: serde_json::to_vec(self).unwrap_or_default(),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads back hexadecimal.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    rest.is_empty().then_some(bytes)
}
