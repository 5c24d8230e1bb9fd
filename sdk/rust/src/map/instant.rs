//! Instants out of RFC 3339, ISO 8601, counts since the epoch, and declared patterns.

mod parts;

use self::parts::Parts;
use super::NotationError;
use crate::model::Instant;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

const EXPECTED_ISO: NotationError = NotationError {
    expected: "an instant such as `2026-11-03T09:15:00Z` or a date such as `2026-11-03`; \
               other notations need a declared format",
};

/// Minutes east of UTC, from `Z`, `UTC`, `+01:00`, `+0100` or `+01`.
///
/// # Errors
/// For anything else, among it names of zones.
pub fn zone_minutes(text: &str) -> Result<i32, NotationError> {
    const EXPECTED: NotationError = NotationError {
        expected: "a zone offset such as `+01:00`, or `UTC`",
    };
    let text = text.trim();
    if matches!(text, "Z" | "z" | "UTC" | "GMT" | "utc") {
        return Ok(0);
    }
    let mut parts = Parts {
        rest: text.as_bytes(),
    };
    let sign = parts.sign().ok_or(EXPECTED)?;
    let hours = parts.number(2, 2).ok_or(EXPECTED)?;
    parts.skip(b':');
    let minutes = if parts.rest.is_empty() {
        0
    } else {
        parts.number(2, 2).ok_or(EXPECTED)?
    };
    if !parts.rest.is_empty() || hours > 18 || minutes > 59 {
        return Err(EXPECTED);
    }
    Ok(sign * (hours * 60 + minutes) as i32)
}

/// RFC 3339; or ISO 8601 date with or without time, in the zone that the caller knows.
///
/// # Errors
/// For any other notation: dates such as `03/04/2026` are never guessed.
pub fn parse(text: &str, zone_minutes: i32) -> Result<Instant, NotationError> {
    iso(text.trim(), zone_minutes).ok_or(EXPECTED_ISO)
}

fn iso(text: &str, zone: i32) -> Option<Instant> {
    let mut parts = Parts {
        rest: text.as_bytes(),
    };
    let year = parts.number(4, 4)?;
    parts.expect(b'-')?;
    let month = parts.number(2, 2)?;
    parts.expect(b'-')?;
    let day = parts.number(2, 2)?;
    let mut time = Clock::default();
    let mut zone = zone;
    if !parts.rest.is_empty() {
        if !(parts.skip(b'T') || parts.skip(b't') || parts.skip(b' ')) {
            return None;
        }
        time.hour = parts.number(2, 2)?;
        parts.expect(b':')?;
        time.minute = parts.number(2, 2)?;
        if parts.skip(b':') {
            time.second = parts.number(2, 2)?;
            if parts.skip(b'.') || parts.skip(b',') {
                time.ms = parts.fraction()?;
            }
        }
        parts.skip(b' ');
        if !parts.rest.is_empty() {
            zone = zone_minutes(std::str::from_utf8(parts.rest).ok()?).ok()?;
        }
    }
    assemble(year, month, day, time, zone)
}

/// Seconds since the epoch, with an optional fraction.
///
/// # Errors
/// Where the text is no such number.
pub fn from_epoch_seconds(text: &str) -> Result<Instant, NotationError> {
    const EXPECTED: NotationError = NotationError {
        expected: "seconds since 1970 such as `1793697327`",
    };
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let seconds = digits_only(whole).ok_or(EXPECTED)?;
    let ms = if fraction.is_empty() {
        0
    } else {
        Parts {
            rest: fraction.as_bytes(),
        }
        .fraction()
        .ok_or(EXPECTED)?
    };
    let total = seconds
        .checked_mul(1000)
        .and_then(|s| s.checked_add(ms))
        .ok_or(EXPECTED)?;
    Ok(if negative { -total } else { total })
}

/// Milliseconds since the epoch.
///
/// # Errors
/// Where the text is no whole number.
pub fn from_epoch_ms(text: &str) -> Result<Instant, NotationError> {
    text.trim().parse().map_err(|_| NotationError {
        expected: "milliseconds since 1970 such as `1793697327000`",
    })
}

