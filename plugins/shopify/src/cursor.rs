//! Where a stream is read on from.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, Instant, settings};
use serde::{Deserialize, Serialize};

/// The form that this plugin writes.
const VERSION: u8 = 1;

/// A cursor that lies a year ahead of the vendor's clock was not written here.
const MAX_AHEAD_MS: i64 = 366 * 24 * 60 * 60 * 1000;

/// Position in a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    v: u8,
    /// The bulk operation that brings the first history; the rest waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bulk: Option<Bulk>,
    /// The sweep takes what changed at or after this; absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Instant>,
    /// The vendor's own cursor within the sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// Newest change seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) newest: Option<Instant>,
    /// The vendor's clock when the sweep began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<Instant>,
    /// Objects asked for at a time, learnt from what they cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u32>,
    /// Objects read since the sweep was last anchored at an instant.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) depth: u32,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(crate) recent: Recent,
}

/// A bulk operation under way or being read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bulk {
    /// The operation's id.
    pub(crate) id: String,
    /// When it began, by the vendor's clock: what changed since is read afterwards.
    pub(crate) began: Instant,
    /// Bytes of its result that were read.
    pub(crate) position: u64,
    /// Items stand far from their objects in the result, so that only the whole of it tells what
    /// belongs together.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_scattered: bool,
    /// Records of the object at `position` that were handed over already.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) handed: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants a reference
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_empty(recent: &Recent) -> bool {
    *recent == Recent::default()
}

impl Cursor {
    /// Before the first object.
    pub(crate) fn start() -> Self {
        Self {
            v: VERSION,
            bulk: None,
            since: None,
            after: None,
            newest: None,
            began: None,
            size: None,
            depth: 0,
            recent: Recent::default(),
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let cursor: Option<Self> = settings::decode_cursor(Some(bytes))?;
        match cursor {
            Some(cursor) if cursor.v == VERSION => Ok(cursor),
            _ => Err(Error::CursorExpired(
                "the cursor has a form that this version does not write".to_owned(),
            )),
        }
    }

    /// As JSON.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }

    /// Refuses a cursor ahead of the vendor's clock, which would skip what comes until then.
    pub(crate) fn expect_past(&self, now: Option<Instant>) -> Result<(), Error> {
        let latest = now.map(|now| now.saturating_add(MAX_AHEAD_MS));
        match (self.since, latest) {
            (Some(since), Some(latest)) if since > latest => Err(Error::CursorExpired(
                "the cursor lies ahead of the shop's clock".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}
