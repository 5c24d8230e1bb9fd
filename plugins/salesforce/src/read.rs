//! One page of a stream: a sweep in the order of stamp and id.
//!
//! Every query begins behind the last row that was handed over, never at a place that the vendor
//! counts: rows that change meanwhile move to the end and are met there. Query locators are
//! followed within a call only, so that none can go stale between two.

use crosspoint_sdk::http::HttpError;
use crosspoint_sdk::map::instant::{self, to_rfc3339};
use crosspoint_sdk::map::json::Json;
use crosspoint_sdk::recent::mark;
use crosspoint_sdk::{Budget, Context, Error, Instant, Page, Reject};

use crate::client::{Answer, Client, Fault};
use crate::cursor::{Cursor, is_id};
use crate::map;
use crate::object::{Object, View};
use crate::settings::Settings;
use crate::shape::Shape;

/// Most rows that the vendor returns at once.
const MAX_ROWS: u32 = 2_000;

/// Most requests of one call: a call has a minute.
const MAX_REQUESTS: usize = 8;

/// One call's work.
struct Sweep<'a> {
    ctx: &'a Context,
    client: Client<'a>,
    settings: &'a Settings,
    object: Object,
    view: View,
    shape: Shape,
    /// The shape is of an earlier call and may be out of date.
    is_noted: bool,
    cursor: Cursor,
    budget: Budget,
    bytes: u64,
    page: Page,
    /// When the vendor answered last.
    vendor_now: Option<Instant>,
}

/// How a query ended.
enum End {
    /// The budget is used up.
    Full,
    /// No row is left.
    Exhausted,
    /// There may be more.
    More,
}

/// One page.
///
/// # Errors
/// The vendor's, or a cursor that is not ours.
pub fn read(
    ctx: &Context,
    settings: &Settings,
    (object, view): (Object, View),
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let cursor = Cursor::decode(cursor)?;
    let client = Client::new(ctx, settings);
    let noted = if cursor.is_sweeping() {
        Shape::noted(ctx, object)
    } else {
        None
    };
    let is_noted = noted.is_some();
    let shape = match noted {
        Some(shape) => shape,
        None => Shape::fetch(ctx, &client, object)?,
    };
    let mut sweep = Sweep {
        ctx,
        client,
        settings,
        object,
        view,
        shape,
        is_noted,
        cursor,
        budget,
        bytes: 0,
        page: Page::empty(),
        vendor_now: None,
    };
    sweep.run()?;
    sweep.page.next_cursor = sweep.cursor.encode()?;
    Ok(sweep.page)
}

