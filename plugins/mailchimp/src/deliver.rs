//! Batches of items into requests, and answers into outcomes.

use std::collections::BTreeMap;

use crosspoint_sdk::model::ConsentState;
use crosspoint_sdk::serde_json::{self, Value, json};
use crosspoint_sdk::{ActionKind, Batch, Context, Error, Item, Outcome};

use crate::bulk;
use crate::client::{Absent, Operation, api};
use crate::requests::{REMOVE_TAG, by_address, consent, operation, subscription};
use crate::settings::{Settings, is_list_id};

/// Notes `list:ID` name the lists beside the configured one that ever got a member from here.
const LIST_NOTE: &str = "list:";

/// One outcome per item.
///
/// # Errors
/// A request does not encode, or is not granted.
pub fn deliver(ctx: &Context, settings: &Settings, batch: &Batch) -> Result<Vec<Outcome>, Error> {
    match &batch.action {
        ActionKind::AddToList => by_list(ctx, settings, batch, add),
        ActionKind::RemoveFromList => {
            by_list(ctx, settings, batch, |ctx, settings, list, items| {
                every_address(ctx, settings, &batch.action, &[list.to_owned()], items)
            })
        }
        ActionKind::DeleteContact | ActionKind::Suppress => {
            let items: Vec<_> = batch.items.iter().collect();
            let lists = lists(ctx, settings);
            every_address(ctx, settings, &batch.action, &lists, &items)
        }
        ActionKind::Custom(name) if name == REMOVE_TAG => {
            let items: Vec<_> = batch.items.iter().collect();
            let lists = [settings.list_id.clone()];
            every_address(ctx, settings, &batch.action, &lists, &items)
        }
        action => {
            let items: Vec<_> = batch.items.iter().collect();
            each(ctx, settings, action, &settings.list_id, &items)
        }
    }
}

/// Items grouped by the list they name.
fn by_list(
    ctx: &Context,
    settings: &Settings,
    batch: &Batch,
    one: impl Fn(&Context, &Settings, &str, &[&Item]) -> Result<Vec<Outcome>, Error>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![
        Outcome::rejected(
            Some("list"),
            "expected the id of a Mailchimp list such as `4ca5becb8d`",
        );
        batch.items.len()
    ];
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, item) in batch.items.iter().enumerate() {
        let list = item.list.as_deref().unwrap_or(&settings.list_id);
        if is_list_id(list) {
            groups.entry(list).or_default().push(at);
        }
    }
    for (list, places) in groups {
        if list != settings.list_id {
            let key = format!("{LIST_NOTE}{list}");
            if batch.action == ActionKind::AddToList && ctx.notes().get(&key).is_none() {
                ctx.notes().set(&key, b"1");
            }
        }
        let items: Vec<_> = places.iter().map(|at| &batch.items[*at]).collect();
        for (at, outcome) in places.iter().zip(one(ctx, settings, list, &items)?) {
            outcomes[*at] = outcome;
        }
    }
    Ok(outcomes)
}

/// One request per item, or one batch operation for all.
fn each(
    ctx: &Context,
    settings: &Settings,
    action: &ActionKind,
    list: &str,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(items.len());
    let mut asked: Vec<(usize, &str, Operation)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match operation(settings, action, list, item) {
            Ok(operation) => {
                asked.push((at, &item.key, operation));
                outcomes.push(Outcome::Unknown("not asked".to_owned()));
            }
            Err(outcome) => outcomes.push(outcome),
        }
    }
    // A batch operation lost on its way would leave all of it unknown.
    let in_bulk = asked.len() >= settings.bulk_from
        && asked.iter().all(|(_, _, operation)| operation.repeatable)
        && *action != ActionKind::Unsuppress;
    if in_bulk {
        let operations: Vec<_> = asked
            .iter()
            .map(|(_, key, operation)| (*key, operation.clone()))
            .collect();
        let queued = bulk::submit(ctx, settings, &operations)?;
        for ((at, _, _), outcome) in asked.iter().zip(queued) {
            outcomes[*at] = outcome;
        }
        return Ok(outcomes);
    }
    let http = api(ctx, settings);
    let mut stopped: Option<Outcome> = None;
    for (at, _, operation) in &asked {
        let mut outcome = match &stopped {
            Some(outcome) => outcome.clone(),
            None => operation.send(&http)?,
        };
        if *action == ActionKind::Unsuppress && settings.resubscribe_by_mail {
            outcome = by_mail(&http, operation, outcome)?;
        }
        // What stops one stops all: no use in asking on.
        if matches!(outcome, Outcome::Auth(_) | Outcome::RateLimited(_)) {
            stopped = Some(outcome.clone());
        }
        outcomes[*at] = outcome;
    }
    Ok(outcomes)
}

/// Who unsubscribed by themselves is asked by mail.
fn by_mail(
    http: &crosspoint_sdk::http::Http<'_>,
    operation: &Operation,
    outcome: Outcome,
) -> Result<Outcome, Error> {
    match &outcome {
        Outcome::Rejected(rejected) if rejected.field.as_deref() != Some("email") => {
            let body = Some(json!({ "status": "pending" }));
            Operation {
                body,
                ..operation.clone()
            }
            .send(http)
        }
        _ => Ok(outcome),
    }
}

/// Lists that may hold the person.
fn lists(ctx: &Context, settings: &Settings) -> Vec<String> {
    let noted = ctx.notes().keys();
    let noted = noted.iter().filter_map(|key| key.strip_prefix(LIST_NOTE));
    let mut all: Vec<_> = noted.map(str::to_owned).collect();
    all.push(settings.list_id.clone());
    all.sort();
    all.dedup();
    all
}

