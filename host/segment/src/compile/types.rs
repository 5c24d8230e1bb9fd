//! Types of expressions, as far as they are known at load.

use std::fmt;

use crate::schema::TraitType;

/// `Decimal` stands for every number that need not be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Any,
    Null,
    Bool,
    Int,
    Decimal,
    Text,
    Instant,
    Span,
    List,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "a value of any type",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Int | Self::Decimal => "a number",
            Self::Text => "text",
            Self::Instant => "an instant",
            Self::Span => "a duration",
            Self::List => "a list",
        })
    }
}

impl From<TraitType> for Type {
    fn from(kind: TraitType) -> Self {
        match kind {
            TraitType::Any => Self::Any,
            TraitType::Bool => Self::Bool,
            TraitType::Int => Self::Int,
            TraitType::Decimal => Self::Decimal,
            TraitType::Text => Self::Text,
            TraitType::Instant => Self::Instant,
            TraitType::List => Self::List,
        }
    }
}

impl Type {
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal)
    }

    /// Whether a value of this type may stand where `wanted` is needed.
    pub fn fits(self, wanted: Type) -> bool {
        self == wanted || self == Self::Any || (self.is_number() && wanted == Self::Decimal)
    }

    /// Whether values of the two types can be equal.
    pub fn comparable(self, other: Type) -> bool {
        let any = self == Self::Any || other == Self::Any;
        any || self == other || (self.is_number() && other.is_number())
    }

    /// Whether values of the type have an order.
    pub fn is_ordered(self) -> bool {
        !matches!(self, Self::Bool | Self::List | Self::Null)
    }

    /// The type of a value that is of one or the other.
    pub fn either(self, other: Type) -> Option<Type> {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::Null, kind) | (kind, Self::Null) => Some(kind),
            (left, right) if left == right => Some(left),
            (left, right) if left.is_number() && right.is_number() => Some(Self::Decimal),
            _ => None,
        }
    }
}
