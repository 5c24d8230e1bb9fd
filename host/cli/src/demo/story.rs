//! What the demo does and finds out: all of it by the same requests that a person can make.

use anyhow::bail;
use crosspoint_runtime::Host;
use crosspoint_runtime::admin::{
    AdminError, ConnectorStatus, Delivered, Explained, ProfileView, Reply, Request, Status, Synced,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::receiver::Tally;
use crate::progress::Bar;

const SOURCE: &str = "purchases";
const DESTINATION: &str = "crm-hook";

/// Segments whose members make a good example, best first, each with those that it builds on.
const EXAMPLES: [&[&str]; 2] = [&["win-back", "big-spenders", "lapsed"], &["big-spenders"]];

/// How many members are looked at to find the best example.
const CANDIDATES: u32 = 100;

/// All that the summary tells.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Story {
    /// Reading the file.
    pub read: Synced,
    /// Delivering what followed.
    pub delivered: Delivered,
    /// The host afterwards.
    pub status: Status,
    /// One customer, and why they are in the segment.
    pub example: Option<Example>,
    /// What the receiver counted.
    pub receiver: Tally,
}

/// One customer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Example {
    /// Who.
    pub profile: ProfileView,
    /// Why they are in the segment, and in those that it builds on.
    pub why: Vec<Explained>,
}

/// Imports, delivers, and looks.
pub fn live(host: &Host, bar: &Bar) -> anyhow::Result<Story> {
    let ask = |request| host.ask(request, &|step| bar.step(step));
    let read = match ask(Request::Sync {
        connector: SOURCE.to_owned(),
        stream: None,
        deliver: false,
    })? {
        Reply::Synced(synced) => synced,
        other => return unexpected(&other),
    };
    let delivered = match ask(Request::Deliver { connector: None })? {
        Reply::Delivered(delivered) => delivered,
        other => return unexpected(&other),
    };
    let status = match ask(Request::Status)? {
        Reply::Status(status) => status,
        other => return unexpected(&other),
    };
    let mut example = None;
    for segments in EXAMPLES {
        let has_members = |name: &str| {
            let mut segments = status.segments.iter();
            segments.any(|segment| segment.name == name && segment.members > 0)
        };
        if segments.iter().all(|name| has_members(name)) {
            example = example_of(segments, &ask)?;
            break;
        }
    }
    Ok(Story {
        read,
        delivered,
        status,
        example,
        receiver: Tally::default(),
    })
}

/// The member of the first segment who spent most among the first, and why they are in each.
fn example_of(
    segments: &[&str],
    ask: &dyn Fn(Request) -> Result<Reply, AdminError>,
) -> anyhow::Result<Option<Example>> {
    let members = match ask(Request::SegmentMembers {
        segment: segments[0].to_owned(),
        after: None,
        limit: CANDIDATES,
    })? {
        Reply::Members(members) => members.members,
        other => return unexpected(&other),
    };
    let mut best: Option<(f64, ProfileView)> = None;
    for member in members {
        let profile = match ask(Request::ProfileShow {
            profile: member.profile.id,
            facts: 3,
        })? {
            Reply::Profile(profile) => *profile,
            other => return unexpected(&other),
        };
        let spend = number(profile.computed.get("spend"));
        if best.as_ref().is_none_or(|(most, _)| spend > *most) {
            best = Some((spend, profile));
        }
    }
    let Some((_, profile)) = best else {
        return Ok(None);
    };
    let mut why = Vec::new();
    for segment in segments {
        match ask(Request::SegmentExplain {
            segment: (*segment).to_owned(),
            profile: profile.id.clone(),
        })? {
            Reply::Explained(explained) => why.push(explained),
            other => return unexpected(&other),
        }
    }
    Ok(Some(Example { profile, why }))
}

fn unexpected<T>(reply: &Reply) -> anyhow::Result<T> {
    bail!("the host answered another question: {reply:?}")
}

/// A number, whether JSON has it as one or as exact decimal text.
pub fn number(json: Option<&Json>) -> f64 {
    match json {
        Some(Json::String(text)) => text.parse().unwrap_or(0.0),
        Some(other) => other.as_f64().unwrap_or(0.0),
        None => 0.0,
    }
}

impl Story {
    /// Adds what the receiver counted.
    #[must_use]
    pub fn with_receiver(self, receiver: Tally) -> Self {
        Self { receiver, ..self }
    }

    /// The source's counters.
    pub fn source(&self) -> Option<&ConnectorStatus> {
        self.connector(SOURCE)
    }

    /// The destination's counters.
    pub fn destination(&self) -> Option<&ConnectorStatus> {
        self.connector(DESTINATION)
    }

    fn connector(&self, id: &str) -> Option<&ConnectorStatus> {
        self.status.connectors.iter().find(|c| c.id == id)
    }

    /// Whether nothing was set aside, refused or sent twice.
    pub fn is_whole(&self) -> bool {
        self.read.quarantined == 0
            && self.delivered.stopped == 0
            && self.delivered.retrying == 0
            && self.receiver.refused == 0
            && self.receiver.repeats == 0
    }
}
