//! The customer itself, their tags and metafields.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::serde_json::{Map, Value as JsonValue, json};
use crosspoint_sdk::{Attribute, Item, Value};

use super::{Person, Stop, consent, mutate, reject, user_error};
use crate::Settings;
use crate::client::Client;

/// What `customerSet` takes, under Shopify's names.
pub(super) const FIELDS: [(&str, &str); 9] = [
    ("email", "E-mail address"),
    ("phone", "Phone number in E.164"),
    ("firstName", "First name"),
    ("lastName", "Last name"),
    ("locale", "Language, such as `de`"),
    ("note", "Note about the customer"),
    ("tags", "All tags: those that are not named are removed"),
    ("taxExempt", "Whether the customer pays no taxes"),
    (
        "addresses",
        "All addresses, as JSON: those that are not named are removed",
    ),
];

/// Most metafields in one call; beyond it they are written in several.
const METAFIELDS_PER_CALL: usize = 25;

const METAFIELDS: &str = "mutation($metafields: [MetafieldsSetInput!]!) { \
    metafieldsSet(metafields: $metafields) { metafields { id } userErrors { field message code } } }";

const TAGS_ADD: &str = "mutation($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { \
    node { id } userErrors { field message } } }";

const TAGS_REMOVE: &str = "mutation($id: ID!, $tags: [String!]!) { tagsRemove(id: $id, tags: $tags) \
    { node { id } userErrors { field message } } }";

const DELETE: &str = "mutation($input: CustomerDeleteInput!) { customerDelete(input: $input) { \
    deletedCustomerId userErrors { field message } } }";

const ERASE: &str = "mutation($customerId: ID!) { customerRequestDataErasure(customerId: \
    $customerId) { customerId userErrors { field message code } } }";

pub(super) fn upsert(
    client: &Client<'_>,
    settings: &Settings,
    person: &Person,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let mut input = Map::new();
    let mut metafields = Vec::new();
    for field in &item.fields {
        if field.name.contains('.') {
            metafields.push(field);
        } else if FIELDS.iter().any(|(name, _)| *name == field.name) {
            input.insert(field.name.clone(), input_value(field)?);
        } else {
            return reject(
                &field.name,
                "is no field of a customer; metafields are named `namespace.key`",
            );
        }
    }
    let prepared = prepare_metafields(&metafields)?;
    let known = person.set(client, input)?;
    if settings.pass_consent {
        consent::pass_on(client, &known, item)?;
    }
    write_metafields(client, &known.id, prepared)?;
    Ok(Some(crate::map::number_of(&known.id).to_owned()))
}

/// A value as `CustomerSetInput` wants it.
fn input_value(field: &Attribute) -> Result<JsonValue, Stop> {
    let plain = JsonValue::from(&field.value);
    Ok(match field.name.as_str() {
        "tags" => match plain {
            JsonValue::String(text) => {
                let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
                tags.collect()
            }
            JsonValue::Null => json!([]),
            list @ JsonValue::Array(_) => list,
            _ => return reject("tags", "expected a list, or text with commas"),
        },
        "addresses" => match plain {
            list @ JsonValue::Array(_) => list,
            one @ JsonValue::Object(_) => json!([one]),
            _ => return reject("addresses", "expected a list of addresses as JSON"),
        },
        "taxExempt" => match plain {
            flag @ (JsonValue::Bool(_) | JsonValue::Null) => flag,
            _ => return reject("taxExempt", "expected true or false"),
        },
        _ => match plain {
            text @ (JsonValue::String(_) | JsonValue::Null) => text,
            number @ JsonValue::Number(_) => json!(number.to_string()),
            _ => return reject(&field.name, "expected text"),
        },
    })
}

