//! Write a Crosspoint plugin in Rust: implement [`Source`], [`Destination`] or both, and export
//! it with one macro.
//!
//! ```
//! use crosspoint_sdk::{Budget, Context, Error, Page, Source, Stream};
//!
//! #[derive(serde::Deserialize)]
//! pub struct Settings {
//!     shop: String,
//! }
//!
//! pub struct Shop;
//!
//! impl Source for Shop {
//!     type Settings = Settings;
//!
//!     fn streams(_: &Context, _: &Settings) -> Result<Vec<Stream>, Error> {
//!         Ok(Vec::new())
//!     }
//!
//!     fn read(
//!         ctx: &Context,
//!         settings: &Settings,
//!         _stream: &str,
//!         _cursor: Option<&[u8]>,
//!         _budget: Budget,
//!     ) -> Result<Page, Error> {
//!         let shop = ctx.http_at(format!("https://{}", settings.shop));
//!         let _orders: crosspoint_sdk::serde_json::Value = shop.get("/orders.json").json()?;
//!         Ok(Page::empty())
//!     }
//!
//!     fn check(_: &Context, _: &Settings) -> Result<(), Error> {
//!         Ok(())
//!     }
//! }
//!
//! crosspoint_sdk::source!(Shop);
//! ```
//!
//! The macros export something only where the target is WebAssembly; natively the type is plain
//! Rust, and [`testing::TestContext`] stands for the host. Start reading at [`source`] and
//! [`destination`]; [`http`] and [`map`] hold what most vendors need.
//!
//! # Invariants
//! - A request that may have been read never counts as one that did not happen
//!   (`http::tests::broken_connection_is_unknown_not_transient`).
//! - Numbers keep every digit or are refused (`map::tests::decimal_keeps_every_digit`).
//! - A date of ambiguous notation is refused (`map::tests::ambiguous_dates_are_refused`).
//! - A setting that does not parse is named by its path
//!   (`settings::tests::wrong_setting_is_named_by_its_path`).
//! - A component imports only what its plugin asks the context for
//!   (`crosspoint-plugins`, `tests::components_import_only_what_they_use`).
//! - What an overlapping sweep finds again is not handed over again
//!   (`recent::tests::rows_are_passed_over_once_remembered_in_the_same_version`).
//! - What a plugin keeps in memory stays its own until it is freed
//!   (`alloc::tests::blocks_never_overlap`).
//!
//! # Not here
//! Credentials, signatures, retries, rate limits: the host's. Anything of the host: the contract
//! in `wit/` is all that both sides share.

#[cfg(any(target_arch = "wasm32", test))]
#[allow(unsafe_code)]
mod alloc;
#[doc(hidden)]
pub mod bindings;
mod context;
pub mod destination;
mod error;
mod export;
pub mod files;
pub mod http;
pub mod map;
pub mod model;
pub mod recent;
pub mod settings;
pub mod source;
pub mod tcp;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use context::{Context, Level, Log, Notes};
pub use destination::{
    Action, ActionKind, Batch, Destination, Field, Found, Idempotency, Item, Outcome,
};
pub use error::Error;
pub use model::{Attribute, Body, Identifier, Instant, Money, Record, RecordKind, Value};
pub use serde_json;
pub use source::{
    Budget, Deletes, Page, Part, Received, Reject, Source, Stream, WebhookHeader, WebhookRequest,
};
