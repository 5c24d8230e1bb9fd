//! What the ledger holds: everything that happened, in the order in which it happened.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::delivery::Receipt;
use crate::record::{Attribute, Record};
use crate::{ConnectorId, FragmentId, Instant, ProfileId};

/// One ledger entry. `at` is the instant at which it was appended, never earlier than that of the
/// entry before; the step knows no other clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was appended.
    pub at: Instant,
    /// What happened.
    pub what: What,
}

/// What happened. New cases go to the end: the position is the encoded tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Records from a source, with the cursor that they reached.
    Records(Records),
    /// Time passed and a timer was due; the step fires all timers up to the entry's instant
    /// before any entry, so this one carries nothing.
    Tick,
    /// What became of deliveries.
    Receipts {
        /// Whose.
        connector: ConnectorId,
        /// One per try.
        receipts: Vec<Receipt>,
    },
    /// At-most-once deliveries are about to be sent.
    Attempts {
        /// Whose.
        connector: ConnectorId,
        /// (seq, ordinal) of each.
        deliveries: Vec<(u64, u32)>,
    },
    /// A configuration was applied.
    Configured(Configured),
    /// All profiles after `after` up to `count` of them are brought to the current configuration.
    Sweep {
        /// The last profile of the sweep before; `None` at the start.
        after: Option<ProfileId>,
        /// How many.
        count: u32,
    },
    /// A person decided about a delivery.
    OutboxCommand {
        /// Whose.
        connector: ConnectorId,
        /// (seq, ordinal) of each.
        deliveries: Vec<(u64, u32)>,
        /// What.
        command: OutboxCommand,
    },
    /// A person, or a re-drive, took quarantined input away.
    QuarantineCleared {
        /// (seq, ordinal) of each.
        items: Vec<(u64, u32)>,
    },
    /// A person decided about identity.
    Identity(IdentityDecision),
    /// A connector was stopped or may go on.
    ConnectorState {
        /// Whose.
        connector: ConnectorId,
        /// Why it is stopped; `None` lets it go on.
        paused: Option<SmolStr>,
    },
    /// A destination's notes changed.
    Notes {
        /// Whose.
        connector: ConnectorId,
        /// Key and new value; `None` deletes.
        jobs: Vec<(SmolStr, Option<Vec<u8>>)>,
    },
}

/// A page of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Through which connector.
    pub connector: ConnectorId,
    /// Of which stream.
    pub stream: SmolStr,
    /// The records, checked by the host.
    pub records: Vec<Record>,
    /// What could not be used.
    pub rejects: Vec<Reject>,
    /// Where the stream continues; `None` where it has no cursor (webhooks, re-drives).
    pub cursor: Option<Vec<u8>>,
    /// The plugin's notes that changed: `None` deletes.
    pub jobs: Vec<(SmolStr, Option<Vec<u8>>)>,
}

/// Input that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Where it stood.
    pub locator: SmolStr,
    /// The field at fault.
    pub field: Option<SmolStr>,
    /// What is wrong, for a person.
    pub reason: String,
    /// The input: a vendor's bytes, or an encoded record that the host refused.
    pub raw: RejectedInput,
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectedInput {
    /// The vendor's bytes: the plugin's `retry` reads them again.
    Raw(Vec<u8>),
    /// A record that the host's own checks refused.
    Record(Box<Record>),
    /// A record that could not be converted: as the plugin yielded it, in JSON.
    Yielded(Vec<u8>),
}

/// A configuration as it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// Path within the project folder and text of every file, sorted by path.
    pub files: Vec<(String, String)>,
}

/// What a person decided about deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutboxCommand {
    /// Try again from the start.
    Retry,
    /// Replace fields, then try again.
    Edit(Vec<Attribute>),
    /// Take it out: it will not be delivered.
    Drop,
    /// It did happen: count it as done.
    Done,
}

/// What a person decided about identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityDecision {
    /// These fragments are not the same person as the rest of their profile, whatever they share.
    Unmerge {
        /// The ones to take apart, together one person.
        fragments: Vec<FragmentId>,
        /// The rest of the profile at that moment.
        from: Vec<FragmentId>,
    },
    /// These two are the same person, though they share nothing.
    Merge(FragmentId, FragmentId),
}
