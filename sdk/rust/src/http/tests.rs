use crate::destination::Outcome;
use crate::http::page::{PageNumber, next_link, next_token};
use crate::http::{Call, Header, HttpError, Method, Reply, Response, encode_component};
use crate::testing::{Exchange, TestContext};
use crate::{Context, Error};

fn reply(status: u16, headers: &[(&str, &str)]) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    Reply::new(Response {
        status,
        headers,
        body: Vec::new(),
    })
}

fn check(exchange: Exchange, run: impl FnOnce(&Context)) {
    let test = TestContext::default();
    test.http.push(exchange);
    run(&test.context());
    test.http.assert_done();
}

#[test]
fn requests_join_base_query_and_json() {
    check(
        Exchange::expect(
            Method::Post,
            "https://api.example.com/v2/people?q=a%20b%26c&page=2",
        )
        .with_header("accept", "application/json")
        .with_header("content-type", "application/json")
        .with_json(serde_json::json!({"name": "Ana"}))
        .answer(200, r#"{"id": 7}"#),
        |ctx| {
            let http = ctx
                .http_at("https://api.example.com/v2/")
                .header("accept", "application/json");
            let answer: serde_json::Value = http
                .post("/people")
                .query("q", "a b&c")
                .query("page", 2)
                .json_body(&serde_json::json!({"name": "Ana"}))
                .and_then(Call::json)
                .unwrap();
            assert_eq!(answer["id"], 7);
        },
    );
    check(
        Exchange::expect(Method::Put, "https://other.example/x").with_body("a=1%2B1&b=%C3%A9"),
        |ctx| {
            let http = ctx.http_at("https://api.example.com");
            http.put("https://other.example/x")
                .form(&[("a", "1+1"), ("b", "é")])
                .send()
                .unwrap();
        },
    );
}

#[test]
fn status_has_its_class() {
    for (status, expected) in [
        (401, "auth"),
        (403, "auth"),
        (404, "gone"),
        (410, "gone"),
        (408, "transient"),
        (500, "transient"),
        (503, "transient"),
        (429, "rate-limited"),
        (301, "fatal"),
        (422, "fatal"),
    ] {
        let class = match reply(status, &[]).success().unwrap_err() {
            Error::Auth(_) => "auth",
            Error::Gone(_) => "gone",
            Error::Transient(_) => "transient",
            Error::RateLimited(None) => "rate-limited",
            Error::Fatal(_) => "fatal",
            other => panic!("{other:?}"),
        };
        assert_eq!(class, expected, "{status}");
    }
    assert_eq!(
        reply(503, &[("retry-after", "2")]).error(),
        Error::RateLimited(Some(2000)),
        "a 503 that says when is a request for patience"
    );
}

#[test]
fn retry_after_reads_seconds_and_dates() {
    let at = |value: &str| {
        reply(
            429,
            &[
                ("retry-after", value),
                ("date", "Tue, 03 Nov 2026 09:15:00 GMT"),
            ],
        )
        .retry_after_ms()
    };
    assert_eq!(at("120"), Some(120_000));
    assert_eq!(at("Tue, 03 Nov 2026 09:16:30 GMT"), Some(90_000));
    assert_eq!(at("Tue, 03 Nov 2026 09:14:00 GMT"), Some(0));
    assert_eq!(at("soon"), None);
    assert_eq!(reply(429, &[]).retry_after_ms(), None);
}

#[test]
fn broken_connection_is_unknown_not_transient() {
    for error in [
        HttpError::Timeout,
        HttpError::Reset("eof".to_owned()),
        HttpError::TooLarge(1),
    ] {
        assert!(error.is_effect_unknown());
        assert!(matches!(Outcome::from(error), Outcome::Unknown(_)));
    }
    for error in [
        HttpError::Connect("dns".to_owned()),
        HttpError::RateLimited(5),
    ] {
        assert!(!error.is_effect_unknown());
        assert!(!matches!(Outcome::from(error), Outcome::Unknown(_)));
    }
}

#[test]
fn cut_json_may_pass_and_other_json_may_not() {
    let with = |body: &str| {
        Reply::new(Response {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        })
        .json::<std::collections::BTreeMap<String, u32>>()
    };
    assert_eq!(with(r#"{"a": 1}"#).unwrap()["a"], 1);
    assert!(matches!(with(r#"{"a": "#), Err(Error::Transient(_))));
    match with(r#"{"a": "x"}"#) {
        Err(Error::Fatal(text)) => assert!(text.contains("`a`"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_are_found_in_header_body_and_count() {
    let link = r#"<https://x/?page=1>; rel="prev", <https://x/?page=3&a=b,c>; title=t; rel="next""#;
    assert_eq!(
        next_link(&reply(200, &[("link", link)])).as_deref(),
        Some("https://x/?page=3&a=b,c")
    );
    assert_eq!(
        next_link(&reply(200, &[("link", "<https://x>; rel=last")])),
        None
    );
    assert_eq!(next_link(&reply(200, &[])), None);

    let body = serde_json::json!({"paging": {"next": {"after": "abc"}}, "page": 4, "end": null});
    assert_eq!(
        next_token(&body, "paging.next.after").as_deref(),
        Some("abc")
    );
    assert_eq!(next_token(&body, "page").as_deref(), Some("4"));
    assert_eq!(next_token(&body, "end"), None);
    assert_eq!(next_token(&body, "paging.none"), None);

    let first = PageNumber {
        number: 1,
        size: 50,
    };
    assert_eq!(
        first.after(50),
        Some(PageNumber {
            number: 2,
            size: 50
        })
    );
    assert_eq!(first.after(49), None);
}

#[test]
fn components_are_percent_encoded() {
    assert_eq!(encode_component("a-b_c.d~e/ü+"), "a-b_c.d~e%2F%C3%BC%2B");
}
