//! What a file's beginning says about the rest of it.

use std::borrow::Cow;

use crate::cells::{Cell, aligned, delimited, list};
use crate::encoding::Encoding;
use crate::mapping::Binding;
use crate::plan::Plan;
use crate::settings::{FormatSetting, Header};
use crate::split::{Split, split};

/// How much of a file's beginning is looked at; a header must end within it.
pub const HEAD_BYTES: usize = 64 << 10;

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Cells between delimiters.
    Delimited(u8),
    /// Cells between runs of white space.
    Aligned,
    /// One JSON object a line.
    Ndjson,
    /// A sheet's rows: one JSON list of cells a line.
    Sheet,
}

impl Layout {
    /// The delimiter within whose quotes line ends count as text.
    pub fn quoting(self) -> Option<u8> {
        match self {
            Self::Delimited(delimiter) => Some(delimiter),
            _ => None,
        }
    }
}

/// Everything that reading a row needs to know about its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How characters are encoded.
    pub encoding: Encoding,
    /// How rows are laid out.
    pub layout: Layout,
    /// Names of the columns by position, as written; empty for NDJSON.
    pub columns: Vec<String>,
    /// Where the first row starts, in bytes of the file.
    pub data_offset: u64,
    /// On which line, counted from 1.
    pub data_line: u64,
}

/// Why a file as a whole cannot be read. For a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line at fault.
    pub line: u64,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What is wrong and what was expected.
    pub reason: String,
}

impl Dialect {
    /// Reads a file's beginning. None: there is no complete header yet.
    ///
    /// # Errors
    /// Where the file as a whole makes no sense.
    pub fn detect(
        head: &[u8],
        is_whole: bool,
        is_sheet: bool,
        plan: &Plan,
    ) -> Result<Option<Self>, Refusal> {
        let (encoding, mark) = match is_sheet {
            true => (Encoding::Utf8, 0),
            false => Encoding::detect(head, is_whole, plan.encoding),
        };
        let mut text = Vec::with_capacity(head.len());
        encoding.widen(&head[mark..], is_whole, &mut text);
        let mut lines = Lines {
            text: &text,
            at: 0,
            line: 1,
            is_whole,
        };

        let announced = lines.announced_delimiter();
        let title_lines = match plan.header {
            Header::Line(line) => u64::from(line).saturating_sub(lines.line),
            Header::None => 0,
        };
        for _ in 0..title_lines {
            if lines.next(None).is_none() {
                return Ok(None);
            }
        }
        lines.skip_blank(plan);
        let layout = match (plan.delimiter, announced, plan.format) {
            _ if is_sheet => Layout::Sheet,
            (Some(delimiter), _, _) => Layout::Delimited(delimiter),
            (None, Some(delimiter), FormatSetting::Auto) => Layout::Delimited(delimiter),
            (None, _, format) => layout_of(format).unwrap_or_else(|| guess(&lines, encoding)),
        };
        let mut columns = plan.columns.clone();
        if layout == Layout::Ndjson {
            columns.clear();
        } else if matches!(plan.header, Header::Line(_)) {
            let line = lines.line;
            let Some(header) = lines.next(layout.quoting()) else {
                if is_whole || lines.at < HEAD_BYTES / 2 && text.len() < HEAD_BYTES / 2 {
                    return Ok(None);
                }
                let reason = format!("the header does not end within {HEAD_BYTES} bytes");
                return Err(Refusal {
                    line,
                    column: None,
                    reason,
                });
            };
            columns = header_names(header, encoding, layout, line)?;
        }
        let data_offset = mark as u64 + encoding.raw_len(&text[..lines.at]);
        Ok(Some(Self {
            encoding,
            layout,
            columns,
            data_offset,
            data_line: lines.line,
        }))
    }
}

fn layout_of(format: FormatSetting) -> Option<Layout> {
    match format {
        FormatSetting::Auto => None,
        FormatSetting::Csv => Some(Layout::Delimited(b',')),
        FormatSetting::Tsv => Some(Layout::Delimited(b'\t')),
        FormatSetting::Semicolon => Some(Layout::Delimited(b';')),
        FormatSetting::Pipe => Some(Layout::Delimited(b'|')),
        FormatSetting::Whitespace => Some(Layout::Aligned),
        FormatSetting::Ndjson => Some(Layout::Ndjson),
    }
}

/// Walks over lines of the beginning. The last line counts only if something ends it.
#[derive(Clone)]
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
    is_whole: bool,
}

