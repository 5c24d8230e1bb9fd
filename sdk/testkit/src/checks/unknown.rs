//! A version of the vendor's that nobody has seen yet: its objects have further fields.

use crosspoint_model::Value;
use crosspoint_model::record::{Body, Record};
use serde_json::json;

use super::source::{checked_streams, equals, no_rejects};
use crate::error::{Checked, fail, skip};
use crate::fold::{Fold, is_beside};
use crate::rig::{Instead, PAGE, Rig};

/// The fields as the vendor writes them, by what is easily lost.
const FIELDS: &str = r#""kit_text":"Größe \"L\" \\ 𝒳","kit_decimal":1234567890.123456789,"kit_whole":9007199254740993,"kit_true":true,"kit_null":null"#;

/// What has to be seen of them: name, what it is, and how a person reads it. What is null may be
/// left out.
const SEEN: [(&str, &str); 4] = [
    ("kit_text", "Größe \"L\" \\ 𝒳"),
    ("kit_decimal", "1234567890.123456789"),
    ("kit_whole", "9007199254740993"),
    ("kit_true", "true"),
];

pub(super) async fn unknown_fields(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let mut is_tried = false;
    for stream in checked_streams(rig, &mut session).await? {
        let Some(subject) = rig.subject.streams.get(stream.name.as_str()) else {
            continue;
        };
        if subject.beside.is_empty() {
            continue;
        }
        is_tried = true;
        let effect = json!({ "widen": { "beside": subject.beside, "fields": FIELDS } });
        rig.sim
            .fault(json!({ "times": u32::MAX, "do": effect }))
            .await?;
        let drained = session.drain(&stream.name, None, PAGE).await?;
        rig.sim.no_faults().await?;
        no_rejects(&stream, &drained)?;
        equals(rig, &stream, &Fold::of(drained.records())).await?;
        let own = |it: &&Record| !is_beside(it, &stream) && !matches!(it.body, Body::Tombstone(_));
        for record in drained.records().filter(own) {
            if let Err(reason) = holds(record) {
                let text = format!("stream `{}`, `{}`: {reason}", stream.name, record.id);
                return fail(text);
            }
        }
    }
    if is_tried {
        Ok(())
    } else {
        skip("the vendor sends nothing but what it is asked for")
    }
}

fn holds(record: &Record) -> Result<(), String> {
    for (name, wanted) in SEEN {
        let is_it = |it: &&crosspoint_model::record::Attribute| it.name.ends_with(name);
        let Some(attribute) = record.attributes.iter().find(is_it) else {
            return Err(format!("no attribute `{name}`, which the vendor sent"));
        };
        let seen = attribute.value.to_string();
        if seen != wanted {
            return Err(format!("`{name}` is `{seen}`, the vendor sent `{wanted}`"));
        }
    }
    let null = record
        .attributes
        .iter()
        .find(|it| it.name.ends_with("kit_null"));
    match null {
        Some(attribute) if attribute.value != Value::Null => Err(format!(
            "`kit_null` is `{}`, the vendor sent null",
            attribute.value
        )),
        _ => Ok(()),
    }
}
