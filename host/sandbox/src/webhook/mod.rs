//! Whether a call to a connector's hook address is the vendor's. Pure: the call and the instant of
//! its arrival in, a verdict out; nothing is stored, sent or logged.
//!
//! A [`Verifier`] is made from the manifest's `[webhook]` and the connector's secrets. The caller
//! answers what is no delivery, drops what it has seen before by its replay id, and hands the rest
//! to [`Connector::receive`](crate::Connector::receive), which takes the secrets out of it.
//!
//! # Invariants
//! - What the vendor signed is accepted, and nothing else: any bit of body, signature, id or clock
//!   decides (`what_is_signed_is_accepted_and_any_flipped_bit_is_refused`).
//! - A call outside the tolerance is refused however well it is signed
//!   (`a_replay_outside_the_tolerance_is_refused`).
//! - A replay id is bound to what was proven: nobody can replay a call under another one
//!   (`the_replay_id_is_bound_to_the_proof`).
//! - Answering challenges signs nothing that could pass as a delivery
//!   (`a_challenge_signs_no_delivery`).
//! - Shared values are compared in constant time and do not reach the plugin
//!   (`a_shared_value_does_not_reach_the_plugin`).

mod challenge;
mod content;
mod keys;
mod shared;
mod signature;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::connector::source::WebhookRequest;
use crate::mac;
use crate::manifest::{Manifest, Problem, SharedPlace, WebhookScheme};
use crate::secret::{Scrubber, Secret};

pub use verdict::{Answer, Call, Refusal, Verdict};

use challenge::Challenger;
use shared::Shared;
use signature::Signature;

/// Longest id of a call that is remembered, in bytes.
const MAX_ID_BYTES: usize = 256;

/// One `*` of an ignored body stands for one to this many letters or digits.
const MAX_WILDCARD_BYTES: usize = 20;

/// What proves a call.
enum Proof {
    Signature(Box<Signature>),
    Shared(Shared),
    None,
}

/// Tells the vendor's calls from others.
pub struct Verifier {
    proof: Proof,
    id_header: Option<String>,
    replay_headers: Vec<String>,
    ignore: Vec<String>,
    challenge: Option<Challenger>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(***)")
    }
}

