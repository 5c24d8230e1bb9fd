//! Checks Standard Webhooks signatures, as any receiver would. See standardwebhooks.com, version
//! 1.0.0, symmetric scheme `v1`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// How far a timestamp may be from the receiver's clock, in seconds.
const TOLERANCE_S: u64 = 300;

/// Fewest bytes of a key that is worth the name.
const SHORTEST_KEY_BYTES: usize = 16;

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// One of the three headers is missing or unreadable.
    #[error("lacks a webhook header")]
    NoHeader,
    /// Sent too long ago, or from a clock that is wrong.
    #[error("timestamp outside the tolerance")]
    Stale,
    /// No entry of the signature header fits the body.
    #[error("signature does not fit")]
    Forged,
}

/// The three headers.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
}

/// The bytes of a secret in the form `whsec_` and base64; `None` if it is no such secret.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let text = secret.trim().strip_prefix("whsec_")?;
    let key = STANDARD.decode(text).ok()?;
    (key.len() >= SHORTEST_KEY_BYTES).then_some(key)
}

/// Believes or refuses a request whose body arrived at `now_s`, seconds since the epoch.
pub fn verify(key: &[u8], headers: Headers<'_>, body: &[u8], now_s: u64) -> Result<(), Refusal> {
    let sent: u64 = headers.timestamp.parse().map_err(|_| Refusal::NoHeader)?;
    if sent.abs_diff(now_s) > TOLERANCE_S {
        return Err(Refusal::Stale);
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in [
        headers.id.as_bytes(),
        b".",
        headers.timestamp.as_bytes(),
        b".",
        body,
    ] {
        mac.update(part);
    }
    let fits = headers
        .signature
        .split(' ')
        .filter_map(|entry| entry.strip_prefix("v1,"))
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if fits { Ok(()) } else { Err(Refusal::Forged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NOW_S: u64 = 1_793_697_327;
    const BODY: &str = r#"{"type":"profile.updated","timestamp":"2026-11-03T09:15:27.104Z","data":{"profile_id":"p_0001","email":"jane@example.com"}}"#;
    const SIGNATURE: &str = "v1,ExS/PhLpZTNwe34YejYyh2rm5uB8aHjfIBE4Lf9D53Y=";

    fn check(signature: &str, body: &str, now_s: u64) -> Result<(), Refusal> {
        let headers = Headers {
            id: "msg_0001crosspoint",
            timestamp: "1793697327",
            signature,
        };
        verify(&key(SECRET).unwrap(), headers, body.as_bytes(), now_s)
    }

    #[test]
    fn published_example_verifies() {
        assert_eq!(check(SIGNATURE, BODY, NOW_S), Ok(()));
        let empty = "v1,5RiQnDQNCk5KXfcme6rDVHWToXil5aDmsGapF/zecjM=";
        assert_eq!(check(empty, "", NOW_S), Ok(()));
        let several = format!("v1a,AAAA v1,AAAA {SIGNATURE}");
        assert_eq!(check(&several, BODY, NOW_S), Ok(()));
    }

    #[test]
    fn anything_else_does_not() {
        assert_eq!(check(SIGNATURE, "{}", NOW_S), Err(Refusal::Forged));
        assert_eq!(check("v1,", BODY, NOW_S), Err(Refusal::Forged));
        assert_eq!(check("", BODY, NOW_S), Err(Refusal::Forged));
        let other = "v1,Zj1gM2CrR5+yDUUg3nBjBLMj7L2qvLP0yq1fH05zQEE=";
        assert_eq!(check(other, BODY, NOW_S), Err(Refusal::Forged));
        assert_eq!(check(SIGNATURE, BODY, NOW_S + 301), Err(Refusal::Stale));
        assert_eq!(check(SIGNATURE, BODY, NOW_S - 301), Err(Refusal::Stale));
        assert_eq!(check(SIGNATURE, BODY, NOW_S + 300), Ok(()));
    }

    #[test]
    fn weak_or_garbled_secrets_are_no_keys() {
        for secret in [
            "",
            "whsec_",
            "whsec_AAAA",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            "whsec_é",
        ] {
            assert_eq!(key(secret), None, "{secret}");
        }
        assert_eq!(key(&format!("{SECRET}\n")).unwrap().len(), 32);
    }
}
