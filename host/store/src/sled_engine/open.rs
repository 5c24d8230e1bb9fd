//! Opening with suspicion: lock, format, checksum or a full read, and the way out.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use std::{fmt, fs};

use super::chunk::{self, Head, PART_PREFIX};
use super::folder::{FORMAT, Folder, Lock};
use super::mark::{MARK_BYTES, MARK_KEY, MARK_PREFIX, Mark};
use super::{SledEngine, SledSettings, Written, engine, panic_text};
use crate::engine::{Batch, Engine};
use crate::{Error, Result, keys};

/// An open store.
#[derive(Debug)]
pub struct Opened {
    /// The engine; empty where `rebuilt` is set.
    pub engine: SledEngine,
    /// Set where there is nothing to go on from: the caller fills the store from the newest
    /// snapshot and the ledger, and says so loudly.
    pub rebuilt: Option<Rebuilt>,
}

/// Why the store is empty.
#[derive(Debug)]
pub struct Rebuilt {
    /// What was found.
    pub reason: Reason,
    /// Where the old store is now; `None` where there was none.
    pub set_aside: Option<PathBuf>,
}

/// What keeps a store from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is none, or nothing was ever committed to it.
    Missing,
    /// Another release wrote it.
    OtherFormat {
        /// Its format line; empty where it has none.
        found: String,
    },
    /// An import into it was not finished.
    Unfinished,
    /// It is truncated, altered, unreadable or inconsistent.
    Corrupt(String),
    /// The caller found that it does not fit the ledger.
    Contradicts(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no store yet"),
            Self::OtherFormat { found } => {
                let (found, known) = (found.trim().escape_debug(), FORMAT.trim());
                write!(f, "the store has the format `{found}`, not `{known}`")
            }
            Self::Unfinished => f.write_str("an import into the store was not finished"),
            Self::Corrupt(what) => write!(f, "the store is damaged: {what}"),
            Self::Contradicts(what) => write!(f, "the store does not fit the ledger: {what}"),
        }
    }
}

pub(super) fn open_or_set_aside(root: &Path, settings: SledSettings) -> Result<Opened> {
    let folder = Folder::new(root);
    let lock = folder.lock()?;
    let reason = match folder.format()? {
        None => Reason::Missing,
        Some(found) if found != FORMAT => Reason::OtherFormat { found },
        Some(_) => match probe(&folder, settings) {
            Ok((db, mark)) if mark.reached.is_some() => {
                let engine = assemble(folder, lock, db, mark)?;
                return Ok(Opened {
                    engine,
                    rebuilt: None,
                });
            }
            Ok((db, mark)) if mark.pairs == 0 && !folder.is_used() => {
                let engine = assemble(folder, lock, db, mark)?;
                let rebuilt = Some(Rebuilt {
                    reason: Reason::Missing,
                    set_aside: None,
                });
                return Ok(Opened { engine, rebuilt });
            }
            Ok((_, mark)) if mark.pairs == 0 => {
                Reason::Corrupt("all that was committed is gone".to_owned())
            }
            Ok(_) => Reason::Unfinished,
            Err(Error::Newer { what, found, known }) => Reason::OtherFormat {
                found: Error::Newer { what, found, known }.to_string(),
            },
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(Error::Corrupt(what)) => Reason::Corrupt(what),
            Err(other) => Reason::Corrupt(other.to_string()),
        },
    };
    replace(folder, lock, settings, reason)
}

pub(super) fn set_aside_and_open(
    root: &Path,
    settings: SledSettings,
    reason: Reason,
) -> Result<Opened> {
    let folder = Folder::new(root);
    let lock = folder.lock()?;
    replace(folder, lock, settings, reason)
}

/// Sets aside what is there, and opens an empty store in its place.
fn replace(folder: Folder, lock: Lock, settings: SledSettings, reason: Reason) -> Result<Opened> {
    let set_aside = match folder.format()? {
        None => None,
        Some(_) => Some(folder.set_aside()?),
    };
    if let Some(to) = &set_aside {
        tracing::error!(
            %reason,
            set_aside = %to.display(),
            "the store cannot be used; it is set aside and will be rebuilt"
        );
    }
    folder.create()?;
    let db = open_sled(&folder, settings)?;
    let engine = assemble(folder, lock, db, Mark::default())?;
    engine.commit(&Batch::default())?;
    engine.folder.sync()?;
    Ok(Opened {
        engine,
        rebuilt: Some(Rebuilt { reason, set_aside }),
    })
}