impl<'a> Lines<'a> {
    /// The next row, if it is complete.
    fn next(&mut self, quoting: Option<u8>) -> Option<&'a [u8]> {
        let rest = &self.text[self.at..];
        match split(rest, quoting, self.is_whole) {
            Split::Row { end, next, lines } if next > end => {
                self.at += next;
                self.line += lines;
                Some(&rest[..end])
            }
            _ => None,
        }
    }

    /// Excel's `sep=;` on the first line.
    fn announced_delimiter(&mut self) -> Option<u8> {
        let mut ahead = self.clone();
        let line = ahead.next(None)?;
        let line = line.trim_ascii_end();
        let line = line
            .strip_prefix(b"\"")
            .and_then(|l| l.strip_suffix(b"\""))
            .unwrap_or(line);
        let is_tab = self.text.starts_with(b"sep=\t");
        match (line.get(..4)?.eq_ignore_ascii_case(b"sep="), &line[4..]) {
            (true, [delimiter]) if delimiter.is_ascii() => {
                *self = ahead;
                Some(*delimiter)
            }
            (true, []) if is_tab => {
                *self = ahead;
                Some(b'\t')
            }
            _ => None,
        }
    }

    fn skip_blank(&mut self, plan: &Plan) {
        loop {
            let mut ahead = self.clone();
            match ahead.next(None) {
                Some(line) if plan.is_blank(line) => *self = ahead,
                _ => return,
            }
        }
    }
}

/// Rows that detection looks at.
const SAMPLE_ROWS: usize = 50;

/// The layout that gives most rows the same number of cells, at least two.
fn guess(lines: &Lines<'_>, encoding: Encoding) -> Layout {
    let first = lines.text[lines.at..].trim_ascii_start();
    if first.starts_with(b"{") {
        return Layout::Ndjson;
    }
    let candidates = [
        Layout::Delimited(b','),
        Layout::Delimited(b';'),
        Layout::Delimited(b'\t'),
        Layout::Delimited(b'|'),
        Layout::Aligned,
    ];
    let score = |layout: Layout| {
        let mut lines = lines.clone();
        let mut counts = Vec::new();
        while counts.len() < SAMPLE_ROWS {
            let rest = &lines.text[lines.at..];
            let row = match split(rest, layout.quoting(), lines.is_whole) {
                Split::Row { end, next, .. } if !rest.is_empty() => {
                    lines.at += next;
                    &rest[..end]
                }
                _ => break,
            };
            if let Some(text) = encoding.decode(row)
                && !text.trim().is_empty()
            {
                counts.push(cells(&text, layout).len());
            }
        }
        let usual = counts.iter().copied().max_by_key(|count| {
            (
                counts.iter().filter(|other| *other == count).count(),
                *count,
            )
        });
        let usual = usual.unwrap_or(0);
        let share =
            counts.iter().filter(|count| **count == usual).count() * 100 / counts.len().max(1);
        // Words between spaces are common inside text, so aligned columns must all agree.
        let is_fit = usual >= 2 && (layout != Layout::Aligned || share == 100);
        if is_fit { share * 1000 + usual } else { 0 }
    };
    let mut best = (0, Layout::Delimited(b','));
    for layout in candidates {
        let score = score(layout);
        if score > best.0 {
            best = (score, layout);
        }
    }
    best.1
}

/// The cells of a row that is not JSON.
pub fn cells(text: &str, layout: Layout) -> Vec<Cell<'_>> {
    match layout {
        Layout::Delimited(delimiter) => delimited(text, delimiter),
        Layout::Sheet => list(text).unwrap_or_default(),
        Layout::Aligned | Layout::Ndjson => aligned(text),
    }
}

fn header_names(
    header: &[u8],
    encoding: Encoding,
    layout: Layout,
    line: u64,
) -> Result<Vec<String>, Refusal> {
    let refuse = |column: Option<&str>, reason: String| {
        Err(Refusal {
            line,
            column: column.map(str::to_owned),
            reason,
        })
    };
    let Some(text) = encoding.decode(header) else {
        return refuse(None, format!("the header is not {}", encoding.name()));
    };
    let mut names: Vec<String> = cells(&text, layout)
        .iter()
        .map(|cell| collapse(&cell.text).into_owned())
        .collect();
    // A delimiter at the end of each line makes a column without name and content.
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() {
            return refuse(None, format!("column {} has no name", at + 1));
        }
        if names[..at].iter().any(|other| fold(other) == fold(name)) {
            return refuse(
                Some(name),
                format!("column `{name}` appears twice in the header"),
            );
        }
    }
    Ok(names)
}

/// Trims and makes one space of many.
fn collapse(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if name.contains("  ") || name.contains(['\t', '\n', '\r', '\u{a0}']) {
        Cow::Owned(name.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        Cow::Borrowed(name)
    }
}

/// The form in which names of columns are compared.
pub fn fold(name: &str) -> String {
    collapse(name).to_lowercase()
}

impl Dialect {
    /// Refuses a file without the columns that no row can do without.
    ///
    /// # Errors
    /// The first such column, with those that there are.
    pub fn refuse_missing(self, plan: &Plan) -> Result<Self, Refusal> {
        if self.layout == Layout::Ndjson {
            return Ok(self);
        }
        let missing = Binding::new(plan, &self.columns)
            .missing(plan, true)
            .next()
            .map(str::to_owned);
        match missing {
            None => Ok(self),
            Some(name) => {
                let there = self.columns.join("`, `");
                let reason = format!("column `{name}` is not in the file; it has `{there}`");
                let line = self.data_line.saturating_sub(1).max(1);
                Err(Refusal {
                    line,
                    column: Some(name),
                    reason,
                })
            }
        }
    }
}
