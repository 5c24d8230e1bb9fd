//! OAuth 1.0a signatures (RFC 5849 §3.4), with a nonce and a time of their own for every attempt.

use http::{HeaderValue, header};
use reqwest::Url;
use zeroize::Zeroizing;

use crate::egress::{EgressError, Outgoing};
use crate::mac;
use crate::manifest::{Digest, Encoding};
use crate::secret::{Secret, percent_encoded};

use super::sensitive;

/// Bytes of randomness in a nonce.
const NONCE_BYTES: usize = 16;

/// Signs requests.
pub(super) struct OAuth1 {
    pub(super) consumer_key: String,
    pub(super) consumer_secret: Secret,
    /// Token and its secret; none for two-legged calls.
    pub(super) token: Option<(Secret, Secret)>,
    pub(super) digest: Digest,
    /// The parameters go into the query instead of the `authorization` header.
    pub(super) in_query: bool,
}

impl OAuth1 {
    pub(super) fn sign(&self, outgoing: &mut Outgoing, now_s: u64) -> Result<(), EgressError> {
        let mut nonce = [0; NONCE_BYTES];
        aws_lc_rs::rand::fill(&mut nonce)
            .map_err(|_| EgressError::Connect("no random bytes for a nonce".to_owned()))?;
        self.sign_with(outgoing, now_s, &hex::encode(nonce))
    }

    pub(super) fn sign_with(
        &self,
        outgoing: &mut Outgoing,
        now_s: u64,
        nonce: &str,
    ) -> Result<(), EgressError> {
        let method = match self.digest {
            Digest::Sha1 => "HMAC-SHA1",
            Digest::Sha256 => "HMAC-SHA256",
            Digest::Sha512 => "HMAC-SHA512",
        };
        let mut own = vec![
            ("oauth_consumer_key", self.consumer_key.clone()),
            ("oauth_nonce", nonce.to_owned()),
            ("oauth_signature_method", method.to_owned()),
            ("oauth_timestamp", now_s.to_string()),
            ("oauth_version", "1.0".to_owned()),
        ];
        if let Some((token, _)) = &self.token {
            own.push(("oauth_token", token.expose().to_owned()));
        }
        own.push(("oauth_signature", self.signature(outgoing, &own)));
        if self.in_query {
            let own: Vec<_> = own
                .iter()
                .map(|(name, value)| format!("{name}={}", percent_encoded(value)))
                .collect();
            let query = match outgoing.url.query() {
                Some(query) if !query.is_empty() => format!("{query}&{}", own.join("&")),
                _ => own.join("&"),
            };
            outgoing.url.set_query(Some(&query));
        } else {
            let own: Vec<_> = own
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", percent_encoded(value)))
                .collect();
            let value = format!("OAuth {}", own.join(", "));
            let value = sensitive(&value).map_err(EgressError::Invalid)?;
            outgoing.headers.insert(header::AUTHORIZATION, value);
        }
        Ok(())
    }

    /// §3.4.2.
    pub(super) fn signature(&self, outgoing: &Outgoing, own: &[(&str, String)]) -> String {
        let token = self.token.as_ref().map(|(_, secret)| secret.expose());
        let key = Zeroizing::new(format!(
            "{}&{}",
            percent_encoded(self.consumer_secret.expose()),
            percent_encoded(token.unwrap_or_default())
        ));
        let base = base(outgoing, own);
        let signature = mac::hmac(self.digest, key.as_bytes(), &[base.as_bytes()]);
        mac::encoded(&signature, Encoding::Base64)
    }
}

/// §3.4.1: method, address and parameters.
pub(super) fn base(outgoing: &Outgoing, own: &[(&str, String)]) -> String {
    let query = outgoing.url.query().unwrap_or_default();
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .chain(form_urlencoded::parse(form(outgoing)))
        .map(|(name, value)| (percent_encoded(&name), percent_encoded(&value)))
        .collect();
    pairs.extend(
        own.iter()
            .map(|(name, value)| (percent_encoded(name), percent_encoded(value))),
    );
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "{}&{}&{}",
        percent_encoded(outgoing.method.as_str()),
        percent_encoded(&address(&outgoing.url)),
        percent_encoded(&pairs.join("&"))
    )
}

/// A body is signed only where it is a form.
fn form(outgoing: &Outgoing) -> &[u8] {
    let kind = outgoing
        .headers
        .get(header::CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    if kind
        .trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    {
        &outgoing.body
    } else {
        &[]
    }
}

/// §3.4.1.2: without query, and without the scheme's own port.
fn address(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    bare.into()
}
