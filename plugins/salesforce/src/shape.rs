//! Which fields an object has for the integration user, as `describe` tells.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, serde_json};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::object::Object;
use crate::settings::is_field_name;

/// What a query asks for. Kept in a note while a sweep goes on, and asked for anew at the next
/// one: a field that is added later would be missed otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Form of the note.
    v: u8,
    /// Fields to select.
    pub fields: Vec<String>,
    /// Those among them that hold instants.
    pub instants: Vec<String>,
    /// The field to sweep by.
    pub stamp: String,
    /// Rows say whether they are deleted.
    pub has_deleted: bool,
    /// `Account.Name` can be asked for.
    pub has_account: bool,
}

/// Fields to sweep by, best first.
const STAMPS: [&str; 3] = ["SystemModstamp", "LastModifiedDate", "CreatedDate"];

/// The longest note that the contract allows.
const MAX_NOTE_BYTES: usize = 64 << 10;

impl Shape {
    /// Out of the answer to `describe`.
    ///
    /// # Errors
    /// [`Error::Fatal`] where no field can be swept by, [`Error::Auth`] where the user sees none.
    pub fn parse(object: Object, json: &Json) -> Result<Self, Error> {
        let fields = json.get("fields").map_or(&[][..], Json::items);
        let mut shape = Self {
            v: 1,
            fields: Vec::new(),
            instants: Vec::new(),
            stamp: String::new(),
            has_deleted: false,
            has_account: false,
        };
        let mut stamps = Vec::new();
        for field in fields {
            let Some(name) = field.text_at("name").filter(|name| is_field_name(name)) else {
                continue;
            };
            let kind = field.text_at("type").unwrap_or_default();
            // Compound fields repeat their parts; files do not belong into a row.
            if matches!(kind, "address" | "location" | "base64" | "complexvalue") {
                continue;
            }
            if kind == "datetime" {
                shape.instants.push(name.to_owned());
                let is_usable = field.get("filterable") != Some(&Json::Bool(false))
                    && field.get("sortable") != Some(&Json::Bool(false));
                if is_usable {
                    stamps.push(name);
                }
            }
            shape.has_deleted |= name == "IsDeleted";
            shape.has_account |=
                object == Object::Contact && field.text_at("relationshipName") == Some("Account");
            shape.fields.push(name.to_owned());
        }
        if !shape.fields.iter().any(|name| name == "Id") {
            return Err(Error::Auth(format!(
                "the integration user sees no fields of `{}`",
                object.name()
            )));
        }
        let stamp = STAMPS.into_iter().find(|name| stamps.contains(name));
        shape.stamp = stamp
            .ok_or_else(|| {
                Error::Fatal(format!(
                    "`{}` has no instant of change to read by",
                    object.name()
                ))
            })?
            .to_owned();
        Ok(shape)
    }

    /// Asks the vendor, and keeps the answer for the rest of the sweep.
    ///
    /// # Errors
    /// The vendor's.
    pub fn fetch(ctx: &Context, client: &Client<'_>, object: Object) -> Result<Self, Error> {
        let shape = describe(client, object).and_then(|json| Self::parse(object, &json))?;
        if let Ok(note) = serde_json::to_vec(&shape)
            && note.len() <= MAX_NOTE_BYTES
        {
            ctx.notes().set(&note_key(object), &note);
        }
        Ok(shape)
    }

    /// The one that a sweep under way began with.
    pub fn noted(ctx: &Context, object: Object) -> Option<Self> {
        let note = ctx.notes().get(&note_key(object))?;
        let shape: Self = serde_json::from_slice(&note).ok()?;
        (shape.v == 1).then_some(shape)
    }

    /// The object has this field.
    pub fn has(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == field)
    }
}

/// The vendor's description of an object. One that it does not show is a matter of rights.
///
/// # Errors
/// The vendor's.
pub fn describe(client: &Client<'_>, object: Object) -> Result<Json, Error> {
    let name = object.name();
    match client.get(&format!("/sobjects/{name}/describe")) {
        Ok(answer) => Ok(answer.json),
        Err(fault) => Err(match Error::from(fault) {
            Error::Gone(_) => Error::Auth(format!(
                "`{name}` is not visible: give the integration user the permission to read it, or \
                 take it out of `objects`"
            )),
            other => other,
        }),
    }
}

fn note_key(object: Object) -> String {
    format!("describe:{}", object.name())
}
