//! How vendors find out that an address is ours.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::{self, VerifyingKey};
use super::{Answer, Call, Refusal, is_any, parameter};
use crate::mac::{self, Key};
use crate::manifest::{Challenge, ChallengeKind, Encoding, Webhook};
use crate::secret::Secret;

/// Longest text that is echoed or signed, in bytes.
const MAX_ASKED_BYTES: usize = 1024;

/// Answers challenges.
pub(super) struct Challenger {
    asks: Challenge,
    /// `hub`: values of the verify token.
    tokens: Vec<Key>,
    /// `signed`: the newest key.
    signer: Option<VerifyingKey>,
}

#[derive(Deserialize)]
struct UrlVerification {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
}

impl Challenger {
    pub(super) fn new(
        challenge: &Challenge,
        webhook: &Webhook,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Self, String> {
        let name = challenge.secret.as_ref().or(webhook.secret.as_ref());
        let secret = name.and_then(|name| secrets.get(name)).ok_or("is missing");
        let (mut tokens, mut signer) = (Vec::new(), None);
        match challenge.kind {
            ChallengeKind::Hub => tokens = keys::values(secret?)?,
            ChallengeKind::Signed => {
                let digest = challenge.digest.unwrap_or_default();
                let keys = keys::hmac(secret?, digest, challenge.key.unwrap_or_default())?;
                signer = keys.into_iter().next();
            }
            _ => {}
        }
        Ok(Self {
            asks: challenge.clone(),
            tokens,
            signer,
        })
    }

    /// The answer to a challenge that comes without proof, if the call is one.
    pub(super) fn unproven(&self, call: &Call<'_>) -> Option<Result<Answer, Refusal>> {
        match self.asks.kind {
            ChallengeKind::Hub if call.method == "GET" => self.hub(call.query).transpose(),
            ChallengeKind::Probe if matches!(call.method, "GET" | "HEAD") => {
                Some(Ok(Answer::empty()))
            }
            ChallengeKind::Echo => {
                let asked = self.asked(call.query).transpose()?;
                Some(asked.and_then(echo))
            }
            ChallengeKind::Signed if call.method == "GET" => {
                let asked = self.asked(call.query).transpose()?;
                Some(asked.and_then(|text| self.signed(text)))
            }
            _ => None,
        }
    }

    /// The answer to a challenge within a proven call, if the call is one.
    pub(super) fn proven(&self, call: &Call<'_>) -> Option<Answer> {
        if self.asks.kind != ChallengeKind::UrlVerification {
            return None;
        }
        let asked: UrlVerification = serde_json::from_slice(call.body).ok()?;
        (asked.kind == "url_verification")
            .then(|| echo(asked.challenge).ok())
            .flatten()
    }

    fn hub(&self, query: &str) -> Result<Option<Answer>, Refusal> {
        if parameter(query, "hub.mode")?.as_deref() != Some("subscribe") {
            return Ok(None);
        }
        let token = parameter(query, "hub.verify_token")?.ok_or(Refusal::MissingSignature)?;
        if !is_any(&self.tokens, token.as_bytes()) {
            return Err(Refusal::BadSignature);
        }
        let text = parameter(query, "hub.challenge")?.ok_or(Refusal::Malformed)?;
        echo(text).map(Some)
    }

    fn asked(&self, query: &str) -> Result<Option<String>, Refusal> {
        match &self.asks.parameter {
            Some(name) => parameter(query, name),
            None => Ok(None),
        }
    }

    fn signed(&self, text: String) -> Result<Answer, Refusal> {
        // What is signed here must not pass as the content of a delivery: no JSON, no form, none of
        // the punctuation that joins body and clock.
        let bare = text.trim_end_matches('=');
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if bare.is_empty() || text.len() - bare.len() > 2 || !bare.bytes().all(is_code) {
            return Err(Refusal::Malformed);
        }
        let text = within(text)?;
        let Some(VerifyingKey::Hmac(digest, key)) = &self.signer else {
            return Err(Refusal::Malformed);
        };
        let signature = mac::hmac(*digest, key, &[text.as_bytes()]);
        let encoding = self.asks.encoding.unwrap_or(Encoding::Hex);
        let signature = format!("{}{}", self.asks.prefix, mac::encoded(&signature, encoding));
        let mut answer = Map::new();
        if let Some(key) = &self.asks.echo_key {
            answer.insert(key.clone(), text.into());
        }
        if let Some(key) = &self.asks.response_key {
            answer.insert(key.clone(), signature.into());
        }
        Ok(Answer::json(&Value::Object(answer)))
    }
}

/// Echoes only what no browser could take for a page.
fn echo(text: String) -> Result<Answer, Refusal> {
    if text.bytes().all(is_plain) {
        within(text).map(Answer::text)
    } else {
        Err(Refusal::Malformed)
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !b"<>&\"'".contains(&byte)
}

fn within(text: String) -> Result<String, Refusal> {
    if text.len() <= MAX_ASKED_BYTES {
        Ok(text)
    } else {
        Err(Refusal::Malformed)
    }
}
