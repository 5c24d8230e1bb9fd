//! The checks, in the order in which they run.

mod bytes;
mod consent;
mod counts;
mod credentials;
mod destination;
mod erase;
mod faults;
mod floor;
mod general;
mod golden;
mod lost;
mod partial;
mod rate;
mod rejects;
mod replay;
mod resume;
mod silence;
mod source;
mod together;
mod tokens;
mod unknown;
mod webhook;
mod zones;

use crosspoint_sandbox::Manifest;
use crosspoint_sandbox::manifest::Role;

use crate::error::{Checked, Fault};
use crate::rig::Rig;

/// Which plugins a check concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All.
    Any,
    /// Sources.
    Source,
    /// Sources with a hook address.
    Webhook,
    /// Destinations.
    Destination,
}

impl Part {
    pub(crate) fn concerns(self, manifest: &Manifest) -> bool {
        match self {
            Self::Any => true,
            Self::Source => manifest.has_role(Role::Source),
            Self::Webhook => manifest.webhook.is_some(),
            Self::Destination => manifest.has_role(Role::Destination),
        }
    }
}

/// One rule that can be checked.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What waivers and reports call it.
    pub name: &'static str,
    /// The rule of docs/contract.md.
    pub rule: &'static str,
    /// What a plugin must do.
    pub must: &'static str,
    /// Which plugins it concerns.
    pub part: Part,
}

const fn check(name: &'static str, rule: &'static str, part: Part, must: &'static str) -> Check {
    Check {
        name,
        rule,
        must,
        part,
    }
}

/// Every check.
pub const CHECKS: &[Check] = &[
    check(
        "vendor-version",
        "C39",
        Part::Any,
        "the manifest names the vendor's API version, and its sunset is more than 90 days away",
    ),
    check(
        "ungranted-host",
        "C4",
        Part::Any,
        "nothing is sent to a host that is not granted, and the call ends in an error",
    ),
    check(
        "limits",
        "C8",
        Part::Any,
        "a call that reaches a limit ends with that limit's name, and the next call works",
    ),
    check(
        "check-accepts",
        "C38",
        Part::Any,
        "`check` succeeds with valid credentials and has no effect",
    ),
    check(
        "check-refuses-wrong",
        "C38",
        Part::Any,
        "`check` answers `auth` where credentials are wrong",
    ),
    check(
        "check-refuses-revoked",
        "C38",
        Part::Any,
        "`check` answers `auth` where credentials were revoked",
    ),
    check(
        "check-refuses-restricted",
        "C38",
        Part::Any,
        "`check` answers `auth` where a right is missing",
    ),
    check(
        "expired-token",
        "C38",
        Part::Any,
        "a token that expired is fetched anew without anybody noticing",
    ),
    check(
        "token-renewal",
        "C13",
        Part::Any,
        "an expired token is renewed once for all calls, and neither a stop nor a lost answer ends in \
         silence",
    ),
    check(
        "secrets-stay-out",
        "C11",
        Part::Any,
        "no secret stands in records, cursors, notices, logs or errors",
    ),
    check(
        "streams-stable",
        "C17",
        Part::Source,
        "`streams` gives the same answer twice, without reaching out",
    ),
    check(
        "reads-everything",
        "C23",
        Part::Source,
        "a first read yields what the vendor holds, no more and no less",
    ),
    check(
        "unknown-fields",
        "C23",
        Part::Source,
        "a field that the vendor adds becomes an attribute, and breaks nothing",
    ),
    check(
        "same-twice",
        "C6",
        Part::Source,
        "reading the same world at the same instant sends the same bytes in the same order, and \
         gives the same pages and cursors",
    ),
    check(
        "budget",
        "C18",
        Part::Source,
        "pages stay within the budget, and small pages lose nothing",
    ),
    check(
        "resume-anywhere",
        "C19",
        Part::Source,
        "reading on from any cursor ever returned skips nothing, and brings nothing that would not \
         have come without the break",
    ),
    check(
        "call-cut-anywhere",
        "C7",
        Part::Source,
        "a call that breaks at any of its requests, on any page, loses nothing",
    ),
    check(
        "changes-while-reading",
        "C19",
        Part::Source,
        "changes at the vendor between two pages are not lost",
    ),
    check(
        "incremental",
        "C22",
        Part::Source,
        "later reads bring every change, and an incremental stream not everything again",
    ),
    check(
        "deletions",
        "C27",
        Part::Source,
        "deletions become tombstones where the stream says so",
    ),
    check(
        "rejects",
        "C25",
        Part::Source,
        "an object that no record can be made of becomes a reject with its input, its neighbours \
         pass, and `retry` takes what was rejected",
    ),
    check(
        "time-zones",
        "C24",
        Part::Source,
        "instants are the vendor's in UTC, whatever zone it writes them in and when its clock is moved",
    ),
    check(
        "counts",
        "C23",
        Part::Source,
        "what is read is counted as the vendor counts it: every object and every request once",
    ),
    check(
        "bad-cursors",
        "C19",
        Part::Source,
        "a cursor that is no cursor is `cursor-expired`, or reads everything",
    ),
    check(
        "source-faults",
        "C10",
        Part::Source,
        "every fault of the vendor gets the class that makes the host do the right thing",
    ),
    check(
        "webhook-proof",
        "C28",
        Part::Webhook,
        "the vendor's calls are proven, and changed ones are not",
    ),
    check(
        "webhook-same-records",
        "C28",
        Part::Webhook,
        "calls, repeated and out of order, and then a read give what the vendor holds",
    ),
    check(
        "webhook-replays",
        "C28",
        Part::Webhook,
        "a call that is sent again is refused once it is old, with a fresh clock too; where the vendor \
         signs no clock, it changes nothing",
    ),
    check(
        "actions-stable",
        "C29",
        Part::Destination,
        "`actions` gives the same answer twice, without reaching out",
    ),
    check(
        "delivers",
        "C32",
        Part::Destination,
        "what is delivered stands at the vendor once and with every value, with required fields alone and with all",
    ),
    check(
        "golden-requests",
        "C45",
        Part::Destination,
        "a delivery asks of the vendor what its golden file says, byte for byte",
    ),
    check(
        "neighbours",
        "C35",
        Part::Destination,
        "an item that the vendor refuses is rejected alone",
    ),
    check(
        "partial-batch",
        "C35",
        Part::Destination,
        "where the vendor refuses one of a batch, that one is not done, and its neighbours are",
    ),
    check(
        "repeats",
        "C30",
        Part::Destination,
        "delivering twice does what the declared idempotency says",
    ),
    check(
        "lost-answer",
        "C32",
        Part::Destination,
        "what was done and not answered is `unknown`, and done once however it goes on",
    ),
    check(
        "destination-faults",
        "C32",
        Part::Destination,
        "nothing that the vendor did not do is `done`, and every fault gets its class",
    ),
    check(
        "consent-withheld",
        "C46",
        Part::Destination,
        "nothing leaves about a person who withdrew, or has not confirmed, what the action needs",
    ),
    check(
        "read-back",
        "C30",
        Part::Destination,
        "`read-back` finds what was done, and not what was not",
    ),
    check(
        "lists-converge",
        "C36",
        Part::Destination,
        "after any additions and removals the vendor's list holds who was added last",
    ),
    check(
        "several-at-once",
        "C43",
        Part::Destination,
        "batches for different people run at once, and what a person is sent later takes effect later",
    ),
    check(
        "erases",
        "C37",
        Part::Destination,
        "an action that erases leaves no trace of a person who was there",
    ),
    check(
        "no-answer",
        "C8",
        Part::Any,
        "where the vendor never answers, the call ends in time and says what was done",
    ),
    check(
        "rate",
        "C14",
        Part::Any,
        "the rate that the manifest declares is one that the vendor bears, and while there is work at \
         least 90 % of it are used",
    ),
    check(
        "floor",
        "C44",
        Part::Any,
        "a call starts in a moment, and a record or delivery costs little time and memory",
    ),
];

