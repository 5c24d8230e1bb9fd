//! What the operator configures.

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The shop's own address.
    pub url: String,
    /// `url` may be something else than `NAME.myshopify.com`.
    #[serde(default)]
    pub allow_other_host: bool,
    /// Version of the Admin API.
    #[serde(default = "default_api_version")]
    pub api_version: String,
    /// The app's client id. Only the host uses it.
    #[serde(default)]
    pub client_id: String,
    /// The first history comes by a bulk operation.
    #[serde(default = "yes")]
    pub bulk_history: bool,
    /// Test orders are read too.
    #[serde(default)]
    pub test_orders: bool,
    /// Webhooks tell of deletions.
    #[serde(default)]
    pub webhooks: bool,
    /// Lists and metafields create customers.
    #[serde(default = "yes")]
    pub create_customers: bool,
    /// Customers are written with their consent.
    #[serde(default = "yes")]
    pub pass_consent: bool,
    /// Before discount codes that are made up.
    #[serde(default = "default_code_prefix")]
    pub code_prefix: String,
}

fn default_api_version() -> String {
    "2026-10".to_owned()
}

fn default_code_prefix() -> String {
    "XP".to_owned()
}

fn yes() -> bool {
    true
}

impl Settings {
    /// Checks what the manifest's schema cannot say. Called before anything is sent, so that no
    /// token goes to an address that is not the shop's.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first setting that makes no sense.
    pub fn validate(&self) -> Result<(), Error> {
        let rest = self.url.strip_prefix("https://");
        let rest = match rest.or_else(|| self.url.strip_prefix("http://")) {
            Some(rest) => rest,
            None => {
                return Err(Error::invalid(
                    "url",
                    "expected an address such as `https://my-shop.myshopify.com`",
                ));
            }
        };
        if rest.is_empty()
            || rest.contains(['/', '?', '#', '@'])
            || rest.contains(char::is_whitespace)
        {
            return Err(Error::invalid(
                "url",
                "expected nothing but a host name behind `https://`",
            ));
        }
        let is_the_shops = self.url.starts_with("https://") && is_shop(rest);
        if !is_the_shops && !self.allow_other_host {
            return Err(Error::invalid(
                "url",
                "expected `https://NAME.myshopify.com`, the shop's own address; \
                 `allow_other_host` permits others",
            ));
        }
        let version = self.api_version.as_bytes();
        let is_version = self.api_version == "unstable"
            || (version.len() == 7
                && version[4] == b'-'
                && version
                    .iter()
                    .enumerate()
                    .all(|(at, byte)| at == 4 || byte.is_ascii_digit()));
        if !is_version {
            return Err(Error::invalid(
                "api_version",
                "expected a quarter such as `2026-10`",
            ));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !self.code_prefix.bytes().all(is_plain) {
            return Err(Error::invalid(
                "code_prefix",
                "expected letters, digits, `-` and `_`",
            ));
        }
        Ok(())
    }
}

/// `^[a-z0-9][a-z0-9-]*\.myshopify\.com$`, as Shopify says to check.
fn is_shop(host: &str) -> bool {
    host.strip_suffix(".myshopify.com").is_some_and(|name| {
        name.as_bytes().first().is_some_and(|first| *first != b'-')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}
