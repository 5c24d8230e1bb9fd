use crosspoint_model::entry::RejectedInput;
use crosspoint_model::{Identifier, Value};

use super::*;
use crate::bindings::crosspoint::connector::model as wit;

fn event(identifiers: Vec<wit::Identifier>, attributes: Vec<wit::Attribute>) -> wit::Record {
    wit::Record {
        id: "e1".to_owned(),
        updated_at: 5,
        identifiers,
        attributes,
        body: wit::Body::Event(wit::Event {
            name: "Product Viewed".to_owned(),
            occurred_at: 5,
        }),
    }
}

fn attribute(name: &str, value: wit::Value) -> wit::Attribute {
    wit::Attribute {
        name: name.to_owned(),
        value,
    }
}

#[test]
fn identifiers_are_normalized_and_namespaced() {
    let given = event(
        vec![
            wit::Identifier::Customer("42".to_owned()),
            wit::Identifier::Email(" Jane@Example.com ".to_owned()),
            wit::Identifier::Email("jane@example.com".to_owned()),
            wit::Identifier::Phone("unknown".to_owned()),
            wit::Identifier::Cookie("  ".to_owned()),
        ],
        vec![],
    );
    let record = record("shop", &given).unwrap();
    let wanted = [
        Identifier::vendor("shop", "42"),
        Identifier::email("jane@example.com"),
    ];
    assert_eq!(record.identifiers, wanted.map(Option::unwrap));
    assert_eq!(record.attributes.len(), 1);
    assert_eq!(record.attributes[0].name, "unusable-phone");
    assert_eq!(record.attributes[0].value, Value::text("unknown"));
}

#[test]
fn what_does_not_parse_names_its_field() {
    let check = |given: wit::Record, field: &str, part: &str| {
        let RejectedInput::Yielded(raw) = rejected_input(&given) else {
            panic!("another form")
        };
        assert_eq!(
            format!("{:?}", yielded(&raw).unwrap()),
            format!("{given:?}")
        );
        assert!(String::from_utf8(raw).unwrap().contains("Product Viewed"));
        let fault = record("shop", &given).unwrap_err();
        assert_eq!(fault.field, field);
        assert!(fault.reason.contains(part), "{fault:?}");
    };
    let price = attribute("price", wit::Value::Decimal("12,50".to_owned()));
    check(event(vec![], vec![price]), "attributes", "`price`");
    let broken = attribute("extra", wit::Value::Json("{".to_owned()));
    check(event(vec![], vec![broken]), "attributes", "`extra`");
    check(
        wit::Record {
            id: String::new(),
            ..event(vec![], vec![])
        },
        "id",
        "0 bytes",
    );
}

#[test]
fn money_needs_a_currency_code() {
    let product = wit::Product {
        sku: None,
        name: "Product Viewed".to_owned(),
        description: None,
        url: None,
        image_url: None,
        price: Some(wit::Money {
            amount: "1.50".to_owned(),
            currency: "euro".to_owned(),
        }),
        categories: vec![],
        tags: vec![],
        stock: None,
        available: true,
    };
    let given = wit::Record {
        body: wit::Body::Product(product),
        ..event(vec![], vec![])
    };
    let fault = record("shop", &given).unwrap_err();
    assert_eq!(fault.field, "price");
}
