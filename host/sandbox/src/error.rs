//! What can go wrong with a plugin, by the decision that the caller takes.

use std::fmt;
use std::sync::Arc;

use crate::manifest::{CONTRACT, Capability, Problem, Role};

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// Where an error happened: which connector, which plugin, which call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The operator's name for it.
    pub connector: Arc<str>,
    /// The plugin's id.
    pub plugin: Arc<str>,
    /// The plugin's version.
    pub version: Arc<str>,
    /// The exported function, as in `read`.
    pub call: &'static str,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connector,
            plugin,
            version,
            call,
        } = self;
        write!(
            f,
            "plugin `{plugin}` {version} (connector `{connector}`, call `{call}`)"
        )
    }
}

/// What the plugin itself reports. Mirrors `error` of the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// May pass: try again with backoff.
    #[error("a fault that may pass: {0}")]
    Transient(String),
    /// The vendor asks for patience, in milliseconds where it says.
    #[error("the vendor asks to wait{}", wait(*.0))]
    RateLimited(Option<u64>),
    /// Credentials refused: pause the connector and tell the operator.
    #[error("the vendor refuses the credentials: {0}")]
    Auth(String),
    /// A setting or argument is wrong: stop until configuration changes.
    #[error("`{field}` is not usable: {reason}")]
    Invalid {
        /// Dotted name.
        field: String,
        /// Why.
        reason: String,
    },
    /// The remote object is gone for good: stop this stream or action.
    #[error("it no longer exists at the vendor: {0}")]
    Gone(String),
    /// Start the stream from the beginning.
    #[error("the cursor is no longer understood: {0}")]
    CursorExpired(String),
    /// The plugin does not do this.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// Stop the connector.
    #[error("going on would do harm: {0}")]
    Fatal(String),
}

fn wait(ms: Option<u64>) -> String {
    ms.map_or_else(String::new, |ms| format!(" for {ms} ms"))
}

/// What can go wrong with a plugin. Texts hold neither secrets nor personal data of the host's
/// own; what a plugin wrote is scrubbed of known secrets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler or its cache cannot work on this machine.
    #[error("could not set up the plugin engine: {reason}")]
    Engine {
        /// Why.
        reason: String,
    },
    /// The bytes are no component.
    #[error("the file is no WebAssembly component: {reason}; build it for `wasm32-wasip2`")]
    NotAComponent {
        /// Why.
        reason: String,
    },
    /// There is no manifest in it.
    #[error(
        "the component has no manifest; embed `plugin.toml` as custom section \
         `crosspoint:manifest`, as the SDK's macros do"
    )]
    ManifestMissing,
    /// The manifest is wrong.
    #[error("the plugin's manifest has {} problem{}: {}", .0.len(), plural(.0), list(.0))]
    Manifest(Vec<Problem>),
    /// The component imports more than its manifest asks for.
    #[error(
        "plugin `{plugin}` {version} imports `{import}`, but its manifest does not ask for \
         `{}`; add it to `imports` in `plugin.toml` or remove the use", .capability.as_str()
    )]
    ImportNotDeclared {
        /// The plugin's id.
        plugin: String,
        /// The plugin's version.
        version: String,
        /// The interface.
        import: String,
        /// What the manifest would have to ask for.
        capability: Capability,
    },
    /// The component imports what this host never lends.
    #[error(
        "plugin `{plugin}` {version} imports `{import}`, which this host does not offer; build it \
         against contract {CONTRACT} and without sockets"
    )]
    ImportUnknown {
        /// The plugin's id.
        plugin: String,
        /// The plugin's version.
        version: String,
        /// The interface.
        import: String,
    },
    /// The manifest names a role that the component does not have.
    #[error(
        "plugin `{plugin}` {version} claims to be a {role:?} but does not export it; export the \
         interface or take the role out of `plugin.toml`"
    )]
    RoleMissing {
        /// The plugin's id.
        plugin: String,
        /// The plugin's version.
        version: String,
        /// Which.
        role: Role,
    },
    /// Compiling or linking failed.
    #[error("could not compile plugin `{plugin}` {version}: {reason}")]
    Compile {
        /// The plugin's id.
        plugin: String,
        /// The plugin's version.
        version: String,
        /// Why.
        reason: String,
    },
    /// The connector's settings, secrets or grants do not fit the plugin.
    #[error(
        "connector `{connector}` does not fit plugin `{plugin}` {version}: {}", list(.problems)
    )]
    Setup {
        /// The operator's name for it.
        connector: String,
        /// The plugin's id.
        plugin: String,
        /// The plugin's version.
        version: String,
        /// Everything that does not fit.
        problems: Vec<Problem>,
    },
    /// The plugin reports an error of its own.
    #[error("{at} reports {error}")]
    Guest {
        /// Where.
        at: At,
        /// What.
        error: GuestError,
    },
    /// The plugin panicked.
    #[error("{at} panicked: {stderr}; tell the plugin's author")]
    Panic {
        /// Where.
        at: At,
        /// What it said, capped.
        stderr: String,
    },
    /// The plugin broke off.
    #[error("{at} broke off: {reason}{}", said(.stderr))]
    Trap {
        /// Where.
        at: At,
        /// The engine's word for it.
        reason: String,
        /// What it said, capped.
        stderr: String,
    },
    /// More memory than granted.
    #[error(
        "{at} ran out of memory: it wanted more than {limit_bytes} bytes; raise \
         `limits.memory` of the connector, or let the plugin handle less at once"
    )]
    OutOfMemory {
        /// Where.
        at: At,
        /// The limit.
        limit_bytes: u64,
    },
    /// More computing than granted.
    #[error(
        "{at} used up its CPU budget of {limit_ms} ms; raise `limits.cpu` of the connector, or \
         let the plugin do less in one call"
    )]
    CpuBudget {
        /// Where.
        at: At,
        /// The limit.
        limit_ms: u64,
    },
    /// More time than granted.
    #[error(
        "{at} did not return within {limit_ms} ms; raise `limits.wall` of the connector, or \
         look at what it waits for"
    )]
    WallClock {
        /// Where.
        at: At,
        /// The limit.
        limit_ms: u64,
    },
    /// More data handed over than granted.
    #[error(
        "{at} handed over more than {limit_bytes} bytes at once; let it hand over smaller pieces, or \
         raise `limits.transfer` of the connector"
    )]
    Transfer {
        /// Where.
        at: At,
        /// The limit.
        limit_bytes: u64,
    },
    /// The plugin returned what the contract forbids.
    #[error("{at} broke the contract: {reason}; tell the plugin's author")]
    Contract {
        /// Where.
        at: At,
        /// What.
        reason: String,
    },
    /// The plugin broke off too often in a row.
    #[error(
        "{at} is quarantined after {traps} failures in a row, the last being: {last}; fix or \
         update the plugin, then apply the configuration again"
    )]
    Quarantined {
        /// Where.
        at: At,
        /// How many.
        traps: u32,
        /// The last failure.
        last: String,
    },
}

