//! Real misbehaving components against every limit and every refusal.

#![allow(clippy::unwrap_used)]

mod egress;
mod limits;
mod loading;
mod rig;
mod secrets;
mod server;
mod state;
mod template;
mod tokens;
mod vendor;
