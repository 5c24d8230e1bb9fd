//! What `[secrets]` must satisfy.

use super::{Check, is_name};
use crate::manifest::{Attach, Capability};

impl Check<'_> {
    pub(super) fn secrets(&mut self) {
        for (name, secret) in &self.manifest.secrets {
            let place = format!("secrets.{name}");
            self.require(
                is_name(name, '_'),
                &place,
                "must be lower-case letters, digits and `_`, starting with a letter",
            );
            for host in &secret.hosts {
                let asked = self
                    .manifest
                    .hosts
                    .iter()
                    .any(|request| &request.host == host);
                self.require(
                    asked,
                    format!("{place}.hosts"),
                    format!("has `{host}`, which `hosts` does not ask for"),
                );
            }
            let attach = format!("{place}.attach");
            match &secret.attach {
                Attach::Header { name, .. } => self.header(&attach, name),
                Attach::Hmac {
                    header,
                    timestamp_header,
                    content,
                    ..
                } => {
                    self.header(&attach, header);
                    if let Some(name) = timestamp_header {
                        self.header(&attach, name);
                    }
                    self.require(
                        content.contains("{body}"),
                        &attach,
                        "must sign `{body}`, or a body could be replaced",
                    );
                }
                Attach::Basic {
                    username: Some(text),
                } => self.templates(&attach, text),
                Attach::QueryProof { name, of } => {
                    self.require(!name.is_empty(), &attach, "needs a parameter name");
                    self.secret_exists(&format!("{attach}.of"), of);
                }
                Attach::Query { name } => {
                    self.require(!name.is_empty(), &attach, "needs a parameter name");
                }
                Attach::OAuth2ClientCredentials {
                    token_url,
                    client_id,
                    header,
                    ..
                }
                | Attach::OAuth2Refresh {
                    token_url,
                    client_id,
                    header,
                    ..
                } => {
                    self.header(&attach, header);
                    self.templates(&attach, client_id);
                    self.token_url(&attach, token_url);
                }
                Attach::OAuth2JwtBearer {
                    token_url,
                    issuer,
                    subject,
                    recipient,
                    header,
                    ..
                } => {
                    self.header(&attach, header);
                    for text in [issuer, subject, recipient].into_iter().flatten() {
                        self.templates(&attach, text);
                    }
                    self.token_url(&attach, token_url);
                }
                Attach::OAuth1 {
                    consumer_key,
                    token,
                    token_secret,
                    ..
                } => {
                    self.templates(&attach, consumer_key);
                    self.require(
                        token.is_some() == token_secret.is_some(),
                        &attach,
                        "needs `token` and `token_secret`, or neither for two-legged calls",
                    );
                }
                Attach::Sasl => self.require(
                    self.manifest.asks_for(Capability::Tcp),
                    &attach,
                    "is `sasl`, which is of no use without `tcp` among `imports`",
                ),
                Attach::Part => {
                    let secrets = self.manifest.secrets.values();
                    let used = secrets
                        .flat_map(|it| it.attach.parts())
                        .any(|(_, part)| part == name);
                    self.require(used, &attach, "is `part`, but no other secret names it");
                }
                Attach::Webhook => {
                    let used = self.manifest.webhook.as_ref().is_some_and(|webhook| {
                        let challenge = webhook.challenge.as_ref();
                        webhook.secret.as_ref() == Some(name)
                            || challenge.is_some_and(|it| it.secret.as_ref() == Some(name))
                    });
                    self.require(
                        used,
                        &attach,
                        "is `webhook`, but `[webhook]` does not name it",
                    );
                }
                _ => {}
            }
            for (key, part) in secret.attach.parts() {
                let held = self.manifest.secrets.get(part);
                self.require(
                    held.is_some_and(|it| matches!(it.attach, Attach::Part | Attach::Webhook)),
                    format!("{attach}.{key}"),
                    format!("names `{part}`, which is no secret with `kind = \"part\"`"),
                );
            }
        }
    }

    fn token_url(&mut self, place: &str, url: &str) {
        self.templates(place, url);
        self.require(
            url.starts_with("https://") || url.starts_with("{settings."),
            place,
            "needs a `token_url` that starts with `https://`",
        );
    }
}
