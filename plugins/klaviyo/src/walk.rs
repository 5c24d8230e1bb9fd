//! Reading what changed, page by page.
//!
//! Every page is asked for by the instant of the last row before it, so that rows which change
//! meanwhile move nothing. Only where more rows than a page holds have nearly the same instant,
//! Klaviyo's own link to the next page is followed.

use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_sdk::http::Call;
use crosspoint_sdk::map::instant;
use crosspoint_sdk::recent::{Recent, mark};
use crosspoint_sdk::serde_json::Value;
use crosspoint_sdk::{Budget, Context, Error, Instant, settings as cursors};
use serde::{Deserialize, Serialize};

use crate::client::{api, read};
use crate::settings::Settings;

const VERSION: u8 = 1;

/// How far before the last row the next page starts: rows of one second have no order.
const STEP_MS: i64 = 1000;

/// What a row usually takes; decides how many are asked for.
const USUAL_BYTES: u64 = 2000;

/// What is read.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// Below the base address.
    pub path: &'static str,
    /// Attribute by which rows are sorted.
    pub by: &'static str,
    /// Klaviyo's operator for "from there on".
    pub operator: &'static str,
    /// Most rows of a page.
    pub most: u32,
    /// Records that one row may become.
    pub per_row: u32,
    /// Further parameters.
    pub query: &'static [(&'static str, &'static str)],
    /// What the key needs.
    pub scope: &'static str,
}

/// Position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: u8,
    /// Lower end of the next request, in milliseconds.
    since: Option<Instant>,
    /// Klaviyo's link to the next page, below the base address.
    next: Option<String>,
    /// Newest row seen, in milliseconds.
    seen: Option<Instant>,
    /// What was handed over lately.
    recent: Recent,
}

/// Rows and where to go on.
pub struct Rows {
    /// In the order of change.
    pub rows: Vec<Value>,
    /// For the next call.
    pub cursor: Cursor,
    /// Not caught up.
    pub more: bool,
}

impl Cursor {
    fn start() -> Self {
        Self {
            v: VERSION,
            since: None,
            next: None,
            seen: None,
            recent: Recent::default(),
        }
    }

    /// Reads a cursor.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] where it is not understood.
    pub fn decode(bytes: Option<&[u8]>) -> Result<Self, Error> {
        match cursors::decode_cursor::<Self>(bytes)? {
            None => Ok(Self::start()),
            Some(cursor) if cursor.v == VERSION && cursor.is_plausible() => Ok(cursor),
            Some(_) => Err(Error::CursorExpired(
                "the cursor is of another version, or damaged".to_owned(),
            )),
        }
    }

    /// A link below the API, and instants whose sums stay in range.
    fn is_plausible(&self) -> bool {
        let mut instants = [self.since, self.seen].into_iter().flatten();
        instants.all(|at| at.unsigned_abs() < 100_000_000_000_000)
            && self
                .next
                .as_ref()
                .is_none_or(|next| next.starts_with("/api/"))
    }

    /// Writes the cursor.
    ///
    /// # Errors
    /// [`Error::Fatal`] where it does not encode.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        cursors::encode_cursor(self)
    }
}

impl Walk {
    /// Rows from `cursor` on.
    ///
    /// # Errors
    /// The class of the answer.
    pub fn rows(
        &self,
        ctx: &Context,
        settings: &Settings,
        cursor: Cursor,
        budget: Budget,
    ) -> Result<Rows, Error> {
        let count = self.count(budget);
        self.advance(
            cursor,
            settings.overlap_s,
            now_ms(),
            budget,
            |since, next| {
                let http = api(ctx, settings);
                let call = match next {
                    Some(next) => http.get(next),
                    None => self.first(http.get(self.path), since, count),
                };
                let answer = call.send()?;
                // A link may be too old; the same place is found by its instant.
                if next.is_some() && matches!(answer.status(), 400 | 404) {
                    return Ok(None);
                }
                read(Ok(answer), self.scope).map(Some)
            },
        )
    }

