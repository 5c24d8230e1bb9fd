//! The store's folder: lock, format, marker of a clean end, and setting it aside.
//!
//! ```text
//! store.lock          beside the folder; flock held while open; holds the process id
//! store/format        one line, see FORMAT
//! store/used          something was committed: an empty store is not a new one
//! store/clean         present only while closed cleanly: the mark and a checksum of sled's files
//! store/sled/         sled's own: db, conf, snap.*, blobs/
//! store.set-aside-N   what could not be used, for a person to look at or delete
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::{Error, Result};

/// Written into `format`. Another release of sled, or another layout of ours, is another line.
pub(super) const FORMAT: &str = "crosspoint-store 1 sled 0.34\n";

/// The store's folder and files.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// The lock, given back on drop or when the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn sled(&self) -> PathBuf {
        self.root.join("sled")
    }

    pub(super) fn db(&self) -> PathBuf {
        self.sled().join("db")
    }

    fn clean(&self) -> PathBuf {
        self.root.join("clean")
    }

    fn parent(&self) -> &Path {
        match self.root.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.root.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        self.parent().join(name)
    }

    /// Whether [`Self::note_used`] was ever called.
    pub(super) fn is_used(&self) -> bool {
        self.root.join("used").exists()
    }

    /// Notes that the store is about to hold something.
    pub(super) fn note_used(&self) -> Result<()> {
        write_synced(&self.root.join("used"), &[])?;
        sync_path(&self.root)
    }

    /// Takes the lock, making the parent folder if there is none.
    pub(super) fn lock(&self) -> Result<Lock> {
        fs::create_dir_all(self.parent()).map_err(Error::io("create", self.parent()))?;
        let path = self.beside(".lock");
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut id = String::new();
            let holder = match file.read_to_string(&mut id) {
                Ok(_) if !id.trim().is_empty() => format!("process {}", id.trim()),
                _ => "another process".to_owned(),
            };
            return Err(Error::Locked {
                path: self.root.clone(),
                holder,
            });
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("write", &path))?;
        Ok(Lock { _file: file })
    }

    /// The format line; `None` where there is no folder or nothing in it.
    pub(super) fn format(&self) -> Result<Option<String>> {
        let path = self.root.join("format");
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let empty = match fs::read_dir(&self.root) {
                    Ok(mut entries) => entries.next().is_none(),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
                    Err(error) => return Err(Error::io("list", &self.root)(error)),
                };
                Ok(if empty { None } else { Some(String::new()) })
            }
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Makes the folder and its format line. [`Self::sync`] makes them durable.
    pub(super) fn create(&self) -> Result<()> {
        fs::create_dir_all(self.sled()).map_err(Error::io("create", &self.root))?;
        let path = self.root.join("format");
        write_synced(&path, FORMAT.as_bytes())
    }

    /// Makes what sled creates without syncing durable: its configuration and the names of files.
    pub(super) fn sync(&self) -> Result<()> {
        sync_path(&self.sled().join("conf"))?;
        for folder in [&self.sled().join("blobs"), &self.sled(), &self.root] {
            sync_path(folder)?;
        }
        sync_path(self.parent())
    }

    /// Renames the folder to the first free `store.set-aside-N`.
    pub(super) fn set_aside(&self) -> Result<PathBuf> {
        let free = (1..).map(|number: u64| self.beside(&format!(".set-aside-{number}")));
        let mut free = free.filter(|path| !path.exists());
        let to = free.next().unwrap_or_else(|| self.beside(".set-aside"));
        fs::rename(&self.root, &to).map_err(Error::io("rename", &self.root))?;
        sync_path(self.parent())?;
        Ok(to)
    }

    /// Notes that the store ended cleanly with this mark.
    pub(super) fn write_clean(&self, mark: &[u8]) -> Result<()> {
        let mut content = mark.to_vec();
        content.extend_from_slice(&self.checksum()?);
        write_synced(&self.clean(), &content)?;
        sync_path(&self.root)
    }

    /// Takes the note of a clean end away and returns its mark; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when sled's files changed since.
    pub(super) fn take_clean(&self, mark_bytes: usize) -> Result<Option<Vec<u8>>> {
        let path = self.clean();
        let mut content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        sync_path(&self.root)?;
        if content.len() < mark_bytes {
            return Ok(None);
        }
        let checksum = content.split_off(mark_bytes);
        if checksum == self.checksum()? {
            Ok(Some(content))
        } else {
            Err(Error::Corrupt(
                "its files changed after it was closed".to_owned(),
            ))
        }
    }

    /// Length and CRC-32C of every file of sled, by name.
    fn checksum(&self) -> Result<Vec<u8>> {
        let mut files = Vec::new();
        for folder in [self.sled(), self.sled().join("blobs")] {
            let entries = fs::read_dir(&folder).map_err(Error::io("list", &folder))?;
            for entry in entries {
                let path = entry.map_err(Error::io("list", &folder))?.path();
                if path.is_file() {
                    files.push(path);
                }
            }
        }
        files.sort();
        let mut sums = Vec::new();
        let mut buffer = vec![0; 1 << 20];
        for path in files {
            let mut file = File::open(&path).map_err(Error::io("open", &path))?;
            let (mut length, mut crc) = (0u64, 0);
            loop {
                let read = file.read(&mut buffer).map_err(Error::io("read", &path))?;
                if read == 0 {
                    break;
                }
                length += read as u64;
                crc = crc32c::crc32c_append(crc, &buffer[..read]);
            }
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            sums.extend_from_slice(name);
            sums.push(0);
            sums.extend_from_slice(&length.to_be_bytes());
            sums.extend_from_slice(&crc.to_be_bytes());
        }
        Ok(sums)
    }
}

fn write_synced(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::io("create", path))?;
    file.write_all(content).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

pub(crate) fn sync_path(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("sync", path))
}
