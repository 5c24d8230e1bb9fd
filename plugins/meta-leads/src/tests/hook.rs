use crosspoint_sdk::http::Method;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{Received, Source, WebhookRequest};

use super::{BASE, budget, configured};
use crate::MetaLeads;
use crate::client::LEAD_FIELDS;

const CALL: &str = include_str!("../../fixtures/webhook.json");
const LEAD: &str = include_str!("../../fixtures/lead.json");
const ORGANIC: &str = include_str!("../../fixtures/lead-organic.json");

fn lead(id: &str) -> Exchange {
    let fields = crosspoint_sdk::http::encode_component(LEAD_FIELDS);
    Exchange::expect(Method::Get, &format!("{BASE}/{id}?fields={fields}"))
}

fn form() -> Exchange {
    let url = format!("{BASE}/998877665544?fields=id%2Cname");
    Exchange::expect(Method::Get, &url).answer(200, r#"{"id":"998877665544","name":"Spring form"}"#)
}

fn receive(test: &TestContext, body: &str) -> Received {
    let request = WebhookRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        received_at: 0,
    };
    MetaLeads::receive(&test.context(), &configured(json!({})), request).unwrap()
}

#[test]
fn ids_beyond_53_bits_keep_every_digit() {
    let test = TestContext::default();
    test.http.push(lead("1234567890123456").answer(200, LEAD));
    test.http.push(form());
    test.http
        .push(lead("12345678901234567890123").answer(200, ORGANIC));
    let mut received = receive(&test, CALL);
    test.http.assert_done();
    let ids: Vec<_> = received
        .part("leads")
        .records
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["1234567890123456", "12345678901234567890123"],
        "each once, other pages' not"
    );
    assert_eq!(received.part("consents").records.len(), 1);
    assert!(received.poke.is_empty());
}

#[test]
fn a_call_yields_what_polling_yields() {
    let test = TestContext::default();
    let forms = format!("{BASE}/1029384756/leadgen_forms?fields=id%2Cname&limit=50");
    let forms = Exchange::expect(Method::Get, &forms).answer(
        200,
        r#"{"data":[{"id":"998877665544","name":"Spring form"}]}"#,
    );
    let fields = crosspoint_sdk::http::encode_component(LEAD_FIELDS);
    let list = format!("{BASE}/998877665544/leads?fields={fields}&limit=9");
    let list = Exchange::expect(Method::Get, &list)
        .answer(200, format!("{{\"data\":[{LEAD},{ORGANIC}]}}"));
    for stream in ["leads", "consents"] {
        test.http.push(lead("1234567890123456").answer(200, LEAD));
        if stream == "leads" {
            test.http.push(form());
        }
        test.http
            .push(lead("12345678901234567890123").answer(200, ORGANIC));
        let mut received = receive(&test, CALL);
        test.http.push(forms.clone());
        test.http.push(list.clone());
        let page = MetaLeads::read(
            &test.context(),
            &configured(json!({})),
            stream,
            None,
            budget(9),
        );
        assert_eq!(
            received.part(stream).records,
            page.unwrap().records,
            "{stream}"
        );
    }
}

#[test]
fn what_cannot_be_read_now_is_left_to_polling() {
    let many: Vec<_> = (1..=6)
        .map(|id| json!({ "field": "leadgen", "value": { "leadgen_id": id.to_string(), "page_id": "1029384756" } }))
        .collect();
    let body = json!({ "object": "page", "entry": [{ "changes": many }] }).to_string();
    let received = receive(&TestContext::default(), &body);
    assert_eq!(
        (received.parts.len(), received.poke),
        (0, vec!["leads".to_owned(), "consents".to_owned()])
    );

    let one = json!({ "entry": [{ "changes": [{ "field": "leadgen", "value": { "leadgen_id": "7" } }] }] });
    for (code, is_parked) in [(803, true), (1, false), (190, false)] {
        let test = TestContext::default();
        let error = json!({ "error": { "code": code, "message": "about ana@example.com" } });
        test.http.push(lead("7").answer(400, error.to_string()));
        let mut received = receive(&test, &one.to_string());
        assert_eq!(received.poke.len(), 2, "{code}");
        let rejects = &received.part("leads").rejects;
        assert_eq!(rejects.len(), usize::from(is_parked), "{code}");
        if is_parked {
            assert!(!rejects[0].reason.contains("ana"));
            // Later the token may read it.
            test.http.push(lead("7").answer(200, LEAD));
            test.http.push(form());
            let raw = vec![rejects[0].raw.clone()];
            let page = MetaLeads::retry(&test.context(), &configured(json!({})), "leads", raw);
            assert_eq!(page.unwrap().records.len(), 1);
        }
    }
}

#[test]
fn nonsense_waits_in_quarantine() {
    let mut received = receive(&TestContext::default(), "{");
    assert_eq!(received.part("leads").rejects.len(), 1);
    for body in ["{}", "[]", r#"{"entry":[{"changes":[{"field":"feed"}]}]}"#] {
        assert_eq!(
            receive(&TestContext::default(), body),
            Received::empty(),
            "{body}"
        );
    }
    let raw = vec![
        b"{".to_vec(),
        b"{}".to_vec(),
        include_bytes!("../../fixtures/form.json").to_vec(),
    ];
    let ctx = TestContext::default().context();
    let page = MetaLeads::retry(&ctx, &configured(json!({})), "forms", raw).unwrap();
    assert_eq!((page.records.len(), page.rejects.len()), (1, 2));
}
