//! What the network asks of a running host: tracking calls, webhooks, profile lookups.
//!
//! Everything here is async and waits on tasks, never on threads.

mod changes;
mod health;
pub(crate) mod hook;
mod keys;
mod lookup;
mod metrics;
mod tls;
mod trace;
mod track;
mod unsubscribe;
mod usage;

pub(crate) use changes::Ring;
pub use changes::{Change, Heard, Listener, MemberPage, MemberSeen, Place};
pub use crosspoint_ingest::tracking;
pub use crosspoint_model::ConnectorId;
pub use health::Health;
pub use hook::{HookAnswer, HookCall, HookCounts};
pub use keys::Keys;
pub(crate) use lookup::ComputedTraits;
pub use lookup::{Fields, Found, Happened, InSegment, Looked, Names, Seen, Who};
pub(crate) use metrics::Trigger;
pub use metrics::{Metrics, MetricsFormat};
pub(crate) use tls::server_config;
pub use trace::{LOG_SPANS, RequestTrace};
pub(crate) use trace::{Traces, also_follows, follows};
pub(crate) use track::Room;
pub use track::{Admitted, TrackError, Tracked};
pub(crate) use unsubscribe::{FIELD as UNSUBSCRIBE_FIELD, Unsubscribing};
pub(crate) use usage::{StreamUsage, Usage};
