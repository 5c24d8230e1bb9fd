//! Refresh tokens that outlive the process.
//!
//! A vendor that rotates refresh tokens gives each only once: the new one is on disk before the
//! access token that came with it is used. A file per secret,
//!
//! ```text
//! <folder>/<connector>.<secret>.json   {"version":1,"salt":HEX,"seed":HEX,"refresh_token":"…"}
//! <folder>/<connector>.<secret>.lock   empty; locked while a token is being renewed
//! ```
//!
//! readable by this user only, written beside and renamed, both synced. `seed` is the SHA-256 of
//! salt and the refresh token that the operator configured: when that changes, what was kept is
//! of the past, and the new one counts. Other connectors of the same name, in this process or
//! another, read the file under its lock before they spend what stands in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::mac;
use crate::secret::Secret;

const VERSION: u32 = 1;

/// Bytes of salt.
const SALT_BYTES: usize = 16;

/// A refresh token and where its successors go.
pub(in crate::credentials) struct Kept {
    seed: Secret,
    /// `None` where there is no folder to keep them in.
    file: Option<PathBuf>,
    /// A new refresh token that could not be written yet. The one on disk is spent.
    unsaved: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    salt: String,
    seed: String,
    refresh_token: String,
}

impl Drop for Written {
    fn drop(&mut self) {
        self.refresh_token.zeroize();
    }
}

impl Kept {
    /// With the operator's refresh token, and the folder for its successors.
    pub(in crate::credentials) fn new(
        seed: Secret,
        folder: Option<&Path>,
        connector: &str,
        secret: &str,
    ) -> Self {
        let name = format!("{}.{}.json", plain(connector), plain(secret));
        Self {
            seed,
            file: folder.map(|folder| folder.join(name)),
            unsaved: None,
        }
    }

    /// The refresh token to spend, and the lock under which to do so.
    pub(super) async fn begin(&mut self) -> Result<(Secret, File), String> {
        let file = self
            .file
            .clone()
            .ok_or("renewed tokens can be kept only in a data folder, and this command has none")?;
        let seed = self.seed.clone();
        let unsaved = self.unsaved.clone();
        let (token, lock) = blocking(move || {
            let lock = locked(&file).map_err(|error| fault("lock", &file, &error))?;
            let token = match unsaved {
                Some(token) => {
                    write(&file, &seed, &token).map_err(|error| fault("write", &file, &error))?;
                    token
                }
                None => read(&file, &seed)?.unwrap_or(seed),
            };
            Ok((token, lock))
        })
        .await?;
        self.unsaved = None;
        Ok((token, lock))
    }

    /// Makes a new refresh token durable. The caller holds the lock.
    pub(super) async fn keep(&mut self, token: Secret) -> Result<(), String> {
        let Some(file) = self.file.clone() else {
            return Err("there is no folder to keep the renewed token in".to_owned());
        };
        self.unsaved = Some(token.clone());
        let seed = self.seed.clone();
        blocking(move || {
            write(&file, &seed, &token).map_err(|error| fault("write", &file, &error))
        })
        .await?;
        self.unsaved = None;
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(job)
        .await
        .map_err(|_| "the host is stopping".to_owned())?
}

fn fault(what: &str, file: &Path, error: &io::Error) -> String {
    format!("could not {what} `{}`: {error}", file.display())
}

/// Letters that cannot lead elsewhere.
fn plain(name: &str) -> String {
    name.chars()
        .map(|it| match it {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => it.to_string(),
            other => format!("%{:x}", u32::from(other)),
        })
        .collect()
}

fn locked(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(file.with_extension("lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// What was kept for this seed.
fn read(file: &Path, seed: &Secret) -> Result<Option<Secret>, String> {
    let text = match std::fs::read(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault("read", file, &error)),
    };
    let written: Written = serde_json::from_slice(&text)
        .ok()
        .filter(|written: &Written| written.version == VERSION)
        .ok_or_else(|| {
            format!(
                "`{}` holds no token of this version; remove it and configure a new refresh token",
                file.display()
            )
        })?;
    let is_same = mac::is_same(
        digest(&written.salt, seed).as_bytes(),
        written.seed.as_bytes(),
    );
    Ok(is_same.then(|| Secret::new(written.refresh_token.as_str())))
}

/// Whole or not at all, and on disk when it returns.
fn write(file: &Path, seed: &Secret, token: &Secret) -> io::Result<()> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| io::Error::other("no random bytes"))?;
    let salt = hex::encode(salt);
    let written = Written {
        version: VERSION,
        seed: digest(&salt, seed),
        salt,
        refresh_token: token.expose().to_owned(),
    };
    let text = Zeroizing::new(serde_json::to_vec(&written)?);
    let beside = file.with_extension("json.new");
    let mut new = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&beside)?;
    new.write_all(&text)?;
    new.sync_all()?;
    std::fs::rename(&beside, file)?;
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn digest(salt: &str, seed: &Secret) -> String {
    hex::encode(mac::sha256(&[salt.as_bytes(), seed.expose().as_bytes()]))
}
