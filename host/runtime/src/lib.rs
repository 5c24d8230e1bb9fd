//! Composes the rooms into a host: one step thread that owns the state, pollers and deliver
//! workers around it, and the questions that a person can ask. Start reading at [`Host::open`],
//! then `core.rs`.
//!
//! ```text
//! pollers, imports ─> ingest ─> ledger ─> core thread (step, working set) ─> checkpoint ─> store
//!                                  ^              │ wakes
//!                                  └── receipts ──┴─ deliver workers ─> plugins
//! ```
//!
//! Only the core thread touches the state; everything else asks it.
//!
//! # Invariants
//! - One host at a time has a data folder (`a_second_host_is_refused_with_what_to_do`).
//! - A store that cannot be trusted is rebuilt from snapshot and ledger, visibly
//!   (`a_lost_store_is_rebuilt_from_the_ledger`).
//! - Replaying the ledger into an empty store gives the same bytes
//!   (`replay_equals_the_store`).
//! - Opening twice applies the configuration once (`opening_again_changes_nothing`).
//! - What waits for the state is bounded, and sources are not read far ahead of it
//!   (`questions_that_nobody_waits_for_any_more_are_bounded`,
//!   `a_source_is_not_read_far_ahead_of_the_state`).
//! - A disk that stalls makes the host refuse what does not fit, acknowledge nothing that is not
//!   durable, and go on answering questions
//!   (`a_disk_that_stalls_refuses_what_does_not_fit_and_loses_nothing_of_the_rest`).
//! - No request keeps the state from others for longer than some of its calls take
//!   (`a_long_request_is_several_entries`).
//! - What retention leaves of ledger and snapshots makes the whole state
//!   (`what_stays_makes_the_whole_state`).
//! - A lookup changes nothing, not even the numbers of names
//!   (`unknown_people_and_names_leave_no_trace`).
//! - Who listens to a segment misses nothing (`a_listener_goes_on_at_any_place_and_misses_nothing`)
//!   or learns that it did (`who_falls_behind_learns_that`).
//! - Poll, webhook and file are three triggers of one stream
//!   (`poll_webhook_and_file_are_one_stream`).
//! - The reference lists every metric (`the_reference_lists_every_metric`), and what is not traced
//!   leaves nothing behind (`untraced_work_leaves_nothing`).
//!
//! # Not here
//! Rules: those are in step and below. The command line and sockets: cli and api.

pub mod admin;
mod check;
mod clock;
mod connector;
mod core;
mod edges;
mod error;
mod failpoint;
mod handle;
mod host;
pub mod live;
mod open;
mod plugins;
mod poll;
mod replay;
mod retention;
mod threads;
mod work;

#[cfg(test)]
mod tests;

pub use check::{Finding, check};
pub use host::{Host, HostOptions};
pub use plugins::{PluginSummary, component, inspect, plugins};
pub use replay::{ReplayReport, replay};
