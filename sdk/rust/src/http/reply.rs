//! An answer and what its status means.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;

use super::Response;
use crate::{Error, Instant};

/// An answer of the vendor, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    response: Response,
}

impl Reply {
    pub(crate) fn new(response: Response) -> Self {
        Self { response }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.response.status)
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Error::Transient`] for JSON cut short (a proxy's half answer) and for a web page in its
    /// place (a firewall's, a maintenance page), [`Error::Fatal`] for any other that does not fit,
    /// with the path of the place at fault.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.is_web_page() {
            return Err(Error::Transient(
                "the answer is a web page where JSON was expected".to_owned(),
            ));
        }
        let mut reader = serde_json::Deserializer::from_slice(&self.response.body);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if inner.is_eof() {
                return Error::Transient("the answer's JSON ends too early".to_owned());
            }
            Error::Fatal(format!(
                "the answer does not have the expected form at `{path}`: {inner}"
            ))
        })
    }

    /// The body is HTML, whatever its content type claims.
    pub fn is_web_page(&self) -> bool {
        self.body().trim_ascii_start().first() == Some(&b'<')
    }

    /// When the vendor answered, by its own clock.
    pub fn date(&self) -> Option<Instant> {
        let date = httpdate::parse_http_date(self.header("date")?.trim()).ok()?;
        let since = date.duration_since(UNIX_EPOCH).ok()?;
        Instant::try_from(since.as_millis()).ok()
    }

    /// The answer itself where it is a success, else the error of its class: 401 and 403 `auth`;
    /// 404 and 410 `gone`; 408, 425 and 5xx `transient`; 429, and 503 with `Retry-After`,
    /// `rate-limited`; every other `fatal`.
    ///
    /// # Errors
    /// As described.
    pub fn success(self) -> Result<Self, Error> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.error())
        }
    }

    /// The error of its status class, see [`Self::success`].
    pub fn error(&self) -> Error {
        let text = self.status_line();
        match self.status() {
            401 | 403 => Error::Auth(text),
            404 | 410 => Error::Gone(text),
            429 => Error::RateLimited(self.retry_after_ms()),
            503 if self.header("retry-after").is_some() => {
                Error::RateLimited(self.retry_after_ms())
            }
            408 | 425 | 500..=599 => Error::Transient(text),
            _ => Error::Fatal(text),
        }
    }

    /// For a person: `the vendor answered 422 unprocessable content`. Nothing of the body, which
    /// may hold personal data.
    pub fn status_line(&self) -> String {
        let status = self.status();
        match status_text(status) {
            "" => format!("the vendor answered {status}"),
            text => format!("the vendor answered {status} {text}"),
        }
    }

    /// `Retry-After` in milliseconds: seconds, or an HTTP date measured against the answer's own
    /// `Date` (the machine's clock where there is none). A date that has passed gives 0.
    pub fn retry_after_ms(&self) -> Option<u64> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(seconds.saturating_mul(1000));
        }
        let until = httpdate::parse_http_date(text).ok()?;
        let now = self
            .header("date")
            .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
            .unwrap_or_else(SystemTime::now);
        let ms = |time: SystemTime| {
            time.duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as u64)
        };
        Some(ms(until).saturating_sub(ms(now)))
    }
}

/// The usual words for a status; empty for an unknown one.
pub fn status_text(status: u16) -> &'static str {
    match status {
        301 => "moved permanently",
        302 => "found",
        303 => "see other",
        307 => "temporary redirect",
        308 => "permanent redirect",
        400 => "bad request",
        401 => "unauthorized",
        402 => "payment required",
        403 => "forbidden",
        404 => "not found",
        405 => "method not allowed",
        406 => "not acceptable",
        408 => "request timeout",
        409 => "conflict",
        410 => "gone",
        411 => "length required",
        412 => "precondition failed",
        413 => "content too large",
        414 => "uri too long",
        415 => "unsupported media type",
        422 => "unprocessable content",
        423 => "locked",
        425 => "too early",
        428 => "precondition required",
        429 => "too many requests",
        431 => "header fields too large",
        451 => "unavailable for legal reasons",
        500 => "internal server error",
        501 => "not implemented",
        502 => "bad gateway",
        503 => "service unavailable",
        504 => "gateway timeout",
        _ => "",
    }
}
