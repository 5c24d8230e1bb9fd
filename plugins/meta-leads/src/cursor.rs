//! How far a stream was read.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, Instant, settings};
use serde::{Deserialize, Serialize};

use crate::settings::is_id;

/// The form that this version writes.
const VERSION: u8 = 1;

/// Longest place in a list that a cursor keeps.
const MAX_AFTER_BYTES: usize = 2_000;

/// The position within a sweep over all forms, and what the last leads were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: u8,
    /// Where this sweep begins; absent: at the oldest lead that the vendor keeps.
    pub since: Option<Instant>,
    /// When this sweep began, by the vendor's clock.
    pub began: Option<Instant>,
    /// The newest lead of all sweeps that have ended.
    pub ended: Option<Instant>,
    /// The newest lead of all sweeps.
    pub newest: Option<Instant>,
    /// The form that is being read; empty where a sweep is to begin.
    pub form: String,
    /// That form is done.
    pub is_done: bool,
    /// The place in that form's list.
    pub after: Option<String>,
    /// Marks of what was handed over of the page that a budget ended in.
    pub held: Vec<u64>,
    /// What was handed over lately.
    pub recent: Recent,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            v: VERSION,
            since: None,
            began: None,
            ended: None,
            newest: None,
            form: String::new(),
            is_done: false,
            after: None,
            held: Vec::new(),
            recent: Recent::default(),
        }
    }
}

impl Cursor {
    /// Reads what [`Self::encode`] wrote; the beginning where there is nothing.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] for anything that this version did not write.
    pub fn decode(bytes: Option<&[u8]>) -> Result<Self, Error> {
        let Some(cursor) = settings::decode_cursor::<Self>(bytes)? else {
            return Ok(Self::default());
        };
        // From 1900 to 2200.
        let is_plausible = |at: Instant| (-2_208_988_800_000..7_258_118_400_000).contains(&at);
        let instants = [cursor.since, cursor.began, cursor.ended, cursor.newest];
        let is_ours = cursor.v == VERSION
            && (cursor.form.is_empty() || is_id(&cursor.form))
            && instants.into_iter().flatten().all(is_plausible);
        if is_ours {
            Ok(cursor)
        } else {
            Err(Error::CursorExpired(
                "the cursor is not of this version".to_owned(),
            ))
        }
    }

    /// # Errors
    /// [`Error::Fatal`] where it is too long, which its parts do not allow.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }

    /// Goes on at a place in the form's list; at the form's end where there is none, or none that
    /// can be kept.
    pub fn go_on(&mut self, after: Option<String>) -> Result<(), Error> {
        if after
            .as_ref()
            .is_some_and(|after| after.len() > MAX_AFTER_BYTES)
        {
            return Err(Error::Fatal(
                "the vendor's place in a list is too long".to_owned(),
            ));
        }
        self.held.clear();
        self.is_done = after.is_none();
        self.after = after;
        Ok(())
    }

    /// The sweep has ended. What came to a form after the sweep had left it is newer than the
    /// sweep's beginning; where the vendor does not tell that, newer than the newest lead of the
    /// sweep before.
    pub fn end(&mut self, overlap_ms: i64) {
        let safe = match (self.newest, self.began.take()) {
            (Some(newest), Some(began)) => Some(newest.min(began)),
            _ => self.ended,
        };
        self.since = safe.map(|at| at.saturating_sub(overlap_ms));
        self.ended = self.newest;
        self.form.clear();
        self.is_done = false;
        self.after = None;
        self.held.clear();
        if let Some(since) = self.since {
            self.recent.forget_before(since);
        }
    }
}
