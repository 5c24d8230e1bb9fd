//! The ledger against a bare loop of write and fdatasync.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant as MachineInstant};

use anyhow::Result;
use crosspoint_ledger::{Encoded, Ledger, Options};
use crosspoint_model::Instant;
use crosspoint_model::entry::What;

use crate::data::{self, Page};
use crate::report::{Goal, Section, median, number};

const METHOD: &str = "Appending to the ledger until durable, against a loop that writes the same \
bytes in the same number of groups, of their mean length, to one file, each with one write and one \
fdatasync. In turns, several rounds; times are medians. *Encoded* entries are bytes when the clock starts, as the \
loop's are, and have the checksum that encoding makes of them: what is compared is frames, the copy \
into the group and the hand-over to the writer's thread. The rows below append records, encoding included, which the loop never does; they \
say what a source gets. *Free running* is one thread that appends without waiting: groups form by \
themselves, the loop writes groups of the mean length.";

/// How an appender waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For each entry: a group is one entry.
    Each,
    /// At the end.
    Once,
}

/// One row.
struct Case<'a> {
    name: &'static str,
    waiting: Waiting,
    entries: &'a [What],
    /// The entries are appended so many times over.
    times: usize,
    /// Encoded before the clock starts; the goal is about these.
    is_encoded: bool,
}

/// Groups as they were written.
struct Groups {
    count: u64,
    bytes: u64,
}

/// Measures appending.
pub fn measure(quick: bool) -> Result<Section> {
    let rounds = if quick { 1 } else { 7 };
    let copies = if quick { 1 } else { 10 };
    // Long enough for groups to have found their size.
    let long = if quick { 1 } else { 20 };
    let pages: Vec<_> = data::pages(&data::orders(copies)?)
        .into_iter()
        .map(entry)
        .collect();
    let small = vec![What::Tick; if quick { 100 } else { 1_000 }];
    let case = |name, waiting, entries, is_encoded| Case {
        name,
        waiting,
        entries,
        times: if waiting == Waiting::Once { long } else { 1 },
        is_encoded,
    };
    let (each, once) = (Waiting::Each, Waiting::Once);
    let cases = [
        case(
            "entry of a few bytes, encoded, each waited for",
            each,
            small.as_slice(),
            true,
        ),
        case(
            "page of 1,000 orders, encoded, each waited for",
            each,
            &pages,
            true,
        ),
        case(
            "pages of 1,000 orders, encoded, free running",
            once,
            &pages,
            true,
        ),
        case("entry of a few bytes, each waited for", each, &small, false),
        case("page of 1,000 orders, each waited for", each, &pages, false),
        case("pages of 1,000 orders, free running", once, &pages, false),
    ];
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    for case in &cases {
        let (mut ledger_times, mut bare_times) = (Vec::new(), Vec::new());
        let mut groups = Groups { count: 0, bytes: 0 };
        for _ in 0..rounds {
            let folder = tempfile::tempdir()?;
            let (time, written) = appending(&folder.path().join("ledger"), case)?;
            ledger_times.push(time.as_secs_f64());
            let bare = bare(&folder.path().join("bare"), case, &written)?;
            bare_times.push(bare.as_secs_f64());
            groups = written;
        }
        let (ledger, bare) = (median(ledger_times), median(bare_times));
        let share = bare / ledger * 100.0;
        let speed = |time: f64| format!("{:.1}", groups.bytes as f64 / time / 1e6);
        rows.push(vec![
            case.name.to_owned(),
            number((case.entries.len() * case.times) as f64),
            number(groups.count as f64),
            number(groups.bytes as f64 / groups.count as f64),
            format!("{:.2}", ledger * 1e3),
            format!("{:.2}", bare * 1e3),
            speed(ledger),
            speed(bare),
            format!("{share:.0} %"),
        ]);
        if case.is_encoded {
            goals.push(Goal {
                subject: format!("ledger against write and fdatasync: {}", case.name),
                wanted: "at least 80 %",
                measured: format!("{share:.0} %"),
                is_met: share >= 80.0,
            });
        }
    }
    Ok(Section {
        title: "Ledger",
        method: METHOD.to_owned(),
        header: vec![
            "appending",
            "entries",
            "groups",
            "bytes a group",
            "ledger, ms",
            "bare, ms",
            "ledger, MB/s",
            "bare, MB/s",
            "ledger's share of bare speed",
        ],
        rows,
        goals,
    })
}

fn entry((_, what): Page) -> What {
    what
}

fn appending(folder: &Path, case: &Case<'_>) -> Result<(Duration, Groups)> {
    let ledger = Ledger::open(folder, Options::default())?;
    let encoded = case.entries.iter().filter(|_| case.is_encoded);
    let encoded: Vec<_> = encoded.map(Encoded::new).collect::<Result<_, _>>()?;
    let start = MachineInstant::now();
    let entries = case.entries.iter().enumerate().cycle();
    for (number, what) in entries.take(case.entries.len() * case.times) {
        let appended = match encoded.get(number) {
            Some(encoded) => ledger.append_encoded(Instant(0), encoded)?,
            None => ledger.append(Instant(0), what)?,
        };
        if case.waiting == Waiting::Each {
            ledger.wait_durable(appended.seq)?;
        }
    }
    ledger.wait_durable(ledger.last_appended())?;
    let time = start.elapsed();
    let stats = ledger.stats();
    ledger.close()?;
    Ok((
        time,
        Groups {
            count: stats.groups,
            bytes: stats.written_bytes,
        },
    ))
}

/// The loop meets its bytes as the ledger does: each group's are others than the last one's.
fn bare(path: &Path, case: &Case<'_>, groups: &Groups) -> Result<Duration> {
    let length = usize::try_from(groups.bytes / groups.count.max(1))?;
    let mut content = Vec::new();
    for what in case.entries {
        content.extend_from_slice(Encoded::new(what)?.bytes());
    }
    while content.len() < 2 * length {
        content.extend_from_within(..);
    }
    let mut file = File::create(path)?;
    file.sync_all()?;
    let start = MachineInstant::now();
    let mut at = 0;
    for _ in 0..groups.count {
        file.write_all(&content[at..at + length])?;
        file.sync_data()?;
        at = (at + length) % (content.len() - length);
    }
    Ok(start.elapsed())
}
