//! The only way out: one object per connector that serves `http.fetch`, `wasi:http`, the host's own
//! token requests, and lends its parts to `tcp`. Checks the grant, the addresses and the sizes, attaches credentials, sends,
//! and takes secrets out of the answer.

mod headers;
mod resolve;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;

use crate::credentials::{Credentials, Used};
use crate::grants::{Grant, Granter};
use crate::limits::Limits;
use crate::manifest::QuotaHeaders;
use crate::rate::RateBudget;
use crate::secret::Scrubber;
use crate::trust::{self, Trust};
use crate::usage::Usage;

pub(crate) use headers::{is_hosts_own, is_hosts_own_name};

/// Waiting for the rate budget inside a call beats ending it, for a moment.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(2);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a plugin wants to send.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whole exchange.
    pub(crate) timeout: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why nothing came back. Texts are scrubbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EgressError {
    Denied(String),
    Connect(String),
    Timeout,
    Reset(String),
    TooLarge(u64),
    Invalid(String),
    Auth(String),
    RateLimited(u64),
}

/// The vendor's account: what may be sent, and what was.
pub(crate) struct Account {
    pub(crate) rate: Arc<RateBudget>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) quota: Option<QuotaHeaders>,
}

/// A connector's way out.
pub(crate) struct Egress {
    pub(crate) wire: Wire,
    pub(crate) credentials: Credentials,
    pub(crate) account: Account,
    pub(crate) scrubber: Arc<Scrubber>,
    pub(crate) request_bytes: u64,
    /// Whom `tcp` trusts; HTTP's client has its own of the same.
    pub(crate) trust: Trust,
}

/// Where everything passes at last, the host's own requests included.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) granter: Arc<Granter>,
    client: reqwest::Client,
    pub(crate) response_bytes: u64,
}

