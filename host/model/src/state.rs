//! The derived state as the step sees it: what it may read and write. The store implements it
//! over an engine; tests implement it over maps.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::delivery::{Delivery, DeliveryId};
use crate::entry::Reject;
use crate::profile::Profile;
use crate::record::Record;
use crate::{FragmentId, Identifier, Instant, ProfileId, Symbol};

/// The state could not be read. The step stops: going on would make the state differ from the
/// ledger. The text names the engine's fault.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not read the store: {0}")]
pub struct StateError(pub String);

/// Shorthand.
pub type Result<T> = std::result::Result<T, StateError>;

/// Fragments that carry an identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carriers {
    /// Sorted. Stops growing at the guard's limit plus one, by which point it joins nothing.
    pub fragments: Vec<FragmentId>,
}

/// Decisions of a person about a fragment's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// Never the same person as these; sorted.
    pub apart: Vec<FragmentId>,
    /// Always the same person as these; sorted.
    pub together: Vec<FragmentId>,
}

/// Where a vendor object's fact lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The connector.
    pub connector: Symbol,
    /// The stream.
    pub stream: Symbol,
    /// The vendor's id.
    pub id: SmolStr,
}

/// Quarantined input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Ledger entry that brought it.
    pub seq: u64,
    /// Its number within the entry.
    pub ordinal: u32,
    /// When.
    pub at: Instant,
    /// Through which connector.
    pub connector: Symbol,
    /// Of which stream.
    pub stream: Symbol,
    /// What and why.
    pub reject: Reject,
}

/// Everything the step reads and writes. Reads see earlier writes. Profiles are taken out, changed
/// and put back, so that the step owns what it changes.
///
/// Called by one thread only. An error leaves the state unusable until it is rebuilt.
pub trait State {
    /// Number of a name; a new name gets the next number.
    fn intern(&mut self, name: &str) -> Symbol;
    /// Number of a name that was met before.
    fn symbol(&self, name: &str) -> Option<Symbol>;
    /// The name of a number that [`Self::intern`] gave.
    fn name(&self, symbol: Symbol) -> SmolStr;

    /// The profile that holds this fragment, if the fragment exists.
    fn profile_of(&mut self, fragment: FragmentId) -> Result<Option<ProfileId>>;
    /// Takes a profile out. The caller puts it back, or another in its place.
    fn take_profile(&mut self, id: ProfileId) -> Result<Option<Box<Profile>>>;
    /// Puts a profile under its id, and points all its fragments at it.
    fn put_profile(&mut self, profile: Box<Profile>) -> Result<()>;
    /// Up to `count` ids after `after`, in their order.
    fn profiles_after(&mut self, after: Option<ProfileId>, count: usize) -> Result<Vec<ProfileId>>;

    /// Who carries the identifier. Fragments named by it are not listed: their id follows from it.
    fn carriers(&mut self, identifier: &Identifier) -> Result<Carriers>;
    /// Replaces the list; an empty one removes it.
    fn put_carriers(&mut self, identifier: &Identifier, carriers: Carriers) -> Result<()>;
    /// Decisions about a fragment.
    fn constraints(&mut self, fragment: FragmentId) -> Result<Constraints>;
    /// Replaces them; empty ones remove them.
    fn put_constraints(&mut self, fragment: FragmentId, constraints: Constraints) -> Result<()>;

    /// The fragment that holds the object's fact.
    fn location(&mut self, object: &ObjectKey) -> Result<Option<FragmentId>>;
    /// Sets it.
    fn put_location(&mut self, object: &ObjectKey, fragment: FragmentId) -> Result<()>;
    /// A product or a piece of content.
    fn catalogue(&mut self, object: &ObjectKey) -> Result<Option<Record>>;
    /// Replaces it; `None` removes it.
    fn put_catalogue(&mut self, object: &ObjectKey, record: Option<&Record>) -> Result<()>;

    /// The earliest timer.
    fn next_timer(&mut self) -> Result<Option<(Instant, ProfileId)>>;
    /// Sets one.
    fn put_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()>;
    /// Removes one.
    fn delete_timer(&mut self, at: Instant, profile: ProfileId) -> Result<()>;

    /// A delivery that is still in the outbox.
    fn delivery(&mut self, id: DeliveryId) -> Result<Option<Delivery>>;
    /// Puts or replaces it.
    fn put_delivery(&mut self, delivery: &Delivery) -> Result<()>;
    /// Removes it.
    fn delete_delivery(&mut self, id: DeliveryId) -> Result<()>;

    /// Quarantined input.
    fn quarantined(&mut self, seq: u64, ordinal: u32) -> Result<Option<Quarantined>>;
    /// Puts it.
    fn put_quarantined(&mut self, item: &Quarantined) -> Result<()>;
    /// Removes it.
    fn delete_quarantined(&mut self, seq: u64, ordinal: u32) -> Result<()>;

    /// Where a stream continues.
    fn cursor(&mut self, connector: Symbol, stream: Symbol) -> Result<Option<Vec<u8>>>;
    /// Sets it.
    fn put_cursor(&mut self, connector: Symbol, stream: Symbol, cursor: &[u8]) -> Result<()>;
    /// A plugin's note.
    fn job(&mut self, connector: Symbol, key: &str) -> Result<Option<Vec<u8>>>;
    /// Sets it; `None` removes it.
    fn put_job(&mut self, connector: Symbol, key: &str, value: Option<&[u8]>) -> Result<()>;

    /// A counter, zero at first. Names are the caller's.
    fn counter(&mut self, counter: Counter) -> Result<i64>;
    /// Adds to it.
    fn add_to_counter(&mut self, counter: Counter, change: i64) -> Result<()>;
    /// A small named value.
    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Sets it; `None` removes it.
    fn put_note(&mut self, name: &str, value: Option<&[u8]>) -> Result<()>;
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counter {
    /// Profiles in the store.
    Profiles,
    /// Fragments in the store.
    Fragments,
    /// Records received through a connector, duplicates included.
    Received(Symbol),
    /// Records that changed nothing because they, or newer ones, were there.
    Duplicates(Symbol),
    /// Quarantined input of a connector.
    Quarantined(Symbol),
    /// Profiles in a segment.
    Members(Symbol),
    /// Deliveries caused at a connector.
    Caused(Symbol),
    /// Deliveries done at a connector.
    Done(Symbol),
    /// Deliveries in the outbox of a connector that wait or are retried.
    Waiting(Symbol),
    /// Deliveries of a connector that wait for a person.
    Stopped(Symbol),
    /// Merges that a guard refused.
    KeptApart,
}