/// Namespace, key, type and value of each; nothing is sent while one of them is wrong.
fn prepare_metafields(fields: &[&Attribute]) -> Result<Vec<JsonValue>, Stop> {
    let mut prepared = Vec::with_capacity(fields.len());
    for field in fields {
        let Some((namespace, key)) = field.name.rsplit_once('.') else {
            return reject(&field.name, "expected a name such as `namespace.key`");
        };
        let (kind, value) = match &field.value {
            // Metafields have no empty value; leaving it as it is would say something else.
            Value::Null => return reject(&field.name, "a metafield cannot be empty"),
            Value::Boolean(flag) => ("boolean", flag.to_string()),
            Value::Integer(number) => ("number_integer", number.to_string()),
            Value::Decimal(number) => ("number_decimal", number.clone()),
            Value::Text(text) if text.contains('\n') => ("multi_line_text_field", text.clone()),
            Value::Text(text) => ("single_line_text_field", text.clone()),
            Value::Instant(at) => ("date_time", instant::to_rfc3339(*at)),
            Value::Json(text) => ("json", text.clone()),
        };
        prepared.push(json!({
            "namespace": namespace, "key": key, "type": kind, "value": value,
        }));
    }
    Ok(prepared)
}

fn write_metafields(
    client: &Client<'_>,
    owner: &str,
    mut prepared: Vec<JsonValue>,
) -> Result<(), Stop> {
    for metafield in &mut prepared {
        metafield["ownerId"] = json!(owner);
    }
    for part in prepared.chunks(METAFIELDS_PER_CALL) {
        mutate(
            client,
            METAFIELDS,
            "metafieldsSet",
            json!({ "metafields": part }),
        )?;
    }
    Ok(())
}

pub(super) fn set_metafields(
    client: &Client<'_>,
    settings: &Settings,
    person: &Person,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let fields: Vec<_> = item.fields.iter().collect();
    let prepared = prepare_metafields(&fields)?;
    if prepared.is_empty() {
        return reject("fields", "there is no metafield to write");
    }
    let Some(id) = person.id_for_writing(client, settings)? else {
        return reject("identifiers", "the shop has no such customer");
    };
    write_metafields(client, &id, prepared)?;
    Ok(Some(crate::map::number_of(&id).to_owned()))
}

/// The list as a tag. Whom the shop does not know has no tag to lose.
pub(super) fn tag(
    client: &Client<'_>,
    settings: &Settings,
    person: &Person,
    item: &Item,
    is_added: bool,
) -> Result<Option<String>, Stop> {
    let tag = item.list.as_deref().unwrap_or_default().trim();
    // A comma would make two tags of one.
    if tag.is_empty() || tag.contains(',') || tag.chars().count() > 255 {
        return reject(
            "list",
            "expected a tag of 1 to 255 characters without commas",
        );
    }
    let id = if is_added {
        match person.id_for_writing(client, settings)? {
            Some(id) => id,
            None => return reject("identifiers", "the shop has no such customer"),
        }
    } else {
        match (&person.id, person.id.is_none()) {
            (Some(id), _) => id.clone(),
            _ => match person.find(client)? {
                Some(known) => known.id,
                None => return Ok(None),
            },
        }
    };
    let (document, root) = if is_added {
        (TAGS_ADD, "tagsAdd")
    } else {
        (TAGS_REMOVE, "tagsRemove")
    };
    mutate(client, document, root, json!({ "id": id, "tags": [tag] }))?;
    Ok(Some(crate::map::number_of(&id).to_owned()))
}

/// Deletes; a customer with orders cannot be, and is redacted instead.
pub(super) fn delete(client: &Client<'_>, person: &Person) -> Result<Option<String>, Stop> {
    let Some(known) = person.find(client)? else {
        return Ok(None);
    };
    let id = Some(crate::map::number_of(&known.id).to_owned());
    let answer = client.ask(DELETE, json!({ "input": { "id": known.id } }))?;
    if user_error(&answer, "customerDelete").is_none() {
        return Ok(id);
    }
    let variables = json!({ "customerId": known.id });
    mutate(client, ERASE, "customerRequestDataErasure", variables)?;
    Ok(id)
}
