//! Reading single settings: words, dates, delimiters, kinds of identifiers.

use crosspoint_sdk::Error;
use crosspoint_sdk::map::instant::{Pattern, zone_minutes};
use crosspoint_sdk::map::number::Notation;

use super::{Dates, IdentifierKind};
use crate::settings::{After, FormatSetting, Settings};

pub(super) const GRANTED: &[&str] = &[
    "true",
    "1",
    "yes",
    "y",
    "on",
    "x",
    "ja",
    "j",
    "oui",
    "si",
    "sí",
    "granted",
    "subscribed",
];
pub(super) const WITHDRAWN: &[&str] = &[
    "false",
    "0",
    "no",
    "n",
    "off",
    "nein",
    "nee",
    "non",
    "withdrawn",
    "unsubscribed",
];

/// The folder for what was read, where there is one.
pub(super) fn archive_folder(settings: &Settings) -> Result<Option<String>, Error> {
    let folder = settings.archive_folder.trim_matches('/');
    let special = |part: &str| part.is_empty() || part == "." || part == "..";
    if folder.split('/').any(special) || folder.contains('\\') {
        let reason = format!(
            "`{}` is no path below the granted location",
            settings.archive_folder
        );
        return Err(Error::invalid("archive_folder", reason));
    }
    Ok((settings.after == After::Archive).then(|| folder.to_owned()))
}

pub(super) fn words(given: &[String], usual: &[&str]) -> Vec<String> {
    if given.is_empty() {
        usual.iter().map(|word| (*word).to_owned()).collect()
    } else {
        given.iter().map(|word| word.to_lowercase()).collect()
    }
}

pub(super) fn notation(decimal_comma: bool) -> Notation {
    if decimal_comma {
        Notation::Comma
    } else {
        Notation::Point
    }
}

pub(super) fn dates(place: &str, formats: &[String], zone: &str) -> Result<Dates, Error> {
    let invalid =
        |error: crosspoint_sdk::map::NotationError| Error::invalid(place, error.to_string());
    let mut patterns = formats
        .iter()
        .map(|text| Pattern::new(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(invalid)?;
    if patterns.is_empty() {
        patterns.push(Pattern::new("iso").map_err(invalid)?);
    }
    let zone = zone_minutes(zone).map_err(|error| {
        Error::invalid(
            if place == "date_formats" {
                "zone"
            } else {
                place
            },
            error.to_string(),
        )
    })?;
    Ok(Dates { patterns, zone })
}

pub(super) fn delimiter(settings: &Settings) -> Result<Option<u8>, Error> {
    let Some(text) = &settings.delimiter else {
        return Ok(None);
    };
    if !matches!(settings.format, FormatSetting::Auto | FormatSetting::Csv) {
        return Err(Error::invalid(
            "delimiter",
            "the chosen `format` has its own delimiter",
        ));
    }
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(Some(*byte)),
        _ => Err(Error::invalid(
            "delimiter",
            "expected one ASCII character other than a quote",
        )),
    }
}

pub(super) fn identifier_kind(name: &str, place: &str) -> Result<IdentifierKind, Error> {
    Ok(match name {
        "customer" => IdentifierKind::Customer,
        "user_id" => IdentifierKind::UserId,
        "email" => IdentifierKind::Email,
        "phone" => IdentifierKind::Phone,
        "anonymous_id" => IdentifierKind::AnonymousId,
        "cookie" => IdentifierKind::Cookie,
        other => match other.strip_prefix("external.") {
            Some(system) if !system.is_empty() => IdentifierKind::External(system.to_owned()),
            _ => {
                return Err(Error::invalid(
                    place,
                    "expected customer, user_id, email, phone, anonymous_id, cookie or \
                     external.<system>",
                ));
            }
        },
    })
}
