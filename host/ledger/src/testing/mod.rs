//! A disk in memory whose power can be cut. It keeps what was synced apart from what was only
//! written; a cut drops or tears the latter, as disks do: each write may be lost, be whole, lack
//! its end, lack its start, or keep any of its 512-byte sectors; each change of a name may be lost
//! on its own. Everything follows from the seed given to [`SimulatedDisk::restore`].

mod change;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

pub use self::change::Dice;
use self::change::{Change, NameChange};
use crate::disk::{Disk, DiskFile, Lock};
use crate::shared::{lock, wait};

/// A disk in memory; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>, Arc<Condvar>);

#[derive(Debug, Default)]
struct State {
    /// Counts restores: handles of an earlier time are dead.
    era: u64,
    off: bool,
    stalled: bool,
    /// Changes until the power goes off.
    changes_left: Option<u64>,
    fail_next_sync: bool,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    renames: Vec<NameChange>,
    files: Vec<Content>,
    locks: BTreeMap<PathBuf, Vec<bool>>,
}

#[derive(Debug, Default)]
struct Content {
    current: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power during the change (write, sync, cut, creation, renaming, removal) that
    /// comes after `changes` more of them. That change and all operations after it fail.
    pub fn cut_after(&self, changes: u64) {
        self.state().changes_left = Some(changes);
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        self.state().off = true;
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Makes the next sync of a file fail, and forget what it should have written, as an
    /// operating system does: the content reads as before until the power is cut.
    pub fn fail_next_sync(&self) {
        self.state().fail_next_sync = true;
    }

    /// From now on every sync of a file takes until [`Self::go_on`].
    pub fn stall(&self) {
        self.state().stalled = true;
    }

    /// Ends what [`Self::stall`] began.
    pub fn go_on(&self) {
        self.state().stalled = false;
        self.1.notify_all();
    }

    /// After a cut: loses and tears what was not synced, and turns the power on.
    pub fn restore(&self, seed: u64) {
        let mut dice = Dice::new(seed);
        let state = &mut *self.state();
        state.era += 1;
        state.off = false;
        state.changes_left = None;
        state.fail_next_sync = false;
        state.locks.clear();
        for change in std::mem::take(&mut state.renames) {
            if dice.roll(2) == 0 {
                change.apply(&mut state.synced_names);
            }
        }
        state.names = state.synced_names.clone();
        for (number, file) in state.files.iter_mut().enumerate() {
            if !state.names.values().any(|named| *named == number) {
                *file = Content::default();
            }
            for change in std::mem::take(&mut file.unsynced) {
                change.tear(&mut file.synced, &mut dice);
            }
            file.current = file.synced.clone();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn check(&self) -> io::Result<()> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// Whether a change that was just recorded went through; if not, it may still have happened.
    fn changed(&mut self) -> io::Result<()> {
        match &mut self.changes_left {
            Some(0) => self.off = true,
            Some(left) => *left -= 1,
            None => {}
        }
        self.check()
    }

    fn find(&self, file: &Path) -> io::Result<usize> {
        self.names
            .get(file)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&mut self, change: NameChange) -> io::Result<()> {
        change.apply(&mut self.names);
        self.renames.push(change);
        self.changed()
    }
}

impl Disk for SimulatedDisk {
    fn create_folder(&self, _folder: &Path) -> io::Result<()> {
        self.state().check()
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.check()?;
        let names = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(folder));
        Ok(names
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn lock(&self, file: &Path, exclusive: bool) -> io::Result<Lock> {
        let mut state = self.state();
        state.check()?;
        let era = state.era;
        let holders = state.locks.entry(file.to_owned()).or_default();
        if holders.contains(&true) || (exclusive && !holders.is_empty()) {
            return Ok(Lock::Busy(None));
        }
        holders.push(exclusive);
        let disk = self.clone();
        Ok(Lock::Held(Box::new(Held {
            disk,
            era,
            file: file.to_owned(),
        })))
    }

    fn create(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.check()?;
        state.files.push(Content::default());
        let (era, number) = (state.era, state.files.len() - 1);
        state.rename(NameChange::Add(file.to_owned(), number))?;
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            era,
            number,
        }))
    }

    fn open(&self, file: &Path, _writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        state.check()?;
        let (era, number) = (state.era, state.find(file)?);
        Ok(Arc::new(SimulatedFile {
            disk: self.clone(),
            era,
            number,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        let file = state.find(from)?;
        state.rename(NameChange::Rename(from.to_owned(), to.to_owned(), file))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        state.find(file)?;
        state.rename(NameChange::Remove(file.to_owned()))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.check()?;
        state.changed()?;
        let state = &mut *state;
        for change in state.renames.extract_if(.., |change| change.is_in(folder)) {
            change.apply(&mut state.synced_names);
        }
        Ok(())
    }
}

/// A lock; a power cut has ended it already.
#[derive(Debug)]
struct Held {
    disk: SimulatedDisk,
    era: u64,
    file: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.era == self.era
            && let Some(holders) = state.locks.get_mut(&self.file)
        {
            holders.pop();
        }
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    era: u64,
    number: usize,
}

impl SimulatedFile {
    fn with<T>(&self, act: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let mut state = self.disk.state();
        state.check()?;
        if state.era != self.era {
            return Err(io::Error::other("the power was off since"));
        }
        Ok(act(&mut state.files[self.number]))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.with(|file| {
            change.apply(&mut file.current);
            file.unsynced.push(change);
        })?;
        self.disk.state().changed()
    }
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        self.with(|file| file.current.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.with(|file| {
            let rest = file.current.get(at as usize..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        })
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.change(Change::Write {
            at: at as usize,
            bytes: bytes.to_vec(),
        })
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(length as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        while state.stalled {
            state = wait(&self.disk.1, state);
        }
        drop(state);
        self.with(|_| ())?;
        let fails = {
            let mut state = self.disk.state();
            state.changed()?;
            std::mem::take(&mut state.fail_next_sync)
        };
        self.with(|file| {
            let changes = std::mem::take(&mut file.unsynced);
            if fails {
                return Err(io::Error::other("the disk failed"));
            }
            changes
                .iter()
                .for_each(|change| change.apply(&mut file.synced));
            Ok(())
        })?
    }
}
