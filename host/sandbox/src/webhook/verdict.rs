//! A call, and what to do with it.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;

use crosspoint_model::Instant;

/// A call to the hook address, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// As in `POST`.
    pub method: &'a str,
    /// Below the hook address, percent-encoded as it came.
    pub path: &'a str,
    /// Without `?`.
    pub query: &'a str,
    /// All of them.
    pub headers: &'a HeaderMap,
    /// Unparsed.
    pub body: &'a [u8],
    /// The whole address as the vendor calls it, query included, where the public address of this
    /// host is known. Needed where [`Verifier::needs_url`](super::Verifier::needs_url).
    pub url: Option<&'a str>,
    /// The host's clock.
    pub received_at: Instant,
}

/// What to do with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The vendor's. Hand it to the plugin, unless its replay id was seen before.
    Accepted {
        /// The same for every replay of the call; `None` where nothing tells calls apart. Remember
        /// it once the call's records are durable, for
        /// [`Verifier::replay_window_ms`](super::Verifier::replay_window_ms).
        replay_id: Option<String>,
    },
    /// The vendor asks whether the address is ours: answer, and do nothing else.
    Challenge(Answer),
    /// Known to be of no meaning: answer, and forget it.
    Ignored(Answer),
    /// Not proven to be the vendor's: answer 401 and count it.
    Refused(Refusal),
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Value of `content-type`.
    pub content_type: &'static str,
    /// All of it.
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn empty() -> Self {
        Self::text(String::new())
    }

    pub(super) fn text(body: String) -> Self {
        Self {
            status: 200,
            content_type: "text/plain; charset=utf-8",
            body: body.into_bytes(),
        }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
        }
    }
}

/// Why a call is not taken for the vendor's. Holds nothing of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// There is no signature or shared value where it belongs.
    MissingSignature,
    /// The signature or shared value is wrong.
    BadSignature,
    /// Proven, but older than the tolerance: a replay, or a clock that is wrong.
    TooOld,
    /// Proven, but further in the future than the tolerance: a clock is wrong.
    TooNew,
    /// Something that the proof needs is missing, there twice, or unreadable.
    Malformed,
    /// The proof covers the address, and the public address of this host is not configured.
    UnknownUrl,
}

impl Refusal {
    /// For metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingSignature => "missing-signature",
            Self::BadSignature => "bad-signature",
            Self::TooOld => "too-old",
            Self::TooNew => "too-new",
            Self::Malformed => "malformed",
            Self::UnknownUrl => "unknown-url",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
