//! Loads, limits and calls plugins: WebAssembly components of the contract in `wit/`.
//!
//! Start reading at [`Engine::load`], then [`Connector::new`], then `connector.rs`, where one call
//! runs from fresh instance to checked result. What a plugin may reach is decided in `grants.rs`
//! and enforced in `egress/`.
//!
//! # Invariants
//! - A component that imports more than its manifest asks for is never compiled
//!   (`an_import_beyond_the_manifest_is_refused`, `an_unknown_import_is_refused`).
//! - A call ends within its limits whatever the plugin does: memory
//!   (`a_gigabyte_is_refused`), computing (`an_endless_loop_is_stopped`), time
//!   (`waiting_for_ever_is_stopped`), data handed over (`a_long_answer_is_stopped_at_the_limit`).
//! - Nothing leaves but what the manifest asks for and the operator allows, by name and by every
//!   resolved address, through either door (`granted_is_asked_for_and_allowed`,
//!   `an_inside_address_is_refused_at_the_dial`, `wasi_http_goes_through_the_same_egress`).
//! - The same holds for TCP connections; no credential and no message leaves over them without TLS
//!   unless the operator allows it (`a_connection_is_asked_for_and_granted_with_its_port`,
//!   `without_tls_only_a_greeting_leaves`), and what comes back is searched line by line for secrets
//!   (`a_secret_goes_out_by_tcp_and_never_comes_in`).
//! - No redirect is followed (`a_redirect_is_an_answer`).
//! - Secrets never reach the plugin, logs or errors (`a_secret_is_seen_nowhere`).
//! - Only calls that the vendor has proven reach a plugin's `receive`, provided the caller asks
//!   [`webhook::Verifier`] first; what proved them does not
//!   (`what_is_signed_is_accepted_and_any_flipped_bit_is_refused`,
//!   `a_shared_value_does_not_reach_the_plugin`).
//! - A refresh token that a vendor renews is on disk before anything is done with what came with
//!   it, is spent by one at a time, and is not lost with the call or the process
//!   (`a_renewed_token_outlives_the_process`, `concurrent_calls_renew_once`,
//!   `connectors_of_one_name_share_their_token`, `a_call_that_ends_early_loses_no_token`,
//!   `nothing_is_spent_that_could_not_be_kept`).
//! - A file outside the granted location cannot be read (`nothing_leads_outside`).
//! - Only this crate names wasmtime
//!   (`only_store_names_sled_and_only_sandbox_names_wasmtime`).
//!
//! # Not here
//! When to call, retry, or store what was returned: that is ingest's and deliver's. Answering
//! hook addresses over HTTP. Business rules of any kind.

mod address;
mod bindings;
mod cache;
mod capture;
mod clock;
mod component;
mod connector;
mod convert;
mod credentials;
mod egress;
mod engine;
pub mod error;
mod figures;
mod files;
pub mod grants;
mod limits;
mod linker;
mod mac;
pub mod manifest;
mod meter;
mod plugin;
mod rate;
mod secret;
mod state;
mod tcp;
mod trust;
mod usage;
mod wasi_http;
pub mod webhook;

pub use clock::{Clock, MachineClock};
pub use component::read_manifest;
pub use connector::destination::{ActionOffer, FieldOffer, Found, Idempotency};
pub use connector::source::{Budget, Page, Part, Received, Stream, WebhookRequest};
pub use connector::{
    CallInput, CallOutput, CallStats, Connector, ConnectorSetup, QUARANTINE_AFTER,
};
pub use engine::{Engine, EngineOptions};
pub use error::{At, Error, GuestError};
pub use figures::{CallEnd, CallFigures};
pub use files::{FileMove, HostKeys, Login, SftpGrant};
pub use grants::{FileMoves, FilesGrant, Grants, HostGrant, HostPattern};
pub use limits::Limits;
pub use manifest::{Manifest, RateLimit};
pub use plugin::Plugin;
pub use rate::RateBudget;
pub use secret::Secret;
pub use state::{LogLevel, LogLine, Notes};
pub use usage::{Quota, Usage};
