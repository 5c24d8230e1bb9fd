//! Files on an SFTP server (protocol version 3, draft-ietf-secsh-filexfer-02). One connection serves
//! all calls of a connector; one that broke is made anew. Keys and passwords stay on this side, and
//! nothing is sent before the server has proved that it is the one that the operator named.

mod grant;
mod session;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub use grant::{HostKeys, Login, SftpGrant};
use session::{Fault, Session};

use super::moves::Moved;
use super::pattern::Pattern;
use super::{FileEntry, FileError, MAX_ENTRIES};

/// What is asked for at once of one read: OpenSSH answers with at most 256 KiB.
const CHUNK_BYTES: u64 = 128 << 10;

/// A folder on a server.
pub(super) struct Sftp {
    target: Arc<grant::Target>,
    /// The connection, once there is one.
    session: Mutex<Option<Arc<Session>>>,
}

/// A file held open.
pub(super) struct RemoteFile {
    session: Arc<Session>,
    handle: String,
}

impl Sftp {
    pub(super) fn new(grant: &SftpGrant) -> Result<Self, String> {
        Ok(Self {
            target: Arc::new(grant::Target::new(grant)?),
            session: Mutex::default(),
        })
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        pattern: &Pattern,
    ) -> Result<Vec<FileEntry>, FileError> {
        self.with(|session| walk(session, prefix, pattern)).await
    }

    pub(super) async fn open(&self, path: &str) -> Result<(RemoteFile, u64), FileError> {
        self.with(|session| async move {
            let real = session.real_path(path).await?;
            if !session.holds(&real) {
                return Err(Fault::Of(super::leads_outside(path)));
            }
            let (handle, attributes) = session.open(&real).await?;
            let file = RemoteFile { session, handle };
            if !attributes.file_type().is_file() {
                return Err(Fault::Of(FileError::NotFound));
            }
            Ok((file, attributes.len()))
        })
        .await
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Option<FileEntry>, FileError> {
        self.with(|session| async move {
            match session.attributes(path).await {
                Ok(found) if found.file_type().is_file() => {
                    Ok(Some(session::describe(path.to_owned(), &found)))
                }
                Ok(_) | Err(Fault::Of(FileError::NotFound)) => Ok(None),
                Err(fault) => Err(fault),
            }
        })
        .await
    }

    /// Moves a file to where nothing stands, making folders on the way.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<Moved, FileError> {
        self.with(|session| async move {
            for (at, _) in to.match_indices('/') {
                let folder = &to[..at];
                match session.attributes(folder).await {
                    Ok(found) if found.is_dir() => {}
                    Ok(_) => {
                        let fault = format!("`{folder}` is no folder");
                        return Err(Fault::Of(FileError::Invalid(fault)));
                    }
                    Err(Fault::Of(FileError::NotFound)) => session.make_folder(folder).await?,
                    Err(fault) => return Err(fault),
                }
            }
            match session.attributes(to).await {
                Ok(_) => Ok(Moved::Taken),
                Err(Fault::Of(FileError::NotFound)) => {
                    session.rename(from, to).await?;
                    Ok(Moved::Done)
                }
                Err(fault) => Err(fault),
            }
        })
        .await
    }

    /// Does something over the connection. Where one that had served before turns out to be broken,
    /// does it once more over a new one: servers close what was idle for long.
    async fn with<T, F>(&self, act: impl Fn(Arc<Session>) -> F) -> Result<T, FileError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let (session, is_new) = self.session().await?;
        match act(session).await {
            Ok(value) => Ok(value),
            Err(Fault::Of(error)) => Err(error),
            Err(Fault::Lost(reason)) => {
                *self.session.lock().await = None;
                if is_new {
                    return Err(FileError::Transient(reason));
                }
                let (session, _) = self.session().await?;
                act(session).await.map_err(FileError::from)
            }
        }
    }

    async fn session(&self) -> Result<(Arc<Session>, bool), FileError> {
        let mut slot = self.session.lock().await;
        if let Some(session) = slot.as_ref().filter(|session| session.is_open()) {
            return Ok((session.clone(), false));
        }
        let session = Arc::new(Session::connect(&self.target).await?);
        *slot = Some(session.clone());
        Ok((session, true))
    }
}

/// Files below `prefix`. Links are left out: what they lead to is the server's secret or listed
/// under its own name.
async fn walk(
    session: Arc<Session>,
    prefix: &str,
    pattern: &Pattern,
) -> Result<Vec<FileEntry>, Fault> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        for (name, attributes) in session.folder(&join(prefix, &below)).await? {
            let path = join(&below, &name);
            if attributes.is_dir() && pattern.is_deep() {
                folders.push(path);
            } else if attributes.file_type().is_file() && pattern.matches(&path) {
                found.push(session::describe(join(prefix, &path), &attributes));
            }
        }
        if found.len() > MAX_ENTRIES {
            break;
        }
    }
    Ok(found)
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

impl RemoteFile {
    /// The bytes of a range, all its parts asked for at once; fewer where the file ends before.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, FileError> {
        let mut parts = JoinSet::new();
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + CHUNK_BYTES);
            let (session, handle) = (self.session.clone(), self.handle.clone());
            parts.spawn(async move { (at, session.read(&handle, at..end).await) });
            at = end;
        }
        let mut read = Vec::new();
        while let Some(part) = parts.join_next().await {
            let (at, bytes) = part.map_err(|error| FileError::Transient(error.to_string()))?;
            read.push((at, bytes.map_err(FileError::from)?));
        }
        read.sort_unstable_by_key(|(at, _)| *at);
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        for (at, part) in read {
            // Behind a part that ended early there is nothing.
            if range.start + bytes.len() as u64 == at {
                bytes.extend(part);
            }
        }
        Ok(bytes)
    }
}

impl Drop for RemoteFile {
    fn drop(&mut self) {
        let (session, handle) = (self.session.clone(), std::mem::take(&mut self.handle));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { session.close(handle).await });
        }
    }
}
