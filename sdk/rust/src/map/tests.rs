use proptest::prelude::*;

use super::instant::{self, Pattern};
use super::number::{self, Notation, decimal, from_minor_units};
use super::phone::e164;

#[test]
fn decimals_in_both_notations() {
    for (text, notation, expected) in [
        ("12.50", Notation::Point, Some("12.50")),
        ("-0.5", Notation::Point, Some("-0.5")),
        ("1,234,567.89", Notation::Point, Some("1234567.89")),
        ("$ 1,234.50", Notation::Point, Some("1234.50")),
        ("(12.00)", Notation::Point, Some("-12.00")),
        ("12.00-", Notation::Point, Some("-12.00")),
        ("EUR 5", Notation::Point, Some("5")),
        (".5", Notation::Point, Some("0.5")),
        ("007", Notation::Point, Some("7")),
        ("-0.00", Notation::Point, Some("0.00")),
        ("+3", Notation::Point, Some("3")),
        ("1.234,50 €", Notation::Comma, Some("1234.50")),
        ("1\u{a0}234,5", Notation::Comma, Some("1234.5")),
        ("1'000.05", Notation::Point, Some("1000.05")),
        ("12,50", Notation::Comma, Some("12.50")),
        ("12,50", Notation::Point, None),
        ("1.23", Notation::Comma, None),
        ("1,2,3", Notation::Point, None),
        ("1.23E+14", Notation::Point, None),
        ("", Notation::Point, None),
        ("-", Notation::Point, None),
        ("(-5)", Notation::Point, None),
        ("12a", Notation::Point, None),
        ("1.2.3", Notation::Point, None),
        ("12345678901234567890123456789", Notation::Point, None),
    ] {
        assert_eq!(
            decimal(text, notation).ok().as_deref(),
            expected,
            "`{text}` {notation:?}"
        );
    }
}

#[test]
fn minor_units_follow_the_currency() {
    for (amount, currency, expected) in [
        (1250, "EUR", "12.50"),
        (5, "usd", "0.05"),
        (-5, "USD", "-0.05"),
        (1250, "JPY", "1250"),
        (1250, "KWD", "1.250"),
        (0, "EUR", "0.00"),
    ] {
        let money = from_minor_units(amount, currency);
        assert_eq!(money.amount, expected);
        assert_eq!(money.currency, currency.to_ascii_uppercase());
    }
    assert_eq!(number::currency(" eur ").as_deref(), Ok("EUR"));
    assert!(number::currency("EURO").is_err());
}

#[test]
fn instants_in_iso() {
    for (text, expected) in [
        ("1970-01-01", Some(0)),
        ("2026-11-03T09:15:27.104Z", Some(1_793_697_327_104)),
        ("2026-11-03 10:15:27.1049+01:00", Some(1_793_697_327_104)),
        ("2026-11-03T09:15Z", Some(1_793_697_300_000)),
        ("1969-12-31T23:59:59.999Z", Some(-1)),
        ("2024-02-29", Some(1_709_164_800_000)),
        ("2023-02-29", None),
        ("2026-13-01", None),
        ("2026-11-03T24:00:00Z", None),
        ("19970101", None),
        ("", None),
    ] {
        assert_eq!(instant::parse(text, 0).ok(), expected, "{text}");
    }
    assert_eq!(
        instant::parse("1970-01-01T01:00:00", 60),
        Ok(0),
        "the declared zone counts"
    );
    assert_eq!(
        instant::parse("1970-01-01T01:00:00Z", 60),
        Ok(3_600_000),
        "a written zone wins"
    );
}

#[test]
fn ambiguous_dates_are_refused() {
    for text in ["03/04/2026", "3.4.26", "04-03-2026", "20260403"] {
        assert!(instant::parse(text, 0).is_err(), "{text}");
    }
}

