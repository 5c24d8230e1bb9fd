//! The one place that decides the exit code. docs/reference/cli.md tells people about it.

use std::io;
use std::process::ExitCode;

use crosspoint_runtime::admin::{AdminError, Reply};

use crate::error::Error;

/// Codes of the host that say: an argument cannot be understood; the project is invalid.
const INVALID: [&str; 2] = ["XP-RUN-004", "XP-RUN-012"];

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All of it done.
    Done,
    /// Not done.
    Failed,
    /// The command line or configuration is invalid, or a check found differences.
    Invalid,
    /// Done, but something was set aside for a person: quarantined input, stopped deliveries.
    Partial,
    /// Ended by Ctrl-C (SIGINT).
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::Partial => 3,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// The code for a command that got its answer.
pub fn of_reply(reply: &Reply) -> Exit {
    let partial = match reply {
        Reply::Synced(synced) => {
            synced.quarantined > 0 || synced.delivered.as_ref().is_some_and(|d| d.stopped > 0)
        }
        Reply::Delivered(delivered) => delivered.stopped > 0,
        Reply::Retried(retried) => retried.refused_again > 0,
        Reply::Verified(segments) => {
            let differs = segments
                .iter()
                .any(|s| s.stored != s.expected || !s.different.is_empty());
            return if differs { Exit::Invalid } else { Exit::Done };
        }
        _ => false,
    };
    if partial { Exit::Partial } else { Exit::Done }
}

/// The code for a command that failed.
pub fn of_error(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<AdminError>() {
            return of_code(error.code.as_deref());
        }
        if let Some(crosspoint_api::Error::Refused(error)) = cause.downcast_ref() {
            return of_code(error.code.as_deref());
        }
        if let Some(error) = cause.downcast_ref::<Error>() {
            return if error.is_usage() {
                Exit::Invalid
            } else {
                Exit::Failed
            };
        }
        // Whoever read our output has read enough.
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            return Exit::Done;
        }
    }
    Exit::Failed
}

/// A refusal because of what was written, on the command line or in the project, is no failure of
/// the host.
fn of_code(code: Option<&str>) -> Exit {
    match code {
        Some(code) if code.starts_with("XP-CFG-") || INVALID.contains(&code) => Exit::Invalid,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint_runtime::admin::{Delivered, Retried, Synced, Verified};

    #[test]
    fn replies_with_something_set_aside_are_partial() {
        let stopped = Delivered {
            stopped: 1,
            ..Delivered::default()
        };
        let retrying = Delivered {
            retrying: 1,
            ..Delivered::default()
        };
        let synced = |quarantined, delivered| {
            Reply::Synced(Synced {
                quarantined,
                delivered,
                ..Synced::default()
            })
        };
        for (reply, exit) in [
            (synced(0, None), Exit::Done),
            (synced(1, None), Exit::Partial),
            (synced(0, Some(stopped.clone())), Exit::Partial),
            (synced(0, Some(retrying.clone())), Exit::Done),
            (Reply::Delivered(stopped), Exit::Partial),
            (Reply::Delivered(retrying), Exit::Done),
            (
                Reply::Retried(Retried {
                    refused_again: 1,
                    ..Retried::default()
                }),
                Exit::Partial,
            ),
        ] {
            assert_eq!(of_reply(&reply), exit, "{reply:?}");
        }
    }

    #[test]
    fn differences_are_invalid_even_when_the_counts_agree() {
        let segment = |stored, expected, different: &[&str]| {
            Reply::Verified(vec![Verified {
                segment: "s".to_owned(),
                stored,
                expected,
                different: different.iter().map(|&id| id.to_owned()).collect(),
            }])
        };
        assert_eq!(of_reply(&segment(2, 2, &[])), Exit::Done);
        assert_eq!(of_reply(&segment(2, 3, &["a"])), Exit::Invalid);
        assert_eq!(of_reply(&segment(2, 2, &["a", "b"])), Exit::Invalid);
    }

    #[test]
    fn errors_are_found_below_context() {
        let admin = |code: Option<&str>| AdminError {
            code: code.map(str::to_owned),
            message: "no".to_owned(),
            hint: None,
        };
        let io = |kind| anyhow::Error::new(io::Error::from(kind));
        for (error, exit) in [
            (anyhow::Error::new(admin(None)), Exit::Failed),
            (anyhow::Error::new(admin(Some("XP-PLG-001"))), Exit::Failed),
            (anyhow::Error::new(admin(Some("XP-RUN-012"))), Exit::Invalid),
            (
                anyhow::Error::new(admin(Some("XP-CFG-004"))).context("while opening"),
                Exit::Invalid,
            ),
            (
                anyhow::Error::new(crosspoint_api::Error::Refused(admin(Some("XP-CFG-004")))),
                Exit::Invalid,
            ),
            (io(io::ErrorKind::BrokenPipe), Exit::Done),
            (io(io::ErrorKind::NotFound), Exit::Failed),
        ] {
            assert_eq!(of_error(&error), exit, "{error:?}");
        }
    }
}
