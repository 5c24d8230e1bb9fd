//! Streams: everything once, nothing lost, wherever a read ends or breaks.

use std::collections::BTreeSet;
use std::time::Instant;

use crosspoint_sandbox::manifest::Role;
use crosspoint_sandbox::{Budget, Error as CallError, GuestError, Stream};

use crate::error::{Checked, fail, skip};
use crate::fold::{Fold, is_beside, is_tombstone};
use crate::rig::{Drained, Instead, PAGE, Rig, Session, Step};

/// A page that ends in the middle of most of a vendor's.
const SMALL: Budget = Budget {
    records: 7,
    bytes: 4 << 20,
};

/// The streams that the subject describes, as the plugin declares them.
pub(super) async fn checked_streams(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
) -> Checked<Vec<Stream>> {
    if !rig.manifest().has_role(Role::Source) {
        return Ok(Vec::new());
    }
    let output = session.connector.streams(session.input()).await?;
    let declared = session.keep(output);
    for name in rig.subject.streams.keys() {
        if !declared.iter().any(|stream| stream.name == name.as_str()) {
            return fail(format!(
                "conformance.toml names stream `{name}`, the plugin has none of that name"
            ));
        }
    }
    let unnamed: Vec<&str> = declared
        .iter()
        .map(|stream| stream.name.as_str())
        .filter(|name| !rig.subject.streams.contains_key(*name))
        .collect();
    if !unnamed.is_empty() {
        return fail(format!(
            "conformance.toml does not name the streams {}",
            unnamed.join(", ")
        ));
    }
    Ok(declared)
}

pub(super) fn first_stream<'r>(rig: &'r Rig<'_>) -> Option<&'r str> {
    rig.subject.streams.keys().next().map(String::as_str)
}

pub(super) async fn streams_stable(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let first = checked_streams(rig, &mut session).await?;
    let second = checked_streams(rig, &mut session).await?;
    if first != second {
        return fail("two calls with the same settings gave different streams");
    }
    let names: BTreeSet<&str> = first.iter().map(|stream| stream.name.as_str()).collect();
    if names.len() != first.len() {
        return fail("two streams have one name");
    }
    if !rig.sim.calls().await?.is_empty() {
        return fail("`streams` reached out");
    }
    Ok(())
}

pub(super) async fn reads_everything(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let (mut records, start) = (0, Instant::now());
    for stream in checked_streams(rig, &mut session).await? {
        let drained = session.drain(&stream.name, None, PAGE).await?;
        records += drained.records().count();
        no_rejects(&stream, &drained)?;
        let strange = drained.records().find(|it| {
            it.body.kind() != stream.kind && !is_tombstone(it) && !is_beside(it, &stream)
        });
        if let Some(record) = strange {
            let text = format!(
                "stream `{}` is of `{:?}` and yields a `{:?}`",
                stream.name,
                stream.kind,
                record.body.kind()
            );
            return fail(text);
        }
        equals(rig, &stream, &Fold::of(drained.records())).await?;
    }
    let count = records.max(1) as f64;
    rig.note("records read", records as f64);
    rig.note("records/s", count / start.elapsed().as_secs_f64());
    rig.note("requests", rig.sim.calls().await?.len() as f64);
    Ok(())
}

pub(super) async fn budget(rig: &Rig<'_>) -> Checked {
    for records in [1, 7, 100] {
        rig.reset().await?;
        let mut session = rig.session(Instead::default()).await?;
        let budget = Budget { records, ..PAGE };
        for stream in checked_streams(rig, &mut session).await? {
            let drained = session.drain(&stream.name, None, budget).await?;
            let subject = rig.subject.streams.get(stream.name.as_str());
            let is_derived = subject.is_some_and(|subject| subject.derived);
            // One object goes alone, with all that comes of it and stands beside it.
            let is_alone = |step: &Step| {
                let own = step.records.iter().filter(|it| !is_beside(it, &stream));
                let own: Vec<_> = own.collect();
                let is_of_one = own.windows(2).all(|pair| {
                    (&pair[0].identifiers, pair[0].updated_at)
                        == (&pair[1].identifiers, pair[1].updated_at)
                });
                own.len() + step.rejects <= 1 || is_derived && is_of_one && step.rejects == 0
            };
            let together = drained.steps.iter().filter(|step| !is_alone(step));
            let longest = together.map(|step| step.records.len() + step.rejects).max();
            if let Some(longest) = longest.filter(|longest| *longest > records as usize) {
                return fail(format!(
                    "stream `{}`: {longest} records where {records} were asked for",
                    stream.name
                ));
            }
            equals(rig, &stream, &Fold::of(drained.records())).await?;
        }
    }
    Ok(())
}

pub(super) async fn changes_while_reading(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        rig.reset().await?;
        let mut session = rig.session(Instead::default()).await?;
        let (mut fold, mut cursor) = (Fold::default(), None::<Vec<u8>>);
        for _ in 0..30 {
            let page = session.read(&stream.name, cursor.as_deref(), SMALL).await?;
            fold.extend(&page.records);
            cursor = Some(page.next_cursor);
            rig.sim.change(3).await?;
            rig.sim.advance(2_000).await?;
            if !page.more {
                break;
            }
        }
        catch_up(rig, &mut session, &stream, fold, cursor).await?;
    }
    Ok(())
}

