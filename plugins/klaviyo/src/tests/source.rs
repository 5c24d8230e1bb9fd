use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::model::{ConsentState, EngagementKind, ExternalId};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{
    Body, Budget, Error, Identifier, Notes, Page, Source, Value as Field, WebhookRequest,
};
use proptest::prelude::*;

use super::{BASE, configured, expect, plain};
use crate::walk::{Cursor, Walk};
use crate::{CONSENTS, ENGAGEMENTS, EVENTS, Klaviyo, PROFILES};

const WIDE: Budget = Budget {
    records: 1000,
    bytes: 8 << 20,
};

const FIRST: &str = "/api/profiles?sort=updated&page%5Bsize%5D=100\
    &additional-fields%5Bprofile%5D=subscriptions";

fn read(test: &TestContext, stream: &str, cursor: Option<&[u8]>, script: &[(&str, &str)]) -> Page {
    for (path, answer) in script {
        test.http
            .push(expect(Method::Get, path).answer(200, *answer));
    }
    let page = Klaviyo::read(&test.context(), &plain(), stream, cursor, WIDE).unwrap();
    test.http.assert_done();
    page
}

#[test]
fn a_profile_becomes_a_contact_and_nothing_is_dropped() {
    let rows = include_str!("../../fixtures/profiles.json");
    let page = read(&TestContext::default(), PROFILES, None, &[(FIRST, rows)]);
    assert_eq!(
        (page.records.len(), page.rejects.len(), page.more),
        (3, 1, false)
    );
    assert_eq!(page.rejects[0].field.as_deref(), Some("updated"));
    let anna = &page.records[0];
    assert_eq!(
        anna.identifiers,
        [
            Identifier::Customer("01A".to_owned()),
            Identifier::Email("anna.meyer@example.com".to_owned()),
            Identifier::Phone("+4915112345678".to_owned()),
            Identifier::External(ExternalId {
                system: "klaviyo-external-id".to_owned(),
                id: "crm-42".to_owned(),
            }),
        ]
    );
    let Body::Contact(contact) = &anna.body else {
        panic!("{anna:?}")
    };
    assert_eq!(contact.first_name.as_deref(), Some("Anna"));
    assert_eq!(contact.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(contact.created_at, Some(1_767_225_600_000));
    let address = contact.address.as_ref().unwrap();
    assert_eq!(address.city.as_deref(), Some("Köln"));
    assert_eq!(address.country, None, "a country's name is no code");
    let held: BTreeMap<_, _> = anna
        .attributes
        .iter()
        .map(|one| (one.name.as_str(), &one.value))
        .collect();
    assert_eq!(held["location.country"], &Field::Text("Germany".to_owned()));
    assert_eq!(held["ltv"], &Field::Decimal("129.5".to_owned()));
    assert_eq!(held["unheard_of"], &Field::Null);
    assert_eq!(held["properties.title"], &Field::Text("Dr.".to_owned()));
    assert_eq!(held["skus"], &Field::Json(r#"["A1"]"#.to_owned()));
    assert_eq!(held["image"], &Field::Null);
    assert!(held.contains_key("subscriptions") && !held.contains_key("title"));

    let raw = vec![page.rejects[0].raw.clone()];
    let ctx = TestContext::default().context();
    let again = Klaviyo::retry(&ctx, &plain(), PROFILES, raw).unwrap();
    assert_eq!((again.records.len(), again.rejects.len()), (0, 1));
    let raw = vec![b"not json".to_vec()];
    let again = Klaviyo::retry(&ctx, &plain(), PROFILES, raw.clone()).unwrap();
    assert_eq!(again.rejects[0].raw, raw[0], "kept as it was");
}

#[test]
fn subscriptions_become_consents() {
    let rows = include_str!("../../fixtures/profiles.json");
    let page = read(&TestContext::default(), CONSENTS, None, &[(FIRST, rows)]);
    let said: Vec<_> = page
        .records
        .iter()
        .map(|record| match &record.body {
            Body::Consent(consent) => (record.id.as_str(), consent.state, consent.decided_at),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                "01A:email-marketing",
                ConsentState::Granted,
                1_762_074_000_000
            ),
            (
                "01A:sms-marketing",
                ConsentState::Withdrawn,
                1_764_752_400_000
            ),
            (
                "01B:email-marketing",
                ConsentState::Withdrawn,
                1_762_300_800_000
            ),
        ]
    );
}

#[test]
fn events_part_into_engagements_and_facts() {
    let first = "/api/events?sort=datetime&page%5Bsize%5D=1000";
    let rows = include_str!("../../fixtures/events.json");
    let metrics = include_str!("../../fixtures/metrics.json");
    let test = TestContext::default();
    let page = read(
        &test,
        ENGAGEMENTS,
        None,
        &[(first, rows), ("/api/metrics", metrics)],
    );
    assert_eq!((page.records.len(), page.rejects.len()), (1, 0));
    let Body::Engagement(click) = &page.records[0].body else {
        panic!()
    };
    assert_eq!(click.kind, EngagementKind::Clicked);
    assert_eq!(click.campaign.as_deref(), Some("Spring"));
    assert_eq!(click.url.as_deref(), Some("https://shop.example.com/a"));

    let page = read(&test, EVENTS, None, &[(first, rows)]);
    assert_eq!(page.records.len(), 1, "names of metrics are noted");
    assert!(matches!(&page.records[0].body, Body::Event(one) if one.name == "Placed Order"));
    let since = "&filter=greater-or-equal%28datetime%2C2026-02-02T02%3A35%3A01Z%29";
    let none = r#"{"data":[],"links":{}}"#;
    let next = read(
        &test,
        EVENTS,
        Some(&page.next_cursor),
        &[(&format!("{first}{since}"), none)],
    );
    assert_eq!(next.next_cursor, page.next_cursor);
    let again = read(
        &test,
        EVENTS,
        Some(&page.next_cursor),
        &[(&format!("{first}{since}"), rows)],
    );
    assert_eq!(again.records.len(), 0, "handed over already");
    assert_eq!(test.notes.keys(), ["metrics"]);
}

#[test]
fn a_link_that_is_no_more_is_replaced_by_its_instant() {
    let cursor = json!({ "v": 1, "since": null, "next": "/api/profiles?page=x",
        "seen": 1_769_940_000_000_i64, "recent": [] });
    let test = TestContext::default();
    test.http
        .push(expect(Method::Get, "/api/profiles?page=x").answer(400, "{}"));
    let since = "&filter=greater-than%28updated%2C2026-02-01T09%3A59%3A59Z%29";
    test.http.push(
        expect(Method::Get, &format!("{FIRST}{since}")).answer(200, r#"{"data":[],"links":{}}"#),
    );
    let cursor = cursor.to_string().into_bytes();
    let page = Klaviyo::read(&test.context(), &plain(), PROFILES, Some(&cursor), WIDE).unwrap();
    test.http.assert_done();
    assert!(!page.more);
}

#[test]
fn foreign_cursors_have_expired() {
    let ctx = TestContext::default().context();
    for cursor in [
        &b"?"[..],
        b"",
        br#"{"v":2,"since":null,"next":null,"seen":null}"#,
    ] {
        let result = Klaviyo::read(&ctx, &plain(), PROFILES, Some(cursor), WIDE);
        assert!(matches!(result, Err(Error::CursorExpired(_))));
    }
}

#[test]
fn check_names_the_scope_that_is_missing() {
    let check = |status: u16| {
        let test = TestContext::default();
        let ok = |path| expect(Method::Get, path).answer(200, r#"{"data":[]}"#);
        test.http.push(ok("/api/profiles?page%5Bsize%5D=1"));
        let events = expect(Method::Get, "/api/events?page%5Bsize%5D=1");
        test.http.push(events.answer(status, r#"{"data":[]}"#));
        if status == 200 {
            test.http.push(ok("/api/metrics"));
        }
        let result = <Klaviyo as Source>::check(&test.context(), &plain());
        test.http.assert_done();
        result
    };
    assert_eq!(check(200), Ok(()));
    assert!(matches!(check(401), Err(Error::Auth(_))));
    assert!(matches!(check(403), Err(Error::Auth(text)) if text.contains("events:read")));
    assert!(matches!(check(410), Err(Error::Invalid { field, .. }) if field == "revision"));
    assert_eq!(check(429), Err(Error::RateLimited(None)));
    assert!(matches!(check(503), Err(Error::Transient(_))));
    let wrong = configured(json!({ "revision": "latest" }));
    let ctx = TestContext::default().context();
    assert!(matches!(
        <Klaviyo as Source>::check(&ctx, &wrong),
        Err(Error::Invalid { field, .. }) if field == "revision"
    ));
}

#[test]
fn webhook_calls_bring_engagements_as_reading_does() {
    let request = |body: &[u8]| WebhookRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: body.to_vec(),
        received_at: 0,
    };
    let ctx = TestContext::default().context();
    let receive = |body: &[u8]| Klaviyo::receive(&ctx, &plain(), request(body)).unwrap();
    let got = receive(include_bytes!("../../fixtures/webhook.json"));
    assert_eq!(got.poke, [CONSENTS, ENGAGEMENTS, EVENTS, PROFILES]);
    assert_eq!(got.parts.len(), 1);
    let brought = &got.parts[0].records[0];

    let first = "/api/events?sort=datetime&page%5Bsize%5D=1000";
    let script = [
        (first, include_str!("../../fixtures/events.json")),
        ("/api/metrics", include_str!("../../fixtures/metrics.json")),
    ];
    let page = read(&TestContext::default(), ENGAGEMENTS, None, &script);
    let read = &page.records[0];
    assert_eq!(
        (&got.parts[0].stream[..], &brought.id),
        (ENGAGEMENTS, &read.id)
    );
    assert_eq!(brought.updated_at, read.updated_at);
    assert_eq!(brought.identifiers, read.identifiers);
    assert_eq!(receive(b"?").parts[0].rejects.len(), 1);
}

const WALK: Walk = Walk {
    path: "/api/profiles",
    by: "updated",
    operator: "greater-than",
    most: 100,
    per_row: 1,
    query: &[],
    scope: "profiles:read",
};

/// An account whose profiles change while they are read; links hold the place behind a row.
struct Fake {
    /// Change in milliseconds, by id.
    profiles: BTreeMap<u32, i64>,
    size: usize,
}

impl Fake {
    fn page(&self, since: Option<i64>, next: Option<&str>) -> Value {
        let mut rows: Vec<_> = self.profiles.iter().map(|(id, at)| (*at, *id)).collect();
        rows.sort_unstable();
        match next {
            Some(link) => {
                let (_, place) = link.split_once('=').unwrap();
                let (at, id) = place.split_once('_').unwrap();
                let place: (i64, u32) = (at.parse().unwrap(), id.parse().unwrap());
                rows.retain(|row| *row > place);
            }
            None => rows.retain(|(at, _)| since.is_none_or(|since| *at > since)),
        }
        let last = rows.get(self.size - 1).copied();
        let next = last
            .filter(|_| rows.len() > self.size)
            .map(|(at, id)| format!("{BASE}/api/profiles?page={at}_{id}"));
        let data: Vec<_> = rows
            .iter()
            .take(self.size)
            .map(|(at, id)| {
                json!({ "id": id.to_string(), "attributes": { "updated": instant::to_rfc3339(*at) } })
            })
            .collect();
        json!({ "data": data, "links": { "next": next } })
    }
}

proptest! {
    #[test]
    fn no_row_is_lost_while_others_change(
        starts in prop::collection::vec(0i64..6, 0..50),
        changes in prop::collection::vec((0u32..50, 0i64..2500), 0..30),
        size in 1usize..8, bytes in 50u64..2000,
    ) {
        let profiles = (0u32..).zip(starts).map(|(id, at)| (id, 1_000_000_000 + at * 1000)).collect();
        let mut fake = Fake { profiles, size };
        let mut clock = 1_000_100_000;
        let mut changes = changes.into_iter();
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        let mut cursor = Cursor::decode(None).unwrap();
        let budget = Budget { records: 100, bytes };
        let mut idle = 0;
        for calls in 0.. {
            prop_assert!(calls < 5_000, "reading ends");
            let found = WALK.advance(cursor.clone(), 1, clock, budget, |since, next| {
                Ok(Some(fake.page(since, next)))
            }).unwrap();
            for row in &found.rows {
                let at = crate::walk::instant_of(&row["attributes"]["updated"]).unwrap();
                let newest = seen.entry(row["id"].as_str().unwrap().to_owned()).or_default();
                *newest = (*newest).max(at);
            }
            prop_assert!(!found.more || found.cursor != cursor, "the cursor moves");
            cursor = found.cursor;
            if let Some((id, later)) = changes.next() {
                clock += later;
                fake.profiles.entry(id).and_modify(|at| *at = clock);
            } else if !found.more {
                idle += 1;
                if idle > 1 {
                    break;
                }
            }
        }
        for (id, at) in &fake.profiles {
            prop_assert_eq!(seen.get(&id.to_string()), Some(at));
        }
    }
}
