//! Reads a text in ranges and hands out its rows.

use crosspoint_sdk::files::MAX_READ_BYTES;

use crate::dialect::Dialect;
use crate::encoding::Encoding;
use crate::packed::{Content, Trouble};
use crate::split::{Split, split};

/// The first range, where nothing is known about the length of rows.
const FIRST_READ_BYTES: u64 = 64 << 10;

/// Ranges grow up to this size: larger ones are not faster and cost memory.
const USUAL_READ_BYTES: u64 = 1 << 20;

/// What a reader of overlong input keeps of it.
const KEPT_BYTES: usize = 4 << 10;

/// A row that was found but not yet taken. Offsets are into the reader's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub form: Form,
    end: usize,
    next: usize,
    lines: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row.
    Row,
    /// A row that nothing ends: the file may still grow.
    OpenRow,
    /// The first line of a quote that is never closed.
    Unclosed,
    /// A line beyond the limit; its beginning is kept.
    TooLong,
}

/// Hands out rows of one text, from any row on.
pub struct Rows<'a> {
    content: &'a mut dyn Content,
    /// Nothing comes behind what is loaded.
    is_end: bool,
    encoding: Encoding,
    quoting: Option<u8>,
    text: Vec<u8>,
    at: usize,
    /// Bytes that are half a character.
    half: Vec<u8>,
    loaded: u64,
    want: u64,
    offset: u64,
    line: u64,
}

impl<'a> Rows<'a> {
    /// Starts at a byte that begins a row, on that line. `want` is how much the caller expects to
    /// use, in bytes; 0 where it does not know.
    pub fn new(
        content: &'a mut dyn Content,
        dialect: &Dialect,
        offset: u64,
        line: u64,
        want: u64,
    ) -> Self {
        Self {
            is_end: content.size().is_some_and(|size| offset >= size),
            content,
            encoding: dialect.encoding,
            quoting: dialect.layout.quoting(),
            text: Vec::new(),
            at: 0,
            half: Vec::new(),
            loaded: offset,
            want: want.clamp(FIRST_READ_BYTES, u64::from(MAX_READ_BYTES)),
            offset,
            line,
        }
    }

    /// Where the next row starts, in bytes of the text.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The line on which the next row starts, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Looks at the next row without taking it; none at the end.
    ///
    /// # Errors
    /// As the file's reads.
    pub fn peek(&mut self) -> Result<Option<Found>, Trouble> {
        loop {
            let is_end = self.is_end;
            let rest = &self.text[self.at..];
            if rest.is_empty() && is_end {
                return Ok(None);
            }
            let found = match split(rest, self.quoting, is_end) {
                Split::Row { end, next, lines } => {
                    // A CR at the very end may be half of a CRLF.
                    let is_open = next == rest.len() && is_end && rest.last() != Some(&b'\n');
                    let form = if is_open { Form::OpenRow } else { Form::Row };
                    Found {
                        form,
                        end,
                        next,
                        lines,
                    }
                }
                Split::Unclosed { end, next } => Found {
                    form: Form::Unclosed,
                    end,
                    next,
                    lines: 1,
                },
                Split::TooLong => {
                    let end = rest.len().min(KEPT_BYTES);
                    Found {
                        form: Form::TooLong,
                        end,
                        next: end,
                        lines: 1,
                    }
                }
                Split::More => {
                    self.load()?;
                    continue;
                }
            };
            return Ok(Some(found));
        }
    }

    /// The bytes of a found row, without its line end.
    pub fn bytes(&self, found: Found) -> &[u8] {
        &self.text[self.at..self.at + found.end]
    }

    /// Goes behind a found row.
    ///
    /// # Errors
    /// As the file's reads: the end of an overlong line must be looked for.
    pub fn take(&mut self, found: Found) -> Result<(), Trouble> {
        if found.form == Form::TooLong {
            return self.skip_line();
        }
        self.step(found.next);
        self.line += found.lines;
        Ok(())
    }

    fn step(&mut self, count: usize) {
        self.offset += self.encoding.raw_len(&self.text[self.at..self.at + count]);
        self.at += count;
    }

    fn skip_line(&mut self) -> Result<(), Trouble> {
        loop {
            let is_end = self.is_end;
            let rest = &self.text[self.at..];
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            match end {
                Some(end) if rest[end] == b'\n' || rest.len() > end + 1 || is_end => {
                    let is_pair = rest[end] == b'\r' && rest.get(end + 1) == Some(&b'\n');
                    self.step(end + if is_pair { 2 } else { 1 });
                    self.line += 1;
                    return Ok(());
                }
                Some(end) => self.step(end),
                None => self.step(rest.len()),
            }
            if is_end {
                return Ok(());
            }
            self.load()?;
        }
    }

    fn load(&mut self) -> Result<(), Trouble> {
        self.text.drain(..self.at);
        self.at = 0;
        let length = self.want.min(u64::from(MAX_READ_BYTES)) as u32;
        let read = self.content.read(self.loaded, length)?;
        self.loaded += read.len() as u64;
        let is_known_end = self.content.size().is_some_and(|size| self.loaded >= size);
        self.is_end = is_known_end || read.is_empty();
        if self.half.is_empty() {
            let used = self.encoding.widen(&read, self.is_end, &mut self.text);
            self.half.extend_from_slice(&read[used..]);
        } else {
            self.half.extend_from_slice(&read);
            let used = self.encoding.widen(&self.half, self.is_end, &mut self.text);
            self.half.drain(..used);
        }
        self.want = (self.want * 2).clamp(FIRST_READ_BYTES, USUAL_READ_BYTES.max(self.want));
        Ok(())
    }
}
