use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{ActionKind, Destination, Error, Outcome};

use super::{configured, deliver_in, expect, item, listed};
use crate::Mailchimp;
use crate::client::subscriber_hash;

const RESULTS: &str = "https://results.example.com/r?sig=1";

fn poll(exchanges: Vec<Exchange>, keys: &[&str]) -> Result<Vec<Outcome>, Error> {
    let test = TestContext::default();
    exchanges.into_iter().for_each(|one| test.http.push(one));
    let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
    let settings = configured(json!({}));
    let outcomes = Mailchimp::poll(&test.context(), &settings, "absent-rejected:b1", &keys);
    test.http.assert_done();
    outcomes
}

fn batch(answer: Value) -> Exchange {
    expect(Method::Get, "/batches/b1").answer(200, answer.to_string())
}

#[test]
fn many_items_become_one_batch_operation() {
    let email = |at: usize| format!("m{at}@example.com");
    let items: Vec<_> = (0..3)
        .map(|at| item(&format!("k{at}"), &email(at)))
        .collect();
    let operations: Vec<_> = (0..3)
        .map(|at| {
            json!({
                "method": "PUT",
                "path": format!("/lists/4ca5becb8d/members/{}", subscriber_hash(&email(at))),
                "operation_id": format!("k{at}"),
                "params": { "skip_merge_validation": "true" },
                "body": json!({
                    "email_address": email(at), "status_if_new": "transactional",
                }).to_string(),
            })
        })
        .collect();
    let exchange = expect(Method::Post, "/batches")
        .with_json(json!({ "operations": operations }))
        .answer(200, r#"{"id":"b1","status":"pending"}"#);
    let outcomes = deliver_in(
        &TestContext::default(),
        &configured(json!({ "bulk_from": 3 })),
        ActionKind::UpsertContact,
        items,
        vec![exchange],
    );
    let queued = Outcome::Queued("absent-rejected:b1".to_owned());
    assert_eq!(outcomes.unwrap(), vec![queued; 3]);
}

#[test]
fn an_unusable_item_stays_out_of_the_batch_operation() {
    let tag = |key: &str, email: &str| listed(item(key, email), "vip");
    let items = vec![
        tag("k0", "a@example.com"),
        tag("k1", "nobody"),
        tag("k2", "c@example.com"),
    ];
    let exchange = expect(Method::Post, "/batches").answer(200, r#"{"id":"b1"}"#);
    let outcomes = deliver_in(
        &TestContext::default(),
        &configured(json!({ "bulk_from": 2 })),
        ActionKind::Custom("remove-tag".to_owned()),
        items,
        vec![exchange],
    )
    .unwrap();
    let queued = Outcome::Queued("absent-done:b1".to_owned());
    assert_eq!((&outcomes[0], &outcomes[2]), (&queued, &queued));
    assert!(matches!(outcomes[1], Outcome::Rejected(_)));
}

#[test]
fn a_batch_operation_without_errors_needs_no_results() {
    let open = poll(vec![batch(json!({ "status": "started" }))], &["k0"]);
    assert_eq!(
        open.unwrap(),
        [Outcome::Queued("absent-rejected:b1".to_owned())]
    );
    let answer = json!({
        "status": "finished", "total_operations": 2, "finished_operations": 2,
        "errored_operations": 0, "response_body_url": RESULTS,
    });
    let outcomes = poll(vec![batch(answer)], &["k0", "k1"]).unwrap();
    assert_eq!(outcomes, [Outcome::Done(None), Outcome::Done(None)]);
}

#[test]
fn results_are_read_item_by_item() {
    let finished = || {
        batch(json!({
            "status": "finished", "total_operations": 4, "finished_operations": 4,
            "errored_operations": 2, "response_body_url": RESULTS,
        }))
    };
    let results = || Exchange::expect(Method::Get, RESULTS);
    let packed = &include_bytes!("../../fixtures/results.tar.gz")[..];
    let outcomes = poll(
        vec![finished(), results().answer(200, packed)],
        &["k2", "k1", "k0", "k9"],
    )
    .unwrap();
    assert!(
        matches!(outcomes[0], Outcome::Rejected(_)),
        "nobody to update"
    );
    assert_eq!(
        outcomes[1],
        Outcome::rejected(Some("ZIP"), "Mailchimp answered 400: Invalid Resource")
    );
    assert_eq!(outcomes[2], Outcome::Done(Some("h0".to_owned())));
    assert!(matches!(outcomes[3], Outcome::Unknown(_)), "not named");

    let expired = poll(vec![finished(), results().answer(403, "<xml>")], &["k0"]);
    assert!(
        matches!(expired.unwrap()[0], Outcome::Queued(_)),
        "asked anew"
    );
    let cut = poll(
        vec![finished(), results().answer(200, &packed[..40])],
        &["k0"],
    );
    assert!(matches!(cut, Err(Error::Transient(_))));
    let denied = HttpError::Denied("results.example.com".to_owned());
    let denied = poll(vec![finished(), results().fail(denied)], &["k0"]);
    assert!(matches!(denied, Err(Error::Invalid { .. })));
}

#[test]
fn a_batch_operation_that_is_gone_leaves_its_items_unknown() {
    let gone = expect(Method::Get, "/batches/b1").answer(404, "");
    assert!(matches!(
        poll(vec![gone], &["k0"]).unwrap()[0],
        Outcome::Unknown(_)
    ));
}