impl Error {
    /// The code of its page below `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine { .. } => "XP-PLG-001",
            Self::NotAComponent { .. } => "XP-PLG-002",
            Self::ManifestMissing => "XP-PLG-003",
            Self::Manifest(_) => "XP-PLG-004",
            Self::ImportNotDeclared { .. } => "XP-PLG-005",
            Self::ImportUnknown { .. } => "XP-PLG-006",
            Self::RoleMissing { .. } => "XP-PLG-007",
            Self::Compile { .. } => "XP-PLG-008",
            Self::Setup { .. } => "XP-PLG-009",
            Self::Guest { .. } => "XP-PLG-010",
            Self::Panic { .. } => "XP-PLG-011",
            Self::Trap { .. } => "XP-PLG-012",
            Self::OutOfMemory { .. } => "XP-PLG-013",
            Self::CpuBudget { .. } => "XP-PLG-014",
            Self::WallClock { .. } => "XP-PLG-015",
            Self::Transfer { .. } => "XP-PLG-016",
            Self::Contract { .. } => "XP-PLG-017",
            Self::Quarantined { .. } => "XP-PLG-018",
        }
    }

    /// Whether the instance was thrown away because of the plugin itself: counts towards
    /// quarantine.
    pub fn is_trap(&self) -> bool {
        matches!(
            self,
            Self::Panic { .. }
                | Self::Trap { .. }
                | Self::OutOfMemory { .. }
                | Self::CpuBudget { .. }
                | Self::WallClock { .. }
                | Self::Transfer { .. }
                | Self::Contract { .. }
        )
    }

    /// What the plugin itself reported, if that is what it is.
    pub fn guest(&self) -> Option<&GuestError> {
        match self {
            Self::Guest { error, .. } => Some(error),
            _ => None,
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn plural(problems: &[Problem]) -> &'static str {
    if problems.len() == 1 { "" } else { "s" }
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!("; it said: {stderr}")
    }
}
