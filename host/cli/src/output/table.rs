//! Aligned columns.

use super::style::{Style, plain};

/// Space between columns.
const GAP: &str = "  ";

/// Rows of text under headings. The last column is never padded.
pub struct Table {
    headings: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings; one that starts with `>` makes its column flush right.
    pub fn new(headings: &[&'static str]) -> Self {
        Self {
            headings: headings
                .iter()
                .map(|name| name.strip_prefix('>').unwrap_or(name))
                .collect(),
            right: headings.iter().map(|name| name.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Control characters in it are made visible.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.headings.len());
        self.rows
            .push(cells.iter().map(|cell| plain(cell).into_owned()).collect());
    }

    /// The table as text, each line ended.
    pub fn render(&self, style: Style) -> String {
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| row[column].chars().count())
                    .chain([self.headings[column].chars().count()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let headings: Vec<String> = self.headings.iter().map(|&name| name.to_owned()).collect();
        let mut text = style.dim(&self.line(&headings, &widths));
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut text = String::new();
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                text.push_str(GAP);
            }
            let padding = " ".repeat(widths[column] - cell.chars().count());
            if self.right[column] {
                text.push_str(&padding);
                text.push_str(cell);
            } else {
                text.push_str(cell);
                text.push_str(&padding);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}
