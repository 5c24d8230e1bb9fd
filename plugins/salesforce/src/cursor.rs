//! How far a stream was read.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, Instant, settings};
use serde::{Deserialize, Serialize};

/// The form that this version writes.
const VERSION: u8 = 1;

/// 1900-01-01 and 2200-01-01, outside of which no row can have been changed.
const PLAUSIBLE: std::ops::Range<Instant> = -2_208_988_800_000..7_258_118_400_000;

/// Position within a sweep by stamp and id, and what the last rows were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: u8,
    /// Stamp of the last row, or where the next sweep begins; absent: at the first row.
    pub at: Option<Instant>,
    /// Id of the last row; empty where a sweep is to begin.
    pub id: String,
    /// The newest stamp of all sweeps.
    pub newest: Option<Instant>,
    /// What was handed over lately.
    pub recent: Recent,
    /// Marks of what was handed over of the row behind the position, where a budget ended in it.
    pub held: Vec<u64>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            v: VERSION,
            at: None,
            id: String::new(),
            newest: None,
            recent: Recent::default(),
            held: Vec::new(),
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
        let is_ours = cursor.v == VERSION
            && (cursor.id.is_empty() || (is_id(&cursor.id) && cursor.at.is_some()))
            && [cursor.at, cursor.newest]
                .into_iter()
                .flatten()
                .all(|at| PLAUSIBLE.contains(&at));
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

    /// A sweep has begun and not ended.
    pub fn is_sweeping(&self) -> bool {
        !self.id.is_empty()
    }
}

/// An id of the vendor's: 15 or 18 letters and digits, so that it may stand in a query.
pub fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
