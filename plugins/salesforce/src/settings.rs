//! What the operator configures, checked beyond what the manifest's schema can say.

use std::collections::BTreeMap;

use crosspoint_sdk::Error;
use crosspoint_sdk::map::number;
use serde::Deserialize;

use crate::object::Object;

/// The settings; their meaning stands in `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The org's address, without a path.
    pub url: String,
    /// As in `66.0`.
    pub api_version: String,
    /// Used by the host alone.
    #[serde(rename = "client_id")]
    pub _client_id: String,
    /// Used by the host alone.
    #[serde(rename = "login_url")]
    pub _login_url: String,
    /// Used by the host alone.
    #[serde(rename = "username")]
    pub _username: String,
    /// What is read.
    pub objects: Vec<Object>,
    /// How far a sweep looks back.
    pub overlap_minutes: u32,
    /// Empty where rows name their own.
    pub currency: String,
    /// Empty where none is assumed.
    pub calling_code: String,
    /// Fields whose number identifies one person.
    pub phone_fields: Vec<String>,
    /// Field to system.
    pub external_ids: BTreeMap<String, String>,
    /// What an unticked opt-out box means.
    pub not_opted_out: NotOptedOut,
    /// What `upsert-contact` writes.
    pub person_object: Object,
    /// Empty where nothing is written.
    pub external_id_field: String,
    /// Empty where activities have no key.
    pub activity_key_field: String,
    /// Write consent to the opt-out boxes.
    pub pass_consent: bool,
    /// Save what a duplicate rule reports.
    pub allow_duplicates: bool,
    /// Erase instead of moving to the recycle bin.
    pub hard_delete: bool,
}

/// What an unticked opt-out box means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotOptedOut {
    /// Nothing: no consent record.
    Ignore,
    /// The person has consented.
    Granted,
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
            return Err(Error::invalid(
                "url",
                "expected the org's address without a path, such as `https://acme.my.salesforce.com`",
            ));
        }
        let is_version = self
            .api_version
            .split_once('.')
            .is_some_and(|(whole, part)| {
                !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit()) && part == "0"
            });
        if !is_version {
            return Err(Error::invalid(
                "api_version",
                "expected a version such as `66.0`",
            ));
        }
        if !self.currency.is_empty() {
            number::currency(&self.currency)
                .map_err(|error| Error::invalid("currency", error.to_string()))?;
        }
        if !matches!(self.person_object, Object::Contact | Object::Lead) {
            return Err(Error::invalid(
                "person_object",
                "expected `Contact` or `Lead`",
            ));
        }
        let code = self.calling_code.trim_start_matches('+');
        if code.len() > 4 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid(
                "calling_code",
                "expected a calling code such as `49`",
            ));
        }
        let named = [
            ("external_id_field", self.external_id_field.as_str()),
            ("activity_key_field", self.activity_key_field.as_str()),
        ];
        let phones = self
            .phone_fields
            .iter()
            .map(|it| ("phone_fields", it.as_str()));
        let externals = self
            .external_ids
            .keys()
            .map(|it| ("external_ids", it.as_str()));
        for (setting, field) in named.into_iter().chain(phones).chain(externals) {
            let is_optional = field.is_empty() && setting.ends_with("_field");
            if !is_optional && !is_field_name(field) {
                return Err(Error::invalid(setting, "expected the API name of a field"));
            }
        }
        Ok(())
    }

    /// `https://acme.my.salesforce.com`, without a slash at the end.
    pub fn origin(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// How far a sweep looks back, in milliseconds.
    pub fn overlap_ms(&self) -> i64 {
        i64::from(self.overlap_minutes) * 60_000
    }

    /// The calling code, where one is set.
    pub fn calling_code(&self) -> Option<&str> {
        Some(self.calling_code.as_str()).filter(|code| !code.is_empty())
    }
}

/// The API name of a field, as in `Shop_Id__c` or `ns__Shop_Id__c`: it may stand in a query and in
/// an address as it is.
pub fn is_field_name(name: &str) -> bool {
    name.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
