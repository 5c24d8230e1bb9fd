//! Assertions signed with an RSA key (RFC 7523, RS256 of RFC 7518 §3.3).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Map, json};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Salesforce takes no assertion that ends later than this; Google up to an hour.
const LIFE_S: u64 = 180;

/// Signs assertions.
pub(in crate::credentials) struct Assertion {
    key: RsaKeyPair,
    key_id: Option<String>,
    issuer: String,
    claims: Claims,
}

/// What an assertion says besides its issuer and its time.
pub(in crate::credentials) struct Claims {
    pub(in crate::credentials) subject: Option<String>,
    pub(in crate::credentials) recipient: String,
    pub(in crate::credentials) scope: Option<String>,
}

/// The file that Google hands out for a service account. Its addresses are not believed: where the
/// assertion goes is the manifest's.
#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: Option<String>,
}

impl Assertion {
    /// With a secret that is a private key in PEM (PKCS#8 or PKCS#1), or a Google service account
    /// in JSON, which brings its own issuer. Also gives what of it must not be seen.
    pub(in crate::credentials) fn new(
        secret: &Secret,
        issuer: Option<String>,
        key_id: Option<String>,
        claims: Claims,
    ) -> Result<(Self, Vec<Secret>), String> {
        let text = secret.expose().trim();
        let (pem, issuer, key_id) = if text.starts_with('{') {
            let account: ServiceAccount = serde_json::from_str(text).map_err(|_| {
                "is JSON, but no service account with `client_email` and `private_key`".to_owned()
            })?;
            (
                Zeroizing::new(account.private_key),
                issuer.or(Some(account.client_email)),
                key_id.or(account.private_key_id),
            )
        } else {
            // Some ways of setting variables leave line breaks escaped.
            (Zeroizing::new(text.replace("\\n", "\n")), issuer, key_id)
        };
        let issuer = issuer.ok_or("needs an `issuer` in the manifest")?;
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "is no private key in PEM".to_owned())?;
        let key = match &der {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err("is a private key, but no RSA key".to_owned()),
        };
        let key = key.map_err(|_| "is no RSA key of 2048 to 8192 bits".to_owned())?;
        let lines = pem.lines().filter(|line| line.len() >= 16);
        let hidden = lines.map(Secret::new).collect();
        let own = Self {
            key,
            key_id,
            issuer,
            claims,
        };
        Ok((own, hidden))
    }

    /// An assertion as of now.
    pub(super) fn sign(&self) -> Result<Secret, String> {
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        self.sign_at(now_s)
    }

    pub(super) fn sign_at(&self, now_s: u64) -> Result<Secret, String> {
        let mut head = Map::from_iter([
            ("alg".to_owned(), json!("RS256")),
            ("typ".to_owned(), json!("JWT")),
        ]);
        if let Some(id) = &self.key_id {
            head.insert("kid".to_owned(), json!(id));
        }
        let mut claims = Map::from_iter([
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(self.claims.recipient)),
            ("iat".to_owned(), json!(now_s)),
            ("exp".to_owned(), json!(now_s + LIFE_S)),
        ]);
        if let Some(subject) = &self.claims.subject {
            claims.insert("sub".to_owned(), json!(subject));
        }
        if let Some(scope) = &self.claims.scope {
            claims.insert("scope".to_owned(), json!(scope));
        }
        let part = |map: Map<_, _>| {
            BASE64_URL_SAFE_NO_PAD.encode(serde_json::Value::Object(map).to_string())
        };
        let signed = format!("{}.{}", part(head), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "the assertion could not be signed".to_owned())?;
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}
