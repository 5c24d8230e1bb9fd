use crosspoint_sdk::Identifier;
use crosspoint_sdk::model::{ConsentState, ConsentTopic, EngagementKind, OrderStatus};

use super::*;

fn one(records: Json, content: &str) -> Record {
    let page = read(
        &parse(&json!({ "currency": "EUR", "records": records })),
        content,
    );
    assert_eq!(rejects(&page), []);
    page.records.into_iter().next().unwrap()
}

#[test]
fn contacts_with_address_and_decisions() {
    let settings = parse(&json!({
        "calling_code": "49",
        "records": {
            "kind": "contact",
            "id": "external_id",
            "updated_at": "updated_at",
            "identifiers": {
                "customer": "external_id", "email": "email", "phone": "phone",
                "external.crm": "crm",
            },
            "fields": {
                "first_name": "first_name",
                "birthday": { "column": "born", "format": "%d.%m.%Y" },
                "tags": { "column": "tags", "split": ";" },
                "address.city": "city",
                "address.country": "country",
                "language": { "value": "de" },
            },
            "consents": [
                { "topic": "email-marketing", "column": "consent_email", "decided_at": "consent_at" },
                { "topic": "sms-marketing", "column": "consent_sms", "granted": ["OPT"], "withdrawn": ["OUT"] },
            ],
            "deleted": { "column": "op", "values": ["D"] },
        },
    }));
    let content = include_str!("../../fixtures/contacts.csv");
    let page = read(&settings, content);
    let ids: Vec<_> = page
        .records
        .iter()
        .map(|record| record.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "A-1",
            "A-1/consent/email-marketing",
            "A-1/consent/sms-marketing",
            "A-2",
            "A-2/consent/email-marketing",
            "A-3"
        ]
    );
    assert_eq!(rejects(&page).len(), 1);
    assert_eq!(page.rejects[0].field.as_deref(), Some("consent_sms"));

    let first = &page.records[0];
    let Body::Contact(contact) = &first.body else {
        panic!("{first:?}")
    };
    assert_eq!(contact.first_name.as_deref(), Some("Ana"));
    assert_eq!(contact.birthday.as_deref(), Some("1980-02-29"));
    assert_eq!(contact.tags, ["vip", "b2b"]);
    assert_eq!(contact.language.as_deref(), Some("de"));
    let address = contact.address.as_ref().unwrap();
    assert_eq!(
        (address.city.as_deref(), address.country.as_deref()),
        (Some("Köln"), Some("DE"))
    );
    assert_eq!(first.identifiers.len(), 4);
    assert!(
        first
            .identifiers
            .contains(&Identifier::Phone("+491711234567".to_owned()))
    );
    assert_eq!(
        attribute(first, "last_name"),
        &Value::Text("Ito, Dr.".to_owned())
    );

    let Body::Consent(email) = &page.records[1].body else {
        panic!()
    };
    assert_eq!(
        (&email.topic, email.state),
        (&ConsentTopic::EmailMarketing, ConsentState::Granted)
    );
    assert_eq!(email.decided_at, page.records[1].updated_at);
    assert_ne!(email.decided_at, first.updated_at);
    let Body::Consent(email) = &page.records[4].body else {
        panic!()
    };
    assert_eq!(email.state, ConsentState::Withdrawn);

    let Body::Tombstone(gone) = &page.records[5].body else {
        panic!()
    };
    assert_eq!(gone.kind, crosspoint_sdk::RecordKind::Contact);
}

#[test]
fn orders_translate_states_and_minor_units() {
    let record = one(
        json!({
            "kind": "order", "id": "no",
            "fields": {
                "placed_at": { "column": "when", "format": "%d.%m.%Y %H:%M", "zone": "+01:00" },
                "total": { "column": "cents", "minor_units": true },
                "currency": "cur",
                "status": { "column": "state", "values": { "Bezahlt": "paid", "storno": "cancelled" } },
                "coupons": "codes",
            },
        }),
        "no;when;cents;cur;state;codes\n7;03.11.2026 10:15;1250;usd;STORNO;A, B\n",
    );
    let Body::Order(order) = record.body else {
        panic!()
    };
    assert_eq!(order.status, OrderStatus::Cancelled);
    assert_eq!(
        (order.total.amount.as_str(), order.total.currency.as_str()),
        ("12.50", "USD")
    );
    assert_eq!(order.placed_at, 1_793_697_300_000);
    assert_eq!(order.coupons, ["A", "B"]);
}

