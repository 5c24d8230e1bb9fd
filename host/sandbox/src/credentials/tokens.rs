//! OAuth 2.0 bearer tokens (RFC 6749 §4.4), fetched and kept by the host. One request at a time:
//! whoever needs a token while one is being fetched waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::sensitive;
use crate::egress::{Egress, EgressError};
use crate::secret::{Scrubber, Secret, percent_encoded};

/// A token is renewed this long before it ends, so that none ends on its way.
const EARLY: Duration = Duration::from_secs(60);

/// Assumed where the vendor does not say how long a token lives.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);

pub(super) struct TokenSource {
    url: Url,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    parameters: BTreeMap<String, String>,
    in_body: bool,
    scrubber: Arc<Scrubber>,
    token: Mutex<Option<Token>>,
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
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl TokenSource {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn client_credentials(
        url: &str,
        client_id: String,
        client_secret: Secret,
        scope: Option<String>,
        parameters: BTreeMap<String, String>,
        in_body: bool,
        scrubber: Arc<Scrubber>,
    ) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|_| format!("has `{url}`, which is no address"))?;
        scrubber.add(&format!("{client_id}:{}", client_secret.expose()));
        let token = Mutex::new(None);
        Ok(Self {
            url,
            client_id,
            client_secret,
            scope,
            parameters,
            in_body,
            scrubber,
            token,
        })
    }

    /// The value of `authorization`.
    pub(super) async fn bearer(&self, egress: &Egress) -> Result<HeaderValue, EgressError> {
        let mut held = self.token.lock().await;
        if let Some(token) = held
            .as_ref()
            .filter(|token| Instant::now() < token.renew_at)
        {
            return Ok(token.header.clone());
        }
        let token = self.fetch(egress).await?;
        let header = token.header.clone();
        *held = Some(token);
        Ok(header)
    }

    /// Drops the token; false if there was none.
    pub(super) async fn forget(&self) -> bool {
        self.token.lock().await.take().is_some()
    }

    async fn fetch(&self, egress: &Egress) -> Result<Token, EgressError> {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let mut fields = vec![("grant_type", "client_credentials".to_owned())];
        fields.extend(self.scope.clone().map(|scope| ("scope", scope)));
        let extra = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        fields.extend(extra);
        if self.in_body {
            fields.push(("client_id", self.client_id.clone()));
            fields.push(("client_secret", self.client_secret.expose().to_owned()));
        } else {
            // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
            let pair = format!(
                "{}:{}",
                percent_encoded(&self.client_id),
                percent_encoded(self.client_secret.expose())
            );
            self.scrubber.add(&pair);
            let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
            headers.insert(
                header::AUTHORIZATION,
                sensitive(&value).map_err(EgressError::Auth)?,
            );
        }
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
            .collect();
        let body = Bytes::from(body.join("&"));
        let answer = egress.token_request(&self.url, headers, body).await?;
        self.read(answer.status, &answer.body)
    }

    fn read(&self, status: http::StatusCode, body: &[u8]) -> Result<Token, EgressError> {
        let host = self.url.host_str().unwrap_or_default();
        if !status.is_success() {
            let class = serde_json::from_slice::<Refusal>(body)
                .map(|refusal| format!(" (`{}`)", refusal.error))
                .unwrap_or_default();
            let text = format!("the token endpoint at `{host}` answers {status}{class}");
            // Only a refusal is the credentials' fault; the rest may pass.
            return Err(match status.as_u16() {
                400 | 401 | 403 => EgressError::Auth(text),
                _ => EgressError::Connect(text),
            });
        }
        let answer: Answer = serde_json::from_slice(body).map_err(|_| {
            EgressError::Auth(format!(
                "the token endpoint at `{host}` gives no `access_token`"
            ))
        })?;
        self.scrubber.add(&answer.access_token);
        let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
        let value = format!("Bearer {}", answer.access_token);
        Ok(Token {
            header: sensitive(&value).map_err(EgressError::Auth)?,
            renew_at: Instant::now() + life.saturating_sub(EARLY.min(life / 2)),
        })
    }
}
