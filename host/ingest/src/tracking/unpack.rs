//! What a body is, seen from its bytes. Headers are not asked: `rudder-sdk-node` labels compressed
//! JSON as a form, and a browser's `sendBeacon` labels JSON as plain text.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::DecodePaddingMode;
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
    let form = plain.strip_prefix(b"data=").map(<[u8]>::to_vec);
    Ok(match form {
        Some(field) => {
            let end = field.iter().position(|byte| *byte == b'&');
            Cow::Owned(data_parameter(&percent_decoded(
                &field[..end.unwrap_or(field.len())],
            )))
        }
        None => plain,
    })
}

/// What a `data` parameter, already percent-decoded, holds: JSON, or JSON in base64 with either
/// alphabet, padded or not.
pub fn data_parameter(data: &[u8]) -> Vec<u8> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard: Vec<u8> = data
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
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

/// Percent-encoding and `+` for a space, as in forms. What is no such code stays as it is.
fn percent_decoded(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).and_then(|code| {
            let text = std::str::from_utf8(code).ok()?;
            text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
            u8::from_str_radix(text, 16).ok()
        });
        match (byte, code) {
            (b'%', Some(code)) => {
                plain.push(code);
                rest = &after[2..];
            }
            (b'+', _) => plain.push(b' '),
            _ => plain.push(*byte),
        }
    }
    plain
}
