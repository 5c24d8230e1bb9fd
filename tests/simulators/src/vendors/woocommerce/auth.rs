//! Keys: Basic where the site believes in TLS, OAuth 1.0a one-legged everywhere. Over plain HTTP
//! Basic is not looked at, and who is not known is nobody.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use sha2::Sha256;

use super::error;
use crate::{Answer, Call};

/// How far clocks may be apart.
const WINDOW_S: i64 = 900;
/// RFC 3986: what needs no escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Who is let in.
pub struct Keys {
    pub key: String,
    pub secret: String,
    pub is_revoked: bool,
    /// The host in front drops `authorization`.
    pub drops_header: bool,
    /// The site is reached over TLS.
    pub is_tls: bool,
    pub may_read: bool,
    pub may_write: bool,
    /// The key's owner may manage the shop.
    pub is_capable: bool,
    nonces: BTreeSet<(i64, String)>,
}

fn refused(text: &str) -> Answer {
    error(401, "woocommerce_rest_authentication_error", text)
}

impl Keys {
    pub fn new() -> Self {
        Self {
            key: "ck_0123456789abcdef0123456789abcdef01234567".to_owned(),
            secret: "cs_89abcdef0123456789abcdef0123456789abcdef".to_owned(),
            is_revoked: false,
            drops_header: false,
            is_tls: false,
            may_read: true,
            may_write: true,
            is_capable: true,
            nonces: BTreeSet::new(),
        }
    }

    /// Whether the caller is known; an error where credentials are wrong.
    pub fn check(&mut self, call: &Call, now_ms: i64) -> Result<bool, Answer> {
        let is_known = (self.is_tls && self.basic(call)?) || self.oauth(call, now_ms)?;
        let is_write = call.method != http::Method::GET && call.method != http::Method::HEAD;
        if is_known && is_write && !self.may_write {
            return Err(refused(
                "The API key provided does not have write permissions.",
            ));
        }
        if is_known && !is_write && !self.may_read {
            return Err(refused(
                "The API key provided does not have read permissions.",
            ));
        }
        Ok(is_known)
    }

    fn basic(&self, call: &Call) -> Result<bool, Answer> {
        let given = call
            .param("consumer_key")
            .zip(call.param("consumer_secret"));
        let given = given.map(|(key, secret)| (key.to_owned(), secret.to_owned()));
        let header = if self.drops_header {
            None
        } else {
            call.basic()
        };
        let Some((key, secret)) = given.or(header) else {
            return Ok(false);
        };
        if self.is_revoked || key != self.key {
            return Err(refused("Consumer key is invalid."));
        }
        if secret != self.secret {
            return Err(refused("Consumer secret is invalid."));
        }
        Ok(true)
    }

    fn oauth(&mut self, call: &Call, now_ms: i64) -> Result<bool, Answer> {
        let mut params = call.query.clone();
        let header = call.header("authorization").filter(|_| !self.drops_header);
        if let Some(header) = header.and_then(|it| it.strip_prefix("OAuth ")) {
            params.extend(header.split(',').filter_map(|part| {
                let (name, value) = part.trim().split_once('=')?;
                let value = percent_encoding::percent_decode_str(value.trim_matches('"'));
                let value = value.decode_utf8_lossy().into_owned();
                (name != "realm").then(|| (name.to_owned(), value))
            }));
        }
        let get = |name: &str| {
            params
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let Some(key) = get("oauth_consumer_key") else {
            return Ok(false);
        };
        let wanted = [
            "oauth_timestamp",
            "oauth_nonce",
            "oauth_signature",
            "oauth_signature_method",
        ];
        if let Some(missing) = wanted.iter().find(|name| get(name).is_none()) {
            return Err(error(
                401,
                "woocommerce_rest_authentication_missing_parameter",
                &format!("Missing OAuth parameter {missing}"),
            ));
        }
        let get = |name: &str| get(name).unwrap_or_default();
        if self.is_revoked || key != self.key {
            return Err(refused("Consumer key is invalid."));
        }
        let (method, signature) = (get("oauth_signature_method"), get("oauth_signature"));
        let host = call.header("host").unwrap_or("127.0.0.1");
        let scheme = if self.is_tls { "https" } else { "http" };
        let url = format!("{scheme}://{host}{}", call.path);
        let base = base_string(call.method.as_str(), &url, &params);
        let Some(expected) = sign(&method, &self.secret, &base) else {
            return Err(refused("Invalid signature - signature method is invalid."));
        };
        if expected != signature {
            return Err(refused(
                "Invalid signature - provided signature does not match.",
            ));
        }
        let now_s = now_ms.div_euclid(1000);
        let at_s: i64 = get("oauth_timestamp").parse().unwrap_or(0);
        if (at_s - now_s).abs() > WINDOW_S {
            return Err(refused("Invalid timestamp."));
        }
        self.nonces.retain(|(at_s, _)| now_s - at_s <= WINDOW_S);
        let nonce = get("oauth_nonce");
        if self.nonces.iter().any(|(_, known)| *known == nonce) {
            return Err(refused("Invalid nonce - nonce has already been used."));
        }
        self.nonces.insert((at_s, nonce));
        Ok(true)
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Parameters sorted by name. PHP numbers the values of `name[]`.
pub fn base_string(method: &str, url: &str, params: &[(String, String)]) -> String {
    let mut numbered: Vec<(String, String)> = Vec::new();
    for (name, value) in params.iter().filter(|(name, _)| name != "oauth_signature") {
        let name = match name.strip_suffix("[]") {
            Some(list) => {
                let at = (0..).find(|at| {
                    !numbered
                        .iter()
                        .any(|(known, _)| *known == escape(&format!("{list}[{at}]")))
                });
                format!("{list}[{}]", at.unwrap_or(0))
            }
            None => name.clone(),
        };
        numbered.push((escape(&name), escape(value)));
    }
    numbered.sort();
    let text: Vec<String> = numbered
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{method}&{}&{}", escape(url), escape(&text.join("&")))
}

/// `None` for a method that the shop does not know. There is no token, so its secret is empty.
pub fn sign(method: &str, secret: &str, base: &str) -> Option<String> {
    let key = format!("{secret}&");
    Some(match method {
        "HMAC-SHA1" => {
            let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(base.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        }
        "HMAC-SHA256" => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
            mac.update(base.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        }
        _ => return None,
    })
}
