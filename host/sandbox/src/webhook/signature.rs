//! Signatures over a call.

use http::HeaderMap;
use serde_json::{Map, Value};

use crosspoint_model::Instant;

use super::content::{Content, Found};
use super::keys::{self, VerifyingKey};
use super::{Call, Refusal, single};
use crate::mac;
use crate::manifest::{
    DEFAULT_TOLERANCE_S, Encoding, KeyForm, TimestampFormat, Webhook, WebhookScheme,
};
use crate::secret::Secret;

/// Header with the call's id in Standard Webhooks.
pub(super) const STANDARD_ID: &str = "webhook-id";
const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
const STANDARD_SIGNATURE: &str = "webhook-signature";

/// More entries in one header than any rotation needs; bounds the work of a forged call.
const MAX_ENTRIES: usize = 16;

/// How a call is signed, and with what.
pub(super) struct Signature {
    header: String,
    separator: Option<String>,
    /// With what an entry starts that this key has signed.
    keys: Vec<(String, VerifyingKey)>,
    encoding: Encoding,
    content: Content,
    covers_id: bool,
    clock: Option<Clock>,
}

/// Where the sender's clock stands.
struct Clock {
    place: ClockPlace,
    format: TimestampFormat,
    tolerance_ms: i64,
}

enum ClockPlace {
    Header(String),
    /// An entry of the signature header, and what it starts with.
    Entry(String),
}

impl Signature {
    pub(super) fn new(
        webhook: &Webhook,
        settings: &Map<String, Value>,
        secret: Option<&Secret>,
    ) -> Result<Self, String> {
        let secret = secret.ok_or("is missing")?;
        let is_standard = webhook.scheme == WebhookScheme::StandardWebhooks;
        let named = |given: &Option<String>, standard: &str| {
            given
                .clone()
                .or_else(|| is_standard.then(|| standard.to_owned()))
        };
        let header = named(&webhook.signature_header, STANDARD_SIGNATURE)
            .ok_or("needs a `signature_header` in the manifest")?;
        let timestamp_header = named(&webhook.timestamp_header, STANDARD_TIMESTAMP);
        let prefixed = |keys: Vec<_>| {
            keys.into_iter()
                .map(|key| (webhook.prefix.clone(), key))
                .collect()
        };
        let keys = match webhook.scheme {
            WebhookScheme::StandardWebhooks => {
                keys::standard(secret, webhook.key.unwrap_or(KeyForm::Whsec))?
            }
            WebhookScheme::Hmac => prefixed(keys::hmac(
                secret,
                webhook.digest.unwrap_or_default(),
                webhook.key.unwrap_or_default(),
            )?),
            scheme => prefixed(keys::publics(secret, scheme)?),
        };
        let template = match &webhook.content {
            Some(content) => content,
            None if is_standard => "{id}.{timestamp}.{body}",
            None => "{body}",
        };
        let must_cover = webhook
            .signed_headers
            .iter()
            .chain(&timestamp_header)
            .chain(&webhook.id_header)
            .cloned()
            .collect();
        let content = Content::new(
            template,
            settings,
            webhook.signed_headers.clone(),
            must_cover,
            webhook.body_digest_parameter.clone(),
        )?;
        let place = match (timestamp_header, &webhook.timestamp_prefix) {
            (Some(name), _) => Some(ClockPlace::Header(name)),
            (None, Some(prefix)) => Some(ClockPlace::Entry(prefix.clone())),
            (None, None) => None,
        };
        let tolerance_s = webhook.tolerance_s.unwrap_or(DEFAULT_TOLERANCE_S);
        Ok(Self {
            header,
            separator: webhook
                .separator
                .clone()
                .or_else(|| is_standard.then(|| " ".to_owned())),
            keys,
            encoding: webhook.encoding.unwrap_or(match webhook.scheme {
                WebhookScheme::Hmac => Encoding::Hex,
                _ => Encoding::Base64,
            }),
            covers_id: content.has("id") || content.has("signed_headers"),
            content,
            clock: place.map(|place| Clock {
                place,
                format: webhook.timestamp_format.unwrap_or_default(),
                tolerance_ms: i64::from(tolerance_s) * 1000,
            }),
        })
    }

    pub(super) fn needs_url(&self) -> bool {
        self.content.needs_url()
    }

    pub(super) fn covers_id(&self) -> bool {
        self.covers_id
    }

