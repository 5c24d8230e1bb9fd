//! Answers that say no.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// An answer that a program can read: `{"error": why}`. `why` is for whoever called, so it holds
/// nothing of a profile.
pub(crate) fn refusal(status: StatusCode, why: &str) -> Response {
    let mut response = (status, Json(json!({ "error": why }))).into_response();
    if matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// For paths that nothing answers.
pub(super) async fn unknown_path() -> Response {
    refusal(StatusCode::NOT_FOUND, "there is nothing at this path")
}

/// For methods that a path does not take.
pub(super) async fn unknown_method(method: Method) -> Response {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        &format!("this path does not take {method}"),
    )
}
