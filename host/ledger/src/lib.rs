//! Append-only durable log of everything that happened.
