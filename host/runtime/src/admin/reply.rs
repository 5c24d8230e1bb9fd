//! What a host answers. Printed as it is under `--json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", content = "value", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Reply {
    Status(Status),
    Synced(Synced),
    Delivered(Delivered),
    Profiles(Vec<ProfileSummary>),
    Profile(Box<ProfileView>),
    Why(Box<Why>),
    Unmerged(Unmerged),
    Segments(Vec<SegmentSummary>),
    Preview(Preview),
    Members(Members),
    Explained(Explained),
    Verified(Vec<Verified>),
    Deliveries(Vec<DeliveryView>),
    Delivery(Box<DeliveryView>),
    Quarantine(Vec<QuarantineView>),
    QuarantineItem(Box<QuarantineView>),
    Retried(Retried),
    Changed(Changed),
}

/// How the host is. Instants are RFC 3339 throughout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Status {
    pub project: String,
    /// Whether a host is running (as against a data folder opened for this one command).
    pub running: bool,
    pub version: String,
    /// The instant at which rules are evaluated.
    pub now: String,
    /// Ledger entries written durably, and applied to the state.
    pub ledger_position: u64,
    pub applied_position: u64,
    pub ledger_bytes: u64,
    pub profiles: i64,
    pub fragments: i64,
    pub kept_apart: i64,
    pub segments: Vec<SegmentSummary>,
    pub connectors: Vec<ConnectorStatus>,
    /// Why the store was rebuilt when it was opened, if it was.
    pub rebuilt: Option<String>,
}

/// How a connector is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ConnectorStatus {
    pub id: String,
    pub plugin: String,
    pub plugin_version: String,
    pub roles: Vec<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    pub received: i64,
    pub duplicates: i64,
    pub quarantined: i64,
    pub caused: i64,
    pub delivered: i64,
    pub waiting: i64,
    pub stopped: i64,
    /// When it is read by itself, as configured.
    pub schedule: Option<String>,
    pub next_read_at: Option<String>,
    pub usage: UsageView,
}

/// How fresh a connector is and what it uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct UsageView {
    /// When the last read of all streams began that went well.
    pub last_read_at: Option<String>,
    /// When the vendor's last call came that brought something.
    pub last_call_at: Option<String>,
    /// The newest `updated-at` of a record.
    pub newest_record_at: Option<String>,
    /// Since the last read or call, whichever is later: what the vendor changed since then may be
    /// unknown.
    pub lag_ms: Option<i64>,
    pub streams: Vec<StreamView>,
    /// Requests to the vendor, since the host was opened, today in UTC, and in 30 days.
    pub requests_since_start: u64,
    pub requests_today: u64,
    pub requests_30_days: u64,
    pub quota: Option<QuotaView>,
    /// Calls to the hook address since the host was opened.
    pub hook: Option<HookView>,
}

/// How fresh a stream is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StreamView {
    pub stream: String,
    pub last_read_at: Option<String>,
    pub last_call_at: Option<String>,
    pub newest_record_at: Option<String>,
    /// Shortened; bytes that are no text in hexadecimal.
    pub cursor: Option<String>,
}

/// What the vendor said last of its quota.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct QuotaView {
    pub at: String,
    pub remaining: u64,
    pub limit: Option<u64>,
}

/// What became of the calls to a hook address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct HookView {
    pub taken: u64,
    /// Taken before: answered, and nothing changed.
    pub repeated: u64,
    /// Answered without the plugin: challenges and calls of no meaning.
    pub answered: u64,
    /// To be sent again by the vendor.
    pub failed: u64,
    /// By reason.
    pub refused: BTreeMap<String, u64>,
}

/// What a read brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Synced {
    pub connector: String,
    pub streams: Vec<String>,
    pub records: u64,
    pub quarantined: u64,
    pub pages: u64,
    pub notices: Vec<String>,
    pub elapsed_ms: u64,
    pub delivered: Option<Delivered>,
}

/// What a drain did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Delivered {
    pub done: u64,
    pub retrying: u64,
    pub stopped: u64,
    pub elapsed_ms: u64,
}

/// A line in a list of profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProfileSummary {
    pub id: String,
    pub name: Option<String>,
    pub identifiers: Vec<String>,
    pub segments: Vec<String>,
    pub last_seen: Option<String>,
}

/// One profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProfileView {
    pub id: String,
    pub identifiers: Vec<String>,
    pub traits: BTreeMap<String, Json>,
    pub computed: BTreeMap<String, Json>,
    /// Segment and since when.
    pub segments: BTreeMap<String, String>,
    pub consents: BTreeMap<String, String>,
    pub fragments: Vec<FragmentView>,
    pub facts_total: u64,
    /// Newest first.
    pub facts: Vec<FactView>,
    pub waiting_deliveries: u64,
}

