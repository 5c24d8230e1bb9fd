//! Writes to customers, one item after the other.

mod consent;
mod customer;
mod discount;
mod person;

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Action, ActionKind, Batch, Error, Field, Item, Outcome, serde_json};

use crate::Settings;
use crate::client::{Answer, Client, Failure};

use self::person::{Known, Person};

/// Items in one call: each needs up to five questions.
const BATCH_SIZE: u32 = 10;

const SET_METAFIELDS: &str = "set-metafields";
const CREATE_DISCOUNT_CODE: &str = "create-discount-code";

/// Why an item was not done: it is refused itself, or the shop could not be asked.
pub(crate) enum Stop {
    Outcome(Outcome),
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Ends an item with a rejection.
fn reject<T>(field: &str, reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Outcome(Outcome::rejected(Some(field), reason)))
}

pub(crate) fn actions() -> Vec<Action> {
    let action = |kind: ActionKind, description: &str| Action {
        batch_size: BATCH_SIZE,
        open: false,
        ..Action::new(kind, description)
    };
    vec![
        Action {
            open: true,
            fields: customer::FIELDS
                .iter()
                .map(|(name, description)| field(name, description, false))
                .collect(),
            ..action(
                ActionKind::UpsertContact,
                "Create or update the customer by id, e-mail or phone; fields named `namespace.key` \
                 become metafields; consent is handed over",
            )
        },
        Action {
            erases: true,
            ..action(
                ActionKind::DeleteContact,
                "Delete the customer; one with orders is redacted by Shopify's data erasure",
            )
        },
        Action {
            needs_list: true,
            reverse: Some(ActionKind::RemoveFromList),
            ..action(
                ActionKind::AddToList,
                "Add the list as a tag of the customer",
            )
        },
        Action {
            needs_list: true,
            reverse: Some(ActionKind::AddToList),
            ..action(
                ActionKind::RemoveFromList,
                "Remove the list from the customer's tags",
            )
        },
        Action {
            reverse: Some(ActionKind::Unsuppress),
            ..action(
                ActionKind::Suppress,
                "Unsubscribe the customer from e-mail and SMS marketing",
            )
        },
        Action {
            reverse: Some(ActionKind::Suppress),
            ..action(
                ActionKind::Unsuppress,
                "Subscribe the customer again where the person has consented",
            )
        },
        Action {
            open: true,
            ..action(
                ActionKind::Custom(SET_METAFIELDS.to_owned()),
                "Write the customer's metafields; fields are named `namespace.key`",
            )
        },
        Action {
            fields: discount::FIELDS
                .iter()
                .map(|(name, description)| field(name, description, false))
                .collect(),
            ..action(
                ActionKind::Custom(CREATE_DISCOUNT_CODE.to_owned()),
                "Create a discount code; one that exists already counts as created",
            )
        },
    ]
}

fn field(name: &str, description: &str, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        description: description.to_owned(),
        required,
    }
}

pub(crate) fn deliver(
    client: &Client<'_>,
    settings: &Settings,
    batch: &Batch,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        match one(client, settings, &batch.action, item) {
            Ok(id) => outcomes.push(Outcome::Done(id)),
            Err(Stop::Outcome(outcome)) => outcomes.push(outcome),
            Err(Stop::Failure(failure)) => match failure.for_all() {
                // The address or the grant is wrong: nothing was ever sent.
                Some(error @ Error::Invalid { .. }) if outcomes.is_empty() => return Err(error),
                Some(error) => {
                    outcomes.resize(batch.items.len(), as_outcome(error));
                    break;
                }
                None => outcomes.push(failure.into()),
            },
        }
    }
    Ok(outcomes)
}

/// A fault of the shop as a whole, for an item that was not sent or may be sent again.
fn as_outcome(error: Error) -> Outcome {
    match error {
        Error::RateLimited(wait_ms) => Outcome::RateLimited(wait_ms),
        Error::Auth(text) => Outcome::Auth(text),
        Error::Gone(text) => Outcome::Gone(text),
        other => Outcome::Transient(other.to_string()),
    }
}

fn one(
    client: &Client<'_>,
    settings: &Settings,
    action: &ActionKind,
    item: &Item,
) -> Result<Option<String>, Stop> {
    let person = Person::of(item);
    match action {
        ActionKind::UpsertContact => customer::upsert(client, settings, &person, item),
        ActionKind::DeleteContact => customer::delete(client, &person),
        ActionKind::AddToList => customer::tag(client, settings, &person, item, true),
        ActionKind::RemoveFromList => customer::tag(client, settings, &person, item, false),
        ActionKind::Suppress => consent::suppress(client, &person, item),
        ActionKind::Unsuppress => consent::unsuppress(client, &person, item),
        ActionKind::Custom(name) if name == SET_METAFIELDS => {
            customer::set_metafields(client, settings, &person, item)
        }
        ActionKind::Custom(name) if name == CREATE_DISCOUNT_CODE => {
            discount::create(client, settings, &person, item)
        }
        other => Err(Stop::Outcome(Outcome::Unsupported(format!(
            "there is no action `{}`",
            other.as_str()
        )))),
    }
}

/// Sends a mutation and reads its user errors: nothing of it was done where there are any.
fn mutate(
    client: &Client<'_>,
    document: &str,
    root: &str,
    variables: serde_json::Value,
) -> Result<Answer, Stop> {
    let answer = client.ask(document, variables)?;
    match user_error(&answer, root) {
        None => Ok(answer),
        Some(refusal) => Err(Stop::Outcome(refusal.outcome())),
    }
}

/// The first user error of a mutation.
struct Refusal {
    field: Option<String>,
    code: String,
    message: String,
}

impl Refusal {
    fn outcome(self) -> Outcome {
        match self.code.as_str() {
            "NOT_FOUND" | "CUSTOMER_DOES_NOT_EXIST" | "DOES_NOT_EXIST" => {
                Outcome::Gone("the shop has no such customer".to_owned())
            }
            "INTERNAL_ERROR" => {
                Outcome::Transient("the shop reported an internal error".to_owned())
            }
            code => {
                let said = without_data(&self.message);
                let reason = match (code.is_empty(), said) {
                    (true, Some(said)) => said.to_owned(),
                    (true, None) => "the shop refused it".to_owned(),
                    (false, Some(said)) => format!("{code}: {said}"),
                    (false, None) => code.to_owned(),
                };
                Outcome::rejected(self.field.as_deref(), reason)
            }
        }
    }
}

fn user_error(answer: &Answer, root: &str) -> Option<Refusal> {
    let errors = answer.data.at(&format!("{root}.userErrors"))?.items();
    let first = errors.first()?;
    let path = first.get("field").map_or(&[][..], Json::items);
    let mut named = path.iter().filter_map(Json::text);
    // `["input", "email"]`: the last name that is no place in a list.
    let field = named.rfind(|name| !name.bytes().all(|byte| byte.is_ascii_digit()));
    Some(Refusal {
        field: field.map(str::to_owned),
        code: first.text_at("code").unwrap_or_default().to_owned(),
        message: first.text_at("message").unwrap_or_default().to_owned(),
    })
}

/// A message that cannot hold an address or a number of the person.
fn without_data(message: &str) -> Option<&str> {
    let has_digits = message
        .as_bytes()
        .windows(4)
        .any(|four| four.iter().all(u8::is_ascii_digit));
    let quotes = message.contains(['@', '"', '\'', '`', '\u{201c}']);
    (!message.is_empty() && message.len() <= 200 && !has_digits && !quotes).then_some(message)
}
