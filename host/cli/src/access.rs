//! Finds the host to ask: the one that runs, else one opened for this command.
//!
//! The lock of the data folder decides whether a host runs. The socket is tried first because that
//! is cheap; if nobody listens the folder is opened, and if that fails the socket is tried once
//! more, since a host may have started in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use crosspoint_api::{Client, Error as ApiError};
use crosspoint_runtime::admin::{Reply, Request};
use crosspoint_runtime::{Host, HostOptions};

use crate::progress::Bar;

/// Someone who answers.
pub enum Access {
    /// A host in another process.
    Running(Client),
    /// A host in this process, without pollers and delivery workers.
    Opened(Arc<Host>),
}

impl Access {
    /// Finds the host of a project. Opening a data folder may rebuild its store, which takes time.
    pub fn open(options: HostOptions, bar: &Bar) -> Result<Self> {
        let socket = socket_path(&options);
        if let Some(client) = connect(&socket)? {
            return Ok(Self::Running(client));
        }
        match Host::open(options, &|step| bar.step(step)) {
            Ok(host) => Ok(Self::Opened(host)),
            Err(error) => match connect(&socket)? {
                Some(client) => Ok(Self::Running(client)),
                None => Err(error.into()),
            },
        }
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, request: Request, bar: &Bar) -> Result<Reply> {
        match self {
            Self::Running(client) => Ok(client.ask(&request, &|step| bar.step(step))?),
            Self::Opened(host) => Ok(host.ask(request, &|step| bar.step(step))?),
        }
    }

    /// Lets go; an opened host is flushed.
    pub fn close(self) -> Result<()> {
        match self {
            Self::Running(_) => Ok(()),
            Self::Opened(host) => Ok(host.close()?),
        }
    }
}

/// Where a host with these options listens.
pub fn socket_path(options: &HostOptions) -> PathBuf {
    data_folder(options).join("admin.sock")
}

/// The data folder that these options mean.
pub fn data_folder(options: &HostOptions) -> PathBuf {
    options
        .data
        .clone()
        .unwrap_or_else(|| options.project.join("data"))
}

/// A connection, if anyone listens.
pub fn connect(socket: &Path) -> Result<Option<Client>> {
    match Client::connect(socket) {
        Ok(client) => Ok(Some(client)),
        Err(ApiError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
