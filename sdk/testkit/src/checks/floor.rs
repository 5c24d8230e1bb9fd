//! What a plugin may cost. The bounds are for plugins that do something foolish: the figures are what
//! counts.

use crosspoint_model::delivery::Outcome;
use crosspoint_sandbox::manifest::Role;

use super::destination::{checked_actions, happened, item};
use super::source::checked_streams;
use crate::error::{Checked, fail};
use crate::people::Fields;
use crate::rig::{Instead, PAGE, Rig, Session};

/// Computing time of a call that does nothing.
const MOST_START_MS: f64 = 250.0;
/// Computing time of a record or delivery.
const MOST_EACH_MS: f64 = 10.0;
/// Memory of a call.
const MOST_MEMORY_BYTES: u64 = 64 << 20;
/// Deliveries of one batch.
const BATCH: u32 = 50;

pub(super) async fn floor(rig: &Rig<'_>) -> Checked {
    if rig.manifest().has_role(Role::Source) {
        let mut session = rig.session(Instead::default()).await?;
        let streams = checked_streams(rig, &mut session).await?;
        started(rig, &session)?;
        let mut records = 0;
        for stream in &streams {
            let drained = session.drain(&stream.name, None, PAGE).await?;
            records += drained.records().count();
        }
        cost(rig, &session, "record", records)?;
    }
    if rig.manifest().has_role(Role::Destination) {
        let mut session = rig.session(Instead::default()).await?;
        let actions = checked_actions(rig, &mut session).await?;
        started(rig, &session)?;
        let Some(tried) = actions.iter().find(|it| it.subject.before.is_empty()) else {
            return Ok(());
        };
        let people = BATCH.min(tried.offer.batch_size);
        let items: Vec<_> = (0..people)
            .map(|n| item(tried, n, 1, Fields::All))
            .collect();
        let outcomes = session.deliver(&tried.offer, &items).await?;
        let is_done = |it: &&Outcome| matches!(it, Outcome::Done(_));
        let done = outcomes.iter().filter(is_done).count();
        let seen = happened(rig, tried).await?;
        if done != items.len() || !tried.subject.effects.is_empty() && seen < done as u64 {
            return fail(format!(
                "`{}`: {done} of {people} done, {seen} at the vendor",
                tried.name
            ));
        }
        cost(rig, &session, "delivery", done)?;
    }
    Ok(())
}

/// The session has made one call, in which nothing was to be done.
fn started(rig: &Rig<'_>, session: &Session<'_>) -> Checked {
    rig.note("CPU to start, ms", session.cpu_ms);
    if session.cpu_ms > MOST_START_MS {
        return fail(format!(
            "a call that does nothing takes {:.0} ms of computing time, more than {MOST_START_MS}",
            session.cpu_ms
        ));
    }
    Ok(())
}

fn cost(rig: &Rig<'_>, session: &Session<'_>, what: &str, count: usize) -> Checked {
    let each_ms = session.cpu_ms / count.max(1) as f64;
    rig.note(&format!("CPU a {what}, µs"), each_ms * 1_000.0);
    let mib = session.peak_memory_bytes as f64 / f64::from(1 << 20);
    rig.note(&format!("peak memory, MiB, {what}"), mib);
    let most_ms = f64::from(session.calls) * MOST_START_MS + count as f64 * MOST_EACH_MS;
    if session.cpu_ms > most_ms {
        return fail(format!(
            "{count} times `{what}` in {} calls take {:.0} ms of computing time, more than {most_ms:.0}",
            session.calls, session.cpu_ms
        ));
    }
    if session.peak_memory_bytes > MOST_MEMORY_BYTES {
        let most = MOST_MEMORY_BYTES >> 20;
        return fail(format!("a call takes {mib:.0} MiB, more than {most}"));
    }
    Ok(())
}
