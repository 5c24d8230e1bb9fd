//! Calls to the hook address that somebody kept and sends again.

use std::time::{Duration, UNIX_EPOCH};

use crosspoint_model::Instant;
use crosspoint_sandbox::Stream;
use crosspoint_sandbox::manifest::{TimestampFormat, Webhook};
use crosspoint_sandbox::webhook::Verdict;
use http::HeaderValue;
use serde_json::json;

use super::source::{checked_streams, equals};
use super::webhook::{Came, Listener, instant, listen, receive, round, subscribe, verdict};
use crate::error::{Checked, fail};
use crate::fold::Fold;
use crate::rig::{PAGE, Rig, Session};

/// Changes that are called about.
const CHANGES: u32 = 30;
/// Beyond any vendor's tolerance and any host's memory.
const LATER_MS: u64 = 3 * 86_400_000;

/// What a call is proven by has an instant that is proven as well, or the call may come again and
/// changes nothing.
pub(super) async fn replays(rig: &Rig<'_>) -> Checked {
    let listener = listen().await?;
    let mut session = subscribe(rig, &listener).await?;
    let streams = checked_streams(rig, &mut session).await?;
    rig.sim.advance(60_000).await?;
    for _ in 0..CHANGES {
        rig.sim.change(1).await?;
        rig.sim.advance(2_000).await?;
    }
    let calls = round(rig, &listener, json!({})).await?;
    let at = instant(rig).await?;
    let mut kept = Vec::new();
    for came in calls {
        if let Verdict::Accepted { replay_id } = verdict(&session, &listener, &came, at)? {
            known_again(&session, &listener, &came, at, replay_id.as_deref())?;
            kept.push(came);
        }
    }
    if kept.is_empty() {
        return fail(format!("{CHANGES} changes at the vendor, and no call came"));
    }
    let webhook = rig.manifest().webhook.as_ref();
    match webhook.filter(|it| has_clock(it)) {
        Some(webhook) => {
            for came in &kept {
                grows_old(&session, &listener, came, webhook, at)?;
            }
            Ok(())
        }
        None => changes_nothing(rig, &listener, &mut session, &streams, kept).await,
    }
}

fn has_clock(webhook: &Webhook) -> bool {
    webhook.timestamp_header.is_some()
        || webhook.timestamp_prefix.is_some()
        || webhook.scheme.as_str() == "standard-webhooks"
}

/// The host recognises the very same call.
fn known_again(
    session: &Session<'_>,
    listener: &Listener,
    came: &Came,
    at: Instant,
    first: Option<&str>,
) -> Checked {
    let later = at.plus_ms(1_000);
    match verdict(session, listener, came, later)? {
        Verdict::Accepted { replay_id } if replay_id.as_deref() == first && first.is_some() => {
            Ok(())
        }
        Verdict::Accepted { .. } => fail("nothing tells a call from one that comes again"),
        other => fail(format!(
            "a call is no longer taken after a second: {other:?}"
        )),
    }
}

/// Refused past the tolerance, and with a clock that somebody set right.
fn grows_old(
    session: &Session<'_>,
    listener: &Listener,
    came: &Came,
    webhook: &Webhook,
    at: Instant,
) -> Checked {
    let later = at.plus_ms(LATER_MS as i64);
    if let Verdict::Accepted { .. } = verdict(session, listener, came, later)? {
        return fail("a call is taken days after it was signed");
    }
    let earlier = at.plus_ms(-(LATER_MS as i64));
    if let Verdict::Accepted { .. } = verdict(session, listener, came, earlier)? {
        return fail("a call is taken days before it was signed");
    }
    let Some(fresh) = with_clock(came, webhook, later) else {
        return fail("the manifest names a clock that the vendor's calls do not have");
    };
    match verdict(session, listener, &fresh, later)? {
        Verdict::Accepted { .. } => {
            fail("an old signature is taken with a fresh clock: the signature does not cover it")
        }
        _ => Ok(()),
    }
}

/// The call with another instant in the place that the manifest names.
fn with_clock(came: &Came, webhook: &Webhook, at: Instant) -> Option<Came> {
    let seconds = u64::try_from(at.0 / 1_000).ok()?;
    let text = match webhook.timestamp_format.unwrap_or_default() {
        TimestampFormat::UnixS => seconds.to_string(),
        TimestampFormat::UnixMs => at.0.to_string(),
        TimestampFormat::Iso => at.to_string(),
        TimestampFormat::HttpDate => {
            httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
        }
    };
    let mut fresh = came.clone();
    if let Some(prefix) = &webhook.timestamp_prefix {
        let name = webhook.signature_header.as_deref()?;
        let separator = webhook.separator.as_deref().unwrap_or(",");
        let value = fresh.headers.get(name)?.to_str().ok()?;
        let entries = value.split(separator).map(|entry| {
            let is_clock = entry.trim().starts_with(prefix.as_str());
            if is_clock {
                format!("{prefix}{text}")
            } else {
                entry.to_owned()
            }
        });
        let entries: Vec<String> = entries.collect();
        let value = HeaderValue::from_str(&entries.join(separator)).ok()?;
        fresh.headers.insert(header_name(name)?, value);
        return Some(fresh);
    }
    let name = webhook
        .timestamp_header
        .as_deref()
        .unwrap_or("webhook-timestamp");
    fresh.headers.get(name)?;
    let value = HeaderValue::from_str(&text).ok()?;
    fresh.headers.insert(header_name(name)?, value);
    Some(fresh)
}

fn header_name(name: &str) -> Option<http::HeaderName> {
    name.parse().ok()
}

/// Calls without a clock, again when the host has forgotten them and the world has moved on.
async fn changes_nothing(
    rig: &Rig<'_>,
    listener: &Listener,
    session: &mut Session<'_>,
    streams: &[Stream],
    kept: Vec<Came>,
) -> Checked {
    let at = instant(rig).await?;
    let mut folds = vec![Fold::default(); streams.len()];
    for came in &kept {
        receive(session, streams, &mut folds, came.clone(), at).await?;
    }
    // What they told of changes further; some of it nothing but a call tells.
    let mut cursors = Vec::new();
    for _ in 0..CHANGES {
        rig.sim.advance(2_000).await?;
        rig.sim.change(1).await?;
    }
    let newer = round(rig, listener, json!({})).await?;
    let at = instant(rig).await?;
    for came in newer {
        if let Verdict::Accepted { .. } = verdict(session, listener, &came, at)? {
            receive(session, streams, &mut folds, came, at).await?;
        }
    }
    rig.sim.advance(LATER_MS).await?;
    for (fold, stream) in folds.iter_mut().zip(streams) {
        let drained = session.drain(&stream.name, None, PAGE).await?;
        fold.extend(drained.records());
        cursors.push(drained.cursor);
    }
    let at = instant(rig).await?;
    for came in kept {
        receive(session, streams, &mut folds, came, at).await?;
    }
    for ((fold, stream), cursor) in folds.iter_mut().zip(streams).zip(cursors) {
        let drained = session.drain(&stream.name, cursor, PAGE).await?;
        fold.extend(drained.records());
        equals(rig, stream, fold).await?;
    }
    Ok(())
}
