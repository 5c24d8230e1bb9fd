//! A call as a vendor sees it, and its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::Value;

/// One call, read whole.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// Percent-decoded nowhere: as it stood.
    pub path: String,
    /// As it stood, without `?`.
    pub raw_query: String,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    /// The parts of the path, decoded, without empty ones.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| {
                percent_encoding::percent_decode_str(part)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect()
    }

    /// The first value of a query parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a form, decoded, in order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The token of `authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// User and password of `authorization: Basic`.
    #[must_use]
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// What the vendor answers.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json; charset=utf-8", body.to_string())
    }

    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// What a firewall or a broken server says.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html><html><body><h1>Service unavailable</h1></body></html>";
        Self::bytes(status, "text/html", body.to_owned())
    }

    #[must_use]
    pub fn bytes(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::empty(status);
        answer.body = body.into();
        answer.with("content-type", content_type)
    }

    /// The same with another body.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        self
    }

    /// The same with one more header.
    ///
    /// # Panics
    /// If name or value cannot stand in a header: a mistake of the simulator.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = HeaderValue::from_str(&value.to_string()).expect("a header's value");
        self.headers.append(HeaderName::from_static(name), value);
        self
    }
}

/// `2026-11-21T19:24:51Z`, the form that most vendors write.
#[must_use]
pub fn iso(at_ms: i64) -> String {
    let at = Timestamp::from_second(at_ms.div_euclid(1000)).unwrap_or_default();
    at.to_string()
}

/// The local time at `offset_s` seconds east of UTC, without a zone: `2026-11-21T19:24:51`.
#[must_use]
pub fn iso_local(at_ms: i64, offset_s: i64) -> String {
    iso(at_ms + offset_s * 1000)
        .trim_end_matches('Z')
        .to_owned()
}
