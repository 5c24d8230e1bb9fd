//! What can go wrong between the command line and a host.

use std::io;
use std::path::PathBuf;

use crosspoint_runtime::admin::AdminError;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a conversation with a host failed. One variant per decision of the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens: the caller may open the data folder itself.
    #[error("no host listens at `{}`", .path.display())]
    NotRunning {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A socket is there, but this user cannot use it.
    #[error("could not connect to the host at `{}`", .path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The host could not open its socket.
    #[error("could not listen at `{}`", .path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The host could not listen for HTTP; the page of XP-RUN-014 says what to do.
    #[error("could not listen at {address}")]
    Address {
        /// The configured address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The connection broke; whether the host finished the request is not known.
    #[error("lost the connection to the host before it answered")]
    Lost {
        /// Why; absent when the host closed the connection.
        #[source]
        source: Option<io::Error>,
    },
    /// A line is longer than its limit.
    #[error("message of more than {limit_bytes} bytes")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The other side speaks another version of the protocol.
    #[error("could not understand the host's answer; is it of the same version?")]
    Malformed {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The host understood and refused.
    #[error(transparent)]
    Refused(#[from] AdminError),
}

impl Error {
    /// Code and hint, where there is a page about it.
    pub fn advice(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Address { .. } => Some((
                "XP-RUN-014",
                "another program may listen there; `server.listen` names the address",
            )),
            _ => None,
        }
    }
}
