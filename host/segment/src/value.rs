//! Values during evaluation, and what scalar operations make of them. No operation fails: where
//! there is no result, it is absent.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Deref;

use crosspoint_model::{Decimal, Instant, Value};
use smol_str::{SmolStr, ToSmolStr};

use crate::moving::{Comparison, Moving, compare};
use crate::schema::TraitType;

/// Text of the profile or the rule, or made during evaluation.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Lent(&'a str),
    Made(SmolStr),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Lent(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// A value during evaluation.
#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Absent,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(Text<'a>),
    Instant(Moving),
    Span(Moving),
    Json(Text<'a>),
}

impl<'a> Val<'a> {
    pub fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Absent,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Int(number) => Self::Int(*number),
            Value::Decimal(number) => Self::Decimal(*number),
            Value::Text(text) => Self::Text(Text::Lent(text)),
            Value::Instant(instant) => Self::instant(*instant),
            Value::Json(json) => Self::Json(Text::Lent(json)),
        }
    }

    pub fn of_cow(value: Cow<'a, Value>) -> Self {
        match value {
            Cow::Borrowed(value) => Self::of(value),
            Cow::Owned(Value::Text(text)) => Self::Text(Text::Made(text)),
            Cow::Owned(Value::Json(json)) => Self::Json(Text::Made(SmolStr::new(json))),
            Cow::Owned(value) => match Val::of(&value) {
                Val::Bool(flag) => Self::Bool(flag),
                Val::Int(number) => Self::Int(number),
                Val::Decimal(number) => Self::Decimal(number),
                Val::Instant(instant) => Self::Instant(instant),
                _ => Self::Absent,
            },
        }
    }

    pub fn instant(instant: Instant) -> Self {
        Self::Instant(Moving::fixed(instant.0))
    }

    pub fn lent(text: &'a str) -> Self {
        Self::Text(Text::Lent(text))
    }

    pub fn made(text: SmolStr) -> Self {
        Self::Text(Text::Made(text))
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// True, or text that says so; everything else is not.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Bool(flag) => *flag,
            Self::Text(text) => &**text == "true",
            _ => false,
        }
    }

    /// As a number: itself, or text that reads as one.
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Int(number) => Some(Number::Int(*number)),
            Self::Decimal(number) => Some(Number::Decimal(*number)),
            Self::Text(text) => {
                let text = text.trim();
                match text.parse() {
                    Ok(number) => Some(Number::Int(number)),
                    Err(_) => text.parse().ok().map(Number::Decimal),
                }
            }
            _ => None,
        }
    }

    pub fn decimal(&self) -> Option<Decimal> {
        self.number().map(Number::decimal)
    }

    /// As a point in time: itself, or text that reads as one.
    pub fn as_instant(&self) -> Option<Moving> {
        match self {
            Self::Instant(instant) => Some(*instant),
            Self::Text(text) => text
                .trim()
                .parse::<Instant>()
                .ok()
                .map(|instant| Moving::fixed(instant.0)),
            _ => None,
        }
    }

    /// As text: itself, or how a scalar is written. Lists and spans have none.
    pub fn text(&self) -> Option<Text<'a>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Bool(flag) => Some(Text::Lent(if *flag { "true" } else { "false" })),
            Self::Int(number) => Some(Text::Made(number.to_smolstr())),
            Self::Decimal(number) => Some(Text::Made(number.to_smolstr())),
            Self::Instant(instant) => Some(Text::Made(Instant(instant.ms).to_smolstr())),
            Self::Absent | Self::Span(_) | Self::Json(_) => None,
        }
    }

    /// Reads the value as one of `kind`, or as absent.
    pub fn read_as(self, kind: TraitType) -> Self {
        match (kind, &self) {
            (_, Self::Absent) | (TraitType::Any, _) => self,
            (TraitType::Bool, Self::Bool(_)) => self,
            (TraitType::Bool, Self::Text(text)) => match &**text {
                "true" => Self::Bool(true),
                "false" => Self::Bool(false),
                _ => Self::Absent,
            },
            (TraitType::Int, _) => match self.number() {
                Some(Number::Int(number)) => Self::Int(number),
                Some(Number::Decimal(number)) => whole(number).map_or(Self::Absent, Self::Int),
                None => Self::Absent,
            },
            (TraitType::Decimal, _) => self.decimal().map_or(Self::Absent, Self::Decimal),
            (TraitType::Text, _) => self.text().map_or(Self::Absent, Self::Text),
            (TraitType::Instant, _) => self.as_instant().map_or(Self::Absent, Self::Instant),
            (TraitType::List, Self::Json(_)) => self,
            (TraitType::Bool | TraitType::List, _) => Self::Absent,
        }
    }

    /// What leaves the evaluation; absent is `None`. A span has no counterpart outside.
    pub fn into_value(self) -> Option<Value> {
        match self {
            Self::Absent | Self::Span(_) => None,
            Self::Bool(flag) => Some(Value::Bool(flag)),
            Self::Int(number) => Some(Value::Int(number)),
            Self::Decimal(number) => Some(Value::Decimal(number)),
            Self::Text(Text::Made(text)) => Some(Value::Text(text)),
            Self::Text(Text::Lent(text)) => Some(Value::Text(SmolStr::new(text))),
            Self::Instant(instant) => Some(Value::Instant(Instant(instant.ms))),
            Self::Json(json) => Some(Value::Json((*json).into())),
        }
    }
}

