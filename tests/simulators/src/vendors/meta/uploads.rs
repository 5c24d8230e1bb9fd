//! Uploads of people to audiences: sessions and their parts, replacement, removal from all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::graph::{Ask, Problem, Shape};
use super::rows::{self, Row, Upload};
use super::{Meta, make, seconds};
use crate::Sim;

/// A session has to be finished in this time.
const SESSION_MS: i64 = 90 * 60_000;

const SESSION: Shape = Shape {
    name: "CustomAudienceSession",
    fields: &[
        "session_id",
        "num_received",
        "num_matched",
        "num_invalid_entries",
        "progress",
        "stage",
        "start_time",
        "end_time",
    ],
    usual: &[
        "session_id",
        "num_received",
        "num_matched",
        "num_invalid_entries",
        "progress",
        "stage",
        "start_time",
        "end_time",
    ],
};

/// One upload in parts.
#[derive(Clone, Debug)]
pub struct Session {
    audience: u64,
    kind: &'static str,
    /// A digest of each part that came.
    parts: BTreeMap<u64, String>,
    started_ms: i64,
    ended_ms: Option<i64>,
    received: usize,
    invalid: usize,
    matched: usize,
    /// What shall be there after a replacement.
    kept: Vec<Row>,
}

impl Session {
    pub fn told(&self, id: u64) -> Value {
        json!({ "id": id.to_string(), "updated_at_ms": self.ended_ms.unwrap_or(self.started_ms), "deleted": false, "audience": self.audience.to_string(),
            "kind": self.kind, "parts": self.parts.len(), "closed": self.ended_ms.is_some(), "received": self.received, "invalid": self.invalid, "matched": self.matched })
    }
}

fn digest(row: &Row) -> String {
    make::hash(&format!("{:?} {:?}", row.keys, row.value))[..16].to_owned()
}

impl Meta {
    pub fn is_matched(&self, keys: &BTreeSet<(String, String)>) -> bool {
        keys.iter().any(|(name, text)| {
            matches!(name.as_str(), "EMAIL" | "PHONE") && self.known.contains(text)
        })
    }

    pub fn terms(&self) -> Result<(), Problem> {
        if self.has_terms {
            return Ok(());
        }
        let text = "(#2655) Terms of service has not been accepted";
        let mut problem = Problem::new(400, 2655, text).sub(1_870_090);
        problem.user = Some((
            "Custom Audience Terms Not Accepted",
            "Accept the Custom Audience terms of this ad account in Business settings.",
        ));
        Err(problem)
    }

    /// Whether this audience can change at all now.
    fn editable(
        &mut self,
        id: u64,
        kind: &str,
        session: Option<u64>,
        sim: &mut Sim,
    ) -> Result<(), Problem> {
        self.terms()?;
        self.give_up(sim.now_ms());
        let audience = &self.audiences[&id];
        if audience.is_flagged {
            let mut problem = Problem::new(400, 100, "Invalid parameter").sub(1_713_230);
            problem.user = Some((
                "Audience Upload Blocked",
                "Before updating user memberships, you must resolve integrity restrictions on this Data File Custom Audience. Go to Audience Manager to appeal the restrictions or create a new audience with updated data",
            ));
            return Err(problem);
        }
        let is_busy = audience
            .replacing
            .is_some_and(|it| kind != "replace" || Some(it) != session);
        if is_busy || sim.vendor_fault("update-failed").is_some() {
            return Err(Problem::new(
                400,
                2650,
                "(#2650) Failed to update the custom audience",
            ));
        }
        Ok(())
    }

    /// Replacements that took too long fail, and everything stays as it was.
    fn give_up(&mut self, now_ms: i64) {
        for audience in self.audiences.values_mut() {
            let session = audience.replacing.and_then(|it| self.sessions.get(&it));
            if session.is_some_and(|it| now_ms - it.started_ms > SESSION_MS) {
                (audience.replacing, audience.has_failed) = (None, true);
            }
        }
    }

