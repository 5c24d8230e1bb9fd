//! Bulk operations: a query over the shop as it was when it was asked, or a mutation for each line
//! of an uploaded file. They take time, and leave a file of lines.

use std::cell::RefCell;
use std::sync::Arc;

use apollo_compiler::executable::{Operation, SelectionSet};
use apollo_compiler::request::coerce_variable_values;
use serde_json::{Value, json};

use super::data::Data;
use super::list::Paging;
use super::resolve::Window;
use super::view::{gid, parse_gid};
use super::write::{done, refused, wrong};
use super::{Shopify, graphql};
use crate::{Answer, Call, Sim, iso};

/// Rows read at once; their children follow them.
const ROWS: usize = 500;

/// How long a file is kept.
const KEPT_MS: i64 = 7 * 86_400_000;

pub struct Job {
    pub id: u64,
    pub text: String,
    /// The uploaded lines of a mutation.
    pub lines: Option<String>,
    /// Whether children stand right behind their parents.
    is_grouped: bool,
    data: Arc<Data>,
    pub created_ms: i64,
    pub done_ms: i64,
    pub status: &'static str,
    error: Option<String>,
    pub file: Option<String>,
    objects: u64,
    roots: u64,
}

impl Job {
    fn is_open(&self) -> bool {
        matches!(self.status, "CREATED" | "RUNNING" | "CANCELING")
    }

    pub fn view(&self, url: &str, now_ms: i64) -> Value {
        let is_kept = now_ms < self.done_ms + KEPT_MS;
        let link = self
            .file
            .as_ref()
            .filter(|file| is_kept && !file.is_empty());
        let link = link.map(|_| format!("{url}/bulk/{}.jsonl?signature=x", self.id));
        let (whole, part) = match self.status {
            "COMPLETED" => (link, None),
            "FAILED" => (None, link),
            _ => (None, None),
        };
        json!({
            "__typename": "BulkOperation", "id": gid("BulkOperation", self.id), "status": self.status, "errorCode": self.error,
            "type": if self.lines.is_some() { "MUTATION" } else { "QUERY" }, "query": self.text, "createdAt": iso(self.created_ms),
            "completedAt": (!self.is_open()).then(|| iso(self.done_ms)),
            "objectCount": self.objects.to_string(), "rootObjectCount": self.roots.to_string(),
            "fileSize": self.file.as_ref().map(|it| it.len().to_string()), "url": whole, "partialDataUrl": part
        })
    }
}

impl Shopify {
    pub fn mutate_bulk(&mut self, field: &str, args: &Value, sim: &mut Sim) -> Option<Value> {
        Some(match field {
            "bulkOperationRunQuery" => self.run_query(args, sim),
            "bulkOperationRunMutation" => self.run_mutation(args, sim),
            "bulkOperationCancel" => {
                let id = args["id"].as_str().and_then(parse_gid);
                let job = self
                    .jobs
                    .iter_mut()
                    .find(|job| id == Some(("BulkOperation", job.id)));
                match job {
                    Some(job) if job.is_open() => job.status = "CANCELING",
                    Some(_) => {
                        return Some(refused(vec![wrong(
                            &[],
                            "A bulk operation cannot be canceled when it is completed",
                            "",
                        )]));
                    }
                    None => {
                        return Some(refused(vec![wrong(
                            &["id"],
                            "Bulk operation does not exist",
                            "",
                        )]));
                    }
                }
                done("bulkOperation", json!({ "__ref": args["id"] }))
            }
            "stagedUploadsCreate" => self.stage(args),
            _ => return None,
        })
    }

