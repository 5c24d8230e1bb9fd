//! Deleting people: into the recycle bin at once, or for good by a bulk job.

use std::collections::{BTreeMap, BTreeSet};

use crosspoint_sdk::http::{Method, Reply};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Context, Error, Item, Outcome, serde_json};

use super::find;
use super::people::before;
use super::records::{MAX_RECORDS, named, of_problem};
use crate::client::{Client, Fault, Problem, problems, send};
use crate::cursor::is_id;
use crate::settings::Settings;

/// Most items of one call.
pub const BATCH_SIZE: u32 = find::MAX_ITEMS as u32;

/// Which ids each item stands for, kept in a note until the job is done.
type Owned = BTreeMap<String, Vec<String>>;

/// Deletes every lead and contact that is one of these people; nobody there is done already.
pub fn delete(
    ctx: &Context,
    client: &Client<'_>,
    settings: &Settings,
    items: &[Item],
) -> Vec<Outcome> {
    let found = match find::people(client, settings, items) {
        Ok(found) => found,
        Err(error) => return vec![before(error); items.len()],
    };
    let ids: BTreeSet<&str> = found.iter().flatten().map(String::as_str).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    if !settings.hard_delete {
        let fates = recycle(client, settings, &ids);
        let fates = |id: &String| fates.get(id.as_str()).cloned();
        return found
            .iter()
            .map(|ids| worst(ids.iter().filter_map(fates)))
            .collect();
    }
    let job = match start(client, settings, &ids) {
        Ok(job) => job,
        Err(fault) => {
            // Records that were not found need no job.
            let outcome = fault.outcome(true);
            let of = |ids: &Vec<String>| match ids.is_empty() {
                true => Outcome::Done(None),
                false => outcome.clone(),
            };
            return found.iter().map(of).collect();
        }
    };
    let owned: Owned = items
        .iter()
        .zip(&found)
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(item, ids)| (item.key.clone(), ids.clone()))
        .collect();
    if let Ok(note) = serde_json::to_vec(&owned)
        && !owned.is_empty()
    {
        ctx.notes().set(&note_key(&job), &note);
    }
    let of = |ids: &Vec<String>| match ids.is_empty() {
        true => Outcome::Done(None),
        false => Outcome::Queued(job.clone()),
    };
    found.iter().map(of).collect()
}

/// Moves ids to the recycle bin and tells each one's fate.
fn recycle(client: &Client<'_>, settings: &Settings, ids: &[&str]) -> BTreeMap<String, Outcome> {
    let mut fates = BTreeMap::new();
    for part in ids.chunks(MAX_RECORDS) {
        let path = format!("/composite/sobjects?ids={}&allOrNone=false", part.join(","));
        match send(named(client.call(Method::Delete, &path), settings)) {
            Ok(answer) => {
                let results = answer.json.items();
                for (at, id) in part.iter().enumerate() {
                    let result = results.get(at).filter(|_| results.len() == part.len());
                    fates.insert((*id).to_owned(), result.map_or_else(unnamed, of_result));
                }
            }
            Err(fault) => {
                let outcome = fault.outcome(true);
                fates.extend(part.iter().map(|id| ((*id).to_owned(), outcome.clone())));
            }
        }
    }
    fates
}

fn unnamed() -> Outcome {
    Outcome::Unknown("the vendor's answer does not name every record".to_owned())
}

fn of_result(result: &Json) -> Outcome {
    if result.is_true_at("success") {
        return Outcome::Done(None);
    }
    match problems(result.get("errors").unwrap_or(&Json::Null)).first() {
        Some(problem) => of_deletion(problem),
        None => unnamed(),
    }
}

/// What is deleted already is what was asked for.
fn of_deletion(problem: &Problem) -> Outcome {
    match of_problem(problem, None, 0) {
        Outcome::Gone(_) => Outcome::Done(None),
        other => other,
    }
}

/// The first outcome that is not done.
fn worst(outcomes: impl Iterator<Item = Outcome>) -> Outcome {
    outcomes
        .fold(None, |worst, one| match worst {
            Some(worst) if !matches!(worst, Outcome::Done(_)) => Some(worst),
            _ => Some(one),
        })
        .unwrap_or(Outcome::Done(None))
}

