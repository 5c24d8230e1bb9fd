//! Puts credentials on requests, outside the plugin.

mod make;
mod oauth1;
mod sasl;
mod signing;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use crate::egress::{EgressError, Outgoing, Wire};
use crate::grants::HostPattern;
use crate::manifest::{Attach, Manifest, Problem};
use crate::secret::{SHORTEST_NEEDLE_BYTES, Scrubber, Secret, percent_encoded};

use make::Maker;
use oauth1::OAuth1;
use signing::{Hmac, StandardWebhooks};
use token::TokenSource;

pub(crate) use sasl::Form;

/// All credentials of one connector.
pub(crate) struct Credentials {
    /// Signatures last, so that they cover what the others put on.
    all: Vec<Credential>,
}

struct Credential {
    /// In the manifest.
    name: String,
    /// Empty means every host.
    hosts: Vec<HostPattern>,
    how: How,
}

enum How {
    Header(HeaderName, HeaderValue),
    Query(String, Secret),
    StandardWebhooks(StandardWebhooks),
    Hmac(Hmac),
    OAuth1(OAuth1),
    Token(HeaderName, TokenSource),
    /// Written on connections instead of requests.
    Sasl(Secret),
}

/// Whose credentials they are, and where tokens outlive the process.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) connector: &'a str,
    pub(crate) tokens: Option<&'a Path>,
}

/// The tokens that went out with a request: which credential, and what it put on.
pub(crate) struct Used(Vec<(usize, HeaderValue)>);

impl Credentials {
    /// From the manifest's requests and the operator's secrets; all problems at once. Every value
    /// that could travel is made known to the scrubber.
    pub(crate) fn new(
        manifest: &Manifest,
        settings: &Map<String, Value>,
        secrets: &BTreeMap<String, Secret>,
        scrubber: &Arc<Scrubber>,
        owner: Owner<'_>,
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
        let maker = Maker {
            settings,
            secrets,
            scrubber,
            owner,
        };
        for (name, request) in &manifest.secrets {
            let place = format!("secrets.{name}");
            let Some(secret) = secrets.get(name) else {
                if request.required {
                    let reason = format!("is missing: {}", request.description);
                    problems.push(Problem { place, reason });
                }
                continue;
            };
            scrubber.add_all(secret.expose());
            let made = long_enough(&request.attach, secret, scrubber)
                .and_then(|()| maker.credential(name, request, secret));
            match made {
                Ok(credential) => all.extend(credential),
                Err(reason) => problems.push(Problem { place, reason }),
            }
        }
        all.sort_by_key(|credential: &Credential| credential.how.is_signature());
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
        wire: &Wire,
    ) -> Result<Used, EgressError> {
        let mut used = Vec::new();
        for (index, credential) in self.all.iter().enumerate() {
            if credential.is_for(host) {
                let token = credential.how.attach(outgoing, wire).await?;
                used.extend(token.map(|token| (index, token)));
            }
        }
        Ok(Used(used))
    }

    /// The vendor answered 401: drops the tokens that were used. False if there is no other one to
    /// be had, so that trying again is vain.
    pub(crate) async fn refused(&self, used: &Used) -> bool {
        let mut again = false;
        for (index, value) in &used.0 {
            if let How::Token(_, source) = &self.all[*index].how {
                again |= source.refused(value).await;
            }
        }
        again
    }

    /// The vendor took the tokens.
    pub(crate) async fn taken(&self, used: &Used) {
        for (index, value) in &used.0 {
            if let How::Token(_, source) = &self.all[*index].how {
                source.taken(value).await;
            }
        }
    }
}

impl Credential {
    fn is_for(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host))
    }
}

impl How {
    fn is_signature(&self) -> bool {
        matches!(
            self,
            Self::StandardWebhooks(_) | Self::Hmac(_) | Self::OAuth1(_)
        )
    }

    fn headers(&self) -> Vec<HeaderName> {
        match self {
            Self::Header(name, _) => vec![name.clone()],
            Self::Query(..) | Self::Sasl(_) => vec![],
            Self::StandardWebhooks(_) => StandardWebhooks::HEADERS.to_vec(),
            Self::Hmac(hmac) => hmac.headers(),
            Self::OAuth1(_) => vec![header::AUTHORIZATION],
            Self::Token(name, _) => vec![name.clone()],
        }
    }

    /// The token that it put on, if any.
    async fn attach(
        &self,
        outgoing: &mut Outgoing,
        wire: &Wire,
    ) -> Result<Option<HeaderValue>, EgressError> {
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
            Self::OAuth1(signer) => signer.sign(outgoing, unix_seconds())?,
            Self::Sasl(_) => {}
            Self::Token(name, source) => {
                let value = source.bearer(wire).await?;
                outgoing.headers.insert(name.clone(), value.clone());
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// A secret that is too short to be looked for in what comes back is refused: it could not be kept
/// from the plugin. Of `user:password`, the password counts, or the user where a vendor wants its
/// key there and no password.
fn long_enough(attach: &Attach, secret: &Secret, scrubber: &Scrubber) -> Result<(), String> {
    let text = secret.expose();
    let counts = match attach {
        Attach::Basic { username: None } => match text.split_once(':') {
            Some((user, "")) => user,
            Some((_, password)) => password,
            None => text,
        },
        _ => text,
    };
    if counts.len() < SHORTEST_NEEDLE_BYTES {
        return Err(format!(
            "has {} characters; a secret has at least {SHORTEST_NEEDLE_BYTES}, or it could not be \
             recognised in what a vendor sends back",
            counts.len()
        ));
    }
    scrubber.add(counts);
    Ok(())
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
