//! From a manifest's wish and an operator's secret to a credential.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, header};
use reqwest::Url;
use serde_json::{Map, Value};

use crate::grants::HostPattern;
use crate::mac;
use crate::manifest::{Attach, Digest, Encoding, SecretRequest, fill};
use crate::secret::{Scrubber, Secret};

use super::oauth1::OAuth1;
use super::signing::{Hmac, StandardWebhooks};
use super::token::{Assertion, Claims, Client, Endpoint, Grant, Kept, TokenSource};
use super::{Credential, How, Owner, sensitive};

/// What all credentials of a connector are made with.
pub(super) struct Maker<'a> {
    pub(super) settings: &'a Map<String, Value>,
    pub(super) secrets: &'a BTreeMap<String, Secret>,
    pub(super) scrubber: &'a Arc<Scrubber>,
    pub(super) owner: Owner<'a>,
}

impl Maker<'_> {
    /// The credential that a secret makes; none where another one uses it. Errors are phrases about
    /// the secret.
    pub(super) fn credential(
        &self,
        name: &str,
        request: &SecretRequest,
        secret: &Secret,
    ) -> Result<Option<Credential>, String> {
        let how = match &request.attach {
            Attach::Header { name, prefix } => {
                let value = sensitive(&format!("{}{}", self.filled(prefix)?, secret.expose()))?;
                How::Header(header_name(name)?, value)
            }
            Attach::Bearer => How::Header(
                header::AUTHORIZATION,
                sensitive(&format!("Bearer {}", secret.expose()))?,
            ),
            Attach::Basic { username } => {
                let pair = match username {
                    Some(name) => format!("{}:{}", self.filled(name)?, secret.expose()),
                    None => secret.expose().to_owned(),
                };
                self.scrubber.add(&pair);
                let value = sensitive(&format!("Basic {}", BASE64_STANDARD.encode(&pair)))?;
                How::Header(header::AUTHORIZATION, value)
            }
            Attach::Query { name } => How::Query(name.clone(), secret.clone()),
            Attach::QueryProof { name, of } => {
                let signed = self.part(of)?;
                // While it is rotated a secret may hold several values: the newest comes first.
                let key = secret
                    .expose()
                    .split_whitespace()
                    .next()
                    .unwrap_or_default();
                let signed = signed.expose().as_bytes();
                let proof = mac::hmac(Digest::Sha256, key.as_bytes(), &[signed]);
                let proof = Secret::new(mac::encoded(&proof, Encoding::Hex));
                self.scrubber.add(proof.expose());
                How::Query(name.clone(), proof)
            }
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
            Attach::OAuth1 {
                consumer_key,
                token,
                token_secret,
                digest,
                in_query,
            } => How::OAuth1(OAuth1 {
                consumer_key: self.filled(consumer_key)?,
                consumer_secret: secret.clone(),
                token: match (token, token_secret) {
                    (Some(token), Some(secret)) => Some((self.part(token)?, self.part(secret)?)),
                    _ => None,
                },
                digest: *digest,
                in_query: *in_query,
            }),
            Attach::OAuth2ClientCredentials { header, .. }
            | Attach::OAuth2Refresh { header, .. }
            | Attach::OAuth2JwtBearer { header, .. } => {
                let (endpoint, grant) = self.token(name, &request.attach, secret)?;
                How::Token(header_name(header)?, TokenSource::new(endpoint, grant))
            }
            Attach::Sasl => How::Sasl(secret.clone()),
            Attach::Part | Attach::Webhook => return Ok(None),
        };
        let hosts = self.hosts(request)?;
        let name = name.to_owned();
        Ok(Some(Credential { name, hosts, how }))
    }

    fn token(
        &self,
        name: &str,
        attach: &Attach,
        secret: &Secret,
    ) -> Result<(Endpoint, Grant), String> {
        let Owner { connector, tokens } = self.owner;
        let endpoint = |url: &str, prefix: &str| -> Result<Endpoint, String> {
            let url = self.filled(url)?;
            Ok(Endpoint {
                owner: format!("secret `{name}` of connector `{connector}`"),
                url: Url::parse(&url).map_err(|_| format!("has `{url}`, which is no address"))?,
                client: None,
                scope: None,
                parameters: BTreeMap::new(),
                prefix: prefix.to_owned(),
                scrubber: Arc::clone(self.scrubber),
            })
        };
        Ok(match attach {
            Attach::OAuth2Refresh {
                token_url,
                client_id,
                client_secret,
                scope,
                parameters,
                in_body,
                prefix,
                header: _,
            } => {
                let client = Client {
                    id: self.filled(client_id)?,
                    secret: client_secret
                        .as_ref()
                        .map(|part| self.part(part))
                        .transpose()?,
                    in_body: *in_body,
                };
                let endpoint = Endpoint {
                    client: Some(client),
                    scope: scope.clone(),
                    parameters: parameters.clone(),
                    ..endpoint(token_url, prefix)?
                };
                let kept = Kept::new(secret.clone(), tokens, connector, name);
                (endpoint, Grant::Refresh(kept))
            }
            Attach::OAuth2JwtBearer {
                token_url,
                issuer,
                subject,
                recipient,
                scope,
                key_id,
                prefix,
                header: _,
            } => {
                let endpoint = Endpoint {
                    scope: scope.clone(),
                    ..endpoint(token_url, prefix)?
                };
                let optional = |text: &Option<String>| {
                    text.as_deref().map(|text| self.filled(text)).transpose()
                };
                let claims = Claims {
                    subject: optional(subject)?,
                    recipient: optional(recipient)?.unwrap_or(self.filled(token_url)?),
                    scope: scope.clone(),
                };
                let (assertion, hidden) =
                    Assertion::new(secret, optional(issuer)?, key_id.clone(), claims)?;
                hidden.iter().for_each(|it| self.scrubber.add(it.expose()));
                (endpoint, Grant::Assertion(Box::new(assertion)))
            }
            Attach::OAuth2ClientCredentials {
                token_url,
                client_id,
                scope,
                parameters,
                in_body,
                prefix,
                header: _,
            } => {
                let client = Client {
                    id: self.filled(client_id)?,
                    secret: Some(secret.clone()),
                    in_body: *in_body,
                };
                let endpoint = Endpoint {
                    client: Some(client),
                    scope: scope.clone(),
                    parameters: parameters.clone(),
                    ..endpoint(token_url, prefix)?
                };
                (endpoint, Grant::ClientCredentials)
            }
            other => return Err(format!("is attached by `{}`, not by a token", other.kind())),
        })
    }

    /// Another secret that this one needs.
    fn part(&self, name: &str) -> Result<Secret, String> {
        self.secrets
            .get(name)
            .cloned()
            .ok_or_else(|| format!("needs the secret `{name}` as well"))
    }

    fn filled(&self, text: &str) -> Result<String, String> {
        fill(text, self.settings).ok_or_else(|| format!("needs the settings in `{text}`"))
    }

    fn hosts(&self, request: &SecretRequest) -> Result<Vec<HostPattern>, String> {
        let hosts = request.hosts.iter().filter_map(|host| {
            let filled = fill(host, self.settings)?;
            let name = Url::parse(&filled)
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
        Ok(hosts)
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("sets no usable header `{name}`"))
}
