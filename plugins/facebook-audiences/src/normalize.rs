//! What identifies a person in the form that Meta compares: normalized, then SHA-256.
//!
//! The rules are those of Meta's page on customer file audiences, field by field. Text that is
//! empty once normalized stays empty: the digest of nothing would match nobody and everybody.

use crosspoint_sdk::map::phone::e164;
use sha2::{Digest, Sha256};

use crate::calling::calling_code;

/// A column of Meta's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Id of the person here; not hashed.
    ExternId,
    /// Email address.
    Email,
    /// Telephone number with country code.
    Phone,
    /// First name.
    Fn,
    /// Last name.
    Ln,
    /// First letter of the first name.
    Fi,
    /// City.
    Ct,
    /// State.
    St,
    /// Postal code.
    Zip,
    /// Country.
    Country,
    /// Year of birth.
    Doby,
    /// Month of birth.
    Dobm,
    /// Day of birth.
    Dobd,
    /// Gender.
    Gen,
    /// Advertising id of a mobile device; not hashed.
    Madid,
    /// Worth of the person; not hashed.
    LookalikeValue,
}

impl Column {
    /// In the order of a row.
    pub const ALL: [Self; 16] = [
        Self::ExternId,
        Self::Email,
        Self::Phone,
        Self::Fn,
        Self::Ln,
        Self::Fi,
        Self::Ct,
        Self::St,
        Self::Zip,
        Self::Country,
        Self::Doby,
        Self::Dobm,
        Self::Dobd,
        Self::Gen,
        Self::Madid,
        Self::LookalikeValue,
    ];

    /// Meta's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternId => "EXTERN_ID",
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Fn => "FN",
            Self::Ln => "LN",
            Self::Fi => "FI",
            Self::Ct => "CT",
            Self::St => "ST",
            Self::Zip => "ZIP",
            Self::Country => "COUNTRY",
            Self::Doby => "DOBY",
            Self::Dobm => "DOBM",
            Self::Dobd => "DOBD",
            Self::Gen => "GEN",
            Self::Madid => "MADID",
            Self::LookalikeValue => "LOOKALIKE_VALUE",
        }
    }

    /// What the operator reads about it.
    pub fn description(self) -> &'static str {
        match self {
            Self::ExternId => "Stable id of the person; the profile's, where not mapped.",
            Self::Email => "Email address; the profile's, where not mapped.",
            Self::Phone => "Telephone number; the profile's, where not mapped.",
            Self::Fn => "First name.",
            Self::Ln => "Last name.",
            Self::Fi => "First letter of the first name.",
            Self::Ct => "City.",
            Self::St => "State; in the US its two letters.",
            Self::Zip => "Postal code.",
            Self::Country => "Country, ISO 3166-1 alpha-2.",
            Self::Doby => "Year of birth.",
            Self::Dobm => "Month of birth.",
            Self::Dobd => "Day of birth.",
            Self::Gen => "Gender, `f` or `m`.",
            Self::Madid => "Advertising id of a mobile device.",
            Self::LookalikeValue => "Worth of the person, a number of 0 or more.",
        }
    }

    /// The value as Meta compares it, before hashing; empty where there is none. `country` is two
    /// lower-case letters or empty; `this_year` ends the range of years of birth.
    pub fn normalize(self, text: &str, country: &str, this_year: i32) -> String {
        let text = text.trim();
        match self {
            Self::ExternId => text.to_owned(),
            Self::Madid => text.to_lowercase(),
            Self::Email => match text.split_once('@') {
                Some((name, host)) if !name.is_empty() && host.contains('.') => text.to_lowercase(),
                _ => String::new(),
            },
            Self::Phone => phone(text, country),
            Self::Fn | Self::Ln => name(text),
            Self::Fi => name(text).chars().take(1).collect(),
            Self::Ct => only(text, |c| c.is_ascii_lowercase()),
            Self::St => {
                let state = only(text, |c| !c.is_whitespace() && !is_punctuation(c));
                if country == "us" && state.len() != 2 {
                    String::new()
                } else {
                    state
                }
            }
            Self::Zip => {
                let code = only(text, |c| !c.is_whitespace());
                match country {
                    "us" => us_zip(&code),
                    _ => code,
                }
            }
            Self::Country => {
                let code = text.to_lowercase();
                let is_code = code.len() == 2 && code.bytes().all(|b| b.is_ascii_lowercase());
                if is_code { code } else { String::new() }
            }
            Self::Doby => in_range(text, 1900, this_year, 4),
            Self::Dobm => in_range(text, 1, 12, 2),
            Self::Dobd => in_range(text, 1, 31, 2),
            Self::Gen => match text.to_lowercase().as_str() {
                "f" | "female" | "w" | "weiblich" | "woman" => "f".to_owned(),
                "m" | "male" | "männlich" | "man" => "m".to_owned(),
                _ => String::new(),
            },
            Self::LookalikeValue => {
                let is_number = text.parse::<f64>().is_ok_and(|value| value >= 0.0);
                let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if is_number && is_plain {
                    text.to_owned()
                } else {
                    String::new()
                }
            }
        }
    }

    fn is_hashed(self) -> bool {
        !matches!(self, Self::ExternId | Self::Madid | Self::LookalikeValue)
    }

    /// What goes to Meta. A value that is a digest already is not hashed again.
    pub fn encode(self, text: &str, country: &str, this_year: i32) -> String {
        if self.is_hashed() && is_digest(text) {
            return text.to_owned();
        }
        let normal = self.normalize(text, country, this_year);
        if normal.is_empty() || !self.is_hashed() {
            return normal;
        }
        sha256(&normal)
    }
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Digits with the country's code, which a national number gets where the country is known.
fn phone(text: &str, country: &str) -> String {
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let is_international = text.starts_with('+') || digits(text).starts_with("00");
    let full = match is_international {
        true => e164(text, None).ok(),
        false => national(text, country),
    };
    let full = full.unwrap_or_else(|| text.to_owned());
    digits(&full).trim_start_matches('0').to_owned()
}

fn national(text: &str, country: &str) -> Option<String> {
    let code = calling_code(country)?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    // With eleven digits from 1 on, a number of North America has its code already.
    if code == "1" && digits.len() == 11 && digits.starts_with('1') {
        return Some(digits);
    }
    e164(text, Some(code)).ok()
}

/// Lower case without punctuation; letters of any script stay.
fn name(text: &str) -> String {
    let kept: String = only(text, |c| !is_punctuation(c));
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn only(text: &str, keep: impl Fn(char) -> bool) -> String {
    text.to_lowercase().chars().filter(|c| keep(*c)).collect()
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '«' | '»' | '´' | '¿' | '¡' | '·')
}

fn us_zip(code: &str) -> String {
    let first = code.split('-').next().unwrap_or_default();
    let digits: String = first.chars().take(5).collect();
    if digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits
    } else {
        String::new()
    }
}

fn in_range(text: &str, least: i32, most: i32, width: usize) -> String {
    match text.parse::<i32>() {
        Ok(number) if (least..=most).contains(&number) => format!("{number:0width$}"),
        _ => String::new(),
    }
}
