//! What a person can ask of a host, running or not. The command line and the admin socket speak
//! nothing else.

use serde::{Deserialize, Serialize};

/// One question or command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Request {
    /// How the host and its connectors are. Answer: [`super::Reply::Status`].
    Status,
    /// Reads a source until it has caught up, then delivers what follows if `deliver`.
    /// Answer: [`super::Reply::Synced`].
    Sync {
        /// Which source.
        connector: String,
        /// Only this stream.
        stream: Option<String>,
        /// Also drain the outbox; a running host delivers by itself anyway.
        deliver: bool,
    },
    /// Reads one local file with a connector's settings. Answer: [`super::Reply::Synced`].
    Import {
        /// Whose plugin and settings.
        connector: String,
        /// Absolute path.
        path: String,
        /// Also drain the outbox.
        deliver: bool,
    },
    /// Delivers what is due in all outboxes, or in one. Answer: [`super::Reply::Delivered`].
    Deliver {
        /// Only this one.
        connector: Option<String>,
    },
    /// Profiles by identifier (`email:a@example.com`, `CONNECTOR:ID`), by id, or by part of a trait
    /// value. Answer: [`super::Reply::Profiles`].
    ProfileFind {
        /// What to look for.
        query: String,
        /// At most so many.
        limit: u32,
    },
    /// One profile by id or identifier. Answer: [`super::Reply::Profile`].
    ProfileShow {
        /// Id or identifier.
        profile: String,
        /// At most so many facts, newest first.
        facts: u32,
    },
    /// Why a profile is as it is: sources of each trait, joins, segments with their clauses, and
    /// deliveries. Answer: [`super::Reply::Why`].
    ProfileWhy {
        /// Id or identifier.
        profile: String,
        /// Only this segment.
        segment: Option<String>,
    },
    /// Takes fragments out of a profile for good. Answer: [`super::Reply::Unmerged`].
    ProfileUnmerge {
        /// Id or identifier.
        profile: String,
        /// Fragment ids or identifiers that belong to the other person.
        fragments: Vec<String>,
    },
    /// All segments. Answer: [`super::Reply::Segments`].
    SegmentList,
    /// How many profiles a rule would have now, without saving it.
    /// Answer: [`super::Reply::Preview`].
    SegmentPreview {
        /// A rule.
        rule: String,
        /// Profiles to show.
        samples: u32,
    },
    /// Who is in a segment. Answer: [`super::Reply::Members`].
    SegmentMembers {
        /// Its name.
        segment: String,
        /// Continue behind this profile id.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// The rule's clauses for one profile. Answer: [`super::Reply::Explained`].
    SegmentExplain {
        /// Its name.
        segment: String,
        /// Id or identifier.
        profile: String,
    },
    /// Compares stored membership with the batch oracle. Answer: [`super::Reply::Verified`].
    SegmentVerify {
        /// Only this one.
        segment: Option<String>,
    },
    /// Deliveries that are in an outbox. Answer: [`super::Reply::Deliveries`].
    OutboxList {
        /// Only of this connector.
        connector: Option<String>,
        /// Only these: `waiting`, `stopped` (dead or unknown), `all`.
        which: Which,
        /// Continue behind this delivery id.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// One delivery, by id or key. Answer: [`super::Reply::Delivery`].
    OutboxShow {
        /// `CONNECTOR/SEQ/ORDINAL`, or the idempotency key.
        delivery: String,
    },
    /// Tries deliveries again. Answer: [`super::Reply::Changed`].
    OutboxRetry {
        /// Ids or keys; empty: all stopped ones of `connector`.
        deliveries: Vec<String>,
        /// With no ids: whose.
        connector: Option<String>,
    },
    /// Replaces fields of a stopped delivery, then tries it again. Answer: [`super::Reply::Changed`].
    OutboxEdit {
        /// Id or key.
        delivery: String,
        /// `name=value`; an empty value removes.
        set: Vec<String>,
    },
    /// Takes deliveries out for good. Answer: [`super::Reply::Changed`].
    OutboxDrop {
        /// Ids or keys.
        deliveries: Vec<String>,
        /// With no ids: all stopped ones of this connector.
        connector: Option<String>,
    },
    /// Input that could not be used. Answer: [`super::Reply::Quarantine`].
    QuarantineList {
        /// Only of this connector.
        connector: Option<String>,
        /// Continue behind this id.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// One item. Answer: [`super::Reply::QuarantineItem`].
    QuarantineShow {
        /// `SEQ/ORDINAL`.
        item: String,
    },
    /// Gives items to their plugin again. Answer: [`super::Reply::Retried`].
    QuarantineRetry {
        /// `SEQ/ORDINAL` of each; empty: all of `connector`.
        items: Vec<String>,
        /// With no ids: whose; absent: all.
        connector: Option<String>,
    },
    /// Lets a paused connector go on. Answer: [`super::Reply::Changed`].
    ConnectorResume {
        /// Which.
        connector: String,
    },
    /// Stops a connector; what it has to deliver is held. Answer: [`super::Reply::Changed`].
    ConnectorPause {
        /// Which.
        connector: String,
    },
}

/// Which deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Waiting, retried, or at the vendor.
    Waiting,
    /// Dead letters and those whose fate is unknown.
    Stopped,
    /// Both.
    #[default]
    All,
}
