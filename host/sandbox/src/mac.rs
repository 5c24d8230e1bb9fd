//! Keyed digests and their text forms, shared by what the host signs and what it verifies.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::manifest::{Digest, Encoding, KeyForm};

/// The bytes of a key, cleared on drop.
pub(crate) type Key = Zeroizing<Vec<u8>>;

/// Standard Webhooks asks for 24 to 64 bytes.
const WHSEC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The HMAC (RFC 2104) over the parts, one after the other.
pub(crate) fn hmac(which: Digest, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let algorithm = match which {
        Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => hmac::HMAC_SHA256,
        Digest::Sha512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(algorithm, key);
    let mut context = hmac::Context::with_key(&key);
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().to_vec()
}

/// SHA-256 over the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().to_vec()
}

/// Whether both are the same, in a time that tells nothing about either, their lengths included.
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(&sha256(&[left]), &sha256(&[right])).is_ok()
}

/// A digest as text.
pub(crate) fn encoded(digest: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => hex::encode(digest),
        Encoding::Base64 => BASE64_STANDARD.encode(digest),
    }
}

/// The reverse of [`encoded`]; hexadecimal digits may be upper case.
pub(crate) fn decoded(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => hex::decode(text).ok(),
        Encoding::Base64 => BASE64_STANDARD.decode(text).ok(),
    }
}

/// The key that a secret's text stands for, decoded strictly: a decoder that forgives would turn a
/// typing error into a near-empty key. The error is a phrase about the secret.
pub(crate) fn key(text: &str, form: KeyForm) -> Result<Key, String> {
    let base64 = |text: &str| {
        BASE64_STANDARD
            .decode(text)
            .map_err(|_| "is no base64".to_owned())
    };
    let bytes = match form {
        KeyForm::Utf8 => text.as_bytes().to_vec(),
        KeyForm::Base64 => base64(text)?,
        KeyForm::Hex => hex::decode(text).map_err(|_| "is no hexadecimal text".to_owned())?,
        KeyForm::Whsec => {
            let encoded = text
                .strip_prefix("whsec_")
                .ok_or("must start with `whsec_`")?;
            let bytes = base64(encoded)?;
            if !WHSEC_BYTES.contains(&bytes.len()) {
                return Err(format!(
                    "holds {} bytes; Standard Webhooks asks for 24 to 64",
                    bytes.len()
                ));
            }
            bytes
        }
    };
    if bytes.is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(Zeroizing::new(bytes))
    }
}
