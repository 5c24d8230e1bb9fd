//! The project folder that the demo writes and finds again.

use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::commands::single::write_new;
use crate::context::PROJECT_FILE;
use crate::error::Error;

/// Bytes of the secret that signs deliveries; the specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;

const HOOK_FILE: &str = "connectors/crm-hook.toml";
const SECRET_FILE: &str = "secrets/crm-hook";
const SAMPLE_FILE: &str = "feeds/CDNOW_sample.txt";
const MASTER_FILE: &str = "feeds/CDNOW_master.txt";

const SAMPLE: &str = include_str!("../../demo/CDNOW_sample.txt");
const HOOK: &str = include_str!("../../demo/project/connectors/crm-hook.toml");
const SAMPLE_CONNECTOR: &str = include_str!("../../demo/project/purchases-sample.toml");
const MASTER_CONNECTOR: &str = include_str!("../../demo/project/purchases-master.toml");

/// Files that are the same whatever is imported.
const FILES: [(&str, &str); 4] = [
    (
        "segments/shop.toml",
        include_str!("../../demo/project/segments/shop.toml"),
    ),
    (
        "syncs/crm.toml",
        include_str!("../../demo/project/syncs/crm.toml"),
    ),
    ("README.md", include_str!("../../demo/project/README.md")),
    (".gitignore", "/data/\n/secrets/\n/received.ndjson\n"),
];

/// A demo's project on disk.
#[derive(Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Where its receiver listens, on 127.0.0.1.
    pub port: u16,
    /// What signs deliveries, as text.
    pub secret: String,
}

impl Project {
    /// Finds the demo's project in `folder`, or writes it; then the receiver's new port comes with
    /// it, bound already. `master` is the master file, if that is to be imported.
    pub fn open_or_write(
        folder: &Path,
        master: Option<&Path>,
    ) -> Result<(Self, Option<TcpListener>)> {
        if folder.join(PROJECT_FILE).exists() {
            return Ok((Self::open(folder)?, None));
        }
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::Occupied {
                folder: folder.to_owned(),
                what: "something else",
            }
            .into());
        }
        let (project, socket) = Self::write(folder, master)?;
        Ok((project, Some(socket)))
    }

    fn open(folder: &Path) -> Result<Self> {
        let not_a_demo = || Error::NotADemo {
            folder: folder.to_owned(),
        };
        let hook = fs::read_to_string(folder.join(HOOK_FILE)).map_err(|_| not_a_demo())?;
        let port = port_in(&hook).ok_or_else(not_a_demo)?;
        let secret = fs::read_to_string(folder.join(SECRET_FILE)).map_err(|_| not_a_demo())?;
        Ok(Self {
            folder: folder.to_owned(),
            port,
            secret,
        })
    }

    fn write(folder: &Path, master: Option<&Path>) -> Result<(Self, TcpListener)> {
        if let Some(path) = master
            && !path.is_file()
        {
            return Err(Error::NoMasterFile {
                path: path.to_owned(),
            }
            .into());
        }
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("could not find a free port on 127.0.0.1")?;
        let port = socket.local_addr()?.port();

        for (path, text) in FILES {
            write_new(&folder.join(path), text)?;
        }
        let connector = match master {
            None => {
                write_new(&folder.join(SAMPLE_FILE), SAMPLE)?;
                SAMPLE_CONNECTOR
            }
            Some(path) => {
                fs::create_dir_all(folder.join("feeds"))?;
                fs::copy(path, folder.join(MASTER_FILE))
                    .with_context(|| format!("could not copy `{}`", path.display()))?;
                MASTER_CONNECTOR
            }
        };
        write_new(&folder.join("connectors/purchases.toml"), connector)?;
        let hook = HOOK.replace("{port}", &port.to_string());
        write_new(&folder.join(HOOK_FILE), &hook)?;
        let secret = make_secret(&folder.join(SECRET_FILE))?;
        // Last: with it the folder is a project.
        write_new(
            &folder.join(PROJECT_FILE),
            include_str!("../../demo/project/crosspoint.toml"),
        )?;
        let project = Self {
            folder: folder.to_owned(),
            port,
            secret,
        };
        Ok((project, socket))
    }

    /// Listens at the project's port.
    pub fn listen(&self) -> Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                Error::PortTaken {
                    port: self.port,
                    file: self.folder.join(HOOK_FILE),
                }
                .into()
            } else {
                anyhow::Error::new(error)
                    .context(format!("could not listen at 127.0.0.1:{}", self.port))
            }
        })
    }

    /// Where the receiver keeps what it got.
    pub fn received(&self) -> PathBuf {
        self.folder.join("received.ndjson")
    }
}

/// The port in the hook's address.
fn port_in(hook: &str) -> Option<u16> {
    let table: toml::Table = hook.parse().ok()?;
    let url = table
        .get("connectors")?
        .get("crm-hook")?
        .get("settings")?
        .get("url")?
        .as_str()?;
    let rest = url.strip_prefix("http://127.0.0.1:")?;
    rest.split('/').next()?.parse().ok()
}

/// Makes up a secret and writes it where only this user can read it.
fn make_secret(path: &Path) -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).context("could not make up a secret")?;
    let secret = format!("whsec_{}\n", STANDARD.encode(bytes));
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(secret.as_bytes())
    };
    write().with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn written_project_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (written, socket) = Project::open_or_write(folder.path(), None).unwrap();
        let bound = socket.unwrap().local_addr().unwrap().port();
        assert_eq!(written.port, bound);
        let (found, socket) = Project::open_or_write(folder.path(), None).unwrap();
        assert!(socket.is_none());
        assert_eq!((found.port, found.secret), (written.port, written.secret));
        let mode = |path| {
            let metadata = fs::metadata(folder.path().join(path)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode("secrets"), mode(SECRET_FILE)), (0o700, 0o600));
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let refused = Project::open_or_write(folder.path(), None).unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("already holds something else")
        );
        fs::write(folder.path().join(PROJECT_FILE), "[project]\nname = \"x\"").unwrap();
        let refused = Project::open_or_write(folder.path(), None).unwrap_err();
        assert!(refused.to_string().ends_with("but not the demo's"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn missing_master_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("demo");
        let refused = Project::open_or_write(&target, Some(&folder.path().join("none")));
        assert!(refused.is_err());
        assert!(!target.exists());
    }

    #[test]
    fn taken_port_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (project, _socket) = Project::open_or_write(folder.path(), None).unwrap();
        let refused = project.listen().unwrap_err();
        assert!(matches!(
            refused.downcast_ref(),
            Some(Error::PortTaken { .. })
        ));
    }
}