/// Reads on, lets the overlap of the vendor's clock pass, and compares.
async fn catch_up(
    rig: &Rig<'_>,
    session: &mut Session<'_>,
    stream: &Stream,
    mut fold: Fold,
    mut cursor: Option<Vec<u8>>,
) -> Checked<Option<Vec<u8>>> {
    for _ in 0..3 {
        let rest = session.drain(&stream.name, cursor, PAGE).await?;
        fold.extend(rest.records());
        cursor = rest.cursor;
        rig.sim.advance(10 * 60_000).await?;
    }
    equals(rig, stream, &fold).await?;
    Ok(cursor)
}

pub(super) async fn incremental(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        rig.reset().await?;
        let mut session = rig.session(Instead::default()).await?;
        let first = session.drain(&stream.name, None, PAGE).await?;
        let mut fold = Fold::of(first.records());
        let all = first.records().count();
        rig.sim.advance(24 * 3_600_000).await?;
        // A host that has been up for long: what overlaps is behind it.
        let caught_up = session.drain(&stream.name, first.cursor, PAGE).await?;
        fold.extend(caught_up.records());
        rig.sim.advance(24 * 3_600_000).await?;
        rig.sim.change(10).await?;
        rig.sim.advance(2_000).await?;
        let second = session.drain(&stream.name, caught_up.cursor, PAGE).await?;
        let again = second.records().count();
        fold.extend(second.records());
        let cursor = catch_up(rig, &mut session, &stream, fold, second.cursor).await?;
        let _ = cursor;
        if stream.incremental && all > 100 && again >= all {
            let text = format!(
                "stream `{}` says that it is incremental and read all {all} records again",
                stream.name
            );
            return fail(text);
        }
    }
    Ok(())
}

pub(super) async fn deletions(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let streams = checked_streams(rig, &mut session).await?;
    let telling: Vec<&Stream> = streams
        .iter()
        .filter(|stream| stream.tells_deletions)
        .collect();
    if telling.is_empty() {
        return skip("no stream tells of deletions");
    }
    for stream in telling {
        rig.reset().await?;
        let mut session = rig.session(Instead::default()).await?;
        let first = session.drain(&stream.name, None, PAGE).await?;
        rig.sim.advance(60_000).await?;
        rig.sim.change(80).await?;
        rig.sim.advance(2_000).await?;
        catch_up(
            rig,
            &mut session,
            stream,
            Fold::of(first.records()),
            first.cursor,
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn bad_cursors(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    for stream in checked_streams(rig, &mut session).await? {
        let whole = session.drain(&stream.name, None, SMALL).await?;
        let all = Fold::of(whole.records());
        let good = whole.cursor.clone().unwrap_or_default();
        let mut future = good.clone();
        future
            .iter_mut()
            .filter(|byte| byte.is_ascii_digit())
            .for_each(|byte| *byte = b'9');
        let bad = [
            Vec::new(),
            b"\xff\x00\xfe".to_vec(),
            b"{}".to_vec(),
            b"null".to_vec(),
            b"garbage".to_vec(),
            good[..good.len() / 2].to_vec(),
        ];
        for cursor in bad {
            let shown = String::from_utf8_lossy(&cursor).into_owned();
            let mut other = rig.session(Instead::default()).await?;
            match other.read_once(&stream.name, Some(&cursor), SMALL).await {
                Err(CallError::Guest {
                    error: GuestError::CursorExpired(_),
                    ..
                }) => continue,
                Err(error) => {
                    return fail(format!(
                        "stream `{}`, cursor `{shown}`: {error}",
                        stream.name
                    ));
                }
                Ok(_) => {}
            }
            let mut other = rig.session(Instead::default()).await?;
            let drained = other.drain(&stream.name, Some(cursor), SMALL).await?;
            if let Err(reason) = Fold::of(drained.records()).covers(&all) {
                return fail(format!(
                    "stream `{}` takes `{shown}` for a cursor: {reason}",
                    stream.name
                ));
            }
        }
        // One from a newer version, or from a clock that was wrong: whatever it gives, no panic.
        let mut other = rig.session(Instead::default()).await?;
        if let Err(error) = other.read_once(&stream.name, Some(&future), SMALL).await
            && error.is_trap()
        {
            return fail(format!(
                "stream `{}`, a cursor from the future: {error}",
                stream.name
            ));
        }
    }
    Ok(())
}

pub(super) async fn equals(rig: &Rig<'_>, stream: &Stream, fold: &Fold) -> Checked {
    let truth = rig.sim.truth().await?;
    match rig.subject.streams.get(stream.name.as_str()) {
        Some(subject) => fold.equals(&truth, stream, subject),
        None => Ok(()),
    }
}

pub(super) fn no_rejects(stream: &Stream, drained: &Drained) -> Checked {
    match drained.steps.iter().map(|step| step.rejects).sum::<usize>() {
        0 => Ok(()),
        count => fail(format!(
            "stream `{}`: {count} of the vendor's own objects were rejected",
            stream.name
        )),
    }
}
