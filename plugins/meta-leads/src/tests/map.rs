use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Attribute, Body, Identifier, Value};

use super::{configured, parsed};
use crate::map::{View, form, records};

const LEAD: &str = include_str!("../../fixtures/lead.json");

#[test]
fn a_lead_keeps_every_answer() {
    let lead = parsed(LEAD);
    let settings = configured(json!({}));
    let record = records(&lead, Some("Spring form"), View::Leads, &settings)
        .unwrap()
        .remove(0);
    assert_eq!(
        (record.id.as_str(), record.updated_at),
        ("1234567890123456", 1_770_091_506_000)
    );
    assert_eq!(
        record.identifiers,
        [
            Identifier::Email("ana@example.com".to_owned()),
            Identifier::Phone("+436605550100".to_owned()),
        ]
    );
    let Body::Submission(submission) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(
        (submission.form_id.as_str(), submission.form_name.as_deref()),
        ("998877665544", Some("Spring form"))
    );
    let origin: Vec<_> = submission
        .origin
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(
        origin,
        [
            "platform",
            "is_organic",
            "campaign_id",
            "campaign_name",
            "adset_id",
            "adset_name",
            "ad_id",
            "ad_name"
        ]
    );
    let contact = submission.contact.as_ref().unwrap();
    assert_eq!(contact.full_name.as_deref(), Some("Ana Itō"));
    assert_eq!(contact.birthday, None, "an ambiguous date is not guessed");
    assert_eq!(
        contact.address.as_ref().unwrap().country.as_deref(),
        Some("AT")
    );
    for answer in [
        Attribute::new("which_product?", Value::Json("[\"A\",\"B\"]".to_owned())),
        Attribute::new("größe", "XL"),
        Attribute::new("date_of_birth", "05/06/1990"),
        Attribute::new("utm_source", Value::Null),
        Attribute::new("vehicle", "x"),
    ] {
        assert!(record.attributes.contains(&answer), "{answer:?}");
    }
}

#[test]
fn an_organic_lead_has_no_advertisement_and_a_test_lead_no_address() {
    let lead = parsed(include_str!("../../fixtures/lead-organic.json"));
    let settings = configured(json!({ "calling_code": "43" }));
    let record = records(&lead, None, View::Leads, &settings)
        .unwrap()
        .remove(0);
    assert_eq!(record.id, "12345678901234567890123");
    assert_eq!(
        record.identifiers,
        [
            Identifier::Email("bo@example.com".to_owned()),
            Identifier::Phone("+436601234567".to_owned()),
        ]
    );
    let Body::Submission(submission) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(
        submission.origin,
        [
            Attribute::new("platform", "fb"),
            Attribute::new("is_organic", true)
        ]
    );
    assert_eq!(records(&lead, None, View::Consents, &settings).unwrap(), []);
}

#[test]
fn only_ticked_boxes_are_consents() {
    let settings = configured(json!({ "consents": { "newsletter_opt_in": "email-marketing" } }));
    let records = records(&parsed(LEAD), None, View::Consents, &settings).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].id, "1234567890123456/newsletter_opt_in");
    assert_eq!(records[0].identifiers.len(), 2);
    let Body::Consent(consent) = &records[0].body else {
        panic!("{records:?}")
    };
    assert_eq!(
        (&consent.topic, consent.state),
        (&ConsentTopic::EmailMarketing, ConsentState::Granted)
    );
    assert_eq!(consent.decided_at, 1_770_091_506_000);
}

#[test]
fn a_form_keeps_its_questions() {
    let json = parsed(include_str!("../../fixtures/form.json"));
    let record = form(&json, "998877665544", None).unwrap();
    let Body::Content(content) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(
        (content.title.as_str(), content.published),
        ("Spring form", false)
    );
    assert_eq!(content.language.as_deref(), Some("en-US"));
    assert!(record.attributes.iter().any(|it| it.name == "questions"));
    assert_eq!(
        form(&json, "9", Some(1_800_000_000_000))
            .unwrap()
            .updated_at,
        1_800_000_000_000
    );
}

#[test]
fn a_lead_without_instant_is_refused_by_its_member() {
    let settings = configured(json!({}));
    for (text, field) in [(r#"{"id":"7"}"#, "created_time"), (r#"{"id":"a"}"#, "id")] {
        let problem = records(&parsed(text), None, View::Leads, &settings).unwrap_err();
        assert_eq!(problem.field, Some(field));
    }
}
