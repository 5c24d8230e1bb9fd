//! A file read in ranges, as `std` and what builds on it want it.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use crosspoint_sdk::files::{Entry, FileError, Files};

use super::Trouble;

/// One range. The directory of a workbook stands at its end and its parts one after another, so
/// that few ranges do.
const RANGE_BYTES: u64 = 256 << 10;

/// A file of the host's. Keeps one range.
pub struct Ranges<'a> {
    files: &'a dyn Files,
    path: &'a str,
    size: u64,
    at: u64,
    range: Vec<u8>,
    range_at: u64,
    fault: Fault,
}

/// The host's error behind an [`io::Error`]; what stands between knows only the latter.
#[derive(Clone, Default)]
pub struct Fault(Rc<RefCell<Option<FileError>>>);

impl Fault {
    /// The host's error where there was one, else what `other` makes of it.
    pub fn or(&self, other: impl FnOnce() -> Trouble) -> Trouble {
        match self.0.borrow_mut().take() {
            Some(error) => Trouble::File(error),
            None => other(),
        }
    }
}

impl<'a> Ranges<'a> {
    /// The file as listed, from its beginning.
    pub fn new(files: &'a dyn Files, entry: &'a Entry) -> Self {
        Self {
            files,
            path: &entry.path,
            size: entry.size,
            at: 0,
            range: Vec::new(),
            range_at: 0,
            fault: Fault::default(),
        }
    }

    /// Where the host's errors are left.
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    fn load(&mut self) -> io::Result<()> {
        let length = RANGE_BYTES.min(self.size - self.at) as u32;
        match self.files.read(self.path, self.at, length) {
            Ok(range) if range.is_empty() => {
                let fault = format!("`{}` is shorter than listed", self.path);
                self.fault.0.replace(Some(FileError::Changed(fault)));
                Err(io::ErrorKind::Other.into())
            }
            Ok(range) => {
                (self.range, self.range_at) = (range, self.at);
                Ok(())
            }
            Err(error) => {
                self.fault.0.replace(Some(error));
                Err(io::ErrorKind::Other.into())
            }
        }
    }
}

impl Read for Ranges<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let is_inside =
            self.at >= self.range_at && self.at < self.range_at + self.range.len() as u64;
        if !is_inside {
            self.load()?;
        }
        let range = &self.range[(self.at - self.range_at) as usize..];
        let count = range.len().min(buffer.len());
        buffer[..count].copy_from_slice(&range[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Ranges<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
