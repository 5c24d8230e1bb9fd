//! A page of text, put together from headings, fields and tables.

use super::style::{Style, plain};
use super::table::Table;

/// Width of the names of fields.
const NAME_WIDTH: usize = 14;

/// Text being written.
pub struct Sheet {
    style: Style,
    text: String,
}

impl Sheet {
    /// An empty page.
    pub fn new(style: Style) -> Self {
        Self {
            style,
            text: String::new(),
        }
    }

    /// The colours of this page.
    pub fn style(&self) -> Style {
        self.style
    }

    /// A line of our own words, which may hold colours.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A heading, after an empty line unless it is the first.
    pub fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.gap();
        }
        self.line(&self.style.bold(&plain(text)));
    }

    /// A name and its value. Control characters are made visible.
    pub fn field(&mut self, name: &str, value: impl AsRef<str>) {
        let name = format!("{:<NAME_WIDTH$}", plain(name));
        self.line(&format!(
            "{}  {}",
            self.style.dim(&name),
            plain(value.as_ref())
        ));
    }

    /// A name and its value, if there is one.
    pub fn field_if(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.text.push_str(&table.render(self.style));
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.text
    }
}
