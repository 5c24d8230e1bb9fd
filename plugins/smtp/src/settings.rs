//! What the operator configures.

use std::collections::BTreeMap;

use crosspoint_sdk::Error;
use serde::Deserialize;

use crate::address::Mailbox;
use crate::mime::one_line;
use crate::template::Template;

/// The settings of `plugin.toml`.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)] // `plugin.toml` describes them
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    #[serde(default)]
    pub user: Option<String>,
    pub mechanism: Mechanism,
    pub from: String,
    #[serde(default)]
    pub reply_to: Option<String>,
    #[serde(default)]
    pub bounces_to: Option<String>,
    #[serde(default)]
    pub greeting: Option<String>,
    pub templates: BTreeMap<String, TemplateSettings>,
    pub consent: ConsentRule,
    pub batch_size: u32,
    pub timeout_ms: u32,
}

/// One message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSettings {
    subject: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    html: Option<String>,
    /// `List-Id` (RFC 2919).
    #[serde(default)]
    list_id: Option<String>,
    /// Part of a business that the person asked for, hence without consent to marketing.
    #[serde(default)]
    transactional: bool,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Security {
    Starttls,
    Tls,
    None,
}

/// How to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Mechanism {
    Auto,
    Plain,
    Login,
    CramMd5,
    Xoauth2,
}

/// Which consent a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentRule {
    /// None was withdrawn.
    NotWithdrawn,
    /// It was given.
    Granted,
}

/// The settings, understood.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) user: Option<String>,
    pub(crate) mechanism: Mechanism,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) bounces_to: String,
    pub(crate) greeting: String,
    pub(crate) templates: BTreeMap<String, Letter>,
    pub(crate) consent: ConsentRule,
    pub(crate) timeout_ms: u32,
}

/// One message before it is filled in.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) subject: Template,
    pub(crate) text: Option<Template>,
    pub(crate) html: Option<Template>,
    pub(crate) list_id: Option<String>,
    pub(crate) transactional: bool,
}

impl Settings {
    /// Checks what the manifest's schema cannot say.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first setting that makes no sense.
    pub(crate) fn plan(&self) -> Result<Plan, Error> {
        let mailbox = |field: &'static str, text: &str| {
            let read = Mailbox::parse(text).map_err(|reason| {
                Error::invalid(
                    field,
                    format!("expected `news@example.com` or `Shop <news@example.com>`: {reason}"),
                )
            })?;
            if read.address.is_ascii() {
                Ok(read)
            } else {
                Err(Error::invalid(field, "the sender's address must be ASCII"))
            }
        };
        let optional = |field, text: &Option<String>| {
            text.as_deref().map(|text| mailbox(field, text)).transpose()
        };
        let from = mailbox("from", &self.from)?;
        let bounces_to = optional("bounces_to", &self.bounces_to)?;
        let greeting = self.greeting.as_deref().unwrap_or(from.address.domain());
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.[]:".contains(c);
        if greeting.is_empty() || !greeting.chars().all(fits) {
            return Err(Error::invalid(
                "greeting",
                "expected a host name or an address in brackets",
            ));
        }
        if self.templates.is_empty() {
            return Err(Error::invalid("templates", "expected at least one"));
        }
        let templates = self
            .templates
            .iter()
            .map(|(name, template)| Ok((name.clone(), template.letter(name)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Plan {
            host: self.host.clone(),
            port: self.port,
            security: self.security,
            user: self.user.clone().filter(|user| !user.is_empty()),
            mechanism: self.mechanism,
            bounces_to: bounces_to
                .as_ref()
                .unwrap_or(&from)
                .address
                .as_str()
                .to_owned(),
            reply_to: optional("reply_to", &self.reply_to)?,
            greeting: greeting.to_owned(),
            from,
            templates,
            consent: self.consent,
            timeout_ms: self.timeout_ms,
        })
    }
}

impl TemplateSettings {
    fn letter(&self, name: &str) -> Result<Letter, Error> {
        let read = |key: &str, text: &str| {
            Template::parse(text)
                .map_err(|reason| Error::invalid(format!("templates.{name}.{key}"), reason))
        };
        let optional = |key: &str, text: &Option<String>| {
            text.as_deref().map(|text| read(key, text)).transpose()
        };
        if self.text.is_none() && self.html.is_none() {
            let field = format!("templates.{name}");
            return Err(Error::invalid(field, "needs `text`, `html` or both"));
        }
        if let Some(id) = &self.list_id
            && (one_line(id) != *id || !id.is_ascii() || id.len() > 200 || !id.ends_with('>'))
        {
            return Err(Error::invalid(
                format!("templates.{name}.list_id"),
                "expected ASCII such as `Newsletter <news.example.com>`",
            ));
        }
        Ok(Letter {
            subject: read("subject", &self.subject)?,
            text: optional("text", &self.text)?,
            html: optional("html", &self.html)?,
            list_id: self.list_id.clone(),
            transactional: self.transactional,
        })
    }
}
