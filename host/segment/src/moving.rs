//! Instants and spans that move with `now`, and the instants at which what is said about them
//! changes.
//!
//! `now - duration('30d')` is not a number of milliseconds but a line: its value at an instant,
//! and a rate of 1. Comparing two lines gives a result and the exact instant at which the result
//! turns, so that no rule is looked at before that instant.

use std::cmp::Ordering;

use crosspoint_model::Instant;
use crosspoint_model::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

/// Milliseconds that grow by `rate` with every millisecond of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moving {
    /// At the instant of evaluation.
    pub ms: i64,
    pub rate: i64,
}

impl Moving {
    pub fn fixed(ms: i64) -> Self {
        Self { ms, rate: 0 }
    }

    pub fn checked_add(self, other: Moving) -> Option<Moving> {
        Some(Moving {
            ms: self.ms.checked_add(other.ms)?,
            rate: self.rate.checked_add(other.rate)?,
        })
    }

    pub fn checked_sub(self, other: Moving) -> Option<Moving> {
        Some(Moving {
            ms: self.ms.checked_sub(other.ms)?,
            rate: self.rate.checked_sub(other.rate)?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::NotEqual => ordering != Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
        }
    }

    /// The comparison with its sides exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Of values that cannot be compared, or of which one is absent.
    pub fn of_absent(self) -> bool {
        self == Self::NotEqual
    }
}

/// Compares, and gives the first instant after `now` at which the result is another.
pub(crate) fn compare(
    comparison: Comparison,
    left: Moving,
    right: Moving,
    now: Instant,
) -> (bool, Instant) {
    let holds = comparison.holds(left.ms.cmp(&right.ms));
    let rate = i128::from(left.rate) - i128::from(right.rate);
    if rate == 0 {
        return (holds, Instant::MAX);
    }
    let gap = i128::from(left.ms) - i128::from(right.ms);
    // The gap after k ms is gap + rate * k: it meets zero at k = -gap / rate, and can turn the
    // result only there, or in the millisecond after.
    // Nearly always a window's edge, which moves with time.
    let meets = match rate {
        1 => -gap,
        -1 => gap,
        _ => (-gap).div_euclid(rate),
    };
    let turned = [meets, meets + 1, meets + 2]
        .into_iter()
        .find(|k| *k >= 1 && comparison.holds((gap + rate * k).cmp(&0)) != holds);
    (holds, turned.map_or(Instant::MAX, |k| after(now, k)))
}

/// `now` plus `ms`, or never where that is beyond all instants.
fn after(now: Instant, ms: i128) -> Instant {
    i64::try_from(i128::from(now.0) + ms).map_or(Instant::MAX, Instant)
}

/// A part of an instant in UTC, or of a span. Counted as CEL counts: months, days of the month by
/// `getDayOfMonth`, and days of the year from 0; `getDate` from 1; Sunday is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    /// The parts of an instant by the name of their function.
    pub const ALL: [(&str, Part); 10] = [
        ("getFullYear", Part::FullYear),
        ("getMonth", Part::Month),
        ("getDate", Part::Date),
        ("getDayOfMonth", Part::DayOfMonth),
        ("getDayOfWeek", Part::DayOfWeek),
        ("getDayOfYear", Part::DayOfYear),
        ("getHours", Part::Hours),
        ("getMinutes", Part::Minutes),
        ("getSeconds", Part::Seconds),
        ("getMilliseconds", Part::Milliseconds),
    ];

    /// Of an instant.
    pub fn of_instant(self, ms: i64) -> i64 {
        let day = ms.div_euclid(DAY_MS);
        let within = ms.rem_euclid(DAY_MS);
        match self {
            Self::FullYear => civil(day).0,
            Self::Month => civil(day).1 - 1,
            Self::Date => civil(day).2,
            Self::DayOfMonth => civil(day).2 - 1,
            Self::DayOfWeek => (day + 4).rem_euclid(7),
            Self::DayOfYear => day - day_number(civil(day).0, 1),
            Self::Hours => within / HOUR_MS,
            Self::Minutes => within / MINUTE_MS % 60,
            Self::Seconds => within / SECOND_MS % 60,
            Self::Milliseconds => within % SECOND_MS,
        }
    }

    /// The first instant after `ms` at which the part of an instant is another; at the end of
    /// the range the instant itself.
    fn next(self, ms: i64) -> i64 {
        let day = ms.div_euclid(DAY_MS);
        let unit = match self {
            Self::FullYear => return day_number(civil(day).0 + 1, 1).saturating_mul(DAY_MS),
            Self::Month => {
                let (year, month, _) = civil(day);
                let (year, month) = if month == 12 {
                    (year + 1, 1)
                } else {
                    (year, month + 1)
                };
                return day_number(year, month).saturating_mul(DAY_MS);
            }
            Self::Date | Self::DayOfMonth | Self::DayOfWeek | Self::DayOfYear => DAY_MS,
            Self::Hours => HOUR_MS,
            Self::Minutes => MINUTE_MS,
            Self::Seconds => SECOND_MS,
            Self::Milliseconds => 1,
        };
        (ms.div_euclid(unit) + 1).saturating_mul(unit)
    }

