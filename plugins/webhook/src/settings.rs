//! What the operator configures.

use std::collections::BTreeMap;

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Where to post.
    pub url: String,
    /// How many deliveries go into one request.
    #[serde(default)]
    pub mode: Mode,
    /// Most deliveries in one request in batch mode.
    #[serde(default = "default_batch_size")]
    pub batch_size: u32,
    /// Put in front of every event type.
    #[serde(default)]
    pub type_prefix: String,
    /// Further request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Custom actions that the receiver understands.
    #[serde(default)]
    pub custom_actions: Vec<String>,
    /// How long to wait for the answer, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
}

/// How many deliveries go into one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One; its key is the `webhook-id`.
    #[default]
    Single,
    /// Up to `batch_size`.
    Batch,
}

/// The largest batch that the sheet of conventions allows.
pub const MAX_BATCH_SIZE: u32 = 100;

fn default_batch_size() -> u32 {
    MAX_BATCH_SIZE
}

fn default_timeout_ms() -> u32 {
    20_000
}

/// Headers that the host, the signature or this plugin set.
const RESERVED_HEADERS: [&str; 9] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

impl Settings {
    /// Checks what the manifest's schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first setting that makes no sense.
    pub fn validate(&self) -> Result<(), Error> {
        let rest = self
            .url
            .strip_prefix("https://")
            .or_else(|| self.url.strip_prefix("http://"))
            .ok_or_else(|| {
                Error::invalid("url", "expected an address that starts with `https://`")
            })?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.contains(|c: char| c.is_whitespace()) {
            return Err(Error::invalid(
                "url",
                "expected a host name behind `https://`",
            ));
        }
        if authority.contains('@') {
            return Err(Error::invalid(
                "url",
                "credentials do not belong into the address; use the `authorization` secret",
            ));
        }
        if self.url.contains('#') {
            return Err(Error::invalid(
                "url",
                "an address to post to has no `#` part",
            ));
        }
        if !(1..=MAX_BATCH_SIZE).contains(&self.batch_size) {
            return Err(Error::invalid(
                "batch_size",
                format!("expected 1 to {MAX_BATCH_SIZE}"),
            ));
        }
        if !self.type_prefix.is_empty() && !is_type(&self.type_prefix) {
            return Err(Error::invalid(
                "type_prefix",
                "expected letters, digits and `_`, parts separated by dots",
            ));
        }
        for name in self.headers.keys() {
            let lower = name.to_ascii_lowercase();
            if RESERVED_HEADERS.contains(&lower.as_str()) {
                return Err(Error::invalid(
                    format!("headers.{name}"),
                    "this header is not yours to set",
                ));
            }
            let is_token = !lower.is_empty()
                && lower
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !is_token {
                return Err(Error::invalid(
                    format!("headers.{name}"),
                    "not a header name",
                ));
            }
        }
        for name in &self.custom_actions {
            if !is_type(&name.replace('-', "_")) || name.contains('.') {
                return Err(Error::invalid(
                    "custom_actions",
                    format!("`{name}` must consist of letters, digits, `_` and `-`"),
                ));
            }
        }
        Ok(())
    }
}

/// The form that Standard Webhooks asks of `type`.
fn is_type(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}
