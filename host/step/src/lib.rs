//! One ledger entry applied to the state: `step(state, entry) -> effects`, the only place where
//! identity, profiles, segments and syncs meet. Start reading at [`Stepper::step`].
//!
//! ```text
//! timers due ≤ entry.at ─> each at its own instant ─┐
//! entry ─> records.rs ─> identity ─> profile fold ──┼─> evaluate.rs ─> syncs.rs ─> outbox
//!          outbox.rs (receipts, commands) ──────────┘
//!          configuration.rs (applied configurations, sweeps)
//! ```
//!
//! # Invariants
//! - The same ledger gives the same state and the same outbox, byte for byte
//!   (`replay_equals_original`).
//! - Order of arrival and repetition of records do not change profiles
//!   (`arrival_order_and_repetition_change_nothing`).
//! - Membership is exact at every instant, not only when something arrives
//!   (`membership_ends_at_the_instant_the_window_ends`).
//! - What a sync watches is handed over when time changes it, at the very instant
//!   (`handing_over_equals_the_definition_of_the_window`).
//! - A profile that merges is not entered again where one of its parts already was
//!   (`a_merge_sends_nothing_twice`).
//! - What happens once comes behind what a vendor holds, and goes before it
//!   (`what_happens_once_finds_the_contact_there`, `a_new_configuration_keeps_the_order`).
//! - Transitions lead from the members before to the members now, through merges too
//!   (`transitions_lead_to_the_members`).
//! - What a profile would be at a later instant is what it is once that instant has come
//!   (`a_look_ahead_equals_the_step`).
//!
//! # Not here
//! Clocks, I/O, engines, plugins. `now` is the entry's instant; the state is a trait.

mod ahead;
mod compiled;
mod configuration;
mod error;
mod evaluate;
mod identity;
mod outbox;
mod records;
mod stepper;
mod syncs;
mod timers;

#[cfg(test)]
mod tests;

pub use compiled::Compiled;
pub use configuration::SWEEP_COUNT;
pub use error::Error;
pub use outbox::PAUSED_BY_HAND;
pub use stepper::{Begun, ChangeCause, Effects, SegmentChange, Stepper};
pub use syncs::decisions;
