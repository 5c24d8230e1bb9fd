//! Whom a call is about.

use crosspoint_model::Identifier;
use serde_json::Value as Json;
use smol_str::{SmolStr, format_smolstr};

use super::Fault;
use super::call::{CallKind, Object};
use super::value::{folded, text_of};

/// Who a call names.
pub(super) struct Person {
    /// Strongest first; not empty.
    pub identifiers: Vec<Identifier>,
    /// The id under which the source knows the person's contact.
    pub contact_id: SmolStr,
}

impl Person {
    /// `userId`, then `anonymousId`, then e-mail and phone of the traits. `alias` adds the
    /// `previousId`, of which the call does not say whether it was a login or a client's id.
    pub fn of(kind: CallKind, fields: &Object, traits: &Object) -> Result<Self, Fault> {
        let mut identifiers = Vec::with_capacity(3);
        let mut contact_id = None;
        let user = id(fields, "userId", Identifier::user_id)?;
        let anonymous = id(fields, "anonymousId", Identifier::anonymous_id)?;
        if let Some(identifier) = user {
            contact_id = Some(SmolStr::new(identifier.value()));
            identifiers.push(identifier);
        }
        if let Some(identifier) = anonymous {
            contact_id.get_or_insert_with(|| format_smolstr!("anonymous:{}", identifier.value()));
            identifiers.push(identifier);
        }
        for (name, read) in READERS {
            let same_name = |(given, _): &(&String, &Json)| folded(given) == name;
            let mut given = traits.iter().filter(same_name);
            if let Some(identifier) = given.find_map(|(_, json)| read(&text_of(json)?)) {
                contact_id.get_or_insert_with(|| format_smolstr!("{identifier}"));
                identifiers.push(identifier);
            }
        }
        if kind == CallKind::Alias {
            let previous = id(fields, "previousId", Identifier::anonymous_id)?;
            let Some(previous) = previous else {
                return Err(Fault::new("previousId", "is missing"));
            };
            if !identifiers.contains(&previous) {
                let login = Identifier::user_id(previous.value());
                identifiers.extend(login.filter(|login| !identifiers.contains(login)));
                contact_id.get_or_insert_with(|| SmolStr::new(previous.value()));
                identifiers.push(previous);
            }
        }
        match contact_id {
            Some(contact_id) => Ok(Self {
                identifiers,
                contact_id,
            }),
            None => Err(Fault::new(
                "userId",
                "is missing, and so is `anonymousId`: the call names no person",
            )),
        }
    }
}

type Reader = fn(&str) -> Option<Identifier>;

const READERS: [(&str, Reader); 2] = [
    ("email", |text| Identifier::email(text)),
    ("phone", |text| Identifier::phone(text)),
];

/// An id that is absent, null or empty names nobody; one that is neither text nor a number, or too
/// long to be kept, is a mistake.
fn id(fields: &Object, name: &str, read: Reader) -> Result<Option<Identifier>, Fault> {
    match fields.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(json @ (Json::String(_) | Json::Number(_))) => match text_of(json) {
            None => Ok(None),
            Some(text) => match read(&text) {
                None => Err(Fault::new(name, "is too long for an id")),
                identifier => Ok(identifier),
            },
        },
        Some(_) => Err(Fault::new(name, "is neither text nor a number")),
    }
}