/// The whole number that a decimal is.
fn whole(number: Decimal) -> Option<i64> {
    use rust_decimal::prelude::ToPrimitive;
    number.0.is_integer().then(|| number.0.to_i64()).flatten()
}

/// A whole number or a decimal; they mix freely.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    Decimal(Decimal),
}

impl Number {
    pub fn decimal(self) -> Decimal {
        match self {
            Self::Int(number) => Decimal::from(number),
            Self::Decimal(number) => number,
        }
    }

    pub fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left.cmp(&right),
            (left, right) => left.decimal().cmp(&right.decimal()),
        }
    }

    pub fn into_val<'a>(self) -> Val<'a> {
        match self {
            Self::Int(number) => Val::Int(number),
            Self::Decimal(number) => Val::Decimal(number),
        }
    }
}

/// Compares two values; `changes` is lowered to when the result is another. Text gives way to
/// the type of the other side. What cannot be compared is not equal and has no order.
pub(crate) fn compare_values(
    comparison: Comparison,
    left: &Val<'_>,
    right: &Val<'_>,
    now: Instant,
    changes: &mut Instant,
) -> bool {
    let ordering = match (left, right) {
        (Val::Int(left), Val::Int(right)) => left.cmp(right),
        (Val::Text(left), Val::Text(right)) | (Val::Json(left), Val::Json(right)) => {
            (**left).cmp(&**right)
        }
        (Val::Bool(left), Val::Bool(right)) => left.cmp(right),
        (Val::Span(left), Val::Span(right)) => {
            let (holds, next) = compare(comparison, *left, *right, now);
            *changes = (*changes).min(next);
            return holds;
        }
        (Val::Instant(_), _) | (_, Val::Instant(_)) => {
            let (Some(left), Some(right)) = (left.as_instant(), right.as_instant()) else {
                return comparison.of_absent();
            };
            let (holds, next) = compare(comparison, left, right, now);
            *changes = (*changes).min(next);
            return holds;
        }
        (Val::Text(text), Val::Bool(flag)) => match truth(text) {
            Some(truth) => truth.cmp(flag),
            None => return comparison.of_absent(),
        },
        (Val::Bool(flag), Val::Text(text)) => match truth(text) {
            Some(truth) => flag.cmp(&truth),
            None => return comparison.of_absent(),
        },
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.order(right),
            _ => return comparison.of_absent(),
        },
    };
    comparison.holds(ordering)
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Arithmetic on numbers, instants, spans, and text. Whole numbers divide to a whole number,
/// rounded towards zero, as in CEL.
pub(crate) fn calculate<'a>(operation: Arithmetic, left: Val<'a>, right: Val<'a>) -> Val<'a> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    let result = match (operation, &left, &right) {
        (Add, Val::Text(left), Val::Text(right)) => {
            Some(Val::made(SmolStr::from_iter([&**left, &**right])))
        }
        (Add, Val::Span(left), Val::Span(right)) => left.checked_add(*right).map(Val::Span),
        (Subtract, Val::Span(left), Val::Span(right)) => left.checked_sub(*right).map(Val::Span),
        (Add, Val::Span(span), instant) | (Add, instant, Val::Span(span)) => instant
            .as_instant()
            .and_then(|instant| instant.checked_add(*span))
            .map(Val::Instant),
        (Subtract, instant, Val::Span(span)) => instant
            .as_instant()
            .and_then(|instant| instant.checked_sub(*span))
            .map(Val::Instant),
        (Subtract, Val::Instant(_), _) | (Subtract, _, Val::Instant(_)) => left
            .as_instant()
            .zip(right.as_instant())
            .and_then(|(left, right)| left.checked_sub(right))
            .map(Val::Span),
        _ => match (left.number(), right.number()) {
            (Some(Number::Int(left)), Some(Number::Int(right))) => match operation {
                Add => left.checked_add(right),
                Subtract => left.checked_sub(right),
                Multiply => left.checked_mul(right),
                Divide => left.checked_div(right),
                Remainder => left.checked_rem(right),
            }
            .map(Val::Int),
            (Some(left), Some(right)) => {
                let (left, right) = (left.decimal(), right.decimal());
                match operation {
                    Add => left.checked_add(right),
                    Subtract => left.checked_sub(right),
                    Multiply => left.checked_mul(right),
                    Divide => divide(left, right),
                    Remainder => left.0.checked_rem(right.0).map(Decimal),
                }
                .map(Val::Decimal)
            }
            _ => None,
        },
    };
    result.unwrap_or(Val::Absent)
}

