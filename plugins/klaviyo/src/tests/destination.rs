use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Idempotency, Identifier, Item, Notes,
    Outcome, Value as Field,
};

use super::{configured, expect, fixture, plain};
use crate::{Klaviyo, Settings};

fn item(key: &str, email: &str) -> Item {
    Item {
        key: key.to_owned(),
        profile_id: format!("p-{key}"),
        identifiers: vec![Identifier::Email(email.to_owned())],
        list: None,
        fields: Vec::new(),
        consents: Vec::new(),
        occurred_at: 1_767_607_200_000,
        attempt: 0,
    }
}

fn anna() -> Item {
    item("k1", "Anna.Meyer@Example.com")
}

fn listed(item: Item) -> Item {
    Item {
        list: Some("VIP".to_owned()),
        ..item
    }
}

fn run(
    test: &TestContext,
    settings: &Settings,
    action: ActionKind,
    items: Vec<Item>,
    script: Vec<Exchange>,
) -> Vec<Outcome> {
    script.into_iter().for_each(|one| test.http.push(one));
    let batch = Batch { action, items };
    let outcomes = Klaviyo::deliver(&test.context(), settings, batch).unwrap();
    test.http.assert_done();
    outcomes
}

fn deliver(action: ActionKind, items: Vec<Item>, script: Vec<Exchange>) -> Vec<Outcome> {
    run(&TestContext::default(), &plain(), action, items, script)
}

fn import(status: u16, body: &str) -> Exchange {
    expect(Method::Post, "/api/profile-import").answer(status, body)
}

fn lists() -> Exchange {
    expect(Method::Get, "/api/lists").answer(
        200,
        r#"{"data":[{"type":"list","id":"Y6nRLr","attributes":{"name":"VIP"}}],"links":{}}"#,
    )
}

fn custom(name: &str) -> ActionKind {
    ActionKind::Custom(name.to_owned())
}

