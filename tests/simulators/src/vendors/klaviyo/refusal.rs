//! What the vendor says when it refuses.

use serde_json::{Value, json};

use super::answer;
use crate::Answer;

pub type Outcome<T> = Result<T, Refusal>;

/// An error in the vendor's shape.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub detail: String,
    /// `pointer` or `parameter`, and where it points.
    pub source: Option<(&'static str, String)>,
    pub meta: Value,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, detail: &str) -> Self {
        let detail = detail.to_owned();
        Self {
            status,
            code,
            detail,
            source: None,
            meta: json!({}),
        }
    }

    pub fn not_found() -> Self {
        Self::new(404, "not_found", "The requested resource does not exist.")
    }

    pub fn at(pointer: &str, detail: &str) -> Self {
        Self {
            source: Some(("pointer", pointer.to_owned())),
            ..Self::new(400, "invalid", detail)
        }
    }

    pub fn parameter(name: &str, detail: &str) -> Self {
        Self {
            source: Some(("parameter", name.to_owned())),
            ..Self::new(400, "invalid", detail)
        }
    }

    pub fn answer(&self) -> Answer {
        let title = match self.status {
            400 => "Invalid input.",
            401 => "Authentication failed.",
            403 => "You do not have permission to perform this action.",
            404 => "Not found.",
            409 => "Conflict.",
            410 => "This revision is no longer available.",
            415 => "Unsupported media type.",
            429 => "Request was throttled.",
            _ => "A server error occurred.",
        };
        let source = match &self.source {
            Some((kind, text)) => json!({ *kind: text }),
            None => json!({ "pointer": "/data" }),
        };
        answer(
            self.status,
            &json!({ "errors": [{
            "id": "f6b2a1de-3f0c-4c1e-9a57-1f2e3d4c5b6a", "status": self.status, "code": self.code, "title": title,
            "detail": self.detail, "source": source, "links": {}, "meta": self.meta
        }] }),
        )
    }
}
