//! Subscriptions that Klaviyo accepted. It names no job to ask about, so the profiles are looked at
//! until they say what was asked for: only then a later change of mind may follow.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_sdk::model::ConsentState;
use crosspoint_sdk::recent::mark;
use crosspoint_sdk::serde_json::{self, Value};
use crosspoint_sdk::{Context, Error, Instant, Outcome};
use serde::{Deserialize, Serialize};

use crate::client::{api, read};
use crate::mapping::decision;
use crate::settings::Settings;

/// What jobs of this kind begin with.
const WORD: &str = "consent:";

/// How long the profiles are looked at.
const PATIENCE_MS: i64 = 15 * 60_000;

/// Most bytes of a note; the contract allows 64 KiB.
const MAX_NOTE_BYTES: usize = 60 << 10;

/// Values that one filter names.
const MAX_VALUES: usize = 50;

/// What was handed over.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    accepted_at: Instant,
    is_granted: bool,
    list: Option<String>,
    /// By key.
    people: BTreeMap<String, Person>,
}

/// A person in the channels that were handed over.
#[derive(Debug, Serialize, Deserialize)]
struct Person {
    email: Option<String>,
    phone: Option<String>,
}

impl Person {
    fn of(profile: &Value) -> Self {
        let text = |name: &str| profile["attributes"][name].as_str().map(str::to_owned);
        Self {
            email: text("email"),
            phone: text("phone_number"),
        }
    }

    /// What finds the profile: attribute and value.
    fn handle(&self) -> Option<(&'static str, &str)> {
        let email = self.email.as_deref().map(|it| ("email", it));
        email.or_else(|| self.phone.as_deref().map(|it| ("phone_number", it)))
    }

    fn is_so(&self, own: &Value, note: &Note) -> bool {
        let told = |channel: &str| &own["subscriptions"][channel]["marketing"];
        let state = |channel: &str| decision(told(channel), 0).map(|(state, _)| state);
        if note.is_granted {
            return (self.email.is_none() || state("email") == Some(ConsentState::Granted))
                && (self.phone.is_none() || state("sms") == Some(ConsentState::Granted));
        }
        let mut left = told("email")["list_suppressions"]
            .as_array()
            .into_iter()
            .flatten();
        state("email") == Some(ConsentState::Withdrawn)
            || note.list.is_some() && left.any(|it| it["list_id"].as_str() == note.list.as_deref())
    }
}

/// The outcome of profiles that Klaviyo accepted, by their item's key.
pub fn accepted(
    ctx: &Context,
    is_granted: bool,
    list: Option<&str>,
    people: &[(&str, &Value)],
) -> Outcome {
    let note = Note {
        accepted_at: now_ms(),
        is_granted,
        list: list.map(str::to_owned),
        people: people
            .iter()
            .map(|(key, profile)| ((*key).to_owned(), Person::of(profile)))
            .collect(),
    };
    let job = format!(
        "{WORD}{:016x}",
        mark(note.people.keys().map(String::as_str))
    );
    match serde_json::to_vec(&note) {
        Ok(bytes) if bytes.len() <= MAX_NOTE_BYTES => {
            ctx.notes().set(&job, &bytes);
            Outcome::Queued(job)
        }
        _ => Outcome::Done(None),
    }
}

/// Whether a job is of this kind.
pub fn is_job(job: &str) -> bool {
    job.starts_with(WORD)
}

/// What the profiles say by now.
///
/// # Errors
/// The class of the answer; the host asks again.
pub fn poll(
    ctx: &Context,
    settings: &Settings,
    job: &str,
    keys: &[String],
) -> Result<Vec<Outcome>, Error> {
    let note = ctx.notes().get(job);
    let Some(mut note) = note.and_then(|note| serde_json::from_slice::<Note>(&note).ok()) else {
        let unknown = Outcome::Unknown("the job is not known".to_owned());
        return Ok(vec![unknown; keys.len()]);
    };
    let handles = keys.iter().filter_map(|key| note.people.get(key)?.handle());
    let profiles = find(ctx, settings, handles.collect())?;
    let is_late = now_ms() > note.accepted_at + PATIENCE_MS;
    let outcome = |key: &String| {
        let Some(person) = note.people.get(key) else {
            return Outcome::Unknown("the job does not name this item".to_owned());
        };
        let found = person.handle().and_then(|(_, value)| profiles.get(value));
        match found.filter(|row| person.is_so(&row["attributes"], &note)) {
            Some(row) => Outcome::Done(row["id"].as_str().map(str::to_owned)),
            None if is_late => {
                Outcome::Unknown("Klaviyo accepted it and does not show it".to_owned())
            }
            None => Outcome::Queued(job.to_owned()),
        }
    };
    let outcomes: Vec<Outcome> = keys.iter().map(outcome).collect();
    for (key, outcome) in keys.iter().zip(&outcomes) {
        if !matches!(outcome, Outcome::Queued(_)) {
            note.people.remove(key);
        }
    }
    match serde_json::to_vec(&note) {
        Ok(bytes) if !note.people.is_empty() => ctx.notes().set(job, &bytes),
        _ => ctx.notes().delete(job),
    }
    Ok(outcomes)
}

/// Profiles by address or number.
fn find(
    ctx: &Context,
    settings: &Settings,
    handles: Vec<(&'static str, &str)>,
) -> Result<BTreeMap<String, Value>, Error> {
    let mut found = BTreeMap::new();
    for name in ["email", "phone_number"] {
        let values = handles.iter().filter(|(own, _)| *own == name);
        let values: Vec<&str> = values.map(|(_, value)| *value).collect();
        for part in values.chunks(MAX_VALUES) {
            let list = serde_json::to_string(part).unwrap_or_default();
            let call = api(ctx, settings)
                .get("/api/profiles")
                .query("filter", format!("any({name},{list})"))
                .query("additional-fields[profile]", "subscriptions")
                .query("page[size]", 100);
            let mut answer = read(call.send(), "profiles:read")?;
            if let Value::Array(rows) = answer["data"].take() {
                let named = |row: Value| {
                    let value = row["attributes"][name].as_str()?.to_lowercase();
                    Some((value, row))
                };
                found.extend(rows.into_iter().filter_map(named));
            }
        }
    }
    Ok(found)
}

fn now_ms() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
