//! Tracking calls in the form of Segment, Rudder and Jitsu: from the bytes of a request to records.
//!
//! ```text
//! body ─unpack─> JSON ─parse─> Batch of Calls ─convert─> records by stream, rejects
//! ```
//!
//! Pure: no I/O and no clock; when a request came is an argument. Start reading at [`parse`], then
//! [`convert`].

mod call;
mod clock;
mod commerce;
mod consent;
mod context;
mod convert;
mod envelope;
mod person;
mod refusal;
mod traits;
mod unpack;
mod value;

#[cfg(test)]
mod tests;

pub use call::{Call, CallKind};
pub use clock::{TOLERANCE_MS, corrected};
pub use convert::{Converted, Source, convert, convert_again, convert_batch, convert_part};
pub use envelope::{Batch, Endpoint, parse};
pub use refusal::Refusal;
pub use unpack::{data_parameter, form_value, unpack};

use smol_str::SmolStr;

/// Stream of calls that could not become records.
pub const TRACKING_STREAM: &str = "tracking";

/// Most that one request may hold. The numbers are those that Segment documents for its HTTP API
/// (<https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>): a client
/// that keeps to them is never refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, once unpacked.
    pub body_bytes: usize,
    /// Bytes of one call.
    pub call_bytes: usize,
    /// Calls of one batch.
    pub calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 500 << 10,
            call_bytes: 32 << 10,
            calls: 2_500,
        }
    }
}

/// The streams of a tracking source. Their order is that of their names, in which a request's
/// entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Stream {
    Carts,
    Consents,
    Contacts,
    Events,
    Orders,
}

impl Stream {
    /// Its name in the ledger and in `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Carts => "carts",
            Self::Consents => "consents",
            Self::Contacts => "contacts",
            Self::Events => "events",
            Self::Orders => "orders",
        }
    }
}

/// Why a call could not become records: the field at fault, and what is wrong with it, without any
/// of its data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct Fault {
    /// As the client spells it.
    pub field: SmolStr,
    /// For a person.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
