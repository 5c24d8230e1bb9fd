//! The first history by a bulk operation: the shop runs it on its own time and leaves a file.

mod groups;

use crosspoint_sdk::http::HttpError;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Error, Page};

use self::groups::{Group, Groups};
use crate::client::Failure;
use crate::collect::{Collector, filter};
use crate::cursor::{Bulk, Cursor};
use crate::entity::BULK_NESTED;
use crate::{map, scan};

/// How soon to ask again for an operation that goes on.
const WAIT_MS: u64 = 5_000;

/// Bytes of the file that are fetched at a time.
const CHUNK_BYTES: u64 = 2 << 20;

/// A file whose items are scattered is put together in memory up to this size.
const MAX_SCATTERED_BYTES: u64 = 24 << 20;

const START: &str = "mutation($query: String!) { bulkOperationRunQuery(query: $query, \
    groupObjects: true) { bulkOperation { id status createdAt } userErrors { field message code } } }";

const ASK: &str = "query($id: ID!) { bulkOperation(id: $id) { id status errorCode objectCount \
    fileSize url createdAt } }";

/// Why the file does not serve.
enum Trouble {
    /// This call failed; the next may not.
    Failure(Failure),
    /// What the operator is told; the history is read page by page.
    Useless(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn useless<T>(text: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Useless(text.into()))
}

/// Starts the operation. Where the shop does not take it, reads page by page.
pub(crate) fn start(mut collector: Collector<'_>) -> Result<Page, Error> {
    let entity = collector.entity;
    let filter = filter(entity, collector.settings, None);
    let query = entity.bulk_query(filter.as_deref());
    let answer = match collector.ask(START, json!({ "query": query })) {
        Ok(answer) => answer,
        Err(Failure::Refused(_) | Failure::TooCostly) => {
            return page_by_page(collector, "the shop refused the operation");
        }
        Err(failure) => return Err(failure.into()),
    };
    let operation = answer.data.at("bulkOperationRunQuery.bulkOperation");
    let id = operation.and_then(|it| it.text_at("id"));
    let created = operation.and_then(|it| it.text_at("createdAt"));
    let began = created
        .and_then(|text| instant::parse(text, 0).ok())
        .or(answer.date);
    match (id, began) {
        (Some(id), Some(began)) => {
            let mut cursor = Cursor::start();
            cursor.bulk = Some(Bulk {
                id: id.to_owned(),
                began,
                position: 0,
                is_scattered: false,
                handed: 0,
            });
            collector.finish(&cursor, true)
        }
        _ => page_by_page(collector, "the shop did not start the operation"),
    }
}

/// Reads on in the operation's file, once there is one.
pub(crate) fn read(
    mut collector: Collector<'_>,
    mut cursor: Cursor,
    mut bulk: Bulk,
) -> Result<Page, Error> {
    let mut more = true;
    match read_file(&mut collector, &mut bulk, &mut more) {
        Ok(()) if more => {
            cursor.bulk = Some(bulk);
            collector.finish(&cursor, true)
        }
        Ok(()) => {
            let since = bulk.began.saturating_sub(collector.entity.overlap_ms());
            let mut cursor = Cursor::start();
            cursor.since = Some(since);
            collector.finish(&cursor, true)
        }
        Err(Trouble::Failure(failure)) if collector.is_empty() => Err(failure.into()),
        Err(Trouble::Failure(_)) => {
            cursor.bulk = Some(bulk);
            collector.finish(&cursor, true)
        }
        Err(Trouble::Useless(reason)) => page_by_page(collector, &reason),
    }
}

/// What was gathered of the file is dropped: the pages bring it again.
fn page_by_page(collector: Collector<'_>, reason: &str) -> Result<Page, Error> {
    let mut collector = collector.anew();
    let stream = collector.entity.stream();
    collector.notice(format!(
        "no bulk operation for the history of {stream}, which is read page by page: {reason}"
    ));
    scan::read(collector, Cursor::start())
}

fn read_file(
    collector: &mut Collector<'_>,
    bulk: &mut Bulk,
    more: &mut bool,
) -> Result<(), Trouble> {
    let answer = collector.ask(ASK, json!({ "id": bulk.id }))?;
    let operation = answer.data.get("bulkOperation").unwrap_or(&Json::Null);
    match operation.text_at("status").unwrap_or_default() {
        "COMPLETED" => {}
        "CREATED" | "RUNNING" => return Err(Failure::Throttled(Some(WAIT_MS)).into()),
        other => {
            let code = operation.text_at("errorCode").unwrap_or("no code");
            return useless(format!("it ended as `{other}` ({code})"));
        }
    }
    let Some(url) = operation.text_at("url") else {
        if matches!(operation.text_at("objectCount"), Some("0") | None) {
            *more = false;
            return Ok(());
        }
        return useless("its result has no address");
    };
    let mut groups = Groups::new(collector.entity, bulk.position);
    if bulk.is_scattered {
        gather(collector, url, bulk, &mut groups)?;
    } else {
        fetch(collector, url, &mut groups)?;
        if bulk.position == 0 && groups.is_scattered() {
            bulk.is_scattered = true;
            gather(collector, url, bulk, &mut groups)?;
        }
    }
    loop {
        if !bulk.is_scattered && groups.is_scattered() {
            return useless("lines of its result do not follow their objects");
        }
        let Some(group) = groups.next() else {
            if groups.is_at_end() {
                *more = false;
                return Ok(());
            }
            fetch(collector, url, &mut groups)?;
            continue;
        };
        let end = group.end;
        if !hand_over(collector, bulk, group)? {
            return Ok(());
        }
        bulk.position = end;
        bulk.handed = 0;
    }
}

/// False where the budget ended.
fn hand_over(
    collector: &mut Collector<'_>,
    bulk: &mut Bulk,
    group: Group,
) -> Result<bool, Trouble> {
    let mut node = group.node;
    if collector.is_unwanted(&node) {
        return Ok(true);
    }
    if collector.room() == 0 || (group.items >= BULK_NESTED as usize && collector.is_tired()) {
        return Ok(false);
    }
    if group.items >= BULK_NESTED as usize {
        groups::forget_items(collector.entity, &mut node);
        collector.complete(&mut node)?;
    }
    let bytes = node.to_string().len() as u64;
    match map::records(collector.entity, &node) {
        Ok(records) => {
            for record in records.into_iter().skip(bulk.handed as usize) {
                if !collector.fits(bytes) {
                    return Ok(false);
                }
                collector.add(record, bytes);
                bulk.handed += 1;
            }
        }
        Err(fault) => {
            if !collector.fits(bytes) {
                return Ok(false);
            }
            collector.reject(&node, fault, bytes);
        }
    }
    Ok(true)
}

/// One more chunk of the file.
fn fetch(collector: &mut Collector<'_>, url: &str, groups: &mut Groups) -> Result<(), Trouble> {
    let start = groups.fetched();
    let reply = match collector
        .client
        .download(url, start, start + CHUNK_BYTES - 1)
    {
        Ok(reply) => reply,
        Err(HttpError::Denied(_)) => {
            return useless("its result lies at a host that is not granted");
        }
        Err(HttpError::TooLarge(_)) => return useless("its result cannot be fetched in parts"),
        Err(error) => return Err(Failure::Http(error).into()),
    };
    match reply.status() {
        206 => {
            let whole = reply.header("content-range").and_then(|range| {
                let (_, whole) = range.rsplit_once('/')?;
                whole.trim().parse::<u64>().ok()
            });
            groups.push(reply.body(), whole);
            Ok(())
        }
        // The whole of it, whatever was asked for.
        200 => {
            let body = reply.body();
            let rest = usize::try_from(start)
                .ok()
                .and_then(|start| body.get(start..));
            groups.push(rest.unwrap_or_default(), Some(body.len() as u64));
            Ok(())
        }
        416 => {
            groups.push(&[], Some(start));
            Ok(())
        }
        400 | 401 | 403 | 404 | 410 => useless("its result is not there any more"),
        _ => Err(Failure::Status(reply).into()),
    }
}

/// All of the file, to put together what is scattered in it.
fn gather(
    collector: &mut Collector<'_>,
    url: &str,
    bulk: &Bulk,
    groups: &mut Groups,
) -> Result<(), Trouble> {
    *groups = Groups::new(collector.entity, 0);
    while !groups.is_at_end() {
        fetch(collector, url, groups)?;
        if groups.fetched() > MAX_SCATTERED_BYTES {
            return useless("its result is scattered and too large to be put together");
        }
    }
    groups.put_together(bulk.position);
    Ok(())
}
