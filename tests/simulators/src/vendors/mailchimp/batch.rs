//! Batches of operations that take their time, and the archive of their results.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::Mailchimp;
use super::data::stamp;
use super::fields::{self, Kind};
use super::member::digest;
use super::request::{Outcome, Problem, Request};
use crate::hook::Hook;
use crate::{Answer, Call, Sim};

/// Operations in one batch.
const OPERATIONS_MAX: usize = 1000;
/// Results in one file of the archive.
const ROWS_A_FILE: usize = 100;
/// How long results are kept.
const KEPT_MS: i64 = 7 * 86_400_000;

/// One batch.
pub struct Batch {
    id: String,
    operations: Vec<Value>,
    submitted_ms: i64,
    job_ms: i64,
    results: Vec<Value>,
    errored: usize,
    completed_ms: Option<i64>,
    is_stuck: bool,
    fails: Option<Value>,
    missing: Option<Value>,
}

impl Batch {
    pub fn truth(&self) -> Value {
        json!({ "id": self.id, "updated_at_ms": self.completed_ms.unwrap_or(self.submitted_ms), "deleted": false,
                "operations": self.operations.len(), "finished": self.results.len(), "errored": self.errored,
                "is_complete": self.completed_ms.is_some() })
    }

    /// Of its time, in percent.
    fn progress(&self, now_ms: i64) -> i64 {
        match (now_ms - self.submitted_ms) * 100 {
            _ if self.is_stuck => 15,
            passed if self.job_ms <= 0 || passed >= self.job_ms * 100 => 100,
            passed => passed / self.job_ms,
        }
    }

    fn view(&self, sim: &Sim, result_ms: i64) -> Value {
        let now_ms = sim.now_ms();
        let status = match self.progress(now_ms) {
            _ if self.completed_ms.is_some() => "finished",
            ..10 => "pending",
            10..20 => "preprocessing",
            20..90 => "started",
            _ => "finalizing",
        };
        let until = now_ms + result_ms;
        // Results are on a host of their own, which knows no keys.
        let url = format!(
            "{}/batch-results/{}-response.tar.gz?Expires={until}&Signature={}",
            sim.url.replace("127.0.0.1", "localhost"),
            self.id,
            seal(&self.id, until)
        );
        json!({ "id": self.id, "status": status, "total_operations": self.operations.len(), "finished_operations": self.results.len(),
                "errored_operations": self.errored, "submitted_at": stamp(self.submitted_ms), "completed_at": self.completed_ms.map(stamp).unwrap_or_default(),
                "response_body_url": if self.completed_ms.is_some() { url } else { String::new() } })
    }

    /// A gzipped tar: a folder, and files with arrays of results in no certain order.
    fn archive(&self) -> std::io::Result<Vec<u8>> {
        let missing = self.missing.as_ref().and_then(|it| it["index"].as_u64());
        let mut rows: Vec<&Value> = Vec::new();
        for (at, row) in self.results.iter().enumerate() {
            if missing != Some(at as u64) {
                rows.push(row);
            }
        }
        rows.reverse();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&header(&format!("{}/", self.id), 0, b'5'))?;
        for (number, rows) in rows.chunks(ROWS_A_FILE).enumerate() {
            let text = json!(rows).to_string();
            let name = format!("{}/{}.json", self.id, &digest(&json!(number))[..10]);
            gzip.write_all(&header(&name, text.len(), b'0'))?;
            gzip.write_all(text.as_bytes())?;
            gzip.write_all(&vec![0; text.len().next_multiple_of(512) - text.len()])?;
        }
        gzip.write_all(&[0; 1024])?;
        gzip.finish()
    }
}

