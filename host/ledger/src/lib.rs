//! Append-only durable log of everything that happened, and the truth from which all other state
//! can be rebuilt. Start reading at [`Ledger`], then [`mod@format`] for the files.
//!
//! ```text
//! encode ─> group buffer ─swap─> writer thread: write once, fdatasync once ─> durable position
//!                                                                          └> readers, waiters
//! ```
//!
//! # Invariants
//! - What waits for the disk is bounded; beyond it a thread waits (`full_buffer_makes_appenders_wait`),
//!   a task waits without its thread (`full_buffer_holds_up_the_task_and_not_its_thread`), or the
//!   caller is told (`full_buffer_refuses_who_will_not_wait`).
//! - What was reported durable is read back after any power cut, and what is read back is a
//!   contiguous prefix of what was appended (`power_cuts_lose_nothing_durable`,
//!   `power_cuts_under_load_lose_nothing_durable`).
//! - A torn tail is cut only where nothing durable can have stood; any other damage is refused and
//!   named (`one_flipped_byte_is_refused_or_only_ends_the_last_group`).
//! - After a failed write or fsync nothing more is promised, and a process that opens the files
//!   next does not trust the page cache (`failed_fsync_stops_the_ledger`,
//!   `entries_behind_a_failed_fsync_are_written_again`).
//! - Sequence numbers begin at 1 and have no holes; instants never go back
//!   (`instants_never_go_back`, `readers_follow_appends_across_rolls`).
//! - An entry is encoded before anything is locked and copied once, into the buffer that is written
//!   (`entry_is_copied_into_the_group_once`).
//!
//! # Not here
//! Profiles, what an entry means, snapshots of the store, and the decision what may be forgotten:
//! [`Ledger::retain`] is told.

mod commit;
pub mod disk;
mod encoded;
mod error;
pub mod format;
mod frames;
mod ledger;
mod reader;
mod recover;
mod retain;
mod shared;
mod stats;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use encoded::Encoded;
pub use error::{Damage, Error, Result};
pub use ledger::{Appended, Ledger, Options};
pub use reader::Reader;
pub use stats::Stats;

#[cfg(test)]
mod tests;
