//! Power cuts and failing disks.

use std::thread;

use super::*;
use crate::commit::Writer;
use crate::testing::Dice;
use crate::{Error, Result};

/// What one life of the ledger did before the power went.
struct Trial {
    disk: SimulatedDisk,
    dice: Dice,
    /// All that was ever appended and not lost, from entry 1.
    appended: Vec<What>,
    /// Reported durable.
    durable: u64,
    /// Allowed to be gone.
    covered: u64,
}

impl Trial {
    fn open(&self) -> Result<(Ledger, Writer)> {
        Ledger::open_parts(Arc::new(self.disk.clone()), folder(), small())
    }

    /// Works until the power goes, or for a while.
    fn live(&mut self) -> Result<()> {
        let (mut ledger, mut writer) = self.open()?;
        self.check(&ledger);
        for _ in 0..self.dice.roll(30) {
            match self.dice.roll(12) {
                0 => {
                    let old = self.dice.roll(self.durable as usize + 1) as u64;
                    self.covered = self.covered.max(old);
                    ledger.retain(old, Instant::MAX)?;
                }
                1 => {
                    writer.commit(false)?;
                    self.durable = ledger.durable_position();
                    ledger.close()?;
                    (ledger, writer) = self.open()?;
                    self.check(&ledger);
                }
                _ => {
                    for _ in 0..self.dice.roll(6) {
                        let size = [10, 100, 300, 2_000][self.dice.roll(4)];
                        let fill = self.dice.roll(256) as u8;
                        let what = entry(&vec![fill; self.dice.roll(size)]);
                        ledger.append(Instant(1), &what)?;
                        self.appended.push(what);
                    }
                    writer.commit(false)?;
                    self.durable = ledger.durable_position();
                }
            }
        }
        Ok(())
    }

    /// What is there is what was appended, without a hole, and all that was durable.
    fn check(&mut self, ledger: &Ledger) {
        let last = ledger.durable_position();
        assert!(
            last >= self.durable,
            "entry {} was durable, {last} is the last",
            self.durable
        );
        assert!(last <= self.appended.len() as u64);
        assert!(ledger.first_seq() <= self.covered + 1);
        let read = read_all(ledger, ledger.first_seq());
        let expected =
            (ledger.first_seq()..=last).map(|seq| (seq, self.appended[seq as usize - 1].clone()));
        assert!(read.into_iter().eq(expected));
        self.appended.truncate(last as usize);
        self.durable = last;
    }
}

#[test]
fn power_cuts_lose_nothing_durable() {
    let (mut torn, mut kept) = (0, 0);
    for round in 0..200 {
        let mut trial = Trial {
            disk: SimulatedDisk::new(),
            dice: Dice::new(round),
            appended: Vec::new(),
            durable: 0,
            covered: 0,
        };
        for life in 0..8u64 {
            let changes = trial.dice.roll(60) as u64;
            trial.disk.cut_after(changes);
            let result = trial.live();
            assert!(
                result.is_ok() || trial.disk.is_off(),
                "round {round}: {result:?}"
            );
            trial.disk.cut();
            trial.disk.restore(round * 8 + life);
            let before = trial.appended.len();
            let (ledger, _) = trial
                .open()
                .unwrap_or_else(|e| panic!("round {round}: {e:?}"));
            trial.check(&ledger);
            kept += trial.appended.len();
            torn += before - trial.appended.len();
        }
    }
    // The cuts did hit writes, and much was kept.
    assert!(torn > 200 && kept > 2_000, "{torn} torn, {kept} kept");
}

#[test]
fn power_cuts_under_load_lose_nothing_durable() {
    for round in 0..200u64 {
        let disk = SimulatedDisk::new();
        let ledger = open(&disk);
        disk.cut_after(Dice::new(round).roll(40) as u64);
        let durable: Vec<(u64, u64, u64)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..3u64)
                .map(|thread| {
                    let ledger = &ledger;
                    scope.spawn(move || {
                        let mut durable = Vec::new();
                        for number in 0u64.. {
                            let cursor = [thread.to_le_bytes(), number.to_le_bytes()].concat();
                            let Ok(appended) = ledger.append(Instant(1), &entry(&cursor)) else {
                                return durable;
                            };
                            if number % (thread + 1) == 0 {
                                if ledger.wait_durable(appended.seq).is_err() {
                                    return durable;
                                }
                                durable.push((appended.seq, thread, number));
                            }
                        }
                        durable
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        drop(ledger);
        disk.restore(round);
        let ledger = open(&disk);
        let read = read_all(&ledger, 1);
        for (seq, thread, number) in durable {
            let cursor = [thread.to_le_bytes(), number.to_le_bytes()].concat();
            assert_eq!(read[seq as usize - 1], (seq, entry(&cursor)));
        }
        let next = ledger.append(Instant(1), &What::Tick).unwrap();
        assert_eq!(next.seq, read.len() as u64 + 1);
        ledger.wait_durable(next.seq).unwrap();
    }
}

#[test]
fn failed_fsync_stops_the_ledger() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    append_each(&ledger, [vec![1]]);
    disk.fail_next_sync();
    let lost = ledger.append(Instant(1), &entry(&[2])).unwrap();
    let error = ledger.wait_durable(lost.seq).unwrap_err();
    let Error::Stopped { cause } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        cause.to_string(),
        "could not sync `ledger/00000000000000000001.ledger`"
    );
    assert!(matches!(
        ledger.append(Instant(1), &What::Tick),
        Err(Error::Stopped { .. })
    ));
    assert!(matches!(ledger.close(), Err(Error::Stopped { .. })));
    assert_eq!(ledger.durable_position(), 1);
    assert_eq!(read_all(&ledger, 1).len(), 1);
}

#[test]
fn entries_behind_a_failed_fsync_are_written_again() {
    let disk = SimulatedDisk::new();
    let ledger = open(&disk);
    append_each(&ledger, [vec![1]]);
    disk.fail_next_sync();
    let doubtful = ledger.append(Instant(1), &entry(&[2])).unwrap();
    ledger.wait_durable(doubtful.seq).unwrap_err();
    drop(ledger);
    // The next process reads the second entry from the page cache, and so says that it is durable.
    let ledger = open(&disk);
    assert_eq!(ledger.durable_position(), 2);
    disk.cut();
    drop(ledger);
    disk.restore(0);
    assert_eq!(read_all(&open(&disk), 1).len(), 2);
}
