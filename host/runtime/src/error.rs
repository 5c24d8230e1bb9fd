//! Errors on their way to a person: each with what to do.

use crate::admin::AdminError;

/// Builds an error with a page.
pub(crate) fn coded(
    code: &str,
    message: impl ToString,
    hint: impl Into<Option<String>>,
) -> AdminError {
    AdminError {
        code: Some(code.to_owned()),
        message: message.to_string(),
        hint: hint.into(),
    }
}

/// Something that was asked for by name and is not there.
pub(crate) fn not_found(what: &str, name: &str, hint: &str) -> AdminError {
    coded(
        "XP-RUN-003",
        format!("there is no {what} `{name}`"),
        Some(hint.to_owned()),
    )
}

/// An argument that cannot be understood.
pub(crate) fn bad_argument(message: impl ToString, hint: &str) -> AdminError {
    coded("XP-RUN-004", message, Some(hint.to_owned()))
}

/// The error with all its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<crosspoint_ledger::Error> for AdminError {
    fn from(error: crosspoint_ledger::Error) -> Self {
        let message = chain(&error);
        match error {
            crosspoint_ledger::Error::Locked { .. } => coded(
                "XP-RUN-001",
                message,
                Some(
                    "stop the other host, or let this command talk to it through its socket".into(),
                ),
            ),
            _ => coded(
                "XP-RUN-002",
                message,
                Some("the ledger is the truth: keep its folder as it is and see the page".into()),
            ),
        }
    }
}

impl From<crosspoint_store::Error> for AdminError {
    fn from(error: crosspoint_store::Error) -> Self {
        coded(
            "XP-RUN-005",
            chain(&error),
            Some("start again: a store that is damaged is set aside and rebuilt by itself".into()),
        )
    }
}

impl From<crosspoint_model::state::StateError> for AdminError {
    fn from(error: crosspoint_model::state::StateError) -> Self {
        coded(
            "XP-RUN-005",
            chain(&error),
            Some("start again; the store is checked then".into()),
        )
    }
}

impl From<crosspoint_step::Error> for AdminError {
    fn from(error: crosspoint_step::Error) -> Self {
        coded("XP-RUN-006", chain(&error), None)
    }
}

impl From<crosspoint_sandbox::Error> for AdminError {
    fn from(error: crosspoint_sandbox::Error) -> Self {
        coded(error.code(), chain(&error), None)
    }
}

impl From<crosspoint_deliver::Error> for AdminError {
    fn from(error: crosspoint_deliver::Error) -> Self {
        coded("XP-RUN-007", chain(&error), None)
    }
}

impl From<crosspoint_ingest::Error> for AdminError {
    fn from(error: crosspoint_ingest::Error) -> Self {
        let hint = match &error {
            crosspoint_ingest::Error::Source { fault, .. } => match fault {
                crosspoint_ingest::SourceFault::Auth(_) => {
                    Some("mend the credentials, then `crosspoint connector resume`".to_owned())
                }
                crosspoint_ingest::SourceFault::Transient(_)
                | crosspoint_ingest::SourceFault::RateLimited(_) => {
                    Some("what was read is kept; run the command again to go on".to_owned())
                }
                _ => None,
            },
            _ => None,
        };
        coded("XP-RUN-008", chain(&error), hint)
    }
}
