//! Tokens: client credentials, JWT bearer, refresh; sessions that end by rest or by age.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{CLIENT, Fault, Salesforce, USER, rsa};
use crate::{Answer, Call, Sim};

/// Of the key that the app trusts, see `key.pem`.
const MODULUS: &str = concat!(
    "a797ff2a6fc06d20d726974582b18be52e76777c1a6cc4aa13c04e10bbfe2c39",
    "53a2ba2baf95fb7315276dfe5787bd8b0c4f6e3b4fb61fe3885493f150b4ff50",
    "850bf9f8ef4a939e82a78827b7ce58fe88ab75eb73cdf29ca71e19c573f40c10",
    "b882159b4b26443cf38765054437ac29766c7760e55759230bc4c6ccd5a7ec75",
    "ca9ac707ac76ca0e94f178f0760f3104a99d8718a29ae8a6c23e449672bade40",
    "662d01c2ba557a7e255236ae804a6d7fffbc617c8fab3eac94a9cbed9df311d4",
    "4a2208a9fa7ca5c63e589e640aef133c1bd23ac59e472ac535c4fc00625a2d79",
    "fc9a58ece46885f4c2b46a1975bb35f26155bcb29f123edddd7855e6af1002f5",
);

/// A session ends after so much rest.
const REST_MS: i64 = 2 * 3_600_000;
/// An assertion may not be good for longer.
const ASSERTION_S: i64 = 180;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    started_ms: i64,
    used_ms: i64,
}

fn refuse(status: u16, error: &str, text: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": error, "error_description": text }),
    )
}

impl Salesforce {
    /// Refuses a call without a session that is alive.
    pub fn admit(&mut self, call: &Call, sim: &Sim) -> Result<(), Fault> {
        let now_ms = sim.now_ms();
        let ttl_ms = sim.options.token_ttl.map(|it| it.as_millis() as i64);
        let token = call.bearer().unwrap_or_default();
        let is_here = self.instance.as_ref().is_none_or(|url| {
            let host = url.split("://").nth(1).unwrap_or_default();
            call.header("host").is_none_or(|it| it == host)
        });
        let session = self.sessions.get_mut(token).filter(|it| {
            let is_young = ttl_ms.is_none_or(|ttl| now_ms < it.started_ms + ttl);
            is_here && is_young && now_ms < it.used_ms + REST_MS
        });
        let Some(session) = session else {
            let text = "Session expired or invalid";
            return Err(Fault::new(401, "INVALID_SESSION_ID", text));
        };
        session.used_ms = now_ms;
        if !self.scopes.contains("api") {
            let text = "This session is not valid for use with the REST API";
            return Err(Fault::new(403, "INVALID_SESSION_ID", text));
        }
        Ok(())
    }

    pub fn token(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        if call.method != http::Method::POST {
            return refuse(400, "invalid_request", "must use HTTP POST");
        }
        let form: BTreeMap<String, String> = call.form().into_iter().collect();
        let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let basic = call.basic();
        let (id, secret) = match &basic {
            Some((id, secret)) => (id.as_str(), secret.as_str()),
            None => (text("client_id"), text("client_secret")),
        };
        let grant = text("grant_type");
        if grant == "urn:ietf:params:oauth:grant-type:jwt-bearer" {
            return match self.assertion(text("assertion"), sim) {
                Ok(()) => self.hand_out(None, sim),
                Err(text) => refuse(400, "invalid_grant", text),
            };
        }
        if !matches!(grant, "client_credentials" | "refresh_token") {
            return refuse(400, "unsupported_grant_type", "grant type not supported");
        }
        if id != CLIENT {
            return refuse(400, "invalid_client_id", "client identifier invalid");
        }
        if secret != self.client_secret {
            return refuse(400, "invalid_client", "invalid client credentials");
        }
        if grant == "client_credentials" {
            if !self.has_run_as {
                return refuse(400, "invalid_grant", "no client credentials user enabled");
            }
            return self.hand_out(None, sim);
        }
        let old = text("refresh_token");
        if !self.refresh.contains(old) {
            return refuse(400, "invalid_grant", "expired access/refresh token");
        }
        let fresh = self.rotates.then(|| {
            self.refresh.remove(old);
            let fresh = format!("5Aep861{:06}.rotated.refresh.token", self.number());
            self.refresh.insert(fresh.clone());
            sim.effect("token.rotate", CLIENT, &fresh, Value::Null);
            fresh
        });
        self.hand_out(fresh, sim)
    }

    fn hand_out(&mut self, refresh: Option<String>, sim: &mut Sim) -> Answer {
        let (number, now_ms) = (self.number(), sim.now_ms());
        let token = format!(
            "00DRO0000001abc!AQ0A{number:08}.{:016x}",
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        );
        let session = Session {
            started_ms: now_ms,
            used_ms: now_ms,
        };
        self.sessions.insert(token.clone(), session);
        let instance = self.instance.clone().unwrap_or_else(|| sim.url.clone());
        let scope: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        let mut body = json!({
            "access_token": token, "signature": "c2lnbmF0dXJl", "scope": scope.join(" "), "instance_url": instance,
            "id": "https://login.salesforce.com/id/00DRO0000001abcMAA/005RO0000000001AAA", "token_type": "Bearer",
            "issued_at": now_ms.to_string()
        });
        if let Some(refresh) = refresh {
            body["refresh_token"] = json!(refresh);
        }
        Answer::json(200, &body)
    }

    fn assertion(&self, text: &str, sim: &Sim) -> Result<(), &'static str> {
        let bad = "invalid assertion";
        let (signed, signature) = text.rsplit_once('.').ok_or(bad)?;
        let (head, claims) = signed.split_once('.').ok_or(bad)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| bad);
        let json = |part: &str| -> Result<Value, &'static str> {
            serde_json::from_slice(&decode(part)?).map_err(|_| bad)
        };
        let (head, claims) = (json(head)?, json(claims)?);
        let modulus = hex::decode(MODULUS).unwrap_or_default();
        if head["alg"] != "RS256" || !rsa::verify(&modulus, signed.as_bytes(), &decode(signature)?)
        {
            return Err(bad);
        }
        if claims["iss"] != CLIENT {
            return Err("client identifier invalid");
        }
        if claims["sub"] != USER {
            return Err("user not found");
        }
        if claims["aud"] != "https://login.salesforce.com"
            && claims["aud"] != "https://test.salesforce.com"
            // The simulator stands for that address.
            && claims["aud"] != sim.url
        {
            return Err("audience is invalid");
        }
        let left_s = claims["exp"].as_i64().ok_or(bad)? - sim.callers_ms() / 1000;
        if left_s <= 0 || left_s > ASSERTION_S {
            return Err("expired authorization code");
        }
        if !self.is_approved {
            return Err("user hasn't approved this consumer");
        }
        Ok(())
    }
}
