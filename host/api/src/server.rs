//! The host's end of the admin socket.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crosspoint_runtime::Host;
use crosspoint_runtime::admin::{AdminError, Progress, Reply, Request};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::place::Place;
use crate::wire::{Line, MAX_REQUEST_BYTES};
use crate::{Error, Result};

/// Connections served at once; more of them wait in the kernel's list. Each may hold a request of
/// [`MAX_REQUEST_BYTES`] and one blocking thread.
const MAX_CONNECTIONS: usize = 32;

/// Whoever answers requests: the host, or a stand-in in tests.
///
/// [`Self::answer`] is called on a thread that may block, by many threads at once, and is never
/// cancelled: it runs to its end even when the asker has gone.
pub trait Answers: Send + Sync + 'static {
    /// Answers one request. `progress` may be called any number of times, from any thread.
    ///
    /// # Errors
    /// What the person who asked is to read.
    fn answer(
        &self,
        request: Request,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> std::result::Result<Reply, AdminError>;
}

impl Answers for Host {
    fn answer(
        &self,
        request: Request,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> std::result::Result<Reply, AdminError> {
        self.ask(request, progress)
    }
}

/// A socket that listens. It stays bound while one host follows another; the file goes when this
/// value goes.
#[derive(Debug)]
pub struct Listener {
    path: PathBuf,
    listener: StdListener,
}

impl Listener {
    /// Listens at `path`, in place of whatever socket is there: the caller holds the lock of the
    /// data folder, so an older one is a dead host's. Whoever connects waits until [`Self::serve`].
    ///
    /// # Errors
    /// [`Error::Listen`] when the folder may not be written or the file system has no sockets.
    pub fn bind(path: &Path) -> Result<Self> {
        let listener = bind_privately(path).map_err(|source| Error::Listen {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            listener,
        })
    }

    /// Answers until `shutdown`, then waits for the answers that are under way. Idle connections
    /// are closed.
    ///
    /// # Errors
    /// When the system refuses to watch the socket.
    pub async fn serve(
        &self,
        host: Arc<dyn Answers>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    match accepted {
                        Ok((stream, _)) => {
                            let conversation = converse(stream, host.clone(), stopping.clone());
                            connections.spawn(conversation);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "could not accept a connection");
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }
        }
        stop.send_replace(true);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "could not remove the socket");
        }
    }
}

/// Binds inside a folder that nobody else may enter, narrows the socket, and only then moves it to
/// where it is looked for: there is no instant at which another user could connect.
fn bind_privately(path: &Path) -> io::Result<StdListener> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let nursery = folder.join(format!(".admin-{}", std::process::id()));
    match fs::DirBuilder::new().mode(0o700).create(&nursery) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir_all(&nursery)?;
            fs::DirBuilder::new().mode(0o700).create(&nursery)?;
        }
        other => other?,
    }
    let young = nursery.join("s");
    let bound = Place::of(&young).and_then(|place| {
        let listener = StdListener::bind(place.path())?;
        listener.set_nonblocking(true)?;
        fs::set_permissions(&young, fs::Permissions::from_mode(0o600))?;
        fs::rename(&young, path)?;
        Ok(listener)
    });
    fs::remove_dir_all(&nursery)?;
    bound
}

/// Serves one connection until it ends, sends nonsense that hides where the next line starts, or
/// the host stops.
async fn converse(stream: UnixStream, host: Arc<dyn Answers>, mut stopping: watch::Receiver<bool>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let line = tokio::select! {
            line = read_line(&mut reader) => line,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let answer = match line {
            Ok(Some(line)) => match serde_json::from_slice(&line) {
                Ok(request) => answer(host.clone(), request, &mut writer).await,
                Err(error) => refusal(format!("could not understand the request: {error}")),
            },
            Ok(None) => return,
            Err(error) => {
                let refusal = refusal(error.to_string());
                if let Err(error) = writer.write_all(&refusal.to_bytes()).await {
                    tracing::debug!(%error, "could not refuse");
                }
                return;
            }
        };
        if let Err(error) = writer.write_all(&answer.to_bytes()).await {
            tracing::debug!(%error, "the asker went before the answer");
            return;
        }
    }
}

/// A line without its end; `None` when the connection ends, be it amid a line.
async fn read_line(reader: &mut BufReader<OwnedReadHalf>) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(MAX_REQUEST_BYTES).expect("a constant that fits") + 1;
    reader
        .take(limit)
        .read_until(b'\n', &mut line)
        .await
        .map_err(|source| Error::Lost {
            source: Some(source),
        })?;
    if line.last() == Some(&b'\n') {
        line.pop();
        Ok(Some(line))
    } else if line.len() > MAX_REQUEST_BYTES {
        Err(Error::TooLong {
            limit_bytes: MAX_REQUEST_BYTES,
        })
    } else {
        Ok(None)
    }
}

/// Has the host answer, passing progress on. Only the newest progress is kept for a slow reader.
async fn answer(host: Arc<dyn Answers>, request: Request, writer: &mut OwnedWriteHalf) -> Line {
    let (progress, mut news) = watch::channel(None);
    let mut job = tokio::task::spawn_blocking(move || {
        host.answer(request, &|step| {
            progress.send_replace(Some(step));
        })
    });
    let mut gone = false;
    loop {
        tokio::select! {
            biased;
            done = &mut job => {
                return match done {
                    Ok(Ok(reply)) => Line::Ok(reply),
                    Ok(Err(error)) => Line::Error(error),
                    Err(_) => refusal("the host failed while it answered; see its log".to_owned()),
                };
            }
            Ok(()) = news.changed(), if !gone => {
                let step = news.borrow_and_update().clone();
                if let Some(step) = step {
                    gone = writer.write_all(&Line::Progress(step).to_bytes()).await.is_err();
                }
            }
        }
    }
}

fn refusal(message: String) -> Line {
    Line::Error(AdminError {
        code: None,
        message,
        hint: None,
    })
}
