//! Rows to Meta: sessions, and how a refused row is found.

use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::serde_json::{Value, json};
use crosspoint_sdk::{ActionKind, Batch, Context, Error, Item, Outcome};

use crate::audiences;
use crate::fault::{Answer, answer};
use crate::normalize::Column;
use crate::people::{self, Row};
use crate::settings::Settings;

/// Numbers up to this survive every JSON reader.
const MAX_SESSION: u64 = (1 << 53) - 1;

/// One outcome per item.
///
/// # Errors
/// A request does not encode.
pub fn deliver(ctx: &Context, settings: &Settings, batch: &Batch) -> Result<Vec<Outcome>, Error> {
    let is_added = match batch.action {
        ActionKind::AddToList => true,
        ActionKind::RemoveFromList | ActionKind::Suppress | ActionKind::DeleteContact => false,
        _ => {
            let unsupported = Outcome::Unsupported(batch.action.as_str().to_owned());
            return Ok(vec![unsupported; batch.items.len()]);
        }
    };
    let is_everywhere = matches!(
        batch.action,
        ActionKind::Suppress | ActionKind::DeleteContact
    );
    let mut outcomes = vec![Outcome::Unknown("not asked".to_owned()); batch.items.len()];
    let mut groups: BTreeMap<&str, Vec<Person>> = BTreeMap::new();
    for (at, item) in batch.items.iter().enumerate() {
        let name = match item.list.as_deref().map(str::trim) {
            _ if is_everywhere => "",
            Some(name) if !name.is_empty() => name,
            _ => {
                outcomes[at] = Outcome::rejected(Some("list"), "names no audience");
                continue;
            }
        };
        let allowed = match is_added {
            true => people::may_be_added(settings, item),
            false => Ok(()),
        };
        match allowed.and_then(|()| people::rows(item, is_added)) {
            Ok(rows) => groups
                .entry(name)
                .or_default()
                .push(Person { at, item, rows }),
            Err(outcome) => outcomes[at] = outcome,
        }
    }
    for (name, people) in groups {
        let path = if is_everywhere {
            Ok(Some(format!("/{}/usersofanyaudience", settings.account())))
        } else {
            let number = audiences::number(ctx, settings, name, is_added)?;
            number.map(|number| number.map(|number| format!("/{number}/users")))
        };
        let answers = match path {
            Ok(Some(path)) => {
                let target = Target {
                    ctx,
                    settings,
                    path,
                    method: if is_added {
                        Method::Post
                    } else {
                        Method::Delete
                    },
                    has_session: !is_everywhere,
                };
                target.send(&people)?
            }
            // Nobody is in an audience that is not there.
            Ok(None) => vec![Outcome::Done(None); people.len()],
            Err(outcome) => vec![outcome; people.len()],
        };
        if answers
            .iter()
            .any(|answer| matches!(answer, Outcome::Gone(_)))
        {
            audiences::forget(ctx, name);
        }
        for (person, answer) in people.iter().zip(answers) {
            outcomes[person.at] = answer;
        }
    }
    Ok(outcomes)
}

struct Person<'a> {
    at: usize,
    item: &'a Item,
    rows: Vec<Row>,
}

/// Where rows go.
struct Target<'a> {
    ctx: &'a Context,
    settings: &'a Settings,
    path: String,
    method: Method,
    has_session: bool,
}

