//! Derived state in an ordered transactional map: what the step reads and writes, in memory first,
//! then in one atomic checkpoint on disk.
//!
//! Start at [`WorkingSet`], which implements [`crosspoint_model::state::State`] over an [`Engine`];
//! then [`SledEngine::open_or_set_aside`]; then [`keys`] for what lies on disk.
//!
//! The ledger is the truth and this crate holds a fold over it. So a store that cannot be trusted is
//! set aside, never repaired.
//!
//! # Invariants
//! - A working set behaves as plain maps do, wherever checkpoints and restarts fall
//!   (`working_set_equals_the_model`, `working_set_over_sled_equals_the_model`).
//! - The same writes leave the same bytes, wherever the checkpoints fall
//!   (`checkpoints_leave_no_trace`).
//! - What is put and deleted between two checkpoints never reaches the engine
//!   (`short_lived_deliveries_never_reach_the_engine`).
//! - A damaged store is set aside or fully intact, never an error out of nowhere and never a wrong
//!   answer (`damage_is_found_or_harmless`).
//! - A store has one handle at a time (`second_handle_is_refused_with_the_holder`).
//! - A value of any length reads back, and shrinking leaves nothing behind
//!   (`values_of_every_length_read_back`).
//! - An older value is migrated and a newer one refused (`older_value_is_migrated`,
//!   `newer_value_is_refused`).
//! - A snapshot that is damaged yields to an older one (`damaged_snapshot_yields_to_an_older_one`).
//!
//! # Not here
//! Rules of any kind, the ledger, clocks, async. No other crate names sled.

mod absence;
mod codec;
mod commit_times;
mod digest;
mod engine;
mod error;
mod export;
pub mod keys;
mod memory;
mod sled_engine;
pub mod snapshot;
mod working_set;

pub use codec::{Bytes, Stored, decode, encode};
pub use commit_times::{COMMIT_BUCKETS, CommitTimes};
pub use digest::{digest, dump};
pub use engine::{Batch, Engine, Hold, KeyRange, Pair, RESERVED_PREFIX, Reached, Sizes, Write};
pub use error::{Error, Result};
pub use export::{export, import, verify};
pub use memory::MemoryEngine;
pub use sled_engine::{Opened, Reason, Rebuilt, SledEngine, SledSettings};
pub use working_set::{Settings, WorkingSet};
