//! The outward edge: takes deliveries from a connector's outbox, hands them to its destination,
//! and writes what became of them to the ledger. Start reading at [`Worker`].
//!
//! ```text
//! outbox ─> window (order per profile, due, batches) ─> destination ─> outcomes
//!    ^                                                                   │ verdict: receipt, retry, pause
//!    └──────────── step applies the receipts <── ledger <────────────────┘
//! ```
//!
//! # Invariants
//! - Of one profile at most one delivery is on its way, and they leave in the order in which they
//!   were caused (`order_per_profile_holds_under_faults`).
//! - Every delivery ends as done, dead or unknown, or is still in the outbox; none is lost and none
//!   is done twice (`every_delivery_ends_exactly_once`).
//! - An at-most-once delivery is written down as attempted before it is sent, and one whose fate
//!   is unknown is never resent unless the vendor says that it did not happen
//!   (`an_unanswered_mail_is_not_sent_again`).
//! - Refused credentials hold what is in the outbox instead of failing it
//!   (`refused_credentials_pause_the_connector`).
//! - Whenever a delivery is handed over, it carries what the person has decided by then
//!   (`a_delivery_that_waited_carries_the_newest_decisions`).
//! - However much waits for a destination, only a window of it is in memory
//!   (`a_destination_that_hangs_holds_no_more_than_a_window_in_memory`).
//!
//! # Not here
//! Plugins (a destination is a trait), the state (an outbox is a trait), business rules.

mod backoff;
mod destination;
mod error;
mod verdict;
mod window;
mod worker;

#[cfg(test)]
mod tests;

pub use backoff::Retry;
pub use destination::{ActionSpec, Destination, DestinationFault, Found, Idempotency};
pub use error::Error;
pub use worker::{Drained, Outbox, Pace, Wake, Worker, WorkerOptions};
