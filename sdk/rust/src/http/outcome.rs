//! What an answer means for one delivery.

use super::{HttpError, Reply};
use crate::destination::Outcome;

impl From<HttpError> for Outcome {
    /// A request that may have been read is `unknown`; one that never left may be tried again.
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Timeout => Self::Unknown("no answer in time".to_owned()),
            HttpError::Reset(what) => Self::Unknown(format!("connection broke: {what}")),
            HttpError::TooLarge(limit) => Self::Unknown(format!(
                "the answer is longer than the limit of {limit} bytes"
            )),
            HttpError::Connect(what) => Self::Transient(format!("could not connect: {what}")),
            HttpError::Auth(what) => Self::Auth(what),
            HttpError::RateLimited(wait_ms) => Self::RateLimited(Some(wait_ms)),
            HttpError::Denied(what) => Self::rejected(None, format!("request not granted: {what}")),
            HttpError::Invalid(what) => Self::rejected(None, format!("malformed request: {what}")),
        }
    }
}

impl Reply {
    /// The outcome of the status alone: 2xx `done`; 401 and 403 `auth`; 410 `gone`; 429, and 502,
    /// 503 and 504 with `Retry-After`, `rate-limited`; 408, 425 and other 5xx `transient`; every
    /// other `rejected`.
    pub fn outcome(&self) -> Outcome {
        let text = self.status_line();
        match self.status() {
            200..=299 => Outcome::Done(None),
            401 | 403 => Outcome::Auth(text),
            410 => Outcome::Gone(text),
            429 => Outcome::RateLimited(self.retry_after_ms()),
            502..=504 if self.retry_after_ms().is_some() => {
                Outcome::RateLimited(self.retry_after_ms())
            }
            408 | 425 | 500..=599 => Outcome::Transient(text),
            _ => Outcome::rejected(None, text),
        }
    }
}
