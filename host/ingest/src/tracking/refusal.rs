//! Why a whole request is refused.

/// What is wrong with a request of which nothing can be used. Clients drop what is refused, so this
/// is for what no later attempt could repair; a bad call among good ones is no refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More bytes than allowed, before or after unpacking.
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Most that is allowed.
        limit_bytes: usize,
    },
    /// More calls than allowed.
    #[error("the batch holds more than {limit} calls")]
    TooMany {
        /// Most that is allowed.
        limit: usize,
    },
    /// Looks compressed, but cannot be unpacked.
    #[error("the body is compressed and cannot be unpacked")]
    Compressed,
    /// No UTF-8.
    #[error("the body is not UTF-8")]
    Encoding,
    /// No JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1; 0 for the end of the line before.
        column: usize,
    },
    /// JSON, but neither a call nor a batch.
    #[error("the body is neither a call nor a batch; expected an object, or a list of objects")]
    Shape,
}

impl Refusal {
    /// A word that stays the same when the text changes; part of the answer.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::TooMany { .. } => "too-many-calls",
            Self::Compressed => "bad-compression",
            Self::Encoding => "not-utf-8",
            Self::Json { .. } => "not-json",
            Self::Shape => "not-a-call",
        }
    }

    /// Whether it is the amount that is wrong, and not the form.
    pub fn is_amount(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany { .. })
    }
}
