//! Tokens: of a system user, of pages, of the app; exchange and inspection.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::graph::{Ask, Problem};
use super::{APP, APP_SECRET, DAY_MS, Meta, SCOPES, make, seconds};
use crate::{Options, Sim};

/// What an operator copies from the Business settings.
pub const SYSTEM: &str = "EAAGm0PX4ZCpsBAsystemUserToken0000000000000001ZD";
/// Tokens that the API hands out live so long.
const LONG_MS: i64 = 60 * DAY_MS;

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct Token {
    /// `SYSTEM_USER`, `PAGE` or `APP`.
    pub kind: &'static str,
    /// Index of the page whose token it is.
    pub page: Option<usize>,
    issued_ms: i64,
    expires_ms: Option<i64>,
    /// Why it is no longer valid.
    dead: Option<u64>,
}

/// The token of a page by its index.
pub fn of_page(page: usize) -> String {
    format!("EAAGm0PX4ZCpsBApageToken000000000000000000000{page}ZD")
}

pub fn first(options: &Options) -> BTreeMap<String, Token> {
    let now_ms = options.start_ms();
    let ttl_ms = options.token_ttl.map(|ttl| ttl.as_millis() as i64);
    let token = |kind, page, expires_ms| Token {
        kind,
        page,
        issued_ms: now_ms,
        expires_ms,
        dead: None,
    };
    let until = ttl_ms.map(|ttl| now_ms + ttl);
    let mut tokens = BTreeMap::from([
        (SYSTEM.to_owned(), token("SYSTEM_USER", None, until)),
        (format!("{APP}|{APP_SECRET}"), token("APP", None, None)),
    ]);
    for page in 0..make::PAGES {
        tokens.insert(of_page(page), token("PAGE", Some(page), until));
    }
    tokens
}

/// Lower-case hex, as `appsecret_proof` and signatures have it.
pub fn hmac(text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("any length");
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}

impl Meta {
    /// Whose call it is.
    pub fn admit(&self, ask: &Ask, sim: &Sim) -> Result<Token, Problem> {
        let Some(text) = ask.token.as_deref().filter(|it| !it.is_empty()) else {
            let text = "An access token is required to request this resource.";
            return Err(Problem::new(400, 104, text));
        };
        let token = self.alive(text, sim)?;
        match ask.params.text("appsecret_proof") {
            Some(proof) if proof != hmac(text.as_bytes()) => Err(Problem::new(
                400,
                100,
                "Invalid appsecret_proof provided in the API argument",
            )),
            None if self.needs_proof && token.kind != "APP" => Err(Problem::new(
                400,
                100,
                "API calls from the server require an appsecret_proof argument",
            )),
            _ => Ok(token),
        }
    }

    fn alive(&self, text: &str, sim: &Sim) -> Result<Token, Problem> {
        let token = self.tokens.get(text).ok_or(Problem::token(None))?;
        let is_late = token.expires_ms.is_some_and(|at| at <= sim.now_ms());
        match token.dead.or(is_late.then_some(463)) {
            Some(subcode) => Err(Problem::token(Some(subcode))),
            None => Ok(token.clone()),
        }
    }

    pub fn needs(&self, scope: &str) -> Result<(), Problem> {
        if self.scopes.contains(scope) {
            return Ok(());
        }
        Err(if scope == "ads_management" {
            let text = "(#294) Managing advertisements requires an access token with the extended permission ads_management";
            Problem::new(403, 294, text)
        } else {
            let text = format!("(#200) Requires {scope} permission to manage the object");
            Problem::new(403, 200, &text)
        })
    }

    pub fn kill_tokens(&mut self, subcode: u64) {
        let users = self.tokens.values_mut().filter(|it| it.kind != "APP");
        users.for_each(|token| token.dead = Some(subcode));
    }

    pub fn kill_page_tokens(&mut self) {
        let pages = self.tokens.values_mut().filter(|it| it.kind == "PAGE");
        pages.for_each(|token| token.dead = Some(460));
    }

    pub fn restore_tokens(&mut self) {
        for token in self.tokens.values_mut() {
            (token.dead, token.expires_ms) = (None, None);
        }
    }

    /// `/oauth/access_token`
    pub fn exchange(&mut self, ask: &Ask, sim: &mut Sim) -> Result<Value, Problem> {
        let text = |name: &str| ask.params.text(name).unwrap_or_default();
        if text("client_id") != APP {
            return Err(Problem::new(
                400,
                101,
                "Error validating application. Cannot get application info due to a system error.",
            ));
        }
        if text("client_secret") != APP_SECRET {
            return Err(Problem::new(400, 1, "Error validating client secret."));
        }
        match text("grant_type").as_str() {
            "client_credentials" => {
                Ok(json!({ "access_token": format!("{APP}|{APP_SECRET}"), "token_type": "bearer" }))
            }
            "fb_exchange_token" => {
                let old = self.alive(&text("fb_exchange_token"), sim)?;
                let number = self.next();
                let fresh = format!("EAAGm0PX4ZCpsBAexchangedToken{number:016x}ZD");
                let now_ms = sim.now_ms();
                let token = Token {
                    issued_ms: now_ms,
                    expires_ms: Some(now_ms + LONG_MS),
                    ..old
                };
                self.tokens.insert(fresh.clone(), token);
                sim.effect("token.exchange", APP, &fresh, Value::Null);
                Ok(
                    json!({ "access_token": fresh, "token_type": "bearer", "expires_in": LONG_MS / 1000 }),
                )
            }
            other => Err(Problem::parameter(&format!(
                "Unsupported grant_type {other}"
            ))),
        }
    }

    /// `/debug_token`
    pub fn inspect(&self, ask: &Ask, sim: &Sim) -> Result<Value, Problem> {
        let input = ask.params.text("input_token");
        let Some(input) = input else {
            return Err(Problem::required("input_token"));
        };
        let told = match self.alive(&input, sim) {
            Ok(token) => {
                let at = |ms: Option<i64>| ms.map_or(0, seconds);
                json!({ "app_id": APP, "type": token.kind, "application": "Crosspoint", "is_valid": true,
                    "issued_at": seconds(token.issued_ms), "expires_at": at(token.expires_ms), "data_access_expires_at": 0,
                    "profile_id": token.page.map(|page| self.pages[page].id.to_string()),
                    "scopes": SCOPES.iter().filter(|it| self.scopes.contains(**it)).collect::<Vec<_>>(), "user_id": "122100000000000777" })
            }
            Err(problem) => json!({ "is_valid": false, "scopes": [],
                "error": { "code": problem.code, "message": problem.message, "subcode": problem.subcode } }),
        };
        Ok(json!({ "data": told }))
    }
}
