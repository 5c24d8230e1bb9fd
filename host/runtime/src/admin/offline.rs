//! Answers of what needs no host: checking a project, looking at plugins, replaying a ledger.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Something a check found wrong in a project folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ProblemView {
    /// Error code with a page.
    pub code: String,
    /// Below the project folder.
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: u32,
    pub column: u32,
    pub message: String,
    pub hint: Option<String>,
}

/// What a plugin says about itself in its manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PluginView {
    pub id: String,
    pub name: String,
    pub version: String,
    pub contract: String,
    pub description: String,
    pub roles: Vec<String>,
    /// `bundled`, or the path of its file.
    pub origin: String,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    pub size_bytes: u64,
    /// Hosts it asks for, with methods.
    pub hosts: Vec<String>,
    /// Doors of the host it asks for: `http`, `files`, `jobs`, ...
    pub imports: Vec<String>,
    pub settings: Vec<SettingView>,
    pub secrets: Vec<SecretView>,
    /// Vendor, API version and its sunset, where it has one.
    pub vendor: Option<String>,
}

/// A setting of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SettingView {
    pub name: String,
    pub kind: String,
    pub required: bool,
    pub default: Option<Json>,
    pub description: String,
}

/// A secret of a plugin; never its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct SecretView {
    pub name: String,
    /// How the host attaches it to a request.
    pub attach: String,
    pub required: bool,
    pub description: String,
}

/// What a replay of the ledger into an empty store gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ReplayReport {
    pub entries: u64,
    pub profiles: u64,
    /// Digest of the store as it was found; absent without a comparison.
    pub digest_store: Option<String>,
    pub digest_replay: String,
    /// Whether both digests are the same; true without a comparison.
    pub equal: bool,
    pub elapsed_ms: u64,
}
