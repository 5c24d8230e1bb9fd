//! Errors of the command line itself, and how any error is shown.

use std::path::PathBuf;

use crosspoint_runtime::admin::AdminError;

use crate::output::{Style, plain};

/// Why a command could not be carried out before a host was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No folder from here upward holds a project.
    #[error("found no `crosspoint.toml` in `{}` or any folder above it", .start.display())]
    NoProject {
        /// Where the search began.
        start: PathBuf,
    },
    /// The named folder holds no project.
    #[error("`{}` holds no `crosspoint.toml`", .folder.display())]
    NotAProject {
        /// The folder.
        folder: PathBuf,
    },
    /// `init` and `demo` overwrite nothing.
    #[error("`{}` already holds {what}", .folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What is in the way.
        what: &'static str,
    },
    /// `explain` knows no such code.
    #[error("there is no error code `{code}`")]
    UnknownCode {
        /// As it was typed.
        code: String,
        /// The code that was probably meant.
        nearest: Option<String>,
    },
    /// A second `run` on one data folder.
    #[error("a host runs already with data folder `{}`", .data.display())]
    AlreadyRunning {
        /// The data folder.
        data: PathBuf,
    },
    /// The demo's receiver cannot have its port.
    #[error("port {port} of the demo's receiver is taken by another program")]
    PortTaken {
        /// The port on 127.0.0.1.
        port: u16,
        /// Where another one can be written.
        file: PathBuf,
    },
    /// The project is not one that the demo wrote.
    #[error("`{}` holds a project, but not the demo's", .folder.display())]
    NotADemo {
        /// The folder.
        folder: PathBuf,
    },
    /// `demo --full` without the file.
    #[error("could not find the master file `{}`", .path.display())]
    NoMasterFile {
        /// Where it was looked for.
        path: PathBuf,
    },
}

impl Error {
    /// Whether the way the command was called is at fault.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::AlreadyRunning { .. } | Self::PortTaken { .. })
    }

    /// What to do, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoProject { .. } => {
                "name the folder with `--project DIR`, or make one with `crosspoint init DIR`"
                    .into()
            }
            Self::NotAProject { folder } => {
                format!("`crosspoint init {}` makes one", folder.display())
            }
            Self::Occupied { .. } => "choose another folder".into(),
            Self::UnknownCode { nearest, .. } => match nearest {
                Some(code) => format!("did you mean `{code}`?"),
                None => "`crosspoint explain` without a code lists all of them".into(),
            },
            Self::AlreadyRunning { .. } => {
                "`crosspoint status` asks it; stop it, or give this one its own `--data DIR`".into()
            }
            Self::PortTaken { file, .. } => format!(
                "stop that program, or write another port into `{}` (twice: url and grant)",
                file.display()
            ),
            Self::NotADemo { .. } => "give the demo its own folder with `--data DIR`".into(),
            Self::NoMasterFile { .. } => {
                "download CDNOW_master.txt from brucehardie.com/datasets and give its path: \
                 `crosspoint demo --full PATH`"
                    .into()
            }
        })
    }
}

/// Writes an error, its causes, and what to do, to stderr.
pub fn report(error: &anyhow::Error, style: Style) {
    eprint!("{}", describe(error, style));
}

fn describe(error: &anyhow::Error, style: Style) -> String {
    let mut text = format!("{} {}\n", style.red("error:"), plain(&error.to_string()));
    let mut shown = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !shown.contains(&cause) {
            text.push_str(&format!("  caused by: {}\n", plain(&cause)));
            shown = cause;
        }
    }
    let (code, hint) = advice(error);
    if let Some(hint) = hint {
        text.push_str(&format!("{} {}\n", style.cyan("hint:"), plain(&hint)));
    }
    if let Some(code) = code {
        text.push_str(&format!(
            "{} crosspoint explain {}\n",
            style.cyan("more:"),
            plain(&code)
        ));
    }
    text
}

/// Code and hint of the outermost error that has any.
fn advice(error: &anyhow::Error) -> (Option<String>, Option<String>) {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<Error>() {
            return (None, error.hint());
        }
        let admin = match cause.downcast_ref::<crosspoint_api::Error>() {
            Some(crosspoint_api::Error::Refused(error)) => Some(error),
            Some(error) => match error.advice() {
                Some((code, hint)) => return (Some(code.to_owned()), Some(hint.to_owned())),
                None => None,
            },
            None => cause.downcast_ref::<AdminError>(),
        };
        if let Some(error) = admin {
            return (error.code.clone(), error.hint.clone());
        }
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn report_shows_chain_hint_and_page_once() {
        let admin = AdminError {
            code: Some("XP-LED-002".to_owned()),
            message: "ledger segment 3 is damaged".to_owned(),
            hint: Some("restore it from a backup".to_owned()),
        };
        let error = Err::<(), _>(admin)
            .context("could not open `data`")
            .unwrap_err();
        assert_eq!(
            describe(&error, Style::of(false)),
            "error: could not open `data`\n  \
             caused by: ledger segment 3 is damaged\n\
             hint: restore it from a backup\n\
             more: crosspoint explain XP-LED-002\n"
        );
    }

    #[test]
    fn transparent_wrappers_do_not_repeat_themselves() {
        let error = anyhow::Error::new(crosspoint_api::Error::Refused(AdminError {
            code: None,
            message: "no profile `x`".to_owned(),
            hint: None,
        }));
        assert_eq!(
            describe(&error, Style::of(false)),
            "error: no profile `x`\n"
        );
    }
}
