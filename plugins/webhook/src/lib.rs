//! Posts deliveries as JSON to an address of the operator's, per Standard Webhooks 1.0.0. Start
//! reading at [`Webhook`]; `payload` is what the receiver gets, `reply` what its answer means.
//!
//! # Invariants
//! - The same delivery has the same `webhook-id` and the same body at every try
//!   (`tests::retry_sends_the_same_bytes`).
//! - Every item has an outcome, whatever the answer (`tests::every_item_has_an_outcome`).
//! - No success is claimed without a 2xx or an `ok` (`tests::status_decides_the_outcome`).
//!
//! # Not here
//! The signature and the timestamp: the host attaches both, the plugin never sees the secret.
//! Retries and rate limits: the host's.

mod payload;
mod reply;
mod settings;
#[cfg(test)]
mod tests;

use crosspoint_sdk::{
    Action, ActionKind, Batch, Context, Destination, Error, Idempotency, Outcome, serde_json,
};

pub use settings::{MAX_BATCH_SIZE, Mode, Settings};

/// Half of the 256 KB that the convention allows for a batch: an item's JSON is longer than the
/// item.
const MAX_BATCH_BYTES: u64 = 128 << 10;

/// The plugin.
pub struct Webhook;

impl Destination for Webhook {
    type Settings = Settings;

    fn actions(_: &Context, settings: &Settings) -> Result<Vec<Action>, Error> {
        settings.validate()?;
        let standard = [
            (
                ActionKind::UpsertContact,
                "Post the profile's mapped fields",
                None,
            ),
            (
                ActionKind::DeleteContact,
                "Tell the receiver to erase the person",
                None,
            ),
            (
                ActionKind::AddToList,
                "Tell the receiver that the profile belongs on a list",
                Some(ActionKind::RemoveFromList),
            ),
            (
                ActionKind::RemoveFromList,
                "Tell the receiver that the profile left a list",
                Some(ActionKind::AddToList),
            ),
            (
                ActionKind::SendMessage,
                "Ask the receiver to send one message",
                None,
            ),
            (ActionKind::TrackEvent, "Post a fact about the person", None),
            (
                ActionKind::Suppress,
                "Tell the receiver to stop contacting the person",
                Some(ActionKind::Unsuppress),
            ),
            (
                ActionKind::Unsuppress,
                "Tell the receiver that it may contact the person again",
                Some(ActionKind::Suppress),
            ),
        ];
        let custom = settings.custom_actions.iter().map(|name| {
            (
                ActionKind::Custom(name.clone()),
                "A custom action of the receiver",
                None,
            )
        });
        Ok(standard
            .into_iter()
            .chain(custom)
            .map(|(kind, description, reverse)| action(settings, kind, description, reverse))
            .collect())
    }

    fn deliver(ctx: &Context, settings: &Settings, batch: Batch) -> Result<Vec<Outcome>, Error> {
        settings.validate()?;
        let event_type = payload::event_type(&batch.action, &settings.type_prefix);
        match settings.mode {
            Mode::Batch => {
                let body = payload::batch(
                    &settings.type_prefix,
                    &event_type,
                    &batch.action,
                    &batch.items,
                );
                let id = payload::batch_id(&batch.items);
                post(ctx, settings, &id, &body, batch.items.len())
            }
            Mode::Single => deliver_singly(ctx, settings, &event_type, &batch),
        }
    }

    fn check(_: &Context, settings: &Settings) -> Result<(), Error> {
        settings.validate()
    }
}

/// One request per item. A fault of the endpoint as a whole ends the batch; as a batch error
/// means that nothing was done, it becomes the outcome of the rest where something was.
fn deliver_singly(
    ctx: &Context,
    settings: &Settings,
    event_type: &str,
    batch: &Batch,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        let body = payload::single(event_type, &batch.action, item);
        match post(ctx, settings, &item.key, &body, 1) {
            Ok(one) => outcomes.extend(one),
            Err(error) if outcomes.is_empty() => return Err(error),
            Err(error) => {
                outcomes.resize(batch.items.len(), as_outcome(error));
                break;
            }
        }
    }
    Ok(outcomes)
}

fn as_outcome(error: Error) -> Outcome {
    match error {
        Error::RateLimited(wait_ms) => Outcome::RateLimited(wait_ms),
        Error::Auth(text) => Outcome::Auth(text),
        Error::Gone(text) => Outcome::Gone(text),
        // Not sent at all, so trying again is harmless and shows the error for the whole batch.
        other => Outcome::Transient(other.to_string()),
    }
}

fn post(
    ctx: &Context,
    settings: &Settings,
    id: &str,
    body: &serde_json::Value,
    items: usize,
) -> Result<Vec<Outcome>, Error> {
    let mut call = ctx
        .http()
        .timeout_ms(settings.timeout_ms)
        .post(&settings.url);
    for (name, value) in &settings.headers {
        call = call.header(name, value);
    }
    let sent = call.header("webhook-id", id).json_body(body)?.send();
    reply::outcomes(sent, items)
}

fn action(
    settings: &Settings,
    kind: ActionKind,
    description: &str,
    reverse: Option<ActionKind>,
) -> Action {
    let is_batch = settings.mode == Mode::Batch;
    Action {
        idempotency: Idempotency::Keyed,
        batch_size: if is_batch { settings.batch_size } else { 1 },
        batch_bytes: is_batch.then_some(MAX_BATCH_BYTES),
        erases: kind == ActionKind::DeleteContact,
        needs_list: matches!(kind, ActionKind::AddToList | ActionKind::RemoveFromList),
        reverse,
        ..Action::new(kind, description)
    }
}

crosspoint_sdk::destination!(Webhook);