impl Egress {
    pub(crate) fn new(
        granter: Granter,
        credentials: Credentials,
        account: Account,
        scrubber: Arc<Scrubber>,
        limits: &Limits,
    ) -> Result<Self, String> {
        let granter = Arc::new(granter);
        let mut tls = trust::platform()?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .dns_resolver(resolve::CheckedResolver::new(granter.clone()))
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("crosspoint/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| chain(&error))?;
        let wire = Wire {
            granter,
            client,
            response_bytes: limits.response_bytes,
        };
        Ok(Self {
            wire,
            credentials,
            account,
            scrubber,
            request_bytes: limits.request_bytes,
            trust: Trust::default(),
        })
    }

    /// Sends one request of the plugin's.
    pub(crate) async fn fetch(&self, request: Request) -> Result<Response, EgressError> {
        if request.timeout.is_zero() {
            let reason = "the call has no time left, so nothing was sent";
            return Err(EgressError::Connect(reason.to_owned()));
        }
        let deadline = tokio::time::Instant::now() + request.timeout;
        let exchange = self.exchange(request, deadline);
        let answer = match tokio::time::timeout_at(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(EgressError::Timeout),
        };
        answer.map_err(|error| self.scrubbed(error))
    }

    /// The header names that a plugin may not set because a credential does.
    pub(crate) fn taken_headers(&self) -> Vec<http::HeaderName> {
        self.credentials.headers()
    }

    async fn exchange(
        &self,
        request: Request,
        deadline: tokio::time::Instant,
    ) -> Result<Response, EgressError> {
        let url = self.checked_url(&request)?;
        let method = request.method.as_str();
        let grant = self
            .wire
            .granter
            .decide(method, &url)
            .map_err(EgressError::Denied)?;
        check_literal(&grant, &url)?;
        self.pace(deadline).await?;
        let outgoing = Outgoing {
            method: request.method,
            url,
            headers: request.headers,
            body: request.body,
        };
        let plain = outgoing.clone();
        let host = outgoing.url.host_str().unwrap_or_default().to_owned();
        let (used, response) = self.send_counted(outgoing, &host, deadline).await?;
        if response.status == StatusCode::UNAUTHORIZED && self.credentials.refused(&used).await {
            // The vendor did not take the token, hence not the request: once more with a new one.
            let (_, response) = self.send_counted(plain, &host, deadline).await?;
            return Ok(self.cleaned(response));
        }
        Ok(self.cleaned(response))
    }

    fn checked_url(&self, request: &Request) -> Result<Url, EgressError> {
        let mut url = Url::parse(&request.url).map_err(|error| {
            EgressError::Invalid(format!("the address is not absolute: {error}"))
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::Invalid(
                "the address holds credentials".to_owned(),
            ));
        }
        url.set_fragment(None);
        for name in request.headers.keys() {
            if is_hosts_own_name(name) {
                return Err(EgressError::Invalid(format!(
                    "header `{name}` is the host's own"
                )));
            }
            if self.credentials.headers().contains(name) {
                return Err(EgressError::Invalid(format!(
                    "header `{name}` is set by a credential"
                )));
            }
        }
        if request.body.len() as u64 > self.request_bytes {
            return Err(EgressError::Invalid(format!(
                "the body has {} bytes; the host sends at most {} (`limits.request` of the connector)",
                request.body.len(),
                self.request_bytes
            )));
        }
        Ok(url)
    }

    /// Takes one from the rate budget.
    pub(crate) async fn pace(&self, deadline: tokio::time::Instant) -> Result<(), EgressError> {
        while let Err(wait) = self.account.rate.take() {
            let until = tokio::time::Instant::now() + wait;
            if wait > LONGEST_RATE_WAIT || until >= deadline {
                return Err(EgressError::RateLimited(wait.as_millis() as u64 + 1));
            }
            self.account.rate.pass(wait).await;
        }
        Ok(())
    }

    /// Sends what the vendor counts, with credentials.
    async fn send_counted(
        &self,
        mut outgoing: Outgoing,
        host: &str,
        deadline: tokio::time::Instant,
    ) -> Result<(Used, Response), EgressError> {
        let attached = self.credentials.attach(&mut outgoing, host, &self.wire);
        let used = tokio::time::timeout_at(deadline, attached)
            .await
            .unwrap_or_else(|_| Err(EgressError::Connect("no credential in time".to_owned())))?;
        let Account { usage, quota, .. } = &self.account;
        usage.count();
        let response = self.wire.send(outgoing, deadline).await?;
        usage.note(&response.headers, quota.as_ref());
        if response.status != StatusCode::UNAUTHORIZED {
            self.credentials.taken(&used).await;
        }
        Ok((used, response))
    }

    /// Without cookies and credentials, whoever sent them back.
    fn cleaned(&self, mut response: Response) -> Response {
        headers::strip(&mut response.headers);
        for value in response.headers.values_mut() {
            let before = Bytes::copy_from_slice(value.as_bytes());
            let after = self.scrubber.bytes(before.clone());
            if after != before
                && let Ok(clean) = http::HeaderValue::from_bytes(&after)
            {
                *value = clean;
            }
        }
        response.body = self.scrubber.bytes(response.body);
        response
    }

    fn scrubbed(&self, error: EgressError) -> EgressError {
        let clean = |text: String| self.scrubber.text(&text);
        match error {
            EgressError::Denied(text) => EgressError::Denied(clean(text)),
            EgressError::Connect(text) => EgressError::Connect(clean(text)),
            EgressError::Reset(text) => EgressError::Reset(clean(text)),
            EgressError::Invalid(text) => EgressError::Invalid(clean(text)),
            EgressError::Auth(text) => EgressError::Auth(clean(text)),
            other => other,
        }
    }
}

impl Wire {
    /// Asks a token endpoint, which the operator must have granted like any other host.
    pub(crate) async fn token_request(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, EgressError> {
        let grant = self
            .granter
            .decide_own("POST", url)
            .map_err(EgressError::Denied)?;
        check_literal(&grant, url)?;
        let outgoing = Outgoing {
            method: Method::POST,
            url: url.clone(),
            headers,
            body,
        };
        let deadline = tokio::time::Instant::now() + CONNECT_TIMEOUT * 3;
        self.send(outgoing, deadline).await
    }

    async fn send(
        &self,
        outgoing: Outgoing,
        deadline: tokio::time::Instant,
    ) -> Result<Response, EgressError> {
        let remaining = deadline.saturating_duration_since(tokio::time::Instant::now());
        let mut answer = self
            .client
            .request(outgoing.method, outgoing.url)
            .headers(outgoing.headers)
            .body(outgoing.body)
            .timeout(remaining)
            .send()
            .await
            .map_err(classify)?;
        let limit = self.response_bytes;
        if answer.content_length().is_some_and(|length| length > limit) {
            return Err(EgressError::TooLarge(limit));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(classify)? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(EgressError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(Response {
            status: answer.status(),
            headers,
            body: body.freeze(),
        })
    }
}

/// A request on its way out, credentials and all.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An address written into the URL is never looked up, so the resolver does not see it.
fn check_literal(grant: &Grant, url: &Url) -> Result<(), EgressError> {
    let Some(ip) = literal(url) else {
        return Ok(());
    };
    let host = url.host_str().unwrap_or_default();
    grant
        .admits(ip)
        .map_err(|reason| EgressError::Denied(format!("host `{host}`: {reason}")))
}

fn literal(url: &Url) -> Option<std::net::IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

fn classify(error: reqwest::Error) -> EgressError {
    let error = error.without_url();
    if let Some(denied) = resolve::denied(&error) {
        EgressError::Denied(denied)
    } else if error.is_connect() {
        EgressError::Connect(chain(&error))
    } else if error.is_timeout() {
        EgressError::Timeout
    } else if error.is_builder() {
        EgressError::Invalid(chain(&error))
    } else {
        EgressError::Reset(chain(&error))
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}
