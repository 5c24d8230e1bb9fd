//! Text in gzip (RFC 1952), of one member or several.

use std::io::{ErrorKind, Read as _};

use crosspoint_sdk::files::{Entry, Files};
use flate2::read::MultiGzDecoder;

use super::ranges::{Fault, Ranges};
use super::{Produce, Trouble};

/// Inflated at once.
const STEP_BYTES: usize = 128 << 10;

/// Inflates a file.
pub struct Inflate<'a> {
    decoder: MultiGzDecoder<Ranges<'a>>,
    fault: Fault,
    made: u64,
    limit: u64,
}

impl<'a> Inflate<'a> {
    /// Of at most `limit` bytes of text.
    pub fn new(files: &'a dyn Files, entry: &'a Entry, limit: u64) -> Self {
        let ranges = Ranges::new(files, entry);
        Self {
            fault: ranges.fault(),
            decoder: MultiGzDecoder::new(ranges),
            made: 0,
            limit,
        }
    }
}

impl Produce for Inflate<'_> {
    fn produce(&mut self, text: &mut Vec<u8>) -> Result<bool, Trouble> {
        let from = text.len();
        text.resize(from + STEP_BYTES, 0);
        let read = self.decoder.read(&mut text[from..]);
        text.truncate(from + read.as_ref().map_or(0, |count| *count));
        let count = read.map_err(|error| {
            self.fault.or(|| match error.kind() {
                ErrorKind::UnexpectedEof => Trouble::CutOff,
                _ => Trouble::Broken("its gzip data is damaged".to_owned()),
            })
        })?;
        self.made += count as u64;
        if self.made > self.limit {
            return Err(super::too_large("its text", self.made, self.limit));
        }
        Ok(count > 0)
    }
}
