//! A spreadsheet's number as the decimal text that a person sees.

/// From here on a spreadsheet keeps no digit of a whole number's end.
const DAMAGED_FROM: f64 = 1e15;

/// Below this nobody means the digits.
const TINY: f64 = 1e-20;

/// Fifteen significant digits: as many as Excel shows and keeps. Every decimal of up to fifteen
/// digits comes back as it was typed, and what arithmetic in binary added behind them goes. A number
/// that has more digits before the point is written with an exponent, which keys refuse.
pub fn text(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    let rounded = format!("{number:.14e}");
    let (digits, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits = digits.replace('.', "");
    let digits = digits.trim_end_matches('0');
    if number.abs() >= DAMAGED_FROM || number.abs() < TINY {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}E{exponent:+}");
    }
    match usize::try_from(exponent) {
        Ok(whole) if digits.len() > whole + 1 => {
            let (whole, part) = digits.split_at(whole + 1);
            format!("{sign}{whole}.{part}")
        }
        Ok(whole) => format!("{sign}{digits:0<width$}", width = whole + 1),
        Err(_) => format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
    }
}