#[test]
fn patterns_read_what_they_declare() {
    for (pattern, text, expected) in [
        ("%Y%m%d", "19970101", Some("1997-01-01T00:00:00Z")),
        ("%d.%m.%Y", "3.11.2026", Some("2026-11-03T00:00:00Z")),
        (
            "%m/%d/%Y %I:%M %p",
            "11/03/2026 12:05 am",
            Some("2026-11-03T00:05:00Z"),
        ),
        (
            "%m/%d/%Y %I:%M %p",
            "11/03/2026 1:05 PM",
            Some("2026-11-03T13:05:00Z"),
        ),
        ("%d %b %Y", "03 November 2026", Some("2026-11-03T00:00:00Z")),
        ("%d-%b-%y", "03-Nov-26", Some("2026-11-03T00:00:00Z")),
        (
            "%Y-%m-%dT%H:%M:%S.%f%z",
            "2026-11-03T10:15:27.104+0100",
            Some("2026-11-03T09:15:27.104Z"),
        ),
        (
            "epoch-s",
            "1793697327.104",
            Some("2026-11-03T09:15:27.104Z"),
        ),
        (
            "epoch-ms",
            "1793697327104",
            Some("2026-11-03T09:15:27.104Z"),
        ),
        ("iso", "2026-11-03", Some("2026-11-03T00:00:00Z")),
        ("%Y%m%d", "1997010", None),
        ("%Y%m%d", "19970101x", None),
        ("%d.%m.%Y", "29.02.1900", None),
    ] {
        let read = Pattern::new(pattern)
            .unwrap()
            .parse(text, 0)
            .ok()
            .map(instant::to_rfc3339);
        assert_eq!(read.as_deref(), expected, "`{text}` by `{pattern}`");
    }
    for bad in ["", "%Y", "%Y-%m", "%q%Y%m%d", "%Y%m%d %I", "YYYYMMDD"] {
        assert!(Pattern::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn zones_are_offsets() {
    assert_eq!(instant::zone_minutes("+05:30"), Ok(330));
    assert_eq!(instant::zone_minutes("-0800"), Ok(-480));
    assert_eq!(instant::zone_minutes("+01"), Ok(60));
    assert_eq!(instant::zone_minutes("UTC"), Ok(0));
    assert!(instant::zone_minutes("Europe/Berlin").is_err());
}

#[test]
fn phones_become_e164() {
    for (text, code, expected) in [
        ("+1 (555) 010-0100", None, Some("+15550100100")),
        ("0049 171 1234567", None, Some("+491711234567")),
        ("0171/1234567", Some("49"), Some("+491711234567")),
        ("+44 (0)20 7946 0000", None, Some("+442079460000")),
        ("tel:+15550100", None, Some("+15550100")),
        ("0171 1234567", None, None),
        ("+1 555", None, None),
        ("call me", Some("49"), None),
        ("+1234567890123456", None, None),
    ] {
        assert_eq!(e164(text, code).ok().as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn decimal_keeps_every_digit(
        whole in 0u64..u64::MAX, fraction in "[0-9]{0,8}", negative: bool
    ) {
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if negative && (whole > 0 || fraction.bytes().any(|b| b != b'0')) { "-" } else { "" };
        let plain = format!("{sign}{whole}{point}{fraction}");
        prop_assert_eq!(decimal(&plain, Notation::Point).unwrap(), plain.clone());

        let digits = whole.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        let point = if fraction.is_empty() { "" } else { "," };
        let german = format!("{sign}{grouped}{point}{fraction} €");
        prop_assert_eq!(decimal(&german, Notation::Comma).unwrap(), plain);
    }

    #[test]
    fn instant_reads_what_it_writes(ms in -62_135_596_800_000i64..253_402_300_800_000) {
        prop_assert_eq!(instant::parse(&instant::to_rfc3339(ms), 0), Ok(ms));
    }

    #[test]
    fn parsers_never_panic(text in "\\PC{0,24}") {
        let _ = decimal(&text, Notation::Point);
        let _ = decimal(&text, Notation::Comma);
        let _ = instant::parse(&text, 0);
        let _ = instant::zone_minutes(&text);
        let _ = e164(&text, Some("49"));
        for pattern in ["%Y%m%d", "%d.%m.%y %I:%M %p", "%b %d %Y %z", "epoch-s"] {
            let _ = Pattern::new(pattern).unwrap().parse(&text, 0);
        }
    }
}
