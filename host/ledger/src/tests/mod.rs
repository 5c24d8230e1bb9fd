//! Tests of the ledger as a whole.

mod append;
mod damage;
mod power;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspoint_model::Instant;
use crosspoint_model::entry::{Records, What};

use crate::testing::SimulatedDisk;
use crate::{Ledger, Options};

/// An entry that says the first eight bytes of `content` and is about as long as it is. The rest is
/// text, which a debug build encodes much faster than bytes.
fn entry(content: &[u8]) -> What {
    let (start, rest) = content.split_at(content.len().min(8));
    let fill = char::from(b'a' + rest.last().unwrap_or(&0) % 26);
    let padding = fill.to_string().repeat(rest.len());
    What::Records(Records {
        connector: "shop".into(),
        stream: "orders".into(),
        records: Vec::new(),
        rejects: Vec::new(),
        cursor: Some(start.to_vec()),
        jobs: vec![(padding.into(), None)],
    })
}

/// Files small enough that tests see many of them.
fn small() -> Options {
    Options {
        segment_bytes: 4 << 10,
        pending_bytes: 64 << 10,
    }
}

fn folder() -> &'static Path {
    Path::new("ledger")
}

fn open(disk: &SimulatedDisk) -> Ledger {
    Ledger::open_on(Arc::new(disk.clone()), folder(), small()).unwrap()
}

/// Appends entries one group each.
fn append_each(ledger: &Ledger, cursors: impl IntoIterator<Item = Vec<u8>>) {
    for cursor in cursors {
        let appended = ledger.append(Instant(7), &entry(&cursor)).unwrap();
        ledger.wait_durable(appended.seq).unwrap();
    }
}

/// Every entry from `from` on.
fn read_all(ledger: &Ledger, from: u64) -> Vec<(u64, What)> {
    let mut reader = ledger.reader(from);
    std::iter::from_fn(|| reader.next().unwrap())
        .map(|(seq, entry)| (seq, entry.what))
        .collect()
}

fn segment_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "ledger"))
        .collect();
    files.sort();
    files
}
