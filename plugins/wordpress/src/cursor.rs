//! How far a stream was read.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, Instant, settings};
use serde::{Deserialize, Serialize};

/// The form that this version writes.
const VERSION: u8 = 1;

/// The position within the lanes of a stream, and what the last rows were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    v: u8,
    /// Which lane is being read.
    pub lane: usize,
    /// Where each lane stands.
    pub lanes: Vec<Lane>,
    /// What was handed over lately, by instant or by number.
    pub recent: Recent,
}

/// A sweep in one order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// The newest instant in UTC of all sweeps.
    pub newest: Option<Instant>,
    /// Under way: the column's value of the last row, as the site writes it, taken as UTC.
    pub at: Option<Instant>,
    /// Rows with that very value are all handed over.
    pub is_behind: bool,
    /// Under way by page within one second, or through a list by number: the next page, from 1.
    pub page: u32,
    /// Rows per page there.
    pub size: u32,
    /// Rows of all pages there, when its first page was read.
    pub total: Option<u64>,
    /// Where the next sweep begins, in UTC.
    pub from: Option<Instant>,
    /// Marks of the rows handed over of the second or page that a budget ended in.
    pub held: Vec<u64>,
}

impl Cursor {
    /// Reads what [`Self::encode`] wrote; the beginning where there is nothing.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] for anything that this version did not write.
    pub fn decode(bytes: Option<&[u8]>, lanes: usize) -> Result<Self, Error> {
        let begin = Self {
            v: VERSION,
            lane: 0,
            lanes: vec![Lane::default(); lanes],
            recent: Recent::default(),
        };
        let Some(cursor) = settings::decode_cursor::<Self>(bytes)? else {
            return Ok(begin);
        };
        // From 1970 to 2200.
        let is_plausible = |at: Instant| (0..7_258_118_400_000).contains(&at);
        let are_plausible = cursor.lanes.iter().all(|lane| {
            [lane.at, lane.newest, lane.from]
                .into_iter()
                .flatten()
                .all(is_plausible)
                && (lane.page == 0 || (1..=100).contains(&lane.size))
        });
        // Another number of lanes: `access` was changed, and other rows can be seen.
        if cursor.v != VERSION
            || cursor.lanes.len() != lanes
            || cursor.lane >= lanes
            || !are_plausible
        {
            let text = "the cursor is not of this version or of other settings";
            return Err(Error::CursorExpired(text.to_owned()));
        }
        Ok(cursor)
    }

    /// # Errors
    /// [`Error::Fatal`] where it is too long, which its parts do not allow.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }
}
