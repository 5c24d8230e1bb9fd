use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{Destination, Error, Outcome, Source};

use super::{budget, configured, exchange};
use crate::Salesforce;
use crate::client::{Client, Fault};

fn fault(status: u16, body: &str, headers: &[(&str, &str)]) -> Fault {
    let test = TestContext::default();
    let answer = exchange(Method::Get, "/limits").answer(status, body);
    let answer = headers
        .iter()
        .fold(answer, |it, (name, value)| it.answer_header(name, value));
    test.http.push(answer);
    let ctx = test.context();
    let client = Client::new(&ctx, &configured(json!({})));
    client.get("/limits").err().unwrap()
}

fn coded(status: u16, code: &str) -> Error {
    let body = json!([{ "errorCode": code, "message": "about ana@example.com" }]);
    let error = Error::from(fault(status, &body.to_string(), &[]));
    assert!(!error.to_string().contains("ana"), "{error}");
    error
}

#[test]
fn status_and_code_decide_the_class() {
    assert_eq!(
        coded(403, "REQUEST_LIMIT_EXCEEDED"),
        Error::RateLimited(None)
    );
    let body = r#"[{ "errorCode": "REQUEST_LIMIT_EXCEEDED" }]"#;
    assert_eq!(
        Error::from(fault(429, body, &[("retry-after", "7")])),
        Error::RateLimited(Some(7_000))
    );
    assert!(matches!(coded(403, "API_DISABLED_FOR_ORG"), Error::Auth(_)));
    assert!(matches!(coded(401, "INVALID_SESSION_ID"), Error::Auth(_)));
    assert!(matches!(coded(404, "NOT_FOUND"), Error::Gone(_)));
    assert!(matches!(
        coded(400, "UNABLE_TO_LOCK_ROW"),
        Error::Transient(_)
    ));
    assert!(matches!(coded(400, "QUERY_TIMEOUT"), Error::Transient(_)));
    assert!(matches!(
        coded(500, "UNKNOWN_EXCEPTION"),
        Error::Transient(_)
    ));
    assert!(matches!(coded(400, "INVALID_FIELD"), Error::Fatal(_)));
    match coded(410, "GONE") {
        Error::Invalid { field, .. } => assert_eq!(field, "api_version"),
        other => panic!("{other:?}"),
    }
    let plain = |status, headers: &[(&str, &str)]| Error::from(fault(status, "<html>", headers));
    assert!(matches!(plain(200, &[]), Error::Transient(_)));
    assert!(matches!(plain(302, &[]), Error::Invalid { .. }));
    assert!(matches!(plain(401, &[]), Error::Auth(_)));
    assert!(matches!(plain(503, &[]), Error::Transient(_)));
    assert_eq!(
        plain(503, &[("retry-after", "7")]),
        Error::RateLimited(Some(7_000))
    );
    assert_eq!(
        plain(429, &[("retry-after", "7")]),
        Error::RateLimited(Some(7_000))
    );
    assert_eq!(plain(429, &[]), Error::RateLimited(None));
    assert!(matches!(
        Error::from(fault(200, "{\"a\":", &[])),
        Error::Transient(_)
    ));
    assert!(matches!(
        Error::from(fault(200, "nonsense", &[])),
        Error::Transient(_)
    ));
}

#[test]
fn what_may_have_happened_is_unknown_where_it_must_not_happen_twice() {
    let once = |fault: Fault| fault.outcome(false);
    for status in [500, 502, 504] {
        assert!(
            matches!(once(fault(status, "", &[])), Outcome::Unknown(_)),
            "{status}"
        );
        assert!(matches!(
            fault(status, "", &[]).outcome(true),
            Outcome::Transient(_)
        ));
    }
    assert!(matches!(once(fault(503, "", &[])), Outcome::Transient(_)));
    assert!(matches!(
        once(fault(200, "<html>", &[])),
        Outcome::Unknown(_)
    ));
    assert!(matches!(once(fault(401, "", &[])), Outcome::Auth(_)));
    assert!(matches!(once(fault(400, "", &[])), Outcome::Rejected(_)));
    assert!(matches!(
        once(Fault::NoAnswer(HttpError::Timeout)),
        Outcome::Unknown(_)
    ));
    let connect = Fault::NoAnswer(HttpError::Connect(String::new()));
    assert!(matches!(once(connect), Outcome::Transient(_)));
}

#[test]
fn check_names_what_is_missing() {
    let limits = || exchange(Method::Get, "/limits").answer(200, "{}");
    let settings = configured(json!({ "objects": ["Contact"] }));
    let described = include_str!("../../fixtures/describe-contact.json");
    let describe = || exchange(Method::Get, "/sobjects/Contact/describe");

    let test = TestContext::default();
    test.http.push(limits());
    test.http.push(describe().answer(200, described));
    assert_eq!(
        <Salesforce as Source>::check(&test.context(), &settings),
        Ok(())
    );
    test.http.push(limits());
    test.http
        .push(describe().answer(404, r#"[{"errorCode":"NOT_FOUND","message":"x"}]"#));
    match <Salesforce as Source>::check(&test.context(), &settings) {
        Err(Error::Auth(text)) => assert!(text.contains("`Contact`"), "{text}"),
        other => panic!("{other:?}"),
    }
    test.http
        .push(limits().answer(401, r#"[{"errorCode":"INVALID_SESSION_ID"}]"#));
    let refused = <Salesforce as Source>::check(&test.context(), &settings);
    assert!(matches!(refused, Err(Error::Auth(_))), "{refused:?}");

    let check = |field: &str| {
        let settings = configured(json!({ "external_id_field": field }));
        test.http.push(describe().answer(200, described));
        <Salesforce as Destination>::check(&test.context(), &settings)
    };
    assert_eq!(check("Ext__c"), Ok(()));
    for field in ["Missing__c", "Note__c"] {
        match check(field) {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, "external_id_field"),
            other => panic!("{other:?}"),
        }
    }
    test.http.assert_done();
}

#[test]
fn unknown_stream_is_an_error() {
    let ctx = TestContext::default().context();
    let page = <Salesforce as Source>::read(&ctx, &configured(json!({})), "x", None, budget(1));
    assert!(matches!(page, Err(Error::Invalid { .. })));
}
