//! Decimal numbers and money as exact text.

use super::NotationError;
use crate::model::{Decimal, Money};

/// How a vendor or a country writes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `1,234.50`; also with spaces or apostrophes between the thousands.
    Point,
    /// `1.234,50`; also with spaces or apostrophes between the thousands.
    Comma,
}

impl Notation {
    fn separators(self) -> (char, char) {
        match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        }
    }
}

const EXPECTED: NotationError = NotationError {
    expected: "a number such as `1234.50`, with the separators that the settings declare",
};

/// Most significant digits that the contract carries.
const MAX_DIGITS: usize = 28;

/// The contract's decimal text. Takes a sign in front or behind, parentheses for negative amounts,
/// currency signs and letters around the number, and thousands separators where they stand right;
/// refuses exponents, which mean that a spreadsheet has lost digits.
///
/// # Errors
/// For everything else, and for more than 28 significant digits.
pub fn decimal(text: &str, notation: Notation) -> Result<Decimal, NotationError> {
    let text = text.trim();
    if let Some(plain) = plain(text, notation) {
        return Ok(plain);
    }
    let (inner, in_parentheses) = match text
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let is_ornament =
        |c: char| c.is_whitespace() || matches!(c, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₺' | '¢');
    let mut negative = in_parentheses;
    let mut rest = inner.trim_matches(is_ornament);
    for sign in ['-', '\u{2212}'] {
        let stripped = rest.strip_prefix(sign).or_else(|| rest.strip_suffix(sign));
        if let Some(stripped) = stripped {
            if negative {
                return Err(EXPECTED);
            }
            negative = true;
            rest = stripped;
            break;
        }
    }
    let is_code = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_uppercase());
    rest = rest.trim_matches(is_ornament);
    if let Some((head, tail)) = rest.split_at_checked(3)
        && is_code(head)
    {
        rest = tail;
    } else if let Some(at) = rest.len().checked_sub(3)
        && rest.get(at..).is_some_and(is_code)
    {
        rest = &rest[..at];
    }
    rest = rest.trim_matches(is_ornament);
    rest = rest.strip_prefix('+').unwrap_or(rest);
    let digits = ungroup(rest, notation)?;
    finish(&digits, negative)
}

/// The common case without allocation twice: digits with at most one decimal point.
fn plain(text: &str, notation: Notation) -> Option<Decimal> {
    let (point, _) = notation.separators();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut points = 0;
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {}
            other if char::from(other) == point => points += 1,
            _ => return None,
        }
    }
    let bare = digits.as_bytes();
    let is_plain = points <= 1
        && bare.len() <= MAX_DIGITS
        && bare.first()?.is_ascii_digit()
        && bare.last()?.is_ascii_digit()
        && (bare.len() == 1 || bare[0] != b'0' || !bare[1].is_ascii_digit());
    if !is_plain
        || (text.len() > digits.len() && digits.bytes().all(|b| !(b'1'..=b'9').contains(&b)))
    {
        return None;
    }
    Some(if point == '.' {
        text.to_owned()
    } else {
        text.replace(point, ".")
    })
}

/// Removes thousands separators that stand every three digits and makes the decimal sign a point.
fn ungroup(text: &str, notation: Notation) -> Result<String, NotationError> {
    let (point, thousands) = notation.separators();
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let is_separator =
        |c: char| c == thousands || matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}');
    let mut groups = whole.split(is_separator);
    let first = groups.next().unwrap_or_default();
    let mut out = first.to_owned();
    let mut is_grouped = false;
    for group in groups {
        if group.len() != 3 {
            return Err(EXPECTED);
        }
        is_grouped = true;
        out.push_str(group);
    }
    if is_grouped && (first.is_empty() || first.len() > 3) {
        return Err(EXPECTED);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    Ok(out)
}

/// Checks the digits, removes needless zeros in front, puts the sign.
fn finish(text: &str, negative: bool) -> Result<Decimal, NotationError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) || whole.len() + fraction.len() == 0 {
        return Err(EXPECTED);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() + fraction.len() > MAX_DIGITS {
        return Err(NotationError {
            expected: "at most 28 significant digits",
        });
    }
    let is_zero = whole.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    let mut out = String::with_capacity(whole.len() + fraction.len() + 3);
    if negative && !is_zero {
        out.push('-');
    }
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    Ok(out)
}

/// An amount from text; the currency is not read from it.
///
/// # Errors
/// As [`decimal`], and where `currency` is not three letters.
pub fn money(text: &str, currency: &str, notation: Notation) -> Result<Money, NotationError> {
    Ok(Money {
        amount: decimal(text, notation)?,
        currency: self::currency(currency)?,
    })
}

/// An ISO 4217 code in upper case.
///
/// # Errors
/// Where the text is not three letters.
pub fn currency(code: &str) -> Result<String, NotationError> {
    let code = code.trim();
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(code.to_ascii_uppercase())
    } else {
        Err(NotationError {
            expected: "an ISO 4217 currency code such as `EUR`",
        })
    }
}

/// An amount from minor units: 1250 in `EUR` is `12.50`, in `JPY` `1250`, in `KWD` `1.250`.
pub fn from_minor_units(amount: i64, currency: &str) -> Money {
    let currency = currency.trim().to_ascii_uppercase();
    let places = minor_unit_places(&currency);
    let digits = format!("{:0width$}", amount.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if amount < 0 { "-" } else { "" };
    let point = if places > 0 { "." } else { "" };
    Money {
        amount: format!("{sign}{whole}{point}{fraction}"),
        currency,
    }
}

/// Decimal places of a currency's minor unit, as ISO 4217 lists them.
pub fn minor_unit_places(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}
