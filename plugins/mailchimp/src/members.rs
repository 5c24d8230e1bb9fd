//! Reading members: contacts, consents and bounces are three views of the same rows.

use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_sdk::map::instant;
use crosspoint_sdk::recent::mark;
use crosspoint_sdk::serde_json::Value;
use crosspoint_sdk::{Budget, Context, Error, Page, Record, Reject};

use crate::client::{api, read};
use crate::cursor::{Ask, Cursor, Got};
use crate::mapping;
use crate::settings::Settings;

/// Most rows of one request.
const MAX_ROWS: u32 = 1000;

/// What a member usually takes; decides how many are asked for.
const USUAL_BYTES: u64 = 1500;

/// What is made of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The person.
    Contact,
    /// What the status says of consent to email.
    Consent,
    /// Members that were cleaned.
    Bounce,
}

impl View {
    fn fields(self) -> Option<&'static str> {
        const STATUS: &str = "members.id,members.contact_id,members.email_address,members.status,\
            members.last_changed,members.timestamp_opt,members.timestamp_signup,members.ip_opt,\
            members.source,members.unsubscribe_reason,members.list_id,total_items";
        (self != Self::Contact).then_some(STATUS)
    }

    /// The records of a row: none where the view has nothing to say.
    ///
    /// # Errors
    /// Field and reason where the row cannot become one.
    pub fn map(self, row: &Value) -> Result<Option<Record>, (&'static str, String)> {
        match self {
            Self::Contact => mapping::contact(row).map(Some),
            Self::Consent => mapping::consent(row),
            Self::Bounce => mapping::bounce(row),
        }
    }
}

/// One page of a view.
///
/// # Errors
/// The class of the answer.
pub fn page(
    ctx: &Context,
    settings: &Settings,
    view: View,
    cursor: Option<&[u8]>,
    budget: Budget,
) -> Result<Page, Error> {
    let cursor = Cursor::decode(cursor)?;
    advance(
        cursor,
        settings.overlap_s,
        view,
        budget,
        now_s(),
        |ask, count| fetch(ctx, settings, view, ask, count),
    )
}

/// One page from `cursor` on, out of the rows that `fetch` gets.
pub fn advance(
    mut cursor: Cursor,
    overlap_s: i64,
    view: View,
    budget: Budget,
    now: i64,
    mut fetch: impl FnMut(Ask, u32) -> Result<(Vec<Value>, u32), Error>,
) -> Result<Page, Error> {
    let by_bytes = u32::try_from(budget.bytes / USUAL_BYTES).unwrap_or(MAX_ROWS);
    let count = budget.records.min(by_bytes).clamp(1, MAX_ROWS);
    let mut ask = cursor.ask(overlap_s, now);
    let (mut rows, mut total) = fetch(ask, count)?;
    if let Some(again) = rows
        .first()
        .and_then(changed_s)
        .and_then(|first| cursor.ask_again(first))
    {
        ask = again;
        (rows, total) = fetch(ask, count)?;
    }

    let mut page = Page::empty();
    let mut got = Got {
        last: None,
        kept: 0,
        total,
        complete: false,
        now,
    };
    let mut bytes = 0;
    for row in &rows {
        let text = row.to_string();
        bytes += text.len() as u64;
        if got.kept > 0 && bytes > budget.bytes {
            break;
        }
        got.kept += 1;
        let changed = changed_s(row);
        got.last = changed.or(got.last);
        let is_new = |at: i64| cursor.recent.insert(at * 1000, mark([text.as_str()]));
        if !changed.is_none_or(is_new) {
            continue;
        }
        match view.map(row) {
            Ok(record) => page.records.extend(record),
            Err((field, reason)) => page.rejects.push(reject(row, field, reason)),
        }
    }
    let handed_all = got.kept as usize == rows.len();
    got.complete = handed_all && (rows.is_empty() || ask.skip + got.kept >= total);
    let (mut next, more) = cursor.step(got);
    if let Some(at) = next.at() {
        next.recent.forget_before((at - overlap_s) * 1000);
    }
    page.next_cursor = next.encode()?;
    page.more = more;
    Ok(page)
}

/// A row that became no record, with the row for another try.
pub fn reject(row: &Value, field: &'static str, reason: String) -> Reject {
    Reject {
        locator: format!("member {}", row["id"].as_str().unwrap_or("without id")),
        field: Some(field.to_owned()),
        reason,
        raw: row.to_string().into_bytes(),
    }
}

fn fetch(
    ctx: &Context,
    settings: &Settings,
    view: View,
    ask: Ask,
    count: u32,
) -> Result<(Vec<Value>, u32), Error> {
    let path = format!("/lists/{}/members", settings.list_id);
    let mut call = api(ctx, settings)
        .get(&path)
        .query("sort_field", "last_changed")
        .query("sort_dir", "ASC")
        .query("count", count)
        .query("offset", ask.skip);
    if let Some(since) = ask.since {
        call = call.query("since_last_changed", rfc3339(since));
    }
    if let Some(before) = ask.before {
        call = call.query("before_last_changed", rfc3339(before));
    }
    if view == View::Bounce {
        call = call.query("status", "cleaned");
    }
    call = match view.fields() {
        Some(fields) => call.query("fields", fields),
        None => call.query("exclude_fields", "members._links,_links"),
    };
    let mut answer = read(call.send())?;
    let Value::Array(rows) = answer["members"].take() else {
        return Err(Error::Transient("the answer holds no members".to_owned()));
    };
    let total = match answer["total_items"].as_u64() {
        Some(total) => u32::try_from(total).unwrap_or(u32::MAX),
        // Without a total, a page that is not full is the last.
        None if (rows.len() as u32) < count => 0,
        None => u32::MAX,
    };
    Ok((rows, total))
}

/// A row's instant of change in seconds.
fn changed_s(row: &Value) -> Option<i64> {
    let text = row["last_changed"].as_str()?;
    instant::parse(text, 0).ok().map(|ms| ms.div_euclid(1000))
}

fn rfc3339(seconds: i64) -> String {
    instant::to_rfc3339(seconds * 1000).replace('Z', "+00:00")
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}
