//! Where a stream is read on from.

use crosspoint_sdk::recent::Recent;
use crosspoint_sdk::{Error, Instant, settings};
use serde::{Deserialize, Serialize};

/// The form that this plugin writes.
const VERSION: u8 = 1;

/// Position in a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    v: u8,
    /// In the list as the shop shows it.
    pub(crate) live: Place,
    /// In the list of what was put into the trash.
    #[serde(default)]
    pub(crate) trash: Place,
    /// The list of the trash is being read.
    #[serde(default)]
    pub(crate) is_in_trash: bool,
    /// The sweep under way, of a list that cannot be asked for changes.
    #[serde(default)]
    pub(crate) scan: Option<Scan>,
    /// When everything was read last, by the shop's clock.
    #[serde(default)]
    pub(crate) full_at: Option<Instant>,
    #[serde(default)]
    pub(crate) recent: Recent,
}

/// Position in a list that is sorted by change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Changes later than this second; absent: everything.
    pub(crate) after_s: Option<i64>,
    /// Pages that are read already, of the objects behind `after_s`.
    pub(crate) pages: u32,
    /// Objects in a page when they were counted.
    pub(crate) size: u32,
}

/// Position in a list that is sorted by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scan {
    /// Highest id that was read.
    pub(crate) last_id: u64,
    /// How many objects stood up to it.
    pub(crate) count: u64,
    /// The shop's clock when the sweep began.
    pub(crate) began: Option<Instant>,
    /// Newest change seen.
    pub(crate) newest: Option<Instant>,
    /// Everything is handed over, not only what changed.
    pub(crate) is_full: bool,
}

impl Cursor {
    /// Before the first object.
    pub(crate) fn start() -> Self {
        Self {
            v: VERSION,
            live: Place::default(),
            trash: Place::default(),
            is_in_trash: false,
            scan: None,
            full_at: None,
            recent: Recent::default(),
        }
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: Option<&[u8]>) -> Result<Self, Error> {
        match settings::decode_cursor::<Self>(bytes)? {
            None => Ok(Self::start()),
            Some(cursor) if cursor.v == VERSION => Ok(cursor),
            Some(_) => Err(Error::CursorExpired(
                "the cursor has a form that this version does not write".to_owned(),
            )),
        }
    }

    /// As JSON.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        settings::encode_cursor(self)
    }
}