    /// The part of a moving instant, and when it changes.
    pub fn of_moving_instant(self, value: Moving, now: Instant) -> (i64, Instant) {
        let part = self.of_instant(value.ms);
        let next = match value.rate {
            0 => Instant::MAX,
            1 => after(now, i128::from(self.next(value.ms)) - i128::from(value.ms)),
            _ => after(now, 1),
        };
        (part, next)
    }

    /// Milliseconds of one unit, for the parts that a span has.
    pub fn span_unit(self) -> Option<i64> {
        match self {
            Self::Hours => Some(HOUR_MS),
            Self::Minutes => Some(MINUTE_MS),
            Self::Seconds => Some(SECOND_MS),
            _ => None,
        }
    }
}

/// Whole units in a moving span, rounded towards zero, and when the number changes.
pub(crate) fn whole_units(span: Moving, unit: i64, now: Instant) -> (i64, Instant) {
    let count = span.ms / unit;
    if span.rate == 0 {
        return (count, Instant::MAX);
    }
    // A falling span is a rising one with the sign turned.
    let sign = i128::from(span.rate.signum());
    let (ms, rate) = (i128::from(span.ms) * sign, i128::from(span.rate) * sign);
    let whole = ms / i128::from(unit);
    let turns = if whole >= 0 {
        (whole + 1) * i128::from(unit)
    } else {
        whole * i128::from(unit) + 1
    };
    let k = (turns - ms + rate - 1).div_euclid(rate);
    (count, after(now, k))
}

/// Year, month from 1, and day from 1 of a day since the epoch, in the proleptic Gregorian
/// calendar (http://howardhinnant.github.io/date_algorithms.html).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

/// The first day of a month from 1, in days since the epoch. Inverse of [`civil`].
fn day_number(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * month_from_march + 2) / 5;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPARISONS: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    /// The first k at which `f` differs from `f(0)`, by trying.
    fn turn<T: PartialEq>(f: impl Fn(i64) -> T) -> Option<i64> {
        (1..200).find(|k| f(*k) != f(0))
    }

    proptest! {
        #[test]
        fn comparisons_turn_when_they_say(
            which in 0..6usize, a in -20..20i64, b in -20..20i64, ra in -2..3i64, rb in -2..3i64,
        ) {
            let comparison = COMPARISONS[which];
            let (left, right) = (Moving { ms: a, rate: ra }, Moving { ms: b, rate: rb });
            let truth = |k: i64| comparison.holds((a + ra * k).cmp(&(b + rb * k)));
            let (holds, next) = compare(comparison, left, right, Instant(1_000));
            prop_assert_eq!(holds, truth(0));
            prop_assert_eq!(next, turn(truth).map_or(Instant::MAX, |k| Instant(1_000 + k)));
        }

        #[test]
        fn whole_units_turn_when_they_say(ms in -50..50i64, rate in -2..3i64, unit in 1..9i64) {
            let (count, next) = whole_units(Moving { ms, rate }, unit, Instant(7));
            let truth = |k: i64| (ms + rate * k) / unit;
            prop_assert_eq!(count, truth(0));
            prop_assert_eq!(next, turn(truth).map_or(Instant::MAX, |k| Instant(7 + k)));
        }

        #[test]
        fn parts_agree_with_jiff(ms in -62_000_000_000_000..250_000_000_000_000i64) {
            let zoned = jiff::Timestamp::from_millisecond(ms).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            prop_assert_eq!(Part::FullYear.of_instant(ms), i64::from(zoned.year()));
            prop_assert_eq!(Part::Month.of_instant(ms), i64::from(zoned.month()) - 1);
            prop_assert_eq!(Part::Date.of_instant(ms), i64::from(zoned.day()));
            prop_assert_eq!(Part::DayOfYear.of_instant(ms), i64::from(zoned.day_of_year()) - 1);
            let sunday = i64::from(zoned.weekday().to_sunday_zero_offset());
            prop_assert_eq!(Part::DayOfWeek.of_instant(ms), sunday);
            prop_assert_eq!(Part::Hours.of_instant(ms), i64::from(zoned.hour()));
            prop_assert_eq!(Part::Minutes.of_instant(ms), i64::from(zoned.minute()));
        }

        #[test]
        fn parts_change_at_the_next_boundary(ms in -62_000_000_000_000..250_000_000_000_000i64) {
            for (_, part) in Part::ALL {
                let next = part.next(ms);
                prop_assert!(next > ms);
                prop_assert_eq!(part.of_instant(next - 1), part.of_instant(ms));
                prop_assert_ne!(part.of_instant(next), part.of_instant(ms));
            }
        }
    }
}
