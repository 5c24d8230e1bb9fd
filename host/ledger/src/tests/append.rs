//! Appending, waiting, reading, retention.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crosspoint_model::entry::Entry;
use proptest::prelude::*;

use super::*;
use crate::{Encoded, Error, format};

#[test]
fn entry_is_copied_into_the_group_once() {
    let what = entry(b"abc");
    let whole = Entry {
        at: Instant(-5),
        what: what.clone(),
    };
    let mut group = Vec::with_capacity(1 << 10);
    let place = group.as_ptr();
    let encoded = Encoded::new(&what).unwrap();
    format::push_entry(&mut group, 1, 1, Instant(-5), encoded.content()).unwrap();
    assert_eq!(group.as_ptr(), place);
    assert_eq!(group[format::FRAME_HEADER_BYTES], format::ENTRY_FORMAT);
    assert_eq!(
        group[format::FRAME_HEADER_BYTES + 1..],
        postcard::to_stdvec(&whole).unwrap()
    );
}

#[test]
fn entries_of_any_length_are_encoded_whole() {
    for length in [0, 100, 4 << 10, 100_000, 5 << 20] {
        let what = entry(&vec![7; length]);
        let encoded = Encoded::new(&what).unwrap();
        assert_eq!(encoded.bytes(), postcard::to_stdvec(&what).unwrap());
    }
}

#[test]
fn what_was_encoded_before_reads_back_alike() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path(), Options::default()).unwrap();
    let what = entry(b"abc");
    let first = ledger.append(Instant(1), &what).unwrap();
    let encoded = Encoded::new(&what).unwrap();
    let second = ledger.append_encoded(Instant(1), &encoded).unwrap();
    ledger.wait_durable(second.seq).unwrap();
    assert_eq!(
        ledger.get(first.seq).unwrap(),
        ledger.get(second.seq).unwrap()
    );
}

#[test]
fn header_is_laid_out_as_drawn() {
    let header = format::Header {
        id: 0x0102,
        first_seq: 9,
        previous_first_seq: 4,
        previous_bytes: 600,
        previous_at: Instant(-1),
    };
    let bytes = header.encode();
    assert_eq!(&bytes[..12], b"XPLEDGER\x01\0\0\0");
    assert_eq!((bytes[16], bytes[17], bytes[24], bytes[32]), (2, 1, 9, 4));
    assert_eq!(bytes[40..42], 600u16.to_le_bytes());
    assert_eq!(bytes[48..56], [0xff; 8]);
    assert_eq!(
        format::Header::decode(&bytes, Path::new("f")).unwrap(),
        header
    );
}

#[test]
fn instants_never_go_back() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    let at = |ledger: &Ledger, now| ledger.append(Instant(now), &What::Tick).unwrap().at;
    assert_eq!(ledger.last_at(), Instant::MIN);
    assert_eq!(
        [at(&ledger, 5), at(&ledger, 3), at(&ledger, 8)],
        [5, 5, 8].map(Instant)
    );
    drop(ledger);
    let ledger = open(&disk);
    assert_eq!(ledger.last_at(), Instant(8));
    assert_eq!(at(&ledger, 1), Instant(8));
}

#[test]
fn readers_follow_appends_across_rolls() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    const COUNT: u64 = 2_000;
    thread::scope(|scope| {
        for start in [1, 700, COUNT] {
            let ledger = &ledger;
            scope.spawn(move || {
                let mut reader = ledger.reader(start);
                for expected in start..=COUNT {
                    ledger.wait_durable(expected).unwrap();
                    let (seq, entry) = reader.next().unwrap().unwrap();
                    assert_eq!(seq, expected);
                    assert_eq!(entry.what, super::entry(&expected.to_le_bytes()));
                }
                assert!(reader.next().unwrap().is_none());
            });
        }
        for number in 1..=COUNT {
            let appended = ledger
                .append(Instant(1), &entry(&number.to_le_bytes()))
                .unwrap();
            assert_eq!(appended.seq, number);
            if number % 50 == 0 {
                ledger.wait_durable(number).unwrap();
            }
        }
        ledger.wait_durable(COUNT).unwrap();
    });
    assert!(ledger.stats().segments > 5);
    assert_eq!(ledger.verify(|_| ()).unwrap(), COUNT);
    assert_eq!(
        ledger.get(1_234).unwrap().unwrap().what,
        entry(&1_234u64.to_le_bytes())
    );
    assert_eq!(ledger.get(COUNT + 1).unwrap(), None);
}