#[test]
fn every_other_kind_has_its_fields() {
    let product = one(
        json!({ "kind": "product", "id": "sku", "updated_at": "at",
            "fields": { "name": "name", "price": "price", "stock": "stock", "available": "on" } }),
        "sku,name,price,stock,on,at\nS1,Disc,9.99,3,no,2026-01-02\n",
    );
    let Body::Product(product) = product.body else {
        panic!()
    };
    assert_eq!(
        (product.stock.as_deref(), product.available),
        (Some("3"), false)
    );

    let event = one(
        json!({ "kind": "event", "identifiers": { "anonymous_id": "who" },
            "fields": { "name": { "value": "Page Viewed" }, "occurred_at": "at" } }),
        "who,at,page\nx,2026-01-02T03:04:05Z,/a\n",
    );
    assert_eq!(event.id, "feed.csv#2");
    assert_eq!(attribute(&event, "page"), &Value::Text("/a".to_owned()));

    let cart = one(
        json!({ "kind": "cart", "id": "c", "updated_at": "at",
            "fields": { "total": "t", "line.sku": "s", "line.quantity": "q" } }),
        "c,t,s,q,at\n1,5,S1,2,2026-01-02\n",
    );
    let Body::Cart(cart) = cart.body else {
        panic!()
    };
    assert_eq!(cart.lines[0].sku.as_deref(), Some("S1"));

    let content = one(
        json!({ "kind": "content", "id": "u",
            "fields": { "kind": { "value": "post" }, "title": "t", "published_at": "at" } }),
        "u,t,at\n1,Hello,2026-01-02\n",
    );
    assert_eq!(content.updated_at, 20_455 * DAY_MS);

    let submission = one(
        json!({ "kind": "submission", "id": "id", "identifiers": { "email": "mail" },
            "fields": { "form_id": { "value": "f" }, "submitted_at": "at",
                "origin.campaign": "utm", "contact.first_name": "first" } }),
        "id,mail,at,utm,first,question\n1,a@x,2026-01-02,spring,Ana,yes\n",
    );
    let Body::Submission(form) = &submission.body else {
        panic!()
    };
    assert_eq!(form.origin[0].name, "campaign");
    assert_eq!(
        form.contact.as_ref().unwrap().first_name.as_deref(),
        Some("Ana")
    );
    assert_eq!(
        attribute(&submission, "question"),
        &Value::Text("yes".to_owned())
    );

    let consent = one(
        json!({ "kind": "consent", "identifiers": { "email": "mail" },
            "fields": { "topic": { "value": "ads" }, "decided_at": "at",
                "state": { "column": "s", "values": { "in": "granted", "out": "withdrawn" } } } }),
        "mail,at,s\na@x,2026-01-02,out\n",
    );
    let Body::Consent(consent) = consent.body else {
        panic!()
    };
    assert_eq!(
        (consent.topic, consent.state),
        (ConsentTopic::Ads, ConsentState::Withdrawn)
    );

    let engagement = one(
        json!({ "kind": "engagement", "identifiers": { "email": "mail" },
            "fields": { "kind": "what", "occurred_at": "at", "channel": { "value": "email" } } }),
        "mail,at,what\na@x,2026-01-02,bounced\n",
    );
    let Body::Engagement(engagement) = engagement.body else {
        panic!()
    };
    assert_eq!(engagement.kind, EngagementKind::Bounced);
}

#[test]
fn a_contact_without_a_clock_takes_the_files() {
    let settings = parse(&json!({ "records": { "kind": "contact", "id": "id" } }));
    let test = TestContext::default();
    test.files
        .put_stamped("a.csv", "id,x\n1,2\n", Some(77), None);
    assert_eq!(
        read_all(&test, &settings, None, LARGE).records[0].updated_at,
        77
    );
    let page = read(&settings, "id,x\n1,2\n");
    assert!(
        page.rejects[0].reason.contains("updated_at"),
        "{}",
        page.rejects[0].reason
    );
}

#[test]
fn wrong_settings_are_named() {
    let order = json!({ "kind": "order", "fields": { "placed_at": "d", "total": "t" } });
    let with = |changes: Json| {
        let mut base = json!({ "currency": "EUR", "records": order });
        merge(&mut base, changes);
        base
    };
    for (settings, expected) in [
        (
            with(json!({ "records": { "kind": "invoice" } })),
            "records.kind",
        ),
        (
            with(json!({ "records": { "fields": { "totl": "t" } } })),
            "records.fields.totl",
        ),
        (
            with(json!({ "records": { "fields": { "total": {} } } })),
            "records.fields.total",
        ),
        (with(json!({ "currency": null })), "currency"),
        (with(json!({ "currency": "EURO" })), "currency"),
        (with(json!({ "delimiter": "ab" })), "delimiter"),
        (
            with(json!({ "delimiter": ";", "format": "tsv" })),
            "delimiter",
        ),
        (with(json!({ "zone": "Europe/Berlin" })), "zone"),
        (
            with(json!({ "date_formats": ["DD.MM.YYYY"] })),
            "date_formats",
        ),
        (with(json!({ "header": false })), "columns"),
        (with(json!({ "columns": ["a"] })), "columns"),
        (
            with(json!({ "records": { "identifiers": { "mail": "m" } } })),
            "records.identifiers.mail",
        ),
        (
            with(json!({ "records": { "consents": [{ "topic": "ads", "column": "c" }] } })),
            "records.consents[0]",
        ),
        (
            json!({ "records": { "kind": "event", "fields": { "name": "n" } } }),
            "records.fields.occurred_at",
        ),
    ] {
        let context = TestContext::default().context();
        match Tabular::streams(&context, &parse(&settings)) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, expected, "{settings}"),
            other => panic!("{settings}: {other:?}"),
        }
    }
    let unknown = json!({ "records": { "kind": "event", "feilds": {} } });
    let error = settings::parse::<Settings>(&unknown.to_string()).unwrap_err();
    assert!(
        matches!(error, Error::Invalid { ref field, .. } if field.starts_with("records")),
        "{error:?}"
    );
}
