//! The compiled form of a rule: names are symbols, literals are values, types are checked.

use crosspoint_model::profile::FactKind;
use crosspoint_model::record::ConsentTopic;
use crosspoint_model::{Decimal, Symbol, Value};
use regex::Regex;

use crate::moving::{Comparison, Part};
use crate::schema::TraitType;
use crate::value::Arithmetic;

/// Facts that may be in hand at once: a `where` within a `where` within ...
pub(crate) const MAX_ROWS: usize = 4;
/// Time windows on one collection.
pub(crate) const MAX_WINDOWS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Literal(Value),
    /// Milliseconds.
    Span(i64),
    Now,
    FirstSeen,
    LastSeen,
    Trait(Symbol, TraitType),
    Granted(ConsentTopic),
    ConsentState(ConsentTopic),
    Member(Symbol),
    Field(usize, Field),
    /// A field that is a symbol is this one.
    FieldIs(usize, Field, Symbol),
    Aggregate(Box<Aggregate>),
    /// A count or sum against a bound: turns later than the count or sum itself.
    Threshold(Box<Aggregate>, Comparison, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    IsAbsent(Box<Node>),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    If(Box<[Node; 3]>),
    /// One of these.
    AnyOf(Box<Node>, Vec<Node>),
    /// An element of a list in JSON.
    InList(Box<Node>, Box<Node>),
    Calculate(Arithmetic, Box<Node>, Box<Node>),
    Negate(Box<Node>),
    Round(Box<Node>, u32),
    TextTest(TextTest, Box<Node>, Box<Node>),
    Matches(Box<Node>, Regex),
    Lower(Box<Node>),
    Upper(Box<Node>),
    Size(Box<Node>),
    Part(Part, Box<Node>),
    /// Whole units of this many milliseconds in a span.
    WholeUnits(i64, Box<Node>),
    ReadAs(TraitType, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// What can be said of a fact or a position of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    At,
    /// Days since the epoch, UTC.
    Day,
    Id,
    /// Status, event name, form, or kind of engagement.
    Name,
    Total,
    Currency,
    Property(Symbol),
    LineProduct,
    LineSku,
    LineName,
    LineCategory,
    LineQuantity,
    LineTotal,
}

impl Field {
    /// Whether its value is a symbol, so that comparing it needs no text.
    pub fn is_symbol(self) -> bool {
        matches!(self, Self::Name | Self::Currency)
    }
}

/// What is collected.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// Facts of a kind, all or of one name.
    Facts(FactKind, Option<Symbol>),
    /// Positions of facts of a kind.
    Lines(FactKind),
    /// Positions of the fact in hand.
    LinesOf(usize),
}

/// A bound on the instant of a fact.
#[derive(Clone, Debug)]
pub(crate) enum Window {
    /// Younger than this many milliseconds: `at > now - span`.
    Within(i64),
    /// `at >= instant`.
    Since(Node),
    /// `at < instant`.
    Before(Node),
}

#[derive(Clone, Debug)]
pub(crate) struct Collection {
    pub rows: Rows,
    pub windows: Vec<Window>,
    pub filter: Option<Node>,
    /// Where the fact in hand is kept.
    pub row: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Sum(Field),
    Min(Field),
    Max(Field),
    Average(Field),
    First(Field),
    Last(Field),
    Distinct(Field),
}

#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    pub collection: Collection,
    pub function: Function,
}

impl Node {
    pub fn decimal(number: Decimal) -> Self {
        Self::Literal(Value::Decimal(number))
    }
}
