//! Where a stream of members stands, and how a page moves it.
//!
//! Mailchimp pages by number of rows skipped, which loses rows when one that was read moves to the
//! end while pages are fetched. So rows are read by their instant of change, always from the first
//! on; only where more rows than a page holds changed in the same second, rows of that second are
//! skipped by number, in a window that nothing can enter.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, settings};
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

/// A second that ended so long ago takes no further change. In seconds.
const SETTLED_S: i64 = 120;

/// Position in the order of change. All instants are seconds since the epoch, but for `recent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: u8,
    /// Change of the newest row seen; absent before the first.
    at: Option<i64>,
    mode: Mode,
    /// What was handed over lately; in milliseconds.
    pub recent: Recent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Mode {
    /// Rows up to `at` are read, perhaps not all of `at` itself.
    Forward,
    /// Everything was read; late ones may follow.
    CaughtUp,
    /// Within the second `at`, so many rows into it, of so many in all.
    Ties { skip: u32, total: u32 },
    /// All of the second `at` is read.
    After,
}

/// What to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// `since_last_changed`.
    pub since: Option<i64>,
    /// `before_last_changed`.
    pub before: Option<i64>,
    /// Rows to skip.
    pub skip: u32,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Got {
    /// Change of the last row that is handed over; absent where there is none.
    pub last: Option<i64>,
    /// Rows handed over.
    pub kept: u32,
    /// Mailchimp's number of rows in the window.
    pub total: u32,
    /// No row of the window is left.
    pub complete: bool,
    /// Our clock, in seconds.
    pub now: i64,
}

impl Cursor {
    /// Before the first row.
    pub fn start() -> Self {
        Self {
            v: VERSION,
            at: None,
            mode: Mode::Forward,
            recent: Recent::default(),
        }
    }

    /// Reads a cursor.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] for one of another version.
    pub fn decode(bytes: Option<&[u8]>) -> Result<Self, Error> {
        match settings::decode_cursor::<Self>(bytes)? {
            None => Ok(Self::start()),
            Some(cursor) if cursor.v == VERSION && cursor.at.is_none_or(is_plausible) => Ok(cursor),
            Some(_) => Err(Error::CursorExpired(
                "the cursor is of another version, or damaged".to_owned(),
            )),
        }
    }

    /// What the next request asks for, at this instant.
    pub fn ask(&self, overlap_s: i64, now: i64) -> Ask {
        let Some(at) = self.at else {
            return Ask::default();
        };
        // Whether `since` and `before` include their own second is not documented.
        match self.mode {
            Mode::Forward => Ask {
                since: Some(at - 1),
                ..Ask::default()
            },
            Mode::CaughtUp => Ask {
                since: Some(
                    self.recent
                        .next_sweep(at * 1000, overlap_s * 1000, Some(now * 1000))
                        .div_euclid(1000),
                ),
                ..Ask::default()
            },
            Mode::Ties { skip, .. } => Ask {
                since: Some(at - 1),
                before: Some(at + 1),
                skip,
            },
            Mode::After => Ask {
                since: Some(at),
                ..Ask::default()
            },
        }
    }

    /// Where `After` finds rows of its own second, `since` includes it and the next second may be
    /// asked for without losing a row.
    pub fn ask_again(&self, first: i64) -> Option<Ask> {
        let at = self.at.filter(|_| self.mode == Mode::After)?;
        (first <= at).then_some(Ask {
            since: Some(at + 1),
            ..Ask::default()
        })
    }

    /// The next cursor, and whether more is waiting.
    pub fn step(&self, got: Got) -> (Self, bool) {
        let to = |at, mode| Self {
            v: VERSION,
            at,
            mode,
            recent: self.recent.clone(),
        };
        if let Mode::Ties { skip, total } = self.mode {
            let settled = self.at.is_some_and(|at| at + SETTLED_S < got.now);
            return if skip > 0 && got.total < total {
                // A row left the window, so the others moved up: from its beginning.
                (to(self.at, ties(0, got.total)), true)
            } else if !got.complete {
                (to(self.at, ties(skip + got.kept, got.total)), true)
            } else if settled {
                (to(self.at, Mode::After), true)
            } else {
                (to(self.at, Mode::CaughtUp), false)
            };
        }
        let Some(last) = got.last else {
            return (self.clone(), false);
        };
        if got.complete {
            return (to(Some(last).max(self.at), Mode::CaughtUp), false);
        }
        let mode = match (self.mode, self.at) {
            (Mode::Forward, Some(at)) if last <= at => ties(0, 0),
            // Of the second right behind one with many rows: asking for it by time would bring
            // those again.
            (Mode::After, Some(at)) if last <= at + 1 => ties(0, 0),
            _ => Mode::Forward,
        };
        (to(Some(last), mode), true)
    }

    /// Change of the newest row seen, in seconds.
    pub fn at(&self) -> Option<i64> {
        self.at
    }

    /// Writes the cursor.
    ///
    /// # Errors
    /// [`Error::Fatal`] where it does not encode.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }
}

/// Within some thousand years of 1970, so that sums of instants stay in range.
pub fn is_plausible(seconds: i64) -> bool {
    seconds.unsigned_abs() < 100_000_000_000
}

fn ties(skip: u32, total: u32) -> Mode {
    Mode::Ties { skip, total }
}
