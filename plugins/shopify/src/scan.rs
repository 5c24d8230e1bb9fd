//! Sweeps: what changed since an instant, page by page.

use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::recent::mark;
use crosspoint_sdk::serde_json::json;
use crosspoint_sdk::{Error, Page};

use crate::client::{Answer, Failure};
use crate::collect::{Collector, filter};
use crate::cursor::Cursor;
use crate::entity::Entity;
use crate::map;

/// Most objects that a page may hold.
const MAX_SIZE: u32 = 250;

/// Points that a page may need; the vendor refuses queries beyond 1000.
const COST_TARGET: u32 = 900;

/// Before the vendor's limit of 25,000 objects behind one filter the sweep is anchored anew.
const MAX_DEPTH: u32 = 20_000;

/// How an object fared.
enum Taken {
    /// All of it was handed over, or it had been before.
    Whole,
    /// The budget ended within it or before it.
    Not,
}

/// Reads on from `cursor` within the budget.
pub(crate) fn read(mut collector: Collector<'_>, mut cursor: Cursor) -> Result<Page, Error> {
    let entity = collector.entity;
    let query = entity.page_query();
    let from = (cursor.since, cursor.after.clone());
    loop {
        let (answer, asked) = match page(&mut collector, &query, &mut cursor) {
            Ok(found) => found,
            Err(failure) => return stop(collector, &cursor, &from, failure),
        };
        cursor.expect_past(answer.date)?;
        if cursor.after.is_none() {
            cursor.began = answer.date;
        }
        learn_size(&mut cursor, &answer, asked);
        let list = answer.data.get(entity.root()).unwrap_or(&Json::Null);
        let edges = list.get("edges").map_or(&[][..], Json::items);
        for edge in edges {
            let node = edge.get("node").unwrap_or(&Json::Null);
            match object(&mut collector, &mut cursor, node) {
                Ok(Taken::Whole) => {}
                Ok(Taken::Not) => return collector.finish(&cursor, true),
                Err(failure) => return stop(collector, &cursor, &from, failure),
            }
            cursor.depth += 1;
            if let Some(position) = edge.text_at("cursor") {
                cursor.after = Some(position.to_owned());
            }
        }
        let more = list
            .at("pageInfo")
            .is_some_and(|it| it.is_true_at("hasNextPage"));
        if !more || edges.is_empty() {
            end(&mut cursor, entity);
            return collector.finish(&cursor, false);
        }
        if let Some(position) = list.text_at("pageInfo.endCursor") {
            cursor.after = Some(position.to_owned());
        }
        anchor(&mut cursor, entity);
        if collector.room() == 0 || collector.is_tired() {
            return collector.finish(&cursor, true);
        }
    }
}

/// One vendor page and how many objects were asked for: fewer where so many are too costly.
fn page(
    collector: &mut Collector<'_>,
    query: &str,
    cursor: &mut Cursor,
) -> Result<(Answer, u32), Failure> {
    let entity = collector.entity;
    let filter = filter(entity, collector.settings, cursor.since);
    loop {
        let size = cursor.size.unwrap_or(entity.first_size());
        let first = size.min(collector.room()).max(1);
        let variables = json!({ "first": first, "after": cursor.after, "query": filter });
        match collector.ask(query, variables) {
            Err(Failure::TooCostly) if first > 1 => cursor.size = Some((first / 2).max(1)),
            other => return other.map(|answer| (answer, first)),
        }
    }
}

/// What the first objects cost decides how many are asked for from then on.
fn learn_size(cursor: &mut Cursor, answer: &Answer, asked: u32) {
    if let Some(cost) = answer.requested_cost.filter(|cost| *cost > 0)
        && cursor.size.is_none()
    {
        let fitting = u64::from(COST_TARGET) * u64::from(asked) / u64::from(cost);
        let size = u32::try_from(fitting).unwrap_or(MAX_SIZE);
        cursor.size = Some(size.clamp(1, MAX_SIZE));
    }
}

