//! The inward edge: pages of a source become ledger entries. Start reading at [`read_stream`].
//!
//! # Invariants
//! - A cursor and the records it covers are one ledger entry
//!   (`cursor_and_records_are_one_entry`).
//! - What the host's checks refuse is kept in the same entry, and its neighbours pass
//!   (`a_bad_record_is_kept_beside_its_neighbours`).
//! - A reader that stands still is stopped instead of read for ever
//!   (`a_source_that_does_not_move_on_is_stopped`).
//!
//! # Not here
//! Business rules, identity, plugins: a source is a trait.

mod check;
mod error;
mod read;

#[cfg(test)]
mod tests;

pub use check::check;
pub use error::{Error, SourceFault};
pub use read::{Budget, Page, ReadSummary, Source, StreamContext, append_page, read_stream};
