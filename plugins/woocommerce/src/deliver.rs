//! Writes customers and coupons, one item after the other.

mod coupon;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::{Map, Value as JsonValue, json};
use crosspoint_sdk::{Action, ActionKind, Batch, Error, Field, Identifier, Item, Outcome};

use crate::Settings;
use crate::client::{Client, Failure, answer};

const CREATE_COUPON: &str = "create-coupon";

/// Items in one call: each needs up to three questions.
const BATCH_SIZE: u32 = 10;

const CUSTOMER_FIELDS: [(&str, &str); 5] = [
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("username", "Login name; only for new customers"),
    (
        "billing",
        "Billing address as JSON; or `billing.city` and the like",
    ),
    (
        "shipping",
        "Shipping address as JSON; or `shipping.city` and the like",
    ),
];

/// Why an item was not done.
enum Stop {
    Outcome(Outcome),
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn reject<T>(field: &str, reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Outcome(Outcome::rejected(Some(field), reason)))
}

pub(crate) fn actions() -> Vec<Action> {
    let fields = |fields: &[(&str, &str)], required: &str| {
        fields
            .iter()
            .map(|(name, description)| Field {
                name: (*name).to_owned(),
                description: (*description).to_owned(),
                required: *name == required,
            })
            .collect()
    };
    vec![
        Action {
            batch_size: BATCH_SIZE,
            fields: fields(&CUSTOMER_FIELDS, ""),
            ..Action::new(
                ActionKind::UpsertContact,
                "Create or update the customer by id or e-mail; fields named `meta_data.KEY` become \
                 meta data",
            )
        },
        Action {
            batch_size: BATCH_SIZE,
            open: false,
            ..Action::new(
                ActionKind::DeleteContact,
                "Delete the customer's account; orders keep what they hold",
            )
        },
        Action {
            batch_size: BATCH_SIZE,
            open: false,
            fields: fields(&coupon::FIELDS, "amount"),
            ..Action::new(
                ActionKind::Custom(CREATE_COUPON.to_owned()),
                "Create a coupon; a code that exists already counts as created",
            )
        },
    ]
}

pub(crate) fn deliver(
    client: &Client<'_>,
    settings: &Settings,
    batch: &Batch,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        let done = match &batch.action {
            ActionKind::UpsertContact => upsert(client, item),
            ActionKind::DeleteContact => delete(client, item),
            ActionKind::Custom(name) if name == CREATE_COUPON => {
                coupon::create(client, settings, item)
            }
            other => Err(Stop::Outcome(Outcome::Unsupported(format!(
                "there is no action `{}`",
                other.as_str()
            )))),
        };
        match done {
            Ok(id) => outcomes.push(Outcome::Done(id)),
            Err(Stop::Outcome(outcome)) => outcomes.push(outcome),
            Err(Stop::Failure(failure)) => match failure.for_all() {
                // The address or the grant is wrong: nothing was ever sent.
                Some(error @ Error::Invalid { .. }) if outcomes.is_empty() => return Err(error),
                Some(error) => {
                    let rest = match error {
                        Error::RateLimited(wait_ms) => Outcome::RateLimited(wait_ms),
                        Error::Auth(text) => Outcome::Auth(text),
                        other => Outcome::Transient(other.to_string()),
                    };
                    outcomes.resize(batch.items.len(), rest);
                    break;
                }
                None => outcomes.push(failure.into()),
            },
        }
    }
    Ok(outcomes)
}

fn email(item: &Item) -> Option<&str> {
    item.identifiers.iter().find_map(|it| match it {
        Identifier::Email(email) => Some(email.as_str()),
        _ => None,
    })
}

