//! Runs the real binary.

#![allow(clippy::unwrap_used)]

mod demo;
mod help;
mod hosted;
mod live;
mod plugin;
mod project;
mod shell;
mod telemetry;
