//! The value of an attribute or trait.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Decimal, Instant};

/// What an attribute or trait holds. Mirrors `value` of the plugin contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// The source says that it is empty.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact decimal.
    Decimal(Decimal),
    /// Text.
    Text(SmolStr),
    /// A point in time.
    Instant(Instant),
    /// JSON text: a list, an object, or whatever has no better case.
    Json(Box<str>),
}

impl Value {
    /// Text of any length.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(SmolStr::new(text))
    }
}

impl fmt::Display for Value {
    /// As a person reads it; `Null` is the empty text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(flag) => flag.fmt(f),
            Self::Int(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Instant(instant) => instant.fmt(f),
            Self::Json(json) => json.fmt(f),
        }
    }
}