/// Every address of each person in each of the lists: done where all are. A person may have been put
/// there under an address that is not their first any more.
fn every_address(
    ctx: &Context,
    settings: &Settings,
    action: &ActionKind,
    lists: &[String],
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![Outcome::Done(None); items.len()];
    let mut addresses: Vec<(usize, Item)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        addresses.extend(by_address(item).into_iter().map(|one| (at, one)));
    }
    let each_of: Vec<_> = addresses.iter().map(|(_, item)| item).collect();
    // An item of several jobs could not be polled.
    let is_one_each = lists.len() == 1 && each_of.len() == items.len();
    let alone = Settings {
        bulk_from: if is_one_each {
            settings.bulk_from
        } else {
            usize::MAX
        },
        ..settings.clone()
    };
    for list in lists {
        let answers = each(ctx, &alone, action, list, &each_of)?;
        for ((at, _), answer) in addresses.iter().zip(answers) {
            if matches!(outcomes[*at], Outcome::Done(_)) {
                outcomes[*at] = answer;
            }
        }
    }
    Ok(outcomes)
}

/// Adds to a list: who granted email marketing is subscribed, all others become members of the
/// status that their consent allows.
fn add(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    items: &[&Item],
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![Outcome::Unknown("not asked".to_owned()); items.len()];
    let (granted, others): (Vec<usize>, Vec<usize>) =
        (0..items.len()).partition(|at| consent(items[*at]) == Some(ConsentState::Granted));
    let rest: Vec<_> = others.iter().map(|at| items[*at]).collect();
    let added = each(ctx, settings, &ActionKind::AddToList, list, &rest)?;
    for (at, outcome) in others.iter().zip(added) {
        outcomes[*at] = outcome;
    }

    let mut members: Vec<(String, Value)> = Vec::new();
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for at in granted {
        match subscription(items[at]) {
            // Two with one address in a call fail both.
            Ok((email, member)) => {
                if !places.contains_key(&email) {
                    members.push((email.clone(), member));
                }
                places.entry(email).or_default().push(at);
            }
            Err(outcome) => outcomes[at] = outcome,
        }
    }
    for (email, outcome) in subscribe(ctx, settings, list, &members)? {
        for at in places.get(&email).into_iter().flatten() {
            outcomes[*at] = outcome.clone();
        }
    }
    Ok(outcomes)
}

/// One call for up to 500 members, answered member by member.
fn subscribe(
    ctx: &Context,
    settings: &Settings,
    list: &str,
    members: &[(String, Value)],
) -> Result<Vec<(String, Outcome)>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let all = |outcome: Outcome| {
        let pairs = members.iter();
        Ok(pairs
            .map(|(email, _)| (email.clone(), outcome.clone()))
            .collect())
    };
    let bodies: Vec<_> = members.iter().map(|(_, member)| member).collect();
    let sent = api(ctx, settings)
        .post(&format!("/lists/{list}"))
        .query("skip_merge_validation", "true")
        .query("skip_duplicate_check", "true")
        .json_body(&json!({ "members": bodies, "sync_tags": false, "update_existing": true }))?
        .send();
    let reply = match sent {
        Ok(reply) => reply,
        Err(error) => return all(error.into()),
    };
    if reply.is_success() {
        return Ok(match serde_json::from_slice::<Value>(reply.body()) {
            Ok(answer) => members
                .iter()
                .map(|(email, _)| (email.clone(), member_outcome(&answer, email)))
                .collect(),
            Err(_) => all(Outcome::Unknown("the answer is not Mailchimp's".to_owned()))?,
        });
    }
    if matches!(reply.status(), 400 | 413 | 422) && members.len() > 1 {
        let (left, right) = members.split_at(members.len() / 2);
        let mut outcomes = subscribe(ctx, settings, list, left)?;
        outcomes.extend(subscribe(ctx, settings, list, right)?);
        return Ok(outcomes);
    }
    if reply.status() == 404 {
        return all(Outcome::Gone("there is no such list".to_owned()));
    }
    let meaning = Operation {
        method: crosspoint_sdk::http::Method::Post,
        path: String::new(),
        query: Vec::new(),
        body: None,
        absent: Absent::IsRejected,
        repeatable: true,
    };
    all(meaning.outcome(reply.status(), reply.body(), reply.retry_after_ms()))
}

fn member_outcome(answer: &Value, email: &str) -> Outcome {
    let named = |group: &str| {
        let rows = answer[group].as_array().into_iter().flatten();
        rows.into_iter().find(|row| {
            row["email_address"]
                .as_str()
                .is_some_and(|address| address.trim().to_lowercase() == email)
        })
    };
    if let Some(error) = named("errors") {
        let field = error["field"].as_str().filter(|field| !field.is_empty());
        let code = error["error_code"].as_str().unwrap_or("no error code");
        return Outcome::rejected(field, format!("Mailchimp refuses the member: {code}"));
    }
    match named("new_members").or_else(|| named("updated_members")) {
        // Mailchimp passes over a subscription of who unsubscribed, without an error.
        Some(member) if member["status"] == "unsubscribed" => Outcome::rejected(
            Some("email"),
            "the person unsubscribed at Mailchimp; only a confirmation mail brings them back",
        ),
        Some(member) => Outcome::Done(member["id"].as_str().map(str::to_owned)),
        None => Outcome::Unknown("the answer does not name this member".to_owned()),
    }
}
