//! One connection: reached, checked, logged in.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::net::TcpStream;

use super::super::{FileEntry, FileError};
use super::grant::{Login, Target};

/// Lookup, connection, handshake and login together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One request.
const REQUEST_TIMEOUT_S: u64 = 30;

/// Long idle connections are kept through firewalls, and dead ones are found out.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Rounds of questions that a login may take.
const MAX_QUESTIONS: usize = 4;

/// A connection.
pub(super) struct Session {
    client: client::Handle<Checker>,
    sftp: RawSftpSession,
    /// The granted folder as the server calls it, without links.
    root: String,
}

/// Why something could not be done.
pub(super) enum Fault {
    /// The connection is of no use any more.
    Lost(String),
    Of(FileError),
}

impl From<Fault> for FileError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(reason) => Self::Transient(reason),
            Fault::Of(error) => error,
        }
    }
}

impl From<SftpError> for Fault {
    fn from(error: SftpError) -> Self {
        match error {
            SftpError::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => Self::Of(FileError::NotFound),
                StatusCode::PermissionDenied => Self::Of(FileError::Denied(
                    "the server refuses the user's access".to_owned(),
                )),
                StatusCode::NoConnection | StatusCode::ConnectionLost => {
                    Self::Lost("the connection to the server broke".to_owned())
                }
                code => Self::Of(FileError::Transient(format!("the server answers: {code}"))),
            },
            SftpError::Timeout => Self::Lost("the server does not answer".to_owned()),
            _ => Self::Lost("the connection to the server broke".to_owned()),
        }
    }
}

/// Asks the grant about the server's key, and keeps the answer: the protocol's own error has none.
pub(super) struct Checker {
    target: Arc<Target>,
    refusal: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Checker {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let checked = match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.target.check(key),
            PublicKeyOrCertificate::Certificate(_) => {
                Err("the server shows a certificate instead of its key".to_owned())
            }
        };
        let Err(reason) = checked else {
            return Ok(true);
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        Ok(false)
    }
}

impl Session {
    pub(super) async fn connect(target: &Arc<Target>) -> Result<Self, FileError> {
        let host = &target.grant.host;
        match tokio::time::timeout(CONNECT_TIMEOUT, Self::begin(target)).await {
            Ok(result) => result,
            Err(_) => Err(FileError::Transient(format!("`{host}` does not answer"))),
        }
    }

    async fn begin(target: &Arc<Target>) -> Result<Self, FileError> {
        let lost = |error: &dyn std::fmt::Display| {
            FileError::Transient(format!("`{}`: {error}", target.grant.host))
        };
        let stream = dial(target).await?;
        let refusal = Arc::new(Mutex::new(None));
        let checker = Checker {
            target: Arc::clone(target),
            refusal: refusal.clone(),
        };
        let config = Arc::new(config(target));
        let connected = client::connect_stream(config, stream, checker).await;
        let refused = refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(reason) = refused {
            return Err(FileError::Denied(reason));
        }
        let mut client = connected.map_err(|error| lost(&error))?;
        log_in(&mut client, target).await?;
        let channel = client
            .channel_open_session()
            .await
            .map_err(|error| lost(&error))?;
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(|error| lost(&error))?;
        let sftp = RawSftpSession::new(channel.into_stream());
        sftp.set_timeout(REQUEST_TIMEOUT_S);
        sftp.init().await.map_err(|_| {
            FileError::Transient(format!("`{}` does not speak SFTP", target.grant.host))
        })?;
        let path = match target.grant.path.as_str() {
            "" => ".",
            path => path,
        };
        let root = real_path(&sftp, path).await.map_err(|fault| match fault {
            Fault::Of(FileError::NotFound) => {
                FileError::Invalid(format!("the server has no folder `{path}`"))
            }
            other => other.into(),
        })?;
        Ok(Self { client, sftp, root })
    }

    pub(super) fn is_open(&self) -> bool {
        !self.client.is_closed()
    }

