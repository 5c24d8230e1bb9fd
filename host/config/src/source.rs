//! The project's files as text with positions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Code, Position, Problem};

/// Collects what is wrong. Readers go on after an error, so that all of them are found.
#[derive(Default)]
pub(crate) struct Sink {
    problems: RefCell<Vec<Problem>>,
}

impl Sink {
    pub(crate) fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// One file.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            path,
            text,
            line_starts,
        }
    }

    /// The place of the byte `offset`; the end of the text if it lies behind it.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let column = self.text[self.line_starts[line - 1]..offset]
            .chars()
            .count()
            + 1;
        Position {
            file: self.path.to_owned(),
            line,
            column,
        }
    }

    /// The place of the byte `inner` of the text that the string literal at `literal` stands for;
    /// the start of the literal where escapes make the two differ.
    pub(crate) fn position_within(
        &self,
        literal: &Range<usize>,
        decoded: &str,
        inner: usize,
    ) -> Position {
        let raw = self.text.get(literal.clone()).unwrap_or_default();
        match raw.find(decoded) {
            Some(start) if !decoded.is_empty() => self.position(literal.start + start + inner),
            _ => self.position(literal.start),
        }
    }

    pub(crate) fn problem(
        &self,
        code: Code,
        offset: usize,
        message: String,
        hint: Option<String>,
    ) -> Problem {
        Problem {
            at: self.position(offset),
            code,
            message,
            hint,
        }
    }
}

/// Where every key of every file stands, by dotted path.
#[derive(Default)]
pub(crate) struct Places {
    by_path: BTreeMap<String, Place>,
}

/// Where a value stands.
pub(crate) struct Place {
    /// Number of the file.
    pub(crate) file: usize,
    /// The value; for a table, the key that opens it.
    pub(crate) range: Range<usize>,
}

impl Places {
    pub(crate) fn add(&mut self, file: usize, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table.iter() {
            let path = join(prefix, key.get_ref());
            self.add_value(file, key.span(), value, path);
        }
    }

    fn add_value(
        &mut self,
        file: usize,
        key: Range<usize>,
        value: &Spanned<DeValue<'_>>,
        path: String,
    ) {
        let mut range = value.span();
        match value.get_ref() {
            DeValue::Table(table) => {
                self.add(file, table, &path);
                range = key;
            }
            DeValue::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.add_value(file, item.span(), item, format!("{path}.{number}"));
                }
            }
            _ => {}
        }
        self.by_path.entry(path).or_insert(Place { file, range });
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Place> {
        self.by_path.get(path)
    }

    pub(crate) fn positions(&self, sources: &[Source<'_>]) -> BTreeMap<String, Position> {
        self.by_path
            .iter()
            .map(|(path, place)| {
                (
                    path.clone(),
                    sources[place.file].position(place.range.start),
                )
            })
            .collect()
    }
}

/// `prefix.key`, with the key in quotes where TOML would want them.
pub(crate) fn join(prefix: &str, key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let dot = if prefix.is_empty() { "" } else { "." };
    if bare {
        format!("{prefix}{dot}{key}")
    } else {
        format!("{prefix}{dot}{key:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let source = Source::new("a.toml", "é = 1\nzz = 2\n");
        let at = |offset| (source.position(offset).line, source.position(offset).column);
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(1), (1, 1), "inside a character: its start");
        assert_eq!(at(2), (1, 2));
        assert_eq!(at(7), (2, 1));
        assert_eq!(at(999), (3, 1));
    }

    #[test]
    fn a_place_inside_a_string_survives_quotes_but_not_escapes() {
        let source = Source::new("a.toml", "when = '''\nab\ncd'''\nesc = \"a\\tb\"");
        let multi = 7..19;
        assert_eq!(source.position_within(&multi, "ab\ncd", 3).line, 3);
        let escaped = 26..32;
        assert_eq!(
            source.position_within(&escaped, "a\tb", 2),
            source.position(26)
        );
    }
}
