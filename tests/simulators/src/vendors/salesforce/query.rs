//! Queries: the first page, what is left behind a locator, one record, describe, change logs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::data::{Row, instant, stamp};
use super::soql::{self, Path, Query};
use super::{Done, Fault, Salesforce, select};
use crate::{Answer, Call, Sim};

/// A locator ends after so much rest.
const LOCATOR_MS: i64 = 2 * 86_400_000;
const DAY_MS: i64 = 86_400_000;

/// What is left of a query.
#[derive(Clone, Debug)]
pub struct Locator {
    query: Query,
    ids: Vec<String>,
    page: usize,
    version: String,
    used_ms: i64,
}

impl Salesforce {
    pub fn parse(&self, text: &str, now_ms: i64) -> Result<Query, Fault> {
        let hidden = |object: &str, field: &str| self.is_hidden(object, field);
        soql::parse(text, &self.data, &hidden, now_ms)
    }

    /// `/query` and `/queryAll`
    pub fn query(&mut self, version: &str, call: &Call, with_deleted: bool, sim: &mut Sim) -> Done {
        let Some(text) = call.param("q") else {
            return Err(Fault::new(
                400,
                "MALFORMED_QUERY",
                "A query string has to be specified",
            ));
        };
        let now_ms = sim.now_ms();
        let query = self.parse(text, now_ms)?;
        let ids = select::run(&self.data, &query, with_deleted, now_ms);
        match query.count {
            Some(false) => {
                return Ok((
                    200,
                    json!({ "totalSize": ids.len(), "done": true, "records": [] }),
                ));
            }
            Some(true) => {
                let row =
                    json!({ "attributes": { "type": "AggregateResult" }, "expr0": ids.len() });
                return Ok((
                    200,
                    json!({ "totalSize": 1, "done": true, "records": [row] }),
                ));
            }
            None => {}
        }
        let asked = call.header("sforce-query-options").and_then(|it| {
            it.split(',')
                .find_map(|it| it.trim().strip_prefix("batchSize=")?.trim().parse().ok())
        });
        let mut page: usize = asked.unwrap_or(2000).clamp(200, 2000);
        // A hint only: wide rows come in smaller pages.
        if query.fields.len() > 35 {
            page = page.min(500);
        }
        page = self.page.unwrap_or(page);
        if let Some(args) = sim.vendor_fault("small-page") {
            page = args["rows"].as_u64().unwrap_or(1).max(1) as usize;
        }
        let locator = Locator {
            query,
            ids,
            page,
            version: version.to_owned(),
            used_ms: now_ms,
        };
        let id = format!("01gRO{:07}IAYA2", self.number());
        let body = self.page_of(&locator, &id, 0);
        if body["done"] == false {
            self.locators.insert(id, locator);
        }
        Ok((200, body))
    }

    /// `/query/{locator}-{offset}`
    pub fn more(&mut self, text: &str, sim: &Sim) -> Done {
        let invalid = || Fault::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
        let (id, offset) = text.rsplit_once('-').ok_or_else(invalid)?;
        let offset: usize = offset.parse().map_err(|_| invalid())?;
        let now_ms = sim.now_ms();
        let locator = self
            .locators
            .get_mut(id)
            .filter(|it| now_ms - it.used_ms < LOCATOR_MS)
            .ok_or_else(invalid)?;
        locator.used_ms = now_ms;
        let locator = locator.clone();
        if offset > locator.ids.len() {
            return Err(invalid());
        }
        Ok((200, self.page_of(&locator, id, offset)))
    }

    fn page_of(&self, locator: &Locator, id: &str, offset: usize) -> Value {
        let end = (offset + locator.page).min(locator.ids.len());
        let base = format!("/services/data/{}", locator.version);
        let object = locator.query.object;
        let rows = locator.ids[offset..end]
            .iter()
            .filter_map(|id| self.data.row(object, id));
        let records = rows.map(|row| self.record(&base, object, row, &locator.query.fields));
        let records: Vec<Value> = records.collect();
        let mut body = json!({ "totalSize": locator.ids.len(), "done": end == locator.ids.len(), "records": records });
        if end < locator.ids.len() {
            body["nextRecordsUrl"] = json!(format!("{base}/query/{id}-{end}"));
        }
        body
    }

    fn record(&self, base: &str, object: &str, row: &Row, fields: &[Path]) -> Value {
        let mut shown = Map::new();
        shown.insert(
            "attributes".to_owned(),
            json!({ "type": object, "url": format!("{base}/sobjects/{object}/{}", row.id) }),
        );
        for path in fields {
            self.show(base, object, row, &mut shown, &path.parts);
        }
        Value::Object(shown)
    }

    /// Writes a field, or a parent and its field, into what is shown.
    fn show(
        &self,
        base: &str,
        object: &str,
        row: &Row,
        shown: &mut Map<String, Value>,
        parts: &[String],
    ) {
        let Some((first, rest)) = parts.split_first() else {
            return;
        };
        let known = &self.data.objects[object];
        if rest.is_empty() {
            let value = known.field(first).map(|field| self.data.value(row, field));
            shown.insert(first.clone(), value.unwrap_or(Value::Null));
            return;
        }
        let id = known
            .by_relationship(first)
            .and_then(|field| row.fields.get(field.name)?.as_str());
        let parent = id.and_then(|id| {
            let kind = self.data.owner_of(id)?;
            Some((kind, self.data.row(kind, id)?))
        });
        let Some((kind, parent)) = parent else {
            shown.insert(first.clone(), Value::Null);
            return;
        };
        let attributes = json!({ "attributes": { "type": kind, "url": format!("{base}/sobjects/{kind}/{}", parent.id) } });
        let slot = shown.entry(first.clone()).or_insert(attributes);
        if let Value::Object(inner) = slot {
            self.show(base, kind, parent, inner, rest);
        }
    }

