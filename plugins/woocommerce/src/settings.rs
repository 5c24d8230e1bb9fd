//! What the operator configures.

use crosspoint_sdk::Error;
use crosspoint_sdk::map::number;
use serde::Deserialize;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The site's address.
    pub url: String,
    /// Consumer key; the host attaches it, but for `key_in_query`.
    pub consumer_key: String,
    /// The site answers below `/wp-json`.
    #[serde(default = "yes")]
    pub pretty_permalinks: bool,
    /// The consumer key goes into the query.
    #[serde(default)]
    pub key_in_query: bool,
    /// Objects asked for at a time.
    #[serde(default = "default_page_size")]
    pub page_size: u32,
    /// The shop's currency; empty: not known.
    #[serde(default)]
    pub currency: String,
    /// Guests become contacts.
    #[serde(default = "yes")]
    pub guests: bool,
    /// Meta key of the consent to e-mail marketing.
    #[serde(default)]
    pub email_consent_key: String,
    /// Meta key of the consent to SMS marketing.
    #[serde(default)]
    pub sms_consent_key: String,
    /// Values that mean consent.
    #[serde(default = "default_consent_words")]
    pub consent_words: Vec<String>,
    /// How often everything is read again, in hours.
    #[serde(default = "default_full_sweep_hours")]
    pub full_sweep_hours: u32,
    /// Webhooks tell of deletions.
    #[serde(default)]
    pub webhooks: bool,
    /// Before coupon codes that are made up.
    #[serde(default = "default_coupon_prefix")]
    pub coupon_prefix: String,
}

fn yes() -> bool {
    true
}

fn default_page_size() -> u32 {
    50
}

fn default_full_sweep_hours() -> u32 {
    24
}

fn default_coupon_prefix() -> String {
    "xp-".to_owned()
}

fn default_consent_words() -> Vec<String> {
    ["yes", "true", "1", "on", "subscribed"]
        .map(str::to_owned)
        .to_vec()
}

impl Settings {
    /// Checks what the manifest's schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first setting that makes no sense.
    pub fn validate(&self) -> Result<(), Error> {
        let rest = self.url.strip_prefix("https://");
        let rest = rest.or_else(|| self.url.strip_prefix("http://"));
        let is_site = rest.is_some_and(|rest| {
            let host = rest.split('/').next().unwrap_or_default();
            !host.is_empty()
                && !rest.contains(['?', '#', '@'])
                && !rest.contains(char::is_whitespace)
        });
        if !is_site {
            return Err(Error::invalid(
                "url",
                "expected the site's address, such as `https://www.example.com`",
            ));
        }
        if self.key_in_query && self.url.starts_with("http://") {
            return Err(Error::invalid(
                "key_in_query",
                "without https the secret would be readable on its way; use `oauth1_secret`",
            ));
        }
        if self.consumer_key.trim().is_empty() {
            return Err(Error::invalid("consumer_key", "expected `ck_...`"));
        }
        if !self.currency.is_empty() {
            number::currency(&self.currency)
                .map_err(|error| Error::invalid("currency", error.to_string()))?;
        }
        if !(1..=100).contains(&self.page_size) {
            return Err(Error::invalid("page_size", "expected 1 to 100"));
        }
        Ok(())
    }
}