impl Sweep<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut requests = 0;
        let mut most = MAX_ROWS;
        loop {
            let limit = self.rows_left().clamp(1, most);
            let answer = match self.first(limit) {
                Err(Fault::NoAnswer(HttpError::TooLarge(_))) if limit > 1 => {
                    most = (limit / 4).max(1);
                    continue;
                }
                Err(fault) if self.is_noted && fault.has_code("INVALID_FIELD") => {
                    self.shape = Shape::fetch(self.ctx, &self.client, self.object)?;
                    self.is_noted = false;
                    continue;
                }
                other => other?,
            };
            match self.follow(answer, limit, &mut requests)? {
                End::Exhausted => {
                    self.finish();
                    return Ok(());
                }
                End::Full => break,
                End::More if requests >= MAX_REQUESTS => break,
                End::More => {}
            }
        }
        self.page.more = true;
        Ok(())
    }

    /// Every row yields so many records at most.
    fn rows_left(&self) -> u32 {
        let per_row = match self.view {
            View::Whole => 1,
            View::Consents => map::CONSENTS_PER_ROW as u32,
        };
        let used = self.page.records.len() + self.page.rejects.len();
        self.budget.records.saturating_sub(used as u32) / per_row
    }

    fn first(&self, limit: u32) -> Result<Answer, Fault> {
        // `queryAll` also shows what lies in the recycle bin.
        let resource = if self.shape.has_deleted {
            "queryAll"
        } else {
            "query"
        };
        self.client.query(resource, &self.soql(limit))
    }

    /// Takes the rows of a query, page after page.
    fn follow(&mut self, first: Answer, limit: u32, requests: &mut usize) -> Result<End, Error> {
        let mut answer = first;
        let mut rows = 0;
        loop {
            *requests += 1;
            self.vendor_now = answer.date.or(self.vendor_now);
            let Some(Json::List(records)) = answer.json.get("records") else {
                return Err(Error::Transient(
                    "the vendor's answer to a query holds no records".to_owned(),
                ));
            };
            for row in records {
                if !self.take(row)? {
                    return Ok(End::Full);
                }
                rows += 1;
            }
            let next = answer.json.text_at("nextRecordsUrl");
            match next.filter(|_| !answer.json.is_true_at("done")) {
                Some(_) if *requests >= MAX_REQUESTS => return Ok(End::More),
                Some(next) => match self.client.next_page(next) {
                    Ok(page) => answer = page,
                    // Gone stale: what follows is asked for anew, behind the last row.
                    Err(fault) if fault.has_code("INVALID_QUERY_LOCATOR") && rows > 0 => {
                        return Ok(End::More);
                    }
                    Err(fault) => return Err(fault.into()),
                },
                None if rows >= limit => return Ok(End::More),
                None => return Ok(End::Exhausted),
            }
        }
    }

    /// Hands over one row unless it was already; answers false where it no longer fits.
    fn take(&mut self, row: &Json) -> Result<bool, Error> {
        let malformed = || {
            Error::Fatal(format!(
                "a row of `{}` lacks its id or stamp",
                self.object.name()
            ))
        };
        let id = row
            .text_at("Id")
            .filter(|id| is_id(id))
            .ok_or_else(malformed)?;
        let stamp = row.text_at(&self.shape.stamp).ok_or_else(malformed)?;
        let stamp = instant::parse(stamp, 0).map_err(|_| malformed())?;
        let text = row.to_string();
        let mapped = map::records(
            row,
            id,
            stamp,
            self.object,
            self.view,
            &self.shape,
            self.settings,
        );
        match mapped {
            Ok(records) => {
                for record in records {
                    let mark = mark([record.id.as_str()]);
                    if self.is_new(stamp, mark) {
                        if !self.make_room(text.len() as u64) {
                            return Ok(false);
                        }
                        self.page.records.push(record);
                        self.cursor.held.push(mark);
                    }
                }
            }
            Err(problem) => {
                let mark = mark([id]);
                if self.is_new(stamp, mark) {
                    if !self.make_room(text.len() as u64) {
                        return Ok(false);
                    }
                    self.page.rejects.push(Reject {
                        locator: format!("{}/{id}", self.object.name()),
                        field: Some(problem.field),
                        reason: problem.reason,
                        raw: text.into_bytes(),
                    });
                    self.cursor.held.push(mark);
                }
            }
        }
        for mark in std::mem::take(&mut self.cursor.held) {
            self.cursor.recent.insert(stamp, mark);
        }
        self.cursor.at = Some(stamp);
        id.clone_into(&mut self.cursor.id);
        let newest = self.cursor.newest.map_or(stamp, |newest| newest.max(stamp));
        self.cursor.newest = Some(newest);
        self.cursor
            .recent
            .forget_before(newest.saturating_sub(self.settings.overlap_ms()));
        Ok(true)
    }

    fn is_new(&self, stamp: Instant, mark: u64) -> bool {
        !self.cursor.recent.contains(stamp, mark) && !self.cursor.held.contains(&mark)
    }

    /// Answers false where a row of so many bytes no longer fits; the first one always does.
    fn make_room(&mut self, bytes: u64) -> bool {
        let used = self.page.records.len() + self.page.rejects.len();
        let is_over =
            self.bytes + bytes > self.budget.bytes || used >= self.budget.records as usize;
        if used > 0 && is_over {
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// The sweep has met the last row: the next one begins some minutes before the newest.
    fn finish(&mut self) {
        self.page.more = false;
        self.cursor.id.clear();
        if let Some(newest) = self.cursor.newest {
            let overlap = self.settings.overlap_ms();
            let recent = &self.cursor.recent;
            self.cursor.at = Some(recent.next_sweep(newest, overlap, self.vendor_now));
        }
    }

    fn soql(&self, limit: u32) -> String {
        let Shape {
            fields,
            stamp,
            has_account,
            ..
        } = &self.shape;
        let mut wanted: Vec<&str> = match self.view {
            View::Whole => fields.iter().map(String::as_str).collect(),
            View::Consents => map::consent_fields(self.settings, &self.shape),
        };
        if *has_account && self.view == View::Whole {
            wanted.push("Account.Name");
        }
        let since = match (self.cursor.at, self.cursor.id.as_str()) {
            (None, _) => String::new(),
            (Some(at), "") => format!(" WHERE {stamp} >= {}", to_rfc3339(at)),
            (Some(at), id) => {
                let at = to_rfc3339(at);
                format!(" WHERE ({stamp} > {at}) OR ({stamp} = {at} AND Id > '{id}')")
            }
        };
        format!(
            "SELECT {} FROM {}{since} ORDER BY {stamp} ASC, Id ASC LIMIT {limit}",
            wanted.join(","),
            self.object.name()
        )
    }
}
