//! The inward edge: pages of a source become ledger entries, and tracking calls
//! become records. Start reading at [`read_stream`], then [`tracking`].
//!
//! # Invariants
//! - A cursor and the records it covers are one ledger entry
//!   (`cursor_and_records_are_one_entry`).
//! - What the host's checks refuse is kept in the same entry, and its neighbours pass
//!   (`a_bad_record_is_kept_beside_its_neighbours`).
//! - A reader that stands still is stopped instead of read for ever
//!   (`a_source_that_does_not_move_on_is_stopped`).
//! - A vendor that asks for patience gets it, within bounds
//!   (`a_vendor_that_asks_for_patience_is_asked_again`, `patience_ends`).
//! - No bytes that a tracking client can send make a panic, and every call is a record or a reject
//!   (`no_bytes_panic`, `no_json_panics_and_nothing_is_lost`).
//! - A batch says the same in parts (`a_batch_says_the_same_in_parts`).
//! - A tracking request sent again says the same (`a_request_sent_again_says_the_same`).
//! - Unpacking stops at the limit, whatever a body promises to become
//!   (`a_decompression_bomb_is_refused_before_it_goes_off`).
//!
//! # Not here
//! Business rules, identity, plugins: a source is a trait.

mod check;
mod error;
mod read;
pub mod tracking;

#[cfg(test)]
mod tests;

pub use check::check;
pub use error::{Error, SourceFault};
pub use read::{
    Budget, Page, ReadSummary, Source, StreamContext, append_page, checked_page, read_stream,
};