pub(crate) async fn run(check: &Check, rig: &Rig<'_>) -> Checked {
    rig.reset().await?;
    match check.name {
        "vendor-version" => general::vendor_version(rig),
        "ungranted-host" => general::ungranted_host(rig).await,
        "limits" => general::limits(rig).await,
        "rate" => rate::rate(rig).await,
        "check-accepts" => credentials::accepts(rig).await,
        "check-refuses-wrong" => credentials::refuses_wrong(rig).await,
        "check-refuses-revoked" => credentials::refuses_revoked(rig).await,
        "check-refuses-restricted" => credentials::refuses_restricted(rig).await,
        "expired-token" => credentials::expired_token(rig).await,
        "token-renewal" => tokens::renewed(rig).await,
        "secrets-stay-out" => credentials::secrets_stay_out(rig).await,
        "streams-stable" => source::streams_stable(rig).await,
        "reads-everything" => source::reads_everything(rig).await,
        "unknown-fields" => unknown::unknown_fields(rig).await,
        "same-twice" => bytes::same_twice(rig).await,
        "budget" => source::budget(rig).await,
        "resume-anywhere" => resume::resume_anywhere(rig).await,
        "call-cut-anywhere" => resume::cut_anywhere(rig).await,
        "changes-while-reading" => source::changes_while_reading(rig).await,
        "incremental" => source::incremental(rig).await,
        "deletions" => source::deletions(rig).await,
        "bad-cursors" => source::bad_cursors(rig).await,
        "rejects" => rejects::rejects(rig).await,
        "time-zones" => zones::zones(rig).await,
        "counts" => counts::counts(rig).await,
        "source-faults" => faults::source(rig).await,
        "webhook-proof" => webhook::proof(rig).await,
        "webhook-same-records" => webhook::same_records(rig).await,
        "webhook-replays" => replay::replays(rig).await,
        "actions-stable" => destination::actions_stable(rig).await,
        "delivers" => destination::delivers(rig).await,
        "neighbours" => destination::neighbours(rig).await,
        "repeats" => destination::repeats(rig).await,
        "lost-answer" => lost::lost_answer(rig).await,
        "destination-faults" => faults::destination(rig).await,
        "read-back" => destination::read_back(rig).await,
        "lists-converge" => destination::lists_converge(rig).await,
        "several-at-once" => together::several_at_once(rig).await,
        "floor" => floor::floor(rig).await,
        "erases" => erase::erases(rig).await,
        "golden-requests" => golden::golden(rig).await,
        "partial-batch" => partial::partial_batch(rig).await,
        "consent-withheld" => consent::withheld(rig).await,
        "no-answer" => silence::no_answer(rig).await,
        unknown => Err(Fault::Failed(format!("there is no check `{unknown}`"))),
    }
}
