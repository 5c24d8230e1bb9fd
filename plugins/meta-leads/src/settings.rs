//! What the operator configures, checked beyond what the manifest's schema can say.

use std::collections::BTreeMap;

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings; their meaning stands in `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The Graph API.
    pub url: String,
    /// As in `v26.0`.
    pub api_version: String,
    /// Ids of pages.
    pub pages: Vec<String>,
    /// How far a sweep looks back.
    pub overlap_hours: u32,
    /// Empty where none is assumed.
    pub calling_code: String,
    /// Checkbox key to topic.
    pub consents: BTreeMap<String, String>,
}

impl Settings {
    /// Everything that the schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the setting at fault.
    pub fn validate(&self) -> Result<(), Error> {
        let rest = self.url.strip_prefix("https://");
        let rest = rest.or_else(|| self.url.strip_prefix("http://"));
        let host = rest.map(|rest| rest.trim_end_matches('/'));
        if !host.is_some_and(|it| !it.is_empty() && !it.contains(['/', '?', '#', '@', ' '])) {
            let reason = "expected an address such as `https://graph.facebook.com`";
            return Err(Error::invalid("url", reason));
        }
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let number = self
            .api_version
            .strip_prefix('v')
            .and_then(|it| it.split_once('.'));
        if !number.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            return Err(Error::invalid(
                "api_version",
                "expected a version such as `v26.0`",
            ));
        }
        if self.pages.is_empty() || !self.pages.iter().all(|page| is_id(page)) {
            return Err(Error::invalid("pages", "expected ids of pages, in digits"));
        }
        let code = self.calling_code.trim_start_matches('+');
        if code.len() > 4 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid(
                "calling_code",
                "expected a calling code such as `49`",
            ));
        }
        Ok(())
    }

    /// How far a sweep looks back, in milliseconds.
    pub fn overlap_ms(&self) -> i64 {
        i64::from(self.overlap_hours) * 3_600_000
    }

    /// The calling code, where one is set.
    pub fn calling_code(&self) -> Option<&str> {
        Some(self.calling_code.as_str()).filter(|code| !code.is_empty())
    }
}

/// An id of the vendor's: digits, up to beyond 64 bits, so that it may stand in an address.
pub fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
