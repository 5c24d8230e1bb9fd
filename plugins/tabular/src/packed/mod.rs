//! Files whose text has to be unpacked first: gzip and Excel workbooks. What a file is, its first
//! bytes say, not its name. Whatever it is, reading goes on in text: a workbook's sheet becomes one
//! line of JSON a row, blank lines included, so that lines are the sheet's own rows.

mod decimal;
mod gzip;
mod ranges;
mod sheet;
#[cfg(test)]
mod tests;

use crosspoint_sdk::files::{Entry, FileError, Files};

use crate::dialect::HEAD_BYTES;
use crate::plan::Plan;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Text as it stands.
    Plain,
    /// Text in gzip.
    Gzip,
    /// A workbook of Excel.
    Workbook,
}

/// Why text cannot be had.
#[derive(Debug)]
pub enum Trouble {
    /// The file cannot be read.
    File(FileError),
    /// It ends before it is complete: an upload that is not finished, or was broken off.
    CutOff,
    /// It never can be. For a person.
    Broken(String),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// A file's text.
pub trait Content {
    /// The text's length in bytes, where it is known before its end was seen.
    fn size(&self) -> Option<u64>;

    /// At most `length` bytes from `offset`; empty at the end only.
    ///
    /// # Errors
    /// See [`Trouble`].
    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, Trouble>;
}

/// What the first bytes say.
///
/// # Errors
/// [`Trouble::Broken`] for formats that nothing here reads.
pub fn detect(files: &dyn Files, entry: &Entry) -> Result<Packing, Trouble> {
    let mut plain = Plain {
        files,
        path: &entry.path,
        size: entry.size,
    };
    let head = read_range(&mut plain, 0, 8)?;
    let broken = |reason: &str| Err(Trouble::Broken(reason.to_owned()));
    match head.as_slice() {
        [0x1f, 0x8b, ..] => Ok(Packing::Gzip),
        [b'P', b'K', 3, 4, ..] => Ok(Packing::Workbook),
        // OLE: an encrypted workbook is one, and so is every workbook before 2007.
        [0xd0, 0xcf, 0x11, 0xe0, ..] => broken(
            "a workbook that is protected by a password, or an old one (.xls); save it as .xlsx \
             without a password",
        ),
        [b'%', b'P', b'D', b'F', ..] => broken("a PDF; only tables can be read"),
        _ => Ok(Packing::Plain),
    }
}

/// Calls `body` with the text of a file.
///
/// # Errors
/// What `body` came to, or [`Trouble`] before.
pub fn with_text<T>(
    files: &dyn Files,
    entry: &Entry,
    packing: Packing,
    plan: &Plan,
    body: impl FnOnce(&mut dyn Content) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    match packing {
        Packing::Plain => body(&mut Plain {
            files,
            path: &entry.path,
            size: entry.size,
        }),
        Packing::Gzip => body(&mut Forward::new(gzip::Inflate::new(
            files,
            entry,
            plan.max_unpacked_bytes,
        ))),
        Packing::Workbook => {
            sheet::with_rows(files, entry, plan, |rows| body(&mut Forward::new(rows)))
        }
    }
}

/// A range of a text whole, in as many reads as it takes; shorter only at its end.
///
/// # Errors
/// As the reads.
pub fn read_range(content: &mut dyn Content, from: u64, to: u64) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while from + (bytes.len() as u64) < to {
        let at = from + bytes.len() as u64;
        let length = u32::try_from(to - at).unwrap_or(u32::MAX);
        let read = content.read(at, length)?;
        if read.is_empty() {
            break;
        }
        bytes.extend_from_slice(&read);
    }
    Ok(bytes)
}

/// Text that needs no unpacking.
struct Plain<'a> {
    files: &'a dyn Files,
    path: &'a str,
    /// As listed; what is appended meanwhile belongs to the next read.
    size: u64,
}

impl Content for Plain<'_> {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, Trouble> {
        let left = self.size.saturating_sub(offset);
        let length = u64::from(length.min(crosspoint_sdk::files::MAX_READ_BYTES)).min(left);
        if length == 0 {
            return Ok(Vec::new());
        }
        let read = self.files.read(self.path, offset, length as u32)?;
        if read.is_empty() {
            let fault = format!("`{}` is shorter than listed", self.path);
            return Err(FileError::Changed(fault).into());
        }
        Ok(read)
    }
}

/// Makes a text from its beginning on.
trait Produce {
    /// Appends some of it; false where nothing is left.
    fn produce(&mut self, text: &mut Vec<u8>) -> Result<bool, Trouble>;
}

/// A text that can only be made from its beginning on. Its head is kept: that is looked at before
/// reading starts, wherever it starts.
struct Forward<P> {
    producer: P,
    head: Vec<u8>,
    /// What was made and not yet read.
    text: Vec<u8>,
    /// Where `text` starts.
    at: u64,
    is_end: bool,
}

impl<P: Produce> Forward<P> {
    fn new(producer: P) -> Self {
        Self {
            producer,
            head: Vec::new(),
            text: Vec::new(),
            at: 0,
            is_end: false,
        }
    }

    fn advance(&mut self) -> Result<(), Trouble> {
        let from = self.text.len();
        self.is_end = !self.producer.produce(&mut self.text)?;
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        let made = &self.text[from..];
        self.head
            .extend_from_slice(&made[..missing.min(made.len())]);
        Ok(())
    }
}

impl<P: Produce> Content for Forward<P> {
    fn size(&self) -> Option<u64> {
        self.is_end.then_some(self.at + self.text.len() as u64)
    }

    fn read(&mut self, offset: u64, length: u32) -> Result<Vec<u8>, Trouble> {
        if offset < self.at {
            let kept = usize::try_from(offset)
                .ok()
                .and_then(|from| self.head.get(from..));
            let kept = kept
                .filter(|kept| !kept.is_empty())
                .ok_or_else(|| Trouble::Broken("its text was asked for backwards".to_owned()))?;
            return Ok(kept[..kept.len().min(length as usize)].to_vec());
        }
        while offset >= self.at + self.text.len() as u64 && !self.is_end {
            if self.text.len() >= HEAD_BYTES || offset > self.at {
                self.at += self.text.len() as u64;
                self.text.clear();
            }
            self.advance()?;
        }
        let from = usize::try_from(offset - self.at)
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        let to = from.saturating_add(length as usize).min(self.text.len());
        Ok(self.text[from..to].to_vec())
    }
}

/// The refusal of what would take too much memory or time.
fn too_large(what: &str, bytes: u64, limit: u64) -> Trouble {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Trouble::Broken(format!(
        "{what} takes {} MiB unpacked or more, and `max_unpacked_mib` is {}",
        mib(bytes),
        mib(limit)
    ))
}
