//! The vendor's calls to hook addresses: verified, handed to the plugin, and answered once what they
//! brought is durable. Start reading at [`Host::hook`].

mod replays;
mod room;

use std::collections::BTreeMap;
use std::time::Instant as MachineInstant;

use bytes::Bytes;
use crosspoint_ingest::{Page, checked_page};
use crosspoint_model::Instant;
use crosspoint_model::entry::What;
use crosspoint_sandbox::webhook::{Answer, Call, Refusal, Verdict};
use crosspoint_sandbox::{CallInput, CallOutput, Received, WebhookRequest};
use crosspoint_step::PAUSED_BY_HAND;
use http::HeaderMap;
use smol_str::SmolStr;
use tracing::Instrument as _;

use crate::Host;
use crate::admin::AdminError;
use crate::clock::machine_now;
use crate::connector::Lane;
use crate::error::coded;
use crate::failpoint::reach;
use crate::live::Trigger;

pub(crate) use room::Hook;

/// When a vendor shall send again what could not be taken, in seconds.
const RETRY_AFTER_S: u32 = 30;
/// Largest call, in bytes, where configuration says nothing.
const BODY_BYTES: u64 = 1 << 20;

/// A call to a connector's hook address, as it came.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// As in `POST`.
    pub method: String,
    /// Below the hook address, percent-encoded as it came; empty or with a slash in front.
    pub path: String,
    /// Without `?`.
    pub query: String,
    /// All of them.
    pub headers: HeaderMap,
    /// Unparsed.
    pub body: Bytes,
    /// The whole address as the vendor calls it, where this host's public address is known.
    pub url: Option<String>,
}

/// What to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// What the vendor waits for.
    Answered(Answer),
    /// 200: everything that the call brought is durable, now or since an earlier one.
    Taken,
    /// 401: not proven to be the vendor's.
    Refused,
    /// 404: no such connector, or it takes no calls.
    Unknown,
    /// 503: the vendor shall send again after so many seconds.
    Later(u32),
}

/// What became of the calls to a hook address since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// Handed to the plugin, and durable.
    pub taken: u64,
    /// Accepted before.
    pub repeated: u64,
    /// Answered without the plugin: challenges and calls of no meaning.
    pub answered: u64,
    /// Answered with 503.
    pub failed: u64,
    /// Answered with 401, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

impl Host {
    /// Most bytes that a call to the connector's hook address may have; `None` where there is no
    /// such connector or it takes no calls, so that nothing of the call need be read.
    pub fn hook_limit_bytes(&self, connector: &str) -> Option<u64> {
        let (_, configured) = self.configured(connector).ok()?;
        if let Some(lane) = self.loaded(connector) {
            lane.connector.webhook()?;
        }
        Some(configured.limits.hook_bytes.unwrap_or(BODY_BYTES))
    }

    /// What became of the calls so far, by connector that takes any.
    pub fn hook_counts(&self) -> BTreeMap<String, HookCounts> {
        let taking = self.loaded_lanes();
        let taking = taking
            .into_iter()
            .filter(|lane| lane.connector.webhook().is_some());
        taking
            .map(|lane| (lane.id.to_string(), lane.hook.counts()))
            .collect()
    }

    /// Takes a call. Completes when what it brought is durable. May be dropped at any time: the
    /// vendor sends again then, which changes nothing.
    pub async fn hook(&self, connector: &str, call: HookCall) -> HookAnswer {
        if self.configured(connector).is_err() {
            return HookAnswer::Unknown;
        }
        // A connector that did not load may do so at the next start.
        let Some(lane) = self.loaded(connector) else {
            return HookAnswer::Later(RETRY_AFTER_S);
        };
        let Some(verifier) = lane.connector.webhook() else {
            return HookAnswer::Unknown;
        };
        let received_at = machine_now();
        let verdict = verifier.verify(&Call {
            method: &call.method,
            path: &call.path,
            query: &call.query,
            headers: &call.headers,
            body: &call.body,
            url: call.url.as_deref(),
            received_at,
        });
        let replay_id = match verdict {
            Verdict::Accepted { replay_id } => replay_id,
            Verdict::Challenge(answer) | Verdict::Ignored(answer) => {
                lane.hook.count(|counts| counts.answered += 1);
                return HookAnswer::Answered(answer);
            }
            Verdict::Refused(refusal) => {
                lane.hook
                    .count(|counts| *counts.refused.entry(refusal.as_str()).or_default() += 1);
                tell_refusal(&lane, refusal);
                return HookAnswer::Refused;
            }
        };
        let window_ms = verifier.replay_window_ms();
        if let Some(id) = &replay_id
            && lane.hook.was_taken(id, received_at, window_ms)
        {
            lane.hook.count(|counts| counts.repeated += 1);
            return HookAnswer::Taken;
        }
        let request = WebhookRequest {
            method: call.method,
            path: call.path,
            query: call.query,
            headers: texts(&call.headers),
            body: call.body.into(),
            received_at,
        };
        match self.take(&lane, request).await {
            Ok(()) => {
                if let Some(id) = &replay_id {
                    lane.hook.remember(id, received_at);
                }
                lane.hook.count(|counts| counts.taken += 1);
                HookAnswer::Taken
            }
            Err(error) => {
                lane.hook.count(|counts| counts.failed += 1);
                if lane.hook.may_tell("failed") {
                    tracing::warn!(
                        connector = %lane.id, error = %error, hint = error.hint,
                        "could not take a call to the hook address; the vendor shall send again"
                    );
                }
                HookAnswer::Later(RETRY_AFTER_S)
            }
        }
    }