/// One bulk job per object; their ids joined by a comma.
fn start(client: &Client<'_>, settings: &Settings, ids: &[&str]) -> Result<String, Fault> {
    let text = |text: &str| Json::Text(text.to_owned());
    let mut jobs = Vec::new();
    for (prefix, object) in [("003", "Contact"), ("00Q", "Lead")] {
        let own: Vec<_> = ids.iter().filter(|id| id.starts_with(prefix)).collect();
        if own.is_empty() {
            continue;
        }
        let body = Json::Object(vec![
            ("object".to_owned(), text(object)),
            ("operation".to_owned(), text("hardDelete")),
            ("contentType".to_owned(), text("CSV")),
            ("lineEnding".to_owned(), text("LF")),
        ]);
        let call = client.call(Method::Post, "/jobs/ingest");
        let call = call.body("application/json", body.to_string());
        let answer = send(named(call, settings))?;
        let job = answer.json.text_at("id").filter(|id| is_id(id));
        let job = job.ok_or_else(|| {
            Fault::Unreadable(Error::Transient("the vendor names no job".to_owned()))
        })?;
        let mut csv = String::from("Id\n");
        for id in own {
            csv.push_str(id);
            csv.push('\n');
        }
        let path = format!("/jobs/ingest/{job}");
        let upload = client.call(Method::Put, &format!("{path}/batches"));
        let upload = upload
            .body("text/csv", csv)
            .send()
            .map_err(Fault::NoAnswer)?;
        Fault::check(&upload)?;
        let close = Json::Object(vec![("state".to_owned(), text("UploadComplete"))]);
        client.send_json(Method::Patch, &path, &close)?;
        jobs.push(job.to_owned());
    }
    Ok(jobs.join(","))
}

/// What became of the items of an erasure.
///
/// # Errors
/// The vendor's.
pub fn poll(
    ctx: &Context,
    settings: &Settings,
    job: &str,
    keys: &[String],
) -> Result<Vec<Outcome>, Error> {
    let client = Client::new(ctx, settings);
    let note = ctx.notes().get(&note_key(job)).unwrap_or_default();
    let mut owned: Owned = serde_json::from_slice(&note).unwrap_or_default();
    let again = |why: &str| vec![Outcome::Transient(why.to_owned()); keys.len()];
    let mut failed = BTreeMap::new();
    for part in job.split(',').filter(|part| is_id(part)) {
        let answer = match client.get(&format!("/jobs/ingest/{part}")) {
            Ok(answer) => answer,
            Err(Fault::Refused { status: 404, .. }) => {
                return Ok(again("the vendor no longer knows the job"));
            }
            Err(fault) => return Err(fault.into()),
        };
        match answer.json.text_at("state") {
            Some("JobComplete") => {}
            Some("Failed" | "Aborted") => return Ok(again("the vendor gave the job up")),
            _ => return Ok(vec![Outcome::Queued(job.to_owned()); keys.len()]),
        }
        if answer.json.text_at("numberRecordsFailed") != Some("0") {
            failed.extend(failures(&client, part)?);
        }
    }
    let outcome = |key: &String| match owned.get(key) {
        None => Outcome::Transient("the job's records are not known".to_owned()),
        Some(ids) => worst(ids.iter().filter_map(|id| failed.get(id).map(of_deletion))),
    };
    let outcomes = keys.iter().map(outcome).collect();
    // Other items of the job may be asked for yet.
    owned.retain(|key, _| !keys.contains(key));
    match serde_json::to_vec(&owned) {
        Ok(note) if !owned.is_empty() => ctx.notes().set(&note_key(job), &note),
        _ => ctx.notes().delete(&note_key(job)),
    }
    Ok(outcomes)
}

/// Which rows a job could not delete, and why.
fn failures(client: &Client<'_>, job: &str) -> Result<BTreeMap<String, Problem>, Error> {
    let reply = client
        .call(Method::Get, &format!("/jobs/ingest/{job}/failedResults"))
        .send()?;
    Fault::check(&reply)?;
    let text = String::from_utf8_lossy(reply.body());
    let mut rows = csv(&text).into_iter();
    let header = rows.next().unwrap_or_default();
    let column = |name: &str| header.iter().position(|it| it == name);
    let (Some(id), Some(error)) = (column("Id"), column("sf__Error")) else {
        return Err(Error::Transient(
            "the vendor's list of failures lacks its columns".to_owned(),
        ));
    };
    let pairs = rows.filter_map(|row| {
        // `CODE:message:fields--`; the message may quote values.
        let code = row.get(error)?.split(':').next()?.trim().to_owned();
        let fields = Vec::new();
        Some((row.get(id)?.clone(), Problem { code, fields }))
    });
    Ok(pairs.collect())
}

/// Rows of a CSV text with `"` around fields where needed.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            other => field.push(other),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

fn note_key(job: &str) -> String {
    format!("erase:{job}")
}

impl Fault {
    /// A success, whatever its body.
    fn check(reply: &Reply) -> Result<(), Self> {
        if reply.is_success() {
            Ok(())
        } else {
            Err(Self::of(reply))
        }
    }
}
