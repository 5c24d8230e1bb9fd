//! Typed settings and cursors out of JSON, with errors that name the place.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Reads the connector's settings.
///
/// # Errors
/// [`Error::Invalid`] with the dotted path of the setting at fault.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            "settings".to_owned()
        } else {
            path
        };
        Error::invalid(field, without_position(&error.into_inner().to_string()))
    })
}

/// serde_json appends ` at line 1 column 17`, which means nothing to who wrote TOML.
fn without_position(text: &str) -> &str {
    text.rsplit_once(" at line ")
        .map_or(text, |(before, _)| before)
}

/// Reads a cursor that [`encode_cursor`] wrote; absent stays absent.
///
/// # Errors
/// [`Error::CursorExpired`] where it is not understood, so that the host starts the stream anew.
pub fn decode_cursor<T: DeserializeOwned>(cursor: Option<&[u8]>) -> Result<Option<T>, Error> {
    cursor
        .map(|bytes| {
            serde_json::from_slice(bytes)
                .map_err(|error| Error::CursorExpired(format!("cursor not understood: {error}")))
        })
        .transpose()
}

/// Writes a cursor as JSON.
///
/// # Errors
/// [`Error::Fatal`] where it does not encode or is longer than the contract's 64 KiB.
pub fn encode_cursor<T: Serialize>(cursor: &T) -> Result<Vec<u8>, Error> {
    let bytes = serde_json::to_vec(cursor)
        .map_err(|error| Error::Fatal(format!("could not encode cursor: {error}")))?;
    if bytes.len() > MAX_CURSOR_BYTES {
        return Err(Error::Fatal(format!(
            "cursor of {} bytes is longer than the contract's {MAX_CURSOR_BYTES}",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// The longest cursor that the contract allows.
pub const MAX_CURSOR_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize, Serialize)]
    struct Sample {
        outer: Inner,
    }

    #[derive(Debug, PartialEq, serde::Deserialize, Serialize)]
    struct Inner {
        count: u32,
    }

    #[test]
    fn wrong_setting_is_named_by_its_path() {
        let error = parse::<Sample>(r#"{"outer":{"count":"many"}}"#).unwrap_err();
        assert_eq!(
            error,
            Error::invalid("outer.count", "invalid type: string \"many\", expected u32")
        );
        let error = parse::<Sample>("{}").unwrap_err();
        assert_eq!(error, Error::invalid("settings", "missing field `outer`"));
    }

    #[test]
    fn cursor_reads_back_and_nonsense_is_expired() {
        let sample = Sample {
            outer: Inner { count: 7 },
        };
        let bytes = encode_cursor(&sample).unwrap();
        assert_eq!(decode_cursor::<Sample>(Some(&bytes)).unwrap(), Some(sample));
        assert_eq!(decode_cursor::<Sample>(None).unwrap(), None);
        assert!(matches!(
            decode_cursor::<Sample>(Some(b"?")),
            Err(Error::CursorExpired(_))
        ));
        let long = "x".repeat(MAX_CURSOR_BYTES);
        assert!(matches!(encode_cursor(&long), Err(Error::Fatal(_))));
    }
}
