//! Jobs: accepted with 202, done later, row by row.

use serde_json::{Value, json};

use super::data::{attributes, stamp};
use super::query::{self, Paging};
use super::{Klaviyo, Outcome, Refusal, digest, profile};
use crate::{Call, Sim};

/// Bytes of one call.
const BODY_MAX: usize = 5_000_000;

/// One job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    pub kind: String,
    pub rows: Vec<Value>,
    /// The list that it is about, if any.
    pub list: Option<String>,
    pub source: Option<String>,
    pub is_historical: bool,
    /// In order of submission.
    number: u64,
    submitted_ms: i64,
    job_ms: i64,
    done: usize,
    failed: Vec<(usize, Refusal)>,
    /// Profiles by import.
    imported: Vec<String>,
    completed_ms: Option<i64>,
    is_stuck: bool,
    is_cancelled: bool,
    fails: Option<Value>,
}

impl Job {
    fn view(&self) -> Value {
        let status = match self.completed_ms {
            Some(_) if self.is_cancelled => "cancelled",
            Some(_) => "complete",
            None if self.done == 0 => "queued",
            None => "processing",
        };
        let failed = self.failed.len();
        let mut attributes = json!({
            "status": status, "created_at": stamp(self.submitted_ms), "total_count": self.rows.len(), "completed_count": self.done - failed,
            "failed_count": failed, "completed_at": self.completed_ms.map(stamp)
        });
        if self.kind == "profile-bulk-import-job" {
            attributes["started_at"] = if self.done > 0 {
                json!(stamp(self.submitted_ms))
            } else {
                Value::Null
            };
            attributes["expires_at"] = json!(stamp(self.submitted_ms + 7 * 86_400_000));
        } else {
            attributes["skipped_count"] = json!(0);
        }
        json!({ "type": self.kind, "id": self.id, "attributes": attributes, "links": { "self": format!("/api/{}s/{}/", self.kind, self.id) } })
    }

    pub fn truth(&self) -> Value {
        json!({ "id": self.id, "updated_at_ms": self.completed_ms.unwrap_or(self.submitted_ms), "deleted": false, "kind": self.kind, "rows": self.rows.len(),
                "done": self.done, "failed": self.failed.len(), "is_complete": self.completed_ms.is_some() })
    }

    /// Rows that should be done by now.
    fn due(&self, now_ms: i64) -> usize {
        let passed_ms = (now_ms - self.submitted_ms).max(0);
        if self.job_ms <= 0 || passed_ms >= self.job_ms {
            return if self.is_cancelled {
                self.rows.len() / 2
            } else {
                self.rows.len()
            };
        }
        // Nothing happens in the first fifth.
        let share = (passed_ms * 5 - self.job_ms).max(0) as usize;
        self.rows.len() * share / (self.job_ms as usize * 4)
    }
}

fn rows_of<'a>(data: &'a Value, pointer: &str, most: usize) -> Outcome<&'a Vec<Value>> {
    let rows = data
        .as_array()
        .ok_or_else(|| Refusal::at(pointer, "An array is required."))?;
    if rows.is_empty() || rows.len() > most {
        return Err(Refusal::at(
            pointer,
            &format!("The array must have between 1 and {most} elements."),
        ));
    }
    Ok(rows)
}

