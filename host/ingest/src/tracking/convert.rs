//! Calls as records.

use std::collections::BTreeMap;
use std::ops::Range;

use crosspoint_model::Instant;
use crosspoint_model::entry::{Reject, RejectedInput};
use crosspoint_model::record::{Attribute, Body, Event, Record};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use smol_str::{SmolStr, format_smolstr};

use super::call::{Call, CallKind, Object};
use super::clock::corrected;
use super::commerce::purchases;
use super::consent::decisions;
use super::context::Attributes;
use super::person::Person;
use super::traits::Traits;
use super::value::{instant_of, text_of};
use super::{Batch, Fault, Limits, Stream};

/// Longest name of an event in bytes: a longer one is no name, but a text that went astray, and
/// names are kept for ever.
const MAX_NAME_BYTES: usize = 200;

/// What conversion depends on beside the call.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// When the request came, by our clock.
    pub received_at: Instant,
    /// When the client sent it, by its own; a call that says so itself is believed.
    pub sent_at: Option<Instant>,
    /// Whether instants are taken as they are.
    pub historical: bool,
    /// Whether `Order Completed` also makes an order.
    pub orders: bool,
}

/// A batch as records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// Of each stream, in the order of the calls.
    pub records: BTreeMap<Stream, Vec<Record>>,
    /// Calls that could not become records, as [`convert_again`] takes them.
    pub rejects: Vec<Reject>,
    /// How many calls did.
    pub accepted: usize,
}

/// Converts every call of a batch; a bad one does not harm its neighbours.
pub fn convert_batch(batch: &Batch<'_>, source: Source) -> Converted {
    convert_part(batch, 0..batch.calls.len(), source)
}

/// Converts some calls of a batch, as [`convert_batch`] converts them among the others.
pub fn convert_part(batch: &Batch<'_>, calls: Range<usize>, source: Source) -> Converted {
    let mut converted = Converted::default();
    let numbered = batch.calls.iter().enumerate();
    for (number, call) in numbered.take(calls.end).skip(calls.start) {
        let mut fields = call.fields();
        if let (Ok(fields), Some(shared)) = (&mut fields, &batch.context) {
            share(fields, shared);
        }
        let records = match &fields {
            Ok(fields) => call
                .kind(fields)
                .and_then(|kind| records(kind, fields, source)),
            Err(fault) => Err(fault.clone()),
        };
        match records {
            Ok(records) => converted.take(records),
            Err(fault) => {
                let locator = call.locator(number + 1, fields.as_ref().ok());
                let kind = fields
                    .as_ref()
                    .ok()
                    .and_then(|fields| call.kind(fields).ok());
                let raw = match fields {
                    Ok(fields) => whole(fields, kind, source),
                    Err(_) => call.raw().as_bytes().to_vec(),
                };
                converted.reject(locator, fault, raw);
            }
        }
    }
    converted
}

/// Converts one call.
///
/// # Errors
/// The field at fault.
pub fn convert(call: &Call<'_>, source: Source) -> Result<Vec<(Stream, Record)>, Fault> {
    let fields = call.fields()?;
    records(call.kind(&fields)?, &fields, source)
}

/// Converts calls out of [`Converted::rejects`] once more, as if they came when they first did.
pub fn convert_again<'a>(
    rejected: impl IntoIterator<Item = &'a [u8]>,
    source: Source,
    limits: Limits,
) -> Converted {
    let mut converted = Converted::default();
    for (number, raw) in rejected.into_iter().enumerate() {
        let text = String::from_utf8_lossy(raw);
        let call = Call::new(&text, None, limits);
        let fields = call.fields();
        let records = fields.as_ref().map_err(Fault::clone).and_then(|fields| {
            let received_at = fields.get("receivedAt").and_then(instant_of);
            let source = Source {
                received_at: received_at.unwrap_or(source.received_at),
                historical: source.historical || fields.get(HISTORICAL) == Some(&Json::Bool(true)),
                ..source
            };
            let mut fields = fields.clone();
            fields.remove(HISTORICAL);
            records(call.kind(&fields)?, &fields, source)
        });
        match records {
            Ok(records) => converted.take(records),
            Err(fault) => {
                let locator = call.locator(number + 1, fields.as_ref().ok());
                converted.reject(locator, fault, raw.to_vec());
            }
        }
    }
    converted
}

