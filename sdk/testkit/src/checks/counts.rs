//! What a host counts, against what the vendor counts.

use std::collections::BTreeMap;

use crosspoint_model::record::Record;
use crosspoint_sandbox::Stream;

use super::rate::token_paths;
use super::source::{checked_streams, equals};
use crate::error::{Checked, fail};
use crate::fold::{Fold, is_beside};
use crate::rig::{Instead, PAGE, Rig, Session};

/// Reads of a stream whose end the vendor takes time for.
const MOST_READS: usize = 200;
/// What changed so lately may come again: vendors let rows become visible late, and readers look back.
const LATELY_MS: i64 = 24 * 3_600_000;

pub(super) async fn counts(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        rig.reset().await?;
        let mut session = rig.session(Instead::default()).await?;
        each_once(rig, &mut session, &stream).await?;
        requests(rig, &session, &stream).await?;
    }
    Ok(())
}

/// A reading in which nothing changes brings every object of the vendor's, and none twice that did
/// not change lately.
async fn each_once(rig: &Rig<'_>, session: &mut Session<'_>, stream: &Stream) -> Checked {
    let subject = rig.subject.streams.get(stream.name.as_str());
    let settled = rig.now_ms().await? - LATELY_MS;
    let mut seen = BTreeMap::<String, usize>::new();
    let (mut fold, mut cursor, mut is_whole) = (Fold::default(), None::<Vec<u8>>, false);
    for _ in 0..MOST_READS {
        let name = &stream.name;
        let page = session.read(name, cursor.as_deref(), PAGE).await?;
        if let Some(reject) = page.rejects.first() {
            return fail(format!(
                "stream `{name}`: `{}` is rejected: {}",
                reject.locator, reject.reason
            ));
        }
        fold.extend(&page.records);
        let counts = |record: &&Record| !is_beside(record, stream) && record.updated_at.0 < settled;
        for record in page.records.iter().filter(counts) {
            *seen.entry(record.id.to_string()).or_default() += 1;
        }
        cursor = Some(page.next_cursor);
        if page.more {
            continue;
        }
        // Until the vendor's jobs are done, an end is none.
        is_whole = equals(rig, stream, &fold).await.is_ok();
        if is_whole {
            break;
        }
        rig.sim.advance(1_000).await?;
    }
    if !is_whole {
        return equals(rig, stream, &fold).await;
    }
    let twice = seen.iter().find(|(_, times)| **times > 1);
    if let Some((id, times)) = twice.filter(|_| subject.is_some_and(|it| !it.derived)) {
        return fail(format!(
            "stream `{}`: `{id}` is counted {times} times in one reading",
            stream.name
        ));
    }
    Ok(())
}

/// Every request that the vendor got was counted as one, and no other.
async fn requests(rig: &Rig<'_>, session: &Session<'_>, stream: &Stream) -> Checked {
    let tokens = token_paths(rig);
    let calls = rig.sim.calls().await?;
    let is_counted = |target: &str| !tokens.iter().any(|path| target.starts_with(path));
    let calls = calls.iter().filter(|call| is_counted(&call.target)).count();
    let counted = session.counted();
    if counted != calls as u64 {
        return fail(format!(
            "stream `{}`: the host counted {counted} requests, the vendor {calls}",
            stream.name
        ));
    }
    Ok(())
}
