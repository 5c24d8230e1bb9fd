//! Several calls in one: `/composite`, `/composite/batch`, collections below `/composite/sobjects`.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Done, Fault, Salesforce, body, not_found};
use crate::{Call, Sim};

/// Calls in one.
const MOST: usize = 25;

impl Salesforce {
    pub fn composite(&mut self, base: &str, rest: &[&str], call: &Call, sim: &mut Sim) -> Done {
        match (call.method.as_str(), rest) {
            ("POST", []) => self.chain(call, sim),
            ("POST", ["batch"]) => self.batch(call, sim),
            ("POST" | "PATCH", ["sobjects"]) => self.collection(call, None, sim),
            ("DELETE", ["sobjects"]) => self.bin_many(call, sim),
            ("PATCH", ["sobjects", name, external]) => {
                let object = self.kind(name).ok_or_else(not_found)?;
                let field = self.data.objects[object]
                    .field(external)
                    .filter(|it| it.is_external);
                let Some(field) = field.map(|it| it.name) else {
                    let text = format!(
                        "Provided external ID field does not exist or is not accessible: {external}"
                    );
                    return Err(Fault::new(400, "INVALID_FIELD", &text));
                };
                self.collection(call, Some((object, field)), sim)
            }
            ("GET" | "POST", ["sobjects", name]) => {
                let object = self.kind(name).ok_or_else(not_found)?;
                self.several(base, object, call, sim)
            }
            _ => Err(not_found()),
        }
    }

    /// Reads records by id; what is not there is null.
    fn several(&self, base: &str, object: &str, call: &Call, sim: &Sim) -> Done {
        let (ids, fields) = if call.method == Method::GET {
            let list = |name: &str| call.param(name).unwrap_or_default().to_owned();
            (list("ids"), list("fields"))
        } else {
            let body = body(call)?;
            let list = |name: &str| {
                let all = body[name]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                all.collect::<Vec<_>>().join(",")
            };
            (list("ids"), list("fields"))
        };
        if fields.is_empty() {
            return Err(Fault::new(
                400,
                "MISSING_ARGUMENT",
                "The fields list is missing",
            ));
        }
        let mut rows = Vec::new();
        for id in ids.split(',').filter(|it| !it.is_empty()) {
            let row = self
                .data
                .row(object, id)
                .filter(|it| self.data.is_seen(it, false, sim.now_ms()));
            rows.push(match row {
                Some(row) => self.whole(base, object, row, Some(&fields))?,
                None => Value::Null,
            });
        }
        if rows.len() > 2000 {
            return Err(Fault::new(
                400,
                "LIMIT_EXCEEDED",
                "At most 2000 records can be read",
            ));
        }
        Ok((200, Value::Array(rows)))
    }

    /// One call of several.
    fn inner(
        &mut self,
        method: &str,
        url: &str,
        body: &Value,
        outer: &Call,
        sim: &mut Sim,
    ) -> (u16, Value) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let call = Call {
            method: method.parse().unwrap_or(Method::GET),
            path: path.to_owned(),
            raw_query: query.to_owned(),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: outer.headers.clone(),
            body: if body.is_null() {
                Bytes::new()
            } else {
                Bytes::from(body.to_string())
            },
        };
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let answer = match parts.as_slice() {
            ["services", "data", version, rest @ ..]
                if rest.first() != Some(&"jobs") && rest != ["composite"] =>
            {
                match Self::version(version) {
                    Ok(_) => self.api(version, rest, &call, sim),
                    Err(fault) => fault.answer(),
                }
            }
            _ => not_found().answer(),
        };
        let told = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        (answer.status, told)
    }

    fn chain(&mut self, call: &Call, sim: &mut Sim) -> Done {
        let input = body(call)?;
        let Some(calls) = input["compositeRequest"].as_array() else {
            return Err(Fault::new(
                400,
                "MISSING_ARGUMENT",
                "compositeRequest is missing",
            ));
        };
        if calls.len() > MOST {
            let text = format!("Limit exceeded for the number of subrequests: {MOST}");
            return Err(Fault::new(400, "LIMIT_EXCEEDED", &text));
        }
        let saved = (input["allOrNone"] == true).then(|| self.data.clone());
        let mut done: Vec<(String, u16, Value)> = Vec::new();
        for call_in in calls {
            let name = call_in["referenceId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if name.is_empty() || done.iter().any(|(known, ..)| *known == name) {
                return Err(Fault::new(
                    400,
                    "INVALID_INPUT",
                    "Provide a referenceId that is its own in each subrequest",
                ));
            }
            let mut text = json!([call_in["url"], call_in["body"]]).to_string();
            let mut is_halted = false;
            while let Some((before, rest)) = text.split_once("@{") {
                let Some((reference, after)) = rest.split_once('}') else {
                    break;
                };
                let (of, path) = reference.split_once('.').unwrap_or((reference, "id"));
                let found = done
                    .iter()
                    .find(|(known, status, _)| known == of && *status < 300);
                let value = found.and_then(|(_, _, body)| body[path].as_str());
                is_halted |= value.is_none();
                text = format!("{before}{}{after}", value.unwrap_or_default());
            }
            let filled: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
            let (status, told) = if is_halted {
                (
                    400,
                    json!([{ "errorCode": "PROCESSING_HALTED", "message": "Invalid reference specified." }]),
                )
            } else {
                let method = call_in["method"].as_str().unwrap_or("GET");
                self.inner(
                    method,
                    filled[0].as_str().unwrap_or_default(),
                    &filled[1],
                    call,
                    sim,
                )
            };
            done.push((name, status, told));
        }
        if let Some(saved) = saved.filter(|_| done.iter().any(|(_, status, _)| *status >= 300)) {
            self.data = saved;
            self.pending.clear();
            for (_, status, told) in done.iter_mut().filter(|(_, status, _)| *status < 300) {
                let text = "The transaction was rolled back since another operation in the same transaction failed.";
                (*status, *told) = (
                    400,
                    json!([{ "errorCode": "PROCESSING_HALTED", "message": text }]),
                );
            }
        }
        let told = done.into_iter().map(|(name, status, body)| json!({ "body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": name }));
        Ok((
            200,
            json!({ "compositeResponse": told.collect::<Vec<_>>() }),
        ))
    }

    fn batch(&mut self, call: &Call, sim: &mut Sim) -> Done {
        let input = body(call)?;
        let Some(calls) = input["batchRequests"].as_array() else {
            return Err(Fault::new(
                400,
                "MISSING_ARGUMENT",
                "batchRequests is missing",
            ));
        };
        if calls.len() > MOST {
            return Err(Fault::new(400, "LIMIT_EXCEEDED", "At most 25 subrequests"));
        }
        let (mut results, mut has_errors) = (Vec::new(), false);
        for it in calls {
            let url = it["url"]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches('/');
            let url = format!(
                "/services/data/{}",
                url.trim_start_matches("services/data/")
            );
            let method = it["method"].as_str().unwrap_or("GET");
            let (status, told) = self.inner(method, &url, &it["richInput"], call, sim);
            has_errors |= status >= 300;
            results.push(json!({ "statusCode": status, "result": told }));
        }
        Ok((200, json!({ "hasErrors": has_errors, "results": results })))
    }
}
