//! What is refused, and in which words.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::{Error, format};

/// A folder with 40 entries, three to a file, closed in order or not.
fn filled(closed: bool) -> TempDir {
    let dir = TempDir::new().unwrap();
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    append_each(&ledger, (0..40).map(|number| vec![number; 1_000]));
    drop(ledger);
    if !closed {
        fs::remove_file(dir.path().join("closed")).unwrap();
    }
    dir
}

fn refusal(dir: &TempDir) -> String {
    let folder = dir.path().to_str().unwrap();
    let error = Ledger::open(dir.path(), small()).map(|_| ()).unwrap_err();
    let read_only = Ledger::open_read_only(dir.path()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), read_only.to_string());
    error.to_string().replace(folder, "DIR")
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x40;
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(file).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - bytes).unwrap();
}

#[test]
fn second_opener_is_told_who_holds_it() {
    let dir = filled(true);
    let pid = std::process::id();
    let held = Ledger::open(dir.path(), small()).unwrap();
    let words = format!("ledger folder `DIR` is in use by process {pid}");
    assert_eq!(refusal(&dir), words);
    held.close().unwrap();

    let readers = [(); 2].map(|()| Ledger::open_read_only(dir.path()).unwrap());
    let error = Ledger::open(dir.path(), small()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Locked { holder: Some(holder), .. } if holder == pid));
    assert_eq!(readers[1].verify(|_| ()).unwrap(), 40);
    let refused = readers[0].append(Instant(1), &What::Tick).unwrap_err();
    assert_eq!(refused.to_string(), "ledger is open for reading only");
    drop(readers);
    Ledger::open(dir.path(), small()).unwrap();
}

#[test]
fn damage_in_an_older_file_is_found_where_it_stands() {
    let dir = filled(true);
    let files = segment_files(dir.path());
    flip(&files[3], 64 + 1_039 + 500);
    // Opening walks the last file only.
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    let mut reader = ledger.reader(10);
    assert_eq!(reader.next().unwrap().unwrap().0, 10);
    let words = format!(
        "ledger file `{}` is damaged at byte 1103: checksum does not match",
        files[3].display()
    );
    for _ in 0..2 {
        assert_eq!(reader.next().unwrap_err().to_string(), words);
    }
    assert_eq!(ledger.verify(|_| ()).unwrap_err().to_string(), words);
    assert_eq!(ledger.reader(13).next().unwrap().unwrap().0, 13);
}

#[test]
fn damage_before_a_later_group_of_the_last_file_is_refused() {
    let dir = TempDir::new().unwrap();
    let ledger = Ledger::open(dir.path(), small()).unwrap();
    append_each(&ledger, (0..3).map(|number| vec![number; 1_000]));
    drop(ledger);
    fs::remove_file(dir.path().join("closed")).unwrap();
    let file = &segment_files(dir.path())[0];
    let length = fs::metadata(file).unwrap().len();
    flip(file, 1_200);
    assert_eq!(
        refusal(&dir),
        "ledger file `DIR/00000000000000000001.ledger` is damaged at byte 1103: checksum does not \
         match"
    );
    assert_eq!(
        fs::metadata(file).unwrap().len(),
        length,
        "a refused file is left as it is"
    );
}

#[test]
fn torn_tail_is_cut_unless_it_was_closed_in_order() {
    for closed in [false, true] {
        let dir = filled(closed);
        let last = segment_files(dir.path()).pop().unwrap();
        cut(&last, 1);
        if closed {
            assert_eq!(
                refusal(&dir),
                "ledger file `DIR/00000000000000000040.ledger` is damaged at byte 64: the file \
                 ends too early"
            );
            continue;
        }
        let read_only = Ledger::open_read_only(dir.path()).unwrap();
        assert_eq!(read_only.durable_position(), 39);
        drop(read_only);
        assert!(fs::metadata(&last).unwrap().len() > 64);
        let ledger = Ledger::open(dir.path(), small()).unwrap();
        assert_eq!(fs::metadata(&last).unwrap().len(), 64);
        append_each(&ledger, [vec![9]]);
        assert_eq!(read_all(&ledger, 40), [(40, entry(&[9]))]);
    }
}

