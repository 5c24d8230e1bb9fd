//! A project folder as types: everything read, checked and in its unit.

use std::collections::BTreeMap;

use crosspoint_model::delivery::Action;
use crosspoint_model::identifier::IdentifierKind;
use crosspoint_model::{ConnectorId, Identifier};
use smol_str::SmolStr;

use crate::error::{Position, Problem};
pub use crate::live::{Lookups, Server, Telemetry, Tls, Tracking, WriteKey};
pub use crate::schedule::{Cron, Schedule};

/// A whole project. Holds no secret, only references to secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Part of every delivery's key, so that two projects that write to one vendor stay apart.
    pub name: SmolStr,
    /// What `now` is.
    pub clock: Clock,
    /// The derived state.
    pub store: Store,
    /// What happened.
    pub ledger: Ledger,
    /// What does not join people.
    pub identity: Identity,
    /// Declared traits by name.
    pub traits: BTreeMap<SmolStr, ProfileTrait>,
    /// Configured plugins.
    pub connectors: BTreeMap<ConnectorId, Connector>,
    /// Sources without a plugin, called by websites and apps; their names are connectors' names.
    pub tracking: BTreeMap<ConnectorId, Tracking>,
    /// Where a running host listens; `None`: nowhere.
    pub server: Option<Server>,
    /// Who may read profiles over HTTP; `None`: nobody.
    pub lookups: Option<Lookups>,
    /// Where traces and metrics go; `None`: nowhere.
    pub telemetry: Telemetry,
    /// Rules by the segment's name.
    pub segments: BTreeMap<SmolStr, Segment>,
    /// What is handed over to whom.
    pub syncs: BTreeMap<SmolStr, ProfileSync>,
    /// Where everything stands, by dotted path: `connectors.hook.settings.url`.
    pub positions: BTreeMap<String, Position>,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Problem>,
}

impl Project {
    /// Where the value at the dotted path stands; for a path that is not in the files, where its
    /// nearest parent does.
    pub fn position(&self, path: &str) -> Option<&Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.positions.get(path) {
                return Some(position);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// What `now` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock, as it stood when an entry was appended to the ledger.
    #[default]
    System,
    /// The newest instant found in the data: for histories.
    Data,
}

/// The derived state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Memory for the engine's cache.
    pub cache_bytes: u64,
    /// Longest time between two checkpoints; bounds the replay after a crash.
    pub checkpoint_every_ms: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            checkpoint_every_ms: 250,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Entries older than this go once a snapshot covers them; `None` keeps all.
    pub keep_ms: Option<u64>,
    /// Where a file ends; what is old goes file by file.
    pub file_bytes: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            keep_ms: None,
            file_bytes: 64 << 20,
        }
    }
}

/// Guards of identity. `None` leaves the guard at its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Join nothing; sorted, beside the built-in ones.
    pub blocked: Vec<Identifier>,
    /// Most fragments of one profile.
    pub max_fragments: Option<u32>,
    /// Most fragments that may carry an identifier which joins.
    pub max_carriers: Option<u32>,
    /// Most different identifiers of one kind on one profile.
    pub limits: BTreeMap<IdentifierKind, u32>,
}

/// A declared trait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileTrait {
    /// For a person.
    pub description: Option<SmolStr>,
    /// `None`: any type, or that of `compute`.
    pub value_type: Option<TraitType>,
    /// Which of several values counts.
    pub survivorship: Survivorship,
    /// Set: the trait is this expression and comes from no source.
    pub compute: Option<SmolStr>,
}

/// What a trait holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TraitType {
    Text,
    Boolean,
    Integer,
    Decimal,
    Instant,
    List,
}

/// Which of the values that several fragments hold counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Survivorship {
    /// The one that was changed last.
    #[default]
    Newest,
    /// The one of the first of these connectors that has any.
    SourcePriority(Vec<ConnectorId>),
    /// The one that was there first.
    FirstSeen,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// All together.
    Sum,
}

/// A plugin under a name of the operator's choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// Which plugin.
    pub plugin: Plugin,
    /// For a person.
    pub description: Option<SmolStr>,
    /// When a source is read; `None`: only when somebody or the vendor asks.
    pub every: Option<Schedule>,
    /// For the plugin; not yet compared with its manifest.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Where the secrets are, by the manifest's names.
    pub secrets: BTreeMap<SmolStr, SecretRef>,
    /// What it may reach.
    pub grant: Grant,
    /// What one call may use.
    pub limits: Limits,
    /// The vendor account's rate; `None`: the manifest's.
    pub rate: Option<Rate>,
    /// Most batches on their way at once.
    pub in_flight: u32,
    /// How faults that may pass are retried.
    pub retry: Retry,
}

