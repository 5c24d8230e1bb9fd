//! The module's tests, and a manifest and calls for them.

mod challenges;
mod manifest;
mod properties;
mod schemes;
mod vectors;

use crosspoint_model::Instant;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::*;

/// 2026-01-02T03:04:05Z.
const NOW_S: i64 = 1_767_323_045;

/// A verifier of the `[webhook]` in `toml` with one secret, `hook`.
fn verifier(toml: &str, secret: &str) -> Verifier {
    try_verifier(toml, secret).unwrap().unwrap()
}

fn try_verifier(toml: &str, secret: &str) -> Result<Option<Verifier>, Vec<Problem>> {
    let text = format!(
        r#"
id = "shop"
name = "Shop"
version = "1.0.0"
contract = "0.1"
roles = ["source"]

[settings.uuid]
type = "text"

[secrets.hook]
attach = {{ kind = "bearer" }}

[webhook]
{toml}
"#
    );
    let manifest = Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let settings = json!({ "uuid": "0b7e3b5e-6f0a-4a57-9f8e-2d1f1e7f0a11" });
    let secrets = BTreeMap::from([("hook".to_owned(), Secret::new(secret))]);
    Verifier::new(&manifest, settings.as_object().unwrap(), &secrets)
}

/// A call that owns its parts.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
    url: Option<String>,
    received_at: Instant,
}

impl Sent {
    fn post(body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: "POST",
            path: String::new(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: body.into(),
            url: None,
            received_at: Instant(NOW_S * 1000),
        }
    }

    fn get(query: &str) -> Self {
        let mut sent = Self::post("");
        sent.method = "GET";
        sent.query = query.to_owned();
        sent
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers
            .append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn url(mut self, url: &str) -> Self {
        self.query = url.split_once('?').map_or("", |(_, it)| it).to_owned();
        self.url = Some(url.to_owned());
        self
    }

    fn at(mut self, received_s: i64) -> Self {
        self.received_at = Instant(received_s * 1000);
        self
    }

    fn verdict(&self, verifier: &Verifier) -> Verdict {
        verifier.verify(&Call {
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
            url: self.url.as_deref(),
            received_at: self.received_at,
        })
    }

    #[track_caller]
    fn is_accepted(&self, verifier: &Verifier) -> Option<String> {
        match self.verdict(verifier) {
            Verdict::Accepted { replay_id } => replay_id,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn is_refused(&self, verifier: &Verifier, refusal: Refusal) {
        assert_eq!(self.verdict(verifier), Verdict::Refused(refusal));
    }
}