#[test]
fn hole_in_the_chain_of_files_is_refused() {
    let dir = filled(true);
    let files = segment_files(dir.path());
    fs::remove_file(&files[3]).unwrap();
    assert_eq!(
        refusal(&dir),
        "ledger folder `DIR` lacks the file between `00000000000000000007.ledger` and \
         `00000000000000000013.ledger`"
    );
}

#[test]
fn shorter_older_file_is_refused() {
    let dir = filled(false);
    cut(&segment_files(dir.path())[2], 1);
    assert_eq!(
        refusal(&dir),
        "ledger file `DIR/00000000000000000007.ledger` is damaged at byte 3180: the file ends too \
         early"
    );
}

#[test]
fn lost_end_is_refused_after_an_orderly_close() {
    let dir = filled(true);
    fs::remove_file(segment_files(dir.path()).pop().unwrap()).unwrap();
    assert_eq!(
        refusal(&dir),
        "ledger folder `DIR` ends at entry 39, but held entry 40 when it was closed"
    );
    for file in segment_files(dir.path()) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(
        refusal(&dir),
        "ledger folder `DIR` ends at entry 0, but held entry 40 when it was closed"
    );
}

#[test]
fn file_of_another_ledger_is_refused() {
    let (dir, other) = (filled(false), filled(false));
    let (ours, theirs) = (segment_files(dir.path()), segment_files(other.path()));
    fs::copy(&theirs[5], &ours[5]).unwrap();
    assert_eq!(
        refusal(&dir),
        "ledger file `DIR/00000000000000000016.ledger` belongs to another ledger"
    );
}

#[test]
fn newer_formats_are_named() {
    let dir = filled(false);
    let files = segment_files(dir.path());
    let last = files.last().unwrap();
    let mut bytes = fs::read(last).unwrap();
    bytes[8] = 2;
    fs::write(last, &bytes).unwrap();
    assert_eq!(
        refusal(&dir),
        "ledger file `DIR/00000000000000000040.ledger` was written by a newer crosspoint: it has \
         format 2, this one knows up to 1"
    );

    // An entry of format 3, checksum and all.
    bytes[8] = 1;
    bytes[64 + 16] = 3;
    let id = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    let crc = format::frame_crc(id, &bytes[64..]).unwrap();
    bytes[68..72].copy_from_slice(&crc.to_le_bytes());
    fs::write(last, &bytes).unwrap();
    assert_eq!(
        refusal(&dir),
        "ledger entry 40 was written by a newer crosspoint: it has format 3, this one knows up to 1"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Entry 39 is the last of the file before, 40 stands alone in the last one.
    #[test]
    fn one_flipped_byte_is_refused_or_only_ends_the_last_group(
        file in 0usize..14,
        place in 0.0..1.0f64,
        mask in 1u8..=255,
    ) {
        static WHOLE: LazyLock<TempDir> = LazyLock::new(|| filled(false));
        let dir = TempDir::new().unwrap();
        for whole in segment_files(WHOLE.path()) {
            fs::copy(&whole, dir.path().join(whole.file_name().unwrap())).unwrap();
        }
        let path = &segment_files(dir.path())[file];
        let mut bytes = fs::read(path).unwrap();
        let at = (place * bytes.len() as f64) as usize;
        bytes[at] ^= mask;
        fs::write(path, bytes).unwrap();
        match Ledger::open_read_only(dir.path()) {
            Ok(ledger) => match ledger.verify(|_| ()) {
                Ok(count) => prop_assert!(count == 39 && file == 13 && at >= 64),
                Err(Error::Damaged { file: named, at_byte, .. }) => {
                    prop_assert_eq!(&named, path);
                    prop_assert!(at_byte as usize <= at && at < at_byte as usize + 1_039);
                }
                Err(error) => panic!("{error:?}"),
            },
            Err(Error::Damaged { file: named, at_byte: 0, .. }) => {
                prop_assert!(named == *path && at < 64);
            }
            Err(Error::NewerFile { .. }) => prop_assert!((8..12).contains(&at)),
            Err(error) => panic!("{error:?}"),
        }
    }
}