    pub fn upload(
        &mut self,
        id: u64,
        kind: &'static str,
        ask: &Ask,
        sim: &mut Sim,
    ) -> Result<Value, Problem> {
        let part = self.part(id, kind, ask, sim)?;
        self.editable(id, kind, part.as_ref().map(|it| it.session), sim)?;
        let poisoned = sim
            .vendor_fault("poison-row")
            .map(|args| args["index"].as_u64().unwrap_or(0) as usize);
        let upload = rows::read(ask, self.audiences[&id].is_value_based, poisoned)?;
        let now_ms = sim.now_ms();
        let matched = upload
            .rows
            .iter()
            .filter(|it| self.is_matched(&it.keys))
            .count();
        let mut kept = None;
        if let Some(part) = &part {
            let session = self
                .sessions
                .entry(part.session)
                .or_insert_with(|| Session {
                    audience: id,
                    kind,
                    parts: BTreeMap::new(),
                    started_ms: now_ms,
                    ended_ms: None,
                    received: 0,
                    invalid: 0,
                    matched: 0,
                    kept: Vec::new(),
                });
            if session
                .parts
                .insert(part.number, part.digest.clone())
                .is_none()
            {
                session.received += upload.received;
                session.invalid += upload.invalid.len();
                session.matched += matched;
                if kind == "replace" {
                    session.kept.extend(upload.rows.iter().cloned());
                }
            }
            if part.is_last && session.ended_ms.is_none() {
                session.ended_ms = Some(now_ms);
                kept = Some(std::mem::take(&mut session.kept));
            }
        }
        let audience = self.audiences.get_mut(&id).expect("is there");
        audience.content_ms = Some(now_ms);
        for row in &upload.rows {
            match kind {
                "add" => audience.add(row, now_ms),
                "remove" => drop(audience.remove(row, now_ms)),
                _ => {}
            }
            let name = format!("audience.{kind}");
            let consent = ask.params.json("customer_consent");
            sim.effect(
                &name,
                &format!("{id}/{}", row.id),
                &digest(row),
                json!({ "customer_consent": consent }),
            );
        }
        if kind == "replace" {
            audience.has_failed = false;
            audience.replacing = part
                .as_ref()
                .filter(|_| kept.is_none())
                .map(|it| it.session);
            let is_closed = part
                .as_ref()
                .is_some_and(|it| self.sessions[&it.session].ended_ms.is_some());
            if is_closed {
                audience.replacing = None;
            }
            if let Some(kept) = kept {
                for member in audience.members.values_mut().filter(|it| !it.is_deleted) {
                    (member.is_deleted, member.at_ms) = (true, now_ms);
                }
                kept.iter().for_each(|row| audience.add(row, now_ms));
            }
        }
        let session = part.map_or_else(|| "0".to_owned(), |it| it.session.to_string());
        let mut answer = received(&upload);
        answer["audience_id"] = json!(id.to_string());
        answer["session_id"] = json!(session);
        Ok(answer)
    }