    /// Whether a path without links lies below the granted folder.
    pub(super) fn holds(&self, real: &str) -> bool {
        let root = self.root.trim_end_matches('/');
        real.strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    fn at(&self, path: &str) -> String {
        match path {
            "" => self.root.clone(),
            path => format!("{}/{path}", self.root.trim_end_matches('/')),
        }
    }

    pub(super) async fn real_path(&self, path: &str) -> Result<String, Fault> {
        real_path(&self.sftp, &self.at(path)).await
    }

    /// What stands in a folder, links not followed.
    pub(super) async fn folder(&self, path: &str) -> Result<Vec<(String, FileAttributes)>, Fault> {
        let handle = self.sftp.opendir(self.at(path)).await?.handle;
        let mut found = Vec::new();
        let ended = loop {
            match self.sftp.readdir(handle.as_str()).await {
                Ok(names) => found.extend(
                    names
                        .files
                        .into_iter()
                        .filter(|file| !matches!(file.filename.as_str(), "." | ".."))
                        .map(|file| (file.filename, file.attrs)),
                ),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => {
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        self.close(handle).await;
        ended?;
        Ok(found)
    }

    /// What stands at a path, links not followed.
    pub(super) async fn attributes(&self, path: &str) -> Result<FileAttributes, Fault> {
        Ok(self.sftp.lstat(self.at(path)).await?.attrs)
    }

    /// Opens a file by the path that the server gave it.
    pub(super) async fn open(&self, real: &str) -> Result<(String, FileAttributes), Fault> {
        let none = FileAttributes::empty();
        let handle = self.sftp.open(real, OpenFlags::READ, none).await?.handle;
        match self.sftp.fstat(handle.as_str()).await {
            Ok(found) => Ok((handle, found.attrs)),
            Err(error) => {
                self.close(handle).await;
                Err(error.into())
            }
        }
    }

    /// A range of an open file; fewer bytes where it ends before.
    pub(super) async fn read(&self, handle: &str, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        while range.start + (bytes.len() as u64) < range.end {
            let at = range.start + bytes.len() as u64;
            let length = u32::try_from(range.end - at).unwrap_or(u32::MAX);
            match self.sftp.read(handle, at, length).await {
                Ok(data) if data.data.is_empty() => break,
                Ok(data) => bytes.extend_from_slice(&data.data),
                Err(SftpError::Status(status)) if status.status_code == StatusCode::Eof => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bytes)
    }

    /// Gives a handle back. The server does so by itself when the connection ends.
    pub(super) async fn close(&self, handle: String) {
        _ = self.sftp.close(handle).await;
    }

    pub(super) async fn make_folder(&self, path: &str) -> Result<(), Fault> {
        let none = FileAttributes::empty();
        self.sftp.mkdir(self.at(path), none).await?;
        Ok(())
    }

    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Fault> {
        self.sftp.rename(self.at(from), self.at(to)).await?;
        Ok(())
    }
}

async fn real_path(sftp: &RawSftpSession, path: &str) -> Result<String, Fault> {
    let names = sftp.realpath(path).await?.files;
    match names.into_iter().next() {
        Some(name) => Ok(name.filename),
        None => Err(Fault::Of(FileError::NotFound)),
    }
}

fn config(target: &Target) -> client::Config {
    let mut config = client::Config {
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..client::Config::default()
    };
    let known = target.known_algorithms();
    let mut preferred = config.preferred.key.to_vec();
    // RSA keys sign in several ways, so that kinds are compared and not names.
    let is_known = |one: &russh::keys::Algorithm| {
        known.iter().any(|other| match (one, other) {
            (russh::keys::Algorithm::Rsa { .. }, russh::keys::Algorithm::Rsa { .. }) => true,
            _ => one == other,
        })
    };
    preferred.sort_by_key(|algorithm| !is_known(algorithm));
    config.preferred.key = Cow::Owned(preferred);
    config
}

/// Connects to the first of the name's addresses that answers; each must be one that the grant
/// admits.
async fn dial(target: &Target) -> Result<TcpStream, FileError> {
    let (host, port) = (target.grant.host.as_str(), target.grant.port);
    let fault =
        |error: std::io::Error| FileError::Transient(format!("`{host}:{port}`: {}", error.kind()));
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(fault)?
        .collect();
    for address in &addresses {
        let admitted = target.host.admits(address.ip());
        admitted.map_err(|reason| FileError::Denied(format!("host `{host}`: {reason}")))?;
    }
    let mut last = FileError::Transient(format!("`{host}` has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = fault(error),
        }
    }
    Err(last)
}

async fn log_in(client: &mut client::Handle<Checker>, target: &Target) -> Result<(), FileError> {
    let grant = &target.grant;
    let lost = |error: russh::Error| FileError::Transient(format!("`{}`: {error}", grant.host));
    let user = grant.user.as_str();
    let is_in = match (&grant.login, &target.key) {
        (Login::Password(password), _) => {
            let password = password.expose();
            let answer = client.authenticate_password(user, password).await;
            match answer.map_err(lost)? {
                AuthResult::Success => true,
                AuthResult::Failure { .. } => answer_questions(client, user, password)
                    .await
                    .map_err(lost)?,
            }
        }
        (Login::Key { .. }, Some(key)) => {
            let hash = client.best_supported_rsa_hash().await.map_err(lost)?;
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash.flatten());
            let answer = client.authenticate_publickey(user, key).await;
            answer.map_err(lost)?.success()
        }
        (Login::Key { .. }, None) => false,
    };
    if is_in {
        return Ok(());
    }
    let what = match &grant.login {
        Login::Key { .. } => "key",
        Login::Password(_) => "password",
    };
    Err(FileError::Denied(format!(
        "`{}` refuses the {what} of user `{user}`",
        grant.host
    )))
}

/// Servers that ask for the password as a question, as those with PAM do.
async fn answer_questions(
    client: &mut client::Handle<Checker>,
    user: &str,
    password: &str,
) -> Result<bool, russh::Error> {
    let mut answer = client
        .authenticate_keyboard_interactive_start(user, None)
        .await?;
    for _ in 0..MAX_QUESTIONS {
        answer = match answer {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts.iter().map(|_| password.to_owned()).collect();
                client
                    .authenticate_keyboard_interactive_respond(answers)
                    .await?
            }
        };
    }
    Ok(false)
}

/// Instants are whole seconds, and senders may set them: no etag is made of them.
pub(super) fn describe(path: String, attributes: &FileAttributes) -> FileEntry {
    FileEntry {
        path,
        size: attributes.size.unwrap_or(0),
        modified_at_ms: attributes.mtime.map(|at| i64::from(at) * 1000),
        etag: None,
    }
}