impl Target<'_> {
    /// People in as many requests as their rows need, all of one session.
    fn send(&self, people: &[Person<'_>]) -> Result<Vec<Outcome>, Error> {
        let mut parts: Vec<&[Person<'_>]> = Vec::new();
        let (mut start, mut rows) = (0, 0);
        for (at, person) in people.iter().enumerate() {
            if at > start && rows + person.rows.len() > self.settings.rows_per_request {
                parts.push(&people[start..at]);
                (start, rows) = (at, 0);
            }
            rows += person.rows.len();
        }
        parts.push(&people[start..]);
        let total: usize = people.iter().map(|person| person.rows.len()).sum();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(people.len());
        let mut refused = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let session = json!({
                "session_id": session_id(people),
                "batch_seq": at + 1,
                "last_batch_flag": at + 1 == parts.len(),
                "estimated_num_total": total,
            });
            let stopped = outcomes.last().filter(|last| {
                matches!(
                    last,
                    Outcome::Auth(_) | Outcome::RateLimited(_) | Outcome::Gone(_)
                )
            });
            let answer = match stopped {
                Some(outcome) => Answer::Stopped(outcome.clone()),
                None => self.request(part, session)?,
            };
            let from = outcomes.len();
            match answer {
                Answer::Done(body) => match accepted(&body, part) {
                    Ok(outcome) => outcomes.resize(from + part.len(), outcome),
                    Err(outcome) => {
                        outcomes.resize(from + part.len(), outcome);
                        refused.push(from..from + part.len());
                    }
                },
                Answer::Refused(outcome) => {
                    outcomes.resize(from + part.len(), outcome);
                    refused.push(from..from + part.len());
                }
                Answer::Stopped(outcome) => outcomes.resize(from + part.len(), outcome),
            }
        }
        for range in refused.into_iter().filter(|range| range.len() > 1) {
            // Adding and removing twice changes nothing, so the halves may say which it is.
            let middle = range.start + range.len() / 2;
            let left = self.send(&people[range.start..middle])?;
            let right = self.send(&people[middle..range.end])?;
            outcomes.splice(range, left.into_iter().chain(right));
        }
        Ok(outcomes)
    }

    fn request(&self, people: &[Person<'_>], session: Value) -> Result<Answer, Error> {
        let rows: Vec<&Row> = people.iter().flat_map(|person| &person.rows).collect();
        let used: Vec<Column> = Column::ALL
            .into_iter()
            .filter(|column| rows.iter().any(|row| !row[*column as usize].is_empty()))
            .collect();
        let mut schema: Vec<&str> = used.iter().map(|column| column.as_str()).collect();
        let is_limited = self.settings.limited_data_use && self.method == Method::Post;
        if is_limited {
            schema.push("DATA_PROCESSING_OPTIONS");
        }
        let data: Vec<Vec<Value>> = rows
            .iter()
            .map(|row| {
                let mut cells: Vec<Value> = used
                    .iter()
                    .map(|column| cell(*column, &row[*column as usize]))
                    .collect();
                if is_limited {
                    cells.push(json!(["LDU"]));
                }
                cells
            })
            .collect();
        let mut body = json!({ "payload": { "schema": schema, "data": data } });
        if self.has_session {
            body["session"] = session;
        }
        if self.settings.require_consent && self.method == Method::Post {
            body["customer_consent"] = json!(true);
        }
        let call = audiences::api(self.ctx, self.settings).request(self.method, &self.path);
        Ok(answer(call.json_body(&body)?.send()))
    }
}

/// A value is a number where it reads as one without loss; all else is text.
fn cell(column: Column, text: &str) -> Value {
    let number = (column == Column::LookalikeValue)
        .then(|| text.parse::<f64>().ok())
        .flatten();
    number.map_or_else(|| json!(text), |number| json!(number))
}

/// Whether Meta took all rows: the outcome of all, or of the refusal of some.
fn accepted(body: &Value, people: &[Person<'_>]) -> Result<Outcome, Outcome> {
    let rows: usize = people.iter().map(|person| person.rows.len()).sum();
    let number = |name: &str| {
        let value = &body[name];
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    if number("num_invalid_entries").unwrap_or_default() > 0 {
        return Err(Outcome::rejected(
            None,
            "Meta counts this person's row as invalid",
        ));
    }
    match number("num_received") {
        Some(received) if received < rows as u64 => Ok(Outcome::Unknown(
            "Meta received fewer rows than were sent".to_owned(),
        )),
        _ => Ok(Outcome::Done(None)),
    }
}

/// A number for the session, the same for the same try of the same deliveries: FNV-1a over their keys.
/// A later try is a session of its own, since a session ends by itself.
fn session_id(people: &[Person<'_>]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let tries = people.iter().map(|person| person.item.attempt).max();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325 ^ u64::from(tries.unwrap_or_default());
    let keys = people
        .iter()
        .flat_map(|person| person.item.key.bytes().chain([b'\n']));
    for byte in keys {
        hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    }
    hash & MAX_SESSION
}
