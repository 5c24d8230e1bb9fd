//! When a file counts as complete: nobody tells, so that time does.

use std::time::{SystemTime, UNIX_EPOCH};

use crosspoint_sdk::files::Entry;
use crosspoint_sdk::model::Instant;

use crate::cursor::Cursor;
use crate::plan::Plan;

/// A packed file that ends in the middle is taken for an upload under way for so long, in
/// milliseconds.
const FRESH_MS: i64 = 60_000;

/// Judges by one reading of the clock.
pub struct Rest {
    now: Instant,
    stable_ms: i64,
}

impl Rest {
    /// As of now.
    pub fn now(plan: &Plan) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            now: now.map_or(0, |now| now.as_millis() as Instant),
            stable_ms: plan.stable_ms,
        }
    }

    /// Whether a file has not changed for as long as the settings ask. Where the service tells no
    /// instant, or one that is still to come, the time counts from when the file was first seen so.
    pub fn is_at_rest(&self, entry: &Entry, cursor: &mut Cursor) -> bool {
        if self.stable_ms == 0 {
            return true;
        }
        let since = match entry.modified_at {
            Some(at) if at <= self.now => at,
            _ => cursor.first_seen(entry, self.now),
        };
        self.now - since >= self.stable_ms
    }

    /// Whether an upload may still be under way.
    pub fn is_fresh(&self, entry: &Entry) -> bool {
        entry
            .modified_at
            .is_some_and(|at| self.now - at < FRESH_MS.max(self.stable_ms))
    }
}
