use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const NOW_S: u64 = 1_767_323_045;

/// What stands before the PKCS#1 key in the PKCS#8 form of an RSA key of 2048 bits.
const PKCS8_HEAD_BYTES: usize = 26;

static PAIR: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn pem(label: &str, from: usize) -> String {
    let der: Pkcs8V1Der<'_> = PAIR.as_der().unwrap();
    let text = BASE64_STANDARD.encode(&der.as_ref()[from..]);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn pkcs8() -> String {
    pem("PRIVATE KEY", 0)
}

fn claims() -> Claims {
    Claims {
        subject: Some("user@example.com".to_owned()),
        recipient: "https://login.example.com".to_owned(),
        scope: Some("read write".to_owned()),
    }
}

/// Head and claims, once the signature has been verified.
fn verified(assertion: &Secret) -> (Value, Value) {
    let text = assertion.expose();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PAIR.public_key().as_ref())
        .verify(signed.as_bytes(), &decoded(signature))
        .unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice(&decoded(part)).unwrap();
    (json(head), json(claims))
}

#[test]
fn assertions_say_who_for_whom_and_until_when() {
    let expected = json!({
        "iss": "consumer-key",
        "sub": "user@example.com",
        "aud": "https://login.example.com",
        "scope": "read write",
        "iat": NOW_S,
        "exp": NOW_S + 180,
    });
    let issuer = || Some("consumer-key".to_owned());
    let pkcs1 = pem("RSA PRIVATE KEY", PKCS8_HEAD_BYTES);
    for pem in [pkcs8(), pkcs1, pkcs8().replace('\n', "\\n")] {
        let (assertion, hidden) =
            Assertion::new(&Secret::new(pem), issuer(), None, claims()).unwrap();
        let (head, claims) = verified(&assertion.sign_at(NOW_S).unwrap());
        assert_eq!(head, json!({ "alg": "RS256", "typ": "JWT" }));
        assert_eq!(claims, expected);
        assert!(hidden.len() > 10);
    }
}

#[test]
fn a_service_account_brings_issuer_and_key_id() {
    let account = json!({
        "type": "service_account",
        "client_email": "crosspoint@project.iam.example.com",
        "private_key": pkcs8(),
        "private_key_id": "key-1",
        "token_uri": "https://elsewhere.example.com/token",
    });
    let secret = Secret::new(account.to_string());
    let (assertion, _) = Assertion::new(&secret, None, None, claims()).unwrap();
    let (head, claims) = verified(&assertion.sign_at(NOW_S).unwrap());
    assert_eq!(head["kid"], "key-1");
    assert_eq!(claims["iss"], "crosspoint@project.iam.example.com");
    assert_eq!(claims["aud"], "https://login.example.com");
}

#[test]
fn what_is_no_key_is_told() {
    let issuer = || Some("me".to_owned());
    for (text, said) in [
        ("not-a-key", "no private key in PEM"),
        ("{}", "no service account"),
        (
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "no RSA key",
        ),
    ] {
        let fault = Assertion::new(&Secret::new(text), issuer(), None, claims()).err();
        assert!(fault.as_ref().unwrap().contains(said), "{fault:?}");
    }
    let fault = Assertion::new(&Secret::new(pkcs8()), None, None, claims()).err();
    assert!(fault.unwrap().contains("issuer"));
}

#[tokio::test]
async fn an_unwritten_token_is_written_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || {
        Kept::new(
            Secret::new("first-seed"),
            Some(folder.path()),
            "crm",
            "oauth",
        )
    };
    let mut one = kept();
    drop(one.begin().await.unwrap());
    // The folder cannot be written to: what came is kept in memory, and asked for again.
    let file = folder.path().join("crm.oauth.json.new");
    std::fs::create_dir(&file).unwrap();
    assert!(one.keep(Secret::new("second-token")).await.is_err());
    assert!(one.begin().await.is_err());
    std::fs::remove_dir(&file).unwrap();
    let (token, lock) = one.begin().await.unwrap();
    assert_eq!(token.expose(), "second-token");
    drop(lock);
    let (token, _lock) = kept().begin().await.unwrap();
    assert_eq!(token.expose(), "second-token");
}

#[tokio::test]
async fn damage_is_told_and_not_guessed_around() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = Kept::new(
        Secret::new("first-seed"),
        Some(folder.path()),
        "a/b",
        "oauth",
    );
    std::fs::write(folder.path().join("a%2fb.oauth.json"), "{").unwrap();
    let fault = kept.begin().await.err().unwrap();
    assert!(fault.contains("remove it and configure"), "{fault}");
}

#[test]
fn past_tokens_are_forgotten_at_last() {
    let scrubber = Scrubber::default();
    let mut held = Held {
        grant: Grant::ClientCredentials,
        token: None,
        past: VecDeque::new(),
        is_forced: false,
    };
    for number in 0..20 {
        held.remember(&scrubber, "refresh-token");
        held.remember(&scrubber, &format!("access-token-{number:02}"));
    }
    assert_eq!(scrubber.text("access-token-19"), "***************");
    assert_eq!(scrubber.text("refresh-token"), "*************");
    assert_eq!(scrubber.text("access-token-00"), "access-token-00");
}