/// The customer's id in the shop: the one that the shop gave, else found by e-mail.
fn find(client: &Client<'_>, item: &Item) -> Result<Option<String>, Stop> {
    let given = item.identifiers.iter().find_map(|it| match it {
        Identifier::Customer(id) => Some(id),
        _ => None,
    });
    if let Some(id) = given {
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || id.is_empty() {
            return reject("identifiers", "holds an id that is none of this shop");
        }
        return match answer(client.get(&format!("customers/{id}"))) {
            Ok(_) => Ok(Some(id.clone())),
            Err(Failure::Status(reply, refusal))
                if matches!(reply.status(), 400 | 404)
                    && refusal.code == "woocommerce_rest_invalid_id" =>
            {
                Ok(None)
            }
            Err(failure) => Err(failure.into()),
        };
    }
    let Some(email) = email(item) else {
        return reject(
            "identifiers",
            "has neither an id of this shop nor an e-mail address",
        );
    };
    let call = client
        .get("customers")
        .query("email", email)
        .query("role", "all");
    let (list, _) = answer(call)?;
    let same = |row: &&Json| {
        row.text_at("email")
            .is_some_and(|found| found.eq_ignore_ascii_case(email))
    };
    let row = list.items().iter().find(same);
    Ok(row.and_then(|row| row.text_at("id")).map(str::to_owned))
}

fn upsert(client: &Client<'_>, item: &Item) -> Result<Option<String>, Stop> {
    let body = customer(item)?;
    let known = find(client, item)?;
    if let Some(id) = known {
        return update(client, &id, body);
    }
    let Some(email) = email(item) else {
        return Err(Stop::Outcome(Outcome::Gone(
            "the shop has no such customer".to_owned(),
        )));
    };
    let mut created = body.clone();
    created.insert("email".to_owned(), json!(email));
    match client.send(Method::Post, "customers", &JsonValue::Object(created)) {
        Ok((json, _)) => Ok(json.text_at("id").map(str::to_owned)),
        // Somebody was faster, or the answer to the same delivery was lost.
        Err(failure) if failure.code() == "registration-error-email-exists" => {
            match find(client, item)? {
                Some(id) => update(client, &id, body),
                None => reject("email", "the address belongs to somebody else"),
            }
        }
        Err(failure) => Err(failure.into()),
    }
}

/// A login name cannot be changed.
fn update(
    client: &Client<'_>,
    id: &str,
    mut body: Map<String, JsonValue>,
) -> Result<Option<String>, Stop> {
    body.remove("username");
    if !body.is_empty() {
        let path = format!("customers/{id}");
        client.send(Method::Put, &path, &JsonValue::Object(body))?;
    }
    Ok(Some(id.to_owned()))
}

/// The body of a customer. Empty is empty text here, never null.
fn customer(item: &Item) -> Result<Map<String, JsonValue>, Stop> {
    let mut body = Map::new();
    let mut meta = Vec::new();
    for field in &item.fields {
        let plain = JsonValue::from(&field.value);
        let name = field.name.as_str();
        match name.split_once('.') {
            Some(("meta_data", key)) if !key.is_empty() => {
                let value = if plain.is_null() { json!("") } else { plain };
                meta.push(json!({ "key": key, "value": value }));
            }
            Some((part @ ("billing" | "shipping"), inner)) if !inner.is_empty() => {
                let address = body.entry(part).or_insert_with(|| json!({}));
                address[inner] = words(name, plain)?;
            }
            None if matches!(name, "billing" | "shipping") => match plain {
                JsonValue::Object(members) => {
                    let address = body.entry(name).or_insert_with(|| json!({}));
                    for (inner, value) in members {
                        address[inner] = value;
                    }
                }
                _ => return reject(name, "expected an address as JSON"),
            },
            None if CUSTOMER_FIELDS.iter().any(|(known, _)| *known == name) => {
                body.insert(name.to_owned(), words(name, plain)?);
            }
            _ => {
                return reject(
                    name,
                    "is no field of a customer; meta data are named `meta_data.KEY`",
                );
            }
        }
    }
    if !meta.is_empty() {
        body.insert("meta_data".to_owned(), JsonValue::Array(meta));
    }
    Ok(body)
}

fn words(field: &str, plain: JsonValue) -> Result<JsonValue, Stop> {
    match plain {
        JsonValue::Null => Ok(json!("")),
        text @ JsonValue::String(_) => Ok(text),
        JsonValue::Number(number) => Ok(json!(number.to_string())),
        _ => reject(field, "expected text"),
    }
}

fn delete(client: &Client<'_>, item: &Item) -> Result<Option<String>, Stop> {
    let Some(id) = find(client, item)? else {
        return Ok(None);
    };
    // Without `force` the shop answers 501: accounts have no trash.
    let call = client
        .call(Method::Delete, &format!("customers/{id}"))
        .query("force", "true");
    answer(call)?;
    Ok(Some(id))
}
