//! Reads one table of a file key by key. What is read is what is known: whatever remains is
//! reported as unknown, with the nearest known key.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use crosspoint_model::nearest::{did_you_mean, nearest};
use crosspoint_model::time::parse_span_ms;
use smol_str::SmolStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::amount::parse_size_bytes;
use crate::error::Code;
use crate::source::{Sink, Source};

/// A table under its reader.
pub(crate) struct Table<'a> {
    source: &'a Source<'a>,
    sink: &'a Sink,
    entries: &'a DeTable<'a>,
    /// Where the key stands that opens it.
    at: usize,
    /// For messages: ``connector `hook` ``.
    place: String,
    root: bool,
    known: RefCell<Vec<&'static str>>,
    /// Required keys that are not there, with hints; reported at the end, unless misspelt.
    missing: RefCell<Vec<(&'static str, &'static str)>>,
}

/// Text with its place.
#[derive(Clone)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

/// Keys of the operator's choice with their values.
pub(crate) type Entries<'a> = Vec<(Text<'a>, &'a Spanned<DeValue<'a>>)>;

impl<'a> Table<'a> {
    /// The whole of a file.
    pub(crate) fn root(source: &'a Source<'a>, sink: &'a Sink, entries: &'a DeTable<'a>) -> Self {
        let place = format!("`{}`", source.path);
        Self {
            source,
            sink,
            entries,
            at: 0,
            place,
            root: true,
            known: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    fn child(&self, entries: &'a DeTable<'a>, at: usize, place: String) -> Table<'a> {
        Table {
            source: self.source,
            sink: self.sink,
            entries,
            at,
            place,
            root: false,
            known: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    pub(crate) fn report(&self, code: Code, at: usize, message: String, hint: Option<String>) {
        self.sink.push(self.source.problem(code, at, message, hint));
    }

    /// Where the key stands that opens the table.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where `key` stands, or the table where it is absent.
    pub(crate) fn key_at(&self, key: &str) -> usize {
        self.entries
            .get_key_value(key)
            .map_or(self.at, |(key, _)| key.span().start)
    }

    /// The value as it stands.
    pub(crate) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.entries.get(key)
    }

    pub(crate) fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!(
            "`{key}` of {} must be {expected}, not {}",
            self.place,
            type_name(value.get_ref())
        );
        self.report(Code::WrongType, value.span().start, message, None);
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Text<'a>> {
        self.text_as(key, "text")
    }

    fn text_as(&self, key: &'static str, expected: &str) -> Option<Text<'a>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Text {
                text,
                at: value.span().start,
            }),
            _ => {
                self.wrong_type(key, value, expected);
                None
            }
        }
    }

    /// A rule or expression; nothing where there is none or it is blank.
    pub(crate) fn expression(&self, key: &'static str) -> Option<SmolStr> {
        let text = self.text(key)?;
        self.expression_of(key, &text)
    }

    pub(crate) fn expression_of(&self, key: &str, text: &Text<'_>) -> Option<SmolStr> {
        if text.text.trim().is_empty() {
            let message = format!("`{key}` of {} is empty", self.place);
            self.report(Code::BadForm, text.at, message, None);
            return None;
        }
        Some(SmolStr::new(text.text))
    }

    /// Reports `key` as missing unless it is there, well-formed or not.
    pub(crate) fn require(&self, key: &'static str, hint: &'static str) {
        if !self.has(key) {
            self.missing.borrow_mut().push((key, hint));
        }
    }

    /// A span above zero, in milliseconds.
    pub(crate) fn span_ms(&self, key: &'static str) -> Option<u64> {
        let text = self.text_as(key, "a span such as `\"15m\"`")?;
        self.amount(
            &text,
            parse_span_ms(text.text)
                .ok()
                .and_then(|ms| u64::try_from(ms).ok()),
            "span above zero; expected numbers with ms, s, m, h, d or w, such as `90d` or `1h30m`",
        )
    }

    /// A size above zero, in bytes.
    pub(crate) fn size_bytes(&self, key: &'static str) -> Option<u64> {
        let text = self.text_as(key, "a size such as `\"256MiB\"`")?;
        self.amount(
            &text,
            parse_size_bytes(text.text),
            "size above zero; expected a whole number with B, KiB, MiB, GiB, KB, MB or GB",
        )
    }

    fn amount(&self, text: &Text<'_>, amount: Option<u64>, expected: &str) -> Option<u64> {
        let amount = amount.filter(|amount| *amount > 0);
        if amount.is_none() {
            let message = format!("`{}` is not a {expected}", text.text);
            self.report(Code::BadAmount, text.at, message, None);
        }
        amount
    }

    /// A whole number within the range.
    pub(crate) fn integer(&self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        self.integer_of(key, value, range)
    }

    pub(crate) fn integer_of(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        let read = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let read = read.filter(|number| range.contains(number));
        if read.is_none() {
            let message = format!(
                "`{key}` of {} must be from {} to {}, not {number}",
                self.place,
                range.start(),
                range.end()
            );
            self.report(Code::OutOfRange, value.span().start, message, None);
        }
        read
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.wrong_type(key, value, "true or false");
                None
            }
        }
    }

    /// One of the words.
    pub(crate) fn word<T: Clone>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        self.word_of(key, &text, words)
    }

    pub(crate) fn word_of<T: Clone>(
        &self,
        key: &str,
        text: &Text<'_>,
        words: &[(&str, T)],
    ) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text.text);
        if found.is_none() {
            let choices: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!(
                "`{}` is no value for `{key}` of {}; expected {}",
                text.text,
                self.place,
                choices.join(", ")
            );
            let hint = did_you_mean(text.text, words.iter().map(|(word, _)| *word));
            self.report(Code::UnknownWord, text.at, message, hint);
        }
        found.map(|(_, value)| value.clone())
    }

    /// A list of texts; empty where it is absent.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<Text<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "a list of texts");
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| match item.get_ref() {
                DeValue::String(text) => Some(Text {
                    text,
                    at: item.span().start,
                }),
                _ => {
                    self.wrong_type(key, item, "a list of texts");
                    None
                }
            })
            .collect()
    }

    /// A table within this one.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.value(key)?;
        let place = match self.root {
            true => format!("`{key}`"),
            false => format!("`{key}` of {}", self.place),
        };
        match value.get_ref() {
            DeValue::Table(entries) => Some(self.child(entries, self.key_at(key), place)),
            _ => {
                self.wrong_type(key, value, "a table");
                None
            }
        }
    }

    /// Tables under names of the operator's choice. `noun` is what one of them is.
    pub(crate) fn named_tables(&self, key: &'static str, noun: &str) -> Vec<(Text<'a>, Table<'a>)> {
        let Some(table) = self.table(key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (name, value) in table.entries.iter() {
            let name = Text {
                text: name.get_ref(),
                at: name.span().start,
            };
            match value.get_ref() {
                DeValue::Table(entries) => {
                    let place = format!("{noun} `{}`", name.text);
                    tables.push((name.clone(), table.child(entries, name.at, place)));
                }
                _ => {
                    let message = format!(
                        "{noun} `{}` must be a table, not {}",
                        name.text,
                        type_name(value.get_ref())
                    );
                    let hint = format!("write `[{key}.NAME]` and its keys below it");
                    self.report(Code::WrongType, value.span().start, message, Some(hint));
                }
            }
        }
        tables
    }

    /// Keys of the operator's choice with their values.
    pub(crate) fn free_entries(&self, key: &'static str) -> Option<(Table<'a>, Entries<'a>)> {
        let table = self.table(key)?;
        let entries = table
            .entries
            .iter()
            .map(|(name, value)| {
                (
                    Text {
                        text: name.get_ref().as_ref(),
                        at: name.span().start,
                    },
                    value,
                )
            })
            .collect();
        Some((table, entries))
    }

    /// The place of a value's start.
    pub(crate) fn start(value: &Spanned<DeValue<'_>>) -> usize {
        let Range { start, .. } = value.span();
        start
    }

    /// Reports every key that nobody asked for, and the required ones that are not there. One
    /// that is there misspelt is reported once.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        let mut missing = self.missing.borrow().clone();
        for (key, _) in self.entries.iter() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let meant = nearest(name, known.iter().copied());
            missing.retain(|(key, _)| Some(*key) != meant);
            let message = format!("unknown key `{name}` in {}", self.place);
            let hint = meant.map(|meant| format!("did you mean `{meant}`?"));
            self.report(Code::UnknownKey, key.span().start, message, hint);
        }
        for (key, hint) in missing {
            let message = format!("{} lacks `{key}`", self.place);
            self.report(Code::MissingKey, self.at, message, Some(hint.to_owned()));
        }
    }
}

/// What a value is, with its article.
fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
