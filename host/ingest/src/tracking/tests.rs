mod commerce;
mod draw;
mod golden;
mod laws;
mod people;
mod requests;

use crosspoint_model::record::{Body, Record};
use crosspoint_model::{Instant, Value};
use serde_json::{Value as Json, json};

use super::*;

/// 2026-11-21T20:00:00Z, when requests come in these tests.
const NOW: Instant = Instant(1_795_291_200_000);

fn source() -> Source {
    Source {
        received_at: NOW,
        sent_at: None,
        historical: false,
        orders: true,
    }
}

/// The records of one call.
fn converted(call: Json) -> Vec<(Stream, Record)> {
    tried(call).expect("the call can be used")
}

fn tried(call: Json) -> Result<Vec<(Stream, Record)>, Fault> {
    let text = call.to_string();
    let batch = parse(Endpoint::Batch, text.as_bytes(), Limits::default()).unwrap();
    let [call] = &batch.calls[..] else {
        panic!("one call is one call")
    };
    let source = Source {
        sent_at: batch.sent_at,
        ..source()
    };
    convert(call, source)
}

/// The field at fault of a call that cannot be used.
fn fault(call: Json) -> String {
    tried(call).unwrap_err().field.to_string()
}

fn of_stream(records: &[(Stream, Record)], stream: Stream) -> Vec<&Record> {
    let of_stream = records.iter().filter(|(of, _)| *of == stream);
    of_stream.map(|(_, record)| record).collect()
}

fn event(records: &[(Stream, Record)]) -> &Record {
    of_stream(records, Stream::Events)[0]
}

fn attribute<'a>(record: &'a Record, name: &str) -> Option<&'a Value> {
    let mut attributes = record.attributes.iter();
    let found = attributes.find(|attribute| attribute.name == name);
    found.map(|attribute| &attribute.value)
}

/// Records as lines that a person can read and compare.
fn lines(records: &[(Stream, Record)]) -> Vec<String> {
    records
        .iter()
        .map(|(stream, record)| {
            let identifiers: Vec<_> = record.identifiers.iter().map(ToString::to_string).collect();
            let attributes: Vec<_> = record
                .attributes
                .iter()
                .map(|attribute| format!("{}={}", attribute.name, attribute.value))
                .collect();
            format!(
                "{} {} at {} of {} | {} | {}",
                stream.as_str(),
                record.id,
                record.updated_at,
                identifiers.join(" "),
                body(&record.body),
                attributes.join(" "),
            )
        })
        .collect()
}

fn body(body: &Body) -> String {
    match body {
        Body::Contact(contact) => {
            let fields = serde_json::to_value(contact).unwrap();
            let said = fields.as_object().unwrap().iter();
            let said: serde_json::Map<_, _> = said
                .filter(|(_, json)| !json.is_null())
                .map(|(name, json)| (name.clone(), json.clone()))
                .collect();
            format!("contact {}", Json::Object(said))
        }
        Body::Event(event) => format!("event `{}`", event.name),
        Body::Order(order) => format!(
            "order {} of {} {} with {} lines",
            order.status.as_str(),
            order.total.amount,
            order.total.currency,
            order.lines.len()
        ),
        Body::Cart(cart) => format!(
            "cart {} with {} lines",
            if cart.closed_at.is_some() {
                "closed"
            } else {
                "open"
            },
            cart.lines.len()
        ),
        Body::Consent(consent) => format!("{} {:?}", consent.topic.as_str(), consent.state),
        other => format!("{:?}", other.kind()),
    }
}

fn track(event: &str, properties: Json) -> Json {
    json!({
        "type": "track",
        "event": event,
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2026-11-21T19:59:00Z",
        "properties": properties,
    })
}