/// A header of the POSIX tar format.
fn header(name: &str, length: usize, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{length:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(257, "ustar\u{0}00");
    block[156] = kind;
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn seal(id: &str, until_ms: i64) -> String {
    digest(&json!([id, until_ms, "sealed"]))
}

impl Mailchimp {
    pub fn batches(&mut self, request: &Request, parts: &[&str], sim: &mut Sim) -> Outcome<Value> {
        let (stuck, fails, missing) = (
            sim.vendor_fault("batch-stuck"),
            sim.vendor_fault("operation-fails"),
            sim.vendor_fault("result-missing"),
        );
        match (request.method.as_str(), parts) {
            ("GET", []) => {
                request.only(&["count", "offset"])?;
                let (rows, total) = request.page(self.batches.values().collect())?;
                let rows: Vec<Value> = rows
                    .into_iter()
                    .map(|it| it.view(sim, self.result_ms))
                    .collect();
                Ok(json!({ "batches": rows, "total_items": total }))
            }
            ("POST", []) => {
                let given = fields::check(
                    &request.body,
                    &[("operations", Kind::Array)],
                    &["operations"],
                )?;
                let operations = given["operations"].as_array().cloned().unwrap_or_default();
                check_operations(&operations)?;
                let open = self
                    .batches
                    .values()
                    .filter(|it| it.completed_ms.is_none())
                    .count();
                if open >= self.open_batches {
                    let detail = "You have more than 500 pending batches.";
                    return Err(Problem::new(429, "Too Many Requests", detail));
                }
                let id = self.new_id("batch");
                sim.effect(
                    "batch.create",
                    &id,
                    &digest(&request.body),
                    json!({ "operations": operations.len() }),
                );
                let batch = Batch {
                    id: id.clone(),
                    operations,
                    submitted_ms: sim.now_ms(),
                    job_ms: self.job_ms,
                    results: Vec::new(),
                    errored: 0,
                    completed_ms: None,
                    is_stuck: stuck.is_some(),
                    fails,
                    missing,
                };
                let view = batch.view(sim, self.result_ms);
                self.batches.insert(id, batch);
                Ok(view)
            }
            ("GET", [id]) => {
                let batch = self.batches.get(*id).ok_or_else(Problem::not_found)?;
                Ok(batch.view(sim, self.result_ms))
            }
            ("DELETE", [id]) => self
                .batches
                .remove(*id)
                .map(|_| Value::Null)
                .ok_or_else(Problem::not_found),
            _ => Err(Problem::not_found()),
        }
    }

    pub fn batch_hooks(&mut self, request: &Request, parts: &[&str]) -> Outcome<Value> {
        let view = |(id, url): (&String, &String)| json!({ "id": id, "url": url, "enabled": true });
        match (request.method.as_str(), parts) {
            ("GET", []) => {
                request.only(&["count", "offset"])?;
                let (rows, total) = request.page(self.batch_hooks.iter().map(view).collect())?;
                Ok(json!({ "webhooks": rows, "total_items": total }))
            }
            ("POST", []) => {
                let given = fields::check(
                    &request.body,
                    &[("url", Kind::Text), ("enabled", Kind::Flag)],
                    &["url"],
                )?;
                let url = given["url"].as_str().unwrap_or_default().to_owned();
                let id = self.new_id("batch-hook");
                let shown = view((&id, &url));
                self.batch_hooks.insert(id, url);
                Ok(shown)
            }
            ("DELETE", [id]) => self
                .batch_hooks
                .remove(*id)
                .map(|_| Value::Null)
                .ok_or_else(Problem::not_found),
            _ => Err(Problem::not_found()),
        }
    }

    /// Does what batches have time for.
    pub fn tick(&mut self, sim: &mut Sim) {
        let now_ms = sim.now_ms();
        self.batches
            .retain(|_, it| it.completed_ms.is_none_or(|at_ms| now_ms - at_ms < KEPT_MS));
        let open: Vec<String> = (self.batches.iter())
            .filter(|(_, it)| it.completed_ms.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in open {
            let Some(mut batch) = self.batches.remove(&id) else {
                continue;
            };
            let progress = batch.progress(now_ms);
            let share = (progress - 20).clamp(0, 70) as usize;
            let due = batch.operations.len() * share / 70;
            while batch.results.len() < due {
                let at = batch.results.len();
                let fails = batch
                    .fails
                    .as_ref()
                    .filter(|it| it["index"].as_u64() == Some(at as u64));
                let (status, body) = match fails {
                    Some(args) => (
                        args["status"].as_u64().unwrap_or(500) as u16,
                        Problem::new(
                            500,
                            "Internal Server Error",
                            "An unexpected internal error has occurred.",
                        )
                        .body(),
                    ),
                    None => self.operate(&batch.operations[at], sim),
                };
                batch.errored += usize::from(status >= 400);
                let operation = batch.operations[at]["operation_id"].clone();
                let response = if body.is_null() {
                    String::new()
                } else {
                    body.to_string()
                };
                batch.results.push(json!({ "status_code": status, "operation_id": operation, "response": response }));
            }
            if progress >= 100 {
                batch.completed_ms = Some(now_ms);
                for url in self.batch_hooks.values() {
                    let mut form = form_urlencoded::Serializer::new(String::new());
                    form.append_pair("type", "batch_operation_completed")
                        .append_pair("fired_at", &stamp(now_ms))
                        .append_pair("data[id]", &id);
                    sim.hooks.push(Hook::form(url, form.finish()));
                }
            }
            self.batches.insert(id, batch);
        }
    }

    fn operate(&mut self, operation: &Value, sim: &mut Sim) -> (u16, Value) {
        let path = operation["path"]
            .as_str()
            .unwrap_or_default()
            .trim_start_matches("/3.0");
        let decoded = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8_lossy()
                .into_owned()
        };
        let body = operation["body"].as_str().filter(|it| !it.is_empty());
        let body = body.map(serde_json::from_str).transpose();
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let params = operation["params"].as_object().into_iter().flatten();
        let Ok(body) = body else {
            let problem = Problem::new(
                400,
                "JSON Parse Error",
                "We encountered an unspecified JSON parsing error.",
            );
            return (400, problem.body());
        };
        let request = Request {
            method: operation["method"].as_str().unwrap_or_default().to_owned(),
            parts: path
                .split('/')
                .filter(|it| !it.is_empty())
                .map(decoded)
                .collect(),
            query: params
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            body: body.unwrap_or(Value::Null),
        };
        if request.parts.first().is_some_and(|it| it == "batches") {
            return (404, Problem::not_found().body());
        }
        match self.route(&request, sim) {
            Ok(Value::Null) => (204, Value::Null),
            Ok(body) => (200, request.trimmed(body)),
            Err(problem) => (problem.status, problem.body()),
        }
    }

    /// Not the API, but a store of files whose addresses are signed.
    pub fn result_file(&self, call: &Call, file: &str, sim: &Sim) -> Answer {
        let refuse = |status, code: &str| {
            let text = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>"
            );
            Answer::bytes(status, "application/xml", text)
        };
        if call.header("authorization").is_some() {
            return refuse(400, "InvalidArgument");
        }
        let id = file.trim_end_matches("-response.tar.gz");
        let until = call
            .param("Expires")
            .and_then(|it| it.parse::<i64>().ok())
            .unwrap_or(0);
        if call.param("Signature") != Some(&seal(id, until)) || until <= sim.now_ms() {
            return refuse(403, "AccessDenied");
        }
        match self.batches.get(id).map(Batch::archive) {
            Some(Ok(bytes)) => Answer::bytes(200, "application/octet-stream", bytes),
            _ => refuse(404, "NoSuchKey"),
        }
    }
}

fn check_operations(operations: &[Value]) -> Outcome<()> {
    if operations.is_empty() || operations.len() > OPERATIONS_MAX {
        return Err(Problem::field(
            "operations",
            "This collection should contain 1 to 1000 elements.",
        ));
    }
    for (at, operation) in operations.iter().enumerate() {
        let refuse = |name: &str, message: &str| {
            Err(Problem::field(
                &format!("operations.item:{at}.{name}"),
                message,
            ))
        };
        if !operation["method"]
            .as_str()
            .is_some_and(|it| ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&it))
        {
            return refuse(
                "method",
                "Value must be one of: GET, POST, PUT, PATCH, DELETE",
            );
        }
        if !operation["path"].is_string() {
            return refuse(
                "path",
                "Schema describes string, something else found instead",
            );
        }
        if !operation["params"].is_object() && !operation["params"].is_null() {
            return refuse(
                "params",
                "Schema describes object, something else found instead",
            );
        }
        for name in ["body", "operation_id"] {
            if operation.get(name).is_some_and(|it| !it.is_string()) {
                return refuse(name, "Schema describes string, object found instead");
            }
        }
    }
    Ok(())
}
