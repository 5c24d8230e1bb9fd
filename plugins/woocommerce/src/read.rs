//! Reading lists: those that are sorted by change, and those that only have ids.

use crosspoint_sdk::map::instant;
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::recent::mark;
use crosspoint_sdk::{Budget, Error, Instant, Page};

use crate::Settings;
use crate::client::{Client, Failure, answer};
use crate::cursor::{Cursor, Place, Scan};
use crate::entity::Entity;
use crate::map;

/// A sweep begins so many seconds before the newest change of the last one: what was written then
/// may have been committed after it was read.
const OVERLAP_S: i64 = 60;

/// Questions in one call: with a slow shop they still end within the host's patience.
const MAX_QUESTIONS: u32 = 10;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// What a call has gathered so far.
struct Reader<'a> {
    client: Client<'a>,
    settings: &'a Settings,
    entity: Entity,
    budget: Budget,
    bytes: u64,
    questions: u32,
    page: Page,
}

pub(crate) fn read(
    client: Client<'_>,
    settings: &Settings,
    entity: Entity,
    mut cursor: Cursor,
    budget: Budget,
) -> Result<Page, Error> {
    let mut reader = Reader {
        client,
        settings,
        entity,
        budget,
        bytes: 0,
        questions: 0,
        page: Page::empty(),
    };
    let result = if entity.is_dated() {
        reader.dated(&mut cursor)
    } else {
        reader.scan(&mut cursor)
    };
    let more = match result {
        Ok(more) => more,
        // What was gathered is kept; the next call meets the fault again, if it lasts.
        Err(_) if !reader.is_empty() => true,
        Err(failure) => return Err(failure.into()),
    };
    reader.page.next_cursor = cursor.encode()?;
    reader.page.more = more;
    Ok(reader.page)
}

