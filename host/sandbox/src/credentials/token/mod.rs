//! OAuth 2.0 access tokens, fetched and kept by the host.
//!
//! One request at a time: whoever needs a token while one is being fetched waits for it. A request
//! to the token endpoint goes on although the call that wanted it is gone, since its answer may
//! hold a refresh token that nobody gets a second time.

mod grant;
mod jwt;
mod kept;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::sensitive;
use crate::egress::{EgressError, Wire};
use crate::secret::{Scrubber, Secret, percent_encoded};

pub(super) use grant::Grant;
pub(super) use jwt::{Assertion, Claims};
pub(super) use kept::Kept;

/// A token is renewed this long before it ends, so that none ends on its way.
const EARLY: Duration = Duration::from_secs(60);

/// Assumed where the vendor does not say how long a token lives.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

/// Past tokens that are still looked for in what comes back, access and refresh tokens together.
const REMEMBERED: usize = 8;

/// The client towards the token endpoint.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) secret: Option<Secret>,
    /// Id and secret go into the form instead of the `authorization` header.
    pub(super) in_body: bool,
}

/// What stays the same for every request to the token endpoint.
pub(super) struct Endpoint {
    /// For errors, as in ``secret `oauth` of connector `crm` ``.
    pub(super) owner: String,
    pub(super) url: Url,
    /// `None` where the grant alone tells who asks.
    pub(super) client: Option<Client>,
    pub(super) scope: Option<String>,
    pub(super) parameters: BTreeMap<String, String>,
    /// What stands before the token in `authorization`.
    pub(super) prefix: String,
    pub(super) scrubber: Arc<Scrubber>,
}

/// Where a connector gets its access tokens.
pub(super) struct TokenSource {
    endpoint: Arc<Endpoint>,
    held: Arc<Mutex<Held>>,
}

/// What changes.
struct Held {
    grant: Grant,
    token: Option<Token>,
    past: VecDeque<Secret>,
    /// The token was fetched because its predecessor was refused, and has not been taken either.
    is_forced: bool,
}

