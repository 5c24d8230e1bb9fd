//! Real misbehaving components against every limit and every refusal.

#![allow(clippy::unwrap_used)]

mod egress;
mod limits;
mod loading;
mod mail;
mod rig;
mod secrets;
mod server;
mod state;
mod tcp;
mod template;
mod tokens;
mod vendor;
