use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Error, Source};

use super::{BASE, budget, configured};
use crate::MetaLeads;

fn forms() -> Exchange {
    let url = format!("{BASE}/1029384756/leadgen_forms?fields=id%2Cname&limit=50");
    Exchange::expect(Method::Get, &url)
}

fn read(exchange: Exchange) -> Error {
    let test = TestContext::default();
    test.http.push(exchange);
    MetaLeads::read(
        &test.context(),
        &configured(json!({})),
        "leads",
        None,
        budget(9),
    )
    .unwrap_err()
}

fn coded(status: u16, code: u32, subcode: Option<u32>) -> Exchange {
    let error =
        json!({ "message": "about ana@example.com", "code": code, "error_subcode": subcode });
    forms().answer(status, json!({ "error": error }).to_string())
}

#[test]
fn the_code_decides_the_class() {
    for (code, subcode) in [
        (190, Some(463)),
        (190, None),
        (102, None),
        (10, None),
        (200, None),
        (803, None),
        (100, Some(33)),
    ] {
        let error = read(coded(400, code, subcode));
        assert!(
            matches!(error, Error::Auth(_)) && !error.to_string().contains("@"),
            "{code} {error}"
        );
    }
    for code in [4, 17, 32, 613, 80_005] {
        for status in [400, 403, 429] {
            assert_eq!(
                read(coded(status, code, None)),
                Error::RateLimited(None),
                "{code}"
            );
        }
    }
    let usage =
        r#"{"123":[{"type":"leadgen","call_count":100,"estimated_time_to_regain_access":3}]}"#;
    let patient = coded(400, 80_005, None).answer_header("x-business-use-case-usage", usage);
    assert_eq!(read(patient), Error::RateLimited(Some(180_000)));
    for code in [1, 2] {
        assert!(
            matches!(read(coded(400, code, None)), Error::Transient(_)),
            "{code}"
        );
    }
    assert!(matches!(read(coded(500, 5_000, None)), Error::Transient(_)));
    assert!(matches!(read(coded(400, 100, None)), Error::Fatal(_)));
    let unproven =
        json!({ "error": { "code": 100, "message": "Invalid appsecret_proof provided" } });
    let unproven = forms().answer(400, unproven.to_string());
    assert!(matches!(read(unproven), Error::Auth(_)));
    match read(coded(400, 2_635, None)) {
        Error::Invalid { field, .. } => assert_eq!(field, "api_version"),
        other => panic!("{other:?}"),
    }
    for (status, body) in [
        (200, "<html>"),
        (200, "{\"data\":["),
        (200, "{}"),
        (502, "<html>"),
        (503, ""),
    ] {
        assert!(
            matches!(read(forms().answer(status, body)), Error::Transient(_)),
            "{status} {body}"
        );
    }
    assert!(matches!(read(forms().answer(401, "")), Error::Auth(_)));
    assert!(matches!(
        read(forms().answer(302, "")),
        Error::Invalid { .. }
    ));
    assert!(matches!(
        read(forms().fail(HttpError::Timeout)),
        Error::Transient(_)
    ));
}

fn leads(query: &str) -> Exchange {
    let fields = crosspoint_sdk::http::encode_component(crate::client::LEAD_FIELDS);
    Exchange::expect(
        Method::Get,
        &format!("{BASE}/7/leads?fields={fields}{query}"),
    )
}

#[test]
fn a_form_that_cannot_be_read_hides_no_other() {
    let test = TestContext::default();
    test.http
        .push(forms().answer(200, r#"{"data":[{"id":"7","name":"x"}]}"#));
    let error = json!({ "error": { "code": 100, "error_subcode": 33 } }).to_string();
    test.http.push(leads("&limit=9").answer(400, error));
    let page = MetaLeads::read(
        &test.context(),
        &configured(json!({})),
        "leads",
        None,
        budget(9),
    )
    .unwrap();
    assert!(
        !page.more && page.notices.len() == 1 && page.notices[0].contains("form 7"),
        "{page:?}"
    );
}

#[test]
fn check_proves_the_right_to_leads() {
    let check = |answer: Exchange| {
        let test = TestContext::default();
        test.http
            .push(forms().answer(200, r#"{"data":[{"id":"7","name":"x"}]}"#));
        test.http.push(answer);
        MetaLeads::check(&test.context(), &configured(json!({})))
    };
    assert_eq!(
        check(leads("&limit=1").answer(200, r#"{"data":[]}"#)),
        Ok(())
    );
    let error = json!({ "error": { "code": 200 } }).to_string();
    match check(leads("&limit=1").answer(403, error)) {
        Err(Error::Auth(text)) => assert!(text.contains("leads_retrieval"), "{text}"),
        other => panic!("{other:?}"),
    }
}