/// Without trailing zeros, of which the division itself leaves a varying number.
pub(crate) fn divide(left: Decimal, right: Decimal) -> Option<Decimal> {
    left.checked_div(right)
        .map(|quotient| Decimal(quotient.0.normalize()))
}

/// The opposite of a number or span.
pub(crate) fn negate(value: Val<'_>) -> Val<'_> {
    match value {
        Val::Span(span) => Moving::fixed(0)
            .checked_sub(span)
            .map_or(Val::Absent, Val::Span),
        other => calculate(Arithmetic::Subtract, Val::Int(0), other),
    }
}

/// Rounds half away from zero.
pub(crate) fn round<'a>(value: &Val<'_>, digits: u32) -> Val<'a> {
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    match value.number() {
        Some(Number::Decimal(number)) => {
            Val::Decimal(Decimal(number.0.round_dp_with_strategy(digits, strategy)))
        }
        Some(Number::Int(number)) => Val::Int(number),
        None => Val::Absent,
    }
}

/// Letters A to Z in the other case, without a copy where there are none.
pub(crate) fn in_case<'a>(value: &Val<'a>, upper: bool) -> Val<'a> {
    let Some(text) = value.text() else {
        return Val::Absent;
    };
    let foreign = |byte: u8| {
        if upper {
            byte.is_ascii_lowercase()
        } else {
            byte.is_ascii_uppercase()
        }
    };
    if !text.bytes().any(foreign) {
        return Val::Text(text);
    }
    let turned = text.chars().map(|c| match upper {
        true => c.to_ascii_uppercase(),
        false => c.to_ascii_lowercase(),
    });
    Val::made(turned.collect())
}

/// Characters of a text, or elements of a list.
pub(crate) fn size<'a>(value: &Val<'_>) -> Val<'a> {
    let count = match value {
        Val::Json(json) => list(json).map(|items| items.len()),
        other => other.text().map(|text| text.chars().count()),
    };
    count
        .and_then(|count| i64::try_from(count).ok())
        .map_or(Val::Absent, Val::Int)
}

/// Whether a list in JSON holds a value. Its elements are compared like traits.
pub(crate) fn json_contains(json: &str, value: &Val<'_>) -> bool {
    if let Val::Text(text) = value {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && !json.contains('\\') && !json.contains(&**text) {
            return false;
        }
    }
    let Some(items) = list(json) else {
        return false;
    };
    items.iter().any(|item| {
        let item = match item {
            serde_json::Value::Bool(flag) => Val::Bool(*flag),
            serde_json::Value::String(text) => Val::lent(text),
            serde_json::Value::Number(number) => Val::made(number.to_smolstr()),
            _ => return false,
        };
        // Nothing in a list moves, and a moving value is looked up as it stands at this instant.
        compare_values(Comparison::Equal, &item, value, Instant(0), &mut Instant(0))
    })
}

fn list(json: &str) -> Option<Vec<serde_json::Value>> {
    serde_json::from_str(json).ok()
}

/// An order of all values that treats equal numbers as equal: for counting distinct ones.
pub(crate) fn order(left: &Val<'_>, right: &Val<'_>) -> Ordering {
    let rank = |value: &Val<'_>| match value {
        Val::Absent => 0,
        Val::Bool(_) => 1,
        Val::Int(_) | Val::Decimal(_) => 2,
        Val::Text(_) => 3,
        Val::Instant(_) => 4,
        Val::Span(_) => 5,
        Val::Json(_) => 6,
    };
    match (left, right) {
        (Val::Bool(left), Val::Bool(right)) => left.cmp(right),
        (Val::Text(left), Val::Text(right)) | (Val::Json(left), Val::Json(right)) => {
            (**left).cmp(&**right)
        }
        (Val::Instant(left), Val::Instant(right)) | (Val::Span(left), Val::Span(right)) => {
            left.ms.cmp(&right.ms)
        }
        _ => rank(left)
            .cmp(&rank(right))
            .then_with(|| match (left.number(), right.number()) {
                (Some(left), Some(right)) => left.order(right),
                _ => Ordering::Equal,
            }),
    }
}
