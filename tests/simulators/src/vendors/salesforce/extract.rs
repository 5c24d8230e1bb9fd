//! Bulk API 2.0: jobs that give records as CSV, page by page.

use serde_json::{Value, json};

use super::bulk::missing;
use super::data::stamp;
use super::soql::{self, Query};
use super::{Fault, Salesforce, body, csv, select};
use crate::{Answer, Call, Sim};

/// A job that gives records.
#[derive(Clone, Debug)]
pub struct Extract {
    pub query: Query,
    text: String,
    pub operation: String,
    version: String,
    pub ids: Vec<String>,
    pub state: &'static str,
    pub created_ms: i64,
}

impl Salesforce {
    /// Below `/jobs/query`.
    pub fn extract(
        &mut self,
        version: &str,
        rest: &[&str],
        call: &Call,
        sim: &mut Sim,
    ) -> Result<Answer, Fault> {
        let view = |id: &str, job: &Extract| {
            json!({ "id": id, "operation": job.operation, "object": job.query.object, "createdDate": stamp(job.created_ms), "state": job.state,
                "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": job.version.trim_start_matches('v').parse::<f64>().unwrap_or(0.0),
                "jobType": "V2Query", "lineEnding": "LF", "columnDelimiter": "COMMA", "numberRecordsProcessed": job.ids.len(), "retries": 0, "query": job.text })
        };
        if let ("POST", []) = (call.method.as_str(), rest) {
            let (wanted, now_ms) = (body(call)?, sim.now_ms());
            let (text, operation) = (
                wanted["query"].as_str().unwrap_or_default(),
                wanted["operation"].as_str().unwrap_or_default(),
            );
            if operation != "query" && operation != "queryAll" {
                return Err(Fault::new(400, "INVALIDJOB", "Unknown operation"));
            }
            let query = self.parse(text, now_ms)?;
            let is_compound = |path: &soql::Path| {
                let field = self.data.objects[query.object].field(&path.parts[0]);
                path.parts.len() == 1 && field.is_some_and(super::schema::Field::is_compound)
            };
            if query.count.is_some() || query.offset > 0 || query.fields.iter().any(is_compound) {
                return Err(Fault::new(
                    400,
                    "API_ERROR",
                    "Selecting compound data not supported in Bulk Query",
                ));
            }
            let id = self.data.next_id("750");
            let job = Extract {
                query,
                text: text.to_owned(),
                operation: operation.to_owned(),
                version: version.to_owned(),
                ids: Vec::new(),
                state: "UploadComplete",
                created_ms: now_ms,
            };
            let told = view(&id, &job);
            self.query_jobs.insert(id, job);
            return Ok(Answer::json(200, &told));
        }
        let id = rest.first().copied().unwrap_or_default();
        let job = self.query_jobs.get_mut(id).ok_or_else(missing)?;
        match (call.method.as_str(), &rest[1..]) {
            ("GET", []) => Ok(Answer::json(200, &view(id, job))),
            ("PATCH", []) => {
                job.state = "Aborted";
                Ok(Answer::json(200, &view(id, job)))
            }
            ("DELETE", []) => {
                self.query_jobs.remove(id);
                Ok(Answer::empty(204))
            }
            ("GET", ["results"]) => {
                if job.version != version {
                    return Err(Fault::new(
                        409,
                        "API_VERSION_MISMATCH",
                        "The results have to be got with the version that made the job",
                    ));
                }
                if job.state != "JobComplete" {
                    return Err(Fault::new(
                        400,
                        "JOB_NOT_COMPLETE",
                        "The job is not complete",
                    ));
                }
                let job = job.clone();
                self.rows_out(&job, call)
            }
            _ => Err(missing()),
        }
    }

    fn rows_out(&self, job: &Extract, call: &Call) -> Result<Answer, Fault> {
        let most: usize = call
            .param("maxRecords")
            .and_then(|it| it.parse().ok())
            .unwrap_or(50_000)
            .max(1);
        let from = match call.param("locator") {
            None => 0,
            Some(text) => {
                let at = text
                    .strip_prefix("MTA")
                    .and_then(|it| it.parse::<usize>().ok())
                    .filter(|at| *at < job.ids.len());
                at.ok_or_else(|| Fault::new(400, "INVALID_QUERY_LOCATOR", "Invalid locator"))?
            }
        };
        let end = (from + most).min(job.ids.len());
        let head: Vec<String> = job
            .query
            .fields
            .iter()
            .map(|it| it.parts.join("."))
            .collect();
        let mut text = csv::line(&head);
        let mut count = 0;
        for row in job.ids[from..end]
            .iter()
            .filter_map(|id| self.data.row(job.query.object, id))
        {
            let cells = job.query.fields.iter().map(|path| {
                let found = select::follow(&self.data, job.query.object, row, path);
                match found.map(|(row, field)| (self.data.value(row, field), field.kind)) {
                    None | Some((Value::Null, _)) => String::new(),
                    Some((Value::String(text), "datetime")) => text.replace("+0000", "Z"),
                    Some((Value::String(text), _)) => text,
                    Some((other, _)) => other.to_string(),
                }
            });
            text.push_str(&csv::line(&cells.collect::<Vec<_>>()));
            count += 1;
        }
        let next = if end < job.ids.len() {
            format!("MTA{end}")
        } else {
            "null".to_owned()
        };
        Ok(csv::answer(text)
            .with("sforce-locator", next)
            .with("sforce-numberofrecords", count))
    }
}