    /// Hands a verified call to the plugin and waits until what it brought is durable.
    async fn take(&self, lane: &Lane, request: WebhookRequest) -> Result<(), AdminError> {
        if self.handle.paused(&lane.id).await?.as_deref() == Some(PAUSED_BY_HAND) {
            let hint = format!("`crosspoint connector resume {}` lets it go on", lane.id);
            return Err(not_now("the connector is paused by hand", &hint));
        }
        let webhook = &lane.connector.plugin().manifest.webhook;
        // A fifth of the vendor's patience is left for writing down.
        let patience_ms = webhook.as_ref().map_or(0, |it| it.answer_within_ms()) * 4 / 5;
        let start = MachineInstant::now();
        let _room = lane.hook.enter(patience_ms / 2).await.ok_or_else(|| {
            not_now(
                "too many calls are under way",
                "the vendor sends again later",
            )
        })?;
        let waited_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let jobs = lane
            .input()
            .await
            .map_err(|error| coded("XP-RUN-009", error, None))?;
        let input = CallInput {
            wall_ms: Some(patience_ms.saturating_sub(waited_ms).max(1)),
            ..jobs
        };
        let at = request.received_at;
        let output = lane.connector.receive(request, input).await?;
        lane.hook.check(lane, &output.value).await?;
        let appended = self.append_received(lane, output)?;
        reach("after-append");
        if let Some(seq) = appended.last_seq {
            let span = tracing::debug_span!("append", entry = seq);
            self.ledger.durable(seq).instrument(span).await?;
        }
        reach("after-fsync");
        for stream in &appended.streams {
            self.usage.called(&lane.id, stream, at);
        }
        lane.pokes.poke(appended.poke);
        Ok(())
    }

    /// One entry per stream. Nothing is durable yet.
    fn append_received(
        &self,
        lane: &Lane,
        output: CallOutput<Received>,
    ) -> Result<Appended, AdminError> {
        let mut appended = Appended {
            last_seq: None,
            streams: Vec::new(),
            poke: output.value.poke,
        };
        let mut jobs = output.jobs;
        for part in output.value.parts {
            if part.records.is_empty() && part.rejects.is_empty() {
                continue;
            }
            let page = Page {
                records: part.records,
                rejects: part.rejects,
                jobs: std::mem::take(&mut jobs),
                ..Page::default()
            };
            let page = checked_page(&lane.id, &part.stream, false, page);
            self.usage.came(&lane.id, &part.stream, &page.records);
            let (records, rejects) = (page.records.len(), page.rejects.len());
            let at = self.clock.stamp(&page.records);
            appended.last_seq = Some(self.try_append(at, &What::Records(page))?);
            let metrics = &self.handle.metrics;
            metrics.came(&lane.id, Trigger::Webhook, records as u64, rejects as u64);
            appended.streams.push(part.stream);
        }
        if !jobs.is_empty() {
            let connector = lane.id.clone();
            let what = What::Notes { connector, jobs };
            appended.last_seq = Some(self.try_append(self.clock.now(), &what)?);
        }
        Ok(appended)
    }

    /// Appends an entry without waiting: that would hold up other tasks.
    fn try_append(&self, at: Instant, what: &What) -> Result<u64, AdminError> {
        let traces = &self.handle.traces;
        match traces.noting(|| self.ledger.try_append(at, what))? {
            Some(appended) => Ok(appended.seq),
            None => Err(not_now(
                "the disk does not keep up",
                "the vendor sends again later; look for what else writes to the disk",
            )),
        }
    }
}

/// A call that the vendor is asked to send again.
fn not_now(message: &str, hint: &str) -> AdminError {
    coded("XP-RUN-015", message, Some(hint.to_owned()))
}

/// What of a call is in the ledger.
struct Appended {
    last_seq: Option<u64>,
    streams: Vec<SmolStr>,
    poke: Vec<SmolStr>,
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    headers.iter().map(text).collect()
}

fn tell_refusal(lane: &Lane, refusal: Refusal) {
    if !lane.hook.may_tell(refusal.as_str()) {
        return;
    }
    let hint = match refusal {
        Refusal::MissingSignature | Refusal::BadSignature => {
            "compare the secret at the vendor with the connector's"
        }
        Refusal::TooOld | Refusal::TooNew => "compare this machine's clock with the true time",
        Refusal::Malformed => "the vendor may have changed how it signs",
        Refusal::UnknownUrl => "set `public_url` in `[server]`: the vendor signs the address",
    };
    tracing::warn!(
        connector = %lane.id, reason = refusal.as_str(), hint,
        "refused a call to the hook address"
    );
}
