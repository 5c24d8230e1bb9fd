//! Endpoints of a running host: the admin socket, a Unix socket in the data folder through which
//! the command line speaks to the host that holds the folder, and HTTP for everybody else.
//!
//! Start reading at [`Line`], the wire format of the socket; then [`Listener`], the host's end, and
//! [`Client`], the command line's. For HTTP start at [`HttpServer`].
//!
//! # Invariants
//! - Only the owner of the data folder can connect: the socket has mode 0600 from the first
//!   instant at which it can be reached (`tests::socket_is_private`).
//! - Every request gets exactly one answer, in order, after any number of progress lines
//!   (`tests::answers_come_in_order_after_progress`).
//! - No input makes the host hold more than [`MAX_REQUEST_BYTES`] for a connection, or stop
//!   serving the others (`tests::nonsense_harms_nobody_else`).
//! - A socket file left behind by a killed host is no obstacle (`tests::stale_socket_is_replaced`).
//! - No caller makes the host hold more than a bound, or wait for longer than a bound
//!   (`all_bodies_together_are_bounded`, `a_slow_body_is_cut_off`,
//!   `a_second_request_whose_headers_never_end_is_cut_off`, `a_caller_who_does_not_read_is_cut_off`,
//!   `more_connections_than_allowed_wait`).
//! - A refusal reaches a caller who is still sending
//!   (`a_refusal_reaches_a_caller_who_is_still_sending`).
//! - A stop answers what was asked before it, and a reload refuses nobody
//!   (`a_stop_finishes_what_is_under_way_and_what_is_about_to_come`,
//!   `a_reload_refuses_nobody_and_changes_what_was_changed`).
//! - Shutdown waits for answers under way, and only for them
//!   (`tests::shutdown_waits_for_answers_but_not_for_idle_clients`).
//! - Without a token nothing is read but what is public, and who is known and who is not looks
//!   alike (`strangers_learn_nothing`).
//! - A consumer of changes that comes back goes on where it was
//!   (`a_consumer_goes_on_where_it_was_and_ends_with_the_host`).
//! - Only calls that the vendor has proven reach a plugin, and one that failed is taken when it comes
//!   again (`http::hooks::tests::a_forged_call_never_reaches_the_plugin`,
//!   `http::hooks::tests::a_call_that_failed_is_no_replay_when_it_comes_again`).
//! - Metrics say what was done (`a_scrape_says_what_was_done`), nothing of whoever called
//!   (`nothing_of_a_caller_becomes_a_label`), and that only to networks that are named
//!   (`only_the_networks_that_are_named_may_scrape`).
//! - Every answer has an id that the log shares (`every_answer_has_a_request_id`).
//!
//! # Not here
//! What a request means: that is `crosspoint-runtime`. Whether a host runs is decided by the lock
//! of the data folder, not by the socket file.

mod client;
mod error;
mod http;
mod place;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use error::{Error, Result};
pub use http::{Afterwards, HttpServer};
pub use server::{Answers, Listener};
pub use wire::{Line, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
