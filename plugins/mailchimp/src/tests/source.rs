use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::model::{ConsentState, EngagementKind};
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::testing::TestContext;
use crosspoint_sdk::{
    Body, Budget, Error, Identifier, Page, Source, Value as Field, WebhookRequest,
};
use proptest::prelude::*;

use super::{ANNA, configured, expect, fixture};
use crate::cursor::Cursor;
use crate::members::{View, advance};
use crate::{ACTIVITY, BOUNCES, CONSENTS, MEMBERS, Mailchimp};

const WIDE: Budget = Budget {
    records: 1000,
    bytes: 8 << 20,
};

fn read(stream: &str, cursor: Option<&[u8]>, query: &str, answer: &str) -> Page {
    let test = TestContext::default();
    let url = format!("/lists/4ca5becb8d/members?{query}");
    test.http
        .push(expect(Method::Get, &url).answer(200, answer));
    let page = Mailchimp::read(
        &test.context(),
        &configured(json!({})),
        stream,
        cursor,
        WIDE,
    );
    test.http.assert_done();
    page.unwrap()
}

const FULL: &str = "sort_field=last_changed&sort_dir=ASC&count=1000&offset=0";
const STATUS_FIELDS: &str = "fields=members.id%2Cmembers.contact_id%2Cmembers.email_address%2C\
    members.status%2Cmembers.last_changed%2Cmembers.timestamp_opt%2Cmembers.timestamp_signup%2C\
    members.ip_opt%2Cmembers.source%2Cmembers.unsubscribe_reason%2Cmembers.list_id%2Ctotal_items";

#[test]
fn a_member_becomes_a_contact_and_nothing_is_dropped() {
    let page = read(
        MEMBERS,
        None,
        &format!("{FULL}&exclude_fields=members._links%2C_links"),
        include_str!("../../fixtures/members.json"),
    );
    assert!(!page.more);
    assert_eq!((page.records.len(), page.rejects.len()), (4, 1));
    assert_eq!(page.rejects[0].field.as_deref(), Some("email_address"));
    let anna = &page.records[0];
    assert_eq!(anna.id, ANNA);
    assert_eq!(anna.updated_at, 1_769_940_000_000);
    assert_eq!(
        anna.identifiers,
        [
            Identifier::Customer("c-1".to_owned()),
            Identifier::Email("Anna.Meyer@Example.com".to_owned()),
            Identifier::Phone("+4915112345678".to_owned()),
        ]
    );
    let Body::Contact(contact) = &anna.body else {
        panic!("{anna:?}")
    };
    assert_eq!(contact.first_name.as_deref(), Some("Anna"));
    assert_eq!(contact.birthday.as_deref(), Some("--02-29"));
    assert_eq!(contact.created_at, Some(1_767_607_200_000), "zone is read");
    assert_eq!(contact.tags, ["vip"]);
    let address = contact.address.as_ref().unwrap();
    assert_eq!(address.street, ["Main 1"]);
    assert_eq!(address.city.as_deref(), Some("Köln"));
    assert_eq!(address.country.as_deref(), Some("DE"));
    let held: BTreeMap<_, _> = anna
        .attributes
        .iter()
        .map(|one| (one.name.as_str(), &one.value))
        .collect();
    assert_eq!(held["LTV"], &Field::Decimal("129.5".to_owned()));
    assert_eq!(held["SIZE"], &Field::Null, "empty text is empty");
    assert_eq!(held["unheard_of"], &Field::Null);
    assert_eq!(held["vip"], &Field::Boolean(false));
    assert_eq!(held["web_id"], &Field::Integer(101));
    assert!(matches!(held["interests"], Field::Json(_)));
    assert!(!held.contains_key("FNAME") && !held.contains_key("last_changed"));
    let Body::Contact(empty) = &page.records[1].body else {
        panic!()
    };
    assert_eq!((&empty.first_name, &empty.address), (&None, &None));
}