fn assemble(folder: Folder, lock: Lock, db: sled::Db, mark: Mark) -> Result<SledEngine> {
    let path = folder.db();
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    let used = folder.is_used();
    let written = Mutex::new(Written {
        mark,
        used,
        stopped: None,
    });
    Ok(SledEngine {
        db: Some(db),
        file,
        folder,
        written,
        gate: Mutex::new(()),
        _lock: lock,
    })
}

/// Opens and checks on a thread of its own, since sled panics on what it does not expect.
fn probe(folder: &Folder, settings: SledSettings) -> Result<(sled::Db, Mark)> {
    let clean = folder.take_clean(MARK_BYTES)?;
    for needed in [folder.db(), folder.sled().join("conf")] {
        if !needed.is_file() {
            return Err(Error::Corrupt(format!("`{}` is missing", needed.display())));
        }
    }
    let (folder, name) = (folder.clone(), "store-probe".to_owned());
    let probing = std::thread::Builder::new().name(name).spawn(move || {
        let db = open_sled(&folder, settings)?;
        match check(&db, clean.as_deref()) {
            Ok(mark) => Ok((db, mark)),
            Err(error) => {
                // A thread of sled that met damage never ends, and drop waits for it.
                std::thread::spawn(move || drop(db));
                Err(error)
            }
        }
    });
    let probing = probing.map_err(|error| Error::Engine {
        operation: "start a thread",
        detail: error.to_string(),
    })?;
    probing
        .join()
        .unwrap_or_else(|panic| Err(Error::Corrupt(panic_text(panic.as_ref()))))
}

fn open_sled(folder: &Folder, settings: SledSettings) -> Result<sled::Db> {
    const PAUSE: Duration = Duration::from_millis(5);
    const TRIES: u32 = 2000;
    let config = sled::Config::new()
        .path(folder.sled())
        .cache_capacity(settings.cache_bytes)
        .flush_every_ms(Some(250));
    for _ in 0..TRIES {
        match config.open() {
            // Our own lock is held, so this is a thread of a handle that was just closed.
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(PAUSE);
            }
            // The disk's fault, not the store's: setting it aside would not help.
            Err(sled::Error::Io(source))
                if matches!(
                    source.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::StorageFull
                ) =>
            {
                return Err(Error::io("open", &folder.sled())(source));
            }
            other => return other.map_err(|error| engine("open", error)),
        }
    }
    Err(Error::Locked {
        path: folder.root().to_owned(),
        holder: "a thread of sled".to_owned(),
    })
}

/// The mark of the last commit, after making sure that it speaks the truth.
fn check(db: &sled::Db, clean: Option<&[u8]>) -> Result<Mark> {
    let stored = db.get(MARK_KEY).map_err(|error| engine("read", error))?;
    let stored = stored.ok_or_else(|| Error::Corrupt("it has no checkpoint mark".to_owned()))?;
    let mark = Mark::decode(&stored)?;
    if clean == Some(&*stored) {
        return Ok(mark);
    }
    tracing::info!(
        keys = mark.pairs,
        "the store was not closed cleanly; reading all of it"
    );
    let (mut found, mut parts, mut expected_parts) = (Mark::default(), 0u64, 0u64);
    for pair in db.iter() {
        let (key, stored) = pair.map_err(|error| engine("scan", error))?;
        match key.first() {
            Some(&MARK_PREFIX) if *key == MARK_KEY => continue,
            Some(&PART_PREFIX) => parts += 1,
            _ => match chunk::parse(&stored)? {
                Head::Whole(value) => keys::check(&key, value)?,
                Head::First(long, first) => {
                    expected_parts += u64::from(long.parts());
                    let part = |key: &[u8]| db.get(key).map_err(|error| engine("read", error));
                    keys::check(&key, &chunk::join(&key, long, first, part)?)?;
                }
            },
        }
        found.add(&key, &stored);
    }
    found.reached = mark.reached;
    if parts != expected_parts {
        return Err(Error::Corrupt(
            "parts of long values are left over".to_owned(),
        ));
    }
    if found != mark {
        return Err(Error::Corrupt(format!(
            "{} pairs do not add up to the checkpoint mark, which counts {}",
            found.pairs, mark.pairs
        )));
    }
    Ok(mark)
}
