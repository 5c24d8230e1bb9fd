//! What the operator configures.

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Where the API is, without `/api`.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// The dated revision of the API.
    #[serde(default = "default_revision")]
    pub revision: String,
    /// From so many items on, a bulk job is made.
    #[serde(default = "default_bulk_from")]
    pub bulk_from: usize,
    /// Seconds that are read again after a pause.
    #[serde(default = "default_overlap_s")]
    pub overlap_s: i64,
}

fn default_base_url() -> String {
    "https://a.klaviyo.com".to_owned()
}

fn default_revision() -> String {
    "2026-07-15".to_owned()
}

fn default_bulk_from() -> usize {
    25
}

fn default_overlap_s() -> i64 {
    300
}

impl Settings {
    /// Checks what the manifest's schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first setting that makes no sense.
    pub fn validate(&self) -> Result<(), Error> {
        if !self.base_url.starts_with("https://") && !self.base_url.starts_with("http://") {
            return Err(Error::invalid(
                "base_url",
                "expected an address such as `https://a.klaviyo.com`",
            ));
        }
        let is_date = self.revision.len() >= 10
            && self.revision.is_ascii()
            && crosspoint_sdk::map::instant::parse(&self.revision[..10], 0).is_ok();
        if !is_date {
            return Err(Error::invalid(
                "revision",
                "expected a date such as `2026-07-15`",
            ));
        }
        Ok(())
    }
}
