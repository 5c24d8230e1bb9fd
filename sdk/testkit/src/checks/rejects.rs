//! Objects that no record can be made of: kept aside one by one, and tried again when asked.

use std::collections::BTreeSet;

use crosspoint_model::entry::{Reject, RejectedInput};
use crosspoint_sandbox::Stream;
use serde_json::{Value, json};

use super::source::checked_streams;
use crate::error::{Checked, fail, skip};
use crate::rig::{Instead, PAGE, Rig, Session};
use crate::subject::{SpoilSubject, StreamSubject, at, fill, text};

/// Every so many-th object is spoilt.
const EVERY: usize = 3;
/// Reads of a stream.
const MOST_READS: usize = 1_000;
/// Reads without anything that was not seen before, after which a stream is at its end.
const IDLE: usize = 2;

pub(super) async fn rejects(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut is_tried = false;
    for stream in checked_streams(rig, &mut session).await? {
        let subject = rig.subject.streams.get(stream.name.as_str());
        let Some((subject, spoil)) = subject.and_then(|it| Some((it, it.spoil.as_ref()?))) else {
            continue;
        };
        is_tried = true;
        rig.reset().await?;
        let instead = Instead {
            settings: spoil.settings.clone(),
            ..Instead::default()
        };
        let mut session = rig.session(instead).await?;
        let (spoilt, sound) = parted(&rig.sim.truth().await?, subject, spoil);
        let effect = json!({
            "beside": spoil.beside, "ids": spoilt.iter().flat_map(|it| &it.0).collect::<Vec<_>>(),
            "field": spoil.field, "with": spoil.with,
        });
        let fault = json!({ "times": u32::MAX, "do": { "spoil": effect } });
        rig.sim.fault(fault).await?;
        let seen = read(&mut session, &stream).await?;
        rig.sim.no_faults().await?;
        for (_, id) in &spoilt {
            if seen.records.contains(id) {
                return told(&stream, &format!("`{id}` is spoilt and becomes a record"));
            }
        }
        if let Some(id) = sound.iter().find(|id| !seen.records.contains(*id)) {
            return told(&stream, &format!("`{id}` is lost beside a spoilt one"));
        }
        if seen.rejects.len() != spoilt.len() {
            let (seen, spoilt) = (seen.rejects.len(), spoilt.len());
            return told(
                &stream,
                &format!("{seen} rejects of {spoilt} spoilt objects"),
            );
        }
        again(&mut session, &stream, seen.rejects).await?;
    }
    match is_tried {
        true => Ok(()),
        false => skip("conformance.toml says of no stream how to spoil it"),
    }
}

fn told(stream: &Stream, reason: &str) -> Checked {
    fail(format!("stream `{}`: {reason}", stream.name))
}

/// The objects that are spoilt, by what the vendor calls them and the record's id, and the ids of the
/// others.
fn parted(
    truth: &Value,
    subject: &StreamSubject,
    spoil: &SpoilSubject,
) -> (Vec<(Vec<Value>, String)>, Vec<String>) {
    let (mut spoilt, mut sound) = (Vec::new(), Vec::new());
    let objects = truth[&subject.collection].as_array().into_iter().flatten();
    let is_live = |object: &&Value| {
        let counts = |(field, values): (&String, &Vec<Value>)| values.contains(at(object, field));
        object["deleted"] != json!(true) && subject.only.iter().all(counts)
    };
    for (number, object) in objects.filter(is_live).enumerate() {
        let fields = |field: &str| Some(text(at(object, field)));
        let id = fill(&subject.id, fields);
        if !number.is_multiple_of(EVERY) {
            sound.push(id);
            continue;
        }
        let name = fill(&spoil.is, fields);
        // Numbers are numbers at some vendors.
        let named = match name.parse::<u64>() {
            Ok(number) => vec![json!(number), json!(name)],
            Err(_) => vec![json!(name)],
        };
        spoilt.push((named, id));
    }
    (spoilt, sound)
}

struct Seen {
    records: BTreeSet<String>,
    rejects: Vec<Reject>,
}

async fn read(session: &mut Session<'_>, stream: &Stream) -> Checked<Seen> {
    let (mut records, mut rejects, mut raws) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    let (mut cursor, mut idle) = (None::<Vec<u8>>, 0);
    for _ in 0..MOST_READS {
        let name = &stream.name;
        let page = session.read(name, cursor.as_deref(), PAGE).await?;
        let known = records.len() + raws.len();
        records.extend(page.records.iter().map(|record| record.id.to_string()));
        for reject in page.rejects {
            if raws.insert(raw(&reject)) {
                rejects.push(reject);
            }
        }
        cursor = Some(page.next_cursor);
        if page.more {
            continue;
        }
        idle = if records.len() + raws.len() > known {
            0
        } else {
            idle + 1
        };
        if idle >= IDLE {
            break;
        }
        session.rig.sim.advance(1_000).await?;
    }
    Ok(Seen { records, rejects })
}

fn raw(reject: &Reject) -> Vec<u8> {
    match &reject.raw {
        RejectedInput::Raw(bytes) | RejectedInput::Yielded(bytes) => bytes.clone(),
        RejectedInput::Record(record) => record.id.as_bytes().to_vec(),
    }
}

/// What was rejected is taken again as it stands, and still is what it was.
async fn again(session: &mut Session<'_>, stream: &Stream, rejects: Vec<Reject>) -> Checked {
    for reject in &rejects {
        if reject.locator.is_empty() || reject.reason.is_empty() || raw(reject).is_empty() {
            let text = format!("a reject without place, reason or input: {reject:?}");
            return told(stream, &text);
        }
    }
    let is_the_plugins = |reject: &&Reject| matches!(reject.raw, RejectedInput::Raw(_));
    let raws: Vec<Vec<u8>> = rejects.iter().filter(is_the_plugins).map(raw).collect();
    let count = raws.len();
    let output = session
        .connector
        .retry(&stream.name, raws, session.input())
        .await?;
    let page = session.keep(output);
    if page.rejects.len() != count || !page.records.is_empty() {
        let (records, rejects) = (page.records.len(), page.rejects.len());
        return told(
            stream,
            &format!("`retry` of {count} spoilt inputs gives {records} records, {rejects} rejects"),
        );
    }
    Ok(())
}
