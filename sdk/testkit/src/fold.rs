//! What a host would hold after a number of records, against what the vendor holds.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_model::record::{Body, Record, Version};
use crosspoint_model::{Decimal, Instant};
use crosspoint_sandbox::Stream;
use serde_json::{Map, Value, json};

use crate::error::{Checked, fail};
use crate::subject::{StreamSubject, at, fill, text};

/// Ids that a message names.
const SHOWN: usize = 4;

/// The newest version of every object of one stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fold {
    objects: BTreeMap<String, (Version, Record)>,
}

impl Fold {
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut fold = Self::default();
        fold.extend(records);
        fold
    }

    /// Answers whether it is new, or a newer version.
    pub fn take(&mut self, record: &Record) -> bool {
        let content = serde_json::to_vec(record).unwrap_or_default();
        let version = Version::of(record.updated_at, &content);
        let newer = self
            .objects
            .get(record.id.as_str())
            .is_none_or(|(known, _)| *known < version);
        if newer {
            self.objects
                .insert(record.id.to_string(), (version, record.clone()));
        }
        newer
    }

    /// Answers whether any is new, or a newer version.
    pub fn extend<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) -> bool {
        let taken = records.into_iter().map(|record| self.take(record));
        taken.fold(false, |any, one| any | one)
    }

    /// Ids of what is not deleted, without what stands beside the stream's own objects.
    fn live(&self, stream: &Stream) -> BTreeSet<&str> {
        let live = self
            .objects
            .iter()
            .filter(|(_, (_, record))| !is_tombstone(record) && !is_beside(record, stream));
        live.map(|(id, _)| id.as_str()).collect()
    }

    /// Whether everything in `other` is here in the same version or a newer one; if not, what.
    pub fn covers(&self, other: &Self) -> Result<(), String> {
        for (id, (version, _)) in &other.objects {
            match self.objects.get(id) {
                None => return Err(format!("`{id}` is missing")),
                Some((known, _)) if known.updated_at < version.updated_at => {
                    return Err(format!("`{id}` is an older version"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Whether every object of `other` is here, in whatever version; if not, which is not.
    pub fn has_all_of(&self, other: &Self) -> Result<(), String> {
        let is_new = |id: &&String| !self.objects.contains_key(*id);
        match other.objects.keys().find(is_new) {
            Some(id) => Err(format!(
                "`{id}` comes again, which it does not where nothing breaks"
            )),
            None => Ok(()),
        }
    }

    /// Whether this is what the vendor holds.
    pub fn equals(&self, truth: &Value, stream: &Stream, subject: &StreamSubject) -> Checked {
        let name = &stream.name;
        let Some(objects) = truth[&subject.collection].as_array() else {
            return fail(format!(
                "the simulator has no collection `{}`",
                subject.collection
            ));
        };
        let (mut live, mut deleted) = (BTreeMap::new(), BTreeSet::new());
        for object in objects {
            let id = fill(&subject.id, |field| Some(text(at(object, field))));
            let counts =
                |(field, values): (&String, &Vec<Value>)| values.contains(at(object, field));
            if object["deleted"] == json!(true) || !subject.only.iter().all(counts) {
                deleted.insert(id);
            } else {
                live.insert(id, object);
            }
        }
        let seen = self.live(stream);
        let is_of = |record: &str, object: &str| match subject.derived {
            true => record.starts_with(object),
            false => record == object,
        };
        // The first id that is not before the object's begins with it, if any does.
        let is_seen = |id: &String| {
            let first = seen.range(id.as_str()..).next();
            first.is_some_and(|record| is_of(record, id))
        };
        let missing: Vec<_> = live.keys().filter(|id| !is_seen(id)).collect();
        if !missing.is_empty() {
            return fail(format!(
                "stream `{name}`: {} of {} are missing: {}",
                missing.len(),
                live.len(),
                shown(&missing)
            ));
        }
        let tells = stream.tells_deletions;
        let gone = deleted.iter().filter(|_| !tells);
        let known: BTreeSet<&str> = live.keys().chain(gone).map(String::as_str).collect();
        let is_surplus = |id: &&&str| match subject.derived {
            true => !known.iter().any(|object| is_of(id, object)),
            false => !known.contains(**id),
        };
        let surplus: Vec<_> = seen.iter().filter(is_surplus).collect();
        if !surplus.is_empty() {
            let text = "are there that the vendor does not have (any more)";
            return fail(format!(
                "stream `{name}`: {} {text}: {}",
                surplus.len(),
                shown(&surplus)
            ));
        }
        for (id, object) in live {
            if let Some((_, record)) = self.objects.get(&id) {
                contents(record, object, subject)
                    .or_else(|reason| fail(format!("stream `{name}`, `{id}`: {reason}")))?;
            }
        }
        Ok(())
    }
}

fn contents(record: &Record, object: &Value, subject: &StreamSubject) -> Result<(), String> {
    if subject.only_new {
        return Ok(());
    }
    let flat = flat(record);
    for (ours, theirs) in &subject.expect {
        let (ours_text, theirs_text) = (text(at(&flat, ours)), text(at(object, theirs)));
        if !is_same(&ours_text, &theirs_text) {
            return Err(format!(
                "`{ours}` is `{ours_text}`, at the vendor `{theirs}` is `{theirs_text}`"
            ));
        }
    }
    for (ours, theirs) in &subject.instants {
        let (is, wanted) = (at(&flat, ours), at(object, theirs));
        let second = |value: &Value| value.as_i64().map(|ms| ms.div_euclid(1_000));
        if second(is) != second(wanted) {
            let (is, wanted) = (when(is), when(wanted));
            return Err(format!(
                "`{ours}` is {is}, at the vendor `{theirs}` is {wanted}"
            ));
        }
    }
    Ok(())
}

fn when(ms: &Value) -> String {
    match ms.as_i64() {
        Some(ms) => Instant(ms).to_string(),
        None => text(ms),
    }
}

fn is_same(ours: &str, theirs: &str) -> bool {
    let number = |text: &str| text.parse::<Decimal>().ok();
    ours == theirs || number(ours).is_some_and(|ours| Some(ours) == number(theirs))
}

fn shown(ids: &[impl AsRef<str>]) -> String {
    let few: Vec<&str> = ids.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", few.join(", "))
}

pub(crate) fn is_tombstone(record: &Record) -> bool {
    matches!(record.body, Body::Tombstone(_))
}

/// Who an object is about and what they decided may stand beside the object.
pub(crate) fn is_beside(record: &Record, stream: &Stream) -> bool {
    matches!(record.body, Body::Consent(_) | Body::Contact(_)) && record.body.kind() != stream.kind
}

/// A record as one JSON object: `id`, `updated_at`, `identifiers` by kind, `attributes` by name, and
/// the fields of its body.
pub(crate) fn flat(record: &Record) -> Value {
    let body = serde_json::to_value(&record.body).unwrap_or_default();
    let mut fields = match body {
        Value::Object(variant) => variant
            .into_iter()
            .next()
            .map_or(Value::Null, |(_, body)| body),
        other => other,
    };
    if !fields.is_object() {
        fields = json!({});
    }
    let identifiers = record.identifiers.iter();
    let identifiers: Map<String, Value> = identifiers
        .map(|it| (it.kind().as_str().to_owned(), json!(it.value())))
        .collect();
    let attributes = record.attributes.iter();
    let attributes: Map<String, Value> = attributes
        .map(|it| (it.name.to_string(), json!(it.value.to_string())))
        .collect();
    fields["id"] = json!(record.id);
    fields["updated_at_ms"] = json!(record.updated_at.0);
    fields["identifiers"] = Value::Object(identifiers);
    fields["attributes"] = Value::Object(attributes);
    fields
}
