//! Tokens: an old one without an end, and new ones of an hour with a refresh token that is good
//! once and for ninety days. A new access token kills the one before.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CLIENT, Shopify};
use crate::{Answer, Call, Sim};

const REFRESH_TTL_MS: i64 = 90 * 86_400_000;

/// The code that a merchant's consent left in the browser; good as often as a test likes.
const CODE: &str = "code-of-the-merchant";

impl Shopify {
    pub fn hand_out(&mut self, now_ms: i64) -> (String, String) {
        self.tokens.revoke_all();
        let access = self.tokens.issue(CLIENT, &[], now_ms, self.ttl_ms);
        let refresh = self.tokens.issue_refresh(CLIENT, &[]);
        self.refresh = Some(refresh.clone());
        self.refresh_until_ms = now_ms + REFRESH_TTL_MS;
        (access, refresh)
    }

    /// Why a call is not let in.
    pub fn refuse(&self, call: &Call, sim: &Sim) -> Option<Answer> {
        let token = call.header("x-shopify-access-token").unwrap_or_default();
        let is_known = self.offline.as_deref() == Some(token)
            || self.tokens.access(token, sim.now_ms()).is_some();
        (!is_known).then(|| crate::Vendor::error(self, 401))
    }

    pub fn authorize(&self, call: &Call) -> Answer {
        let (Some(to), Some(state)) = (call.param("redirect_uri"), call.param("state")) else {
            return oauth_error(400, "invalid_request", "redirect_uri and state are needed");
        };
        if call.param("client_id") != Some(CLIENT) {
            return oauth_error(400, "invalid_request", "Could not find the app");
        }
        Answer::empty(302).with(
            "location",
            format!("{to}?code={CODE}&shop={}&state={state}", super::SHOP),
        )
    }

    pub fn token(&mut self, call: &Call, sim: &mut Sim) -> Answer {
        if call.method != http::Method::POST {
            return Answer::json(404, &json!({ "errors": "Not Found" }));
        }
        let body: BTreeMap<String, Value> = match call.json() {
            Some(Value::Object(body)) => body.into_iter().collect(),
            _ => call
                .form()
                .into_iter()
                .map(|(name, value)| (name, json!(value)))
                .collect(),
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        if text("client_id") != Some(CLIENT) {
            return oauth_error(400, "application_cannot_be_found", "Could not find the app");
        }
        if text("client_secret") != Some(&self.client_secret) {
            return oauth_error(400, "invalid_client", "The client secret is wrong");
        }
        let now_ms = sim.now_ms();
        let is_expiring = body
            .get("expiring")
            .is_some_and(|it| it == 1 || it == "1" || it == "true");
        let scope = self.scopes.iter().cloned().collect::<Vec<_>>().join(",");
        match text("grant_type") {
            Some("refresh_token") => {
                let token = text("refresh_token").unwrap_or_default();
                let is_late = self.refresh_until_ms <= now_ms;
                if self.tokens.take_refresh(token).is_none() || is_late {
                    return oauth_error(
                        400,
                        "invalid_grant",
                        "The refresh token is invalid or was used",
                    );
                }
            }
            Some("client_credentials") => {
                let (access, _) = self.hand_out(now_ms);
                return Answer::json(
                    200,
                    &json!({ "access_token": access, "scope": scope, "expires_in": self.ttl_ms / 1000 }),
                );
            }
            Some("authorization_code") | None => {
                if text("code") != Some(CODE) {
                    return oauth_error(
                        400,
                        "invalid_request",
                        "The authorization code was not found or was already used",
                    );
                }
                if !is_expiring {
                    let token = "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";
                    self.offline = Some(token.to_owned());
                    return Answer::json(200, &json!({ "access_token": token, "scope": scope }));
                }
            }
            Some(_) => {
                return oauth_error(400, "unsupported_grant_type", "This grant is not supported");
            }
        }
        let (access, refresh) = self.hand_out(now_ms);
        sim.effect("token.refresh", CLIENT, &access, Value::Null);
        Answer::json(
            200,
            &json!({
                "access_token": access, "scope": scope, "expires_in": self.ttl_ms / 1000,
                "refresh_token": refresh, "refresh_token_expires_in": REFRESH_TTL_MS / 1000
            }),
        )
    }
}

fn oauth_error(status: u16, error: &str, text: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "error": error, "error_description": text }),
    )
}