/// One source's view of the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct FragmentView {
    pub id: String,
    pub connector: String,
    pub key: String,
    pub identifiers: Vec<String>,
    pub facts: u64,
    pub first_seen: Option<String>,
    pub last_seen: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct FactView {
    pub kind: String,
    pub name: String,
    pub at: String,
    pub stream: String,
    pub id: String,
    pub counts: bool,
    pub total: Option<String>,
    pub currency: Option<String>,
    pub properties: BTreeMap<String, Json>,
    pub lines: Vec<Json>,
}

/// Why a profile is as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Why {
    pub id: String,
    pub now: String,
    /// Which identifier joins which fragments.
    pub joins: Vec<Join>,
    pub traits: Vec<TraitWhy>,
    pub segments: Vec<Explained>,
    pub deliveries: Vec<DeliveryView>,
}

/// An identifier that several fragments carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Join {
    pub identifier: String,
    pub fragments: Vec<String>,
}

/// Where a trait's value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TraitWhy {
    pub name: String,
    pub value: Json,
    /// The rule that chose, as in configuration.
    pub rule: String,
    /// Every candidate, the chosen one first.
    pub candidates: Vec<TraitCandidate>,
}

/// One source's value of a trait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TraitCandidate {
    pub connector: String,
    pub value: Json,
    pub at: String,
}

/// A rule and its clauses for one profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Explained {
    pub segment: String,
    pub rule: String,
    pub member: bool,
    pub since: Option<String>,
    /// When the result can next change by itself.
    pub changes_at: Option<String>,
    pub clauses: Vec<ClauseView>,
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ClauseView {
    pub depth: u32,
    pub text: String,
    pub value: bool,
    /// The values behind it, as `orders.count() = 7`.
    pub detail: String,
    /// The instants behind it.
    #[serde(default)]
    pub evidence: Vec<EvidenceView>,
    /// Since when it has this value, as far as what is known today tells.
    #[serde(default)]
    pub since: Option<String>,
    /// When it has the other value if nothing arrives.
    #[serde(default)]
    pub changes_at: Option<String>,
}

/// An instant behind a clause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct EvidenceView {
    /// As `last order`, or `no order` where there is no instant.
    pub what: String,
    pub at: Option<String>,
}

/// What an unmerge made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Unmerged {
    pub from: String,
    pub profiles: Vec<String>,
}

/// A line in the list of segments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SegmentSummary {
    pub name: String,
    pub description: Option<String>,
    pub rule: String,
    pub members: i64,
    /// Share of all profiles, 0 to 1.
    pub share: f64,
}

/// What a rule would give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Preview {
    pub members: u64,
    pub profiles: u64,
    pub samples: Vec<ProfileSummary>,
    pub elapsed_ms: u64,
}

/// Who is in a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Members {
    pub segment: String,
    pub total: i64,
    pub members: Vec<Member>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Member {
    pub profile: ProfileSummary,
    pub since: String,
}

/// Stored membership against the oracle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Verified {
    pub segment: String,
    pub stored: u64,
    pub expected: u64,
    /// Profiles that differ, at most 20.
    pub different: Vec<String>,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DeliveryView {
    /// `CONNECTOR/SEQ/ORDINAL`
    pub id: String,
    pub key: String,
    pub connector: String,
    pub sync: String,
    pub profile: String,
    pub action: String,
    pub list: Option<String>,
    /// `pending`, `retrying`, `queued`, `attempted`, `unknown`, `dead`.
    pub status: String,
    pub attempts: u32,
    pub not_before: Option<String>,
    pub reason: Option<String>,
    pub occurred_at: String,
    pub fields: BTreeMap<String, Json>,
}

/// Input that could not be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct QuarantineView {
    /// `SEQ/ORDINAL`
    pub id: String,
    pub at: String,
    pub connector: String,
    pub stream: String,
    pub locator: String,
    pub field: Option<String>,
    pub reason: String,
    /// The input as text where it is text; only in `show`.
    pub raw: Option<String>,
}

/// What a re-drive brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Retried {
    pub tried: u64,
    pub accepted: u64,
    pub refused_again: u64,
}

/// What a command changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Changed {
    pub changed: u64,
    pub message: String,
}

/// How far a long job is; sent before the answer, any number of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Progress {
    /// What is being counted, for a person.
    pub label: String,
    pub done: u64,
    /// Absent where nobody knows.
    pub total: Option<u64>,
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// Error code with a page, where there is one.
    pub code: Option<String>,
    /// For a person.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
