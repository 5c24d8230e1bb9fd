//! Batch operations: many requests that Mailchimp works off by itself.

use std::collections::BTreeMap;
use std::io::Read;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::serde_json::{self, Map, Value, json};
use crosspoint_sdk::{Context, Error, Outcome};
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::client::{Absent, Operation, UNARCHIVABLE, api, archived, read};
use crate::settings::Settings;

/// Most bytes of unpacked results that are looked at: 500 full members are a tenth of it.
const MAX_RESULT_BYTES: u64 = 32 << 20;

/// The job of an operation's items: what a 404 means, and Mailchimp's id of the batch.
fn job(absent: Absent, id: &str) -> String {
    let word = match absent {
        Absent::IsDone => "absent-done",
        Absent::IsRejected => "absent-rejected",
    };
    format!("{word}:{id}")
}

/// Hands operations over, each under its item's key: an outcome for each.
///
/// # Errors
/// The request does not encode.
pub fn submit(
    ctx: &Context,
    settings: &Settings,
    operations: &[(&str, Operation)],
) -> Result<Vec<Outcome>, Error> {
    let Some((_, first)) = operations.first() else {
        return Ok(Vec::new());
    };
    let entries: Vec<_> = operations
        .iter()
        .map(|(key, operation)| entry(key, operation))
        .collect();
    let call = api(ctx, settings).post("/batches");
    let sent = call.json_body(&json!({ "operations": entries }))?.send();
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) => return Ok(vec![error.into(); operations.len()]),
    };
    if matches!(reply.status(), 400 | 413 | 422) && operations.len() > 1 {
        // Something in it is refused as a whole: its parts show which.
        let (left, right) = operations.split_at(operations.len() / 2);
        let mut outcomes = submit(ctx, settings, left)?;
        outcomes.extend(submit(ctx, settings, right)?);
        return Ok(outcomes);
    }
    let outcome = first.outcome(reply.status(), reply.body(), reply.retry_after_ms());
    let outcome = match outcome {
        Outcome::Done(Some(id)) => Outcome::Queued(job(first.absent, &id)),
        Outcome::Done(None) => Outcome::Unknown("the batch has no id".to_owned()),
        other => other,
    };
    Ok(vec![outcome; operations.len()])
}

fn entry(key: &str, operation: &Operation) -> Value {
    let mut entry = json!({
        "method": operation.method.as_str(),
        "path": operation.path,
        "operation_id": key,
    });
    if operation.method == Method::Delete {
        // What was refused can be looked up.
        entry["operation_id"] = json!(format!("{key} {}", operation.path));
    }
    if !operation.query.is_empty() {
        let pairs = operation.query.iter();
        let params: Map<_, _> = pairs
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        entry["params"] = Value::Object(params);
    }
    if let Some(body) = &operation.body {
        entry["body"] = json!(body.to_string());
    }
    entry
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
    let (absent, id) = match job.split_once(':') {
        Some(("absent-done", id)) => (Absent::IsDone, id),
        Some(("absent-rejected", id)) => (Absent::IsRejected, id),
        _ => return all(Outcome::Unknown("the job is not understood".to_owned())),
    };
    let path = format!("/batches/{}", crosspoint_sdk::http::encode_component(id));
    let batch = match read(api(ctx, settings).get(&path).send()) {
        Ok(batch) => batch,
        Err(Error::Gone(_)) => {
            return all(Outcome::Unknown(
                "Mailchimp no longer knows the batch".to_owned(),
            ));
        }
        Err(error) => return Err(error),
    };
    if batch["status"] != "finished" {
        return all(Outcome::Queued(job.to_owned()));
    }
    let total = batch["total_operations"].as_u64();
    let is_clean = batch["errored_operations"].as_u64() == Some(0)
        && total.is_some_and(|total| total >= keys.len() as u64)
        && batch["finished_operations"].as_u64() == total;
    if is_clean {
        return all(Outcome::Done(None));
    }
    let url = batch["response_body_url"].as_str().unwrap_or_default();
    if url.is_empty() {
        return all(Outcome::Unknown("the batch has no results".to_owned()));
    }
    let reply = ctx.http().get(url).send()?;
    if !reply.is_success() {
        // The address lives for minutes only: the next poll gets a fresh one.
        return all(Outcome::Queued(job.to_owned()));
    }
    let Some(results) = unpack(reply.body()) else {
        return Err(Error::Transient(
            "the results of the batch do not unpack".to_owned(),
        ));
    };
    let meaning = Operation {
        // Which of the operations it was is not told: their statuses mean the same.
        method: Method::Post,
        path: String::new(),
        query: Vec::new(),
        body: None,
        absent,
        repeatable: true,
    };
    let http = api(ctx, settings);
    Ok(keys
        .iter()
        .map(|key| match results.get(key) {
            Some(OperationResult {
                status_code: UNARCHIVABLE,
                operation_id,
                ..
            }) if operation_id.contains(' ') => {
                let (_, path) = operation_id.split_once(' ').unwrap_or_default();
                archived(&http, path)
            }
            Some(result) => meaning.outcome(result.status_code, result.response.as_bytes(), None),
            None => Outcome::Unknown("the results do not name this item".to_owned()),
        })
        .collect())
}

/// One operation's answer.
#[derive(Debug, Deserialize)]
struct OperationResult {
    status_code: u16,
    #[serde(default)]
    operation_id: String,
    #[serde(default)]
    response: String,
}

/// The results by operation id, out of a gzip of a tar of JSON files.
fn unpack(packed: &[u8]) -> Option<BTreeMap<String, OperationResult>> {
    let mut tar = Vec::new();
    GzDecoder::new(packed)
        .take(MAX_RESULT_BYTES)
        .read_to_end(&mut tar)
        .ok()?;
    let mut results = BTreeMap::new();
    for file in tar_files(&tar)? {
        let Ok(entries) = serde_json::from_slice::<Vec<OperationResult>>(file) else {
            continue;
        };
        results.extend(
            entries
                .into_iter()
                .map(|one| (key_of(&one.operation_id).to_owned(), one)),
        );
    }
    Some(results)
}

fn key_of(operation_id: &str) -> &str {
    operation_id.split(' ').next().unwrap_or_default()
}

/// The regular files of a tar: 512-byte headers with the size in octal at 124 and the type at 156,
/// each followed by its file in whole blocks of 512 (POSIX.1-1988 ustar).
fn tar_files(tar: &[u8]) -> Option<Vec<&[u8]>> {
    const BLOCK: usize = 512;
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(header) = tar.get(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let digits = std::str::from_utf8(&header[124..136]).ok()?;
        let digits = digits.trim_matches(|c: char| c == '\0' || c == ' ');
        let size = usize::from_str_radix(digits, 8).ok()?;
        at += BLOCK;
        let content = tar.get(at..at.checked_add(size)?)?;
        if matches!(header[156], b'0' | 0) {
            files.push(content);
        }
        at += size.div_ceil(BLOCK) * BLOCK;
    }
    Some(files)
}
