//! Customers and their consent.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::model::{Consent, ConsentState, ConsentTopic, Contact};
use crosspoint_sdk::{Body, Identifier, Instant, Record};

use super::{
    Fault, address, address_taken, id, left_of, optional_instant, text, texts, updated_at,
};

const TAKEN: [&str; 11] = [
    "id",
    "legacyResourceId",
    "firstName",
    "lastName",
    "locale",
    "tags",
    "createdAt",
    "updatedAt",
    "defaultEmailAddress",
    "defaultPhoneNumber",
    "defaultAddress",
];

/// The person, then what they decided.
pub(super) fn records(node: &Json) -> Result<Vec<Record>, Fault> {
    let id = id(node)?;
    let updated_at = updated_at(node)?;
    let email = text(node, "defaultEmailAddress.emailAddress");
    let phone = text(node, "defaultPhoneNumber.phoneNumber");
    let mut identifiers = vec![Identifier::Customer(id.clone())];
    identifiers.extend(email.map(Identifier::Email));
    identifiers.extend(phone.map(Identifier::Phone));

    let contact = Contact {
        first_name: text(node, "firstName"),
        last_name: text(node, "lastName"),
        company: text(node, "defaultAddress.company"),
        language: text(node, "locale"),
        address: address(node, "defaultAddress"),
        tags: texts(node, "tags"),
        created_at: optional_instant(node, "createdAt")?,
        ..Contact::default()
    };
    let mut record = Record::new(id.clone(), updated_at, Body::Contact(contact));
    record.identifiers.clone_from(&identifiers);
    record.attributes = node.attributes_except(&TAKEN);
    let left = [
        left_of(node, "defaultEmailAddress", &["emailAddress"]),
        left_of(node, "defaultPhoneNumber", &["phoneNumber"]),
        left_of(node, "defaultAddress", &address_taken()),
    ];
    record.attributes.extend(left.into_iter().flatten());

    let mut records = vec![record];
    let asked = [
        ("defaultEmailAddress", "email-marketing"),
        ("defaultPhoneNumber", "sms-marketing"),
    ];
    let mut consents = Vec::new();
    for (field, topic) in asked {
        let channel = node.get(field).unwrap_or(&Json::Null);
        let decided_at = optional_instant(channel, "marketingUpdatedAt")?;
        // Older descriptions of the API nest the state of SMS once more.
        let state = channel
            .text_at("marketingState")
            .or_else(|| channel.text_at("smsMarketingConsent.state"));
        if let Some(state) = state.and_then(|state| decision(state, decided_at)) {
            let evidence = text(channel, "marketingOptInLevel");
            consents.push((topic, state, decided_at.unwrap_or(updated_at), evidence));
        }
    }
    if node.is_true_at("dataSaleOptOut") {
        consents.push(("data-sale", ConsentState::Withdrawn, updated_at, None));
    }
    for (topic, state, decided_at, evidence) in consents {
        let consent = Consent {
            topic: ConsentTopic::from_word(topic),
            state,
            decided_at,
            evidence: evidence.map(|level| format!("Shopify, {level}")),
        };
        let id = format!("{id}/consent/{topic}");
        let mut record = Record::new(id, decided_at, Body::Consent(consent));
        record.identifiers.clone_from(&identifiers);
        records.push(record);
    }
    Ok(records)
}

/// What a marketing state says. Who was never asked has decided nothing; who is not subscribed any
/// more has.
fn decision(state: &str, decided_at: Option<Instant>) -> Option<ConsentState> {
    match state {
        "SUBSCRIBED" => Some(ConsentState::Granted),
        "UNSUBSCRIBED" | "REDACTED" => Some(ConsentState::Withdrawn),
        "PENDING" => Some(ConsentState::Pending),
        "NOT_SUBSCRIBED" if decided_at.is_some() => Some(ConsentState::Withdrawn),
        _ => None,
    }
}
