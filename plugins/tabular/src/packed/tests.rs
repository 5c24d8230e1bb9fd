use proptest::prelude::*;

use super::decimal;

#[test]
fn numbers_are_written_as_a_person_sees_them() {
    for (number, wanted) in [
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
        (42.0, "42"),
        (100.0, "100"),
        (1234567.89, "1234567.89"),
        (0.000_012_5, "0.0000125"),
        (-12.5, "-12.5"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1E+15"),
        (12_345_678_901_234_567.0, "1.23456789012346E+16"),
        (1e-30, "1E-30"),
    ] {
        assert_eq!(decimal::text(number), wanted, "{number:?}");
    }
}

proptest! {
    #[test]
    fn typed_decimals_come_back(digits in 1i64..1_000_000_000_000_000, places in 0usize..8) {
        let digits = digits.to_string();
        let typed = match digits.len().checked_sub(places) {
            Some(whole) if whole > 0 => format!("{}.{}", &digits[..whole], &digits[whole..]),
            _ => format!("0.{digits:0>places$}"),
        };
        let typed = typed.trim_end_matches('0').trim_end_matches('.');
        let number: f64 = typed.parse().unwrap();
        prop_assert_eq!(decimal::text(number), typed);
    }
}
