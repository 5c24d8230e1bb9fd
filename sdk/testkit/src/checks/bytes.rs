//! The same world at the same instant, read twice: the same requests in the same order, and the same
//! pages, cursors included.

use crosspoint_sandbox::{Budget, Page, Stream};

use super::resume::page_of;
use super::source::checked_streams;
use crate::error::{Checked, fail};
use crate::rig::{Instead, PAGE, Rig};
use crate::simulator::Called;

/// Reads of one stream.
const MOST_READS: usize = 200;
/// Reads after the last page: what changed meanwhile is looked for.
const LATER_READS: usize = 2;

/// One call of `read`: what it asked of the vendor, and what it gave.
struct Read {
    calls: Vec<Called>,
    page: Page,
}

pub(super) async fn same_twice(rig: &Rig<'_>) -> Checked {
    let mut session = rig.session(Instead::default()).await?;
    let streams = checked_streams(rig, &mut session).await?;
    for stream in &streams {
        let now_ms = rig.now_ms().await?;
        rig.reset_at(now_ms).await?;
        let mut session = rig.session(Instead::default()).await?;
        let all = session.drain(&stream.name, None, PAGE).await?;
        let budget = page_of(all.records().count());
        let first = reads(rig, stream, budget, now_ms).await?;
        let second = reads(rig, stream, budget, now_ms).await?;
        let mut pairs = first.iter().zip(&second).enumerate();
        let found =
            pairs.find_map(|(number, (first, second))| Some((number, difference(first, second)?)));
        if let Some((number, difference)) = found {
            return fail(format!(
                "stream `{}`, read {number} of the same world at the same instant: {difference}",
                stream.name
            ));
        }
        if first.len() != second.len() {
            return fail(format!(
                "stream `{}`: the same world at the same instant takes {} reads, and then {}",
                stream.name,
                first.len(),
                second.len()
            ));
        }
    }
    Ok(())
}

/// A stream from its beginning in a world that is the same every time.
async fn reads(rig: &Rig<'_>, stream: &Stream, budget: Budget, now_ms: i64) -> Checked<Vec<Read>> {
    rig.reset_at(now_ms).await?;
    let mut session = rig.session(Instead::default()).await?;
    let (mut reads, mut cursor, mut known, mut later) = (Vec::new(), None::<Vec<u8>>, 0, 0);
    while reads.len() < MOST_READS && later <= LATER_READS {
        let name = &stream.name;
        let page = session.read(name, cursor.as_deref(), budget).await?;
        let (next, calls) = rig.sim.calls_from(known).await?;
        known = next;
        cursor = Some(page.next_cursor.clone());
        if !page.more {
            later += 1;
            rig.sim.advance(1_000).await?;
        }
        reads.push(Read { calls, page });
    }
    Ok(reads)
}

/// What is not the same, if anything.
fn difference(first: &Read, second: &Read) -> Option<String> {
    let calls = first.calls.iter().zip(&second.calls).enumerate();
    for (number, (one, other)) in calls {
        if one.digest == other.digest {
            continue;
        }
        let (line, other_line) = (line(one), line(other));
        let text = "or its headers or body, is another the second time";
        return Some(format!(
            "request {number}, `{line}`, {text}: `{other_line}`"
        ));
    }
    let (one, other) = (first.calls.len(), second.calls.len());
    if one != other {
        return Some(format!("{one} requests, then {other}"));
    }
    let (first, second) = (&first.page, &second.page);
    let mut records = first.records.iter().zip(&second.records);
    if let Some(place) = records.position(|(one, other)| one != other) {
        let id = &first.records[place].id;
        return Some(format!("record {place}, `{id}`, differs"));
    }
    if first.records.len() != second.records.len() {
        let (one, other) = (first.records.len(), second.records.len());
        return Some(format!("{one} records, then {other}"));
    }
    if first.next_cursor != second.next_cursor {
        let text = |page: &Page| String::from_utf8_lossy(&page.next_cursor).into_owned();
        let (one, other) = (text(first), text(second));
        return Some(format!("the cursor is `{one}`, then `{other}`"));
    }
    (first != second).then(|| "rejects, notices or `more` differ".to_owned())
}

fn line(call: &Called) -> String {
    format!("{} {}", call.method, call.target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(digest: &str, cursor: &str) -> Read {
        let call = Called {
            method: "GET".to_owned(),
            target: "/things".to_owned(),
            status: 200,
            at_ms: 0,
            is_refused: false,
            digest: digest.to_owned(),
        };
        let page = Page {
            records: Vec::new(),
            rejects: Vec::new(),
            next_cursor: cursor.into(),
            more: false,
            notices: Vec::new(),
        };
        Read {
            calls: vec![call],
            page,
        }
    }

    #[test]
    fn other_bytes_of_a_request_or_a_cursor_are_told() {
        assert_eq!(difference(&read("a", "1"), &read("a", "1")), None);
        let told = |other| difference(&read("a", "1"), &other).unwrap();
        assert!(told(read("b", "1")).contains("`GET /things`, or its headers"));
        assert_eq!(told(read("a", "2")), "the cursor is `1`, then `2`");
        let silent = Read {
            calls: Vec::new(),
            ..read("a", "1")
        };
        assert_eq!(told(silent), "1 requests, then 0");
    }
}
