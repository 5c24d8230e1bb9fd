//! A vendor that keeps a book of people.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use simulators::{Answer, Call, Sim, Vendor};

/// People by address. Its fault `row-refused` `{"index": N}` refuses one row of a request.
#[derive(Default)]
pub struct Book {
    people: BTreeMap<String, Map<String, Value>>,
}

impl Vendor for Book {
    fn settings(&self, url: &str) -> Value {
        json!({ "url": url })
    }

    fn secrets(&self) -> Value {
        json!({})
    }

    fn handle(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        let segments = call.segments();
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("GET", ["people"]) => Answer::json(200, &json!({ "people": self.people.len() })),
            ("POST", ["people"]) => self.write(&call.json().unwrap_or_default(), sim),
            ("DELETE", ["people", email]) => match self.people.remove(*email) {
                Some(_) => done("person.erase", email, sim),
                None => self.error(404),
            },
            ("POST", ["people", email, "subscription"]) => match self.people.get_mut(*email) {
                Some(person) => {
                    person.insert("is_subscribed".to_owned(), json!(true));
                    done("person.subscribe", email, sim)
                }
                None => self.error(404),
            },
            _ => self.error(404),
        }
    }

    fn change(&mut self, _: &mut Sim) -> Value {
        Value::Null
    }

    fn truth(&self) -> Value {
        let people: Vec<_> = self.people.values().collect();
        json!({ "people": people })
    }
}

fn done(kind: &str, email: &str, sim: &mut Sim) -> Answer {
    sim.effect(kind, email, "", Value::Null);
    Answer::json(200, &json!({ "done": true }))
}

impl Book {
    fn write(&mut self, body: &Value, sim: &mut Sim) -> Answer {
        let struck = sim.vendor_fault("row-refused");
        let struck = struck.and_then(|args| args["index"].as_u64());
        let mut rows = Vec::new();
        for (at, row) in (0..).zip(body["people"].as_array().into_iter().flatten()) {
            let (Some(row), Some(email)) = (row.as_object(), row["email"].as_str()) else {
                rows.push("refused");
                continue;
            };
            if struck == Some(at) {
                rows.push("refused");
                continue;
            }
            self.people.insert(email.to_owned(), row.clone());
            sim.effect("person.write", email, "", Value::Null);
            rows.push("taken");
        }
        Answer::json(200, &json!({ "rows": rows }))
    }
}
