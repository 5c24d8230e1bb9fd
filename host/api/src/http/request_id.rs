//! Ids of requests: what a caller's complaint and a line of the log have in common.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderName, HeaderValue};

/// Where an id stands, in requests and answers.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id of a caller: that of a trace and a span in hexadecimal fits.
const LONGEST: usize = 64;

/// Gives requests their ids.
#[derive(Debug)]
pub(super) struct RequestIds {
    /// Tells ids of this start from those of others.
    start: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self {
            // Without randomness ids are told apart within one start only.
            start: getrandom::u64().unwrap_or(0),
            next: AtomicU64::new(0),
        }
    }
}

impl RequestIds {
    /// The caller's id where it is one that a log can hold, else an id of our own.
    pub fn of(&self, given: Option<&HeaderValue>) -> String {
        let given = given.and_then(|value| value.to_str().ok());
        match given.filter(|id| is_sane(id)) {
            Some(id) => id.to_owned(),
            None => {
                let next = self.next.fetch_add(1, Ordering::Relaxed);
                format!("{:016x}-{next:x}", self.start)
            }
        }
    }
}

/// Letters, digits and a little: nothing that breaks a log line, and no address of anybody's.
fn is_sane(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte);
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_ids_of_callers_stay() {
        let ids = RequestIds::default();
        let of = |given: &str| ids.of(HeaderValue::from_str(given).ok().as_ref());
        assert_eq!(of("Root=1-67891233-abcdef"), "Root=1-67891233-abcdef");
        for odd in ["", "a b", "ana@example.com", "x\"y", &"x".repeat(65)] {
            assert_ne!(of(odd), odd);
        }
        assert_ne!(ids.of(None), ids.of(None));
    }
}
