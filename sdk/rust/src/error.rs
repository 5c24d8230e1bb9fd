//! What a plugin answers when it cannot do what was asked.

use crate::bindings::source_plugin::crosspoint::connector::errors;
use crate::http::HttpError;

/// Why a call did not work. The host decides from the variant, never from the text; the text is
/// for a person and must hold neither secrets nor personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// May pass: the host tries again with backoff.
    #[error("{0}")]
    Transient(String),
    /// The vendor asked for patience, in milliseconds where it said how long.
    #[error("the vendor asks to wait")]
    RateLimited(Option<u64>),
    /// Credentials refused: the host pauses the connector.
    #[error("{0}")]
    Auth(String),
    /// A setting or argument is wrong: the host waits for a new configuration.
    #[error("`{field}`: {reason}")]
    Invalid {
        /// The setting at fault in dotted notation.
        field: String,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// The remote object is gone for good.
    #[error("{0}")]
    Gone(String),
    /// The cursor is not understood: the host starts the stream anew.
    #[error("{0}")]
    CursorExpired(String),
    /// This plugin does not do that.
    #[error("{0}")]
    Unsupported(String),
    /// Going on would do harm: the host stops the connector.
    #[error("{0}")]
    Fatal(String),
}

impl Error {
    /// [`Error::Invalid`] for one setting or field.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

impl From<Error> for errors::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Transient(text) => Self::Transient(text),
            Error::RateLimited(wait_ms) => Self::RateLimited(wait_ms),
            Error::Auth(text) => Self::Auth(text),
            Error::Invalid { field, reason } => Self::Invalid(errors::FieldError { field, reason }),
            Error::Gone(text) => Self::Gone(text),
            Error::CursorExpired(text) => Self::CursorExpired(text),
            Error::Unsupported(text) => Self::Unsupported(text),
            Error::Fatal(text) => Self::Fatal(text),
        }
    }
}

impl From<HttpError> for Error {
    /// The class that a fault of transport has for reading; for effects see
    /// [`HttpError::is_effect_unknown`].
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(what) => {
                Self::invalid("grants", format!("request not granted: {what}"))
            }
            HttpError::Connect(what) => Self::Transient(format!("could not connect: {what}")),
            HttpError::Timeout => Self::Transient("no answer in time".to_owned()),
            HttpError::Reset(what) => Self::Transient(format!("connection broke: {what}")),
            HttpError::TooLarge(limit) => {
                Self::Fatal(format!("answer is longer than the limit of {limit} bytes"))
            }
            HttpError::Invalid(what) => Self::Fatal(format!("malformed request: {what}")),
            HttpError::Auth(what) => Self::Auth(what),
            HttpError::RateLimited(wait_ms) => Self::RateLimited(Some(wait_ms)),
        }
    }
}

impl From<crate::tcp::TcpError> for Error {
    /// The class that a fault has for reading; whether something happened is the protocol's to say.
    fn from(error: crate::tcp::TcpError) -> Self {
        use crate::tcp::TcpError;
        match error {
            TcpError::Denied(what) => Self::invalid("grants", format!("not granted: {what}")),
            TcpError::Connect(what) => Self::Transient(format!("could not connect: {what}")),
            TcpError::Tls(what) => Self::invalid("grants", format!("no TLS: {what}")),
            TcpError::Timeout => Self::Transient("no answer in time".to_owned()),
            TcpError::Closed(what) => Self::Transient(format!("connection broke: {what}")),
            TcpError::TooLarge(limit) => {
                Self::Fatal(format!("answer is longer than the limit of {limit} bytes"))
            }
            TcpError::Invalid(what) => Self::Fatal(format!("not understood by the host: {what}")),
            TcpError::Auth(what) => Self::Auth(what),
            TcpError::RateLimited(wait_ms) => Self::RateLimited(Some(wait_ms)),
        }
    }
}

impl From<crate::files::FileError> for Error {
    fn from(error: crate::files::FileError) -> Self {
        use crate::files::FileError;
        match error {
            FileError::NotFound => Self::Transient("file is no longer there".to_owned()),
            FileError::Denied(what) => Self::invalid("grants", format!("not granted: {what}")),
            FileError::Transient(what) => Self::Transient(what),
            FileError::Changed(what) => Self::Transient(format!("file changed: {what}")),
            FileError::Invalid(what) => Self::invalid("path", what),
        }
    }
}