#[test]
fn status_becomes_consent_and_cleaned_a_bounce() {
    let rows = include_str!("../../fixtures/members.json");
    let page = read(CONSENTS, None, &format!("{FULL}&{STATUS_FIELDS}"), rows);
    let said: Vec<_> = page
        .records
        .iter()
        .map(|record| match &record.body {
            Body::Consent(consent) => (consent.state, consent.decided_at),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            (ConsentState::Granted, 1_767_607_500_000),
            (ConsentState::Withdrawn, 1_769_940_002_000)
        ]
    );
    let page = read(
        BOUNCES,
        None,
        &format!("{FULL}&status=cleaned&{STATUS_FIELDS}"),
        rows,
    );
    assert_eq!(page.records.len(), 1);
    assert!(matches!(
        &page.records[0].body,
        Body::Engagement(one) if one.kind == EngagementKind::Bounced
    ));
}

#[test]
fn reading_goes_on_with_an_overlap() {
    let rows = include_str!("../../fixtures/members.json");
    let tail = "exclude_fields=members._links%2C_links";
    let first = read(MEMBERS, None, &format!("{FULL}&{tail}"), rows);
    let since = "since_last_changed=2026-02-01T09%3A59%3A04%2B00%3A00";
    let none = r#"{"members":[],"total_items":0}"#;
    let query = format!("{FULL}&{since}&{tail}");
    let second = read(MEMBERS, Some(&first.next_cursor), &query, none);
    assert_eq!((second.records.len(), second.more), (0, false));
    assert_eq!(second.next_cursor, first.next_cursor);
    let third = read(MEMBERS, Some(&first.next_cursor), &query, rows);
    assert_eq!(third.records.len(), 0, "handed over already");
}

#[test]
fn foreign_cursors_have_expired() {
    let ctx = TestContext::default().context();
    for stream in [MEMBERS, ACTIVITY] {
        for cursor in [
            &b"?"[..],
            br#"{"v":2,"at":1,"mode":"forward"}"#,
            br#"{"v":1,"at":-9223372036854775808,"mode":"forward"}"#,
            br#"{"v":1,"since":9223372036854775807,"seen":null,"round":null}"#,
            br#"{"v":2,"since":null,"seen":null,"round":null}"#,
            b"",
        ] {
            let settings = configured(json!({}));
            let result = Mailchimp::read(&ctx, &settings, stream, Some(cursor), WIDE);
            assert!(matches!(result, Err(Error::CursorExpired(_))), "{stream}");
        }
    }
}

