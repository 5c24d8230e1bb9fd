//! What the operator configures.

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The API of the account's data center.
    pub base_url: String,
    /// The Mailchimp list that is read and written.
    pub list_id: String,
    /// Status of a new member of unknown consent.
    #[serde(default)]
    pub new_member_status: NewMemberStatus,
    /// `unsuppress` may send a confirmation mail.
    #[serde(default)]
    pub resubscribe_by_mail: bool,
    /// From so many items on, a batch operation is made.
    #[serde(default = "default_bulk_from")]
    pub bulk_from: usize,
    /// Seconds that are read again after a pause.
    #[serde(default = "default_overlap_s")]
    pub overlap_s: i64,
    /// How far back campaigns are asked for activity.
    #[serde(default = "default_activity_days")]
    pub activity_days: i64,
}

/// What a new member becomes where no consent is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewMemberStatus {
    /// Gets campaigns at once.
    Subscribed,
    /// Gets a confirmation mail.
    Pending,
    /// Is there, gets no campaign.
    #[default]
    Transactional,
    /// Is there, must not get campaigns.
    Unsubscribed,
}

impl NewMemberStatus {
    /// Mailchimp's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Pending => "pending",
            Self::Transactional => "transactional",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

fn default_bulk_from() -> usize {
    25
}

fn default_overlap_s() -> i64 {
    60
}

fn default_activity_days() -> i64 {
    30
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
                "expected an address such as `https://us21.api.mailchimp.com/3.0`",
            ));
        }
        if !is_list_id(&self.list_id) {
            return Err(Error::invalid(
                "list_id",
                "expected the id of a list, letters and digits such as `4ca5becb8d`",
            ));
        }
        Ok(())
    }
}

/// What may stand for a list in a path.
pub fn is_list_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
