//! What a body is, seen from its bytes. Headers are not asked: `rudder-sdk-node` labels compressed
//! JSON as a form, and a browser's `sendBeacon` labels JSON as plain text.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::{Limits, Refusal};

/// First bytes of a gzip member with the only method there is (RFC 1952, 2.3.1).
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];

/// The JSON in a body: as it is, out of gzip or zlib, or out of a form's `data` field. Never holds
/// more than the limit and one byte, whatever a compressed body promises to become.
///
/// # Errors
/// [`Refusal::TooLarge`], [`Refusal::Compressed`].
pub fn unpack(body: &[u8], limits: Limits) -> Result<Cow<'_, [u8]>, Refusal> {
    let plain = if body.starts_with(&GZIP) {
        Cow::Owned(inflate(MultiGzDecoder::new(body), limits)?)
    } else if is_zlib(body) {
        Cow::Owned(inflate(ZlibDecoder::new(body), limits)?)
    } else {
        Cow::Borrowed(body)
    };
    if plain.len() > limits.body_bytes {
        let limit_bytes = limits.body_bytes;
        return Err(Refusal::TooLarge { limit_bytes });
    }
    // A form begins with its first field's name; no JSON does.
    match form_value(&plain, "data").filter(|_| plain.starts_with(b"data=")) {
        Some(data) => Ok(Cow::Owned(data_parameter(data.as_bytes()))),
        None => Ok(plain),
    }
}

/// A field of a form or of the query of an address, decoded; the first of that name.
pub fn form_value(form: &[u8], name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(form);
    let (_, value) = fields.find(|(field, _)| field == name)?;
    Some(value.into_owned())
}

/// What a decoded `data` field holds: JSON, or JSON in base64 with either
/// alphabet, padded or not.
pub fn data_parameter(data: &[u8]) -> Vec<u8> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard: Vec<u8> = data
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .map(|byte| match byte {
            // A space was a plus that the client did not encode.
            b'-' | b' ' => b'+',
            b'_' => b'/',
            other => *other,
        })
        .collect();
    GeneralPurpose::new(&base64::alphabet::STANDARD, config)
        .decode(&standard)
        .unwrap_or_else(|_| data.to_vec())
}

/// Method 8 with a window that exists, and a header that is a multiple of 31 (RFC 1950, 2.2). No
/// JSON begins so: the first byte would be `x`, `h`, `X`, `H`, `8`, `(` or a control character,
/// and a number is no call.
fn is_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8
                && method >> 4 <= 7
                && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

fn inflate(packed: impl Read, limits: Limits) -> Result<Vec<u8>, Refusal> {
    let limit = limits.body_bytes as u64 + 1;
    let mut plain = Vec::new();
    packed
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| Refusal::Compressed)?;
    Ok(plain)
}