impl Converted {
    fn take(&mut self, records: Vec<(Stream, Record)>) {
        self.accepted += 1;
        for (stream, record) in records {
            self.records.entry(stream).or_default().push(record);
        }
    }

    fn reject(&mut self, locator: SmolStr, fault: Fault, raw: Vec<u8>) {
        self.rejects.push(Reject {
            locator,
            field: Some(fault.field),
            reason: fault.reason,
            raw: RejectedInput::Raw(raw),
        });
    }
}

/// Marks a rejected call of an import.
const HISTORICAL: &str = "_historical";

/// A call with all that its request said about it.
fn whole(mut fields: Object, kind: Option<CallKind>, source: Source) -> Vec<u8> {
    if let Some(kind) = kind {
        fields.insert("type".into(), kind.as_str().into());
    }
    if let Some(sent_at) = sent_at(&fields, source) {
        fields.insert("sentAt".into(), sent_at.as_ms().into());
    }
    fields.insert("receivedAt".into(), source.received_at.as_ms().into());
    if source.historical {
        fields.insert(HISTORICAL.into(), true.into());
    }
    Json::Object(fields).to_string().into_bytes()
}

/// Gives a call what its batch says for all, where the call does not say it itself.
fn share(fields: &mut Object, shared: &Object) {
    let context = fields
        .entry("context")
        .and_modify(|context| {
            if context.is_null() {
                *context = Json::Object(Object::new());
            }
        })
        .or_insert_with(|| Json::Object(Object::new()));
    if let Json::Object(context) = context {
        for (name, json) in shared {
            context.entry(name).or_insert_with(|| json.clone());
        }
    }
}

fn sent_at(fields: &Object, source: Source) -> Option<Instant> {
    fields.get("sentAt").and_then(instant_of).or(source.sent_at)
}

/// When it happened. A client that sends `timestamp` beside `originalTimestamp` has corrected it.
fn happened_at(fields: &Object, source: Source) -> Result<Instant, Fault> {
    let said = |name: &str| match fields.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => match instant_of(json) {
            None => Err(Fault::new(name, "is no instant; expected ISO 8601")),
            instant => Ok(instant),
        },
    };
    let sent_at = sent_at(fields, source);
    let (timestamp, original) = (said("timestamp")?, said("originalTimestamp")?);
    let uncorrected = if source.historical || (timestamp.is_some() && original.is_some()) {
        None
    } else {
        sent_at
    };
    let claimed = timestamp.or(original).or(sent_at);
    Ok(match claimed {
        Some(claimed) => corrected(claimed, uncorrected, source.received_at),
        None => source.received_at,
    })
}

/// A field that holds an object; whatever else it holds says nothing that has a name.
fn object<'a>(fields: &'a Object, name: &str, empty: &'a Object) -> &'a Object {
    fields.get(name).and_then(Json::as_object).unwrap_or(empty)
}

