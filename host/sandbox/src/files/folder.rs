//! Walks a local folder. Links to files inside count as files; links to folders are not followed,
//! so that nothing is listed twice or for ever.

use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

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
    tokio::task::spawn_blocking(walk)
        .await
        .unwrap_or_else(|error| Err(FileError::Transient(error.to_string())))
}

fn walk(
    root: &Path,
    prefix: &str,
    below: &str,
    pattern: &Pattern,
    found: &mut Vec<FileEntry>,
) -> std::io::Result<()> {
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
