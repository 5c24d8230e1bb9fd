//! What an entry says, as bytes, made before the ledger is touched: several threads can encode at
//! a time, and nobody who appends waits for another's encoding.

use std::cell::RefCell;

use crosspoint_model::entry::What;

use crate::format::MAX_PAYLOAD_BYTES;
use crate::{Error, Result};

/// Where encoding begins: more than most entries take.
const FIRST_BYTES: usize = 4 << 10;
/// What a thread keeps for the next entry. One huge entry must not hold its memory for ever.
const KEPT_BYTES: usize = 4 << 20;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What an entry says, in postcard, with its checksum: made while the bytes are in the cache, and by
/// whoever encodes, not under the lock that all who append share.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    pub bytes: &'a [u8],
    pub crc: u32,
}

impl<'a> Content<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            crc: crc32c::crc32c(bytes),
        }
    }
}

/// An entry without number and instant, ready to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    bytes: Box<[u8]>,
    crc: u32,
}

impl Encoded {
    /// Encodes what happened.
    ///
    /// # Errors
    /// [`Error::Encode`] or [`Error::TooLarge`].
    pub fn new(what: &What) -> Result<Self> {
        with_encoded(what, |content| Self {
            bytes: content.bytes.into(),
            crc: content.crc,
        })
    }

    /// In postcard.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn content(&self) -> Content<'_> {
        let (bytes, crc) = (&*self.bytes, self.crc);
        Content { bytes, crc }
    }
}

/// Encodes into the thread's own memory and lends the result.
pub(crate) fn with_encoded<T>(what: &What, take: impl FnOnce(Content<'_>) -> T) -> Result<T> {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < FIRST_BYTES {
            scratch.resize(FIRST_BYTES, 0);
        }
        let taken = loop {
            match postcard::to_slice(what, scratch) {
                Ok(bytes) => break Ok(take(Content::of(bytes))),
                Err(postcard::Error::SerializeBufferFull) => {
                    let bytes = scratch.len() as u64;
                    if bytes > MAX_PAYLOAD_BYTES {
                        let limit = MAX_PAYLOAD_BYTES;
                        break Err(Error::TooLarge { bytes, limit });
                    }
                    // The old bytes are of no use: a new buffer spares copying them.
                    *scratch = vec![0; 2 * scratch.len()];
                }
                Err(source) => break Err(Error::Encode { source }),
            }
        };
        if scratch.len() > KEPT_BYTES {
            *scratch = Vec::new();
        }
        taken
    })
}
