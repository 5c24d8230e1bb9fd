//! Text as it may travel in headers and bodies: ASCII, in short lines (RFC 2045, RFC 2047, RFC 5322).

use std::fmt::Write as _;

/// RFC 2045 §6.7 and RFC 5322 §2.1.1: lines of a body, and of a header where it can be helped.
const LINE: usize = 76;

/// RFC 2047 §2: an encoded word with all that belongs to it.
const WORD: usize = 75;

/// A header with its line's end. What does not fit one line is folded, what is not plain is encoded.
pub(crate) fn header(name: &str, text: &str) -> String {
    let mut line = Folded::new(name);
    line.text(text);
    line.end()
}

/// A header whose value is made of tokens that stay as they are, folded between them.
pub(crate) fn tokens(name: &str, tokens: &[&str]) -> String {
    let mut line = Folded::new(name);
    tokens.iter().for_each(|token| line.word(token));
    line.end()
}

/// `Name <address>` as a header.
pub(crate) fn mailbox(name: &str, person: &str, address: &str) -> String {
    let mut line = Folded::new(name);
    if person.trim().is_empty() {
        line.word(address);
    } else {
        line.phrase(person);
        line.word(&format!("<{address}>"));
    }
    line.end()
}

/// A header line that grows word by word and breaks before a word that would not fit.
struct Folded {
    done: String,
    /// Characters of the line that is being written.
    column: usize,
}

impl Folded {
    fn new(name: &str) -> Self {
        Self {
            done: format!("{name}:"),
            column: name.len() + 1,
        }
    }

    fn word(&mut self, word: &str) {
        let length = word.chars().count();
        if self.column + 1 + length > LINE && self.column > 1 {
            self.done.push_str("\r\n");
            self.column = 0;
        }
        self.done.push(' ');
        self.done.push_str(word);
        self.column += 1 + length;
    }

    /// Unstructured text: plain words, or encoded words from end to end.
    fn text(&mut self, text: &str) {
        let text = one_line(text);
        let is_plain = text.is_ascii()
            && !text.contains("=?")
            && text.split(' ').all(|word| word.len() < LINE / 2);
        if is_plain {
            text.split(' ').for_each(|word| self.word(word));
        } else {
            self.encoded(&text);
        }
    }

    /// A name before an address: atoms as they are, else encoded, never quoted.
    fn phrase(&mut self, text: &str) {
        let text = one_line(text);
        let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
        let fits = text.split(' ').all(|word| word.len() < LINE / 2);
        if text.chars().all(is_atom) && !text.contains("=?") && fits {
            text.split(' ').for_each(|word| self.word(word));
        } else {
            self.encoded(&text);
        }
    }

    /// RFC 2047 §4.2, `Q`, with only letters and digits as they are, which is right in a phrase too.
    /// A character is never split over two words.
    fn encoded(&mut self, text: &str) {
        const AROUND: usize = "=?utf-8?q??=".len();
        let mut word = String::new();
        for c in text.chars() {
            let piece = match c {
                ' ' => "_".to_owned(),
                c if c.is_ascii_alphanumeric() => c.to_string(),
                c => hex_of(c.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            // The first word goes beside the header's name where that leaves some room.
            let beside = LINE.saturating_sub(self.column + 1 + AROUND);
            let room = if beside > 12 { beside } else { WORD - AROUND };
            let room = room.min(WORD - AROUND);
            if word.len() + piece.len() > room {
                self.word(&format!("=?utf-8?q?{word}?="));
                word.clear();
            }
            word.push_str(&piece);
        }
        self.word(&format!("=?utf-8?q?{word}?="));
    }

    fn end(mut self) -> String {
        self.done.push_str("\r\n");
        self.done
    }
}

/// Control characters, ends of lines among them, become spaces; several spaces become one.
pub(crate) fn one_line(text: &str) -> String {
    let spaced = text.replace(
        |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}',
        " ",
    );
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "={byte:02X}").expect("writing to a string cannot fail");
        out
    })
}

/// RFC 2045 §6.7: text in lines of at most 76 characters that end with CRLF. A dot at the beginning
/// of a line is encoded, so that nothing between here and the person can take it for an end.
pub(crate) fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let mut column = 0;
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            let is_last = characters.peek().is_none();
            let piece = match c {
                ' ' | '\t' if is_last => hex_of(&[c as u8]),
                '.' if column == 0 => hex_of(b"."),
                ' ' | '\t' | '!'..='<' | '>'..='~' => c.to_string(),
                c => hex_of(c.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            // Room for the soft break's `=` unless the line ends here.
            let room = if is_last { LINE } else { LINE - 1 };
            if column + piece.len() > room {
                out.push_str("=\r\n");
                column = 0;
                if piece == "." {
                    out.push_str("=2E");
                    column = 3;
                    continue;
                }
            }
            column += piece.len();
            out.push_str(&piece);
        }
        if lines.peek().is_some() {
            out.push_str("\r\n");
        }
    }
    out
}
