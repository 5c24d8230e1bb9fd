//! One action for one profile, from the outbox to the receipt.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::record::{Attribute, Consent};
use crate::{DeliveryKey, Identifier, Instant, ProfileId, Symbol};

/// Where a delivery stands in its connector's outbox. Sorts in the order in which the effects
/// were caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeliveryId {
    /// The connector's name.
    pub connector: Symbol,
    /// Number of the ledger entry that caused it.
    pub seq: u64,
    /// Counts the effects of that entry at this connector.
    pub ordinal: u32,
}

/// The operations that a destination can offer. Mirrors `action-kind` of the contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Action {
    UpsertContact,
    DeleteContact,
    AddToList,
    RemoveFromList,
    SendMessage,
    TrackEvent,
    Suppress,
    Unsuppress,
    Custom(SmolStr),
}

impl Action {
    /// Every action but the custom ones.
    pub const STANDARD: [Action; 8] = [
        Action::UpsertContact,
        Action::DeleteContact,
        Action::AddToList,
        Action::RemoveFromList,
        Action::SendMessage,
        Action::TrackEvent,
        Action::Suppress,
        Action::Unsuppress,
    ];

    /// The word in configuration.
    pub fn as_str(&self) -> &str {
        match self {
            Self::UpsertContact => "upsert-contact",
            Self::DeleteContact => "delete-contact",
            Self::AddToList => "add-to-list",
            Self::RemoveFromList => "remove-from-list",
            Self::SendMessage => "send-message",
            Self::TrackEvent => "track-event",
            Self::Suppress => "suppress",
            Self::Unsuppress => "unsuppress",
            Self::Custom(name) => name,
        }
    }

    /// Reads [`Self::as_str`]; any other word is custom.
    pub fn from_word(word: &str) -> Self {
        Self::STANDARD
            .into_iter()
            .find(|action| action.as_str() == word)
            .unwrap_or_else(|| Self::Custom(word.into()))
    }
}

/// One effect for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its place in the outbox.
    pub id: DeliveryId,
    /// What a vendor may recognise it by.
    pub key: DeliveryKey,
    /// The sync that asked for it.
    pub sync: Symbol,
    /// Who it is about.
    pub profile: ProfileId,
    /// What to do.
    pub action: Action,
    /// The vendor's list, where the action needs one.
    pub list: Option<SmolStr>,
    /// Mapped fields, under the vendor's names.
    pub fields: Vec<Attribute>,
    /// All identifiers of the profile at that instant.
    pub identifiers: Vec<Identifier>,
    /// All decisions of the person at that instant.
    pub consents: Vec<Consent>,
    /// When the cause happened.
    pub occurred_at: Instant,
    /// How it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last try said, for a person.
    pub last_reason: Option<SmolStr>,
}

/// How a delivery that is still in the outbox stands. A delivered one is no longer there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// Waiting for its turn.
    Pending,
    /// Waiting for an instant after a fault that may pass.
    Retrying {
        /// Not before this instant.
        not_before: Instant,
    },
    /// The vendor works on it.
    Queued {
        /// The vendor's job.
        job: SmolStr,
    },
    /// An at-most-once delivery is on its way; found so after a crash, its fate is unknown.
    Attempted,
    /// Nobody knows whether it happened; a person decides.
    Unknown,
    /// Stopped by a permanent error; a person retries, edits or drops it.
    Dead,
}

/// What became of one try. Mirrors `outcome` of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The vendor has it, with the vendor's id where it gives one.
    Done(Option<SmolStr>),
    /// The vendor works on it under this job.
    Queued(SmolStr),
    /// Will never work as it is.
    Rejected {
        /// The field at fault.
        field: Option<SmolStr>,
        /// For a person.
        reason: SmolStr,
    },
    /// Not now; in milliseconds, where the vendor says.
    RateLimited(Option<u64>),
    /// A fault that may pass.
    Transient(SmolStr),
    /// It left and no answer came.
    Unknown(SmolStr),
    /// Credentials refused.
    Auth(SmolStr),
    /// The person, list or endpoint no longer exists there.
    Gone(SmolStr),
    /// The plugin does not do this.
    Unsupported(SmolStr),
}

/// A try and what became of it, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The connector's name and the delivery's place.
    pub seq: u64,
    /// See [`DeliveryId::ordinal`].
    pub ordinal: u32,
    /// What the vendor said.
    pub outcome: Outcome,
    /// Set where the host will try again: not before this instant.
    pub retry_at: Option<Instant>,
}