#[test]
fn requests_are_as_klaviyo_documents_them() {
    let required = import(201, r#"{"data":{"id":"01A"}}"#)
        .with_header("content-type", "application/vnd.api+json")
        .with_json(fixture(include_str!("../../fixtures/import-required.json")));
    let outcomes = deliver(ActionKind::UpsertContact, vec![anna()], vec![required]);
    assert_eq!(outcomes, [Outcome::Done(Some("01A".to_owned()))]);

    let mut full = anna();
    full.fields = vec![
        Attribute::new("phone_number", "+49 151 12345678"),
        Attribute::new("external_id", "crm-42"),
        Attribute::new("first_name", "Zoë"),
        Attribute::new("organization", Field::Null),
        Attribute::new("location.city", "Bonn"),
        Attribute::new("location.timezone", "Europe/Berlin"),
        Attribute::new("ltv", Field::Decimal("129.5".to_owned())),
        Attribute::new("exact", Field::Decimal("0.1234567890123456789".to_owned())),
        Attribute::new("vip", true),
        Attribute::new("orders", 4),
        Attribute::new("last_order", Field::Instant(1_767_607_200_000)),
        Attribute::new("skus", Field::Json(r#"["A1"]"#.to_owned())),
        Attribute::new("gone", Field::Null),
    ];
    let all = import(200, r#"{"data":{"id":"01A"}}"#)
        .with_json(fixture(include_str!("../../fixtures/import-all.json")));
    deliver(ActionKind::UpsertContact, vec![full], vec![all]);

    let mut bought = anna();
    bought.fields = vec![
        Attribute::new("name", "Placed Order"),
        Attribute::new("value", Field::Decimal("99.9".to_owned())),
        Attribute::new("value_currency", "EUR"),
        Attribute::new("OrderId", "1001"),
    ];
    let event = expect(Method::Post, "/api/events")
        .with_json(fixture(include_str!("../../fixtures/event.json")))
        .answer(202, "");
    let outcomes = deliver(ActionKind::TrackEvent, vec![bought], vec![event]);
    assert_eq!(outcomes, [Outcome::Done(None)]);

    let mut reachable = anna();
    reachable
        .identifiers
        .push(Identifier::Phone("+49 151 12345678".to_owned()));
    let erase = |name: &str, value: &str, status: u16| {
        expect(Method::Post, "/api/data-privacy-deletion-jobs")
            .with_json(
                json!({ "data": { "type": "data-privacy-deletion-job", "attributes": {
                "profile": { "data": { "type": "profile", "attributes": { name: value } } },
            } } }),
            )
            .answer(status, "")
    };
    let script = vec![
        erase("email", "anna.meyer@example.com", 202),
        erase("phone_number", "+4915112345678", 404),
    ];
    let outcomes = deliver(ActionKind::DeleteContact, vec![reachable], script);
    assert_eq!(outcomes, [Outcome::Done(None)]);
}

#[test]
fn an_update_carries_no_consent() {
    let mut granted = anna();
    granted.consents.push(Consent {
        topic: ConsentTopic::EmailMarketing,
        state: ConsentState::Granted,
        decided_at: 1_762_074_000_000,
        evidence: None,
    });
    let same = import(200, r#"{"data":{"id":"01A"}}"#)
        .with_json(fixture(include_str!("../../fixtures/import-required.json")));
    deliver(ActionKind::UpsertContact, vec![granted.clone()], vec![same]);

    let subscribe = expect(Method::Post, "/api/profile-subscription-bulk-create-jobs")
        .with_json(fixture(include_str!("../../fixtures/subscribe.json")))
        .answer(202, "");
    let script = vec![lists(), subscribe];
    let test = TestContext::default();
    let outcomes = run(
        &test,
        &plain(),
        custom("subscribe"),
        vec![listed(granted), listed(anna())],
        script,
    );
    assert!(
        matches!(outcomes[1], Outcome::Rejected(_)),
        "nothing granted"
    );
    let Outcome::Queued(job) = &outcomes[0] else {
        panic!("accepted is not done: {outcomes:?}")
    };
    let keys = ["k1".to_owned()];
    let poll = |consent: &str| {
        let path = "/api/profiles?filter=any%28email%2C%5B%22anna.meyer%40example.com%22%5D%29\
            &additional-fields%5Bprofile%5D=subscriptions&page%5Bsize%5D=100";
        let marketing = json!({ "marketing": { "consent": consent, "suppression": [] } });
        let own =
            json!({ "email": "anna.meyer@example.com", "subscriptions": { "email": marketing } });
        let row = json!({ "data": [{ "type": "profile", "id": "01A", "attributes": own }] });
        test.http
            .push(expect(Method::Get, path).answer(200, row.to_string()));
        Klaviyo::poll(&test.context(), &plain(), job, &keys).unwrap()
    };
    assert_eq!(poll("NEVER_SUBSCRIBED"), [Outcome::Queued(job.clone())]);
    assert_eq!(poll("SUBSCRIBED"), [Outcome::Done(Some("01A".to_owned()))]);
    assert!(!test.notes.keys().contains(job), "the note is gone");
}

#[test]
fn a_number_of_another_profile_gives_way_to_the_address() {
    let mut both = anna();
    both.fields = vec![Attribute::new("phone_number", "+4915112345678")];
    let conflict = import(409, include_str!("../../fixtures/duplicate.json"));
    let alone = import(200, r#"{"data":{"id":"01A"}}"#)
        .with_json(fixture(include_str!("../../fixtures/import-required.json")));
    let outcomes = deliver(ActionKind::UpsertContact, vec![both], vec![conflict, alone]);
    assert_eq!(outcomes, [Outcome::Done(Some("01A".to_owned()))]);
    let conflict = import(409, include_str!("../../fixtures/duplicate.json"));
    let outcomes = deliver(ActionKind::UpsertContact, vec![anna()], vec![conflict]);
    assert!(
        matches!(outcomes[0], Outcome::Rejected(_)),
        "nothing to leave out"
    );
}

#[test]
fn a_number_that_is_none_is_left_out() {
    let mut odd = anna();
    odd.fields = vec![Attribute::new("phone_number", "ask reception")];
    let alone = import(200, r#"{"data":{"id":"01A"}}"#)
        .with_json(fixture(include_str!("../../fixtures/import-required.json")));
    deliver(ActionKind::UpsertContact, vec![odd], vec![alone]);
    let mut nobody = anna();
    nobody.identifiers = vec![Identifier::UserId("7".to_owned())];
    let outcomes = deliver(ActionKind::UpsertContact, vec![nobody], Vec::new());
    assert!(matches!(outcomes[0], Outcome::Rejected(_)));
}

const JOBS: &str = "/api/profile-bulk-import-jobs";

fn started(test: &TestContext) -> Vec<Outcome> {
    let items = vec![
        item("k0", "a@example.com"),
        item("k1", "b@example.com"),
        item("k2", "nobody"),
    ];
    let profile = |email: &str| json!({ "type": "profile", "attributes": { "email": email } });
    let job = expect(Method::Post, JOBS)
        .with_json(
            json!({ "data": { "type": "profile-bulk-import-job", "attributes": {
            "profiles": { "data": [profile("a@example.com"), profile("b@example.com")] },
        } } }),
        )
        .answer(202, r#"{"data":{"id":"j1"}}"#);
    let settings = configured(json!({ "bulk_from": 2 }));
    run(test, &settings, ActionKind::UpsertContact, items, vec![job])
}

fn poll(test: &TestContext, keys: &[&str], script: Vec<Exchange>) -> Result<Vec<Outcome>, Error> {
    script.into_iter().for_each(|one| test.http.push(one));
    let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
    let outcomes = Klaviyo::poll(&test.context(), &plain(), "import:j1", &keys);
    test.http.assert_done();
    outcomes
}

fn job(attributes: Value) -> Exchange {
    let body = json!({ "data": { "id": "j1", "attributes": attributes } });
    expect(Method::Get, &format!("{JOBS}/j1")).answer(200, body.to_string())
}

#[test]
fn an_accepted_job_is_not_done() {
    let test = TestContext::default();
    let outcomes = started(&test);
    let queued = Outcome::Queued("import:j1".to_owned());
    assert_eq!((&outcomes[0], &outcomes[1]), (&queued, &queued));
    assert!(matches!(outcomes[2], Outcome::Rejected(_)));
    for status in ["queued", "processing"] {
        let open = poll(&test, &["k0"], vec![job(json!({ "status": status }))]);
        assert_eq!(open, Ok(vec![queued.clone()]));
    }
    let done = job(json!({ "status": "complete", "failed_count": 0 }));
    assert_eq!(
        poll(&test, &["k0", "k1"], vec![done]),
        Ok(vec![Outcome::Done(None), Outcome::Done(None)])
    );
    assert!(test.notes.keys().is_empty());
}

#[test]
fn one_refused_profile_leaves_its_neighbours() {
    let failed = || job(json!({ "status": "complete", "failed_count": 1 }));
    let errors = || {
        expect(
            Method::Get,
            &format!("{JOBS}/j1/import-errors?page%5Bsize%5D=100"),
        )
        .answer(200, include_str!("../../fixtures/import-errors.json"))
    };
    let test = TestContext::default();
    started(&test);
    let outcomes = poll(&test, &["k1", "k0"], vec![failed(), errors()]).unwrap();
    assert_eq!(
        outcomes[0],
        Outcome::rejected(Some("phone_number"), "Klaviyo refuses the profile: invalid")
    );
    assert_eq!(outcomes[1], Outcome::Done(None));
    // Without the note nobody knows whose failure it is.
    let outcomes = poll(&test, &["k1", "k0"], vec![failed(), errors()]).unwrap();
    assert!(
        outcomes
            .iter()
            .all(|one| matches!(one, Outcome::Unknown(_)))
    );
    let gone = expect(Method::Get, &format!("{JOBS}/j1")).answer(404, "{}");
    assert!(matches!(
        poll(&test, &["k0"], vec![gone]).unwrap()[0],
        Outcome::Unknown(_)
    ));
}

#[test]
fn a_job_that_is_refused_whole_is_parted() {
    let test = TestContext::default();
    let settings = configured(json!({ "bulk_from": 2 }));
    let post = |status, body: &str| expect(Method::Post, JOBS).answer(status, body);
    let invalid =
        r#"{"errors":[{"code":"invalid","source":{"pointer":"/data/attributes/email"}}]}"#;
    let outcomes = run(
        &test,
        &settings,
        ActionKind::UpsertContact,
        vec![item("k0", "a@example.com"), item("k1", "b@example.com")],
        vec![
            post(400, invalid),
            post(400, invalid),
            post(202, r#"{"data":{"id":"j2"}}"#),
        ],
    );
    assert!(
        matches!(&outcomes[0], Outcome::Rejected(one) if one.field.as_deref() == Some("email"))
    );
    assert_eq!(outcomes[1], Outcome::Queued("import:j2".to_owned()));
}

#[test]
fn too_many_open_jobs_wait() {
    let test = TestContext::default();
    (0..200).for_each(|at| test.notes.set(&format!("import:{at}"), b"k"));
    let settings = configured(json!({ "bulk_from": 2 }));
    let items = vec![item("k0", "a@example.com"), item("k1", "b@example.com")];
    let outcomes = run(
        &test,
        &settings,
        ActionKind::UpsertContact,
        items,
        Vec::new(),
    );
    assert_eq!(outcomes, vec![Outcome::RateLimited(Some(30_000)); 2]);
}

#[test]
fn members_come_and_go_by_the_id_of_their_profile() {
    let members = "/api/lists/Y6nRLr/relationships/profiles";
    let body = json!({ "data": [{ "type": "profile", "id": "01A" }] });
    let test = TestContext::default();
    let script = vec![
        lists(),
        import(200, r#"{"data":{"id":"01A"}}"#),
        expect(Method::Post, members)
            .with_json(body.clone())
            .answer(204, ""),
    ];
    let outcomes = run(
        &test,
        &plain(),
        ActionKind::AddToList,
        vec![listed(anna())],
        script,
    );
    assert_eq!(outcomes, [Outcome::Done(Some("01A".to_owned()))]);

    let find = |email: &str, answer: &str| {
        let path = format!("/api/profiles?filter=equals%28email%2C%22{email}%22%29");
        expect(Method::Get, &path).answer(200, answer)
    };
    let script = vec![
        find("anna.meyer%40example.com", r#"{"data":[{"id":"01A"}]}"#),
        find("b%40example.com", r#"{"data":[]}"#),
        expect(Method::Delete, members)
            .with_json(body)
            .answer(204, ""),
    ];
    let items = vec![listed(anna()), listed(item("k2", "b@example.com"))];
    let outcomes = run(&test, &plain(), ActionKind::RemoveFromList, items, script);
    assert_eq!(
        outcomes,
        [
            Outcome::Done(Some("01A".to_owned())),
            Outcome::Transient("Klaviyo does not find the person".to_owned())
        ],
        "may be too new to be found"
    );
    let again = Item {
        attempt: 1,
        ..listed(item("k2", "b@example.com"))
    };
    let script = vec![find("b%40example.com", r#"{"data":[]}"#)];
    let outcomes = run(
        &test,
        &plain(),
        ActionKind::RemoveFromList,
        vec![again],
        script,
    );
    assert_eq!(outcomes, [Outcome::Done(None)]);

    let script = vec![
        find("anna.meyer%40example.com", r#"{"data":[{"id":"01A"}]}"#),
        expect(Method::Delete, members).answer(404, "{}"),
    ];
    let items = vec![listed(anna())];
    let outcomes = run(&test, &plain(), ActionKind::RemoveFromList, items, script);
    assert!(matches!(outcomes[0], Outcome::Gone(_)));
    assert!(test.notes.keys().is_empty(), "looked up anew next time");

    let nowhere = Item {
        list: Some("Nowhere".to_owned()),
        ..anna()
    };
    let outcomes = deliver(ActionKind::AddToList, vec![nowhere], vec![lists()]);
    assert!(matches!(&outcomes[0], Outcome::Rejected(one) if one.field.as_deref() == Some("list")));
}

#[test]
fn every_address_is_suppressed() {
    let mut two = anna();
    two.identifiers
        .push(Identifier::Email("b@example.com".to_owned()));
    let jobs = "/api/profile-suppression-bulk-create-jobs";
    let post = |email: &str, id: &str| {
        expect(Method::Post, jobs)
            .with_json(json!({ "data": {
                "type": "profile-suppression-bulk-create-job",
                "attributes": { "profiles": { "data": [
                    { "type": "profile", "attributes": { "email": email } },
                ] } },
            } }))
            .answer(202, format!(r#"{{"data":{{"id":"{id}"}}}}"#))
    };
    let script = vec![
        post("anna.meyer@example.com", "s1"),
        post("b@example.com", "s2"),
    ];
    let outcomes = deliver(ActionKind::Suppress, vec![two], script);
    assert_eq!(outcomes, [Outcome::Queued("suppress:s1".to_owned())]);
}

#[test]
fn status_decides_the_outcome() {
    let one = |status: u16, body: &str| {
        deliver(
            ActionKind::UpsertContact,
            vec![anna()],
            vec![import(status, body)],
        )
        .remove(0)
    };
    let invalid = r#"{"errors":[{"code":"invalid","detail":"anna@example.com",
        "source":{"pointer":"/data/attributes/phone_number"}}]}"#;
    assert_eq!(
        one(400, invalid),
        Outcome::rejected(
            Some("phone_number"),
            "the vendor answered 400 bad request: invalid"
        )
    );
    for status in [400, 404, 413, 415, 422, 423] {
        assert!(
            matches!(one(status, "<html>"), Outcome::Rejected(_)),
            "{status}"
        );
    }
    for status in [401, 403, 410] {
        assert!(matches!(one(status, invalid), Outcome::Auth(_)), "{status}");
    }
    assert!(matches!(one(200, "<html>"), Outcome::Unknown(_)));
    assert_eq!(one(429, ""), Outcome::RateLimited(None));
    for status in [408, 500, 502, 503, 504] {
        assert!(matches!(one(status, ""), Outcome::Transient(_)), "{status}");
    }
    let limited = import(429, "").answer_header("retry-after", "7");
    let items = vec![anna(), item("k2", "b@example.com")];
    let outcomes = deliver(ActionKind::UpsertContact, items, vec![limited]);
    assert_eq!(outcomes, vec![Outcome::RateLimited(Some(7000)); 2]);
    let lost = expect(Method::Post, "/api/profile-import").fail(HttpError::Timeout);
    let outcomes = deliver(ActionKind::UpsertContact, vec![anna()], vec![lost]);
    assert!(matches!(outcomes[0], Outcome::Unknown(_)));
}

#[test]
fn actions_say_what_klaviyo_does() {
    let ctx = TestContext::default().context();
    let actions = Klaviyo::actions(&ctx, &plain()).unwrap();
    for action in &actions {
        let is_event = action.kind == ActionKind::TrackEvent;
        let expected = if is_event {
            Idempotency::Keyed
        } else {
            Idempotency::Idempotent
        };
        assert_eq!(action.idempotency, expected, "{}", action.kind.as_str());
        if let Some(reverse) = &action.reverse {
            assert!(actions.iter().any(|other| other.kind == *reverse));
        }
    }
}
