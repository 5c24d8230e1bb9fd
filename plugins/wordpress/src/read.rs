//! One page of a stream.
//!
//! Content and comments are swept in the order of a column with the site's local time. Every
//! request begins behind the last row, by that column's own value without a zone: so it compares
//! what the vendor compares, whatever the zone once was. Only where one second holds more rows
//! than a page is that second read page by page. Users and terms have no such column: they are
//! listed by number, and told apart from what was handed over by their content.

use crosspoint_sdk::map::instant::{parse, to_rfc3339};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::recent::{Seen, mark};
use crosspoint_sdk::{Budget, Context, Error, Instant, Page, Reject};

use crate::client::{Client, Fault, List, MAX_ROWS};
use crate::cursor::{Cursor, Lane};
use crate::map;
use crate::settings::Settings;
use crate::stream::{Kind, Order, Plan};

/// Most requests of one call: sites may take seconds for one, and a call has a minute.
const MAX_REQUESTS: usize = 5;

const SECOND_MS: i64 = 1_000;

/// One call's work.
struct Reader<'a> {
    client: Client<'a>,
    plan: &'a Plan,
    cursor: Cursor,
    budget: Budget,
    bytes: u64,
    page: Page,
    vendor_now: Option<Instant>,
}

/// Whether a row was taken.
enum Taken {
    Yes,
    /// It no longer fits.
    No,
}

/// One page.
///
/// # Errors
/// The vendor's, or a cursor that is not ours.
pub fn read(
    ctx: &Context,
    settings: &Settings,
    plan: &Plan,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let orders = plan.orders(settings);
    let mut reader = Reader {
        client: Client::new(ctx, settings),
        plan,
        cursor: Cursor::decode(cursor, orders.len().max(1))?,
        budget,
        bytes: 0,
        page: Page::empty(),
        vendor_now: None,
    };
    reader.page.more = true;
    for _ in 0..MAX_REQUESTS {
        let is_full = if orders.is_empty() {
            reader.list()?
        } else {
            reader.sweep(&orders)?
        };
        if is_full || !reader.page.more {
            break;
        }
    }
    reader.page.next_cursor = reader.cursor.encode()?;
    Ok(reader.page)
}

