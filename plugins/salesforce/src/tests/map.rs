use crosspoint_sdk::model::{ConsentState, ConsentTopic, ExternalId, OrderStatus};
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Attribute, Body, Identifier, Money, Record, Value};

use super::{configured, parsed};
use crate::map::{Problem, records};
use crate::object::{Object, View};
use crate::settings::Settings;
use crate::shape::Shape;

const STAMP: i64 = 1_770_091_506_000;

fn shape() -> Shape {
    let fields = json!({ "fields": [
        { "name": "Id", "type": "id" }, { "name": "Last_Call__c", "type": "datetime" },
        { "name": "CreatedDate", "type": "datetime" }, { "name": "SystemModstamp", "type": "datetime" },
    ]});
    Shape::parse(Object::Lead, &parsed(&fields.to_string())).unwrap()
}

fn map(
    text: &str,
    object: Object,
    view: View,
    settings: &Settings,
) -> Result<Vec<Record>, Problem> {
    let row = parsed(text);
    let id = row.text_at("Id").unwrap().to_owned();
    records(&row, &id, STAMP, object, view, &shape(), settings)
}

fn attribute<'a>(record: &'a Record, name: &str) -> &'a Value {
    &record
        .attributes
        .iter()
        .find(|it| it.name == name)
        .unwrap()
        .value
}

#[test]
fn a_lead_keeps_everything() {
    let settings = configured(json!({ "external_ids": { "Shop_Id__c": "shop" } }));
    let text = include_str!("../../fixtures/lead.json");
    let record = map(text, Object::Lead, View::Whole, &settings)
        .unwrap()
        .remove(0);
    assert_eq!(record.id, "00QRO000000AbCdYAK");
    let shop = ExternalId {
        system: "shop".to_owned(),
        id: "S-1".to_owned(),
    };
    assert_eq!(
        record.identifiers,
        [
            Identifier::Customer("00QRO000000AbCdYAK".to_owned()),
            Identifier::Customer("003RO000000ConvYAK".to_owned()),
            Identifier::Email("ana@example.com".to_owned()),
            Identifier::Phone("+436605550100".to_owned()),
            Identifier::External(shop),
        ]
    );
    let Body::Contact(contact) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(contact.last_name.as_deref(), Some("Itō"));
    assert_eq!(contact.company.as_deref(), Some("Acme"));
    assert_eq!(contact.job_title, None);
    assert_eq!(contact.created_at, Some(1_767_323_045_000));
    let address = contact.address.as_ref().unwrap();
    assert_eq!(address.street, ["Main St 1", "2nd floor"]);
    assert_eq!(address.country.as_deref(), Some("AT"));
    // Nothing is lost: every member is a field of the record or an attribute.
    let taken = [
        "attributes",
        "Id",
        "FirstName",
        "LastName",
        "Company",
        "Title",
        "CreatedDate",
    ];
    for (name, _) in parsed(text).members() {
        let is_kept = record.attributes.iter().any(|it| &it.name == name);
        assert_ne!(is_kept, taken.contains(&name.as_str()), "{name}");
    }
    assert_eq!(
        attribute(&record, "Last_Call__c"),
        &Value::Instant(1_769_940_000_000)
    );
    assert_eq!(attribute(&record, "Score__c"), &Value::Integer(7));
    assert_eq!(
        attribute(&record, "HasOptedOutOfEmail"),
        &Value::Boolean(true)
    );
    assert!(matches!(attribute(&record, "Owner"), Value::Json(_)));
}

#[test]
fn amounts_keep_every_digit() {
    let text = include_str!("../../fixtures/lead.json");
    let settings = configured(json!({}));
    let lead = map(text, Object::Lead, View::Whole, &settings)
        .unwrap()
        .remove(0);
    let revenue = Value::Decimal("12345678901234567.10".to_owned());
    assert_eq!(attribute(&lead, "AnnualRevenue"), &revenue);
    let text = r#"{"Id":"006000000000001AAA","Name":"Deal","Amount":98765432109876543.21,
        "CurrencyIsoCode":"CHF","IsWon":true,"IsClosed":true,"CloseDate":"2026-02-01",
        "ContactId":"003RO000000AbCdYAK"}"#;
    let record = map(text, Object::Opportunity, View::Whole, &settings)
        .unwrap()
        .remove(0);
    let Body::Order(order) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(order.total, Money::new("98765432109876543.21", "CHF"));
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(order.placed_at, 1_769_904_000_000);
    let who = Identifier::Customer("003RO000000AbCdYAK".to_owned());
    assert_eq!(record.identifiers, [who]);
}

