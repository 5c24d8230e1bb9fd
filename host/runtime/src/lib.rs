//! Composes the rooms into a host.

pub mod admin;