#[test]
fn answers_have_their_class() {
    let class = |status: u16, body: &str| {
        let test = TestContext::default();
        let url = "/lists/4ca5becb8d?fields=id%2Cname";
        test.http
            .push(expect(Method::Get, url).answer(status, body));
        <Mailchimp as Source>::check(&test.context(), &configured(json!({})))
    };
    let problem = r#"{"title":"Forbidden","status":403,"detail":"x"}"#;
    assert_eq!(class(200, r#"{"id":"4ca5becb8d"}"#), Ok(()));
    assert!(matches!(class(200, "<html>"), Err(Error::Transient(_))));
    assert!(matches!(class(401, problem), Err(Error::Auth(_))));
    assert!(matches!(class(403, problem), Err(Error::Auth(_))));
    assert_eq!(class(403, "<html>"), Err(Error::RateLimited(None)));
    assert!(matches!(class(404, problem), Err(Error::Invalid { field, .. }) if field == "list_id"));
    assert_eq!(class(429, problem), Err(Error::RateLimited(None)));
    for status in [408, 500, 502, 503, 504] {
        assert!(
            matches!(class(status, ""), Err(Error::Transient(_))),
            "{status}"
        );
    }
}

#[test]
fn activity_is_read_campaign_by_campaign() {
    let reports = "/reports?fields=reports.id%2Creports.list_id%2Creports.send_time%2Ctotal_items\
        &count=1000&offset=0";
    let activity = |campaign: &str, since: &str| {
        format!(
            "/reports/{campaign}/email-activity?count=200&offset=0\
             &exclude_fields=emails._links%2C_links{since}"
        )
    };
    let list = json!({ "reports": [
        { "id": "k2", "list_id": "4ca5becb8d", "send_time": "2026-02-03T00:00:00+00:00" },
        { "id": "k1", "list_id": "4ca5becb8d", "send_time": "2026-02-02T00:00:00+00:00" },
        { "id": "k0", "list_id": "4ca5becb8d", "send_time": "2025-02-02T00:00:00+00:00" },
        { "id": "other", "list_id": "x", "send_time": "2026-02-02T00:00:00+00:00" },
    ], "total_items": 4 });
    let test = TestContext::default();
    let script = [
        (reports.to_owned(), list.to_string()),
        (
            activity("k1", ""),
            include_str!("../../fixtures/activity.json").to_owned(),
        ),
        (
            activity("k2", ""),
            r#"{"emails":[],"total_items":0}"#.to_owned(),
        ),
        (reports.to_owned(), list.to_string()),
        (
            activity("k1", "&since=2026-02-02T08%3A01%3A00%2B00%3A00"),
            r#"{"emails":[],"total_items":0}"#.to_owned(),
        ),
    ];
    for (path, body) in script {
        test.http.push(expect(Method::Get, &path).answer(200, body));
    }
    let (ctx, settings) = (test.context(), configured(json!({})));
    let next = |cursor: Option<&[u8]>| Mailchimp::read(&ctx, &settings, ACTIVITY, cursor, WIDE);
    let first = next(None).unwrap();
    assert!(first.more);
    assert_eq!((first.records.len(), first.rejects.len()), (4, 1));
    let ids: std::collections::BTreeSet<_> = first.records.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), 4, "two clicks of one second stay two");
    let second = next(Some(&first.next_cursor)).unwrap();
    assert!(!second.more);
    let third = next(Some(&second.next_cursor)).unwrap();
    assert!(third.more, "the second campaign is still to be asked");
    test.http.assert_done();

    let raw = vec![first.rejects[0].raw.clone()];
    let again = Mailchimp::retry(&ctx, &settings, ACTIVITY, raw).unwrap();
    assert_eq!((again.records.len(), again.rejects.len()), (0, 1));
}

#[test]
fn activity_stays_within_its_budget_and_loses_nothing() {
    let list = json!({ "reports": [
        { "id": "k1", "list_id": "4ca5becb8d", "send_time": "2026-02-02T00:00:00+00:00" },
    ], "total_items": 1 });
    let rows = fixture(include_str!("../../fixtures/activity.json"));
    let (ctx, settings) = (TestContext::default(), configured(json!({})));
    let one = Budget {
        records: 1,
        bytes: 1 << 20,
    };
    let mut ids = Vec::new();
    let mut cursor: Option<Vec<u8>> = None;
    for (call, skip) in [0, 0, 0, 1, 1].into_iter().enumerate() {
        if call == 0 {
            let path = "/reports?fields=reports.id%2Creports.list_id%2Creports.send_time%2C\
                total_items&count=1000&offset=0";
            ctx.http
                .push(expect(Method::Get, path).answer(200, list.to_string()));
        }
        let path = format!(
            "/reports/k1/email-activity?count=1&offset={skip}\
             &exclude_fields=emails._links%2C_links"
        );
        let row = json!({ "emails": [rows["emails"][skip]], "total_items": 2 });
        ctx.http
            .push(expect(Method::Get, &path).answer(200, row.to_string()));
        let context = ctx.context();
        let page = Mailchimp::read(&context, &settings, ACTIVITY, cursor.as_deref(), one).unwrap();
        assert_eq!(page.records.len() + page.rejects.len(), 1, "call {call}");
        assert_eq!(page.more, call < 4, "call {call}");
        ids.extend(page.records.into_iter().map(|one| one.id));
        cursor = Some(page.next_cursor);
    }
    ctx.http.assert_done();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let raw = vec![b"type=odd".to_vec()];
    let again = Mailchimp::retry(&ctx.context(), &settings, MEMBERS, raw.clone()).unwrap();
    assert_eq!(again.rejects[0].raw, raw[0], "kept as it was");
}