    fn run_query(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let text = args["query"].as_str().unwrap_or_default();
        let invalid = |message: &str| refused(vec![wrong(&["query"], message, "INVALID")]);
        let document = match graphql::document(text) {
            Ok(document) => document,
            Err(errors) => {
                return invalid(&format!(
                    "Invalid bulk query: {}",
                    errors[0]["message"].as_str().unwrap_or_default()
                ));
            }
        };
        let Ok(operation) = document.operations.get(None) else {
            return invalid("Invalid bulk query: one operation is needed");
        };
        if operation.is_mutation() {
            return invalid("Invalid bulk query: only queries can be run");
        }
        if let Err(message) = connections(operation) {
            return invalid(&message);
        }
        let running = self
            .jobs
            .iter()
            .filter(|job| job.is_open() && job.lines.is_none())
            .count();
        if running >= self.bulk_limit {
            let code = if self.bulk_limit == 1 {
                "OPERATION_IN_PROGRESS"
            } else {
                "LIMIT_REACHED"
            };
            return refused(vec![wrong(
                &[],
                "A bulk query operation for this app and shop is already in progress.",
                code,
            )]);
        }
        let is_grouped = args["groupObjects"] == true;
        let id = self.start(text, None, is_grouped, sim);
        done(
            "bulkOperation",
            json!({ "__ref": gid("BulkOperation", id) }),
        )
    }

    fn run_mutation(&mut self, args: &Value, sim: &mut Sim) -> Value {
        let text = args["mutation"].as_str().unwrap_or_default();
        let is_mutation = graphql::document(text)
            .is_ok_and(|it| it.operations.get(None).is_ok_and(|it| it.is_mutation()));
        if !is_mutation {
            return refused(vec![wrong(
                &["mutation"],
                "Invalid bulk mutation",
                "INVALID_MUTATION",
            )]);
        }
        let path = args["stagedUploadPath"].as_str().unwrap_or_default();
        let Some(Some(lines)) = self.uploads.get(path).cloned() else {
            return refused(vec![wrong(
                &["stagedUploadPath"],
                "The JSONL file could not be found. Try uploading the file again.",
                "NO_SUCH_FILE",
            )]);
        };
        if self
            .jobs
            .iter()
            .any(|job| job.is_open() && job.lines.is_some())
            && self.bulk_limit == 1
        {
            return refused(vec![wrong(
                &[],
                "A bulk mutation operation is already in progress.",
                "OPERATION_IN_PROGRESS",
            )]);
        }
        let id = self.start(text, Some(lines), false, sim);
        done(
            "bulkOperation",
            json!({ "__ref": gid("BulkOperation", id) }),
        )
    }

    fn start(&mut self, text: &str, lines: Option<String>, is_grouped: bool, sim: &mut Sim) -> u64 {
        let id = self.change().new_id();
        let fails = sim.vendor_fault("bulk-fail");
        self.jobs.push(Job {
            id,
            text: text.to_owned(),
            lines,
            is_grouped,
            data: self.data.clone(),
            created_ms: sim.now_ms(),
            done_ms: sim.now_ms() + self.job_ms,
            status: "CREATED",
            error: fails.map(|args| {
                args["code"]
                    .as_str()
                    .unwrap_or("INTERNAL_SERVER_ERROR")
                    .to_owned()
            }),
            file: None,
            objects: 0,
            roots: 0,
        });
        id
    }

    /// The result of an operation, or the part of it that is asked for.
    pub fn file(&self, name: &str, call: &Call) -> Answer {
        let job = self
            .jobs
            .iter()
            .find(|it| format!("{}.jsonl", it.id) == name);
        let signed = job.filter(|_| call.param("signature").is_some());
        let Some(file) = signed.and_then(|it| it.file.as_ref()) else {
            let text = "<Error><Code>AccessDenied</Code></Error>";
            return Answer::bytes(403, "application/xml", text);
        };
        let (bytes, length) = (file.as_bytes(), file.len());
        let range = call.header("range").and_then(|it| {
            let (start, end) = it.strip_prefix("bytes=")?.split_once('-')?;
            let (start, end): (usize, usize) = (start.parse().ok()?, end.parse().ok()?);
            Some((start, end.saturating_add(1).min(length)))
        });
        match range {
            None => Answer::bytes(200, "application/jsonl", bytes.to_vec()),
            Some((start, end)) if start < end => {
                let part = bytes[start..end].to_vec();
                let told = format!("bytes {start}-{}/{length}", end - 1);
                Answer::bytes(206, "application/jsonl", part).with("content-range", told)
            }
            Some(_) => Answer::empty(416).with("content-range", format!("bytes */{length}")),
        }
    }

