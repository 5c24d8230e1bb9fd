//! What the network asks of a running host: tracking calls, webhooks, profile lookups.
//!
//! Everything here is async and waits on tasks, never on threads.

mod keys;

pub use keys::Keys;
