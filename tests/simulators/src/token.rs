//! Access tokens as an OAuth server hands them out: they expire, can be revoked, and refresh tokens
//! may rotate.

use std::collections::BTreeMap;

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct Token {
    pub client: String,
    pub scopes: Vec<String>,
    pub expires_at_ms: i64,
}

/// All tokens of one server.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    access: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Token>,
    made: u64,
}

impl Tokens {
    /// A new access token that lives so long.
    pub fn issue(&mut self, client: &str, scopes: &[&str], now_ms: i64, ttl_ms: i64) -> String {
        let text = self.text("at");
        self.access
            .insert(text.clone(), token(client, scopes, now_ms + ttl_ms));
        text
    }

    /// A new refresh token, without an end.
    pub fn issue_refresh(&mut self, client: &str, scopes: &[&str]) -> String {
        let text = self.text("rt");
        self.refresh
            .insert(text.clone(), token(client, scopes, i64::MAX));
        text
    }

    /// What a valid access token stands for.
    #[must_use]
    pub fn access(&self, text: &str, now_ms: i64) -> Option<&Token> {
        let token = self.access.get(text)?;
        (token.expires_at_ms > now_ms).then_some(token)
    }

    /// Uses a refresh token up: with rotation it is valid once.
    pub fn take_refresh(&mut self, text: &str) -> Option<Token> {
        self.refresh.remove(text)
    }

    /// Uses a refresh token that stays valid.
    #[must_use]
    pub fn refresh(&self, text: &str) -> Option<&Token> {
        self.refresh.get(text)
    }

    /// Makes every access token invalid.
    pub fn revoke_access(&mut self) {
        self.access.clear();
    }

    /// Makes every token invalid.
    pub fn revoke_all(&mut self) {
        self.access.clear();
        self.refresh.clear();
    }

    /// Long enough that a host recognises it in texts.
    fn text(&mut self, kind: &str) -> String {
        self.made += 1;
        format!(
            "{kind}_{:08}_{:016x}",
            self.made,
            self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )
    }
}

fn token(client: &str, scopes: &[&str], expires_at_ms: i64) -> Token {
    Token {
        client: client.to_owned(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        expires_at_ms,
    }
}
