//! Work that Klaviyo does later: bulk imports, and suppressions.
//!
//! A job's name is its kind, a colon, and Klaviyo's id. Import errors point at a profile by its
//! place in the job, so the keys in their order are noted under the job's name.

use std::collections::BTreeMap;

use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::{Context, Error, Outcome};

use crate::client::{Refusal, api, outcome, read, send};
use crate::settings::Settings;

/// Notes of jobs that may be open at once; the contract allows 256 of all kinds.
const MAX_OPEN: usize = 200;

/// How long to wait where so many are, in milliseconds.
const OPEN_WAIT_MS: u64 = 30_000;

/// What kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Profiles are created and updated.
    Import,
    /// Addresses are suppressed.
    Suppress,
    /// Addresses are no longer suppressed.
    Unsuppress,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Import, Self::Suppress, Self::Unsuppress];

    fn word(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Suppress => "suppress",
            Self::Unsuppress => "unsuppress",
        }
    }

    /// Below `/api/`, and the type of the document.
    fn resource(self) -> &'static str {
        match self {
            Self::Import => "profile-bulk-import-job",
            Self::Suppress => "profile-suppression-bulk-create-job",
            Self::Unsuppress => "profile-suppression-bulk-delete-job",
        }
    }

    fn path(self) -> String {
        format!("/api/{}s", self.resource())
    }

    fn scope(self) -> &'static str {
        match self {
            Self::Import => "profiles:write",
            Self::Suppress | Self::Unsuppress => "subscriptions:write",
        }
    }
}

/// Starts a job for profiles by their item's key: an outcome for each.
///
/// # Errors
/// The request does not encode.
pub fn submit(
    ctx: &Context,
    settings: &Settings,
    kind: Kind,
    list: Option<&str>,
    profiles: &[(&str, Value)],
) -> Result<Vec<Outcome>, Error> {
    if profiles.is_empty() {
        return Ok(Vec::new());
    }
    if kind == Kind::Import && ctx.notes().keys().len() >= MAX_OPEN {
        return Ok(vec![
            Outcome::RateLimited(Some(OPEN_WAIT_MS));
            profiles.len()
        ]);
    }
    let data: Vec<_> = profiles.iter().map(|(_, profile)| profile).collect();
    let mut body = json!({ "data": {
        "type": kind.resource(),
        "attributes": { "profiles": { "data": data } },
    } });
    if let Some(list) = list {
        let lists = json!({ "lists": { "data": [{ "type": "list", "id": list }] } });
        body["data"]["relationships"] = lists;
    }
    let sent = send(api(ctx, settings).post(&kind.path()), &body)?;
    let is_refused = |status| matches!(status, 400 | 413 | 422);
    if profiles.len() > 1 && sent.as_ref().is_ok_and(|reply| is_refused(reply.status())) {
        // One of them is at fault: the halves show which.
        let (left, right) = profiles.split_at(profiles.len() / 2);
        let mut outcomes = submit(ctx, settings, kind, list, left)?;
        outcomes.extend(submit(ctx, settings, kind, list, right)?);
        return Ok(outcomes);
    }
    let outcome = match outcome(sent, kind.scope(), &[202]) {
        Outcome::Done(Some(id)) => {
            let job = format!("{}:{id}", kind.word());
            let keys: Vec<_> = profiles.iter().map(|(key, _)| *key).collect();
            if kind == Kind::Import {
                ctx.notes().set(&job, keys.join(",").as_bytes());
            }
            Outcome::Queued(job)
        }
        Outcome::Done(None) => Outcome::Unknown("the job has no id".to_owned()),
        other => other,
    };
    Ok(vec![outcome; profiles.len()])
}

/// What became of a job's items.
///
/// # Errors
/// The class of the answer; the host asks again.
pub fn poll(
    ctx: &Context,
    settings: &Settings,
    job: &str,
    keys: &[String],
) -> Result<Vec<Outcome>, Error> {
    let all = |outcome: Outcome| Ok(vec![outcome; keys.len()]);
    let found = job
        .split_once(':')
        .and_then(|(word, id)| Some((Kind::ALL.into_iter().find(|k| k.word() == word)?, id)));
    let Some((kind, id)) = found else {
        return all(Outcome::Unknown("the job is not understood".to_owned()));
    };
    let path = format!(
        "{}/{}",
        kind.path(),
        crosspoint_sdk::http::encode_component(id)
    );
    let answer = match read(api(ctx, settings).get(&path).send(), kind.scope()) {
        Ok(answer) => answer,
        Err(Error::Gone(_)) => {
            ctx.notes().delete(job);
            return all(Outcome::Unknown(
                "Klaviyo no longer knows the job".to_owned(),
            ));
        }
        Err(error) => return Err(error),
    };
    let own = &answer["data"]["attributes"];
    match own["status"].as_str().unwrap_or_default() {
        "complete" => {}
        "cancelled" => {
            settle(ctx, job, keys);
            return all(Outcome::Transient("Klaviyo cancelled the job".to_owned()));
        }
        _ => return all(Outcome::Queued(job.to_owned())),
    }
    let failed = own["failed_count"].as_u64().unwrap_or_default();
    if failed == 0 {
        settle(ctx, job, keys);
        return all(Outcome::Done(None));
    }
    if kind != Kind::Import {
        let reason = "Klaviyo could not do it for every address of the job";
        return all(match keys.len() {
            1 => Outcome::rejected(Some("email"), reason),
            _ => Outcome::Transient(reason.to_owned()),
        });
    }
    let outcomes = imported(ctx, settings, job, &path, keys, failed)?;
    settle(ctx, job, keys);
    Ok(outcomes)
}

