//! The file operations that a ledger needs, so that tests can cut the power between them.

use std::any::Any;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// File operations. Called from any thread, several at a time. An error of a write or a sync stops
/// the ledger; it is never tried again.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a folder and those above it, durably; does nothing where it exists.
    ///
    /// # Errors
    /// When the file system refuses.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Names of the files in a folder, in any order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Takes a lock that ends when the guard is dropped or the process dies, and excludes other
    /// openers within the same process too.
    ///
    /// # Errors
    /// When the lock file cannot be made; a lock held by another is [`Lock::Busy`].
    fn lock(&self, file: &Path, exclusive: bool) -> io::Result<Lock>;

    /// Creates an empty file for writing; replaces one that exists.
    ///
    /// # Errors
    /// When the file system refuses.
    fn create(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens an existing file.
    ///
    /// # Errors
    /// When it does not exist or may not be opened.
    fn open(&self, file: &Path, writable: bool) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file; durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// When the file system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; durable after [`Disk::sync_folder`].
    ///
    /// # Errors
    /// When the file system refuses.
    fn remove(&self, file: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    /// When the file system refuses.
    fn length(&self) -> io::Result<u64>;

    /// Reads at most `buffer.len()` bytes from position `at`; 0 at the end.
    ///
    /// # Errors
    /// When the disk fails.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all of `bytes` to position `at`.
    ///
    /// # Errors
    /// When the disk fails or is full.
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Cuts or extends to `length` bytes.
    ///
    /// # Errors
    /// When the file system refuses.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes content and length durable (fdatasync).
    ///
    /// # Errors
    /// When the disk fails: what was written since the last success is then in doubt for good.
    fn sync_data(&self) -> io::Result<()>;
}

/// What became of a try to lock.
pub enum Lock {
    /// It is ours until the guard is dropped.
    Held(Box<dyn Any + Send + Sync>),
    /// Another holds it: its process id where known.
    Busy(Option<u32>),
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
        if let Some(parent) = parent {
            self.create_folder(parent)?;
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        self.sync_folder(parent.unwrap_or(Path::new(".")))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(folder)?
            .map(|item| Ok(item?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn lock(&self, file: &Path, exclusive: bool) -> io::Result<Lock> {
        let mut handle = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(file)
            .or_else(|error| {
                if exclusive {
                    Err(error)
                } else {
                    File::open(file)
                }
            })?;
        let tried = if exclusive {
            handle.try_lock()
        } else {
            handle.try_lock_shared()
        };
        match tried {
            Ok(()) => {
                // The number is for the other's error message only: without it that says less.
                let _ = handle
                    .set_len(0)
                    .and_then(|()| write!(handle, "{}", std::process::id()));
                Ok(Lock::Held(Box::new(handle)))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = handle.read_to_string(&mut text);
                Ok(Lock::Busy(read.ok().and_then(|_| text.parse().ok())))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn create(&self, file: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(options.open(file)?))
    }

    fn open(&self, file: &Path, writable: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        Ok(Arc::new(options.read(true).write(writable).open(file)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(self, buffer, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, at)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }
}
