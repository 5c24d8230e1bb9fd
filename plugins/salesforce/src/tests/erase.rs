use crosspoint_sdk::http::{Method, encode_component};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{ActionKind, Batch, Destination, Identifier, Outcome};

use super::{configured, exchange, item};
use crate::Salesforce;

const CONTACT: &str = "00300000000000CAAA";
const LEAD: &str = "00Q00000000000LAAA";

fn emails(object: &str) -> Exchange {
    let soql = format!(
        "SELECT Id,Email FROM {object} WHERE Email IN ('p0@example.com','p1@example.com') ORDER BY Id ASC"
    );
    let path = format!("/query?q={}", encode_component(&soql));
    exchange(Method::Get, &path).answer(200, r#"{"done":true,"records":[]}"#)
}

fn batch() -> Batch {
    let mut known = item("k0", "p0");
    known
        .identifiers
        .extend([CONTACT, LEAD].map(|id| Identifier::Customer(id.to_owned())));
    Batch {
        action: ActionKind::DeleteContact,
        items: vec![known, item("k1", "p1")],
    }
}

#[test]
fn deleting_moves_every_record_of_the_person_to_the_bin() {
    let settings = configured(json!({ "external_id_field": "" }));
    for (second, is_done) in [
        ("ENTITY_IS_DELETED", true),
        ("INSUFFICIENT_ACCESS_OR_READONLY", false),
    ] {
        let test = TestContext::default();
        test.http.push(emails("Contact"));
        test.http.push(emails("Lead"));
        let path = format!("/composite/sobjects?ids={CONTACT},{LEAD}&allOrNone=false");
        let results = json!([
            { "id": CONTACT, "success": true, "errors": [] },
            { "success": false, "errors": [{ "statusCode": second, "message": "x", "fields": [] }] },
        ]);
        test.http
            .push(exchange(Method::Delete, &path).answer(200, results.to_string()));
        let outcomes = Salesforce::deliver(&test.context(), &settings, batch()).unwrap();
        assert_eq!(
            matches!(outcomes[0], Outcome::Done(_)),
            is_done,
            "{outcomes:?}"
        );
        assert_eq!(outcomes[1], Outcome::Done(None), "nobody there");
        test.http.assert_done();
    }
}

#[test]
fn erasing_is_a_job_that_is_asked_for_until_it_ends() {
    let settings = configured(json!({ "external_id_field": "", "hard_delete": true }));
    let test = TestContext::default();
    let ctx = test.context();
    test.http.push(emails("Contact"));
    test.http.push(emails("Lead"));
    for (job, object, id) in [
        ("750000000000001AAA", "Contact", CONTACT),
        ("750000000000002AAA", "Lead", LEAD),
    ] {
        let created = json!({ "id": job, "state": "Open" }).to_string();
        test.http.push(
            exchange(Method::Post, "/jobs/ingest")
                .with_json(json!({ "object": object, "operation": "hardDelete", "contentType": "CSV", "lineEnding": "LF" }))
                .answer(200, created),
        );
        test.http.push(
            exchange(Method::Put, &format!("/jobs/ingest/{job}/batches"))
                .with_body(format!("Id\n{id}\n"))
                .answer(201, ""),
        );
        test.http.push(
            exchange(Method::Patch, &format!("/jobs/ingest/{job}"))
                .with_json(json!({ "state": "UploadComplete" }))
                .answer(200, "{}"),
        );
    }
    let outcomes = Salesforce::deliver(&ctx, &settings, batch()).unwrap();
    let Outcome::Queued(job) = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(outcomes[1], Outcome::Done(None));

    let keys = ["k0".to_owned()];
    let state = |job: &str, state: &str, failed: u32| {
        let body = json!({ "id": job, "state": state, "numberRecordsFailed": failed });
        exchange(Method::Get, &format!("/jobs/ingest/{job}")).answer(200, body.to_string())
    };
    test.http.push(state("750000000000001AAA", "InProgress", 0));
    let open = Salesforce::poll(&ctx, &settings, job, &keys).unwrap();
    assert_eq!(open, [Outcome::Queued(job.clone())]);

    let csv = format!(
        "\"sf__Id\",\"sf__Error\",\"Id\"\n\"\",\"DELETE_FAILED:about \"\"ana\"\",\nyes:--\",\"{LEAD}\"\n"
    );
    test.http
        .push(state("750000000000001AAA", "JobComplete", 0));
    test.http
        .push(state("750000000000002AAA", "JobComplete", 1));
    test.http.push(
        exchange(Method::Get, "/jobs/ingest/750000000000002AAA/failedResults").answer(200, csv),
    );
    let ended = Salesforce::poll(&ctx, &settings, job, &keys).unwrap();
    let [Outcome::Rejected(rejected)] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert!(rejected.reason.contains("DELETE_FAILED") && !rejected.reason.contains("ana"));
    test.http.assert_done();
}

#[test]
fn a_job_that_is_lost_is_made_again() {
    let settings = configured(json!({ "hard_delete": true }));
    let test = TestContext::default();
    let path = "/jobs/ingest/750000000000001AAA";
    let keys = ["k0".to_owned()];
    let poll =
        || Salesforce::poll(&test.context(), &settings, "750000000000001AAA", &keys).unwrap();
    test.http
        .push(exchange(Method::Get, path).answer(404, "[]"));
    assert!(matches!(poll()[..], [Outcome::Transient(_)]));
    test.http
        .push(exchange(Method::Get, path).answer(200, r#"{"state":"Failed"}"#));
    assert!(matches!(poll()[..], [Outcome::Transient(_)]));
}