impl Klaviyo {
    pub fn job_calls(
        &mut self,
        call: &Call,
        parts: &[&str],
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        let kind = parts[0].trim_end_matches('s');
        match (call.method.as_str(), &parts[1..]) {
            ("POST", []) => self.submit(kind, call, body, sim),
            // Deletions cannot be followed.
            ("GET", _)
                if kind == "data-privacy-deletion-job"
                    || kind.starts_with("profile-subscription") =>
            {
                Err(Refusal::not_found())
            }
            ("GET", []) => {
                query::only(call, &["filter", "sort", "page[size]", "page[cursor]"])?;
                let rows: Vec<&Job> = self.jobs.values().filter(|it| it.kind == kind).collect();
                let paging = Paging {
                    sorts: &["created_at"],
                    default_sort: "created_at",
                    size: 20,
                    size_max: 100,
                };
                let key = |it: &&Job, _: &str| (query::instant_key(it.submitted_ms), it.id.clone());
                Ok((
                    200,
                    query::page(call, sim, &paging, rows, key, |it| it.view())?,
                ))
            }
            ("GET", [id, rest @ ..]) => {
                let job = self
                    .jobs
                    .get(*id)
                    .filter(|it| it.kind == kind)
                    .ok_or_else(Refusal::not_found)?;
                let paging = Paging {
                    sorts: &["row"],
                    default_sort: "row",
                    size: 20,
                    size_max: 100,
                };
                match rest {
                    [] => Ok((200, json!({ "data": job.view() }))),
                    ["import-errors"] if kind == "profile-bulk-import-job" => {
                        query::only(
                            call,
                            &["page[size]", "page[cursor]", "fields[import-error]"],
                        )?;
                        let view = |(at, refusal): &&(usize, Refusal)| {
                            let pointer = refusal
                                .source
                                .as_ref()
                                .map_or_else(String::new, |(_, it)| it.clone());
                            json!({ "type": "import-error", "id": format!("{}-{at}", job.id), "attributes": {
                                "code": refusal.code, "title": "Invalid input.", "detail": refusal.detail, "source": { "pointer": pointer },
                                "original_payload": job.rows[*at]["attributes"] }, "links": { "self": "" } })
                        };
                        let key = |(at, _): &&(usize, Refusal), _: &str| {
                            (format!("{at:08}"), String::new())
                        };
                        Ok((
                            200,
                            query::page(
                                call,
                                sim,
                                &paging,
                                job.failed.iter().collect(),
                                key,
                                view,
                            )?,
                        ))
                    }
                    ["profiles"] if kind == "profile-bulk-import-job" => {
                        query::only(
                            call,
                            &[
                                "page[size]",
                                "page[cursor]",
                                "fields[profile]",
                                "additional-fields[profile]",
                            ],
                        )?;
                        let rows: Vec<&String> = job
                            .imported
                            .iter()
                            .filter(|id| self.profiles.contains_key(*id))
                            .collect();
                        let key = |id: &&String, _: &str| ((*id).clone(), String::new());
                        Ok((
                            200,
                            query::page(call, sim, &paging, rows, key, |id| {
                                self.profiles[*id].view(&[])
                            })?,
                        ))
                    }
                    _ => Err(Refusal::not_found()),
                }
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn submit(
        &mut self,
        kind: &str,
        call: &Call,
        body: &Value,
        sim: &mut Sim,
    ) -> Outcome<(u16, Value)> {
        const PROFILES: &str = "/data/attributes/profiles/data";
        if call.body.len() > BODY_MAX {
            return Err(Refusal::new(
                413,
                "payload_too_large",
                "The payload is larger than 5 MB.",
            ));
        }
        let data = &body["data"];
        let given = |known: &[&str]| attributes(data, kind, "/data", known);
        let list = |name: &str| {
            data["relationships"][name]["data"]["id"]
                .as_str()
                .map(str::to_owned)
        };
        let profiles = &data["attributes"]["profiles"]["data"];
        let mut list_id = None;
        let rows = match kind {
            "profile-bulk-import-job" => {
                given(&["profiles"])?;
                let lists = data["relationships"]["lists"]["data"].as_array();
                list_id = lists
                    .and_then(|it| it.first())
                    .and_then(|it| it["id"].as_str())
                    .map(str::to_owned);
                rows_of(profiles, PROFILES, 10_000)?.clone()
            }
            "profile-subscription-bulk-create-job" => {
                let fields = given(&["profiles", "custom_source", "historical_import"])?;
                list_id = list("list");
                let rows = rows_of(profiles, PROFILES, 1000)?;
                let is_historical = fields.get("historical_import") == Some(&Value::Bool(true));
                for (at, row) in rows.iter().enumerate() {
                    self.check_subscription(row, &format!("{PROFILES}/{at}"), is_historical, sim)?;
                }
                rows.clone()
            }
            "profile-subscription-bulk-delete-job" => {
                given(&["profiles"])?;
                list_id = list("list");
                let rows = rows_of(profiles, PROFILES, 100)?;
                for (at, row) in rows.iter().enumerate() {
                    profile::check(row, &format!("{PROFILES}/{at}"), &["subscriptions"])?;
                }
                rows.clone()
            }
            "profile-suppression-bulk-create-job" | "profile-suppression-bulk-delete-job" => {
                attributes(
                    &json!({ "type": data["type"], "attributes": data.get("attributes").cloned().unwrap_or_else(|| json!({})) }),
                    kind,
                    "/data",
                    &["profiles"],
                )?;
                match list("list").or_else(|| list("segment")) {
                    Some(id) => self.emails_of(&id)?,
                    None => {
                        let rows = rows_of(profiles, PROFILES, 100)?;
                        for (at, row) in rows.iter().enumerate() {
                            attributes(row, "profile", &format!("{PROFILES}/{at}"), &["email"])?;
                            profile::check(row, &format!("{PROFILES}/{at}"), &[])?;
                        }
                        rows.clone()
                    }
                }
            }
            "data-privacy-deletion-job" => {
                given(&["profile"])?;
                let profile = &data["attributes"]["profile"]["data"];
                let fields = attributes(
                    profile,
                    "profile",
                    "/data/attributes/profile/data",
                    &["email", "phone_number"],
                );
                let given =
                    fields.map_or(0, serde_json::Map::len) + usize::from(profile["id"].is_string());
                if given != 1 {
                    return Err(Refusal::at(
                        "/data/attributes/profile/data",
                        "Exactly one of id, email or phone_number is required.",
                    ));
                }
                vec![profile.clone()]
            }
            _ => return Err(Refusal::not_found()),
        };
        if let Some(id) = &list_id
            && self.lists.get(id).is_none_or(|it| it.is_segment)
        {
            return Err(Refusal::new(
                404,
                "not_found",
                &format!("A list with id {id} does not exist."),
            ));
        }
        let id = self.new_id("job");
        let count = rows.len();
        sim.effect(
            "job.create",
            kind,
            &digest(body),
            json!({ "id": id, "rows": count }),
        );
        let job = Job {
            id: id.clone(),
            kind: kind.to_owned(),
            rows,
            list: list_id,
            source: data["attributes"]["custom_source"]
                .as_str()
                .map(str::to_owned),
            is_historical: data["attributes"]["historical_import"] == true,
            number: self.made,
            submitted_ms: sim.now_ms(),
            job_ms: self.job_ms,
            done: 0,
            failed: Vec::new(),
            imported: Vec::new(),
            completed_ms: None,
            is_stuck: sim.vendor_fault("job-stuck").is_some(),
            is_cancelled: sim.vendor_fault("job-cancelled").is_some(),
            fails: sim.vendor_fault("import-partial"),
        };
        let view = job.view();
        self.jobs.insert(id, job);
        // Only these can be looked at later.
        let is_followed =
            kind == "profile-bulk-import-job" || kind.starts_with("profile-suppression");
        Ok((
            202,
            if is_followed {
                json!({ "data": view })
            } else {
                Value::Null
            },
        ))
    }

    fn emails_of(&self, list: &str) -> Outcome<Vec<Value>> {
        let list = self.lists.get(list).ok_or_else(Refusal::not_found)?;
        let emails = list
            .members
            .keys()
            .filter_map(|id| self.profiles.get(id)?.email.clone());
        Ok(emails
            .map(|it| json!({ "type": "profile", "attributes": { "email": it } }))
            .collect())
    }

    /// Does what jobs have time for.
    pub fn tick(&mut self, sim: &mut Sim) {
        let now_ms = sim.now_ms();
        let mut open: Vec<(u64, String)> = (self.jobs.iter())
            .filter(|(_, it)| it.completed_ms.is_none() && !it.is_stuck)
            .map(|(id, it)| (it.number, id.clone()))
            .collect();
        open.sort_unstable();
        for (_, id) in open {
            let Some(mut job) = self.jobs.remove(&id) else {
                continue;
            };
            let due = job.due(now_ms);
            while job.done < due {
                let at = job.done;
                let row = job.rows[at].clone();
                let fails = job.fails.as_ref().is_some_and(|args| {
                    let emails = args["emails"]
                        .as_array()
                        .map(Vec::as_slice)
                        .unwrap_or_default();
                    args["index"].as_u64() == Some(at as u64)
                        || emails.contains(&row["attributes"]["email"])
                });
                let pointer = format!("/data/attributes/profiles/data/{at}");
                let done = if fails {
                    Err(Refusal::at(&pointer, "The profile could not be imported."))
                } else {
                    self.work(&job, &row, &pointer, sim)
                };
                match done {
                    Ok(Some(profile)) => job.imported.push(profile),
                    Ok(None) => {}
                    Err(refusal) => job.failed.push((at, refusal)),
                }
                job.done += 1;
            }
            let is_through = now_ms - job.submitted_ms >= job.job_ms;
            if is_through {
                job.completed_ms = Some(now_ms);
            }
            self.jobs.insert(id, job);
            if !is_through {
                break;
            }
        }
    }

    fn work(
        &mut self,
        job: &Job,
        row: &Value,
        pointer: &str,
        sim: &mut Sim,
    ) -> Outcome<Option<String>> {
        let email = row["attributes"]["email"].as_str();
        match job.kind.as_str() {
            "profile-bulk-import-job" => {
                let (id, _) = self.upsert(row, pointer, sim)?;
                if let Some(list) = job.list.clone() {
                    self.join(&list, &id, sim);
                }
                return Ok(Some(id));
            }
            "profile-subscription-bulk-create-job" => self.subscribe_profile(row, job, sim)?,
            "profile-subscription-bulk-delete-job" => {
                self.unsubscribe_profile(row, job.list.as_deref(), sim)?
            }
            "profile-suppression-bulk-create-job" => {
                self.suppress(email.unwrap_or_default(), true, sim)?
            }
            "profile-suppression-bulk-delete-job" => {
                self.suppress(email.unwrap_or_default(), false, sim)?
            }
            _ => {
                let phone = row["attributes"]["phone_number"].as_str();
                let matching = |it: &super::Profile| {
                    row["id"] == it.id
                        || email.is_some() && it.email.as_deref() == email
                        || phone.is_some() && it.phone.as_deref() == phone
                };
                let ids: Vec<String> = self
                    .profiles
                    .values()
                    .filter(|it| matching(it))
                    .map(|it| it.id.clone())
                    .collect();
                for id in ids {
                    sim.effect("profile.delete", &id, "", json!({ "email": email }));
                    self.delete(&id);
                }
            }
        }
        Ok(None)
    }
}
