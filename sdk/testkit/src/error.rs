//! Why nothing can be said of a plugin.

use std::io;
use std::path::PathBuf;

/// Why the checks could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The component is not one that a host would load.
    #[error(transparent)]
    Plugin(#[from] crosspoint_sandbox::Error),
    /// The simulator does not answer as one does.
    #[error("could not ask the simulator for `{what}`: {reason}")]
    Simulator {
        /// The address asked.
        what: String,
        /// What came instead.
        reason: String,
    },
    /// The file beside the plugin is missing or wrong.
    #[error("could not read `{}`: {reason}", path.display())]
    Subject {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file names a check that is not there.
    #[error("there is no check `{0}`")]
    Check(String),
    /// A folder of the kit's own could not be made.
    #[error("could not make a temporary folder")]
    Folder(#[from] io::Error),
}

/// Why a check does not pass.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The plugin breaks the rule, so.
    Failed(String),
    /// There is nothing to check, so.
    Skipped(String),
}

pub(crate) type Checked<T = ()> = Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<crosspoint_sandbox::Error> for Fault {
    fn from(error: crosspoint_sandbox::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A failure with this text.
pub(crate) fn fail<T>(text: impl Into<String>) -> Checked<T> {
    Err(Fault::Failed(text.into()))
}

/// Nothing to check, for this reason.
pub(crate) fn skip<T>(text: impl Into<String>) -> Checked<T> {
    Err(Fault::Skipped(text.into()))
}
