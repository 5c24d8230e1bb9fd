//! What a plugin says about itself and asks for: `plugin.toml`, carried in the component's custom
//! section. The format is described in `docs/reference/manifest.md`.

mod attach;
mod settings;
mod template;
mod validate;
mod webhook;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use attach::{Attach, Digest, Encoding, KeyForm};
pub use settings::{Setting, SettingType};
pub(crate) use template::fill;
pub use validate::Problem;
pub(crate) use validate::setting_alone;
pub use webhook::{
    CONTENT_NAMES, Challenge, ChallengeKind, DEFAULT_ANSWER_WITHIN_S, DEFAULT_TOLERANCE_S,
    SharedPlace, TimestampFormat, Webhook, WebhookScheme,
};

/// Name of the custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "crosspoint:manifest";

/// The contract that this host binds.
pub const CONTRACT: &str = "0.1";

/// A plugin's manifest, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What configuration calls the plugin: `[a-z][a-z0-9-]*`.
    pub id: String,
    /// For people.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// The contract it was built against, as in `0.1`.
    pub contract: String,
    /// What it offers, at least one.
    pub roles: Vec<Role>,
    /// One or two sentences for the operator.
    #[serde(default)]
    pub description: String,
    /// Host capabilities beyond log and settings.
    #[serde(default)]
    pub imports: Vec<Capability>,
    /// Where it wants to reach.
    #[serde(default)]
    pub hosts: Vec<HostRequest>,
    /// What the operator configures.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// Credentials by name, which the host attaches and the plugin never sees.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRequest>,
    /// How calls to the hook address are verified.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// The vendor's rate limit per account.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// Where the vendor says how much of its quota is left.
    #[serde(default)]
    pub quota: Option<QuotaHeaders>,
    /// Whom it talks to.
    #[serde(default)]
    pub vendor: Option<Vendor>,
}

/// A connector role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Yields records.
    Source,
    /// Takes deliveries.
    Destination,
}

/// Something that the host lends only to those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Capability {
    /// `http.fetch`.
    #[serde(rename = "http")]
    Http,
    /// TCP connections, line by line.
    #[serde(rename = "tcp")]
    Tcp,
    /// Listing and reading files below granted locations.
    #[serde(rename = "files")]
    Files,
    /// Notes that survive the call.
    #[serde(rename = "jobs")]
    Jobs,
    /// The same egress through `wasi:http`.
    #[serde(rename = "wasi:http")]
    WasiHttp,
}

impl Capability {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Files => "files",
            Self::Jobs => "jobs",
            Self::WasiHttp => "wasi:http",
        }
    }
}

/// A host that the plugin wants to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRequest {
    /// `api.example.com`, `*.example.com`, either with `:PORT`, or `{settings.NAME}`: the host,
    /// port and scheme of the URL in that setting. With scheme `tcp` always with `:PORT`.
    pub host: String,
    /// Methods in upper case; none named means all.
    #[serde(default)]
    pub methods: Vec<String>,
    /// `https` if not said.
    #[serde(default)]
    pub scheme: Scheme,
}

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// TLS only.
    #[default]
    Https,
    /// Also without TLS, where the operator allows it.
    Http,
    /// By `tcp`, not by HTTP.
    Tcp,
}

/// A credential that the plugin needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRequest {
    /// How the host puts it on a request.
    pub attach: Attach,
    /// Without it the connector does not start.
    #[serde(default)]
    pub required: bool,
    /// Where the operator finds it at the vendor.
    #[serde(default)]
    pub description: String,
    /// Hosts of the manifest that get it, as patterns; none named means all.
    #[serde(default)]
    pub hosts: Vec<String>,
}

fn default_content() -> String {
    "{body}".to_owned()
}

/// The vendor's rate limit per account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many requests in one `per`.
    pub requests: u32,
    /// A span such as `1s` or `1m`.
    pub per: String,
    /// How many may go at once after a pause; `requests` if not said.
    #[serde(default)]
    pub burst: Option<u32>,
}

/// Headers of the vendor's answers that tell of its quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaHeaders {
    /// Holds `USED/LIMIT` somewhere, as in `api-usage=18/5000`, or starts with what remains.
    pub header: String,
    /// Starts with the limit, where `header` holds what remains.
    #[serde(default)]
    pub limit_header: Option<String>,
}

/// Whom the plugin talks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// The vendor's name.
    pub name: String,
    /// The version of the vendor's API that the plugin speaks.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The day on which the vendor switches that version off, as `2027-01-31`.
    #[serde(default)]
    pub sunset: Option<String>,
}

impl Manifest {
    /// Reads and checks `plugin.toml`.
    ///
    /// # Errors
    /// Text that is no manifest gives one problem; a manifest that contradicts itself gives all of
    /// its problems.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            vec![Problem {
                place: place(text, &error),
                reason: error.message().to_owned(),
            }]
        })?;
        let problems = manifest.problems();
        if problems.is_empty() {
            Ok(manifest)
        } else {
            Err(problems)
        }
    }

    /// Whether the manifest asks for it.
    pub fn asks_for(&self, capability: Capability) -> bool {
        self.imports.contains(&capability)
    }

    /// Whether it has the role.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

fn place(text: &str, error: &toml::de::Error) -> String {
    let before = error
        .span()
        .map_or("", |span| text.get(..span.start).unwrap_or_default());
    format!("plugin.toml:{}", before.matches('\n').count() + 1)
}
