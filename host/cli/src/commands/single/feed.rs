//! `crosspoint sync`, `import`, `deliver` and `status`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use crosspoint_runtime::admin::Request;

/// Arguments of `sync`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint sync shop
  crosspoint sync shop --stream orders --deliver")]
pub struct Sync {
    /// Which source
    connector: String,
    /// Only this stream of it
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// Also deliver what follows (a running host does so by itself)
    #[arg(long)]
    deliver: bool,
}

impl Sync {
    /// What to ask.
    pub fn request(self) -> Request {
        Request::Sync {
            connector: self.connector,
            stream: self.stream,
            deliver: self.deliver,
        }
    }
}

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint import orders.csv --connector feed
  crosspoint import backlog/2025.csv --connector feed --deliver")]
pub struct Import {
    /// The file
    file: PathBuf,
    /// Whose plugin and settings
    #[arg(long, value_name = "ID")]
    connector: String,
    /// Also deliver what follows (a running host does so by itself)
    #[arg(long)]
    deliver: bool,
}

impl Import {
    /// What to ask. The host may run in another folder, so the path becomes absolute.
    pub fn request(self) -> Result<Request> {
        let path = self
            .file
            .canonicalize()
            .with_context(|| format!("could not find `{}`", self.file.display()))?;
        let path = path
            .into_os_string()
            .into_string()
            .map_err(|path| anyhow::anyhow!("`{}` is not UTF-8", path.to_string_lossy()))?;
        Ok(Request::Import {
            connector: self.connector,
            path,
            deliver: self.deliver,
        })
    }
}

/// Arguments of `deliver`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint deliver
  crosspoint deliver crm")]
pub struct Deliver {
    /// Only to this connector
    connector: Option<String>,
}

impl Deliver {
    /// What to ask.
    pub fn request(self) -> Request {
        Request::Deliver {
            connector: self.connector,
        }
    }
}

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crosspoint status
  crosspoint status --project my-shop --json")]
pub struct Status {}

impl Status {
    /// What to ask.
    pub fn request(self) -> Request {
        Request::Status
    }
}
