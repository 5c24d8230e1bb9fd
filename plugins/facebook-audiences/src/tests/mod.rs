mod vectors;

use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::testing::{Exchange, TestContext};
use crosspoint_sdk::{
    ActionKind, Attribute, Batch, Destination, Error, Identifier, Item, Outcome, Value as Field,
    settings,
};
use proptest::prelude::*;

use crate::{FacebookAudiences, Settings};

const BASE: &str = "https://graph.facebook.com/v25.0";
const USERS: &str = "/120208300000000001/users";

fn configured(extra: Value) -> Settings {
    let mut json = json!({ "ad_account_id": "act_77" });
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    settings::parse(&json.to_string()).unwrap()
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn expect(method: Method, path: &str) -> Exchange {
    Exchange::expect(method, &format!("{BASE}{path}"))
}

fn add(status: u16, body: &str) -> Exchange {
    expect(Method::Post, USERS).answer(status, body)
}

fn item(key: &str, email: &str) -> Item {
    Item {
        key: key.to_owned(),
        profile_id: format!("p-{key}"),
        identifiers: vec![Identifier::Email(email.to_owned())],
        list: Some("120208300000000001".to_owned()),
        fields: Vec::new(),
        consents: Vec::new(),
        occurred_at: 1_767_607_200_000,
        attempt: 0,
    }
}

fn anna() -> Item {
    item("k1", " Anna.Meyer@Example.com")
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
    let outcomes = FacebookAudiences::deliver(&test.context(), settings, batch).unwrap();
    test.http.assert_done();
    outcomes
}

fn deliver(action: ActionKind, items: Vec<Item>, script: Vec<Exchange>) -> Vec<Outcome> {
    run(
        &TestContext::default(),
        &configured(json!({})),
        action,
        items,
        script,
    )
}

fn consenting(mut item: Item, state: ConsentState) -> Item {
    item.consents.push(Consent {
        topic: ConsentTopic::Ads,
        state,
        decided_at: 0,
        evidence: None,
    });
    item
}

const TAKEN: &str =
    r#"{"audience_id":"1","session_id":"2","num_received":1,"num_invalid_entries":0}"#;

#[test]
fn requests_are_as_meta_documents_them() {
    let required = expect(Method::Post, USERS)
        .with_header("content-type", "application/json")
        .with_json(fixture(include_str!("../../fixtures/add-required.json")))
        .answer(200, TAKEN);
    let outcomes = deliver(ActionKind::AddToList, vec![anna()], vec![required]);
    assert_eq!(outcomes, [Outcome::Done(None)]);

    let mut full = consenting(anna(), ConsentState::Granted);
    full.identifiers
        .push(Identifier::Email("second@example.com".to_owned()));
    full.fields = vec![
        Attribute::new("EXTERN_ID", "crm-42"),
        Attribute::new("phone", "0151 12345678"),
        Attribute::new("FN", "Anna"),
        Attribute::new("LN", "Meyer"),
        Attribute::new("CT", "Bonn"),
        Attribute::new("ST", "N.R.W."),
        Attribute::new("ZIP", 53111),
        Attribute::new("COUNTRY", "DE"),
        Attribute::new("birthday", "1990-05-14"),
        Attribute::new("GEN", "Female"),
        Attribute::new("MADID", "38400000-8CF0-11BD-B23E-10B96E40000D"),
        Attribute::new("LOOKALIKE_VALUE", Field::Decimal("129.5".to_owned())),
    ];
    let all = expect(Method::Post, USERS)
        .with_json(fixture(include_str!("../../fixtures/add-all.json")))
        .answer(200, r#"{"num_received":2,"num_invalid_entries":0}"#);
    let settings = configured(json!({ "require_consent": true, "limited_data_use": true }));
    let test = TestContext::default();
    let outcomes = run(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![full],
        vec![all],
    );
    assert_eq!(outcomes, [Outcome::Done(None)]);

    let remove = expect(Method::Delete, USERS)
        .with_json(fixture(include_str!("../../fixtures/add-required.json")))
        .answer(200, TAKEN);
    let outcomes = deliver(ActionKind::RemoveFromList, vec![anna()], vec![remove]);
    assert_eq!(outcomes, [Outcome::Done(None)]);

    let mut reachable = anna();
    reachable
        .identifiers
        .push(Identifier::Phone("+49 151 12345678".to_owned()));
    let everywhere = || {
        expect(Method::Delete, "/act_77/usersofanyaudience")
            .with_json(fixture(include_str!("../../fixtures/erase.json")))
            .answer(200, TAKEN)
    };
    for action in [ActionKind::DeleteContact, ActionKind::Suppress] {
        let outcomes = deliver(action, vec![reachable.clone()], vec![everywhere()]);
        assert_eq!(outcomes, [Outcome::Done(None)]);
    }
}

#[test]
fn an_audience_is_found_or_made_once() {
    let named = |key: &str, name: &str| Item {
        list: Some(name.to_owned()),
        ..item(key, "anna.meyer@example.com")
    };
    let find = |after: &str, answer: Value| {
        let path = format!("/act_77/customaudiences?fields=id%2Cname&limit=500{after}");
        expect(Method::Get, &path).answer(200, answer.to_string())
    };
    let test = TestContext::default();
    let settings = configured(json!({}));
    let name = "CP - Newsletter DE";
    let script = vec![
        find(
            "",
            json!({ "data": [{ "id": "1", "name": "other" }],
                "paging": { "cursors": { "after": "x" }, "next": "https://…" } }),
        ),
        find("&after=x", json!({ "data": [] })),
        expect(Method::Post, "/act_77/customaudiences")
            .with_json(fixture(include_str!("../../fixtures/create.json")))
            .answer(200, r#"{"id":"120208300000000001"}"#),
        add(200, TAKEN),
    ];
    let outcomes = run(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![named("k1", name)],
        script,
    );
    assert_eq!(outcomes, [Outcome::Done(None)]);
    let again = vec![add(200, TAKEN)];
    let outcomes = run(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![named("k2", name)],
        again,
    );
    assert_eq!(outcomes, [Outcome::Done(None)], "noted");

    let gone = r#"{"error":{"code":100,"error_subcode":33}}"#;
    let lost = vec![add(400, gone)];
    let outcomes = run(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![named("k3", name)],
        lost,
    );
    assert!(matches!(outcomes[0], Outcome::Gone(_)));
    assert_eq!(
        crosspoint_sdk::Notes::keys(&test.notes),
        Vec::<String>::new()
    );

    let nobody = vec![find("", json!({ "data": [] }))];
    let item = named("k4", "nowhere");
    let outcomes = run(
        &test,
        &settings,
        ActionKind::RemoveFromList,
        vec![item],
        nobody,
    );
    assert_eq!(outcomes, [Outcome::Done(None)], "nothing to remove from");
    let nobody = vec![find("", json!({ "data": [] }))];
    let item = named("k5", "nowhere");
    let off = configured(json!({ "create": false }));
    let outcomes = run(&test, &off, ActionKind::AddToList, vec![item], nobody);
    assert!(matches!(&outcomes[0], Outcome::Rejected(one) if one.field.as_deref() == Some("list")));
}

#[test]
fn who_withdrew_is_not_sent() {
    for state in [ConsentState::Withdrawn, ConsentState::Pending] {
        let outcomes = deliver(
            ActionKind::AddToList,
            vec![consenting(anna(), state)],
            Vec::new(),
        );
        assert!(matches!(outcomes[0], Outcome::Rejected(_)), "{state:?}");
    }
    let settings = configured(json!({ "require_consent": true }));
    let test = TestContext::default();
    let outcomes = run(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![anna()],
        Vec::new(),
    );
    assert!(matches!(outcomes[0], Outcome::Rejected(_)), "not known");

    let withdrawn = consenting(anna(), ConsentState::Withdrawn);
    let remove = expect(Method::Delete, USERS).answer(200, TAKEN);
    let outcomes = deliver(ActionKind::RemoveFromList, vec![withdrawn], vec![remove]);
    assert_eq!(outcomes, [Outcome::Done(None)], "leaving needs no consent");
}

#[test]
fn a_refused_row_is_found() {
    let people = || vec![item("k1", "a@example.com"), item("k2", "b@example.com")];
    let invalid = include_str!("../../fixtures/invalid.json");
    let outcomes = deliver(
        ActionKind::AddToList,
        people(),
        vec![add(200, invalid), add(200, TAKEN), add(200, invalid)],
    );
    assert_eq!(outcomes[0], Outcome::Done(None));
    assert!(matches!(outcomes[1], Outcome::Rejected(_)));

    let refused = r#"{"error":{"code":100,"message":"(#100) a@example.com"}}"#;
    let outcomes = deliver(
        ActionKind::AddToList,
        people(),
        vec![add(400, refused), add(400, refused), add(200, TAKEN)],
    );
    assert_eq!(
        outcomes[0],
        Outcome::rejected(None, "Meta answered error 100")
    );
    assert_eq!(outcomes[1], Outcome::Done(None));
}

#[test]
fn many_rows_are_one_session() {
    let test = TestContext::default();
    let settings = configured(json!({ "rows_per_request": 2 }));
    let people: Vec<_> = (0..5)
        .map(|at| item(&format!("k{at}"), &format!("{at}@example.com")))
        .collect();
    let taken = r#"{"num_received":2,"num_invalid_entries":0}"#;
    let last = r#"{"num_received":0,"num_invalid_entries":0}"#;
    let script = vec![add(200, taken), add(200, taken), add(200, last)];
    let outcomes = run(&test, &settings, ActionKind::AddToList, people, script);
    assert_eq!(outcomes[..4], vec![Outcome::Done(None); 4]);
    assert!(matches!(outcomes[4], Outcome::Unknown(_)), "not received");
    let sessions: Vec<Value> = test
        .http
        .requests()
        .iter()
        .map(|one| {
            fixture(std::str::from_utf8(one.body.as_ref().unwrap()).unwrap())["session"].clone()
        })
        .collect();
    let part = |session: &Value| {
        (
            session["batch_seq"].as_u64().unwrap(),
            session["last_batch_flag"].as_bool().unwrap(),
        )
    };
    assert_eq!(
        sessions.iter().map(part).collect::<Vec<_>>(),
        [(1, false), (2, false), (3, true)]
    );
    assert!(
        sessions
            .iter()
            .all(|one| one["session_id"] == sessions[0]["session_id"])
    );
    assert_eq!(sessions[0]["estimated_num_total"], 5);
}

#[test]
fn the_code_decides_the_outcome() {
    let one = |status: u16, body: Value| {
        deliver(
            ActionKind::AddToList,
            vec![anna()],
            vec![add(status, &body.to_string())],
        )
        .remove(0)
    };
    let error = |code: i64, subcode: i64| json!({ "error": { "code": code, "error_subcode": subcode, "is_transient": false } });
    for (code, subcode) in [(1, 0), (2, 0), (21_009, 0)] {
        assert!(
            matches!(one(500, error(code, subcode)), Outcome::Transient(_)),
            "{code}"
        );
    }
    for code in [4, 17, 32, 613, 80_003] {
        assert_eq!(
            one(400, error(code, 0)),
            Outcome::RateLimited(None),
            "{code}"
        );
    }
    for (code, subcode) in [
        (190, 463),
        (102, 0),
        (10, 0),
        (200, 2655),
        (294, 0),
        (2635, 0),
    ] {
        assert!(
            matches!(one(400, error(code, subcode)), Outcome::Auth(_)),
            "{code}"
        );
    }
    for (code, subcode) in [(100, 33), (100, 1_713_230), (2650, 0), (1, 1_487_301)] {
        assert!(
            matches!(one(400, error(code, subcode)), Outcome::Gone(_)),
            "{code}"
        );
    }
    let unproven =
        json!({ "error": { "code": 100, "message": "Invalid appsecret_proof provided" } });
    assert!(matches!(one(400, unproven), Outcome::Auth(_)));
    for code in [100, 105] {
        assert!(
            matches!(one(400, error(code, 0)), Outcome::Rejected(_)),
            "{code}"
        );
    }
    assert_eq!(
        one(400, error(368, 0)),
        Outcome::RateLimited(Some(3_600_000))
    );
    let passing = json!({ "error": { "code": 999, "is_transient": true } });
    assert!(matches!(one(400, passing), Outcome::Transient(_)));

    let usage = r#"{"77":[{"type":"custom_audience","estimated_time_to_regain_access":5}]}"#;
    let limited =
        add(400, &error(80_003, 0).to_string()).answer_header("x-business-use-case-usage", usage);
    let outcomes = deliver(ActionKind::AddToList, vec![anna()], vec![limited]);
    assert_eq!(outcomes, [Outcome::RateLimited(Some(300_000))]);

    let plain = |status: u16| {
        deliver(
            ActionKind::AddToList,
            vec![anna()],
            vec![add(status, "<html>")],
        )
        .remove(0)
    };
    assert!(matches!(plain(200), Outcome::Unknown(_)));
    for status in [401, 403] {
        assert!(matches!(plain(status), Outcome::Auth(_)), "{status}");
    }
    assert_eq!(plain(429), Outcome::RateLimited(None));
    for status in [408, 500, 502, 503, 504] {
        assert!(matches!(plain(status), Outcome::Transient(_)), "{status}");
    }
    let lost = expect(Method::Post, USERS).fail(HttpError::Reset(String::new()));
    let outcomes = deliver(ActionKind::AddToList, vec![anna()], vec![lost]);
    assert!(matches!(outcomes[0], Outcome::Unknown(_)));
}

#[test]
fn check_proves_token_and_account() {
    let check = |status: u16, body: &str| {
        let test = TestContext::default();
        let path = "/act_77/customaudiences?fields=id%2Cname&limit=1";
        test.http
            .push(expect(Method::Get, path).answer(status, body));
        FacebookAudiences::check(&test.context(), &configured(json!({})))
    };
    assert_eq!(check(200, r#"{"data":[]}"#), Ok(()));
    let expired = include_str!("../../fixtures/expired.json");
    assert!(matches!(check(400, expired), Err(Error::Auth(_))));
    let missing = r#"{"error":{"code":100,"error_subcode":33}}"#;
    assert!(
        matches!(check(400, missing), Err(Error::Invalid { field, .. }) if field == "ad_account_id")
    );
    assert!(matches!(check(200, "<html>"), Err(Error::Transient(_))));
    assert!(matches!(check(503, ""), Err(Error::Transient(_))));
}

#[test]
fn wrong_settings_are_named() {
    let ctx = TestContext::default().context();
    for (extra, field) in [
        (json!({ "base_url": "graph" }), "base_url"),
        (json!({ "api_version": "25" }), "api_version"),
        (json!({ "ad_account_id": "act_" }), "ad_account_id"),
        (json!({ "rows_per_request": 10_001 }), "rows_per_request"),
    ] {
        match FacebookAudiences::actions(&ctx, &configured(extra)) {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_identifies_leaves_in_clear(
        name in "[a-zéü]{4,12}", host in "[a-z]{4,8}", city in "[a-z]{5,12}", digits in "[1-9][0-9]{9}",
    ) {
        let email = format!("{name}@{host}.example");
        let mut person = item("k1", &email);
        person.identifiers.push(Identifier::Phone(format!("+49{digits}")));
        person.fields = vec![
            Attribute::new("FN", name.clone()),
            Attribute::new("LN", name.clone()),
            Attribute::new("CT", city.clone()),
            Attribute::new("birthday", "1990-05-14"),
        ];
        let test = TestContext::default();
        let action = ActionKind::AddToList;
        run(&test, &configured(json!({})), action, vec![person], vec![add(200, TAKEN)]);
        let request = &test.http.requests()[0];
        let body: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        let rows = body["payload"]["data"].as_array().unwrap();
        let nothing = crate::normalize::sha256("");
        for cell in rows.iter().flat_map(|row| row.as_array().unwrap()) {
            let text = cell.as_str().unwrap();
            let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            prop_assert!(text.is_empty() || text == "p-k1" || is_digest, "{}", text);
            prop_assert!(text != nothing);
        }
        prop_assert_eq!(body["payload"]["schema"].as_array().unwrap().len(), 9);
    }
}
