use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Body, Identifier, Record, Value};

use crate::map::record;
use crate::stream::Kind;

fn map(text: &str, kind: Kind) -> Record {
    record(&Json::parse(text).unwrap(), &kind, None).unwrap()
}

/// Every member is a field of the record or an attribute under its own name.
fn assert_kept(text: &str, record: &Record, taken: &[&str]) {
    for (name, _) in Json::parse(text).unwrap().members() {
        let is_kept = record.attributes.iter().any(|it| &it.name == name);
        assert_ne!(is_kept, taken.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn a_post_keeps_everything() {
    let text = include_str!("../../fixtures/post.json");
    let record = map(text, Kind::Content);
    let Body::Content(content) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(
        (content.kind.as_str(), content.title.as_str()),
        ("post", "Ana’s café")
    );
    assert_eq!(content.summary.as_deref(), Some("Short & sweet"));
    assert_eq!(content.topics, ["news", "sale"]);
    assert_eq!(content.published_at, Some(1_772_420_645_000));
    assert_eq!(record.updated_at, 1_772_507_045_000);
    assert_kept(
        text,
        &record,
        &["id", "title", "excerpt", "link", "type", "_links"],
    );
    let rating = record
        .attributes
        .iter()
        .find(|it| it.name == "rating")
        .unwrap();
    assert_eq!(rating.value, Value::Decimal("4.10".to_owned()));
}

#[test]
fn a_draft_without_a_date_is_not_published() {
    for date in ["null", "\"0000-00-00T00:00:00\""] {
        let text = format!(
            r#"{{"id":8,"status":"draft","date_gmt":{date},"modified_gmt":"2026-03-03T03:04:05",
                "title":{{"rendered":"A &amp; B"}}}}"#
        );
        let record = map(&text, Kind::Content);
        let Body::Content(content) = &record.body else {
            panic!("{record:?}")
        };
        assert!(!content.published && content.published_at.is_none());
        assert_eq!(content.title, "A & B");
    }
}

#[test]
fn a_user_keeps_everything() {
    let text = include_str!("../../fixtures/user.json");
    let record = map(text, Kind::User);
    let Body::Contact(contact) = &record.body else {
        panic!("{record:?}")
    };
    assert_eq!(
        (contact.first_name.as_deref(), contact.last_name.as_deref()),
        (Some("Ann"), None)
    );
    assert_eq!(
        (contact.language.as_deref(), &contact.tags[..]),
        (Some("en-US"), &["subscriber".to_owned()][..])
    );
    let email = Identifier::Email("ann@example.com".to_owned());
    assert_eq!(
        record.identifiers,
        [Identifier::Customer("1".to_owned()), email]
    );
    let taken = [
        "id",
        "name",
        "first_name",
        "last_name",
        "email",
        "locale",
        "roles",
        "registered_date",
        "_links",
    ];
    assert_kept(text, &record, &taken);
}

#[test]
fn a_comment_is_a_fact_about_who_wrote_it() {
    let text = include_str!("../../fixtures/comment.json");
    let record = map(text, Kind::Comment);
    assert!(matches!(&record.body, Body::Event(it) if it.occurred_at == 1_772_424_245_000));
    assert_eq!(
        record.identifiers,
        [Identifier::Email("bo@example.com".to_owned())]
    );
    assert_kept(text, &record, &["id", "date_gmt", "_links"]);
    let known = map(&text.replace("\"author\":0", "\"author\":5"), Kind::Comment);
    assert_eq!(known.identifiers[0], Identifier::Customer("5".to_owned()));
}

#[test]
fn a_row_without_instant_is_refused_by_its_member() {
    let row = Json::parse(r#"{"id":9,"status":"draft","modified_gmt":"yesterday"}"#).unwrap();
    assert_eq!(
        record(&row, &Kind::Content, None).unwrap_err().field,
        "modified_gmt"
    );
    let row = Json::parse(r#"{"id":9}"#).unwrap();
    assert_eq!(
        record(&row, &Kind::User, None).unwrap_err().field,
        "registered_date"
    );
}