fn records(
    kind: CallKind,
    fields: &Object,
    source: Source,
) -> Result<Vec<(Stream, Record)>, Fault> {
    let empty = Object::new();
    let context = object(fields, "context", &empty);
    let of_context = object(context, "traits", &empty);
    let properties = object(fields, "properties", &empty);
    let own_traits = object(fields, "traits", &empty);
    let at = happened_at(fields, source)?;
    let id = call_id(fields)?;

    let mut traits = of_context.clone();
    if kind == CallKind::Identify {
        traits.extend(own_traits.clone());
    }
    let person = Person::of(kind, fields, &traits)?;

    let mut attributes = Attributes::default();
    attributes.properties(properties);
    for name in ["name", "category"] {
        if let Some(json) = fields.get(name) {
            attributes.add(name, json, "call");
        }
    }
    let name = event_name(kind, fields)?;
    let mut found = Found {
        person,
        at,
        records: Vec::new(),
    };
    match kind {
        CallKind::Identify => {
            let mut of_person = Traits::of_person(&traits);
            of_person.surroundings(context);
            found.contact(of_person);
        }
        CallKind::Group => {
            let company = fields.get("groupId").and_then(text_of);
            if let Some(json) = fields.get("groupId") {
                attributes.add("group_id", json, "call");
            }
            attributes.properties(own_traits);
            found.contact(Traits::of_company(company.as_ref(), own_traits));
        }
        CallKind::Alias => {
            if let Some(json) = fields.get("previousId") {
                attributes.add("previous_id", json, "call");
            }
        }
        CallKind::Track => {
            for purchase in purchases(&name, properties, &id, at, source.orders) {
                found.push(
                    purchase.stream,
                    purchase.id,
                    purchase.attributes,
                    purchase.body,
                );
            }
        }
        CallKind::Page | CallKind::Screen => {}
    }
    if !matches!(kind, CallKind::Identify | CallKind::Group) {
        attributes.add(
            "traits",
            &fields.get("traits").cloned().unwrap_or_default(),
            "call",
        );
    }
    for (category, consent) in decisions(context, at, &id, &mut attributes) {
        let id = format_smolstr!("{id}:{category}");
        found.push(Stream::Consents, id, Vec::new(), Body::Consent(consent));
    }
    attributes.call(fields);
    attributes.context(context, kind == CallKind::Identify);
    let event = Event {
        name,
        occurred_at: at,
    };
    found.push(Stream::Events, id, attributes.0, Body::Event(event));
    Ok(found.records)
}

/// Records of one call, all about the same person at the same instant.
struct Found {
    person: Person,
    at: Instant,
    records: Vec<(Stream, Record)>,
}

impl Found {
    fn push(&mut self, stream: Stream, id: SmolStr, attributes: Vec<Attribute>, body: Body) {
        let record = Record {
            id,
            updated_at: self.at,
            identifiers: self.person.identifiers.clone(),
            attributes,
            body,
        };
        self.records.push((stream, record));
    }

    /// Only where something is said.
    fn contact(&mut self, traits: Traits) {
        if traits.says_something() {
            let (contact, attributes) = traits.finish();
            let id = self.person.contact_id.clone();
            self.push(
                Stream::Contacts,
                id,
                attributes,
                Body::Contact(Box::new(contact)),
            );
        }
    }
}

/// The call's own id; else a digest of all that a repetition of the call repeats.
fn call_id(fields: &Object) -> Result<SmolStr, Fault> {
    match fields.get("messageId") {
        None | Some(Json::Null) => {}
        Some(json) => match (text_of(json), json) {
            (Some(id), _) => return Ok(id),
            (None, Json::String(_)) => {}
            (None, _) => return Err(Fault::new("messageId", "is neither text nor a number")),
        },
    }
    let mut said = fields.clone();
    for changing in ["sentAt", "receivedAt", "_metadata", "writeKey"] {
        said.remove(changing);
    }
    let digest = Sha256::digest(Json::Object(said).to_string());
    let hexadecimal: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(hexadecimal.into())
}

fn event_name(kind: CallKind, fields: &Object) -> Result<SmolStr, Fault> {
    if kind != CallKind::Track {
        return Ok(kind.as_str().into());
    }
    let Some(name) = fields.get("event").and_then(text_of) else {
        return Err(Fault::new("event", "is empty; expected the event's name"));
    };
    if name.len() > MAX_NAME_BYTES {
        let reason = format!("is longer than {MAX_NAME_BYTES} bytes");
        return Err(Fault::new("event", reason));
    }
    Ok(name)
}