#[test]
fn entry_larger_than_a_file_and_a_chunk_is_kept() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    let big = vec![3; 3 << 20];
    append_each(&ledger, [vec![1], big.clone(), vec![2]]);
    drop(ledger);
    let all: Vec<_> = read_all(&open(&disk), 1)
        .into_iter()
        .map(|(_, what)| what)
        .collect();
    assert_eq!(all, [entry(&[1]), entry(&big), entry(&[2])]);
}

#[test]
fn one_file_serves_any_starting_entry() {
    let disk = SimulatedDisk::new();
    let wide = Options {
        segment_bytes: 64 << 20,
        ..small()
    };
    let open = || Ledger::open_on(Arc::new(disk.clone()), folder(), wide).unwrap();
    let ledger = open();
    for number in 0..1_000u64 {
        let mut cursor = vec![0; 600];
        cursor[..8].copy_from_slice(&number.to_le_bytes());
        ledger.append(Instant(1), &entry(&cursor)).unwrap();
    }
    ledger.close().unwrap();
    for ledger in [ledger, open()] {
        for wanted in [1, 2, 137, 500, 999, 1_000, 3] {
            let (seq, what) = read_all(&ledger, wanted).swap_remove(0);
            assert_eq!(seq, wanted);
            let What::Records(records) = what else {
                panic!("{what:?}")
            };
            assert_eq!(records.cursor.unwrap()[..8], (wanted - 1).to_le_bytes());
        }
    }
}

#[test]
fn async_waiters_complete_and_fail_with_the_ledger() {
    let disk = SimulatedDisk::new();
    let (ledger, mut writer) =
        Ledger::open_parts(Arc::new(disk.clone()), folder(), small()).unwrap();
    let first = ledger.append(Instant(1), &What::Tick).unwrap();
    let mut waiting = pin!(ledger.durable(first.seq));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    assert!(writer.commit(false).unwrap());
    assert!(matches!(
        waiting.as_mut().poll(&mut cx),
        Poll::Ready(Ok(()))
    ));

    let second = ledger.append(Instant(1), &What::Tick).unwrap();
    let mut waiting = pin!(ledger.durable(second.seq));
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    disk.cut();
    writer.commit(false).unwrap_err();
    let Poll::Ready(Err(error)) = waiting.as_mut().poll(&mut cx) else {
        panic!()
    };
    assert_eq!(error.to_string(), "ledger stopped after an earlier failure");
}

#[test]
fn wait_beyond_returns_for_entries_wakes_and_ends() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    let forever = Duration::from_secs(3_600);
    assert_eq!(ledger.wait_beyond(0, Duration::ZERO).unwrap(), 0);
    ledger.wake();
    assert_eq!(ledger.wait_beyond(0, forever).unwrap(), 0);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| ledger.wait_beyond(0, forever).unwrap());
        ledger.append(Instant(1), &What::Tick).unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
        let waiter = scope.spawn(|| ledger.wait_beyond(1, forever));
        ledger.close().unwrap();
        assert!(matches!(waiter.join().unwrap(), Err(Error::Closed)));
    });
    assert_eq!(
        ledger
            .append(Instant(1), &What::Tick)
            .unwrap_err()
            .to_string(),
        "ledger is closed"
    );
}

#[test]
fn full_buffer_makes_appenders_wait() {
    let disk = SimulatedDisk::new();
    let tiny = Options {
        pending_bytes: 100,
        ..small()
    };
    let (ledger, mut writer) = Ledger::open_parts(Arc::new(disk), folder(), tiny).unwrap();
    thread::scope(|scope| {
        let appender = scope.spawn(|| {
            for number in 0..50u64 {
                ledger
                    .append(Instant(1), &entry(&number.to_le_bytes()))
                    .unwrap();
            }
        });
        let mut groups = 0;
        while ledger.durable_position() < 50 {
            let waiting = ledger.last_appended() - ledger.durable_position();
            assert!(
                waiting <= 3,
                "{waiting} entries of about 50 bytes each wait"
            );
            groups += u32::from(writer.commit(true).unwrap());
        }
        appender.join().unwrap();
        assert!(groups >= 50 / 3);
    });
}