impl Verifier {
    /// From the manifest's `[webhook]`; all problems at once. `None` where the manifest takes no
    /// calls, or where a secret that it verifies with is optional and not configured.
    pub(crate) fn new(
        manifest: &Manifest,
        settings: &Map<String, Value>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<Option<Self>, Vec<Problem>> {
        let Some(webhook) = &manifest.webhook else {
            return Ok(None);
        };
        let names = [
            webhook.secret.as_ref(),
            webhook.challenge.as_ref().and_then(|it| it.secret.as_ref()),
        ];
        // A missing secret that is required has been reported with the others.
        if names
            .iter()
            .flatten()
            .any(|name| !secrets.contains_key(*name))
        {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let secret = webhook.secret.as_ref().and_then(|name| secrets.get(name));
        let proof = match webhook.scheme {
            WebhookScheme::None => Ok(Proof::None),
            WebhookScheme::SharedSecret => {
                Shared::new(webhook, settings, secret).map(Proof::Shared)
            }
            _ => Signature::new(webhook, settings, secret)
                .map(|signature| Proof::Signature(Box::new(signature))),
        };
        let challenge = webhook
            .challenge
            .as_ref()
            .map(|challenge| Challenger::new(challenge, webhook, secrets))
            .transpose();
        let mut report = |name: Option<&String>, reason: String| {
            let place = name.map_or_else(|| "webhook".to_owned(), |name| format!("secrets.{name}"));
            problems.push(Problem { place, reason });
        };
        match (proof, challenge) {
            (Ok(proof), Ok(challenge)) => {
                let id_header = webhook.id_header.clone().or_else(|| {
                    (webhook.scheme == WebhookScheme::StandardWebhooks)
                        .then(|| signature::STANDARD_ID.to_owned())
                });
                return Ok(Some(Self {
                    proof,
                    id_header,
                    replay_headers: webhook.replay_headers.clone(),
                    ignore: webhook.ignore.clone(),
                    challenge,
                }));
            }
            (proof, challenge) => {
                if let Err(reason) = proof {
                    report(webhook.secret.as_ref(), reason);
                }
                if let Err(reason) = challenge {
                    let own = webhook.challenge.as_ref().and_then(|it| it.secret.as_ref());
                    report(own.or(webhook.secret.as_ref()), reason);
                }
            }
        }
        Err(problems)
    }

    /// Whether calls can be verified only with [`Call::url`].
    pub fn needs_url(&self) -> bool {
        matches!(&self.proof, Proof::Signature(signature) if signature.needs_url())
    }

    /// How long a replay id must be remembered, in milliseconds; `None` where calls do not age, so
    /// that any time is too short and a day does against repeated deliveries.
    pub fn replay_window_ms(&self) -> Option<i64> {
        match &self.proof {
            Proof::Signature(signature) => signature.replay_window_ms(),
            _ => None,
        }
    }

    /// What to do with a call.
    pub fn verify(&self, call: &Call<'_>) -> Verdict {
        if let Some(asked) = self.challenge.as_ref().and_then(|it| it.unproven(call)) {
            return asked.map_or_else(Verdict::Refused, Verdict::Challenge);
        }
        match self.proven(call) {
            Ok(replay_id) => match self.challenge.as_ref().and_then(|it| it.proven(call)) {
                Some(answer) => Verdict::Challenge(answer),
                None => Verdict::Accepted { replay_id },
            },
            Err(_) if self.is_ignored(call.body) => Verdict::Ignored(Answer::empty()),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn proven(&self, call: &Call<'_>) -> Result<Option<String>, Refusal> {
        let id = self
            .id_header
            .as_ref()
            .map(|name| single(call.headers, name))
            .transpose()?
            .flatten();
        if id.is_some_and(|id| !is_id(id)) {
            return Err(Refusal::Malformed);
        }
        match &self.proof {
            Proof::None => Ok(id.map(str::to_owned)),
            Proof::Shared(shared) => {
                shared.check(call)?;
                Ok(id.map(str::to_owned))
            }
            Proof::Signature(signature) => {
                let digest = signature.check(call, id)?;
                // An id that is not signed could be changed with every replay.
                Ok(match id.filter(|_| signature.covers_id()) {
                    Some(id) => Some(id.to_owned()),
                    None => Some(self.replay_id(&digest, call.headers)),
                })
            }
        }
    }

    /// What was signed, and where that may be the same in two calls, the headers that tell them
    /// apart: whoever changes one of these can only have a call that is known taken again.
    fn replay_id(&self, digest: &[u8], headers: &HeaderMap) -> String {
        if self.replay_headers.is_empty() {
            return hex::encode(&digest[..16]);
        }
        let mut parts = vec![digest];
        for name in &self.replay_headers {
            // A value cannot hold a line's end, so no two lists of values make the same bytes.
            parts.push(headers.get(name).map_or(b"", |value| value.as_bytes()));
            parts.push(b"\n");
        }
        hex::encode(&mac::sha256(&parts)[..16])
    }

    fn is_ignored(&self, body: &[u8]) -> bool {
        self.ignore
            .iter()
            .any(|pattern| matches_body(pattern.as_bytes(), body))
    }

    /// The call as the plugin may see it: without shared values, credentials and cookies, wherever
    /// else they are repeated.
    pub(crate) fn without_secrets(
        &self,
        mut request: WebhookRequest,
        scrubber: &Scrubber,
    ) -> WebhookRequest {
        let shared = match &self.proof {
            Proof::Shared(shared) => Some(shared),
            _ => None,
        };
        request.headers.retain(|(name, _)| {
            let own = shared.is_some_and(|it| it.place == SharedPlace::Header && it.name == *name);
            let credential = [
                header::AUTHORIZATION,
                header::PROXY_AUTHORIZATION,
                header::COOKIE,
            ];
            !own && !credential.iter().any(|it| it.as_str() == name)
        });
        match shared.map(|it| it.place) {
            Some(SharedPlace::Path) => request.path.clear(),
            Some(SharedPlace::Query) => {
                let name = shared.map_or("", |it| it.name.as_str());
                let kept: Vec<_> = request
                    .query
                    .split('&')
                    .filter(|pair| {
                        form_urlencoded::parse(pair.as_bytes()).all(|(key, _)| key != name)
                    })
                    .collect();
                request.query = kept.join("&");
            }
            _ => {}
        }
        request.path = scrubber.text(&request.path);
        request.query = scrubber.text(&request.query);
        for (_, value) in &mut request.headers {
            *value = scrubber.text(value);
        }
        request.body = scrubber.bytes(request.body.into()).into();
        request
    }
}

/// The value of a header that may stand there only once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    value.to_str().map(Some).map_err(|_| Refusal::Malformed)
}

/// The value of a query parameter that may stand there only once, decoded.
fn parameter(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = form_urlencoded::parse(query.as_bytes())
        .filter_map(|(key, value)| (key == name).then_some(value));
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Refusal::Malformed);
    }
    Ok(Some(value.into_owned()))
}

fn is_id(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether any of the values is the given one; looks at all of them in any case.
fn is_any(values: &[mac::Key], given: &[u8]) -> bool {
    values
        .iter()
        .fold(false, |found, value| found | mac::is_same(value, given))
}

fn matches_body(pattern: &[u8], body: &[u8]) -> bool {
    match pattern.split_first() {
        None => body.is_empty(),
        Some((b'*', rest)) => {
            let most = body
                .iter()
                .take(MAX_WILDCARD_BYTES)
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
            (1..=most).any(|taken| matches_body(rest, &body[taken..]))
        }
        Some((first, rest)) => body
            .split_first()
            .is_some_and(|(it, body)| it == first && matches_body(rest, body)),
    }
}