    /// Which part of which session a call brings.
    fn part(&self, id: u64, kind: &str, ask: &Ask, sim: &Sim) -> Result<Option<Part>, Problem> {
        if ask.params.0.get("session").is_none() {
            if self.needs_session || kind == "replace" {
                return Err(Problem::required("session"));
            }
            return Ok(None);
        }
        let Some(Value::Object(given)) = ask.params.json("session") else {
            return Err(Problem::parameter("Param session must be a JSON object"));
        };
        let number = |name: &str| {
            let value = given
                .get(name)
                .ok_or(Problem::required(&format!("session['{name}']")))?;
            let number = value
                .as_i64()
                .or_else(|| value.as_str()?.parse().ok())
                .filter(|it| *it > 0);
            number
                .and_then(|it| u64::try_from(it).ok())
                .ok_or(Problem::parameter(&format!(
                    "Param session['{name}'] must be a positive 64-bit integer"
                )))
        };
        let (session, part) = (number("session_id")?, number("batch_seq")?);
        let is_last = match given.get("last_batch_flag") {
            Some(Value::Bool(it)) => *it,
            Some(Value::String(it)) if it == "true" || it == "false" => it == "true",
            None => false,
            _ => {
                return Err(Problem::parameter(
                    "Param session['last_batch_flag'] must be a boolean",
                ));
            }
        };
        let payload = ask.params.text("payload").unwrap_or_default();
        let digest = make::hash(&payload);
        let refuse = |text: &str| Err(Problem::parameter(text).sub(1_870_117));
        match self.sessions.get(&session) {
            None if part != 1 => {
                return refuse("Session does not exist: batch_seq must begin with 1");
            }
            None => {}
            Some(known) if known.audience != id || known.kind != kind => {
                return refuse("Session id was already used in this ad account");
            }
            Some(known) if sim.now_ms() - known.started_ms > SESSION_MS => {
                return refuse("Session has expired");
            }
            Some(known) => match known.parts.get(&part) {
                Some(there) if *there == digest => {}
                Some(_) => return refuse("batch_seq was already received with other data"),
                None if known.ended_ms.is_some() => return refuse("Session was already finished"),
                None if part as usize != known.parts.len() + 1 => {
                    return refuse("batch_seq has a gap");
                }
                None => {}
            },
        }
        Ok(Some(Part {
            session,
            number: part,
            is_last,
            digest,
        }))
    }

    pub fn sessions_of(&self, id: u64, ask: &Ask, sim: &Sim) -> Result<Value, Problem> {
        let fields = ask.fields()?;
        SESSION.check(fields.as_deref())?;
        let wanted = ask.params.text("session_id");
        let own = self.sessions.iter().filter(|(number, it)| {
            it.audience == id && wanted.as_ref().is_none_or(|it| *it == number.to_string())
        });
        let rows = own.map(|(number, it)| {
            let is_through = it.ended_ms.is_some_and(|at| at + self.match_ms <= sim.now_ms());
            let progress = match it.ended_ms {
                None => 0,
                Some(at) if !is_through => (sim.now_ms() - at) * 100 / self.match_ms.max(1),
                Some(_) => 100,
            };
            let stage = match it.ended_ms {
                None => "uploading",
                Some(_) if is_through => "completed",
                Some(_) => "processing",
            };
            let all = json!({ "session_id": number.to_string(), "num_received": it.received.to_string(), "num_invalid_entries": it.invalid.to_string(),
                "num_matched": if is_through { it.matched } else { 0 }.to_string(), "progress": format!("{progress}.00"), "stage": stage,
                "start_time": seconds(it.started_ms).to_string(), "end_time": it.ended_ms.map_or(0, seconds).to_string() });
            SESSION.cut(&all, fields.as_deref())
        });
        Ok(json!({ "data": rows.collect::<Vec<_>>() }))
    }

    /// `/act_{account}/usersofanyaudience`
    pub fn erase(&mut self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        self.terms()?;
        let poisoned = sim
            .vendor_fault("poison-row")
            .map(|args| args["index"].as_u64().unwrap_or(0) as usize);
        let upload = rows::read(ask, true, poisoned)?;
        let now_ms = sim.now_ms();
        for row in &upload.rows {
            for audience in self.audiences.values_mut().filter(|it| !it.is_deleted) {
                if audience.remove(row, now_ms) {
                    audience.content_ms = Some(now_ms);
                }
            }
            sim.effect("audience.erase", &row.id, &digest(row), Value::Null);
        }
        Ok(received(&upload))
    }
}

struct Part {
    session: u64,
    number: u64,
    is_last: bool,
    digest: String,
}

/// Who of an upload was taken; an empty sample is a list, as PHP writes it.
fn received(upload: &Upload) -> Value {
    let samples = upload
        .invalid
        .iter()
        .take(10)
        .map(|(at, row)| (at.to_string(), json!(row.to_string())));
    let samples = if upload.invalid.is_empty() {
        json!([])
    } else {
        Value::Object(samples.collect())
    };
    json!({ "num_received": upload.received, "num_invalid_entries": upload.invalid.len(), "invalid_entry_samples": samples })
}
