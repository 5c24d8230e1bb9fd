//! What clients are told.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use crosspoint_runtime::live::TrackError;
use crosspoint_runtime::live::tracking::Refusal;
use serde_json::json;

/// How long a client is told to wait for a host that is stopping, in seconds: a restart is over
/// by then.
const RESTART_S: u32 = 5;

/// Everything is durable. Some clients compare the status with 200, so it is that one.
pub(super) fn done() -> Response {
    Json(json!({ "success": true })).into_response()
}

/// Why a request is not taken. Texts hold nothing of the request's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing of it can be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Not now.
    #[error(transparent)]
    NotTaken(#[from] TrackError),
    /// No write key, or none that a source has.
    #[error("the write key is missing or unknown")]
    UnknownKey,
    /// A page that the source does not name.
    #[error("pages of this origin may not call; `origins` of the source does not name it")]
    Origin,
    /// The connection broke off, or the body was not taken in any further, which every request's
    /// answer says in its own way.
    #[error("the body could not be read")]
    Broken,
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) if refusal.is_amount() => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) | Self::Broken => StatusCode::BAD_REQUEST,
            Self::NotTaken(TrackError::Busy { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotTaken(TrackError::Stopped) => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.word(),
            Self::NotTaken(TrackError::Busy { .. }) => "busy",
            Self::NotTaken(TrackError::Stopped) => "stopping",
            Self::UnknownKey => "unknown-write-key",
            Self::Origin => "origin-not-allowed",
            Self::Broken => "broken-body",
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let text = json!({
            "success": false,
            "error": self.to_string(),
            "code": self.word(),
        });
        let mut response = (self.status(), Json(text)).into_response();
        let wait_s = match self {
            Self::NotTaken(TrackError::Busy { retry_after_s }) => Some(retry_after_s),
            Self::NotTaken(TrackError::Stopped) => Some(RESTART_S),
            _ => None,
        };
        if let Some(wait_s) = wait_s {
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        response
    }
}