fn digits_only(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// RFC 3339 in UTC; milliseconds only where there are any.
pub fn to_rfc3339(instant: Instant) -> String {
    let (year, month, day) = civil_from_days(instant.div_euclid(DAY_MS));
    let rest = instant.rem_euclid(DAY_MS);
    let (hour, minute, second, ms) = (
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000,
    );
    let fraction = if ms == 0 {
        String::new()
    } else {
        format!(".{ms:03}")
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// A declared notation of dates: `%Y%m%d`, `%d.%m.%Y %H:%M`, `epoch-s`, `epoch-ms`, `iso`.
///
/// Directives: `%Y` year, `%y` year of the century (1970-2069), `%m` month, `%d` day, `%b` English
/// month name (three letters or full), `%H` hour, `%I` hour of 12, `%p` AM or PM, `%M` minute,
/// `%S` second, `%f` fraction of a second, `%z` zone offset, `%%`. One digit is enough where two
/// are usual and a separator follows. A space stands for any number of spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Iso,
    EpochSeconds,
    EpochMs,
    Parts(Vec<u8>),
}

#[derive(Clone, Copy, Default)]
struct Clock {
    hour: i64,
    minute: i64,
    second: i64,
    ms: i64,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// For an unknown directive, or where year, month or day is missing.
    pub fn new(text: &str) -> Result<Self, NotationError> {
        const EXPECTED: NotationError = NotationError {
            expected: "`iso`, `epoch-s`, `epoch-ms`, or a pattern of %Y %y %m %d %b %H %I %p %M %S \
                       %f %z that holds year, month and day",
        };
        match text {
            "iso" => return Ok(Self(Kind::Iso)),
            "epoch-s" => return Ok(Self(Kind::EpochSeconds)),
            "epoch-ms" => return Ok(Self(Kind::EpochMs)),
            _ => {}
        }
        let mut seen = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let directive = bytes.next().ok_or(EXPECTED)?;
                if !b"YymdbHIpMSfz%".contains(&directive) {
                    return Err(EXPECTED);
                }
                seen.push(directive);
            }
        }
        let has = |directive: &[u8]| seen.iter().any(|one| directive.contains(one));
        if !(has(b"Yy") && has(b"mb") && has(b"d")) || (has(b"I") != has(b"p")) {
            return Err(EXPECTED);
        }
        Ok(Self(Kind::Parts(text.as_bytes().to_vec())))
    }

    /// Reads an instant; a notation without `%z` is in the given zone, a date without time means
    /// its first instant.
    ///
    /// # Errors
    /// Where the text does not follow the pattern or names a day that does not exist.
    pub fn parse(&self, text: &str, zone_minutes: i32) -> Result<Instant, NotationError> {
        match &self.0 {
            Kind::Iso => parse(text, zone_minutes),
            Kind::EpochSeconds => from_epoch_seconds(text),
            Kind::EpochMs => from_epoch_ms(text),
            Kind::Parts(pattern) => read(pattern, text.trim(), zone_minutes).ok_or(NotationError {
                expected: "a date in the declared format",
            }),
        }
    }
}

fn read(pattern: &[u8], text: &str, zone: i32) -> Option<Instant> {
    let mut parts = Parts {
        rest: text.as_bytes(),
    };
    let (mut year, mut month, mut day) = (0, 0, 0);
    let mut time = Clock::default();
    let mut zone = zone;
    let mut afternoon = None;
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        at += 1;
        if byte == b' ' {
            while parts.skip(b' ') {}
            continue;
        }
        if byte != b'%' {
            parts.expect(byte)?;
            continue;
        }
        let directive = *pattern.get(at)?;
        at += 1;
        // A digit or another directive right behind fixes the width: `%Y%m%d`.
        let is_tight = matches!(pattern.get(at), Some(b'%' | b'0'..=b'9'));
        let least = if is_tight { 2 } else { 1 };
        match directive {
            b'Y' => year = parts.number(4, 4)?,
            b'y' => {
                let short = parts.number(2, 2)?;
                year = if short < 70 {
                    2000 + short
                } else {
                    1900 + short
                };
            }
            b'm' => month = parts.number(least, 2)?,
            b'b' => month = parts.month_name()?,
            b'd' => day = parts.number(least, 2)?,
            b'H' => time.hour = parts.number(least, 2)?,
            b'I' => {
                time.hour = parts.number(least, 2)?;
                if !(1..=12).contains(&time.hour) {
                    return None;
                }
            }
            b'p' => afternoon = Some(parts.is_afternoon()?),
            b'M' => time.minute = parts.number(least, 2)?,
            b'S' => time.second = parts.number(least, 2)?,
            b'f' => time.ms = parts.fraction()?,
            b'z' => {
                let len = if parts.rest.first()? == &b'Z' {
                    1
                } else {
                    1 + parts.rest[1..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_digit() || **byte == b':')
                        .count()
                };
                let (offset, rest) = parts.rest.split_at_checked(len)?;
                zone = zone_minutes(std::str::from_utf8(offset).ok()?).ok()?;
                parts.rest = rest;
            }
            b'%' => parts.expect(b'%')?,
            _ => return None,
        }
    }
    if let Some(afternoon) = afternoon {
        time.hour = time.hour % 12 + if afternoon { 12 } else { 0 };
    }
    if parts.rest.is_empty() {
        assemble(year, month, day, time, zone)
    } else {
        None
    }
}

fn assemble(year: i64, month: i64, day: i64, time: Clock, zone: i32) -> Option<Instant> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // A leap second counts as the last one before it.
    let second = if time.second == 60 { 59 } else { time.second };
    if !(1..=days).contains(&day) || time.hour > 23 || time.minute > 59 || second > 59 {
        return None;
    }
    let of_day = ((time.hour * 60 + time.minute) * 60 + second) * 1000 + time.ms;
    Some(days_from_civil(year, month, day) * DAY_MS + of_day - i64::from(zone) * MINUTE_MS)
}

/// Days since the epoch in the proleptic Gregorian calendar, by eras of 400 years from March on.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}
