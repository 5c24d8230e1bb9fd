//! Walks a local folder and reads its files. Links to files inside count as files; links to folders are not followed,
//! so that nothing is listed twice or for ever.

use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::moves::Moved;
use super::pattern::Pattern;
use super::{FileEntry, FileError, MAX_ENTRIES};

/// `root` holds no links, and `prefix` is known to lie below it.
pub(super) async fn list(
    root: PathBuf,
    prefix: String,
    pattern: Pattern,
) -> Result<Vec<FileEntry>, FileError> {
    let walk = move || {
        let mut found = Vec::new();
        walk(&root, &prefix, "", &pattern, &mut found).map_err(|error| {
            FileError::Transient(format!("the folder cannot be listed: {}", error.kind()))
        })?;
        Ok(found)
    };
    blocking(walk).await
}

/// Opens the file at `path` below `root`, which holds no links, and tells its size. What is opened
/// is what was looked at: the path without links.
pub(super) async fn open(root: PathBuf, path: String) -> Result<(File, u64), FileError> {
    blocking(move || {
        let real = root.join(&path).canonicalize().map_err(fault)?;
        if !real.starts_with(&root) {
            return Err(super::leads_outside(&path));
        }
        // Opening a pipe would wait for whoever writes to it.
        if !fs::metadata(&real).map_err(fault)?.is_file() {
            return Err(FileError::NotFound);
        }
        let file = File::open(&real).map_err(fault)?;
        let size = file.metadata().map_err(fault)?.len();
        Ok((file, size))
    })
    .await
}

/// The bytes of a range; fewer where the file ends before.
pub(super) async fn read(file: Arc<File>, range: Range<u64>) -> Result<Vec<u8>, FileError> {
    blocking(move || {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], range.start + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(fault(error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    })
    .await
}

/// What stands at `path`, links followed; `None` where nothing does.
pub(super) async fn stat(root: PathBuf, path: String) -> Result<Option<FileEntry>, FileError> {
    blocking(move || match fs::metadata(root.join(&path)) {
        Ok(metadata) if metadata.is_file() => Ok(Some(describe(path, &metadata))),
        Ok(_) => Ok(None),
        Err(error) => match fault(error) {
            FileError::NotFound => Ok(None),
            other => Err(other),
        },
    })
    .await
}

/// Moves a file below `root` to where nothing stands, making folders on the way. No link is
/// followed: neither end may lead outside.
pub(super) async fn rename(root: PathBuf, from: String, to: String) -> Result<Moved, FileError> {
    blocking(move || {
        let parent = |path: &str| Path::new(path).parent().map(Path::to_owned);
        for folder in [parent(&from), parent(&to)].into_iter().flatten() {
            let mut at = root.clone();
            for part in folder.components() {
                at.push(part);
                match fs::symlink_metadata(&at) {
                    Ok(found) if found.is_dir() => {}
                    Ok(_) => {
                        let shown = at.strip_prefix(&root).unwrap_or(&at).display();
                        return Err(FileError::Invalid(format!("`{shown}` is no folder")));
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        fs::create_dir(&at).map_err(fault)?;
                    }
                    Err(error) => return Err(fault(error)),
                }
            }
        }
        let target = root.join(&to);
        if fs::symlink_metadata(&target).is_ok() {
            return Ok(Moved::Taken);
        }
        fs::rename(root.join(&from), target).map_err(fault)?;
        Ok(Moved::Done)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(FileError::Transient(error.to_string())))
}

fn fault(error: io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            FileError::NotFound
        }
        ErrorKind::PermissionDenied => {
            FileError::Denied("the system refuses the host's access".to_owned())
        }
        kind => FileError::Transient(format!("the file cannot be read: {kind}")),
    }
}

fn walk(
    root: &Path,
    prefix: &str,
    below: &str,
    pattern: &Pattern,
    found: &mut Vec<FileEntry>,
) -> io::Result<()> {
    for entry in fs::read_dir(root.join(prefix).join(below))? {
        let entry = entry?;
        // A name that is no UTF-8 cannot be told to a plugin.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = join(below, &name);
        if entry.file_type()?.is_dir() {
            if pattern.is_deep() {
                walk(root, prefix, &path, pattern, found)?;
            }
        } else if pattern.matches(&path)
            && let Some(metadata) = file(root, &entry)
        {
            found.push(describe(join(prefix, &path), &metadata));
        }
        if found.len() > MAX_ENTRIES {
            break;
        }
    }
    Ok(())
}

/// The metadata of what can be read under this name; `None` for links that lead outside, sockets
/// and the like, and what is gone again.
fn file(root: &Path, entry: &DirEntry) -> Option<Metadata> {
    let path = entry.path();
    let is_link = entry.file_type().ok()?.is_symlink();
    if is_link && !path.canonicalize().ok()?.starts_with(root) {
        return None;
    }
    fs::metadata(path).ok().filter(Metadata::is_file)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn describe(path: String, metadata: &Metadata) -> FileEntry {
    let modified = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    FileEntry {
        path,
        size: metadata.len(),
        modified_at_ms: modified.and_then(|at| i64::try_from(at.as_millis()).ok()),
        etag: modified.map(|at| format!("{:x}-{:x}", metadata.len(), at.as_nanos())),
    }
}