#[test]
fn webhook_calls_say_what_to_read() {
    let call = |body: &str| WebhookRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        received_at: 0,
    };
    let ctx = TestContext::default().context();
    let settings = configured(json!({}));
    let receive = |body: &str| Mailchimp::receive(&ctx, &settings, call(body)).unwrap();
    let got = receive(include_str!("../../fixtures/unsubscribe.form"));
    assert_eq!(got.poke, [MEMBERS, CONSENTS]);
    let got = receive("type=cleaned&data%5Blist_id%5D=4ca5becb8d");
    assert_eq!(got.poke, [MEMBERS, BOUNCES]);
    let got = receive("type=profile&data%5Blist_id%5D=another");
    assert_eq!((got.poke.len(), got.parts.len()), (0, 0));
    let got = receive("\u{1f600}%");
    assert_eq!(got.parts[0].rejects.len(), 1);
}

/// A list whose members change while they are read.
struct Fake {
    /// Change in seconds, by id.
    members: BTreeMap<u32, i64>,
    since_is_inclusive: bool,
}

impl Fake {
    fn rows(&self, ask: crate::cursor::Ask, count: u32) -> (Vec<Value>, u32) {
        let mut rows: Vec<_> = self
            .members
            .iter()
            .filter(|(_, at)| {
                ask.since.is_none_or(|since| match self.since_is_inclusive {
                    true => **at >= since,
                    false => **at > since,
                }) && ask.before.is_none_or(|before| **at < before)
            })
            .map(|(id, at)| (*at, *id))
            .collect();
        rows.sort();
        let total = rows.len() as u32;
        let page = rows
            .into_iter()
            .skip(ask.skip as usize)
            .take(count as usize);
        let row = |(at, id): (i64, u32)| {
            json!({
                "id": format!("m{id}"), "email_address": "a@example.com", "status": "subscribed",
                "last_changed": instant::to_rfc3339(at * 1000),
            })
        };
        (page.map(row).collect(), total)
    }
}

proptest! {
    #[test]
    fn no_member_is_lost_while_others_change(
        starts in prop::collection::vec(0i64..12, 0..60),
        changes in prop::collection::vec((0u32..60, 0i64..3), 0..40),
        size in 1u32..8, since_is_inclusive: bool,
    ) {
        let members = (0u32..).zip(starts).map(|(id, at)| (id, 1_000_000 + at)).collect();
        let mut fake = Fake { members, since_is_inclusive };
        let mut clock = 1_000_100;
        let mut changes = changes.into_iter();
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        let mut cursor = Cursor::start();
        let budget = Budget { records: size, bytes: 1 << 20 };
        let mut idle = 0;
        for calls in 0.. {
            prop_assert!(calls < 5_000, "reading ends");
            let page = advance(cursor.clone(), 1, View::Contact, budget, clock + 1000, |ask, count| {
                Ok(fake.rows(ask, count))
            }).unwrap();
            prop_assert!(page.records.len() <= size as usize);
            for record in &page.records {
                let newest = seen.entry(record.id.clone()).or_default();
                *newest = (*newest).max(record.updated_at / 1000);
            }
            let next = Cursor::decode(Some(&page.next_cursor)).unwrap();
            prop_assert!(!page.more || next != cursor, "the cursor moves");
            cursor = next;
            if let Some((id, later)) = changes.next() {
                clock += later;
                fake.members.entry(id).and_modify(|at| *at = clock);
            } else if !page.more {
                idle += 1;
                if idle > 1 {
                    break;
                }
            }
        }
        for (id, at) in &fake.members {
            prop_assert_eq!(seen.get(&format!("m{id}")), Some(at));
        }
    }
}
