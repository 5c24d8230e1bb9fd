//! Puts credentials on requests, outside the plugin.

mod signing;
mod tokens;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use crate::egress::{Egress, EgressError, Outgoing};
use crate::grants::HostPattern;
use crate::mac;
use crate::manifest::{Attach, Manifest, Problem, SecretRequest, fill};
use crate::secret::{Scrubber, Secret, percent_encoded};

use signing::{Hmac, StandardWebhooks};
use tokens::TokenSource;

/// All credentials of one connector.
pub(crate) struct Credentials {
    all: Vec<Credential>,
}

struct Credential {
    /// Empty means every host.
    hosts: Vec<HostPattern>,
    how: How,
}

enum How {
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
    StandardWebhooks(StandardWebhooks),
    Hmac(Hmac),
    Token(TokenSource),
}

impl Credentials {
    /// From the manifest's requests and the operator's secrets; all problems at once. Every value
    /// that could travel is made known to the scrubber.
    pub(crate) fn new(
        manifest: &Manifest,
        settings: &Map<String, Value>,
        secrets: &BTreeMap<String, Secret>,
        scrubber: &Arc<Scrubber>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut all = Vec::new();
        for name in secrets
            .keys()
            .filter(|name| !manifest.secrets.contains_key(*name))
        {
            let reason = format!("is not a secret of plugin `{}`", manifest.id);
            problems.push(Problem {
                place: format!("secrets.{name}"),
                reason,
            });
        }
        for (name, request) in &manifest.secrets {
            let place = format!("secrets.{name}");
            let Some(secret) = secrets.get(name) else {
                if request.required {
                    let reason = format!("is missing: {}", request.description);
                    problems.push(Problem { place, reason });
                }
                continue;
            };
            scrubber.add(secret.expose());
            match credential(request, settings, secret, scrubber) {
                Ok(credential) => all.extend(credential),
                Err(reason) => problems.push(Problem { place, reason }),
            }
        }
        if problems.is_empty() {
            Ok(Self { all })
        } else {
            Err(problems)
        }
    }

    /// Headers that credentials set, and plugins therefore may not.
    pub(crate) fn headers(&self) -> Vec<HeaderName> {
        self.all
            .iter()
            .flat_map(|credential| credential.how.headers())
            .collect()
    }

    /// Puts on everything that belongs to `host`.
    pub(crate) async fn attach(
        &self,
        outgoing: &mut Outgoing,
        host: &str,
        egress: &Egress,
    ) -> Result<(), EgressError> {
        for credential in self.all.iter().filter(|credential| credential.is_for(host)) {
            credential.how.attach(outgoing, egress).await?;
        }
        Ok(())
    }

    /// Drops the tokens used for `host`; false if there were none, so that trying again is vain.
    pub(crate) async fn forget_tokens(&self, host: &str) -> bool {
        let mut forgotten = false;
        for credential in self.all.iter().filter(|credential| credential.is_for(host)) {
            if let How::Token(source) = &credential.how {
                forgotten |= source.forget().await;
            }
        }
        forgotten
    }
}

impl Credential {
    fn is_for(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

impl How {
    fn headers(&self) -> Vec<HeaderName> {
        match self {
            Self::Header(name, _) => vec![name.clone()],
            Self::Query(..) => vec![],
            Self::StandardWebhooks(_) => StandardWebhooks::HEADERS.to_vec(),
            Self::Hmac(hmac) => hmac.headers(),
            Self::Token(_) => vec![header::AUTHORIZATION],
        }
    }

    async fn attach(&self, outgoing: &mut Outgoing, egress: &Egress) -> Result<(), EgressError> {
        match self {
            Self::Header(name, value) => {
                outgoing.headers.insert(name.clone(), value.clone());
            }
            Self::Query(name, secret) => {
                let own = format!(
                    "{}={}",
                    percent_encoded(name),
                    percent_encoded(secret.expose())
                );
                let query = match outgoing.url.query() {
                    Some(query) if !query.is_empty() => format!("{query}&{own}"),
                    _ => own,
                };
                outgoing.url.set_query(Some(&query));
            }
            Self::StandardWebhooks(signer) => signer.sign(outgoing, unix_seconds())?,
            Self::Hmac(signer) => signer.sign(outgoing, unix_seconds())?,
            Self::Token(source) => {
                let value = source.bearer(egress).await?;
                outgoing.headers.insert(header::AUTHORIZATION, value);
            }
        }
        Ok(())
    }
}

fn credential(
    request: &SecretRequest,
    settings: &Map<String, Value>,
    secret: &Secret,
    scrubber: &Arc<Scrubber>,
) -> Result<Option<Credential>, String> {
    let filled =
        |text: &str| fill(text, settings).ok_or_else(|| format!("needs the settings in `{text}`"));
    let how = match &request.attach {
        Attach::Header { name, prefix } => {
            let value = sensitive(&format!("{}{}", filled(prefix)?, secret.expose()))?;
            How::Header(header_name(name)?, value)
        }
        Attach::Bearer => How::Header(
            header::AUTHORIZATION,
            sensitive(&format!("Bearer {}", secret.expose()))?,
        ),
        Attach::Basic { username } => {
            let pair = match username {
                Some(name) => format!("{}:{}", filled(name)?, secret.expose()),
                None => secret.expose().to_owned(),
            };
            scrubber.add(&pair);
            let value = sensitive(&format!("Basic {}", BASE64_STANDARD.encode(&pair)))?;
            How::Header(header::AUTHORIZATION, value)
        }
        Attach::Query { name } => How::Query(name.clone(), secret.clone()),
        Attach::StandardWebhooks => How::StandardWebhooks(StandardWebhooks::new(secret)?),
        Attach::Hmac {
            header,
            prefix,
            content,
            digest,
            encoding,
            key,
            timestamp_header,
        } => How::Hmac(Hmac {
            header: header_name(header)?,
            prefix: prefix.clone(),
            content: content.clone(),
            digest: *digest,
            encoding: *encoding,
            key: mac::key(secret.expose(), *key)?,
            timestamp_header: timestamp_header.as_deref().map(header_name).transpose()?,
        }),
        Attach::OAuth2ClientCredentials {
            token_url,
            client_id,
            scope,
            parameters,
            in_body,
        } => How::Token(TokenSource::client_credentials(
            &filled(token_url)?,
            filled(client_id)?,
            secret.clone(),
            scope.clone(),
            parameters.clone(),
            *in_body,
            scrubber.clone(),
        )?),
        Attach::Webhook => return Ok(None),
        later => {
            return Err(format!(
                "is attached by `{}`, not supported yet",
                later.kind()
            ));
        }
    };
    let hosts = request.hosts.iter().filter_map(|host| {
        let filled = fill(host, settings)?;
        let name = reqwest::Url::parse(&filled)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or(filled);
        HostPattern::parse_asked(&name)
            .ok()
            .map(|(pattern, _)| pattern)
    });
    let hosts: Vec<_> = hosts.collect();
    // A host that could not be read must not turn "these hosts only" into "every host".
    if hosts.len() != request.hosts.len() {
        return Err("has a host among `hosts` that the settings leave open".to_owned());
    }
    Ok(Some(Credential { hosts, how }))
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("sets no usable header `{name}`"))
}

fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "holds characters that no header can carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