    /// One record, as `GET` shows it.
    pub fn whole(
        &self,
        base: &str,
        object: &str,
        row: &Row,
        wanted: Option<&str>,
    ) -> Result<Value, Fault> {
        let known = self
            .data
            .object(object)
            .map(|it| it.fields.as_slice())
            .unwrap_or_default();
        let shown = known.iter().filter(|it| !self.is_hidden(object, it.name));
        let mut paths = Vec::new();
        match wanted {
            None => paths.extend(shown.map(|it| Path {
                parts: vec![it.name.to_owned()],
            })),
            Some(names) => {
                for name in names.split(',') {
                    let field = shown
                        .clone()
                        .find(|it| it.name.eq_ignore_ascii_case(name.trim()));
                    let field = field.ok_or_else(|| {
                        Fault::field(
                            &format!("No such column '{name}' on entity '{object}'"),
                            "INVALID_FIELD",
                            &[],
                        )
                    })?;
                    paths.push(Path {
                        parts: vec![field.name.to_owned()],
                    });
                }
                paths.push(Path {
                    parts: vec!["Id".to_owned()],
                });
            }
        }
        Ok(self.record(base, object, row, &paths))
    }

    /// `/sobjects/{Object}/deleted` and `/updated`
    pub fn log(&self, object: &str, deleted: bool, call: &Call, sim: &Sim) -> Done {
        let at = |name: &str| {
            let text = call.param(name).ok_or_else(|| {
                Fault::new(400, "MISSING_ARGUMENT", &format!("{name} is required"))
            })?;
            // A plus sign that was not encoded arrives as a space.
            let parsed = instant(text).filter(|_| text.contains('T'));
            parsed.ok_or_else(|| {
                Fault::new(400, "INVALID_DATE_FORMAT", &format!("invalid date: {text}"))
            })
        };
        let (start_ms, end_ms, now_ms) = (at("start")?, at("end")?, sim.now_ms());
        let days = if deleted { 15 } else { 30 };
        let refuse = |text: &str| Err(Fault::new(400, "INVALID_REPLICATION_DATE", text));
        if end_ms - start_ms <= 60_000 {
            return refuse("endDate must be at least one minute greater than startDate");
        }
        if start_ms < now_ms - days * DAY_MS {
            return refuse(&format!("startDate cannot be more than {days} days ago"));
        }
        let covered_ms = end_ms.min(now_ms - self.replication_lag_ms).max(start_ms);
        let earliest_ms = self.purged_ms.max(now_ms - days * DAY_MS);
        let rows = self.data.rows(object).filter(|it| {
            it.is_deleted == deleted
                && (start_ms.max(earliest_ms)..=covered_ms).contains(&it.stamp_ms)
        });
        if deleted {
            let rows = rows.map(|it| json!({ "id": it.id, "deletedDate": stamp(it.stamp_ms) }));
            return Ok((
                200,
                json!({ "deletedRecords": rows.collect::<Vec<_>>(), "earliestDateAvailable": stamp(earliest_ms), "latestDateCovered": stamp(covered_ms) }),
            ));
        }
        let ids: Vec<&String> = rows.map(|it| &it.id).collect();
        Ok((
            200,
            json!({ "ids": ids, "latestDateCovered": stamp(covered_ms) }),
        ))
    }

    pub fn describe(&self, base: &str, object: &str) -> Done {
        let known = &self.data.objects[object];
        Ok((
            200,
            known.describe(base, |field| self.is_hidden(object, field)),
        ))
    }

    /// `/limits` and the like.
    pub fn resources(&self, version: &str, rest: &[&str]) -> Option<Answer> {
        let base = format!("/services/data/{version}");
        Some(match rest {
            [] => {
                let names = [
                    "sobjects",
                    "query",
                    "queryAll",
                    "composite",
                    "limits",
                    "jobs",
                ];
                let all: BTreeMap<&str, String> = names
                    .into_iter()
                    .map(|it| (it, format!("{base}/{it}")))
                    .collect();
                Answer::json(200, &json!(all))
            }
            ["limits"] => {
                let left = self.daily.saturating_sub(self.used);
                Answer::json(
                    200,
                    &json!({ "DailyApiRequests": { "Max": self.daily, "Remaining": left },
                    "DailyBulkV2QueryJobs": { "Max": 10_000, "Remaining": 10_000 - self.query_jobs.len() }, "DailyBulkApiBatches": { "Max": 15_000, "Remaining": 15_000 } }),
                )
            }
            ["sobjects"] => {
                let seen = self
                    .data
                    .objects
                    .values()
                    .filter(|it| !self.is_hidden(it.name, ""));
                let all = seen.map(|it| {
                    let mut told = it.describe(&base, |_| true);
                    told.as_object_mut().map(|it| it.remove("fields"));
                    told
                });
                Answer::json(
                    200,
                    &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": all.collect::<Vec<_>>() }),
                )
            }
            _ => return None,
        })
    }
}
