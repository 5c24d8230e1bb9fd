//! Write a Crosspoint plugin in Rust.