impl Reader<'_> {
    fn lane(&mut self) -> &mut Lane {
        let lane = self.cursor.lane;
        &mut self.cursor.lanes[lane]
    }

    /// Rows per request: no more than the budget, and on pages already begun as many as before.
    fn size(&self) -> u32 {
        MAX_ROWS.min(self.budget.records).max(1)
    }

    /// One request of the lane under way. Answers whether the budget is used up.
    fn sweep(&mut self, orders: &[Order]) -> Result<bool, Error> {
        let order = orders[self.cursor.lane];
        if order.follows && self.lane().newest.is_none() {
            let newest = self.cursor.lanes[0].newest;
            let lane = self.lane();
            lane.newest = newest;
            lane.from = newest.map(|at| at - order.overlap_ms);
            if newest.is_none() {
                self.next_lane(orders);
                return Ok(false);
            }
        }
        let lane = self.lane().clone();
        let local = |at: Instant| to_rfc3339(at).trim_end_matches('Z').to_owned();
        let (after, before) = order.bounds;
        let mut call = self.client.get(&self.plan.base).query("order", "asc");
        if let Some(status) = order.status {
            call = call.query("status", status);
        }
        let size = if lane.page > 0 {
            lane.size
        } else {
            self.size()
        };
        call = call.query("per_page", size);
        call = match lane.at {
            Some(at) if lane.page > 0 => call
                .query("orderby", "id")
                .query(after, local(at - SECOND_MS))
                .query(before, local(at + SECOND_MS))
                .query("page", lane.page),
            at => {
                let call = call.query("orderby", order.column);
                match (at, lane.from) {
                    (Some(at), _) if lane.is_behind => call.query(after, local(at)),
                    (Some(at), _) => call.query(after, local(at - SECOND_MS)),
                    (None, Some(from)) => call.query(after, to_rfc3339(from - SECOND_MS)),
                    (None, None) => call,
                }
            }
        };
        let list = match self.client.list(call) {
            Ok(list) => list,
            Err(Fault::PastEnd) if lane.page > 1 => {
                // Rows left this second and others moved up: look at it from the start.
                let lane = self.lane();
                (lane.page, lane.total) = (1, None);
                return Ok(false);
            }
            Err(fault) => return Err(fault.into()),
        };
        self.vendor_now = list.date.or(self.vendor_now);
        if lane.page > 0 {
            self.within_second(&list, &order)
        } else {
            self.behind_last(&list, &order, orders, size)
        }
    }

    /// Rows of a page in the column's order.
    fn behind_last(
        &mut self,
        list: &List,
        order: &Order,
        orders: &[Order],
        size: u32,
    ) -> Result<bool, Error> {
        let mut columns = Vec::with_capacity(list.rows.len());
        for row in &list.rows {
            let at = column(row, order)?;
            if self.lane().at != Some(at) {
                self.lane().held.clear();
            }
            if matches!(self.take(row, order, at)?, Taken::No) {
                return Ok(true);
            }
            columns.push(at);
            let lane = self.lane();
            (lane.at, lane.is_behind) = (Some(at), false);
        }
        let is_last = match list.pages {
            Some(pages) => pages <= 1,
            None => (list.rows.len() as u32) < size,
        };
        if is_last || columns.is_empty() {
            self.next_lane(orders);
        } else if columns.first() == columns.last() {
            // More rows of one second than a page holds, and no order among them.
            let lane = self.lane();
            (lane.page, lane.size, lane.total) = (1, size, None);
        }
        Ok(false)
    }

    /// Rows of one second, by number.
    fn within_second(&mut self, list: &List, order: &Order) -> Result<bool, Error> {
        for row in &list.rows {
            let at = column(row, order)?;
            if matches!(self.take(row, order, at)?, Taken::No) {
                return Ok(true);
            }
        }
        let lane = self.lane();
        lane.held.clear();
        let has_shrunk =
            matches!((lane.total, list.total), (Some(before), Some(now)) if now < before);
        if lane.page > 1 && has_shrunk {
            (lane.page, lane.total) = (1, None);
            return Ok(false);
        }
        lane.total = list.total;
        let is_last = match list.pages {
            Some(pages) => lane.page >= pages,
            None => (list.rows.len() as u32) < lane.size,
        };
        if is_last {
            (lane.page, lane.is_behind) = (0, true);
        } else {
            lane.page += 1;
        }
        Ok(false)
    }

    /// The lane has met its last row: its next sweep begins some time before the newest.
    fn next_lane(&mut self, orders: &[Order]) {
        let overlap_ms = orders[self.cursor.lane].overlap_ms;
        let vendor_now = self.vendor_now;
        let newest = self.lane().newest;
        let recent = &self.cursor.recent;
        let from = newest.map(|at| recent.next_sweep(at, overlap_ms, vendor_now).max(0));
        *self.lane() = Lane {
            newest,
            from,
            ..Lane::default()
        };
        self.cursor.lane += 1;
        if self.cursor.lane == orders.len() {
            self.cursor.lane = 0;
            self.page.more = false;
        }
    }

    /// Hands over a row with an instant, unless it was already in this form.
    fn take(&mut self, row: &Json, order: &Order, column: Instant) -> Result<Taken, Error> {
        let taken = match self.plan.kind {
            Kind::Content => self.take_stamped(row, column)?,
            _ => self.take_numbered(row)?,
        };
        if matches!(taken, Taken::Yes) {
            let utc = row.text_at(&format!("{}_gmt", order.column));
            let utc = utc.and_then(|text| parse(text, 0).ok());
            let at = utc.filter(|at| *at > 0).unwrap_or(column);
            let lane = self.lane();
            lane.newest = Some(lane.newest.map_or(at, |newest| newest.max(at)));
        }
        Ok(taken)
    }

    /// Hands over a row that is known by its instant of change. The status belongs to its version: a
    /// scheduled post is published without being modified.
    fn take_stamped(&mut self, row: &Json, column: Instant) -> Result<Taken, Error> {
        let modified = row.text_at("modified_gmt").unwrap_or_default();
        let id = row.text_at("id").unwrap_or_default();
        let mark = mark([id, modified, row.text_at("status").unwrap_or_default()]);
        // Lanes meet the same row at different columns.
        let place = parse(modified, 0).unwrap_or(column);
        if self.cursor.recent.contains(place, mark) || self.lane().held.contains(&mark) {
            return Ok(Taken::Yes);
        }
        if !self.hand_over(row, None)? {
            return Ok(Taken::No);
        }
        self.cursor.recent.insert(place, mark);
        self.lane().held.push(mark);
        Ok(Taken::Yes)
    }

    /// Hands over a row that is known by its number and content. One whose content changed since
    /// has no instant of that change: the vendor's clock at which it was first seen so stands for it.
    fn take_numbered(&mut self, row: &Json) -> Result<Taken, Error> {
        let number = row.text_at("id").and_then(|text| text.parse::<i64>().ok());
        let number = number
            .ok_or_else(|| Error::Fatal(format!("a row of `{}` has no number", self.plan.base)))?;
        let text = row.to_string();
        let mark = mark([text.as_str()]);
        let changed_at = match self.cursor.recent.look(number, mark) {
            _ if self.lane().held.contains(&mark) => return Ok(Taken::Yes),
            Seen::Same => return Ok(Taken::Yes),
            Seen::Changed => self.vendor_now,
            Seen::New => None,
        };
        if !self.hand_over(row, changed_at)? {
            return Ok(Taken::No);
        }
        self.cursor.recent.replace(number, mark);
        self.lane().held.push(mark);
        Ok(Taken::Yes)
    }

    /// Puts what comes of a row on the page; answers false where it no longer fits.
    fn hand_over(&mut self, row: &Json, changed_at: Option<Instant>) -> Result<bool, Error> {
        let text = row.to_string();
        let size = text.len() as u64;
        let used = (self.page.records.len() + self.page.rejects.len()) as u32;
        let is_over = self.bytes + size > self.budget.bytes || used >= self.budget.records;
        if used > 0 && is_over {
            return Ok(false);
        }
        self.bytes += size;
        match map::record(row, &self.plan.kind, changed_at) {
            Ok(record) => self.page.records.push(record),
            Err(problem) => {
                let id = row.text_at("id").unwrap_or("?");
                self.page.rejects.push(Reject {
                    locator: format!("{}/{id}", self.plan.base),
                    field: Some(problem.field.to_owned()),
                    reason: problem.reason,
                    raw: text.into_bytes(),
                });
            }
        }
        Ok(true)
    }

    /// One page of a list by number. Answers whether the budget is used up.
    fn list(&mut self) -> Result<bool, Error> {
        let lane = self.lane().clone();
        let page = lane.page.max(1);
        let size = if lane.page > 0 {
            lane.size
        } else {
            self.size()
        };
        let mut call = self.client.get(&self.plan.base);
        if self.plan.kind == Kind::Term {
            call = call.query("hide_empty", "false");
        }
        let call = call
            .query("orderby", "id")
            .query("order", "asc")
            .query("per_page", size)
            .query("page", page);
        let list = match self.client.list(call) {
            Ok(list) => list,
            Err(Fault::PastEnd) if page > 1 => {
                self.end_list(page - 1, &lane);
                return Ok(false);
            }
            Err(fault) => return Err(fault.into()),
        };
        self.vendor_now = list.date.or(self.vendor_now);
        for row in &list.rows {
            if matches!(self.take_numbered(row)?, Taken::No) {
                let lane = self.lane();
                (lane.page, lane.size, lane.total) = (page, size, lane.total.or(list.total));
                return Ok(true);
            }
        }
        self.lane().held.clear();
        // Rows were deleted and the others moved up: what slipped to earlier pages is there.
        let gone = match (lane.total, list.total) {
            (Some(before), Some(now)) if page > 1 => before.saturating_sub(now),
            _ => 0,
        };
        if gone > 0 {
            let back = u32::try_from(gone.div_ceil(u64::from(size))).unwrap_or(u32::MAX);
            let lane = self.lane();
            lane.page = page.saturating_sub(back).max(1);
            (lane.size, lane.total) = (size, list.total);
            return Ok(false);
        }
        let is_last = match list.pages {
            Some(pages) => page >= pages,
            None => (list.rows.len() as u32) < size,
        };
        if is_last {
            *self.lane() = Lane::default();
            self.page.more = false;
        } else {
            let lane = self.lane();
            (lane.page, lane.size, lane.total) = (page + 1, size, list.total);
        }
        Ok(false)
    }

    /// The page asked for is past the end: rows were deleted meanwhile.
    fn end_list(&mut self, page: u32, before: &Lane) {
        let lane = self.lane();
        (lane.page, lane.size, lane.total) = (page, before.size, None);
    }
}

/// The column's value as the site writes it, taken as UTC.
fn column(row: &Json, order: &Order) -> Result<Instant, Error> {
    let text = row.text_at(order.column);
    text.and_then(|text| parse(text, 0).ok())
        .ok_or_else(|| Error::Fatal(format!("a row has no readable `{}`", order.column)))
}
