//! HTTP through the host: requests with a base URL, JSON, status classes, pagination.

mod call;
mod outcome;
pub mod page;
mod reply;
#[cfg(test)]
mod tests;

use crate::bindings::imports::crosspoint::connector::http as wit;

pub use call::{Call, encode_component};
pub use reply::{Reply, status_text};
pub use wit::{Error as HttpError, Header, Method, Request, Response};

/// Carries one request out. The host in production, [`crate::testing::ScriptedHttp`] in tests.
pub trait Fetch {
    /// One request, one buffered answer. Any status is an answer.
    ///
    /// # Errors
    /// There was no answer.
    fn fetch(&self, request: &Request) -> Result<Response, HttpError>;
}

/// The host's HTTP.
pub(crate) struct HostFetch;

impl Fetch for HostFetch {
    fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        wit::fetch(request)
    }
}

impl HttpError {
    /// The request may have been read by the vendor, so its effect is unknown.
    pub fn is_effect_unknown(&self) -> bool {
        matches!(self, Self::Timeout | Self::Reset(_) | Self::TooLarge(_))
    }
}

impl Method {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// Starts requests that share a base URL, headers and a timeout.
#[derive(Clone)]
pub struct Http<'a> {
    fetch: &'a dyn Fetch,
    base_url: String,
    headers: Vec<Header>,
    timeout_ms: Option<u32>,
}

impl<'a> Http<'a> {
    pub(crate) fn new(fetch: &'a dyn Fetch, base_url: impl Into<String>) -> Self {
        Self {
            fetch,
            base_url: base_url.into(),
            headers: Vec::new(),
            timeout_ms: None,
        }
    }

    /// Sends this header with every request. Credentials do not belong here: the host attaches
    /// what the manifest names.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// Limits every request to so many milliseconds; the connector's limit holds besides.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// A request below the base URL; an absolute `path` stands for itself.
    pub fn request(&self, method: Method, path: &str) -> Call<'a> {
        let url = if path.starts_with("https://") || path.starts_with("http://") {
            path.to_owned()
        } else if self.base_url.is_empty() || path.is_empty() {
            format!("{}{path}", self.base_url)
        } else {
            format!(
                "{}/{}",
                self.base_url.trim_end_matches('/'),
                path.trim_start_matches('/')
            )
        };
        Call::new(
            self.fetch,
            method,
            url,
            self.headers.clone(),
            self.timeout_ms,
        )
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Call<'a> {
        self.request(Method::Get, path)
    }

    /// `POST`.
    pub fn post(&self, path: &str) -> Call<'a> {
        self.request(Method::Post, path)
    }

    /// `PUT`.
    pub fn put(&self, path: &str) -> Call<'a> {
        self.request(Method::Put, path)
    }

    /// `PATCH`.
    pub fn patch(&self, path: &str) -> Call<'a> {
        self.request(Method::Patch, path)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Call<'a> {
        self.request(Method::Delete, path)
    }
}
