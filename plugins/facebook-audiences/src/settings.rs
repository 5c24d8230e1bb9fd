//! What the operator configures.

use crosspoint_sdk::Error;
use serde::Deserialize;

/// Most rows that Meta takes in one request.
pub const MAX_ROWS: usize = 10_000;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The Graph API without version.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Its version.
    #[serde(default = "default_api_version")]
    pub api_version: String,
    /// The ad account.
    pub ad_account_id: String,
    /// Where the people's data comes from.
    #[serde(default = "default_customer_file_source")]
    pub customer_file_source: String,
    /// An audience that is not there is made.
    #[serde(default = "yes")]
    pub create: bool,
    /// Only who granted `ads` goes to Meta.
    #[serde(default)]
    pub require_consent: bool,
    /// Limited Data Use for everybody.
    #[serde(default)]
    pub limited_data_use: bool,
    /// Audiences that are made take values.
    #[serde(default)]
    pub value_based: bool,
    /// Most rows of a request.
    #[serde(default = "default_rows_per_request")]
    pub rows_per_request: usize,
}

fn default_base_url() -> String {
    "https://graph.facebook.com".to_owned()
}

fn default_api_version() -> String {
    "v25.0".to_owned()
}

fn default_customer_file_source() -> String {
    "USER_PROVIDED_ONLY".to_owned()
}

fn yes() -> bool {
    true
}

fn default_rows_per_request() -> usize {
    MAX_ROWS
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
                "expected an address such as `https://graph.facebook.com`",
            ));
        }
        let version = self.api_version.strip_prefix('v').unwrap_or_default();
        let is_version = version
            .split_once('.')
            .is_some_and(|(major, minor)| is_number(major) && is_number(minor));
        if !is_version {
            return Err(Error::invalid(
                "api_version",
                "expected a version such as `v25.0`",
            ));
        }
        if !is_number(self.account_number()) {
            return Err(Error::invalid(
                "ad_account_id",
                "expected a number, with or without `act_` in front",
            ));
        }
        if !(1..=MAX_ROWS).contains(&self.rows_per_request) {
            return Err(Error::invalid(
                "rows_per_request",
                format!("expected 1 to {MAX_ROWS}"),
            ));
        }
        Ok(())
    }

    fn account_number(&self) -> &str {
        let id = self.ad_account_id.trim();
        id.strip_prefix("act_").unwrap_or(id)
    }

    /// The ad account as paths name it.
    pub fn account(&self) -> String {
        format!("act_{}", self.account_number())
    }
}

/// Digits only, at least one.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
