//! Listing, reading and moving files below the granted location: a folder, an SFTP server, or what
//! `opendal` can reach. Nothing outside is reachable: paths are plain names joined by `/`, and a path
//! that a symbolic link leads outside is refused.

mod folder;
mod moves;
mod pattern;
mod sftp;

pub use moves::FileMove;
pub use sftp::{HostKeys, Login, SftpGrant};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opendal::{EntryMode, ErrorKind, Metadata, Operator, Reader};

use self::pattern::Pattern;
use self::sftp::{RemoteFile, Sftp};
use crate::grants::{FileMoves, FilesGrant};

/// One read hands over at most this much: what a plugin can take without growing much.
const MAX_READ_BYTES: u32 = 4 << 20;

/// One list names at most this many files; a folder with more needs a narrower prefix.
const MAX_ENTRIES: usize = 100_000;

/// A granted location.
pub(crate) struct Files {
    place: Place,
    moves: FileMoves,
}

enum Place {
    /// A local folder, without symbolic links.
    Folder(PathBuf),
    Sftp(Sftp),
    Service(Operator),
}

/// A file found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) modified_at_ms: Option<i64>,
    pub(crate) etag: Option<String>,
}

/// Why a file could not be listed or read. Mirrors `files.error` of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileError {
    NotFound,
    Denied(String),
    Transient(String),
    Changed(String),
    Invalid(String),
}

/// Files opened in one call: each is looked at once, however many ranges are read.
#[derive(Default)]
pub(crate) struct OpenFiles {
    open: HashMap<String, OpenFile>,
}

#[derive(Clone)]
struct OpenFile {
    source: Source,
    size: u64,
}

/// Where the bytes of an open file come from.
#[derive(Clone)]
enum Source {
    /// A local file, held open: every step of a service's reader would wait for another thread.
    Local(Arc<std::fs::File>),
    Remote(Arc<RemoteFile>),
    Service(Reader),
}

impl Files {
    pub(crate) fn new(grant: &FilesGrant, moves: FileMoves) -> Result<Self, String> {
        let place = match grant {
            FilesGrant::Folder(folder) => Self::folder(folder)?,
            FilesGrant::Sftp(grant) => Place::Sftp(Sftp::new(grant)?),
            FilesGrant::Service { scheme, options } => {
                if scheme == "fs" {
                    let root = options.iter().find(|(key, _)| key == "root");
                    let (_, root) = root.ok_or("the service `fs` needs a `root`")?;
                    Self::folder(Path::new(root))?
                } else {
                    opendal::init_default_registry();
                    let operator = Operator::via_iter(scheme, options.clone())
                        .map_err(|error| format!("the service `{scheme}`: {error}"))?;
                    Place::Service(operator)
                }
            }
        };
        Ok(Self { place, moves })
    }

    fn folder(folder: &Path) -> Result<Place, String> {
        let real = folder
            .canonicalize()
            .map_err(|error| format!("the folder `{}`: {error}", folder.display()))?;
        Ok(Place::Folder(real))
    }