    fn stage(&mut self, args: &Value) -> Value {
        let mut targets = Vec::new();
        for _ in args["input"].as_array().into_iter().flatten() {
            let id = self.change().new_id();
            let path = format!("tmp/1/bulk/{id}/bulk_op_vars");
            self.uploads.insert(path.clone(), None);
            targets.push(json!({ "url": format!("{}/staged-uploads", self.url), "resourceUrl": null, "parameters": [
                { "name": "key", "value": path }, { "name": "Content-Type", "value": "text/jsonl" }, { "name": "policy", "value": "x" }
            ] }));
        }
        done("stagedTargets", Value::Array(targets))
    }

    /// Lets jobs go on to where the clock is.
    pub fn tick(&mut self, sim: &mut Sim) {
        for at in 0..self.jobs.len() {
            let now_ms = sim.now_ms();
            let job = &mut self.jobs[at];
            match job.status {
                "CANCELING" => job.status = "CANCELED",
                "CREATED" if now_ms > job.created_ms && now_ms < job.done_ms => {
                    job.status = "RUNNING"
                }
                "CREATED" | "RUNNING" if now_ms >= job.done_ms => self.finish(at, sim),
                _ => {}
            }
        }
    }

    fn finish(&mut self, at: usize, sim: &mut Sim) {
        let job = &self.jobs[at];
        let (text, lines, data) = (job.text.clone(), job.lines.clone(), job.data.clone());
        let is_grouped = job.is_grouped;
        let mut made = match lines {
            Some(lines) => self.mutate_lines(&text, &lines, sim),
            None => self.read_lines(&text, &data, is_grouped, sim),
        };
        let job = &mut self.jobs[at];
        job.status = "COMPLETED";
        if job.error.is_some() {
            job.status = "FAILED";
            made.truncate(made.len() / 2);
        }
        // The copy of the shop is of no use any more.
        job.data = Arc::default();
        job.objects = made.len() as u64;
        job.roots = made
            .iter()
            .filter(|line| line.get("__parentId").is_none())
            .count() as u64;
        job.file = Some(made.iter().map(|line| format!("{line}\n")).collect());
        let body = json!({ "admin_graphql_api_id": gid("BulkOperation", job.id), "completed_at": iso(job.done_ms), "created_at": iso(job.created_ms),
            "error_code": job.error, "status": job.status.to_lowercase(), "type": if job.lines.is_some() { "mutation" } else { "query" } });
        self.tell("BULK_OPERATIONS_FINISH", &body, sim);
    }

    fn read_lines(
        &mut self,
        text: &str,
        data: &Arc<Data>,
        is_grouped: bool,
        sim: &mut Sim,
    ) -> Vec<Value> {
        let Ok(document) = graphql::document(text) else {
            return Vec::new();
        };
        let Ok(operation) = document.operations.get(None) else {
            return Vec::new();
        };
        let Ok(variables) =
            coerce_variable_values(graphql::schema(), operation, &graphql::map(&Value::Null))
        else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        let mut next = None;
        loop {
            let mut paging = Paging::whole();
            paging.count = ROWS;
            paging.cursor = next;
            let window = RefCell::new(Window {
                paging: Some(paging),
                next: None,
            });
            let body = graphql::execute(
                self,
                sim,
                &document,
                operation,
                &variables,
                Some((data, &window)),
            );
            for root in body["data"]
                .as_object()
                .into_iter()
                .flat_map(|data| data.values())
            {
                flatten(root, None, is_grouped, &mut lines);
            }
            next = window.into_inner().next;
            if next.is_none() {
                return lines;
            }
        }
    }

