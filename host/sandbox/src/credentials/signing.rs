//! Signatures over a request: Standard Webhooks 1.0.0 and plain HMACs.

use http::{HeaderName, HeaderValue};

use crate::egress::{EgressError, Outgoing};
use crate::mac::{self, Key};
use crate::manifest::{Digest, Encoding, KeyForm};
use crate::secret::Secret;

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
            .map(|text| mac::key(text, KeyForm::Whsec))
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
                let digest = mac::hmac(Digest::Sha256, key, &[head.as_bytes(), &outgoing.body]);
                format!("v1,{}", mac::encoded(&digest, Encoding::Base64))
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
        let digest = mac::hmac(self.digest, &self.key, &parts);
        let text = mac::encoded(&digest, self.encoding);
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

fn ascii(text: &str) -> Result<HeaderValue, EgressError> {
    let fault = |_| EgressError::Invalid("the signature fits no header".to_owned());
    HeaderValue::from_str(text).map_err(fault)
}
