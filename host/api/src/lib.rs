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
//! - Shutdown waits for answers under way, and only for them
//!   (`tests::shutdown_waits_for_answers_but_not_for_idle_clients`).
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
pub use http::HttpServer;
pub use server::{Answers, Listener};
pub use wire::{Line, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES};