    fn mutate_lines(&mut self, text: &str, lines: &str, sim: &mut Sim) -> Vec<Value> {
        let Ok(document) = graphql::document(text) else {
            return Vec::new();
        };
        let Ok(operation) = document.operations.get(None) else {
            return Vec::new();
        };
        let mut made = Vec::new();
        for (at, line) in lines
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let variables = serde_json::from_str(line).unwrap_or(Value::Null);
            let mut body = match coerce_variable_values(
                graphql::schema(),
                operation,
                &graphql::map(&variables),
            ) {
                Ok(variables) => {
                    graphql::execute(self, sim, &document, operation, &variables, None)
                }
                Err(error) => json!({ "errors": [{ "message": error.message().to_string() }] }),
            };
            body["__lineNumber"] = json!(at);
            made.push(body);
        }
        made
    }
}

/// Rows of a connection first, then the rows of the connections within them.
fn flatten(connection: &Value, parent: Option<&str>, is_grouped: bool, lines: &mut Vec<Value>) {
    let mut later: Vec<(String, Value)> = Vec::new();
    for row in rows(connection) {
        let mut line = row.clone();
        let mut inner: Vec<(String, Value)> = Vec::new();
        let id = row["id"].as_str().unwrap_or_default();
        if let Some(fields) = line.as_object_mut() {
            fields.retain(|_, value| {
                let is_inner = is_connection(value);
                if is_inner {
                    inner.push((id.to_owned(), value.clone()));
                }
                !is_inner
            });
        }
        if let Some(parent) = parent {
            line["__parentId"] = json!(parent);
        }
        lines.push(line);
        if is_grouped {
            for (id, connection) in inner {
                flatten(&connection, Some(&id), is_grouped, lines);
            }
        } else {
            later.extend(inner);
        }
    }
    for (id, connection) in later {
        flatten(&connection, Some(&id), is_grouped, lines);
    }
}

fn is_connection(value: &Value) -> bool {
    value["edges"].is_array() || value["nodes"].is_array()
}

fn rows(connection: &Value) -> Vec<&Value> {
    let edges = connection["edges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|edge| &edge["node"]);
    let nodes = connection["nodes"].as_array().into_iter().flatten();
    edges.chain(nodes).collect()
}

/// At least one connection, at most five, no deeper than two within another.
fn connections(operation: &Operation) -> Result<(), String> {
    if operation.selection_set.selections.len() != 1 {
        return Err("Bulk queries cannot contain more than one top-level field.".to_owned());
    }
    let (count, depth) = walk(&operation.selection_set)?;
    match (count, depth) {
        (0, _) => Err("Bulk queries must contain at least one connection.".to_owned()),
        (6.., _) => Err("Bulk queries cannot contain more than 5 connections.".to_owned()),
        (_, 4..) => Err(
            "Bulk queries cannot contain connections with a nesting depth greater than 2."
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn walk(set: &SelectionSet) -> Result<(usize, usize), String> {
    let (mut count, mut depth) = (0, 0);
    let is_row =
        !set.ty.ends_with("Connection") && !set.ty.ends_with("Edge") && set.ty != "QueryRoot";
    for field in set.selections.iter().filter_map(|it| it.as_field()) {
        let (inner, levels) = walk(&field.selection_set)?;
        let is_connection = field.ty().inner_named_type().ends_with("Connection");
        let has_id = || set.fields().any(|it| it.name == "id" && it.alias.is_none());
        if is_connection && is_row && !has_id() {
            return Err("The parent 'node' field for a nested connection must select the 'id' field without an alias and must be of 'ID' return type.".to_owned());
        }
        count += inner + usize::from(is_connection);
        depth = depth.max(levels + usize::from(is_connection));
    }
    Ok((count, depth))
}
