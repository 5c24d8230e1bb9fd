//! What the operator configures, checked beyond what the manifest's schema can say.

use crosspoint_sdk::Error;
use serde::Deserialize;

/// The settings; their meaning stands in `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The site's address.
    pub url: String,
    /// Used by the host alone.
    #[serde(rename = "username")]
    pub _username: String,
    /// What may be seen.
    pub access: Access,
    /// The API is at `?rest_route=`.
    pub plain_permalinks: bool,
    /// Post types.
    pub content: Vec<String>,
    /// Taxonomies.
    pub taxonomies: Vec<String>,
    /// Read users.
    pub users: bool,
    /// Read comments.
    pub comments: bool,
    /// How far a sweep over comments looks back.
    pub comment_days: u32,
}

/// What may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// What the user of the application password sees.
    Edit,
    /// What everybody sees.
    View,
}

impl Settings {
    /// Everything that the schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the setting at fault.
    pub fn validate(&self) -> Result<(), Error> {
        let rest = self.url.strip_prefix("https://");
        let rest = rest.or_else(|| self.url.strip_prefix("http://"));
        let is_address = rest.is_some_and(|rest| {
            !rest.trim_matches('/').is_empty() && !rest.contains(['?', '#', '@', ' '])
        });
        if !is_address {
            return Err(Error::invalid(
                "url",
                "expected the site's address, such as `https://www.example.com`",
            ));
        }
        let mut names = vec!["users".to_owned(), "comments".to_owned()];
        for (setting, list) in [("content", &self.content), ("taxonomies", &self.taxonomies)] {
            for base in list {
                if !is_base(base) {
                    let reason = "expected names of the API such as `posts`";
                    return Err(Error::invalid(setting, reason));
                }
                let name = stream_name(base);
                if names.contains(&name) {
                    let reason = format!("`{base}` would be a second stream `{name}`");
                    return Err(Error::invalid(setting, reason));
                }
                names.push(name);
            }
        }
        Ok(())
    }

    /// The site's address without a slash at the end.
    pub fn site(&self) -> &str {
        self.url.trim_end_matches('/')
    }

    /// More is seen than everybody sees.
    pub fn is_edit(&self) -> bool {
        self.access == Access::Edit
    }
}

/// A name in the API: it may stand in an address as it is.
fn is_base(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// The stream of a name in the API.
pub fn stream_name(base: &str) -> String {
    base.replace('_', "-")
}
