//! From a row's text to its cells.

use std::borrow::Cow;

use crosspoint_sdk::serde_json::{self, value::RawValue};

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Its text without quotes; a bare cell is trimmed.
    pub text: Cow<'a, str>,
    /// What the notation says about it.
    pub kind: CellKind,
}

/// What the notation says about a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Without quotes: an empty one means "not there".
    Bare,
    /// In quotes: an empty one is empty text.
    Quoted,
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Boolean,
    /// A JSON number, digit by digit.
    Number,
    /// A JSON list or object.
    Json,
    /// What a sheet shows in place of a value, such as `#N/A`.
    Error,
}

impl Cell<'_> {
    /// A cell that says nothing.
    pub const EMPTY: Cell<'static> = Cell {
        text: Cow::Borrowed(""),
        kind: CellKind::Bare,
    };

    /// Whether it means "empty".
    pub fn is_null(&self, tokens: &[String]) -> bool {
        match self.kind {
            CellKind::Null => true,
            CellKind::Bare => {
                self.text.is_empty() || tokens.iter().any(|token| *token == self.text)
            }
            _ => false,
        }
    }
}

/// The cells of a delimited row. Quotes count where a cell begins; what follows a closing quote is
/// taken as it is.
pub fn delimited(row: &str, delimiter: u8) -> Vec<Cell<'_>> {
    let mut cells = Vec::with_capacity(8);
    let mut rest = row;
    loop {
        let padding = rest.len() - rest.trim_start_matches(' ').len();
        let (cell, used) = if rest[padding..].starts_with('"') && delimiter != b' ' {
            let (cell, used) = quoted(&rest[padding + 1..], delimiter);
            (cell, padding + 1 + used)
        } else {
            let end = position(rest, delimiter);
            (
                Cell {
                    text: Cow::Borrowed(rest[..end].trim()),
                    kind: CellKind::Bare,
                },
                end,
            )
        };
        cells.push(cell);
        if used >= rest.len() {
            return cells;
        }
        rest = &rest[used + 1..];
    }
}

fn position(text: &str, byte: u8) -> usize {
    text.bytes()
        .position(|other| other == byte)
        .unwrap_or(text.len())
}

/// The cell behind an opening quote and the length up to its delimiter.
fn quoted(text: &str, delimiter: u8) -> (Cell<'_>, usize) {
    let mut owned: Option<String> = None;
    let mut from = 0;
    loop {
        let Some(quote) = text[from..].find('"').map(|at| from + at) else {
            // Unclosed: the splitter has ruled that out, retried input may still hold it.
            let mut whole = owned.unwrap_or_default();
            whole.push_str(&text[from..]);
            return (
                Cell {
                    text: Cow::Owned(whole),
                    kind: CellKind::Quoted,
                },
                text.len(),
            );
        };
        if text[quote + 1..].starts_with('"') {
            owned.get_or_insert_default().push_str(&text[from..=quote]);
            from = quote + 2;
            continue;
        }
        let end = quote + 1 + position(&text[quote + 1..], delimiter);
        let tail = text[quote + 1..end].trim_end();
        let content = match owned {
            None if tail.is_empty() => Cow::Borrowed(&text[from..quote]),
            owned => {
                let mut whole = owned.unwrap_or_default();
                whole.push_str(&text[from..quote]);
                whole.push_str(tail);
                Cow::Owned(whole)
            }
        };
        return (
            Cell {
                text: content,
                kind: CellKind::Quoted,
            },
            end,
        );
    }
}

/// The cells of a row that is aligned with spaces or tabs.
pub fn aligned(row: &str) -> Vec<Cell<'_>> {
    row.split_ascii_whitespace()
        .map(|text| Cell {
            text: Cow::Borrowed(text),
            kind: CellKind::Bare,
        })
        .collect()
}

/// The cells of a sheet's row. Its texts are bare cells: a sheet has no quotes, and an empty text is
/// an empty cell.
///
/// # Errors
/// What is wrong, for a person, where the text is no list: it may have been edited.
pub fn list(row: &str) -> Result<Vec<Cell<'_>>, String> {
    #[derive(serde::Deserialize)]
    struct Shown {
        error: String,
    }
    let not_a_list = "expected one JSON list of cells";
    let values: Vec<&RawValue> = serde_json::from_str(row).map_err(|_| not_a_list.to_owned())?;
    let cell = |value: &'_ RawValue| -> Result<(Cow<'static, str>, CellKind), String> {
        let text = value.get();
        match text.as_bytes().first() {
            Some(b'"') => {
                let text: String = serde_json::from_str(text).map_err(|e| e.to_string())?;
                Ok((Cow::Owned(text.trim().to_owned()), CellKind::Bare))
            }
            Some(b'{') => {
                let shown: Shown = serde_json::from_str(text).map_err(|_| not_a_list.to_owned())?;
                Ok((Cow::Owned(shown.error), CellKind::Error))
            }
            Some(b'[') => Err(not_a_list.to_owned()),
            Some(b'n') => Ok((Cow::Borrowed(""), CellKind::Bare)),
            Some(b't' | b'f') => Ok((Cow::Owned(text.to_owned()), CellKind::Boolean)),
            _ => Ok((Cow::Owned(text.to_owned()), CellKind::Number)),
        }
    };
    values
        .into_iter()
        .map(|value| cell(value).map(|(text, kind)| Cell { text, kind }))
        .collect()
}