/// Hands over one object. Of one that is refused nothing is left out: it goes to quarantine.
fn object(
    collector: &mut Collector<'_>,
    cursor: &mut Cursor,
    node: &Json,
) -> Result<Taken, Failure> {
    let mut node = node.clone();
    let updated_at = match map::updated_at(&node) {
        Ok(updated_at) => updated_at,
        Err(fault) => {
            let bytes = node.to_string().len() as u64;
            if !collector.fits(bytes) {
                return Ok(Taken::Not);
            }
            collector.reject(&node, fault, bytes);
            return Ok(Taken::Whole);
        }
    };
    // The shop passes over filters that it does not know, and answers with everything.
    let is_old = cursor
        .since
        .is_some_and(|since| updated_at < since.div_euclid(1000) * 1000);
    if is_old || collector.is_unwanted(&node) {
        return Ok(Taken::Whole);
    }
    if collector.room() == 0 || collector.is_for_later(&node) {
        return Ok(Taken::Not);
    }
    collector.complete(&mut node)?;
    let text = node.to_string();
    let bytes = text.len() as u64;
    match map::records(collector.entity, &node) {
        Ok(records) => {
            for record in records {
                let mark = mark([record.id.as_str(), &text]);
                if cursor.recent.contains(updated_at, mark) {
                    continue;
                }
                if !collector.fits(bytes) {
                    return Ok(Taken::Not);
                }
                collector.add(record, bytes);
                cursor.recent.insert(updated_at, mark);
            }
        }
        Err(fault) => {
            let mark = mark(["", &text]);
            if !cursor.recent.contains(updated_at, mark) {
                if !collector.fits(bytes) {
                    return Ok(Taken::Not);
                }
                collector.reject(&node, fault, bytes);
                cursor.recent.insert(updated_at, mark);
            }
        }
    }
    cursor.newest = Some(cursor.newest.map_or(updated_at, |it| it.max(updated_at)));
    if collector.entity.is_sorted_by_change() {
        let since = updated_at.saturating_sub(collector.entity.overlap_ms());
        cursor.recent.forget_before(since);
    }
    Ok(Taken::Whole)
}

/// The sweep is through: the next one begins somewhat before what this one cannot have missed.
fn end(cursor: &mut Cursor, entity: Entity) {
    let overlap_ms = entity.overlap_ms();
    let safe = if entity.is_sorted_by_change() {
        cursor.newest
    } else {
        // What changed while the sweep went on may stand before where it was.
        cursor
            .began
            .zip(cursor.newest)
            .map(|(began, newest)| began.min(newest))
    };
    if let Some(safe) = safe {
        let since = cursor.recent.next_sweep(safe, overlap_ms, cursor.began);
        let since = cursor.since.map_or(since, |earlier| earlier.max(since));
        cursor.since = Some(since);
        cursor.recent.forget_before(since.div_euclid(1000) * 1000);
    }
    cursor.after = None;
    cursor.began = None;
    cursor.depth = 0;
}

/// A sorted sweep that went deep goes on with a filter of its own, if that gets it further.
fn anchor(cursor: &mut Cursor, entity: Entity) {
    if cursor.depth < MAX_DEPTH || !entity.is_sorted_by_change() {
        return;
    }
    let Some(newest) = cursor.newest else { return };
    let since = newest.saturating_sub(entity.overlap_ms());
    if cursor.since.is_none_or(|earlier| since > earlier) {
        cursor.since = Some(since);
        cursor.after = None;
        cursor.depth = 0;
    }
}

/// Since when, and behind which object.
type Place = (Option<i64>, Option<String>);

/// What was gathered before the failure is kept, and how far the call came, though it brought nothing
/// new: a look back that needs more points than the bucket holds would never end otherwise. The next
/// call meets the failure again, if it lasts.
fn stop(
    collector: Collector<'_>,
    cursor: &Cursor,
    from: &Place,
    failure: Failure,
) -> Result<Page, Error> {
    let is_further = (cursor.since, &cursor.after) != (from.0, &from.1);
    if !collector.is_empty() || is_further {
        return collector.finish(cursor, true);
    }
    Err(match failure {
        Failure::Refused(code) if code == "INVALID_CURSOR" && cursor.after.is_some() => {
            Error::CursorExpired("the shop does not know its own cursor any more".to_owned())
        }
        other => other.into(),
    })
}
