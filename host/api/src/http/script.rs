//! The browser script. Its readable source is `script/crosspoint.js`; what is served was made from
//! that by `tests/clients/minify.mjs`, so that building the host needs no JavaScript tool.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

const SCRIPT: &str = include_str!("../../script/crosspoint.min.js");

/// Changes with every byte of the script.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::digest(SCRIPT);
    let hex: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
});

/// `GET /crosspoint.js`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/crosspoint.js", get(script))
}

/// Any page may load it: it holds nothing of anybody. An hour in caches bounds how long a page runs
/// an old one; a day more it may be used while the new one is fetched.
async fn script(headers: HeaderMap) -> Response {
    let about = [
        (header::ETAG, TAG.as_str()),
        (
            header::CACHE_CONTROL,
            "public, max-age=3600, stale-while-revalidate=86400",
        ),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "cross-origin",
        ),
    ];
    if headers.get_all(header::IF_NONE_MATCH).iter().any(is_known) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let form = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (about, form, SCRIPT).into_response()
}

/// Whether a list of tags names this one. Proxies that compress make a tag weak (RFC 9110, 13.1.2).
fn is_known(list: &header::HeaderValue) -> bool {
    list.to_str().is_ok_and(|list| {
        let mut tags = list.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == TAG.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    const SOURCE: &str = include_str!("../../script/crosspoint.js");

    async fn ask(known: Option<&str>) -> Response {
        let mut request = Request::get("/crosspoint.js");
        if let Some(tag) = known {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        let request = request.body(Body::empty()).unwrap();
        routes::<()>().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn script_is_small_and_says_what_it_is() {
        let response = ask(None).await;
        assert_eq!(response.status(), StatusCode::OK);
        let kind = &response.headers()[header::CONTENT_TYPE];
        assert_eq!(kind, "text/javascript; charset=utf-8");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        assert!(body.len() < 5_000, "{} bytes are served", body.len());
        assert_eq!(body, SCRIPT);
    }

    #[tokio::test]
    async fn known_script_is_not_served_again() {
        let response = ask(None).await;
        let tag = response.headers()[header::ETAG]
            .to_str()
            .unwrap()
            .to_owned();
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"other\", {tag}"),
            "*".into(),
        ] {
            let response = ask(Some(&known)).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(response.headers()[header::ETAG], tag);
        }
        for unknown in ["\"other\"", "", tag.trim_matches('"')] {
            assert_eq!(
                ask(Some(unknown)).await.status(),
                StatusCode::OK,
                "{unknown}"
            );
        }
    }

    #[test]
    fn served_script_was_made_from_this_source() {
        let digest = Sha256::digest(SOURCE);
        let hex: String = digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let first = SCRIPT.lines().next().unwrap();
        assert_eq!(
            first,
            format!("/*! crosspoint.js {hex} */"),
            "crosspoint.js has changed: tests/clients/run --install, then node tests/clients/minify.mjs"
        );
    }
}
