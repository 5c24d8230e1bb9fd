//! Bulk API 2.0: jobs that take in CSV, and how all jobs go on. A job is done a while after its last
//! call, by the clock.

use serde_json::{Map, Value, json};

use super::data::stamp;
use super::write::Target;
use super::{Fault, Salesforce, body, csv, select};
use crate::{Answer, Call, Sim};

const KEPT_MS: i64 = 7 * 86_400_000;

/// The id and whether it is new, or what was wrong.
type Outcome = Result<(String, bool), String>;

/// A job that takes in records.
#[derive(Clone, Debug)]
pub struct Ingest {
    object: &'static str,
    operation: String,
    external: Option<&'static str>,
    delimiter: (String, char),
    ending: String,
    state: &'static str,
    created_ms: i64,
    closed_ms: i64,
    upload: Option<String>,
    error: Option<String>,
    head: Vec<String>,
    results: Vec<(Vec<String>, Outcome)>,
}

#[cfg(test)]
impl Ingest {
    pub fn age(&mut self, by_ms: i64) {
        self.created_ms -= by_ms;
    }
}

/// A job that is not there.
pub fn missing() -> Fault {
    Fault::new(404, "NOT_FOUND", "The requested resource does not exist")
}

impl Salesforce {
    fn job_times(&self, closed_ms: i64, state: &'static str, now_ms: i64) -> &'static str {
        match state {
            "UploadComplete" | "InProgress" if now_ms >= closed_ms + self.job_ms => "JobComplete",
            "UploadComplete" | "InProgress" if now_ms >= closed_ms + self.job_ms / 2 => {
                "InProgress"
            }
            state => state,
        }
    }

    /// Lets jobs go on; old ones disappear.
    pub fn work(&mut self, sim: &Sim) {
        let now_ms = sim.now_ms();
        self.ingests
            .retain(|_, it| now_ms - it.created_ms < KEPT_MS);
        self.query_jobs
            .retain(|_, it| now_ms - it.created_ms < KEPT_MS);
        for id in self.ingests.keys().cloned().collect::<Vec<_>>() {
            let (closed_ms, old) = (self.ingests[&id].closed_ms, self.ingests[&id].state);
            let state = self.job_times(closed_ms, old, now_ms);
            if state == "JobComplete" && old != state {
                self.digest_job(&id, sim);
            } else if let Some(job) = self.ingests.get_mut(&id) {
                job.state = state;
            }
        }
        for id in self.query_jobs.keys().cloned().collect::<Vec<_>>() {
            let job = &self.query_jobs[&id];
            let state = self.job_times(job.created_ms, job.state, now_ms);
            if state == "JobComplete" && job.state != state {
                let ids = select::run(&self.data, &job.query, job.operation == "queryAll", now_ms);
                self.query_jobs.get_mut(&id).expect("is there").ids = ids;
            }
            self.query_jobs.get_mut(&id).expect("is there").state = state;
        }
    }

    fn digest_job(&mut self, id: &str, sim: &Sim) {
        let Some(mut job) = self.ingests.get(id).cloned() else {
            return;
        };
        job.state = "JobComplete";
        if let Err(error) = self.rows_of_job(&mut job, sim) {
            (job.state, job.error) = ("Failed", Some(error));
        }
        // Results come in no certain order.
        job.results.reverse();
        self.ingests.insert(id.to_owned(), job);
    }

    fn rows_of_job(&mut self, job: &mut Ingest, sim: &Sim) -> Result<(), String> {
        let text = job.upload.clone().unwrap_or_default();
        if (job.ending == "CRLF") != text.contains("\r\n") && !text.is_empty() {
            return Err(format!(
                "LineEnding is invalid on user data. Current LineEnding setting is {}",
                job.ending
            ));
        }
        if let Some(error) = self.failing.take() {
            return Err(error);
        }
        let mut rows =
            csv::read(&text, job.delimiter.1).ok_or("InvalidBatch : Unable to parse CSV")?;
        if rows.is_empty() {
            return Err("InvalidBatch : Unable to find header row".to_owned());
        }
        job.head = rows.remove(0);
        let known = self.data.objects[job.object].clone();
        let mut fields = Vec::new();
        for name in &job.head {
            // `Account.Crosspoint_Id__c` finds a parent.
            let parent = name
                .split_once('.')
                .and_then(|(parent, _)| known.by_relationship(parent));
            let field = known
                .field(name)
                .filter(|it| !self.is_hidden(job.object, it.name))
                .or(parent);
            fields.push(
                field
                    .ok_or_else(|| format!("InvalidBatch : Field name not found : {name}"))?
                    .clone(),
            );
        }
        let bare = Call {
            method: http::Method::PUT,
            path: String::new(),
            raw_query: String::new(),
            query: Vec::new(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
        for row in rows {
            let mut record = Map::new();
            let (mut key, mut id) = (None, None);
            for ((name, field), cell) in job.head.iter().zip(&fields).zip(&row) {
                if name.eq_ignore_ascii_case("Id") {
                    id = Some(cell.clone());
                } else if Some(field.name) == job.external && !name.contains('.') {
                    key = Some(cell.clone());
                } else if let Some((parent, by)) = name.split_once('.').filter(|_| !cell.is_empty())
                {
                    record.insert(parent.to_owned(), json!({ by: cell }));
                } else if cell == "#N/A" {
                    record.insert(field.name.to_owned(), Value::Null);
                } else if !cell.is_empty() {
                    // Empty means: as it is.
                    let value = match field.kind {
                        "boolean" => json!(matches!(cell.to_lowercase().as_str(), "true" | "1")),
                        "double" | "currency" => {
                            cell.parse::<f64>().map_or(json!(cell), |it| json!(it))
                        }
                        "int" => cell.parse::<i64>().map_or(json!(cell), |it| json!(it)),
                        _ => json!(cell),
                    };
                    record.insert(field.name.to_owned(), value);
                }
            }
            let id = id
                .filter(|it| !it.is_empty())
                .ok_or_else(|| Fault::field("Missing Id", "MISSING_ARGUMENT", &["Id"]));
            let wrong = row.len() != job.head.len();
            let outcome = match job.operation.as_str() {
                _ if wrong => Err(Fault::field(
                    "Number of fields in record exceeded number of fields in header",
                    "INVALID_CSV",
                    &[],
                )),
                "insert" => self
                    .readable(job.object, &record)
                    .and_then(|()| self.save(job.object, Target::New, &record, &bare, sim)),
                "update" => id.and_then(|id| {
                    self.readable(job.object, &record)?;
                    self.save(job.object, Target::Id(id), &record, &bare, sim)
                }),
                "upsert" => self.readable(job.object, &record).and_then(|()| {
                    let key = key.filter(|it| !it.is_empty()).ok_or_else(|| {
                        Fault::field("external id not specified", "MISSING_ARGUMENT", &[])
                    })?;
                    self.save(
                        job.object,
                        Target::External(job.external.unwrap_or_default(), key),
                        &record,
                        &bare,
                        sim,
                    )
                }),
                "delete" => id
                    .and_then(|id| self.bin(job.object, &id, sim))
                    .map(|id| (id, false)),
                _ => id.and_then(|id| {
                    let row = self.data.row(job.object, &id).ok_or_else(|| {
                        Fault::field("entity is deleted", "ENTITY_IS_DELETED", &[])
                    })?;
                    let id = row.id.clone();
                    self.data.purge(job.object, &id);
                    self.pending.push((
                        format!("{}.hardDelete", job.object),
                        id.clone(),
                        String::new(),
                        Value::Null,
                    ));
                    Ok((id, false))
                }),
            };
            let told = outcome.map_err(|fault| {
                format!(
                    "{}:{}:{}--",
                    fault.code,
                    fault.message,
                    fault.fields.join(",")
                )
            });
            job.results.push((row, told));
        }
        Ok(())
    }

    fn ingest_view(&self, id: &str, version: &str) -> Value {
        let job = &self.ingests[id];
        let failed = job.results.iter().filter(|(_, it)| it.is_err()).count();
        let mut view = json!({
            "id": id, "operation": job.operation, "object": job.object, "createdById": self.users[0], "createdDate": stamp(job.created_ms),
            "systemModstamp": stamp(job.created_ms), "state": job.state, "concurrencyMode": "Parallel", "contentType": "CSV",
            "apiVersion": version.trim_start_matches('v').parse::<f64>().unwrap_or(0.0), "lineEnding": job.ending, "columnDelimiter": job.delimiter.0
        });
        if let Some(name) = job.external {
            view["externalIdFieldName"] = json!(name);
        }
        if job.state == "Open" {
            view["contentUrl"] = json!(format!("services/data/{version}/jobs/ingest/{id}/batches"));
        } else {
            view["jobType"] = json!("V2Ingest");
            view["numberRecordsProcessed"] = json!(job.results.len());
            view["numberRecordsFailed"] = json!(failed);
            view["retries"] = json!(0);
            view["totalProcessingTime"] = json!(self.job_ms);
        }
        if let Some(error) = &job.error {
            view["errorMessage"] = json!(error);
        }
        view
    }

    /// Below `/jobs/ingest`.
    pub fn ingest(
        &mut self,
        version: &str,
        rest: &[&str],
        call: &Call,
        sim: &mut Sim,
    ) -> Result<Answer, Fault> {
        if let ("POST", []) = (call.method.as_str(), rest) {
            let id = self.new_ingest(&body(call)?, sim)?;
            return Ok(Answer::json(200, &self.ingest_view(&id, version)));
        }
        let Some((&id, rest)) = rest.split_first() else {
            let all: Vec<Value> = self
                .ingests
                .keys()
                .map(|id| self.ingest_view(id, version))
                .collect();
            return Ok(Answer::json(
                200,
                &json!({ "done": true, "records": all, "nextRecordsUrl": null }),
            ));
        };
        let id = id.to_owned();
        let state = self.ingests.get(&id).ok_or_else(missing)?.state;
        let refuse = |text: &str| Err(Fault::new(400, "INVALIDJOBSTATE", text));
        match (call.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.ingest_view(&id, version))),
            ("PUT", ["batches"]) => {
                if !call
                    .header("content-type")
                    .unwrap_or_default()
                    .starts_with("text/csv")
                {
                    return Err(Fault::new(
                        415,
                        "UNSUPPORTED_MEDIA_TYPE",
                        "Content-Type must be text/csv",
                    ));
                }
                let job = self.ingests.get_mut(&id).expect("is there");
                if state != "Open" || job.upload.is_some() {
                    return refuse(
                        "Found multiple contents for job: please use one upload per job",
                    );
                }
                let text = String::from_utf8(call.body.to_vec());
                job.upload = Some(
                    text.map_err(|_| Fault::new(400, "INVALIDBATCH", "the data is not UTF-8"))?,
                );
                Ok(Answer::empty(201))
            }
            ("PATCH", []) => {
                let wanted = body(call)?;
                let failing = sim.vendor_fault("job-fail").map(|it| {
                    it["message"]
                        .as_str()
                        .unwrap_or("InternalServerError : unexpected error")
                        .to_owned()
                });
                let job = self.ingests.get_mut(&id).expect("is there");
                match wanted["state"].as_str() {
                    Some("UploadComplete") if state == "Open" && job.upload.is_some() => {
                        (job.state, job.closed_ms) = ("UploadComplete", sim.now_ms());
                        self.failing = failing;
                    }
                    Some("Aborted") if state != "JobComplete" && state != "Failed" => {
                        job.state = "Aborted"
                    }
                    _ => return refuse(&format!("Job is in state {state} and cannot change so")),
                }
                Ok(Answer::json(200, &self.ingest_view(&id, version)))
            }
            ("DELETE", []) => {
                self.ingests.remove(&id);
                Ok(Answer::empty(204))
            }
            ("GET", [kind @ ("successfulResults" | "failedResults" | "unprocessedrecords")]) => {
                if !matches!(state, "JobComplete" | "Failed" | "Aborted") {
                    return refuse("Job is not in a state for results");
                }
                Ok(csv::answer(self.results_csv(&id, kind)))
            }
            _ => Err(missing()),
        }
    }

    fn new_ingest(&mut self, wanted: &Value, sim: &Sim) -> Result<String, Fault> {
        let text = |name: &str| wanted[name].as_str().unwrap_or_default().to_owned();
        let invalid = |message: &str| Err(Fault::new(400, "INVALIDJOB", message));
        let Some(object) = self.kind(&text("object")) else {
            return invalid(&format!("Unable to find object: {}", text("object")));
        };
        let operation = text("operation");
        if !matches!(
            operation.as_str(),
            "insert" | "update" | "upsert" | "delete" | "hardDelete"
        ) {
            return invalid(&format!("Unknown operation: {operation}"));
        }
        if operation == "hardDelete" && !self.may_hard_delete {
            return Err(Fault::new(
                403,
                "FEATURENOTENABLED",
                "hardDelete operation requires special user profile permission, please contact your system administrator",
            ));
        }
        if !matches!(wanted["contentType"].as_str(), None | Some("CSV")) {
            return invalid("Unsupported contentType");
        }
        let named = self.data.objects[object].field(&text("externalIdFieldName"));
        let external = named.filter(|it| it.is_external).map(|it| it.name);
        if operation == "upsert" && external.is_none() {
            return invalid(
                "ExternalIdFieldName is required for upsert and has to be an external id",
            );
        }
        let name = wanted["columnDelimiter"]
            .as_str()
            .unwrap_or("COMMA")
            .to_owned();
        let Some(mark) = csv::delimiter(&name) else {
            return invalid("Unknown columnDelimiter");
        };
        let ending = wanted["lineEnding"].as_str().unwrap_or("LF").to_owned();
        if ending != "LF" && ending != "CRLF" {
            return invalid("Unknown lineEnding");
        }
        let id = self.data.next_id("750");
        let job = Ingest {
            object,
            operation,
            external,
            delimiter: (name, mark),
            ending,
            state: "Open",
            created_ms: sim.now_ms(),
            closed_ms: 0,
            upload: None,
            error: None,
            head: Vec::new(),
            results: Vec::new(),
        };
        self.ingests.insert(id.clone(), job);
        Ok(id)
    }

    fn results_csv(&self, id: &str, kind: &str) -> String {
        let job = &self.ingests[id];
        let mut head = job.head.clone();
        let extra = match kind {
            "successfulResults" => ["sf__Id", "sf__Created"].as_slice(),
            "failedResults" => &["sf__Id", "sf__Error"],
            _ => &[],
        };
        head.splice(0..0, extra.iter().map(|&it| it.to_owned()));
        let mut text = csv::line(&head);
        if kind == "unprocessedrecords" {
            if job.state != "JobComplete" {
                let rows = csv::read(job.upload.as_deref().unwrap_or_default(), job.delimiter.1)
                    .unwrap_or_default();
                return rows.iter().map(|row| csv::line(row)).collect();
            }
            return text;
        }
        for (row, outcome) in &job.results {
            let mut cells = match outcome {
                Ok((id, is_new)) if kind == "successfulResults" => {
                    vec![id.clone(), is_new.to_string()]
                }
                Err(error) if kind == "failedResults" => vec![String::new(), error.clone()],
                _ => continue,
            };
            cells.extend(row.iter().cloned());
            text.push_str(&csv::line(&cells));
        }
        text
    }

    pub fn bulk(
        &mut self,
        version: &str,
        rest: &[&str],
        call: &Call,
        sim: &mut Sim,
    ) -> Option<Result<Answer, Fault>> {
        match rest {
            ["jobs", "ingest", rest @ ..] => Some(self.ingest(version, rest, call, sim)),
            ["jobs", "query", rest @ ..] => Some(self.extract(version, rest, call, sim)),
            _ => None,
        }
    }
}
