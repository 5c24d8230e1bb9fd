//! Leads and contacts, and what they decided.

use crosspoint_sdk::map::phone;
use crosspoint_sdk::model::{Address, Consent, ConsentState, ConsentTopic, Contact, ExternalId};
use crosspoint_sdk::{Body, Identifier, Record};

use super::{Problem, Row};
use crate::object::Object;
use crate::settings::{NotOptedOut, Settings};
use crate::shape::Shape;

/// Opt-out boxes and what they are about.
const BOXES: [(&str, &str); 3] = [
    ("HasOptedOutOfEmail", "email-marketing"),
    ("DoNotCall", "phone-marketing"),
    ("HasOptedOutOfFax", "fax"),
];

/// Most records that one row of a stream of consents yields.
pub const CONSENTS_PER_ROW: usize = BOXES.len();

/// Who the row is about: its own id, those that it was converted to, addresses, and what the
/// settings name.
fn identifiers(row: &Row<'_>) -> Vec<Identifier> {
    let mut all = vec![Identifier::Customer(row.id.to_owned())];
    all.extend(row.text("ConvertedContactId").map(Identifier::Customer));
    all.extend(row.text("Email").map(Identifier::Email));
    for field in &row.settings.phone_fields {
        let number = row.json.text_at(field);
        let number = number.and_then(|text| phone::e164(text, row.settings.calling_code()).ok());
        all.extend(number.map(Identifier::Phone));
    }
    for (field, system) in &row.settings.external_ids {
        all.extend(row.text(field).map(|id| {
            Identifier::External(ExternalId {
                system: system.clone(),
                id,
            })
        }));
    }
    all
}

/// A lead or a contact. The boxes stay attributes here; the decisions are streams of their own.
pub fn contact(row: &Row<'_>, object: Object) -> Result<Record, Problem> {
    // A contact's mailing address has a prefix, a lead's address none.
    let (prefix, company) = match object {
        Object::Contact => ("Mailing", "Account.Name"),
        _ => ("", "Company"),
    };
    let part = |name: &str| row.text(&format!("{prefix}{name}"));
    let country_code = part("CountryCode").filter(|code| is_country_code(code));
    let country = country_code.or_else(|| part("Country").filter(|text| is_country_code(text)));
    let street = part("Street").unwrap_or_default();
    let address = Address {
        street: street
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        city: part("City"),
        region: part("StateCode").or_else(|| part("State")),
        postal_code: part("PostalCode"),
        country,
        ..Address::default()
    };
    let contact = Contact {
        first_name: row.text("FirstName"),
        last_name: row.text("LastName"),
        full_name: row.text("Name"),
        company: row.text(company),
        job_title: row.text("Title"),
        birthday: row.text("Birthdate"),
        address: (address != Address::default()).then_some(address),
        created_at: row.instant("CreatedDate")?,
        ..Contact::default()
    };
    let taken: &[&str] = match object {
        Object::Contact => &[
            "FirstName",
            "LastName",
            "Title",
            "Birthdate",
            "CreatedDate",
            "Account",
        ],
        _ => &["FirstName", "LastName", "Title", "Company", "CreatedDate"],
    };
    let mut record = Record::new(row.id, row.stamp, Body::Contact(contact));
    record.identifiers = identifiers(row);
    record.attributes = row.attributes(taken);
    Ok(record)
}

fn is_country_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What a stream of consents asks for.
pub fn consent_fields<'a>(settings: &'a Settings, shape: &'a Shape) -> Vec<&'a str> {
    let fixed = ["Id", "IsDeleted", "Email", "ConvertedContactId"];
    let boxes = BOXES.iter().map(|(field, _)| *field);
    let phones = settings.phone_fields.iter().map(String::as_str);
    let externals = settings.external_ids.keys().map(String::as_str);
    let mut wanted: Vec<&str> = fixed
        .into_iter()
        .chain([shape.stamp.as_str()])
        .chain(boxes)
        .chain(phones)
        .chain(externals)
        .filter(|field| shape.has(field))
        .collect();
    let mut seen = Vec::with_capacity(wanted.len());
    wanted.retain(|field| {
        let is_new = !seen.contains(field);
        seen.push(*field);
        is_new
    });
    wanted
}

/// One record per box. The vendor does not say when a box was ticked: the row's last change is the
/// earliest instant at which it surely stood so.
pub fn consents(row: &Row<'_>) -> Vec<Record> {
    let decided = BOXES.iter().filter_map(|(field, topic)| {
        let state = if row.json.is_true_at(field) {
            ConsentState::Withdrawn
        } else if row.json.get(field).is_some()
            && row.settings.not_opted_out == NotOptedOut::Granted
        {
            ConsentState::Granted
        } else {
            return None;
        };
        let consent = Consent {
            topic: ConsentTopic::from_word(topic),
            state,
            decided_at: row.stamp,
            evidence: Some(format!("Salesforce {field}")),
        };
        let id = format!("{}/{topic}", row.id);
        let mut record = Record::new(id, row.stamp, Body::Consent(consent));
        record.identifiers = identifiers(row);
        Some(record)
    });
    decided.collect()
}
