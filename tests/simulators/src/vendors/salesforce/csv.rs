//! Tables as text: RFC 4180 with the vendor's delimiters.

use crate::Answer;

/// The sign that a job's setting names.
pub fn delimiter(name: &str) -> Option<char> {
    Some(match name {
        "COMMA" => ',',
        "SEMICOLON" => ';',
        "TAB" => '\t',
        "PIPE" => '|',
        "CARET" => '^',
        "BACKQUOTE" => '`',
        _ => return None,
    })
}

/// Rows of a table; absent where a quote is never closed.
pub fn read(text: &str, delimiter: char) -> Option<Vec<Vec<String>>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut chars, mut is_quoted) = (text.chars().peekable(), false);
    while let Some(it) = chars.next() {
        match it {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                cell.push('"');
                chars.next();
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            it if it == delimiter && !is_quoted => row.push(std::mem::take(&mut cell)),
            it => cell.push(it),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    (!is_quoted).then_some(rows)
}

/// One row, all quoted.
pub fn line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|it| format!("\"{}\"", it.replace('"', "\"\"")))
        .collect();
    format!("{}\n", quoted.join(","))
}

pub fn answer(text: String) -> Answer {
    Answer::bytes(200, "text/csv", text)
}