/// Batches on their way at once, where nothing is configured: enough to hide a vendor's latency,
/// few enough for the smallest vendor's limit on connections.
pub const DEFAULT_IN_FLIGHT: u32 = 4;

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// Part of the binary, by its id.
    Bundled(SmolStr),
    /// A component file; the path is relative to the project folder.
    File(String),
}

/// Where a secret is. Reading it is the runtime's task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// An environment variable.
    Env(SmolStr),
    /// A file's content without the line end; the path is relative to the project folder.
    File(String),
}

/// What a connector may reach, of that which its manifest asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Hosts, sorted.
    pub hosts: Vec<HostName>,
    /// Those of `hosts` that may be reached without TLS, sorted.
    pub plain_http: Vec<HostName>,
    /// Whose files it may read.
    pub files: Option<FilesPlace>,
    /// Whether it may have those files moved within that place.
    pub files_write: bool,
}

/// Where files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesPlace {
    /// A folder, relative to the project folder.
    Folder(String),
    /// A folder of an SFTP server.
    Sftp(SftpPlace),
}

/// A folder of an SFTP server: `sftp://user@host:port/path`, and what proves both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftpPlace {
    /// By name or address; addresses of version 6 without brackets.
    pub host: SmolStr,
    /// 22 where none is written.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// With a leading `/`; below the user's own folder without one (`/~/` in the address).
    pub path: String,
    /// What the user logs in with.
    pub login: SftpLogin,
    /// Which keys the server may have.
    pub host_keys: SftpHostKeys,
}

/// What a user of an SFTP server logs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SftpLogin {
    /// A private key, and what it is encrypted with.
    Key(SecretRef, Option<SecretRef>),
    /// A password.
    Password(SecretRef),
}

/// Which keys an SFTP server may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SftpHostKeys {
    /// Those with these fingerprints (`SHA256:...`).
    Fingerprints(Vec<String>),
    /// Those of this file in OpenSSH's form; relative to the project folder.
    KnownHosts(String),
}

/// A host by name or address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostName {
    /// Lower case; `*.` at the start stands for any one or more names before the rest; addresses
    /// of version 6 without brackets.
    pub host: SmolStr,
    /// `None`: the scheme's own port.
    pub port: Option<u16>,
}

/// What one call of a plugin may use. `None` leaves the limit at its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub wall_ms: Option<u64>,
    pub transfer_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    pub request_bytes: Option<u64>,
    pub log_lines: Option<u32>,
    pub log_line_bytes: Option<u64>,
    pub stderr_bytes: Option<u64>,
    /// Of one call to the hook address.
    pub hook_bytes: Option<u64>,
}

/// A rate budget: a bucket that holds `burst` and gains `requests` in every `per_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rate {
    pub requests: u32,
    pub per_ms: u64,
    pub burst: u32,
}

/// How faults that may pass are retried: after `first_ms`, then after twice as long each time up to
/// `longest_ms`, with jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Retry {
    pub first_ms: u64,
    pub longest_ms: u64,
    /// After this long since the first try it becomes a dead letter.
    pub give_up_after_ms: u64,
}

impl Default for Retry {
    /// Three days cover a vendor's bad week-end.
    fn default() -> Self {
        Self {
            first_ms: 1_000,
            longest_ms: 3_600_000,
            give_up_after_ms: 3 * 86_400_000,
        }
    }
}

/// A set of profiles by rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// For a person.
    pub description: Option<SmolStr>,
    /// The rule.
    pub when: SmolStr,
}

/// Which changes lead to which action where (`Sync` is taken in Rust).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSync {
    /// For a person.
    pub description: Option<SmolStr>,
    /// At whom.
    pub connector: ConnectorId,
    /// Which changes.
    pub trigger: Trigger,
    /// What follows.
    pub action: Action,
    /// The vendor's list.
    pub list: Option<SmolStr>,
    /// What follows when the profile leaves the segment; resolved, so that a replay does not
    /// depend on the plugin.
    pub on_exit: Option<Action>,
    /// Expression by vendor's field.
    pub fields: BTreeMap<SmolStr, SmolStr>,
}

/// Which changes a sync answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A profile enters or leaves the segment.
    Segment(SmolStr),
    /// Any of the traits changes.
    Traits {
        /// Sorted, never empty.
        traits: Vec<SmolStr>,
        /// Only while the profile is in this segment.
        segment: Option<SmolStr>,
    },
}

impl Trigger {
    /// The segment in it.
    pub fn segment(&self) -> Option<&SmolStr> {
        match self {
            Self::Segment(segment) => Some(segment),
            Self::Traits { segment, .. } => segment.as_ref(),
        }
    }
}