impl Reader<'_> {
    fn is_empty(&self) -> bool {
        self.page.records.is_empty() && self.page.rejects.is_empty()
    }

    /// There is room for an object of so many records; the first always fits.
    fn fits(&self, records: usize, bytes: u64) -> bool {
        let used = self.page.records.len() + self.page.rejects.len();
        self.is_empty()
            || ((used + records) as u64 <= u64::from(self.budget.records)
                && self.bytes + bytes <= self.budget.bytes)
    }

    /// The rows of one page of a list, and the shop's clock.
    fn rows(&mut self, query: &[(&str, String)]) -> Result<(Vec<Json>, Option<Instant>), Failure> {
        self.questions += 1;
        let mut call = self.client.get(self.entity.stream());
        for (name, value) in query {
            call = call.query(name, value);
        }
        let (json, reply) = answer(call)?;
        match json {
            Json::List(rows) => Ok((rows, reply.date())),
            _ => Err(Failure::Garbled),
        }
    }

    /// Hands over one object; false where the budget ended. Recently handed over, in this very
    /// form, it is passed over.
    fn hand_over(&mut self, cursor: &mut Cursor, node: &Json) -> bool {
        let text = node.to_string();
        let bytes = text.len() as u64;
        let at = map::updated_at(node).unwrap_or(0);
        match map::records(self.settings, self.entity, node) {
            Ok(records) => {
                let mark = mark([text.as_str()]);
                if cursor.recent.contains(at, mark) {
                    return true;
                }
                if !self.fits(records.len(), bytes) {
                    return false;
                }
                // All of its records are made of the same bytes.
                self.bytes += bytes;
                self.page.records.extend(records);
                cursor.recent.insert(at, mark);
            }
            Err(fault) => {
                let mark = mark(["", &text]);
                if !cursor.recent.contains(at, mark) {
                    if !self.fits(1, bytes) {
                        return false;
                    }
                    self.bytes += bytes;
                    let reject = map::rejected(self.entity, node, fault);
                    self.page.rejects.push(reject);
                    cursor.recent.insert(at, mark);
                }
            }
        }
        true
    }

    /// Objects by their change. Page numbers shift when objects change, so each question begins
    /// behind the last object read; numbers count only within one second.
    fn dated(&mut self, cursor: &mut Cursor) -> Result<bool, Failure> {
        let size = self.settings.page_size;
        loop {
            let is_in_trash = cursor.is_in_trash;
            let place = if is_in_trash {
                &mut cursor.trash
            } else {
                &mut cursor.live
            };
            if place.size != size {
                place.pages = 0;
                place.size = size;
            }
            let query = self.dated_query(place, is_in_trash);
            let (rows, now) = self.rows(&query)?;
            if !is_in_trash && place.pages == 0 && place.after_s.is_none() {
                cursor.full_at = now;
            }
            for row in &rows {
                if !self.hand_over(cursor, row) {
                    return Ok(true);
                }
            }
            let last = rows.iter().rev().find_map(|row| map::updated_at(row).ok());
            let last_s = last.map(|at| at.div_euclid(1000));
            let is_through = rows.len() < size as usize;
            let place = if is_in_trash {
                &mut cursor.trash
            } else {
                &mut cursor.live
            };
            advance(place, last_s, is_through);
            if is_through {
                if self.entity == Entity::Orders && !is_in_trash {
                    cursor.is_in_trash = true;
                } else {
                    cursor.is_in_trash = false;
                    self.end_dated(cursor, now);
                    return Ok(false);
                }
            }
            if self.questions >= MAX_QUESTIONS || !self.fits(1, 1) {
                return Ok(true);
            }
        }
    }

    fn dated_query(&self, place: &Place, is_in_trash: bool) -> Vec<(&'static str, String)> {
        let status = if is_in_trash { "trash" } else { "any" };
        let mut query = vec![
            ("per_page", place.size.to_string()),
            ("page", (place.pages + 1).to_string()),
            ("orderby", "modified".to_owned()),
            ("order", "asc".to_owned()),
            ("status", status.to_owned()),
        ];
        if let Some(after_s) = place.after_s {
            // UTC, with the flag and without a suffix: with both the shop shifts it by its zone.
            let text = instant::to_rfc3339(after_s * 1000);
            query.push(("modified_after", text.trim_end_matches('Z').to_owned()));
            query.push(("dates_are_gmt", "true".to_owned()));
        }
        query
    }

    /// The sweep is through. Once in a while the next one takes everything.
    fn end_dated(&self, cursor: &mut Cursor, now: Option<Instant>) {
        let places = [cursor.live.after_s, cursor.trash.after_s];
        let since_s = places.into_iter().flatten().min();
        if let Some(since_s) = since_s {
            cursor.recent.forget_before(since_s * 1000);
        }
        if is_full_due(self.settings, cursor.full_at, now) {
            cursor.live = Place::default();
            cursor.full_at = now;
        }
    }

    /// Objects by id, all of them every time; what changed is handed over. Each question begins
    /// with the last object read: where that is not there any more, others moved up into its
    /// place, and reading goes back until it meets what it knows.
    fn scan(&mut self, cursor: &mut Cursor) -> Result<bool, Failure> {
        let size = u64::from(self.settings.page_size);
        loop {
            let scan = cursor.scan.clone().unwrap_or(Scan {
                last_id: 0,
                count: 0,
                began: None,
                newest: None,
                is_full: cursor.live.after_s.is_none(),
            });
            let offset = scan.count.saturating_sub(1);
            let (rows, now) = self.rows(&self.scan_query(offset))?;
            let mut scan = scan;
            if scan.count == 0 && scan.began.is_none() {
                scan.began = now;
                scan.is_full |= is_full_due(self.settings, cursor.full_at, now);
                if scan.is_full {
                    cursor.full_at = now;
                }
            }
            let id_of = |row: &Json| row.text_at("id").and_then(|id| id.parse::<u64>().ok());
            let first = rows.first().and_then(id_of);
            if offset > 0 && first.is_none_or(|first| first > scan.last_id) {
                scan.count = scan.count.saturating_sub(size);
                cursor.scan = Some(scan);
                if self.questions >= MAX_QUESTIONS {
                    return Ok(true);
                }
                continue;
            }
            for (at, row) in rows.iter().enumerate() {
                let id = id_of(row).unwrap_or(0);
                if id > scan.last_id || id == 0 {
                    if self.is_wanted(cursor, &scan, row) && !self.hand_over(cursor, row) {
                        cursor.scan = Some(scan);
                        return Ok(true);
                    }
                    if let Ok(at) = map::updated_at(row) {
                        scan.newest = Some(scan.newest.map_or(at, |newest| newest.max(at)));
                    }
                }
                scan.last_id = scan.last_id.max(id);
                scan.count = offset + at as u64 + 1;
            }
            if (rows.len() as u64) < size {
                end_scan(cursor, &scan);
                return Ok(false);
            }
            cursor.scan = Some(scan);
            if self.questions >= MAX_QUESTIONS || !self.fits(1, 1) {
                return Ok(true);
            }
        }
    }

    fn scan_query(&self, offset: u64) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("per_page", self.settings.page_size.to_string()),
            ("offset", offset.to_string()),
            ("orderby", "id".to_owned()),
            ("order", "asc".to_owned()),
        ];
        if self.entity == Entity::Customers {
            query.push(("role", "all".to_owned()));
        }
        query
    }

    fn is_wanted(&self, cursor: &Cursor, scan: &Scan, row: &Json) -> bool {
        let since_s = cursor.live.after_s.filter(|_| !scan.is_full);
        match (since_s, map::updated_at(row)) {
            (Some(since_s), Ok(at)) => at.div_euclid(1000) > since_s,
            _ => true,
        }
    }
}

/// Moves on behind the last object read. The filter has a grain of one second and takes what is
/// strictly later, so it stays one second behind.
fn advance(place: &mut Place, last_s: Option<i64>, is_through: bool) {
    if is_through {
        place.pages = 0;
        if let Some(last_s) = last_s {
            place.after_s = Some(last_s - OVERLAP_S);
        }
        return;
    }
    match last_s.map(|last_s| last_s - 1) {
        Some(next_s) if place.after_s.is_none_or(|after_s| next_s > after_s) => {
            place.after_s = Some(next_s);
            place.pages = 0;
        }
        _ => place.pages += 1,
    }
}

fn is_full_due(settings: &Settings, last: Option<Instant>, now: Option<Instant>) -> bool {
    let span_ms = i64::from(settings.full_sweep_hours) * HOUR_MS;
    last.zip(now)
        .is_some_and(|(last, now)| now.saturating_sub(last) >= span_ms)
}

/// What changed while the sweep went on may stand before where it was: the next one takes what
/// changed since this one began. Without the shop's clock everything is taken again.
fn end_scan(cursor: &mut Cursor, scan: &Scan) {
    let safe = scan
        .began
        .zip(scan.newest)
        .map(|(began, newest)| began.min(newest));
    if let Some(safe) = safe {
        let since_s = safe.div_euclid(1000) - OVERLAP_S;
        let since_s = cursor
            .live
            .after_s
            .map_or(since_s, |earlier| earlier.max(since_s));
        cursor.live.after_s = Some(since_s);
        cursor.recent.forget_before(since_s * 1000);
    }
    cursor.scan = None;
}
