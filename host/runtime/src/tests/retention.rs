//! `ledger.keep`: old files go behind snapshots, and what stays still makes the whole state.

use std::fs;
use std::path::{Path, PathBuf};

use super::{PROJECT, members, open, options, status, sync};
use crate::admin::Status;
use crate::replay;

/// Endings of the files of the ledger, and of snapshots.
const LEDGER: &str = "ledger";
const SNAPSHOT: &str = "xps";

/// A project whose clock stands at its newest order, so that its age is that of its data.
fn project(ledger: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{PROJECT}\n[ledger]\n{ledger}\n");
    fs::write(folder.path().join("crosspoint.toml"), text).unwrap();
    fs::create_dir(folder.path().join("feeds")).unwrap();
    folder
}

/// A month of orders, longer than a file of the ledger.
fn month(folder: &Path, month: u32) {
    let mut text = "order,customer,email,date,total\n".to_owned();
    for number in 0..60 {
        let (customer, day) = ((number + month) % 40, number % 28 + 1);
        text += &format!("{month}-{number},c{customer},,2026-{month:02}-{day:02},10.00\n");
    }
    fs::write(folder.join(format!("feeds/orders-{month:02}.csv")), text).unwrap();
}

/// Opens, reads a month, closes: what a host does that runs for a while.
fn run_month(folder: &Path, number: u32) -> Status {
    month(folder, number);
    let host = open(folder);
    assert_eq!(sync(&host).records, 60);
    let status = status(&host);
    host.close().unwrap();
    status
}

fn files(folder: &Path, part: &str, ending: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(folder.join("data").join(part));
    let paths = folder
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .collect();
    files.sort();
    files
}

/// The number in a file's name.
fn number(path: &Path) -> u64 {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let digits = stem.trim_start_matches(|it: char| !it.is_ascii_digit());
    digits.parse().unwrap()
}

/// Where the ledger begins.
fn first_entry(folder: &Path) -> u64 {
    number(&files(folder, "ledger", LEDGER)[0])
}

#[test]
fn old_ledger_files_go_behind_snapshots() {
    let folder = project("keep = \"70d\"\nfile = \"2KiB\"");
    let folder = folder.path();
    run_month(folder, 1);
    run_month(folder, 2);
    let files_of_two = files(folder, "ledger", LEDGER).len();
    assert!(files_of_two >= 2, "a month fills a file: {files_of_two}");
    // The first file may hold the configuration alone, which is older than all data.
    assert!(first_entry(folder) <= 2, "no data is old yet");
    for number in 3..=6 {
        run_month(folder, number);
        let snapshots = files(folder, "snapshots", SNAPSHOT);
        assert_eq!(snapshots.len(), 2);
        let first = first_entry(folder);
        for snapshot in &snapshots {
            let position = self::number(snapshot);
            assert!(position + 1 >= first, "{position} does not reach {first}");
        }
    }
    assert!(
        first_entry(folder) > 2,
        "January is more than 70 days before June"
    );
}

#[test]
fn without_a_snapshot_nothing_goes() {
    let folder = project("keep = \"1d\"\nfile = \"2KiB\"");
    let folder = folder.path();
    let host = open(folder);
    for number in 1..=3 {
        month(folder, number);
        sync(&host);
    }
    // A file stands where the snapshots belong.
    fs::write(folder.join("data/snapshots"), "in the way").unwrap();
    let before = files(folder, "ledger", LEDGER);
    assert!(before.len() > 2);
    host.close().unwrap_err();
    drop(host);
    assert_eq!(files(folder, "ledger", LEDGER), before);
    fs::remove_file(folder.join("data/snapshots")).unwrap();
    let host = open(folder);
    host.close().unwrap();
    assert!(files(folder, "ledger", LEDGER).len() < before.len());
}

#[test]
fn what_stays_makes_the_whole_state() {
    let folder = project("keep = \"40d\"\nfile = \"2KiB\"");
    let folder = folder.path();
    let mut last = None;
    for number in 1..=5 {
        last = Some(run_month(folder, number));
    }
    assert!(first_entry(folder) > 1);
    let last = last.unwrap();

    // As it is.
    let host = open(folder);
    assert_eq!(status(&host).rebuilt, None);
    assert_eq!(status(&host).profiles, last.profiles);
    host.close().unwrap();
    drop(host);

    // Without the store, then also without the newest snapshot.
    for lost in [false, true] {
        fs::remove_dir_all(folder.join("data/store")).unwrap();
        if lost {
            let newest = files(folder, "snapshots", SNAPSHOT).pop().unwrap();
            fs::write(newest, "damaged").unwrap();
        }
        let host = open(folder);
        let mut rebuilt = status(&host);
        assert!(rebuilt.rebuilt.take().is_some());
        assert_eq!(
            rebuilt.profiles, last.profiles,
            "newest snapshot lost: {lost}"
        );
        assert_eq!(
            rebuilt.segments, last.segments,
            "newest snapshot lost: {lost}"
        );
        assert_eq!(members(&host)[0], ("buyers".to_owned(), 40));
        assert_eq!(sync(&host).records, 0, "the cursor was rebuilt as well");
        host.close().unwrap();
        drop(host);
        let report = replay(&options(folder), None, true, &|_| {}).unwrap();
        assert_eq!(report.equal, Some(true), "{report:?}");
        assert_eq!(report.profiles, 40);
    }
}

#[test]
fn a_state_that_nothing_holds_any_more_is_refused_with_what_to_do() {
    let folder = project("keep = \"40d\"\nfile = \"2KiB\"");
    let folder = folder.path();
    for number in 1..=4 {
        run_month(folder, number);
    }
    fs::remove_dir_all(folder.join("data/store")).unwrap();
    fs::remove_dir_all(folder.join("data/snapshots")).unwrap();
    let error = crate::Host::open(options(folder), &|_| {}).err().unwrap();
    assert_eq!(error.code.as_deref(), Some("XP-RUN-002"));
    assert!(error.hint.unwrap().contains("snapshots"));
}
