//! Instants, where the vendor's clock is another than UTC and is moved.

use serde_json::json;

use super::source::{checked_streams, equals};
use crate::error::{Checked, skip};
use crate::fold::Fold;
use crate::rig::{Instead, PAGE, Rig};

/// Seconds east of UTC before and after the clock is moved: an hour comes twice in autumn, and one is
/// left out in spring.
const MOVES: [(i64, i64); 2] = [(7_200, 3_600), (3_600, 7_200)];
/// Until the clock is moved.
const BEFORE_MS: i64 = 45 * 60_000;
/// Between two reads.
const STEP_MS: u64 = 10 * 60_000;
/// Reads, most of them in the hours on either side of the move.
const STEPS: u32 = 15;
/// Changes between two reads.
const CHANGES: u64 = 4;

pub(super) async fn zones(rig: &Rig<'_>) -> Checked {
    let has_instants = rig
        .subject
        .streams
        .values()
        .any(|it| !it.instants.is_empty());
    if !has_instants {
        return skip("conformance.toml names no `instants` of any stream");
    }
    let mut session = rig.session(Instead::default()).await?;
    let streams = checked_streams(rig, &mut session).await?;
    for stream in &streams {
        let drained = session.drain(&stream.name, None, PAGE).await?;
        equals(rig, stream, &Fold::of(drained.records())).await?;
    }
    let Some(command) = &rig.subject.time_zone else {
        return Ok(());
    };
    for (before_s, after_s) in MOVES {
        rig.reset().await?;
        let then = json!({ "at_ms": rig.now_ms().await? + BEFORE_MS, "offset_s": after_s });
        let zone = json!({ "offset_s": before_s, "then": then });
        rig.sim.command(command, &zone).await?;
        let mut session = rig.session(Instead::default()).await?;
        let mut folds = vec![Fold::default(); streams.len()];
        let mut cursors = vec![None::<Vec<u8>>; streams.len()];
        for step in 0..=STEPS {
            if step > 0 {
                rig.sim.advance(STEP_MS).await?;
                rig.sim.change(CHANGES).await?;
                rig.sim.advance(2_000).await?;
            }
            for (place, stream) in streams.iter().enumerate() {
                let drained = session
                    .drain(&stream.name, cursors[place].take(), PAGE)
                    .await?;
                folds[place].extend(drained.records());
                cursors[place] = drained.cursor;
            }
        }
        for (fold, stream) in folds.iter().zip(&streams) {
            equals(rig, stream, fold).await?;
        }
    }
    Ok(())
}
