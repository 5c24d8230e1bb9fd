//! Signatures over a request: Standard Webhooks 1.0.0 and plain HMACs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::Mac as _;
use http::{HeaderName, HeaderValue};
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use crate::egress::{EgressError, Outgoing};
use crate::manifest::{Digest, Encoding, KeyForm};
use crate::secret::Secret;

type Key = Zeroizing<Vec<u8>>;

/// Standard Webhooks asks for 24 to 64 bytes.
const WHSEC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs as <https://github.com/standard-webhooks/standard-webhooks> says, with every key, the
/// newest first.
pub(super) struct StandardWebhooks {
    keys: Vec<Key>,
}

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

impl StandardWebhooks {
    pub(super) const HEADERS: [HeaderName; 2] = [TIMESTAMP, SIGNATURE];

    pub(super) fn new(secret: &Secret) -> Result<Self, String> {
        let keys = secret
            .expose()
            .split_whitespace()
            .map(|text| key(&Secret::new(text), KeyForm::Whsec))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            Err("is empty".to_owned())
        } else {
            Ok(Self { keys })
        }
    }

    pub(super) fn sign(&self, outgoing: &mut Outgoing, now_s: u64) -> Result<(), EgressError> {
        let id = outgoing
            .headers
            .get(&ID)
            .and_then(|id| id.to_str().ok())
            .filter(|id| !id.is_empty() && !id.contains('.'))
            .ok_or_else(|| {
                EgressError::Invalid("`webhook-id` is missing, empty or holds a `.`".to_owned())
            })?;
        let head = format!("{id}.{now_s}.");
        let signatures: Vec<_> = self
            .keys
            .iter()
            .map(|key| {
                let digest = mac_sha256(key, &[head.as_bytes(), &outgoing.body]);
                format!("v1,{}", BASE64_STANDARD.encode(digest))
            })
            .collect();
        outgoing.headers.insert(TIMESTAMP, now_s.into());
        outgoing
            .headers
            .insert(SIGNATURE, ascii(&signatures.join(" "))?);
        Ok(())
    }
}

/// An HMAC over parts of the request.
pub(super) struct Hmac {
    pub(super) header: HeaderName,
    pub(super) prefix: String,
    pub(super) content: String,
    pub(super) digest: Digest,
    pub(super) encoding: Encoding,
    pub(super) key: Key,
    pub(super) timestamp_header: Option<HeaderName>,
}

impl Hmac {
    pub(super) fn headers(&self) -> Vec<HeaderName> {
        std::iter::once(self.header.clone())
            .chain(self.timestamp_header.clone())
            .collect()
    }

    pub(super) fn sign(&self, outgoing: &mut Outgoing, now_s: u64) -> Result<(), EgressError> {
        let now = now_s.to_string();
        let method = outgoing.method.to_string();
        let path = outgoing.url.path().to_owned();
        let parts = parts(&self.content, |name| match name {
            "body" => Some(&outgoing.body),
            "timestamp" => Some(now.as_bytes()),
            "method" => Some(method.as_bytes()),
            "path" => Some(path.as_bytes()),
            _ => None,
        });
        let digest = match self.digest {
            Digest::Sha256 => mac_sha256(&self.key, &parts),
            Digest::Sha512 => mac_sha512(&self.key, &parts),
        };
        let text = match self.encoding {
            Encoding::Hex => hex::encode(digest),
            Encoding::Base64 => BASE64_STANDARD.encode(digest),
        };
        let value = ascii(&format!("{}{text}", self.prefix))?;
        outgoing.headers.insert(self.header.clone(), value);
        if let Some(name) = &self.timestamp_header {
            outgoing.headers.insert(name.clone(), now_s.into());
        }
        Ok(())
    }
}

/// Splits `v0:{timestamp}:{body}` into literal text and values; unknown names stay as written.
fn parts<'a>(template: &'a str, value: impl Fn(&str) -> Option<&'a [u8]>) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let end = rest[open..].find('}').map(|close| open + close);
        let known = end.and_then(|end| Some((end, value(&rest[open + 1..end])?)));
        let (literal, after) = match known {
            Some((end, _)) => (&rest[..open], &rest[end + 1..]),
            None => (&rest[..=open], &rest[open + 1..]),
        };
        found.push(literal.as_bytes());
        found.extend(known.map(|(_, value)| value));
        rest = after;
    }
    found.push(rest.as_bytes());
    found
}

fn mac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = hmac::Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn mac_sha512(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = hmac::Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The key that a secret's text stands for, decoded strictly: a decoder that forgives would turn a
/// typing error into a near-empty key.
pub(super) fn key(secret: &Secret, form: KeyForm) -> Result<Key, String> {
    let text = secret.expose();
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

fn ascii(text: &str) -> Result<HeaderValue, EgressError> {
    let fault = |_| EgressError::Invalid("the signature fits no header".to_owned());
    HeaderValue::from_str(text).map_err(fault)
}