    /// Files below `prefix` that match `pattern`, sorted by path.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        pattern: &str,
    ) -> Result<Vec<FileEntry>, FileError> {
        let prefix = prefix.trim_matches('/');
        if !prefix.is_empty() {
            plain(prefix)?;
        }
        let pattern = Pattern::parse(pattern).map_err(FileError::Invalid)?;
        let mut found = match &self.place {
            Place::Folder(folder) => {
                if !prefix.is_empty() {
                    inside(folder, prefix).await?;
                }
                folder::list(folder.clone(), prefix.to_owned(), pattern).await?
            }
            Place::Sftp(sftp) => sftp.list(prefix, &pattern).await?,
            Place::Service(operator) => list_service(operator, prefix, &pattern).await?,
        };
        if found.len() > MAX_ENTRIES {
            let fault = format!("more than {MAX_ENTRIES} files match; use a narrower prefix");
            return Err(FileError::Invalid(fault));
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// At most `length` bytes from `offset`; empty at or behind the end.
    pub(crate) async fn read(
        &self,
        open: &mut OpenFiles,
        path: &str,
        offset: u64,
        length: u32,
    ) -> Result<Vec<u8>, FileError> {
        plain(path)?;
        let OpenFile { source, size } = match open.open.get(path) {
            Some(file) => file.clone(),
            None => {
                let file = self.open(path).await?;
                open.open.insert(path.to_owned(), file.clone());
                file
            }
        };
        let end = size.min(offset.saturating_add(length.min(MAX_READ_BYTES).into()));
        if offset >= end {
            return Ok(Vec::new());
        }
        let bytes = match source {
            Source::Local(file) => folder::read(file, offset..end).await?,
            Source::Remote(file) => file.read(offset..end).await?,
            Source::Service(reader) => {
                let mut bytes = Vec::with_capacity((end - offset) as usize);
                reader
                    .read_into(&mut bytes, offset..end)
                    .await
                    .map_err(|error| fault(&error))?;
                bytes
            }
        };
        if (bytes.len() as u64) < end - offset {
            return Err(FileError::Changed(format!(
                "`{path}` ended at byte {} instead of {size}",
                offset + bytes.len() as u64
            )));
        }
        Ok(bytes)
    }

    async fn open(&self, path: &str) -> Result<OpenFile, FileError> {
        match &self.place {
            Place::Folder(folder) => {
                let (file, size) = folder::open(folder.clone(), path.to_owned()).await?;
                let source = Source::Local(Arc::new(file));
                Ok(OpenFile { source, size })
            }
            Place::Sftp(sftp) => {
                let (file, size) = sftp.open(path).await?;
                let source = Source::Remote(Arc::new(file));
                Ok(OpenFile { source, size })
            }
            Place::Service(operator) => open_service(operator, path).await,
        }
    }
}

/// Refuses a local path that a symbolic link leads outside.
async fn inside(folder: &Path, path: &str) -> Result<(), FileError> {
    let real = match tokio::fs::canonicalize(folder.join(path)).await {
        Ok(real) => real,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(FileError::NotFound);
        }
        Err(error) => return Err(FileError::Transient(error.to_string())),
    };
    if real.starts_with(folder) {
        Ok(())
    } else {
        Err(leads_outside(path))
    }
}

fn leads_outside(path: &str) -> FileError {
    FileError::Denied(format!("`{path}` leads outside the granted folder"))
}

async fn list_service(
    operator: &Operator,
    prefix: &str,
    pattern: &Pattern,
) -> Result<Vec<FileEntry>, FileError> {
    let start = if prefix.is_empty() {
        "/".to_owned()
    } else {
        format!("{prefix}/")
    };
    let below = start.trim_start_matches('/');
    let listed = match operator
        .list_with(&start)
        .recursive(pattern.is_deep())
        .await
    {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(&error)),
    };
    let mut found = Vec::new();
    for entry in listed {
        let (path, metadata) = entry.into_parts();
        let name = path.strip_prefix(below).unwrap_or(&path);
        if metadata.mode() == EntryMode::FILE && pattern.matches(name) {
            found.push(describe(path, &metadata));
        }
    }
    Ok(found)
}

async fn open_service(operator: &Operator, path: &str) -> Result<OpenFile, FileError> {
    let metadata = operator.stat(path).await.map_err(|error| fault(&error))?;
    if metadata.mode() != EntryMode::FILE {
        return Err(FileError::NotFound);
    }
    let reader = operator.reader(path).await.map_err(|error| fault(&error))?;
    Ok(OpenFile {
        source: Source::Service(reader),
        size: metadata.content_length(),
    })
}

/// Names joined by `/`, none of them special.
fn plain(path: &str) -> Result<(), FileError> {
    let special = |part: &str| part.is_empty() || part == "." || part == "..";
    if path.contains(['\\', '\0']) || path.split('/').any(special) {
        return Err(FileError::Denied(format!(
            "`{path}` is no plain path below the location"
        )));
    }
    Ok(())
}

fn describe(path: String, metadata: &Metadata) -> FileEntry {
    let modified_at_ms = metadata
        .last_modified()
        .map(|at| at.into_inner().as_millisecond());
    let size = metadata.content_length();
    let etag = metadata
        .etag()
        .map(str::to_owned)
        .or_else(|| modified_at_ms.map(|at| format!("{size}-{at}")));
    FileEntry {
        path,
        size,
        modified_at_ms,
        etag,
    }
}

fn fault(error: &opendal::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            FileError::NotFound
        }
        ErrorKind::PermissionDenied => {
            FileError::Denied("the service refuses the host's access".to_owned())
        }
        ErrorKind::ConditionNotMatch | ErrorKind::RangeNotSatisfied => {
            FileError::Changed("the file changed while it was read".to_owned())
        }
        kind => FileError::Transient(format!("the service failed: {kind}")),
    }
}

#[cfg(test)]
mod tests;
