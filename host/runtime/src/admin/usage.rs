//! How fresh connectors are and what they use, for a person.

use std::collections::BTreeMap;

use crosspoint_model::{ConnectorId, Instant};
use smol_str::SmolStr;

use super::{ConnectorStatus, HookView, QuotaView, StreamView, UsageView};
use crate::Host;
use crate::clock::machine_now;

/// Cursors by stream.
pub(super) type Cursors = BTreeMap<SmolStr, Vec<u8>>;

/// Most characters of a cursor that are shown.
const CURSOR_CHARS: usize = 40;

impl Host {
    pub(super) fn add_usage(
        &self,
        status: &mut ConnectorStatus,
        id: &ConnectorId,
        cursors: Option<&Cursors>,
    ) {
        let now = machine_now();
        let (usage, requests_since_start) = self.usage.of(id);
        let (requests_today, requests_30_days) = usage.requests(now);
        let streams = usage.streams.values();
        let called_at = streams.clone().filter_map(|stream| stream.called_at).max();
        let newest_at = streams.filter_map(|stream| stream.newest_at).max();
        let heard_at = usage.read_at.max(called_at);
        let text = |at: Option<Instant>| at.map(|at| at.to_string());
        let stream = |(name, of): (&SmolStr, &crate::live::StreamUsage)| StreamView {
            stream: name.to_string(),
            last_read_at: text(of.read_at),
            last_call_at: text(of.called_at),
            newest_record_at: text(of.newest_at),
            cursor: cursors
                .and_then(|all| all.get(name))
                .map(|cursor| shown(cursor)),
        };
        status.usage = UsageView {
            last_read_at: text(usage.read_at),
            last_call_at: text(called_at),
            newest_record_at: text(newest_at),
            lag_ms: heard_at.map(|at| now.since_ms(at).max(0)),
            streams: usage.streams.iter().map(stream).collect(),
            requests_since_start,
            requests_today,
            requests_30_days,
            quota: usage.quota.map(|quota| QuotaView {
                at: quota.at.to_string(),
                remaining: quota.remaining,
                limit: quota.limit,
            }),
            hook: self.hook_view(id),
        };
        let every = self
            .project
            .connectors
            .get(id)
            .and_then(|it| it.every.as_ref());
        status.schedule = every.map(ToString::to_string);
        if self.delivers_by_itself() {
            let next = every.map(|every| every.next_after(usage.read_at, now).max(now));
            status.next_read_at = text(next);
        }
    }

    fn hook_view(&self, id: &ConnectorId) -> Option<HookView> {
        let lane = self.loaded(&id.0)?;
        lane.connector.webhook()?;
        let counts = lane.hook.counts();
        let refused = counts.refused.into_iter();
        Some(HookView {
            taken: counts.taken,
            repeated: counts.repeated,
            answered: counts.answered,
            failed: counts.failed,
            refused: refused
                .map(|(reason, count)| (reason.to_owned(), count))
                .collect(),
        })
    }
}

/// A cursor as a person can compare it: its text, or its bytes in hexadecimal, shortened.
fn shown(cursor: &[u8]) -> String {
    let text = match std::str::from_utf8(cursor) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => hex::encode(cursor),
    };
    match text.char_indices().nth(CURSOR_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_printable_and_short() {
        assert_eq!(shown(b"2026-11-22"), "2026-11-22");
        assert_eq!(shown(b"\x00\xff"), "00ff");
        assert_eq!(shown("é".repeat(41).as_bytes()), "é".repeat(40) + "…");
        assert_eq!(shown(b""), "");
    }
}