struct Token {
    header: HeaderValue,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl TokenSource {
    pub(super) fn new(endpoint: Endpoint, grant: Grant) -> Self {
        if let Some(client) = &endpoint.client
            && let Some(secret) = &client.secret
        {
            endpoint
                .scrubber
                .add(&format!("{}:{}", client.id, secret.expose()));
        }
        let held = Held {
            grant,
            token: None,
            past: VecDeque::new(),
            is_forced: false,
        };
        Self {
            endpoint: Arc::new(endpoint),
            held: Arc::new(Mutex::new(held)),
        }
    }

    /// The value of `authorization`.
    pub(super) async fn bearer(&self, wire: &Wire) -> Result<HeaderValue, EgressError> {
        let held = self.held.clone().lock_owned().await;
        if let Some(token) = &held.token
            && Instant::now() < token.renew_at
        {
            return Ok(token.header.clone());
        }
        let renewing = renew(self.endpoint.clone(), held, wire.clone());
        tokio::spawn(renewing)
            .await
            .map_err(|_| EgressError::Reset("the host is stopping".to_owned()))?
    }

    /// Drops the token that the vendor refused; whether a request is worth another attempt.
    pub(super) async fn refused(&self, used: &HeaderValue) -> bool {
        let mut held = self.held.lock().await;
        match &held.token {
            // Somebody else has renewed it meanwhile.
            Some(token) if token.header != *used => true,
            // A new token is refused like the old one: it is not the token's fault.
            Some(_) if held.is_forced => false,
            Some(_) => {
                held.token = None;
                held.is_forced = true;
                true
            }
            None => true,
        }
    }

    /// The vendor took the token.
    pub(super) async fn taken(&self, used: &HeaderValue) {
        let mut held = self.held.lock().await;
        if held.token.as_ref().is_some_and(|it| it.header == *used) {
            held.is_forced = false;
        }
    }
}

/// Fetches a token and keeps what must be kept before anybody gets it.
async fn renew(
    endpoint: Arc<Endpoint>,
    mut held: OwnedMutexGuard<Held>,
    wire: Wire,
) -> Result<HeaderValue, EgressError> {
    let own = |error: String| EgressError::Connect(format!("{}: {error}", endpoint.owner));
    let permit = held.grant.begin().await.map_err(own)?;
    if let Some(secret) = permit.secret() {
        held.remember(&endpoint.scrubber, secret.expose());
    }
    let (headers, body) = endpoint.form(&permit)?;
    let response = wire.token_request(&endpoint.url, headers, body).await?;
    let answer = endpoint.read(response.status, &response.body, permit.is_refresh())?;
    held.remember(&endpoint.scrubber, &answer.access_token);
    let next = answer.refresh_token.as_deref().filter(|it| !it.is_empty());
    if let Some(next) = next {
        held.remember(&endpoint.scrubber, next);
    }
    held.grant.end(permit, next).await.map_err(own)?;
    let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
    let value = format!("{}{}", endpoint.prefix, answer.access_token);
    let header = sensitive(&value).map_err(EgressError::Auth)?;
    held.token = Some(Token {
        header: header.clone(),
        renew_at: Instant::now() + life.saturating_sub(EARLY.min(life / 2)),
    });
    Ok(header)
}

impl Held {
    /// Has it taken out of everything that comes back, for as long as it is of any use.
    fn remember(&mut self, scrubber: &Scrubber, value: &str) {
        // The refresh token in use is remembered at every renewal, and so stays among the newest.
        let known = self.past.iter().position(|it| it.expose() == value);
        match known.and_then(|index| self.past.remove(index)) {
            Some(value) => self.past.push_back(value),
            None => {
                scrubber.add(value);
                self.past.push_back(Secret::new(value));
            }
        }
        if self.past.len() > REMEMBERED
            && let Some(oldest) = self.past.pop_front()
        {
            scrubber.remove(oldest.expose());
        }
    }
}

impl Endpoint {
    fn form(&self, permit: &grant::Permit) -> Result<(HeaderMap, Bytes), EgressError> {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let mut fields = permit.fields();
        fields.extend(self.scope.clone().map(|scope| ("scope", scope)));
        let extra = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        fields.extend(extra);
        match &self.client {
            Some(Client {
                id,
                secret: Some(secret),
                in_body: false,
            }) => {
                // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
                let pair = format!(
                    "{}:{}",
                    percent_encoded(id),
                    percent_encoded(secret.expose())
                );
                self.scrubber.add(&pair);
                let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
                let value = sensitive(&value).map_err(EgressError::Auth)?;
                headers.insert(header::AUTHORIZATION, value);
            }
            Some(Client { id, secret, .. }) => {
                fields.push(("client_id", id.clone()));
                let secret = secret.as_ref().map(|it| it.expose().to_owned());
                fields.extend(secret.map(|secret| ("client_secret", secret)));
            }
            None => {}
        }
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
            .collect();
        Ok((headers, Bytes::from(body.join("&"))))
    }

    fn read(
        &self,
        status: http::StatusCode,
        body: &[u8],
        is_refresh: bool,
    ) -> Result<Answer, EgressError> {
        let host = self.url.host_str().unwrap_or_default();
        let owner = &self.owner;
        if !status.is_success() {
            let class = serde_json::from_slice::<Refusal>(body)
                .map(|refusal| refusal.error)
                .unwrap_or_default();
            let told = match class.as_str() {
                "" => String::new(),
                class => format!(" (`{class}`)"),
            };
            let text = format!("{owner}: the token endpoint at `{host}` answers {status}{told}");
            // Only a refusal is the credentials' fault; the rest may pass.
            return Err(match (status.as_u16(), class.as_str()) {
                (400..=403, "invalid_grant") if is_refresh => EgressError::Auth(format!(
                    "{text}: the refresh token is spent or revoked; consent again at the vendor \
                     and configure the new refresh token"
                )),
                (400 | 401 | 403, _) => EgressError::Auth(text),
                _ => EgressError::Connect(text),
            });
        }
        serde_json::from_slice(body).map_err(|_| {
            EgressError::Auth(format!(
                "{owner}: the token endpoint at `{host}` gives no `access_token`"
            ))
        })
    }
}
