//! Instants and spans in milliseconds, UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds in one second, minute, hour, day and week.
pub const SECOND_MS: i64 = 1_000;
/// See [`SECOND_MS`].
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// See [`SECOND_MS`].
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// See [`SECOND_MS`]. A day of 24 hours: windows are spans, not calendar days.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// See [`SECOND_MS`].
pub const WEEK_MS: i64 = 7 * DAY_MS;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    /// The earliest instant there is.
    pub const MIN: Instant = Instant(i64::MIN);
    /// The latest instant there is.
    pub const MAX: Instant = Instant(i64::MAX);

    /// Milliseconds since the epoch.
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// Later by `ms`, stopping at the ends of the range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`, negative if `earlier` is later.
    pub fn since_ms(self, earlier: Instant) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since the epoch, rounded down: the UTC calendar day.
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_MS)
    }
}

impl fmt::Display for Instant {
    /// RFC 3339 in UTC with milliseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Text that is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instant; expected RFC 3339 such as `2026-11-03T09:15:00Z`, or a date")]
pub struct ParseInstantError(pub String);

impl FromStr for Instant {
    type Err = ParseInstantError;

    /// RFC 3339, or an ISO 8601 date, which means its first instant in UTC.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(timestamp.as_millisecond()));
        }
        text.parse::<jiff::civil::Date>()
            .ok()
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| Self(zoned.timestamp().as_millisecond()))
            .ok_or_else(|| ParseInstantError(text.to_owned()))
    }
}

/// Text that is no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a span; expected numbers with ms, s, m, h, d or w, such as `90d` or `1h30m`")]
pub struct ParseSpanError(pub String);

/// Parses `1h30m`, `90d`, `2w`, `250ms` into milliseconds.
///
/// # Errors
/// When a part lacks its unit, a unit is unknown, the text is empty, or the span overflows.
pub fn parse_span_ms(text: &str) -> Result<i64, ParseSpanError> {
    let fail = || ParseSpanError(text.to_owned());
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(fail());
    }
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?;
        let number: i64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => SECOND_MS,
            "m" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "w" => WEEK_MS,
            _ => return Err(fail()),
        };
        total = number
            .checked_mul(unit)
            .and_then(|ms| total.checked_add(ms))
            .ok_or_else(fail)?;
        rest = &rest[letters..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_reads_what_it_writes() {
        for text in ["1997-01-01T00:00:00Z", "2026-11-03T09:15:27.104Z"] {
            assert_eq!(text.parse::<Instant>().unwrap().to_string(), text);
        }
        assert_eq!(
            "1997-01-01".parse::<Instant>(),
            "1997-01-01T00:00:00Z".parse()
        );
        assert!("03/04/2026".parse::<Instant>().is_err());
    }

    #[test]
    fn spans_add_up_and_refuse_nonsense() {
        assert_eq!(parse_span_ms("1h30m"), Ok(90 * MINUTE_MS));
        assert_eq!(parse_span_ms("2w"), Ok(14 * DAY_MS));
        for bad in ["", "5", "d", "5x", "5d5", "99999999999999999w"] {
            assert!(parse_span_ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_round_down_before_the_epoch() {
        assert_eq!(Instant(-1).day(), -1);
        assert_eq!(Instant(DAY_MS).day(), 1);
    }
}