/// Names and cells of a JSON object. Objects under a name for which `is_opened` says so are opened
/// up, as `customer.email`; numbers keep their digits.
///
/// # Errors
/// What is wrong, for a person, where the text is no object.
pub fn object<'a>(
    row: &'a str,
    is_opened: &dyn Fn(&str) -> bool,
) -> Result<(Vec<String>, Vec<Cell<'a>>), String> {
    let mut names = Vec::new();
    let mut cells = Vec::new();
    open("", row, is_opened, &mut names, &mut cells)?;
    Ok((names, cells))
}

fn open<'a>(
    prefix: &str,
    text: &'a str,
    is_opened: &dyn Fn(&str) -> bool,
    names: &mut Vec<String>,
    cells: &mut Vec<Cell<'a>>,
) -> Result<(), String> {
    let members: Members<'a> = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        let text = text
            .split_once(" at line 1 column")
            .map_or(text.as_str(), |(head, _)| head);
        format!("expected one JSON object: {text}")
    })?;
    for (name, raw) in members.0 {
        let name = format!("{prefix}{name}");
        let text = raw.get();
        if text.starts_with('{') && is_opened(&name) {
            open(&format!("{name}."), text, is_opened, names, cells)?;
            continue;
        }
        if names.contains(&name) {
            return Err(format!("key `{name}` appears twice"));
        }
        let (text, kind) = match text.as_bytes().first() {
            Some(b'n') => (Cow::Borrowed(""), CellKind::Null),
            Some(b't' | b'f') => (Cow::Borrowed(text), CellKind::Boolean),
            Some(b'"') => {
                let text: String = serde_json::from_str(text).map_err(|e| e.to_string())?;
                (Cow::Owned(text), CellKind::Quoted)
            }
            Some(b'{' | b'[') => (Cow::Borrowed(text), CellKind::Json),
            _ => (Cow::Borrowed(text), CellKind::Number),
        };
        names.push(name);
        cells.push(Cell { text, kind });
    }
    Ok(())
}

/// Members of an object in their order, values unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts<'a>(cells: &'a [Cell<'_>]) -> Vec<(&'a str, CellKind)> {
        cells
            .iter()
            .map(|cell| (cell.text.as_ref(), cell.kind))
            .collect()
    }

    #[test]
    fn quotes_make_empty_text_of_nothing() {
        use CellKind::{Bare, Quoted};
        let cells = delimited(r#" a ,"b,c", "d""e" ,"",,"#, b',');
        assert_eq!(
            texts(&cells),
            [
                ("a", Bare),
                ("b,c", Quoted),
                ("d\"e", Quoted),
                ("", Quoted),
                ("", Bare),
                ("", Bare)
            ]
        );
        assert_eq!(texts(&delimited("5\" pipe", b',')), [("5\" pipe", Bare)]);
        assert_eq!(
            texts(&delimited("\"a\"b,c", b',')),
            [("ab", Quoted), ("c", Bare)]
        );
        assert_eq!(texts(&aligned(" 00001 19970101  1   11.77")).len(), 4);
    }

    #[test]
    fn objects_open_where_asked() {
        let text = r#"{"id":12345678901234567890.10,"c":{"email":"a\u0040b","n":null},"t":["x"],"ok":true}"#;
        let (names, cells) = object(text, &|name| name == "c").unwrap();
        assert_eq!(names, ["id", "c.email", "c.n", "t", "ok"]);
        assert_eq!(cells[0].text, "12345678901234567890.10");
        assert_eq!(cells[1].text, "a@b");
        assert_eq!(cells[2].kind, CellKind::Null);
        assert_eq!(
            (cells[3].text.as_ref(), cells[3].kind),
            (r#"["x"]"#, CellKind::Json)
        );
        for bad in ["[1]", "{\"a\":1", "x", "{\"a\":1,\"a\":2}", "{} {}"] {
            assert!(object(bad, &|_| false).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn cells_read_what_rfc_4180_writes(values in prop::collection::vec("[a,\"\r\n ;ü]{0,6}", 1..6)) {
            let row = values
                .iter()
                .map(|value| format!("\"{}\"", value.replace('"', "\"\"")))
                .collect::<Vec<_>>()
                .join(";");
            let cells = delimited(&row, b';');
            let read: Vec<_> = cells.iter().map(|cell| cell.text.to_string()).collect();
            prop_assert_eq!(read, values);
        }
    }
}