#[test]
fn a_deal_without_currency_is_rejected_until_the_setting_says_it() {
    let text = r#"{"Id":"006000000000001AAA","Amount":null,"IsWon":false,"IsClosed":false,
        "CreatedDate":"2026-01-02T03:04:05.000+0000"}"#;
    let refused = map(
        text,
        Object::Opportunity,
        View::Whole,
        &configured(json!({})),
    );
    assert_eq!(refused.unwrap_err().field, "CurrencyIsoCode");
    let settings = configured(json!({ "currency": "eur" }));
    let record = map(text, Object::Opportunity, View::Whole, &settings)
        .unwrap()
        .remove(0);
    let Body::Order(order) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(order.total, Money::new("0", "EUR"));
    assert_eq!(order.status, OrderStatus::Pending);
    assert_eq!(
        attribute(&record, "Amount"),
        &Value::Null,
        "no amount, and none invented"
    );
}

#[test]
fn a_contact_takes_its_company_from_the_account_and_phones_need_a_country() {
    let text = include_str!("../../fixtures/contact.json");
    let plain = map(text, Object::Contact, View::Whole, &configured(json!({})))
        .unwrap()
        .remove(0);
    let Body::Contact(contact) = &plain.body else {
        panic!("{plain:?}")
    };
    assert_eq!(contact.company.as_deref(), Some("Acme GmbH"));
    assert_eq!(contact.birthday.as_deref(), Some("1990-05-06"));
    assert_eq!(
        contact.address.as_ref().unwrap().country.as_deref(),
        Some("ES")
    );
    assert!(
        !plain
            .identifiers
            .iter()
            .any(|it| matches!(it, Identifier::Phone(_)))
    );
    let settings = configured(json!({ "calling_code": "43" }));
    let record = map(text, Object::Contact, View::Whole, &settings)
        .unwrap()
        .remove(0);
    assert!(
        record
            .identifiers
            .contains(&Identifier::Phone("+436601234567".to_owned()))
    );
}

#[test]
fn boxes_become_decisions() {
    let text = include_str!("../../fixtures/lead.json");
    let decisions = |settings: &Settings| -> Vec<_> {
        let records = map(text, Object::Lead, View::Consents, settings).unwrap();
        let one = |record: &Record| match &record.body {
            Body::Consent(it) => (record.id.clone(), it.topic.clone(), it.state),
            other => panic!("{other:?}"),
        };
        records.iter().map(one).collect()
    };
    let mail = (
        "00QRO000000AbCdYAK/email-marketing".to_owned(),
        ConsentTopic::EmailMarketing,
        ConsentState::Withdrawn,
    );
    let ticked = decisions(&configured(json!({})));
    assert!(ticked.len() == 1 && ticked[0] == mail, "{ticked:?}");
    let call = (
        "00QRO000000AbCdYAK/phone-marketing".to_owned(),
        ConsentTopic::PhoneMarketing,
        ConsentState::Granted,
    );
    let granted = configured(json!({ "not_opted_out": "granted" }));
    assert_eq!(
        decisions(&granted),
        [mail, call],
        "a box that is not there says nothing"
    );
}

#[test]
fn activities_belong_to_whom_they_were_with() {
    let settings = configured(json!({}));
    let text = r#"{"Id":"00T000000000001AAA","WhoId":"003RO000000AbCdYAK","Subject":"Call",
        "ActivityDate":"2026-02-01","Status":"Completed"}"#;
    let record = map(text, Object::Task, View::Whole, &settings)
        .unwrap()
        .remove(0);
    assert!(matches!(&record.body, Body::Event(it) if it.occurred_at == 1_769_904_000_000));
    assert!(
        record
            .attributes
            .contains(&Attribute::new("Subject", "Call"))
    );
    let alone = text.replace("\"003RO000000AbCdYAK\"", "null");
    assert_eq!(
        map(&alone, Object::Task, View::Whole, &settings).unwrap(),
        []
    );
}

#[test]
fn a_merged_record_names_its_master() {
    let text =
        r#"{"Id":"003000000000001AAA","IsDeleted":true,"MasterRecordId":"003000000000002AAA"}"#;
    let settings = configured(json!({}));
    let record = map(text, Object::Contact, View::Whole, &settings)
        .unwrap()
        .remove(0);
    assert!(matches!(record.body, Body::Tombstone(_)));
    assert_eq!(
        record.attributes,
        [Attribute::new("MasterRecordId", "003000000000002AAA")]
    );
    assert_eq!(
        map(text, Object::Contact, View::Consents, &settings).unwrap(),
        []
    );
}
