//! One read: goes over the files in the order of their names, from where the cursor stands, until
//! the budget is used up.

use crosspoint_sdk::files::{Entry, FileError};
use crosspoint_sdk::{Budget, Context, Error, Page, Reject};

use crate::convert::{Convert, record_bytes};
use crate::cursor::{Cursor, FileState, MAX_FILES, Progress, fnv, stamp};
use crate::dialect::{Dialect, HEAD_BYTES, Layout, Refusal};
use crate::mapping::{Binding, Fault};
use crate::packed::{self, Content, Packing, Trouble};
use crate::plan::Plan;
use crate::quarantine::Quarantined;
use crate::rest::Rest;
use crate::rows::{Form, Found, Rows};

/// How much of a file's beginning and of what stands before the offset makes its mark.
const MARK_BYTES: u64 = 256;

/// Records that room is made for in advance, which spares moving them as the page grows.
const MOST_EXPECTED: usize = 1_000;

/// Endings of files that are still being written.
const UNFINISHED: [&str; 6] = [
    ".tmp",
    ".part",
    ".filepart",
    ".incomplete",
    ".crdownload",
    "~",
];

/// The files that the settings mean, without those that are still being written, by path.
///
/// # Errors
/// Where they cannot be listed or are too many.
pub fn listed(ctx: &Context, plan: &Plan) -> Result<Vec<Entry>, Error> {
    let mut entries = ctx.files().list("", &plan.path)?;
    entries.retain(|entry| {
        let lower = entry.path.to_lowercase();
        !UNFINISHED.iter().any(|ending| lower.ends_with(ending))
            && !entry.path.split('/').any(|part| part.starts_with('.'))
            && !is_archived(plan, &entry.path)
    });
    if entries.len() > MAX_FILES {
        return Err(Error::invalid(
            "path",
            format!(
                "{} files match, at most {MAX_FILES} may; archive what was read or narrow the \
                 pattern",
                entries.len()
            ),
        ));
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

fn is_archived(plan: &Plan, path: &str) -> bool {
    let folder = plan.archive_folder.as_deref();
    folder
        .and_then(|folder| path.strip_prefix(folder))
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Looks at a file's beginning; whether it is complete does not matter.
///
/// # Errors
/// Where it cannot be read.
pub fn check(ctx: &Context, plan: &Plan, entry: &Entry) -> Result<Result<(), Refusal>, FileError> {
    let whole = |reason| Refusal {
        line: 1,
        column: None,
        reason,
    };
    let looked = packed::detect(ctx.files(), entry).and_then(|packing| {
        packed::with_text(ctx.files(), entry, packing, plan, |content| {
            begin(content, packing, plan)
        })
    });
    match looked {
        Ok(begun) => Ok(begun.map(|_| ())),
        Err(Trouble::File(error)) => Err(error),
        Err(Trouble::CutOff) => Ok(Ok(())),
        Err(Trouble::Broken(reason)) => Ok(Err(whole(reason))),
    }
}

/// What a text's beginning says, checked against what the settings need.
fn begin(
    content: &mut dyn Content,
    packing: Packing,
    plan: &Plan,
) -> Result<Result<Option<Dialect>, Refusal>, Trouble> {
    let head = packed::read_range(content, 0, HEAD_BYTES as u64)?;
    let is_whole = content.size().is_some_and(|size| size <= head.len() as u64);
    let is_sheet = packing == Packing::Workbook;
    let dialect = Dialect::detect(&head, is_whole, is_sheet, plan);
    Ok(dialect.and_then(|dialect| match dialect {
        Some(dialect) => dialect.refuse_missing(plan).map(Some),
        None => Ok(None),
    }))
}

/// Reads one page.
///
/// # Errors
/// Where files cannot be listed or read.
pub fn read(
    ctx: &Context,
    plan: &Plan,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let entries = listed(ctx, plan)?;
    let mut cursor = Cursor::decode(cursor)?;
    cursor.retain(&entries);
    let mut reading = Reading {
        ctx,
        plan,
        rest: Rest::now(plan),
        cursor,
        page: Page::empty(),
        budget,
        bytes: 0,
        is_full: false,
    };
    for entry in &entries {
        reading.file(entry)?;
        if reading.is_full {
            break;
        }
    }
    reading.page.more = reading.is_full;
    reading.page.next_cursor = reading.cursor.encode()?;
    Ok(reading.page)
}

struct Reading<'a> {
    ctx: &'a Context,
    plan: &'a Plan,
    rest: Rest,
    cursor: Cursor,
    page: Page,
    budget: Budget,
    bytes: u64,
    /// Something is left that the budget has no room for.
    is_full: bool,
}

impl Reading<'_> {
    fn file(&mut self, entry: &Entry) -> Result<(), Error> {
        let stamp = stamp(entry);
        let known = self.cursor.file(&entry.path).copied();
        let is_settled = known.is_some_and(|state| match state.progress {
            Progress::Begun => false,
            Progress::Done => state.stamp == stamp,
            Progress::Refused => state.stamp == self.refused(stamp),
        });
        if is_settled {
            return self.archive(entry);
        }
        if !self.rest.is_at_rest(entry, &mut self.cursor) {
            return Ok(());
        }
        if self.used() > 0 && !self.has_room(1, 0) {
            self.is_full = true;
            return Ok(());
        }
        let read = packed::detect(self.ctx.files(), entry)
            .and_then(|packing| self.unsettled(entry, stamp, known, packing));
        match read {
            Ok(()) => self.archive(entry),
            Err(Trouble::File(FileError::NotFound)) => {
                let gone = format!("{}: taken away while it was read", entry.path);
                self.page.notices.push(gone);
                Ok(())
            }
            Err(Trouble::File(error)) => Err(error.into()),
            // The rest is on its way: what was read of it stays as far as it is.
            Err(Trouble::CutOff) if self.rest.is_fresh(entry) => Ok(()),
            Err(Trouble::CutOff) => {
                let reason = "the file ends in the middle: its upload was broken off";
                self.refuse(
                    entry,
                    stamp,
                    self.line_of(entry, stamp),
                    Fault::of_row(reason),
                );
                Ok(())
            }
            Err(Trouble::Broken(reason)) => {
                self.refuse(
                    entry,
                    stamp,
                    self.line_of(entry, stamp),
                    Fault::of_row(reason),
                );
                Ok(())
            }
        }
    }

    /// Has a file moved away of which nothing is left to read.
    fn archive(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(folder) = &self.plan.archive_folder else {
            return Ok(());
        };
        let stamp = stamp(entry);
        let known = self.cursor.file(&entry.path).copied();
        let read = known.filter(|state| {
            state.progress == Progress::Done && state.stamp == stamp && state.offset > 0
        });
        let Some(read) = read else {
            return Ok(());
        };
        if !self.rest.is_at_rest(entry, &mut self.cursor) {
            return Ok(());
        }
        let to = format!("{folder}/{}", entry.path);
        self.ctx.files().archive(entry, &to).map_err(|error| match error {
            FileError::Denied(reason) => Error::invalid(
                "after",
                format!("`archive` needs `files_write = true` among the connector's grants: {reason}"),
            ),
            other => other.into(),
        })?;
        // Should a file stand there again, its bytes decide whether it is this one: another of the
        // same length may have come within the same second.
        self.cursor.put(FileState {
            stamp: archived(stamp),
            ..read
        });
        Ok(())
    }

    /// The line that reading had come to.
    fn line_of(&self, entry: &Entry, stamp: u64) -> u64 {
        let known = self.cursor.file(&entry.path);
        known
            .filter(|state| state.stamp == stamp)
            .map_or(1, |state| state.line)
    }

    fn refuse(&mut self, entry: &Entry, stamp: u64, line: u64, fault: Fault) {
        self.reject(Quarantined::file(&entry.path, line, fault));
        self.cursor.put(FileState {
            path: fnv(entry.path.as_bytes()),
            stamp: self.refused(stamp),
            progress: Progress::Refused,
            offset: 0,
            line: 1,
            mark: 0,
        });
    }

    fn unsettled(
        &mut self,
        entry: &Entry,
        stamp: u64,
        known: Option<FileState>,
        packing: Packing,
    ) -> Result<(), Trouble> {
        let (ctx, plan) = (self.ctx, self.plan);
        packed::with_text(ctx.files(), entry, packing, plan, |content| {
            self.text(entry, stamp, known, packing, content)
        })
    }

    fn text(
        &mut self,
        entry: &Entry,
        stamp: u64,
        known: Option<FileState>,
        packing: Packing,
        content: &mut dyn Content,
    ) -> Result<(), Trouble> {
        let path = fnv(entry.path.as_bytes());
        let is_plain = packing == Packing::Plain;
        let resumed = match known.filter(|state| state.progress != Progress::Refused) {
            Some(state) if state.stamp == stamp => Some(state),
            // What stands before is known again only where it can be looked at.
            Some(state) if is_plain && is_continued(content, entry, stamp, &state)? => Some(state),
            Some(_) => {
                self.page.notices.push(self.reread_notice(&entry.path));
                None
            }
            None => None,
        };
        let dialect = match begin(content, packing, self.plan)? {
            Ok(Some(dialect)) => dialect,
            Ok(None) => {
                let mark = if is_plain { mark(content, 0)? } else { 0 };
                self.cursor.put(FileState {
                    path,
                    stamp,
                    progress: Progress::Done,
                    offset: 0,
                    line: 1,
                    mark,
                });
                return Ok(());
            }
            Err(refusal) => {
                let fault = Fault {
                    column: refusal.column,
                    reason: refusal.reason,
                };
                self.refuse(entry, stamp, refusal.line, fault);
                return Ok(());
            }
        };
        let (offset, line) = match resumed {
            Some(state) if state.offset >= dialect.data_offset => (state.offset, state.line),
            _ => {
                self.notice_columns(&entry.path, &dialect);
                (dialect.data_offset, dialect.data_line)
            }
        };
        let want = u64::from(self.budget.records) * self.cursor.row_bytes * 5 / 4;
        let mut rows = Rows::new(content, &dialect, offset, line, want);
        let ended = self.rows(&mut rows, entry, &dialect);
        let (offset, line) = (rows.offset(), rows.line());
        let progress = match &ended {
            Ok(true) => Progress::Done,
            Ok(false) | Err(Trouble::CutOff | Trouble::Broken(_)) => Progress::Begun,
            Err(Trouble::File(error)) => return Err(Trouble::File(error.clone())),
        };
        let mark = if is_plain { mark(content, offset)? } else { 0 };
        self.cursor.put(FileState {
            path,
            stamp,
            progress,
            offset,
            line,
            mark,
        });
        ended.map(|_| ())
    }

    /// Says what is new about the columns, and which ones the settings speak of in vain.
    fn notice_columns(&mut self, path: &str, dialect: &Dialect) {
        let is_first = self.cursor.columns.is_empty();
        let drift = self.cursor.drift(path, &dialect.columns);
        let is_news = is_first || drift.is_some();
        self.page.notices.extend(drift);
        if is_news && dialect.layout != Layout::Ndjson {
            let binding = Binding::new(self.plan, &dialect.columns);
            let missing: Vec<_> = binding
                .missing(self.plan, false)
                .map(|name| format!("`{name}`"))
                .collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                self.page
                    .notices
                    .push(format!("{path}: settings name {missing}, which it lacks"));
            }
        }
    }

    /// Takes rows while there is room; says whether the file's end was reached.
    fn rows(
        &mut self,
        rows: &mut Rows<'_>,
        entry: &Entry,
        dialect: &Dialect,
    ) -> Result<bool, Trouble> {
        let convert = Convert::new(self.plan, dialect);
        let (from, mut count) = (rows.offset(), 0);
        let expected = (entry.size - from.min(entry.size)) / self.cursor.row_bytes.max(1) + 1;
        let room = (self.budget.records as usize).saturating_sub(self.used());
        let expected = usize::try_from(expected).unwrap_or(usize::MAX).min(room);
        self.page.records.reserve(expected.min(MOST_EXPECTED));
        let is_done = loop {
            let Some(found) = rows.peek()? else {
                break true;
            };
            if !self.row(rows, found, entry, dialect, &convert) {
                self.is_full = true;
                break false;
            }
            if found.form == Form::OpenRow {
                // Not taken: should the file grow, the row is read again, whole.
                break true;
            }
            rows.take(found)?;
            count += 1;
        };
        if let Some(usual) = (rows.offset() - from).checked_div(count) {
            self.cursor.row_bytes = usual.max(1);
        }
        Ok(is_done)
    }

    /// Puts what a row yields onto the page; false where the page has no room for it.
    fn row(
        &mut self,
        rows: &Rows<'_>,
        found: Found,
        entry: &Entry,
        dialect: &Dialect,
        convert: &Convert<'_>,
    ) -> bool {
        let bytes = rows.bytes(found);
        if found.form != Form::Unclosed && self.plan.is_blank(bytes) {
            return true;
        }
        // Cheaper than mapping a row that then has no room.
        if self.used() > 0 && !self.has_room(1, 0) {
            return false;
        }
        let result = match found.form {
            Form::Row | Form::OpenRow => {
                convert.row(bytes, &entry.path, rows.line(), entry.modified_at)
            }
            Form::Unclosed => Err(Fault::of_row("a quote is opened and never closed")),
            Form::TooLong => Err(Fault::of_row(
                "the line is longer than 1 MiB; only its beginning is kept",
            )),
        };
        match result {
            Ok(records) => {
                let size = records.iter().map(record_bytes).sum();
                if self.used() > 0 && !self.has_room(records.len(), size) {
                    return false;
                }
                self.bytes += size;
                self.page.records.extend(records);
            }
            Err(fault) => {
                let (path, line) = (&entry.path, rows.line());
                let reject = Quarantined::row(path, line, entry.modified_at, dialect, bytes, fault);
                if self.used() > 0 && !self.has_room(1, reject.raw.len() as u64) {
                    return false;
                }
                self.reject(reject);
            }
        }
        true
    }

    fn reject(&mut self, reject: Reject) {
        self.bytes += reject.raw.len() as u64;
        self.page.rejects.push(reject);
    }

    fn used(&self) -> usize {
        self.page.records.len() + self.page.rejects.len()
    }

    fn has_room(&self, count: usize, bytes: u64) -> bool {
        self.used() + count <= self.budget.records as usize
            && self.bytes + bytes <= self.budget.bytes
    }

    /// A refused file is tried again when it or the settings change.
    fn refused(&self, stamp: u64) -> u64 {
        stamp.rotate_left(1) ^ self.plan.fingerprint
    }

    fn reread_notice(&self, path: &str) -> String {
        let replaced = if self.plan.id.is_empty() {
            "; as `records.id` names no key columns, its rows replace those of the same line"
        } else {
            ""
        };
        format!("{path}: its content has changed, reading it again from the beginning{replaced}")
    }
}

/// Whether the file still begins as it did, so that only its end is new; or nothing, where it was
/// to be archived and still stands there.
fn is_continued(
    content: &mut dyn Content,
    entry: &Entry,
    stamp: u64,
    state: &FileState,
) -> Result<bool, Trouble> {
    let is_left = state.stamp == archived(stamp) && entry.size == state.offset;
    Ok((entry.size > state.offset || is_left) && mark(content, state.offset)? == state.mark)
}

/// The stamp of a file that was asked to be moved away.
fn archived(stamp: u64) -> u64 {
    !stamp
}

fn mark(content: &mut dyn Content, offset: u64) -> Result<u32, Trouble> {
    let mut bytes = packed::read_range(content, 0, offset.min(MARK_BYTES))?;
    bytes.extend(packed::read_range(
        content,
        offset.saturating_sub(MARK_BYTES),
        offset,
    )?);
    let hash = fnv(&bytes);
    Ok((hash ^ (hash >> 32)) as u32)
}
