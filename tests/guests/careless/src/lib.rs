//! A destination that keeps people in a vendor's book, and is careless in the one way that its
//! setting `misdeed` names. Start reading at [`Misdeed`].
//!
//! # Not here
//! The book, and what the conformance kit says of each: `tests/conformance/tests/proof`.

use crosspoint_sdk::http::{HttpError, Reply};
use crosspoint_sdk::model::{ConsentState, ConsentTopic};
use crosspoint_sdk::serde_json::{self, Map, Value, json};
use crosspoint_sdk::{
    Action, ActionKind, Batch, Context, Destination, Error, Identifier, Item, Outcome,
};
use serde::Deserialize;

/// The plugin.
pub struct Careless;

/// The connector's settings.
#[derive(Deserialize)]
pub struct Settings {
    url: String,
    misdeed: Misdeed,
}

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misdeed {
    /// Nothing.
    #[serde(rename = "")]
    None,
    /// One field never leaves.
    DropsField,
    /// What the vendor says of each row is not read.
    IgnoresRows,
    /// Any status of success is success, whatever the answer says.
    BelievesStatus,
    /// No answer counts as success.
    BelievesSilence,
    /// Nobody is ever erased.
    KeepsEverybody,
    /// Nobody's consent is looked at.
    IgnoresConsent,
}

impl Destination for Careless {
    type Settings = Settings;

    fn actions(_: &Context, _: &Settings) -> Result<Vec<Action>, Error> {
        Ok(vec![
            Action {
                batch_size: 10,
                ..Action::new(ActionKind::UpsertContact, "Writes a person")
            },
            Action {
                batch_size: 10,
                erases: true,
                ..Action::new(ActionKind::DeleteContact, "Erases a person")
            },
            Action {
                batch_size: 10,
                ..Action::new(ActionKind::Unsuppress, "Subscribes a person")
            },
        ])
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        let each = |one: fn(&Context, &Settings, &Item) -> Outcome| {
            let outcomes = batch.items.iter().map(|item| one(ctx, settings, item));
            Ok(outcomes.collect())
        };
        match batch.action {
            ActionKind::UpsertContact => upsert(ctx, settings, &batch.items),
            ActionKind::DeleteContact => each(erase),
            _ => each(subscribe),
        }
    }

    fn check(ctx: &Context, settings: &Settings) -> Result<(), Error> {
        ctx.http_at(&settings.url).get("/people").json::<Value>()?;
        Ok(())
    }
}

fn email(item: &Item) -> &str {
    let found = item.identifiers.iter().find_map(|one| match one {
        Identifier::Email(address) => Some(address.as_str()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// All in one request.
fn upsert(ctx: &Context, settings: &Settings, items: &[Item]) -> Result<Vec<Outcome>, Error> {
    let person = |item: &Item| {
        let mut person = Map::new();
        for field in &item.fields {
            let is_left_out = settings.misdeed == Misdeed::DropsField && field.name == "city";
            if !is_left_out {
                person.insert(field.name.clone(), (&field.value).into());
            }
        }
        person.insert("email".to_owned(), json!(email(item)));
        Value::Object(person)
    };
    let people: Vec<Value> = items.iter().map(person).collect();
    let call = ctx.http_at(&settings.url).post("/people");
    let sent = call.json_body(&json!({ "people": people }))?.send();
    let rows = match answer(settings, sent) {
        Ok(answer) => answer["rows"].as_array().cloned().unwrap_or_default(),
        Err(outcome) => return Ok(vec![outcome; items.len()]),
    };
    if settings.misdeed == Misdeed::IgnoresRows || settings.misdeed == Misdeed::BelievesStatus {
        return Ok(vec![Outcome::Done(None); items.len()]);
    }
    let outcome = |at: usize| match rows.get(at).and_then(Value::as_str) {
        Some("taken") => Outcome::Done(None),
        Some(_) => Outcome::rejected(None, "refused"),
        None => Outcome::Unknown("the answer does not name this row".to_owned()),
    };
    Ok((0..items.len()).map(outcome).collect())
}

fn erase(ctx: &Context, settings: &Settings, item: &Item) -> Outcome {
    if settings.misdeed == Misdeed::KeepsEverybody {
        return Outcome::Done(None);
    }
    let path = format!("/people/{}", email(item));
    let sent = ctx.http_at(&settings.url).delete(&path).send();
    if sent.as_ref().is_ok_and(|reply| reply.status() == 404) {
        return Outcome::Done(None);
    }
    single(settings, sent)
}

fn subscribe(ctx: &Context, settings: &Settings, item: &Item) -> Outcome {
    let is_granted = item.consents.iter().any(|consent| {
        consent.topic == ConsentTopic::EmailMarketing && consent.state == ConsentState::Granted
    });
    if !is_granted && settings.misdeed != Misdeed::IgnoresConsent {
        return Outcome::rejected(Some("consent"), "not granted");
    }
    let path = format!("/people/{}/subscription", email(item));
    single(settings, ctx.http_at(&settings.url).post(&path).send())
}

fn single(settings: &Settings, sent: Result<Reply, HttpError>) -> Outcome {
    match answer(settings, sent) {
        Ok(answer) if answer["done"] == true => Outcome::Done(None),
        Ok(_) if settings.misdeed == Misdeed::BelievesStatus => Outcome::Done(None),
        Ok(_) => Outcome::Unknown("the answer is not the book's".to_owned()),
        Err(outcome) => outcome,
    }
}

/// The book's answer; null where it is none.
fn answer(settings: &Settings, sent: Result<Reply, HttpError>) -> Result<Value, Outcome> {
    match sent {
        Ok(reply) => match reply.outcome() {
            Outcome::Done(_) => Ok(serde_json::from_slice(reply.body()).unwrap_or_default()),
            // An answer of the vendor's that is no success says that nothing was done.
            other => Err(other),
        },
        Err(HttpError::Timeout) if settings.misdeed == Misdeed::BelievesSilence => {
            Err(Outcome::Done(None))
        }
        Err(error) => Err(error.into()),
    }
}

crosspoint_sdk::destination!(Careless);
