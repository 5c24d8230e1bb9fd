use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Error, Source};

use super::{budget, configured};
use crate::WordPress;

const LIST: &str = "https://www.example.com/wp-json/wp/v2/users?context=edit&orderby=id&order=asc&per_page=10&page=1";

fn read(exchange: Exchange) -> Error {
    let test = TestContext::default();
    test.http.push(exchange);
    let settings = configured(json!({}));
    WordPress::read(&test.context(), &settings, "users", None, budget(10)).unwrap_err()
}

fn status(status: u16, body: &str) -> Error {
    read(Exchange::expect(Method::Get, LIST).answer(status, body))
}

fn coded(code: &str) -> String {
    json!({ "code": code, "message": "about ana@example.com", "data": {} }).to_string()
}

#[test]
fn status_and_code_decide_the_class() {
    for code in [
        "incorrect_password",
        "rest_forbidden_context",
        "rest_not_logged_in",
    ] {
        let error = status(401, &coded(code));
        assert!(
            matches!(error, Error::Auth(_)) && !error.to_string().contains("ana"),
            "{error}"
        );
    }
    assert!(matches!(
        status(403, &coded("rest_user_cannot_view")),
        Error::Auth(_)
    ));
    assert!(matches!(status(403, "<html>blocked"), Error::Auth(text) if text.contains("firewall")));
    assert!(matches!(
        status(404, &coded("rest_no_route")),
        Error::Gone(_)
    ));
    assert!(matches!(status(404, "<html>"), Error::Invalid { .. }));
    assert!(matches!(status(301, ""), Error::Invalid { .. }));
    assert!(matches!(
        status(400, &coded("rest_invalid_param")),
        Error::Fatal(_)
    ));
    for (code, body) in [
        (200, "<html>"),
        (200, "[{"),
        (200, "Warning: x"),
        (200, "{}"),
        (500, ""),
        (503, "<html>"),
    ] {
        assert!(
            matches!(status(code, body), Error::Transient(_)),
            "{code} {body}"
        );
    }
    assert_eq!(status(429, ""), Error::RateLimited(None));
    let patient = Exchange::expect(Method::Get, LIST)
        .answer(503, "")
        .answer_header("retry-after", "60");
    assert_eq!(read(patient), Error::RateLimited(Some(60_000)));
    let lost = Exchange::expect(Method::Get, LIST).fail(HttpError::Timeout);
    assert!(matches!(read(lost), Error::Transient(_)));
}

#[test]
fn check_names_the_missing_capability() {
    let me = "https://www.example.com/wp-json/wp/v2/users/me?context=edit";
    let check = |answer: &str, extra| {
        let test = TestContext::default();
        test.http
            .push(Exchange::expect(Method::Get, me).answer(200, answer));
        WordPress::check(&test.context(), &configured(extra))
    };
    let editor = r#"{"id":1,"capabilities":{"edit_posts":true,"moderate_comments":true}}"#;
    match check(editor, json!({})) {
        Err(Error::Auth(text)) => assert!(text.contains("list_users"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(check(editor, json!({ "users": false })), Ok(()));
    assert_eq!(check(r#"{"id":1,"capabilities":{}}"#, json!({})), Ok(()));
}

#[test]
fn plain_permalinks_and_public_sites_have_other_addresses() {
    let test = TestContext::default();
    let url = "https://www.example.com/?rest_route=%2Fwp%2Fv2%2Ftypes&context=view";
    test.http
        .push(Exchange::expect(Method::Get, url).answer(200, "{}"));
    let settings = configured(json!({ "access": "view", "plain_permalinks": true }));
    assert_eq!(WordPress::check(&test.context(), &settings), Ok(()));
    let names: Vec<_> = WordPress::streams(&test.context(), &settings)
        .unwrap()
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, ["posts", "pages", "categories", "tags"]);
    test.http.assert_done();
}
