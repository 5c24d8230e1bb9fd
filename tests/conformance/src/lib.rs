//! Runs the conformance kit on every plugin of this repository, as `tests/plugins.rs`. A plugin is
//! found by itself: a folder below plugins/ with a `plugin.toml`. It needs a `conformance.toml`
//! beside it, and the simulator that is named there.
//!
//! # Invariants
//! - Every plugin on disk keeps the contract, but for waivers that say why not
//!   (`every_plugin_keeps_the_contract`).
//! - The checks of what leaves see what they are there to see
//!   (`a_careful_plugin_passes_and_each_misdeed_is_seen`).
//! - A check sees the flaw that it is there for: `tests/flaws` reads with one flaw after the other
//!   (`without_a_flaw_nothing_is_seen`, `what_the_vendor_forgets_is_lost_at_a_cut`).
//!
//! # Not here
//! The checks themselves: they are in sdk/testkit, for vendors as well.
//!
//! ```text
//! cargo test --workspace --test plugins                      all of them
//! CROSSPOINT_PLUGIN=shopify cargo test --workspace --test plugins -- --nocapture
//! CROSSPOINT_CHECK=budget,rate …                             these checks alone
//! CROSSPOINT_BLESS=1 cargo test --workspace --test plugins   writes docs/plugins.md and golden requests
//! ```
