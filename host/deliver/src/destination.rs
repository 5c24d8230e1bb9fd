//! Whatever takes deliveries: a plugin in its sandbox, or a test.

use std::future::Future;

use crosspoint_model::DeliveryKey;
use crosspoint_model::delivery::{Action, Delivery, Outcome};
use smol_str::SmolStr;

/// What happens when a delivery arrives twice. Mirrors `idempotency` of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing.
    Idempotent,
    /// The vendor recognises the key.
    Keyed,
    /// It happens twice.
    AtMostOnce,
}

/// What the worker needs to know of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSpec {
    /// Which.
    pub action: Action,
    /// See [`Idempotency`].
    pub idempotency: Idempotency,
    /// Most items in one call; at least 1.
    pub batch_size: usize,
    /// Whether the vendor can say if a delivery happened.
    pub read_back: bool,
}

/// What a whole call came to, by what the host does about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationFault {
    /// Something of it may have happened.
    #[error("{0}")]
    Unknown(String),
    /// Nothing happened; try after so many milliseconds.
    #[error("the vendor asked for patience")]
    RateLimited(Option<u64>),
    /// Nothing happened; pause the connector until a person acts.
    #[error("{0}")]
    Paused(String),
}

/// What the vendor has. Mirrors `found` of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It happened, with the vendor's id where it gives one.
    Present(Option<SmolStr>),
    /// It did not happen.
    Absent,
    /// The vendor cannot tell.
    Undecided,
}

/// Whatever takes deliveries.
pub trait Destination: Send + Sync + 'static {
    /// What it offers; asked once per worker.
    fn actions(&self) -> impl Future<Output = Result<Vec<ActionSpec>, DestinationFault>> + Send;

    /// Delivers items of one action, at most one per profile. One outcome per item in their order;
    /// a missing one counts as unknown.
    fn deliver(
        &self,
        action: &Action,
        items: &[Delivery],
    ) -> impl Future<Output = Result<Vec<Outcome>, DestinationFault>> + Send;

    /// Asks about a job; one outcome per key.
    fn poll(
        &self,
        job: &str,
        keys: &[DeliveryKey],
    ) -> impl Future<Output = Result<Vec<Outcome>, DestinationFault>> + Send;

    /// Asks whether items happened; one answer per item.
    fn read_back(
        &self,
        action: &Action,
        items: &[Delivery],
    ) -> impl Future<Output = Result<Vec<Found>, DestinationFault>> + Send;
}
