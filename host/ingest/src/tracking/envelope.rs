//! Requests as batches of calls. What is around the calls is read leniently: a request is refused
//! only when it is no JSON, or no calls.

use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::call::{Call, CallKind, Object};
use super::value::{instant_of, text_of};
use super::{Limits, Refusal};
use crosspoint_model::Instant;

/// Where a request went. Only a hint: a batch is a batch wherever it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/v1/batch`: each call says its type.
    Batch,
    /// `/v1/import`: history, whose instants are taken as they are.
    Import,
    /// An address for one type of call, which calls that say none have.
    One(CallKind),
}

/// What one request holds.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The write key in the body, where there is one.
    pub write_key: Option<SmolStr>,
    /// When the client sent it, by its own clock.
    pub sent_at: Option<Instant>,
    /// Whether instants are taken as they are.
    pub historical: bool,
    /// In the order of the body.
    pub calls: Vec<Call<'a>>,
    /// What the batch says for calls that do not say it themselves.
    pub(super) context: Option<Object>,
}

/// Every field may hold anything: what is no text is no write key, and refuses nothing.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    batch: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "writeKey")]
    write_key: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "sentAt")]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    context: Option<&'a RawValue>,
}

/// Reads an unpacked body.
///
/// # Errors
/// Everything of [`Refusal`] but [`Refusal::Compressed`].
pub fn parse(endpoint: Endpoint, body: &[u8], limits: Limits) -> Result<Batch<'_>, Refusal> {
    if body.len() > limits.body_bytes {
        let limit_bytes = limits.body_bytes;
        return Err(Refusal::TooLarge { limit_bytes });
    }
    let text = std::str::from_utf8(body).map_err(|_| Refusal::Encoding)?;
    // RFC 8259, 8.1: a parser may ignore a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole: &RawValue = read(text)?;
    let (envelope, calls) = match whole.get().as_bytes().first() {
        Some(b'[') => (None, read(whole.get())?),
        Some(b'{') => {
            let envelope: Envelope<'_> = read(whole.get())?;
            match envelope.batch.map(RawValue::get) {
                None | Some("null") => (Some(envelope), vec![whole]),
                Some(list) if list.starts_with('[') => {
                    let calls = read(list)?;
                    (Some(envelope), calls)
                }
                Some(_) => return Err(Refusal::Shape),
            }
        }
        _ => return Err(Refusal::Shape),
    };
    if calls.len() > limits.calls {
        let limit = limits.calls;
        return Err(Refusal::TooMany { limit });
    }
    let kind = match endpoint {
        Endpoint::One(kind) => Some(kind),
        Endpoint::Batch | Endpoint::Import => None,
    };
    let is_batch = envelope
        .as_ref()
        .is_some_and(|envelope| envelope.batch.is_some());
    let json = |raw: Option<&RawValue>| serde_json::from_str(raw?.get()).ok();
    let envelope = envelope.as_ref();
    Ok(Batch {
        write_key: json(envelope.and_then(|envelope| envelope.write_key))
            .and_then(|key| text_of(&key)),
        sent_at: json(envelope.and_then(|envelope| envelope.sent_at))
            .and_then(|instant| instant_of(&instant)),
        historical: endpoint == Endpoint::Import,
        calls: calls
            .into_iter()
            .map(|raw| Call::new(raw.get(), kind, limits))
            .collect(),
        context: json(envelope.and_then(|envelope| envelope.context)).and_then(|context| {
            match context {
                serde_json::Value::Object(context) if is_batch => Some(context),
                _ => None,
            }
        }),
    })
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::Json {
        line: error.line(),
        column: error.column(),
    })
}
