//! What can go wrong while building a plugin.

use std::io;
use std::path::PathBuf;

/// Why no component came out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The package is not part of a cargo workspace.
    #[error("could not find the workspace of `{}`", dir.display())]
    NoWorkspace {
        /// The package's folder.
        dir: PathBuf,
    },
    /// Cargo could not be started.
    #[error("could not start cargo for the plugins")]
    Cargo {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The compilation target is missing and rustup could not add it.
    #[error(
        "target `{target}` is missing and could not be added ({reason}); run: rustup target add \
         {target}",
        target = crate::TARGET
    )]
    Target {
        /// What rustup said.
        reason: String,
    },
    /// Cargo failed.
    #[error("could not build plugins {packages:?}:\n{stderr}")]
    Build {
        /// The packages asked for.
        packages: Vec<String>,
        /// What cargo said.
        stderr: String,
    },
    /// Cargo succeeded but left no component: the package is no `cdylib`.
    #[error("could not find `{}`; is `crate-type = [\"cdylib\"]` set?", path.display())]
    NoComponent {
        /// Where it should be.
        path: PathBuf,
    },
}
