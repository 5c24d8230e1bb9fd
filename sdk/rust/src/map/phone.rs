//! Telephone numbers in E.164.

use super::NotationError;

const EXPECTED: NotationError = NotationError {
    expected: "a telephone number such as `+15550100` or one of a declared country",
};

/// E.164 from what people write. A number without country (`0171 ...`) needs
/// `default_calling_code` (`49`), whose national prefix `0` is dropped; one that starts with `00`
/// is international.
///
/// # Errors
/// Where no country is known, or the digits are fewer than 7 or more than 15.
pub fn e164(text: &str, default_calling_code: Option<&str>) -> Result<String, NotationError> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    // "+44 (0)20 ..." shows the national prefix, which the international form leaves out.
    let text = text.replace("(0)", "");
    let mut digits = String::with_capacity(16);
    for (at, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if at == 0 => {}
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2011}' | '\u{2013}' => {}
            _ => return Err(EXPECTED),
        }
    }
    let international = if text.starts_with('+') {
        digits
    } else if let Some(rest) = digits.strip_prefix("00") {
        rest.to_owned()
    } else {
        let code = default_calling_code
            .ok_or(EXPECTED)?
            .trim_start_matches('+');
        format!("{code}{}", digits.strip_prefix('0').unwrap_or(&digits))
    };
    if (7..=15).contains(&international.len()) && !international.starts_with('0') {
        Ok(format!("+{international}"))
    } else {
        Err(EXPECTED)
    }
}