    /// A call may be early by the tolerance and is taken until it is late by it.
    pub(super) fn replay_window_ms(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| 2 * clock.tolerance_ms)
    }

    /// A digest that is the same for the same signed content, and that no one else can choose.
    pub(super) fn check(&self, call: &Call<'_>, id: Option<&str>) -> Result<Vec<u8>, Refusal> {
        let value = single(call.headers, &self.header)?.ok_or(Refusal::MissingSignature)?;
        let entries: Vec<_> = match &self.separator {
            Some(separator) => value
                .split(separator.as_str())
                .map(str::trim)
                .take(MAX_ENTRIES + 1)
                .collect(),
            None => vec![value.trim()],
        };
        if entries.len() > MAX_ENTRIES {
            return Err(Refusal::Malformed);
        }
        let timestamp = match &self.clock {
            Some(clock) => Some(clock.text(call.headers, &entries)?),
            None => None,
        };
        let texts = self.content.of(call, Found { id, timestamp })?;
        let digest = self.matching(&entries, &texts)?;
        match (&self.clock, timestamp) {
            (Some(clock), Some(text)) => clock.check(text, call.received_at).map(|()| digest),
            _ => Ok(digest),
        }
    }

    fn matching(&self, entries: &[&str], texts: &[Vec<u8>]) -> Result<Vec<u8>, Refusal> {
        let mut refusal = Refusal::MissingSignature;
        for (prefix, key) in &self.keys {
            let given: Vec<_> = entries
                .iter()
                .filter_map(|entry| entry.strip_prefix(prefix.as_str()))
                .filter(|entry| !entry.is_empty())
                .collect();
            if given.is_empty() {
                continue;
            }
            refusal = Refusal::BadSignature;
            for text in texts {
                if let Some(digest) = key.matching(&given, text, self.encoding) {
                    return Ok(digest);
                }
            }
        }
        Err(refusal)
    }
}

impl VerifyingKey {
    fn matching(&self, given: &[&str], text: &[u8], encoding: Encoding) -> Option<Vec<u8>> {
        let mut given = given
            .iter()
            .filter_map(|entry| mac::decoded(entry, encoding));
        match self {
            Self::Hmac(digest, key) => {
                let own = mac::hmac(*digest, key, &[text]);
                given.any(|entry| mac::is_same(&entry, &own)).then_some(own)
            }
            // Not the signature: from one, ECDSA lets anyone make another.
            Self::Public(key) => given
                .any(|entry| key.verify_sig(text, &entry).is_ok())
                .then(|| mac::sha256(&[text])),
        }
    }
}

impl Clock {
    fn text<'a>(&self, headers: &'a HeaderMap, entries: &[&'a str]) -> Result<&'a str, Refusal> {
        match &self.place {
            ClockPlace::Header(name) => single(headers, name)?.ok_or(Refusal::Malformed),
            ClockPlace::Entry(prefix) => {
                let mut found = entries
                    .iter()
                    .filter_map(|entry| entry.strip_prefix(prefix.as_str()));
                let text = found.next().ok_or(Refusal::Malformed)?;
                if found.next().is_some() {
                    return Err(Refusal::Malformed);
                }
                Ok(text)
            }
        }
    }

    fn check(&self, text: &str, received_at: Instant) -> Result<(), Refusal> {
        let sent_at = self.parsed(text).ok_or(Refusal::Malformed)?;
        let age_ms = received_at.since_ms(sent_at);
        if age_ms > self.tolerance_ms {
            Err(Refusal::TooOld)
        } else if age_ms < -self.tolerance_ms {
            Err(Refusal::TooNew)
        } else {
            Ok(())
        }
    }

    fn parsed(&self, text: &str) -> Option<Instant> {
        // `parse` alone would take a sign.
        let number = || {
            text.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| text.parse::<i64>().ok())
                .flatten()
        };
        match self.format {
            TimestampFormat::UnixS => number()?.checked_mul(1000).map(Instant),
            TimestampFormat::UnixMs => number().map(Instant),
            TimestampFormat::Iso => text.parse().ok(),
            TimestampFormat::HttpDate => {
                let since = httpdate::parse_http_date(text)
                    .ok()?
                    .duration_since(std::time::UNIX_EPOCH)
                    .ok()?;
                i64::try_from(since.as_millis()).ok().map(Instant)
            }
        }
    }
}