#[test]
fn full_buffer_refuses_who_will_not_wait() {
    let disk = SimulatedDisk::new();
    let tiny = Options {
        pending_bytes: 100,
        ..small()
    };
    let (ledger, mut writer) = Ledger::open_parts(Arc::new(disk), folder(), tiny).unwrap();
    let mut appended = 0;
    while let Some(entry) = ledger.try_append(Instant(1), &What::Tick).unwrap() {
        appended += 1;
        assert_eq!(entry.seq, appended);
        assert!(appended < 100, "nothing bounds what waits");
    }
    assert_eq!(ledger.last_appended(), appended);
    writer.commit(true).unwrap();
    let next = ledger.try_append(Instant(1), &What::Tick).unwrap();
    assert_eq!(next.map(|entry| entry.seq), Some(appended + 1));
}

#[test]
fn full_buffer_holds_up_the_task_and_not_its_thread() {
    let disk = SimulatedDisk::new();
    let tiny = Options {
        pending_bytes: 100,
        ..small()
    };
    let (ledger, mut writer) = Ledger::open_parts(Arc::new(disk), folder(), tiny).unwrap();
    while ledger
        .try_append(Instant(1), &What::Tick)
        .unwrap()
        .is_some()
    {}
    let before = ledger.last_appended();
    let mut context = Context::from_waker(Waker::noop());
    let mut given_up = Box::pin(ledger.append_when_room(Instant(1), &What::Tick));
    assert!(given_up.as_mut().poll(&mut context).is_pending());
    let mut waits = pin!(ledger.append_when_room(Instant(1), &What::Tick));
    assert!(waits.as_mut().poll(&mut context).is_pending());
    drop(given_up);
    assert_eq!(ledger.last_appended(), before, "nothing waits in memory");
    writer.commit(true).unwrap();
    let Poll::Ready(appended) = waits.as_mut().poll(&mut context) else {
        panic!("there is room");
    };
    assert_eq!(appended.unwrap().seq, before + 1);
}

#[test]
fn retention_removes_only_what_is_old_and_covered() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    for number in 1..=40u64 {
        let appended = ledger
            .append(Instant(number as i64), &entry(&[0; 1_000]))
            .unwrap();
        ledger.wait_durable(appended.seq).unwrap();
    }
    // Three entries fit a file: 1-3, 4-6, 7-9, ...
    assert_eq!(ledger.retain(2, Instant::MAX).unwrap().len(), 0);
    assert_eq!(ledger.retain(40, Instant(3)).unwrap().len(), 0);
    let mut slow = ledger.reader(2);
    assert_eq!(slow.next().unwrap().unwrap().0, 2);
    let removed = ledger.retain(8, Instant::MAX).unwrap();
    let names: Vec<_> = removed
        .iter()
        .map(|path| path.file_name().unwrap())
        .collect();
    assert_eq!(
        names,
        ["00000000000000000001.ledger", "00000000000000000004.ledger"]
    );
    assert_eq!(ledger.first_seq(), 7);
    assert_eq!(slow.next().unwrap().unwrap().0, 3);
    let gone = "entry 4 was removed by retention: the ledger begins at entry 7";
    assert_eq!(
        slow.next().unwrap_err().to_string(),
        format!("ledger {gone}")
    );
    assert_eq!(
        ledger.reader(4).next().unwrap_err().to_string(),
        format!("ledger {gone}")
    );
    assert_eq!(ledger.retain(40, Instant::MAX).unwrap().len(), 11);
    assert_eq!(ledger.first_seq(), 40);
    drop(ledger);
    let ledger = open(&disk);
    assert_eq!((ledger.first_seq(), ledger.durable_position()), (40, 40));
    assert_eq!(
        ledger.append(Instant(0), &What::Tick).unwrap(),
        crate::Appended {
            seq: 41,
            at: Instant(40)
        }
    );
}

proptest! {
    #[test]
    fn any_sizes_in_any_groups_read_back(
        groups in prop::collection::vec(prop::collection::vec(0usize..5_000, 1..6), 0..8),
        chunk in 1usize..3_000,
    ) {
        let disk = SimulatedDisk::new();
        let (ledger, mut writer) =
            Ledger::open_parts(Arc::new(disk), folder(), small()).unwrap();
        let mut expected = Vec::new();
        for group in &groups {
            for size in group {
                let what = entry(&vec![*size as u8; *size]);
                ledger.append(Instant(1), &what).unwrap();
                expected.push(what);
            }
            writer.commit(false).unwrap();
        }
        let mut reader = crate::Reader::new(Arc::clone(&ledger.shared), 1, chunk);
        let mut read = Vec::new();
        while let Some((seq, entry)) = reader.next().unwrap() {
            read.push(entry.what);
            prop_assert_eq!(seq, read.len() as u64);
        }
        prop_assert!(read == expected);
    }
}
