//! One request under construction.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Fetch, Header, HttpError, Method, Reply, Request};
use crate::Error;

/// One request. Ends in [`Call::send`] (any status is an answer) or [`Call::json`] (success or
/// [`Error`]).
#[must_use = "a call does nothing until it is sent"]
pub struct Call<'a> {
    fetch: &'a dyn Fetch,
    request: Request,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        fetch: &'a dyn Fetch,
        method: Method,
        url: String,
        headers: Vec<Header>,
        timeout_ms: Option<u32>,
    ) -> Self {
        Self {
            fetch,
            request: Request {
                method,
                url,
                headers,
                body: None,
                timeout_ms,
            },
        }
    }

    /// Appends `name=value` to the query, percent-encoded.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        let url = &mut self.request.url;
        url.push(if url.contains('?') { '&' } else { '?' });
        encode_into(url, name);
        url.push('=');
        encode_into(url, &value.to_string());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.headers.push(Header {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Limits the request to so many milliseconds.
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.request.timeout_ms = Some(timeout_ms);
        self
    }

    /// Sends these bytes.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut call = self.header("content-type", content_type);
        call.request.body = Some(body.into());
        call
    }

    /// Sends a value as JSON.
    ///
    /// # Errors
    /// [`Error::Fatal`] where the value does not encode.
    pub fn json_body(self, value: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Error::Fatal(format!("could not encode the request: {error}")))?;
        Ok(self.body("application/json", body))
    }

    /// Sends `name=value` pairs as a form.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let mut body = String::new();
        for (name, value) in pairs {
            if !body.is_empty() {
                body.push('&');
            }
            encode_into(&mut body, name);
            body.push('=');
            encode_into(&mut body, value);
        }
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sends it. Any status is an answer.
    ///
    /// # Errors
    /// There was no answer.
    pub fn send(self) -> Result<Reply, HttpError> {
        self.fetch.fetch(&self.request).map(Reply::new)
    }

    /// Sends it and reads the JSON of a successful answer.
    ///
    /// # Errors
    /// The class of the status or of the fault, see [`Reply::success`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        self.send()?.success()?.json()
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub fn encode_component(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text);
    out
}

fn encode_into(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)].into());
            out.push(HEX[usize::from(byte & 15)].into());
        }
    }
}
