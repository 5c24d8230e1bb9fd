//! Many records in one call, each with its own outcome.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::write::Target;
use super::{Done, Fault, Salesforce};
use crate::{Call, Sim};

/// Records of a collection in one call.
const MOST: usize = 200;

impl Salesforce {
    /// `/composite/sobjects…` with a body.
    pub fn collection(
        &mut self,
        call: &Call,
        external: Option<(&'static str, &'static str)>,
        sim: &mut Sim,
    ) -> Done {
        let body = super::body(call)?;
        let Some(records) = body["records"].as_array() else {
            return Err(Fault::new(
                400,
                "MISSING_ARGUMENT",
                "The records list is missing",
            ));
        };
        if records.len() > MOST {
            let text = format!(
                "The maximum number of records allowed is {MOST}: {} were given",
                records.len()
            );
            return Err(Fault::new(400, "LIMIT_EXCEEDED", &text));
        }
        let mut rows = Vec::new();
        for record in records {
            let Some(fields) = record.as_object() else {
                return Err(Fault::new(
                    400,
                    "JSON_PARSER_ERROR",
                    "Unexpected element in records",
                ));
            };
            let kind = record["attributes"]["type"].as_str().unwrap_or_default();
            let Some(object) = self.kind(kind) else {
                let text =
                    format!("Include a type field inside attributes for each record: '{kind}'");
                return Err(Fault::new(400, "INVALID_INPUT", &text));
            };
            if external.is_some_and(|(wanted, _)| wanted != object) {
                return Err(Fault::new(
                    400,
                    "INVALID_INPUT",
                    "All records must be of the type in the URL",
                ));
            }
            self.readable(object, fields)?;
            rows.push((object, fields.clone()));
        }
        let chunks = 1 + rows.windows(2).filter(|it| it[0].0 != it[1].0).count();
        if chunks > 10 {
            return Err(Fault::new(
                400,
                "INVALID_INPUT",
                "Too many chunks of types: at most 10",
            ));
        }
        let is_update = call.method == http::Method::PATCH;
        let poison = sim.vendor_fault("row-error");
        let mut seen = BTreeSet::new();
        let saved = (body["allOrNone"] == true).then(|| self.data.clone());
        let (mut outcomes, mut is_bad) = (Vec::new(), false);
        for (at, (object, mut fields)) in rows.into_iter().enumerate() {
            let mut outcome = match (&poison, external) {
                (Some(args), _) if args["index"].as_u64().unwrap_or(0) == at as u64 => {
                    let code = args["code"].as_str().unwrap_or("UNABLE_TO_LOCK_ROW");
                    Err(Fault::field(
                        "unable to obtain exclusive access to this record",
                        code,
                        &[],
                    ))
                }
                (_, None) if !is_update => self.save(object, Target::New, &fields, call, sim),
                (_, None) => {
                    let id = fields.remove("Id").or(fields.remove("id"));
                    match id.as_ref().and_then(Value::as_str) {
                        Some(id) => {
                            self.save(object, Target::Id(id.to_owned()), &fields, call, sim)
                        }
                        None => Err(Fault::field(
                            "Id not specified in an update call",
                            "MISSING_ARGUMENT",
                            &["Id"],
                        )),
                    }
                }
                (_, Some((_, name))) => {
                    let value = fields.remove(name).and_then(|it| {
                        it.as_str()
                            .map(str::to_owned)
                            .or(Some(it.to_string()).filter(|_| it.is_number()))
                    });
                    match value.filter(|it| !it.is_empty()) {
                        None => Err(Fault::field(
                            &format!("{name} not specified"),
                            "MISSING_ARGUMENT",
                            &[name],
                        )),
                        Some(value) if !seen.insert(value.to_lowercase()) => Err(Fault::field(
                            &format!("Duplicate external id specified: {value}"),
                            "DUPLICATE_VALUE",
                            &[name],
                        )),
                        Some(value) => {
                            self.save(object, Target::External(name, value), &fields, call, sim)
                        }
                    }
                }
            };
            if let Err(fault) = &mut outcome
                && fault.status == 300
            {
                *fault = Fault::field(
                    "More than one record found for the external id",
                    "DUPLICATE_EXTERNAL_ID",
                    &[],
                );
            }
            is_bad |= outcome.is_err();
            outcomes.push(outcome);
        }
        if let Some(saved) = saved.filter(|_| is_bad) {
            self.data = saved;
            self.pending.clear();
            for outcome in outcomes.iter_mut().filter(|it| it.is_ok()) {
                let text = "Record rolled back because not all records were valid and the request was using AllOrNone header";
                *outcome = Err(Fault::field(text, "ALL_OR_NONE_OPERATION_ROLLED_BACK", &[]));
            }
        }
        let told = outcomes.into_iter().map(|outcome| match outcome {
            Ok((id, is_new)) if external.is_some() => {
                json!({ "id": id, "success": true, "errors": [], "created": is_new })
            }
            Ok((id, _)) => json!({ "id": id, "success": true, "errors": [] }),
            Err(fault) => json!({ "success": false, "errors": [fault.of_row()] }),
        });
        Ok((200, told.collect()))
    }

    /// `DELETE /composite/sobjects?ids=`
    pub fn bin_many(&mut self, call: &Call, sim: &Sim) -> Done {
        let ids: Vec<&str> = call
            .param("ids")
            .unwrap_or_default()
            .split(',')
            .filter(|it| !it.is_empty())
            .collect();
        if ids.is_empty() || ids.len() > MOST {
            return Err(Fault::new(
                400,
                "INVALID_INPUT",
                "The ids parameter must name 1 to 200 records",
            ));
        }
        let saved = (call.param("allOrNone") == Some("true")).then(|| self.data.clone());
        let mut outcomes = Vec::new();
        for id in &ids {
            outcomes.push(match self.data.owner_of(id) {
                Some(object) => self.bin(object, id, sim),
                None => Err(Fault::field(
                    &format!("malformed id {id}"),
                    "MALFORMED_ID",
                    &[],
                )),
            });
        }
        if let Some(saved) = saved.filter(|_| outcomes.iter().any(Result::is_err)) {
            self.data = saved;
            self.pending.clear();
            for outcome in outcomes.iter_mut().filter(|it| it.is_ok()) {
                *outcome = Err(Fault::field(
                    "Record rolled back",
                    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                    &[],
                ));
            }
        }
        let told = outcomes.into_iter().map(|it| match it {
            Ok(id) => json!({ "id": id, "success": true, "errors": [] }),
            Err(fault) => json!({ "success": false, "errors": [fault.of_row()] }),
        });
        Ok((200, told.collect()))
    }
}
