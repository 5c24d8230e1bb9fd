//! Snapshots: exports in a folder, named by their position, of which the newest sound one counts.
//!
//! ```text
//! snapshot-00000000000000004711.xps        complete and synced
//! snapshot-00000000000000004711.xps.part   being written; removed by the next writer
//! ```

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::engine::{Engine, Reached};
use crate::export::{export, import, verify};
use crate::sled_engine::sync_path;
use crate::{Error, Result};

/// A snapshot in a folder. Not yet known to be sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The ledger position that it covers.
    pub position: u64,
    /// Its file.
    pub path: PathBuf,
}

/// Writes the engine's state into `folder` and leaves the newest `keep` snapshots there. Commits
/// wait meanwhile, so this belongs on a thread of its own.
///
/// # Errors
/// [`Error::NoPosition`], or what reading the engine and writing the disk yields. No snapshot is
/// removed then.
pub fn write<E: Engine + ?Sized>(engine: &E, folder: &Path, keep: usize) -> Result<Snapshot> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    for part in files(folder, ".xps.part")? {
        fs::remove_file(&part.path).map_err(Error::io("remove", &part.path))?;
    }
    let reached = engine.reached().ok_or(Error::NoPosition)?;
    let part = folder.join(format!("snapshot-{:020}.xps.part", reached.position));
    let mut writer = BufWriter::with_capacity(
        1 << 20,
        File::create(&part).map_err(Error::io("create", &part))?,
    );
    let reached = export(engine, &mut writer)?;
    writer.flush().map_err(Error::io("write", &part))?;
    writer
        .get_ref()
        .sync_all()
        .map_err(Error::io("sync", &part))?;
    let path = folder.join(format!("snapshot-{:020}.xps", reached.position));
    fs::rename(&part, &path).map_err(Error::io("rename", &part))?;
    sync_path(folder)?;
    for old in list(folder)?.into_iter().skip(keep.max(1)) {
        fs::remove_file(&old.path).map_err(Error::io("remove", &old.path))?;
    }
    Ok(Snapshot {
        position: reached.position,
        path,
    })
}

/// All snapshots of the folder, newest first, unread. No folder holds none.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<Snapshot>> {
    files(folder, ".xps")
}

/// The newest snapshot that is sound from start to end. Damaged ones are passed over with a
/// warning.
///
/// # Errors
/// When the folder cannot be listed.
pub fn newest(folder: &Path) -> Result<Option<Snapshot>> {
    for snapshot in list(folder)? {
        match check(&snapshot) {
            Ok(_) => return Ok(Some(snapshot)),
            Err(error) => tracing::warn!(
                snapshot = %snapshot.path.display(), %error, "a snapshot cannot be used"
            ),
        }
    }
    Ok(None)
}

/// Reads a snapshot through.
///
/// # Errors
/// [`Error::BadExport`], also where its name belies its position.
pub fn check(snapshot: &Snapshot) -> Result<Reached> {
    let reached = verify(&mut open(&snapshot.path)?)?;
    if reached.position == snapshot.position {
        Ok(reached)
    } else {
        Err(Error::BadExport(format!("it reaches {}", reached.position)))
    }
}

/// Fills an empty engine from the snapshot.
///
/// # Errors
/// See [`crate::import`].
pub fn load<E: Engine + ?Sized>(snapshot: &Snapshot, engine: &E) -> Result<Reached> {
    import(engine, &mut open(&snapshot.path)?)
}

/// Fills an empty engine from the newest sound snapshot; `None` where there is none.
///
/// # Errors
/// See [`newest`] and [`load`].
pub fn load_newest<E: Engine + ?Sized>(folder: &Path, engine: &E) -> Result<Option<Reached>> {
    newest(folder)?
        .map(|snapshot| load(&snapshot, engine))
        .transpose()
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn files(folder: &Path, suffix: &str) -> Result<Vec<Snapshot>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name
            .strip_prefix("snapshot-")
            .and_then(|rest| rest.strip_suffix(suffix));
        if let Some(position) = number.and_then(|number| number.parse().ok()) {
            found.push(Snapshot { position, path });
        }
    }
    found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.position));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use crosspoint_model::Instant;

    use super::*;
    use crate::engine::Batch;
    use crate::{MemoryEngine, digest};

    fn engine(position: u64) -> MemoryEngine {
        let engine = MemoryEngine::new();
        let writes = (0..2_000u64).map(|key| {
            let value = vec![key as u8; (key % 200) as usize];
            ((key * position).to_be_bytes().to_vec(), Some(value))
        });
        let reached = Reached {
            position,
            at: Instant(5),
        };
        engine
            .commit(&Batch::new(writes.collect(), Some(reached)))
            .unwrap();
        engine
    }

    #[test]
    fn newest_are_kept_and_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("snapshots");
        assert_eq!(newest(&folder).unwrap(), None);
        for position in 1..=4 {
            write(&engine(position), &folder, 2).unwrap();
        }
        let positions: Vec<u64> = list(&folder)
            .unwrap()
            .iter()
            .map(|one| one.position)
            .collect();
        assert_eq!(positions, [4, 3]);
        let loaded = MemoryEngine::new();
        assert_eq!(load_newest(&folder, &loaded).unwrap().unwrap().position, 4);
        assert_eq!(digest(&loaded).unwrap(), digest(&engine(4)).unwrap());
    }

    #[test]
    fn damaged_snapshot_yields_to_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let old = write(&engine(1), folder.path(), 9).unwrap();
        let new = write(&engine(2), folder.path(), 9).unwrap();
        let sound = fs::read(&new.path).unwrap();
        let ends = [
            0,
            1,
            30,
            40,
            sound.len() / 2,
            sound.len() - 30,
            sound.len() - 1,
        ];
        for at in ends {
            let mut flipped = sound.clone();
            flipped[at] ^= 0x10;
            for damaged in [&flipped, &sound[..at]] {
                fs::write(&new.path, damaged).unwrap();
                assert_eq!(newest(folder.path()).unwrap(), Some(old.clone()), "{at}");
            }
        }
        fs::write(&new.path, &sound).unwrap();
        assert_eq!(newest(folder.path()).unwrap(), Some(new));
        fs::write(
            folder.path().join("snapshot-00000000000000000009.xps.part"),
            "torn",
        )
        .unwrap();
        assert_eq!(newest(folder.path()).unwrap().unwrap().position, 2);
    }
}
