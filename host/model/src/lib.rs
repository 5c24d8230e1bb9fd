//! Plain data that every room shares: records, profiles, identifiers, deliveries, ledger entries,
//! money and time. Start reading at [`record`], then [`profile`], then [`entry`].
//!
//! # Invariants
//! - The same vendor object in the same version has the same [`record::Version`], so that order of
//!   arrival and repetition cannot change a result (`version_orders_by_time_then_content`).
//! - Normalizing an identifier twice is the same as once (`normalizing_is_idempotent`).
//! - Decimals are exact: no float is ever stored (`decimal_survives_encoding`).
//!
//! # Not here
//! I/O, async, clocks, wasmtime, sled, and rules of any kind.

pub mod decimal;
pub mod delivery;
pub mod entry;
pub mod identifier;
pub mod ids;
pub mod nearest;
pub mod profile;
pub mod record;
pub mod state;
pub mod symbol;
pub mod time;
pub mod touched;
pub mod value;

pub use decimal::{Decimal, Money};
pub use identifier::Identifier;
pub use ids::{ConnectorId, DeliveryKey, FragmentId, ProfileId};
pub use symbol::Symbol;
pub use time::Instant;
pub use touched::Touched;
pub use value::Value;
