//! Several records in one call, and what the vendor says of each.

use std::collections::BTreeMap;

use crosspoint_sdk::http::Method;
use crosspoint_sdk::map::instant::to_rfc3339;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::{Attribute, Outcome, Value};

use crate::client::{Call, Client, Fault, Problem, problems, send};
use crate::settings::{Settings, is_field_name};

/// Most records that the vendor takes in one call.
pub const MAX_RECORDS: usize = 200;

/// How a set of records is written.
#[derive(Clone, Copy)]
pub struct Write<'a> {
    /// `POST` creates, `PATCH` updates or upserts.
    pub method: Method,
    /// Below the version's path.
    pub path: &'a str,
    /// Writing twice does no harm.
    pub is_repeatable: bool,
    /// The field to write by: a repeated value means that another writer was faster.
    pub key_field: Option<&'a str>,
}

/// A record that is to be written for the item at `index`.
pub struct Row {
    /// Of the item in its batch.
    pub index: usize,
    /// The record, `attributes` included.
    pub json: Json,
    /// How often the item was tried.
    pub attempt: u32,
}

/// Writes rows and sets the outcome of each row's item. What is refused as a whole is halved until
/// the row at fault stands alone.
pub fn write(
    client: &Client<'_>,
    settings: &Settings,
    how: Write<'_>,
    rows: &[Row],
    outcomes: &mut BTreeMap<usize, Outcome>,
) {
    for part in rows.chunks(MAX_RECORDS) {
        write_part(client, settings, how, part, outcomes);
    }
}

fn write_part(
    client: &Client<'_>,
    settings: &Settings,
    how: Write<'_>,
    rows: &[Row],
    outcomes: &mut BTreeMap<usize, Outcome>,
) {
    let body = Json::Object(vec![
        ("allOrNone".to_owned(), Json::Bool(false)),
        (
            "records".to_owned(),
            Json::List(rows.iter().map(|row| row.json.clone()).collect()),
        ),
    ]);
    let call = client.call(how.method, how.path);
    let call = call.body("application/json", body.to_string());
    match send(named(call, settings)) {
        Ok(answer) => {
            let results = answer.json.items();
            for (at, row) in rows.iter().enumerate() {
                // Results come in the order of the request; fewer than rows say nothing of any.
                let outcome = match results.get(at).filter(|_| results.len() == rows.len()) {
                    Some(result) => of_result(result, how, row.attempt),
                    None => Outcome::Unknown(
                        "the vendor's answer does not name every record".to_owned(),
                    ),
                };
                outcomes.insert(row.index, outcome);
            }
        }
        Err(fault) if fault.is_content() && rows.len() > 1 => {
            let (head, tail) = rows.split_at(rows.len() / 2);
            write_part(client, settings, how, head, outcomes);
            write_part(client, settings, how, tail, outcomes);
        }
        Err(fault) => {
            let field = field_of(&fault);
            let outcome = match fault.outcome(how.is_repeatable) {
                Outcome::Rejected(rejected) => Outcome::rejected(field.as_deref(), rejected.reason),
                other => other,
            };
            outcomes.extend(rows.iter().map(|row| (row.index, outcome.clone())));
        }
    }
}

/// Headers of every write: who wrote, so that change events can be told from others' changes, and
/// what duplicate rules may do.
pub fn named<'a>(call: Call<'a>, settings: &Settings) -> Call<'a> {
    let call = call.header("sforce-call-options", "client=crosspoint");
    if settings.allow_duplicates {
        call.header("sforce-duplicate-rule-header", "allowSave=true")
    } else {
        call
    }
}

fn field_of(fault: &Fault) -> Option<String> {
    match fault {
        Fault::Refused { problems, .. } => problems.first()?.fields.first().cloned(),
        _ => None,
    }
}

/// What the vendor says of one record.
fn of_result(result: &Json, how: Write<'_>, attempt: u32) -> Outcome {
    if result.is_true_at("success") {
        return Outcome::Done(result.text_at("id").map(str::to_owned));
    }
    let problems = problems(result.get("errors").unwrap_or(&Json::Null));
    let Some(first) = problems.first() else {
        return Outcome::Unknown("the vendor names no reason for a record's failure".to_owned());
    };
    of_problem(first, how.key_field, attempt)
}

/// What one error means for one record.
pub fn of_problem(problem: &Problem, key_field: Option<&str>, attempt: u32) -> Outcome {
    // Another writer created the record in the meantime: the next try finds and updates it.
    let is_race = problem.code == "DUPLICATE_VALUE"
        && attempt < 2
        && key_field.is_some_and(|key| problem.fields.is_empty() || problem.fields == [key]);
    match problem.code.as_str() {
        _ if problem.is_limit() => Outcome::RateLimited(None),
        _ if problem.is_session() => Outcome::Auth(problem.describe()),
        _ if problem.is_passing() || is_race => Outcome::Transient(problem.describe()),
        "ENTITY_IS_DELETED" => Outcome::Gone(problem.describe()),
        _ => Outcome::rejected(
            problem.fields.first().map(String::as_str),
            problem.describe(),
        ),
    }
}

/// `{"attributes": {"type": ...}}`, to which fields are added.
pub fn record(object: &str) -> Vec<(String, Json)> {
    let kind = vec![("type".to_owned(), Json::Text(object.to_owned()))];
    vec![("attributes".to_owned(), Json::Object(kind))]
}

/// Adds mapped fields. A dotted name writes through a relationship, as in `Account.Ext__c`.
///
/// # Errors
/// The name that cannot be a field's.
pub fn add_fields(record: &mut Vec<(String, Json)>, fields: &[Attribute]) -> Result<(), Outcome> {
    for field in fields {
        let refused = || {
            Outcome::rejected(
                Some(&field.name),
                "expected the API name of a field, not of the id",
            )
        };
        let value = json(&field.value);
        match field.name.split_once('.') {
            Some((relation, name)) if is_field_name(relation) && is_field_name(name) => {
                set(
                    record,
                    relation,
                    Json::Object(vec![(name.to_owned(), value)]),
                );
            }
            None if is_field_name(&field.name)
                && !field.name.eq_ignore_ascii_case("id")
                && !field.name.eq_ignore_ascii_case("attributes") =>
            {
                set(record, &field.name, value);
            }
            _ => return Err(refused()),
        }
    }
    Ok(())
}

/// Sets a field, in place of one that is there.
pub fn set(record: &mut Vec<(String, Json)>, name: &str, value: Json) {
    match record
        .iter_mut()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
    {
        Some((_, known)) => *known = value,
        None => record.push((name.to_owned(), value)),
    }
}

/// The vendor's notation: decimals as numbers with every digit, lists as `a;b` for pick lists.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::Number(number.to_string()),
        Value::Decimal(text) => Json::Number(text.clone()),
        Value::Text(text) => Json::Text(text.clone()),
        Value::Instant(ms) => Json::Text(to_rfc3339(*ms)),
        Value::Json(text) => match Json::parse(text) {
            Ok(Json::List(items)) if items.iter().all(|it| matches!(it, Json::Text(_))) => {
                let words: Vec<_> = items.iter().filter_map(Json::text).collect();
                Json::Text(words.join(";"))
            }
            Ok(Json::List(_) | Json::Object(_)) | Err(_) => Json::Text(text.clone()),
            Ok(plain) => plain,
        },
    }
}