/// Notes which items of a job are settled: `KEY!`. With the last one the note goes.
fn settle(ctx: &Context, job: &str, keys: &[String]) {
    let note = ctx.notes().get(job).unwrap_or_default();
    let note = String::from_utf8_lossy(&note).into_owned();
    let settled: Vec<String> = note
        .split(',')
        .map(|key| match keys.iter().any(|own| own == key) {
            true => format!("{key}!"),
            false => key.to_owned(),
        })
        .collect();
    if settled
        .iter()
        .all(|key| key.ends_with('!') || key.is_empty())
    {
        ctx.notes().delete(job);
    } else {
        ctx.notes().set(job, settled.join(",").as_bytes());
    }
}

fn imported(
    ctx: &Context,
    settings: &Settings,
    job: &str,
    path: &str,
    keys: &[String],
    failed: u64,
) -> Result<Vec<Outcome>, Error> {
    let note = ctx.notes().get(job).unwrap_or_default();
    let order = String::from_utf8_lossy(&note).into_owned();
    let order: Vec<&str> = order
        .split(',')
        .map(|key| key.trim_end_matches('!'))
        .collect();
    let errors = import_errors(ctx, settings, path)?;
    let mut refused: BTreeMap<&str, Outcome> = BTreeMap::new();
    for error in &errors {
        let refusal = Refusal::from_error(&error["attributes"]);
        let place = place(&refusal.pointer);
        if let Some(key) = place.and_then(|place| order.get(place)) {
            refused.insert(*key, refusal.rejection("Klaviyo refuses the profile"));
        }
    }
    // Every failure must be somebody's before the others are called done.
    let is_explained = refused.len() as u64 >= failed;
    Ok(keys
        .iter()
        .map(|key| match refused.get(key.as_str()) {
            Some(outcome) => outcome.clone(),
            None if is_explained => Outcome::Done(None),
            None => Outcome::Unknown("Klaviyo does not say which profile failed".to_owned()),
        })
        .collect())
}

fn import_errors(ctx: &Context, settings: &Settings, path: &str) -> Result<Vec<Value>, Error> {
    let http = api(ctx, settings);
    let mut errors = Vec::new();
    let mut call = http
        .get(&format!("{path}/import-errors"))
        .query("page[size]", 100);
    loop {
        let mut answer = read(call.send(), "profiles:read")?;
        let next = answer["links"]["next"].as_str();
        let next = next.and_then(|link| link.find("/api/").map(|at| link[at..].to_owned()));
        let page = match answer["data"].take() {
            Value::Array(page) => page,
            _ => Vec::new(),
        };
        let is_empty = page.is_empty();
        errors.extend(page);
        match next {
            Some(next) if !is_empty => call = http.get(&next),
            _ => return Ok(errors),
        }
    }
}

/// The number behind `profiles/data/` in a pointer such as `/data/attributes/profiles/data/3/email`.
fn place(pointer: &str) -> Option<usize> {
    let (_, rest) = pointer.split_once("profiles/data/")?;
    rest.split('/').next()?.parse().ok()
}

/// Starts a job that Klaviyo gives no id to ask for: done once it is accepted.
///
/// # Errors
/// The request does not encode.
pub fn hand_over(
    ctx: &Context,
    settings: &Settings,
    resource: &str,
    list: Option<&str>,
    profiles: &[Value],
) -> Result<Vec<Outcome>, Error> {
    if profiles.is_empty() {
        return Ok(Vec::new());
    }
    let mut body = json!({ "data": {
        "type": resource,
        "attributes": { "profiles": { "data": profiles } },
    } });
    if resource == SUBSCRIBE {
        body["data"]["attributes"]["custom_source"] = json!("Crosspoint");
        // The consent was given before, so nobody is asked again.
        body["data"]["attributes"]["historical_import"] = json!(true);
    }
    if let Some(list) = list {
        let list = json!({ "list": { "data": { "type": "list", "id": list } } });
        body["data"]["relationships"] = list;
    }
    let sent = send(api(ctx, settings).post(&format!("/api/{resource}s")), &body)?;
    let is_refused = |status| matches!(status, 400 | 413 | 422);
    if profiles.len() > 1 && sent.as_ref().is_ok_and(|reply| is_refused(reply.status())) {
        let (left, right) = profiles.split_at(profiles.len() / 2);
        let mut outcomes = hand_over(ctx, settings, resource, list, left)?;
        outcomes.extend(hand_over(ctx, settings, resource, list, right)?);
        return Ok(outcomes);
    }
    Ok(vec![
        outcome(sent, "subscriptions:write", &[202]);
        profiles.len()
    ])
}

/// Document type that gives consent.
pub const SUBSCRIBE: &str = "profile-subscription-bulk-create-job";
/// Document type that withdraws it.
pub const UNSUBSCRIBE: &str = "profile-subscription-bulk-delete-job";
