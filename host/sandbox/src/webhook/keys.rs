//! The keys that a secret's text holds. During a rotation it holds several, and any may match.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::mac::{self, Key};
use crate::manifest::{Digest, KeyForm, WebhookScheme};
use crate::secret::Secret;

/// A part of a text with spaces counts as a value of its own from this length on: shorter ones are
/// more likely words of a single value, and would make a guessable key.
const SHORTEST_PART_BYTES: usize = 16;

/// A line counts as a value of its own from this length on.
const SHORTEST_LINE_BYTES: usize = 6;

/// What a signature is checked with.
pub(super) enum VerifyingKey {
    Hmac(Digest, Key),
    Public(ParsedPublicKey),
}

/// The values in a text that may itself hold spaces: the whole, its lines, and its words where all
/// of them are long.
pub(super) fn values(secret: &Secret) -> Result<Vec<Key>, String> {
    let text = secret.expose();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    if lines.iter().any(|line| line.len() < SHORTEST_LINE_BYTES) {
        return Err(format!(
            "has a line with fewer than {SHORTEST_LINE_BYTES} characters; each line is a value of its own"
        ));
    }
    let words: Vec<_> = text.split_whitespace().collect();
    let mut found: Vec<&str> = match lines.len() {
        0 => return Err("is empty".to_owned()),
        1 => vec![text.trim_matches(['\r', '\n'])],
        _ => lines,
    };
    if words.len() > 1 && words.iter().all(|word| word.len() >= SHORTEST_PART_BYTES) {
        found.extend(words);
    }
    Ok(found
        .into_iter()
        .map(|value| Zeroizing::new(value.as_bytes().to_vec()))
        .collect())
}

/// Keys of an HMAC.
pub(super) fn hmac(
    secret: &Secret,
    digest: Digest,
    form: KeyForm,
) -> Result<Vec<VerifyingKey>, String> {
    let keys = match form {
        KeyForm::Utf8 => values(secret)?,
        _ => secret
            .expose()
            .split_whitespace()
            .map(|text| mac::key(text, form))
            .collect::<Result<_, _>>()?,
    };
    not_empty(
        keys.into_iter()
            .map(|key| VerifyingKey::Hmac(digest, key))
            .collect(),
    )
}

/// Keys of Standard Webhooks, each with the version that its signatures start with.
pub(super) fn standard(
    secret: &Secret,
    form: KeyForm,
) -> Result<Vec<(String, VerifyingKey)>, String> {
    let text = secret.expose();
    let is_public = |part: &str| part.starts_with("whpk_");
    let mut found = Vec::new();
    for part in text.split_whitespace().filter(|part| is_public(part)) {
        let key = VerifyingKey::Public(public(part, &ED25519)?);
        found.push(("v1a,".to_owned(), key));
    }
    let rest: Vec<_> = text
        .split_whitespace()
        .filter(|it| !is_public(it))
        .collect();
    let symmetric = match form {
        // Spaces may belong to the value then.
        KeyForm::Utf8 if found.is_empty() => hmac(secret, Digest::Sha256, form)?,
        _ if rest.is_empty() => Vec::new(),
        _ => hmac(&Secret::new(rest.join("\n")), Digest::Sha256, form)?,
    };
    let symmetric = symmetric.into_iter().map(|key| ("v1,".to_owned(), key));
    found.extend(symmetric);
    if found.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(found)
}

/// Public keys: PEM, or base64 or hexadecimal text of a SubjectPublicKeyInfo (RFC 5280) or of the
/// bare key.
pub(super) fn publics(secret: &Secret, scheme: WebhookScheme) -> Result<Vec<VerifyingKey>, String> {
    let algorithm: &'static dyn VerificationAlgorithm = match scheme {
        WebhookScheme::EcdsaP256 => &ECDSA_P256_SHA256_ASN1,
        WebhookScheme::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        _ => &ED25519,
    };
    let text = secret.expose();
    let keys: Result<Vec<_>, String> = if text.contains("-----BEGIN") {
        SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes())
            .map(|der| {
                let der = der.map_err(|_| "is no PEM text of a public key".to_owned())?;
                parsed(&der, algorithm)
            })
            .collect()
    } else {
        text.split_whitespace()
            .map(|part| public(part, algorithm))
            .collect()
    };
    not_empty(keys?.into_iter().map(VerifyingKey::Public).collect())
}

fn public(
    text: &str,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<ParsedPublicKey, String> {
    let bare = text.strip_prefix("whpk_").unwrap_or(text);
    let bytes = hex::decode(bare)
        .ok()
        .or_else(|| BASE64_STANDARD.decode(bare).ok())
        .ok_or("is neither PEM, base64 nor hexadecimal text")?;
    parsed(&bytes, algorithm)
}

fn parsed(
    bytes: &[u8],
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<ParsedPublicKey, String> {
    ParsedPublicKey::new(algorithm, bytes)
        .map_err(|_| "is no public key of the kind that the manifest names".to_owned())
}

fn not_empty<T>(keys: Vec<T>) -> Result<Vec<T>, String> {
    if keys.is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(keys)
    }
}
