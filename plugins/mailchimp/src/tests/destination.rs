use crosspoint_sdk::http::{HttpError, Method};
use crosspoint_sdk::model::ConsentState;
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{
    ActionKind, Attribute, Destination, Found, Idempotency, Outcome, Value as Field,
};

use super::{
    ANNA, configured, consenting, deliver, deliver_in, expect, fixture, item, listed, with,
};
use crate::Mailchimp;
use crate::client::subscriber_hash;

const UPSERT: &str = "?skip_merge_validation=true";

fn anna() -> crosspoint_sdk::Item {
    item("k1", "Anna.Meyer@Example.com")
}

fn member(suffix: &str) -> String {
    format!("/lists/4ca5becb8d/members/{ANNA}{suffix}")
}

fn custom(name: &str) -> ActionKind {
    ActionKind::Custom(name.to_owned())
}

#[test]
fn a_member_is_addressed_by_the_hash_of_the_lowered_address() {
    assert_eq!(subscriber_hash(" Anna.Meyer@Example.com "), ANNA);
}

#[test]
fn requests_are_as_mailchimp_documents_them() {
    let required = expect(Method::Put, &member(UPSERT))
        .with_json(fixture(include_str!("../../fixtures/upsert-required.json")));
    let outcomes = deliver(
        ActionKind::UpsertContact,
        vec![anna()],
        vec![required.answer(200, format!(r#"{{"id":"{ANNA}"}}"#))],
    );
    assert_eq!(outcomes, [Outcome::Done(Some(ANNA.to_owned()))]);

    let fields = vec![
        Attribute::new("FNAME", "Zoë"),
        Attribute::new("ORDERS", 4),
        Attribute::new("LTV", Field::Decimal("129.5".to_owned())),
        Attribute::new("EXACT", Field::Decimal("0.1234567890123456789".to_owned())),
        Attribute::new("LAST", Field::Instant(1_767_607_200_000)),
        Attribute::new("OPTED", true),
        Attribute::new("GONE", Field::Null),
        Attribute::new("ADDRESS", Field::Json(r#"{"addr1":"Main 1"}"#.to_owned())),
        Attribute::new("language", "de"),
        Attribute::new("vip", true),
        Attribute::new(
            "location",
            Field::Json(r#"{"latitude":50.7,"longitude":7.1}"#.to_owned()),
        ),
        Attribute::new("timestamp_opt", Field::Instant(1_767_607_200_000)),
        Attribute::new("interests.9143cf3bd1", true),
        Attribute::new("marketing_permissions.d8f2a1", false),
    ];
    let all = expect(Method::Put, &member(UPSERT))
        .with_json(fixture(include_str!("../../fixtures/upsert-all.json")));
    let full = consenting(with(anna(), fields), ConsentState::Granted);
    deliver(
        ActionKind::UpsertContact,
        vec![full],
        vec![all.answer(200, "{}")],
    );

    for (action, item, exchange) in [
        (
            ActionKind::RemoveFromList,
            anna(),
            expect(Method::Delete, &member("")),
        ),
        (
            ActionKind::DeleteContact,
            anna(),
            expect(Method::Post, &member("/actions/delete-permanent")),
        ),
        (
            ActionKind::Suppress,
            anna(),
            expect(Method::Patch, &member("")).with_json(json!({ "status": "unsubscribed" })),
        ),
        (
            custom("add-tag"),
            listed(anna(), "vip"),
            expect(Method::Post, &member("/tags"))
                .with_json(json!({ "tags": [{ "name": "vip", "status": "active" }] })),
        ),
        (
            custom("remove-tag"),
            listed(anna(), "vip"),
            expect(Method::Post, &member("/tags"))
                .with_json(json!({ "tags": [{ "name": "vip", "status": "inactive" }] })),
        ),
        (
            ActionKind::TrackEvent,
            with(
                anna(),
                vec![
                    Attribute::new("name", "purchased"),
                    Attribute::new("sku", "A1"),
                    Attribute::new("count", 2),
                ],
            ),
            expect(Method::Post, &member("/events")).with_json(json!({
                "name": "purchased",
                "properties": { "sku": "A1", "count": "2" },
                "occurred_at": "2026-01-05T10:00:00+00:00",
            })),
        ),
    ] {
        // What is written is answered with all of it.
        let (status, body, id) = match action {
            ActionKind::UpsertContact | ActionKind::AddToList | ActionKind::Suppress => {
                (200, r#"{"id":"7"}"#, Some("7".to_owned()))
            }
            _ => (204, "", None),
        };
        let outcomes = deliver(
            action.clone(),
            vec![item],
            vec![exchange.answer(status, body)],
        );
        assert_eq!(outcomes, [Outcome::Done(id)], "{}", action.as_str());
    }
}

#[test]
fn an_update_never_subscribes_again() {
    for (state, if_new, status) in [
        (None, "transactional", None),
        (Some(ConsentState::Granted), "subscribed", None),
        (Some(ConsentState::Pending), "pending", None),
        (
            Some(ConsentState::Withdrawn),
            "unsubscribed",
            Some("unsubscribed"),
        ),
    ] {
        let item = match state {
            Some(state) => consenting(anna(), state),
            None => anna(),
        };
        let mut body =
            json!({ "email_address": "anna.meyer@example.com", "status_if_new": if_new });
        if let Some(status) = status {
            body["status"] = json!(status);
        }
        let exchange = expect(Method::Put, &member(UPSERT)).with_json(body);
        deliver(
            ActionKind::UpsertContact,
            vec![item],
            vec![exchange.answer(200, "{}")],
        );
    }
}

#[test]
fn one_refused_member_leaves_its_neighbours() {
    let granted = |key: &str, email: &str| {
        let item = with(item(key, email), vec![Attribute::new("FNAME", "A")]);
        consenting(listed(item, "4ca5becb8d"), ConsentState::Granted)
    };
    let exchange = expect(
        Method::Post,
        "/lists/4ca5becb8d?skip_merge_validation=true&skip_duplicate_check=true",
    )
    .with_json(fixture(include_str!("../../fixtures/subscribe.json")))
    .answer(200, include_str!("../../fixtures/subscribed.json"));
    let outcomes = deliver(
        ActionKind::AddToList,
        vec![
            granted("k0", "a@example.com"),
            granted("k1", "b@example.com"),
            granted("k2", "c@example.com"),
            granted("k3", "no address"),
            granted("k4", "A@Example.com"),
            granted("k5", "d@example.com"),
        ],
        vec![exchange],
    );
    assert_eq!(outcomes[0], Outcome::Done(Some("1".to_owned())));
    assert_eq!(
        outcomes[1],
        Outcome::rejected(Some("FNAME"), "Mailchimp refuses the member: ERROR_GENERIC")
    );
    assert!(
        matches!(outcomes[2], Outcome::Rejected(_)),
        "stays unsubscribed"
    );
    assert!(matches!(outcomes[3], Outcome::Rejected(_)));
    assert_eq!(outcomes[4], outcomes[0], "the same address goes once");
    assert!(matches!(outcomes[5], Outcome::Unknown(_)), "not named");
}

#[test]
fn a_batch_that_is_refused_whole_is_parted() {
    let granted = |key: &str, email: &str| {
        consenting(
            listed(item(key, email), "4ca5becb8d"),
            ConsentState::Granted,
        )
    };
    let post = |status: u16, body: Value| {
        expect(
            Method::Post,
            "/lists/4ca5becb8d?skip_merge_validation=true&skip_duplicate_check=true",
        )
        .answer(status, body.to_string())
    };
    let ok = json!({ "new_members": [{ "id": "2", "email_address": "b@example.com" }] });
    let outcomes = deliver(
        ActionKind::AddToList,
        vec![
            granted("k0", "a@example.com"),
            granted("k1", "b@example.com"),
        ],
        vec![
            post(400, json!({ "title": "Invalid Resource", "status": 400 })),
            post(400, json!({ "title": "Invalid Resource", "status": 400 })),
            post(200, ok),
        ],
    );
    assert!(matches!(outcomes[0], Outcome::Rejected(_)));
    assert_eq!(outcomes[1], Outcome::Done(Some("2".to_owned())));
}

#[test]
fn erasure_reaches_every_list_ever_written() {
    let test = TestContext::default();
    let settings = configured(json!({}));
    let add = expect(
        Method::Put,
        &format!("/lists/aaaa/members/{ANNA}?skip_merge_validation=true"),
    );
    let outcomes = deliver_in(
        &test,
        &settings,
        ActionKind::AddToList,
        vec![listed(anna(), "aaaa")],
        vec![add.answer(200, r#"{"id":"7"}"#)],
    );
    assert_eq!(outcomes.unwrap(), [Outcome::Done(Some("7".to_owned()))]);
    let delete = |list: &str, status| {
        let path = format!("/lists/{list}/members/{ANNA}/actions/delete-permanent");
        expect(Method::Post, &path).answer(status, "")
    };
    let outcomes = deliver_in(
        &test,
        &settings,
        ActionKind::DeleteContact,
        vec![anna()],
        vec![delete("4ca5becb8d", 404), delete("aaaa", 204)],
    );
    assert_eq!(outcomes.unwrap(), [Outcome::Done(None)]);
    let outcomes = deliver_in(
        &test,
        &settings,
        ActionKind::DeleteContact,
        vec![anna()],
        vec![delete("4ca5becb8d", 500), delete("aaaa", 204)],
    );
    assert!(
        matches!(outcomes.unwrap()[0], Outcome::Transient(_)),
        "one is open"
    );

    let mut of_two = anna();
    let second = crosspoint_sdk::Identifier::Email("B@example.com".to_owned());
    of_two.identifiers.push(second);
    let patch = |email: &str| {
        let path = format!("/lists/4ca5becb8d/members/{}", subscriber_hash(email));
        expect(Method::Patch, &path).answer(200, r#"{"id":"7"}"#)
    };
    let script = vec![patch("anna.meyer@example.com"), patch("b@example.com")];
    let outcomes = deliver(ActionKind::Suppress, vec![of_two], script);
    assert!(matches!(outcomes[..], [Outcome::Done(_)]), "{outcomes:?}");
}

#[test]
fn leaving_reaches_the_address_that_entered() {
    for (action, suffix) in [
        (ActionKind::RemoveFromList, ""),
        (custom("remove-tag"), "/tags"),
    ] {
        let mut of_two = listed(anna(), "4ca5becb8d");
        let second = crosspoint_sdk::Identifier::Email("aaron@example.com".to_owned());
        of_two.identifiers.insert(0, second);
        let hash = subscriber_hash("aaron@example.com");
        let method = match suffix {
            "" => Method::Delete,
            _ => Method::Post,
        };
        let path = format!("/lists/4ca5becb8d/members/{hash}{suffix}");
        let exchanges = vec![
            expect(method, &path).answer(404, ""),
            expect(method, &member(suffix)).answer(204, ""),
        ];
        assert_eq!(
            deliver(action, vec![of_two], exchanges),
            [Outcome::Done(None)]
        );
    }
}

#[test]
fn status_decides_the_outcome() {
    let one = |action: ActionKind, status: u16, body: &str| {
        let path = match action {
            ActionKind::TrackEvent => member("/events"),
            _ => member(UPSERT),
        };
        let method = match action {
            ActionKind::TrackEvent => Method::Post,
            _ => Method::Put,
        };
        let item = with(anna(), vec![Attribute::new("name", "purchased")]);
        deliver(
            action,
            vec![item],
            vec![expect(method, &path).answer(status, body)],
        )
        .remove(0)
    };
    let upsert = |status, body: &str| one(ActionKind::UpsertContact, status, body);
    let event = |status, body: &str| one(ActionKind::TrackEvent, status, body);
    let problem = r#"{"title":"Invalid Resource","status":400,"detail":"anna@example.com",
        "errors":[{"field":"merge_fields.ZIP","message":"Please enter a value"}]}"#;
    assert_eq!(
        upsert(400, problem),
        Outcome::rejected(Some("ZIP"), "Mailchimp answered 400: Invalid Resource")
    );
    for status in [404, 405, 409, 413, 422, 423] {
        assert!(
            matches!(upsert(status, ""), Outcome::Rejected(_)),
            "{status}"
        );
    }
    assert!(matches!(upsert(401, "{}"), Outcome::Auth(_)));
    assert!(matches!(upsert(403, problem), Outcome::Auth(_)));
    assert_eq!(upsert(403, ""), Outcome::RateLimited(None));
    assert_eq!(upsert(429, ""), Outcome::RateLimited(None));
    assert!(matches!(upsert(410, ""), Outcome::Gone(_)));
    assert!(matches!(upsert(200, "<html>"), Outcome::Unknown(_)));
    for status in [408, 500, 502, 503, 504] {
        assert!(
            matches!(upsert(status, "<html>"), Outcome::Transient(_)),
            "{status}"
        );
    }
    for status in [500, 502, 504] {
        assert!(matches!(event(status, ""), Outcome::Unknown(_)), "{status}");
    }
    assert!(matches!(event(503, ""), Outcome::Transient(_)));
}

#[test]
fn who_was_archived_before_is_off_the_list() {
    let remove = |status: &str| {
        let refused = expect(Method::Delete, &member("")).answer(405, "{}");
        let path = format!("{}?fields=id%2Cstatus", member(""));
        let found = json!({ "id": ANNA, "status": status }).to_string();
        let looked_up = expect(Method::Get, &path).answer(200, found);
        let item = listed(anna(), "4ca5becb8d");
        deliver(
            ActionKind::RemoveFromList,
            vec![item],
            vec![refused, looked_up],
        )
        .remove(0)
    };
    assert_eq!(remove("archived"), Outcome::Done(Some(ANNA.to_owned())));
    assert!(matches!(remove("cleaned"), Outcome::Rejected(_)));
}

#[test]
fn a_refusal_of_all_stops_asking() {
    let exchange = expect(Method::Put, &member(UPSERT)).answer(429, "");
    let outcomes = deliver(
        ActionKind::UpsertContact,
        vec![anna(), item("k2", "b@example.com")],
        vec![exchange],
    );
    assert_eq!(
        outcomes,
        [Outcome::RateLimited(None), Outcome::RateLimited(None)]
    );
    let lost = expect(Method::Put, &member(UPSERT)).fail(HttpError::Timeout);
    let outcomes = deliver(ActionKind::UpsertContact, vec![anna()], vec![lost]);
    assert!(matches!(outcomes[0], Outcome::Unknown(_)));
}

#[test]
fn only_consent_or_a_mail_brings_people_back() {
    let outcomes = deliver(ActionKind::Unsuppress, vec![anna()], Vec::new());
    assert!(matches!(outcomes[0], Outcome::Rejected(_)), "no consent");
    let refused =
        |status: &str| expect(Method::Patch, &member("")).with_json(json!({ "status": status }));
    let compliance = r#"{"title":"Member In Compliance State","status":400}"#;
    let outcomes = deliver(
        ActionKind::Unsuppress,
        vec![consenting(anna(), ConsentState::Granted)],
        vec![refused("subscribed").answer(400, compliance)],
    );
    assert!(matches!(outcomes[0], Outcome::Rejected(_)));
    let outcomes = deliver_in(
        &TestContext::default(),
        &configured(json!({ "resubscribe_by_mail": true })),
        ActionKind::Unsuppress,
        vec![consenting(anna(), ConsentState::Granted)],
        vec![
            refused("subscribed").answer(400, compliance),
            refused("pending").answer(200, r#"{"id":"7"}"#),
        ],
    );
    assert_eq!(outcomes.unwrap(), [Outcome::Done(Some("7".to_owned()))]);
}

#[test]
fn what_mailchimp_has_is_read_back() {
    let held = json!({
        "id": ANNA, "status": "subscribed", "merge_fields": { "LTV": 129.5 },
        "tags": [{ "name": "vip" }],
    });
    let ask = |action: ActionKind, item: crosspoint_sdk::Item, status: u16, body: String| {
        let test = TestContext::default();
        let url = member("?exclude_fields=_links");
        test.http
            .push(expect(Method::Get, &url).answer(status, body));
        let settings = configured(json!({}));
        Mailchimp::read_back(&test.context(), &settings, action, vec![item]).unwrap()
    };
    let ltv = |text: &str| {
        let value = Field::Decimal(text.to_owned());
        with(anna(), vec![Attribute::new("LTV", value)])
    };
    let present = [Found::Present(Some(ANNA.to_owned()))];
    let upsert = |item| ask(ActionKind::UpsertContact, item, 200, held.to_string());
    assert_eq!(upsert(ltv("129.5")), present);
    assert_eq!(upsert(ltv("7.5")), [Found::Absent]);
    let tag = |name, tag| ask(custom(name), listed(anna(), tag), 200, held.to_string());
    assert_eq!(tag("add-tag", "vip"), present);
    assert_eq!(tag("add-tag", "old"), [Found::Absent]);
    assert_eq!(tag("remove-tag", "vip"), [Found::Absent]);
    let gone = |action| ask(action, anna(), 404, String::new());
    assert_eq!(gone(ActionKind::DeleteContact), [Found::Present(None)]);
    assert_eq!(gone(ActionKind::UpsertContact), [Found::Absent]);
}

#[test]
fn actions_say_what_mailchimp_does() {
    let ctx = TestContext::default().context();
    let actions = Mailchimp::actions(&ctx, &configured(json!({}))).unwrap();
    let once: Vec<_> = actions
        .iter()
        .filter(|action| action.idempotency != Idempotency::Idempotent)
        .map(|action| action.kind.as_str())
        .collect();
    assert_eq!(once, ["track-event"]);
    for action in &actions {
        let Some(reverse) = &action.reverse else {
            continue;
        };
        assert!(actions.iter().any(|other| other.kind == *reverse));
    }
}