    fn count(&self, budget: Budget) -> u32 {
        let by_bytes = u32::try_from(budget.bytes / USUAL_BYTES).unwrap_or(self.most);
        (budget.records / self.per_row)
            .min(by_bytes)
            .clamp(1, self.most)
    }

    fn first<'a>(&self, mut call: Call<'a>, since: Option<Instant>, count: u32) -> Call<'a> {
        call = call.query("sort", self.by).query("page[size]", count);
        for (name, value) in self.query {
            call = call.query(name, value);
        }
        match since {
            Some(since) => {
                let at = instant::to_rfc3339(since);
                call.query("filter", format!("{}({},{at})", self.operator, self.by))
            }
            None => call,
        }
    }

    /// As [`Self::rows`], out of the answers that `fetch` gets; `None` for a link that is no more.
    pub fn advance(
        &self,
        mut cursor: Cursor,
        overlap_s: i64,
        now: Instant,
        budget: Budget,
        mut fetch: impl FnMut(Option<Instant>, Option<&str>) -> Result<Option<Value>, Error>,
    ) -> Result<Rows, Error> {
        let mut since = cursor.since;
        let answer = match &cursor.next {
            Some(next) => fetch(None, Some(next))?,
            None => None,
        };
        let mut answer = match answer {
            Some(answer) => answer,
            None => {
                if cursor.next.is_some() {
                    since = cursor.seen.map(|seen| seen - STEP_MS).or(since);
                }
                fetch(since, None)?.unwrap_or_default()
            }
        };
        let Value::Array(mut rows) = answer["data"].take() else {
            return Err(Error::Transient("the answer holds no `data`".to_owned()));
        };
        let next = answer["links"]["next"].as_str().and_then(below_base);

        let moved = |row: &Value| {
            let at = instant_of(&row["attributes"][self.by]);
            let from = at.map(|at| at - STEP_MS);
            from.filter(|from| since.is_none_or(|since| *from > since))
        };
        let fitting = fitting(&rows, budget.bytes);
        let cut = fitting < rows.len() && moved(&rows[fitting - 1]).is_some();
        if cut {
            rows.truncate(fitting);
        }
        let newest = rows
            .iter()
            .filter_map(|row| instant_of(&row["attributes"][self.by]))
            .max();
        let seen = newest.max(cursor.seen);
        let more = cut || next.is_some();
        let (since, next) = match rows.last().and_then(moved) {
            _ if !more => {
                let from = |seen| cursor.recent.next_sweep(seen, overlap_s * 1000, Some(now));
                (seen.map(from).max(cursor.since), None)
            }
            Some(from) => (Some(from), None),
            None => (since, next),
        };
        // The very same content was handed over: rows of the overlap, or of one second.
        let mut recent = std::mem::take(&mut cursor.recent);
        rows.retain(|row| {
            let at = instant_of(&row["attributes"][self.by]);
            at.is_none_or(|at| recent.insert(at, mark([row.to_string().as_str()])))
        });
        if let Some(seen) = seen {
            recent.forget_before(seen - overlap_s * 1000 - STEP_MS);
        }
        let cursor = Cursor {
            v: VERSION,
            since,
            next,
            seen,
            recent,
        };
        Ok(Rows { rows, cursor, more })
    }
}

fn now_ms() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

/// How many rows stay within so many bytes; at least one where there is one.
fn fitting(rows: &[Value], budget_bytes: u64) -> usize {
    let mut bytes = 0;
    let within = rows.iter().take_while(|row| {
        bytes += row.to_string().len() as u64;
        bytes <= budget_bytes
    });
    within.count().max(1)
}

/// An instant as Klaviyo writes it, in milliseconds.
pub fn instant_of(value: &Value) -> Option<Instant> {
    instant::parse(value.as_str()?, 0).ok()
}

/// A link of Klaviyo's without scheme and host, which the configuration gives.
fn below_base(link: &str) -> Option<String> {
    let at = link.find("/api/")?;
    Some(link[at..].to_owned())
}
