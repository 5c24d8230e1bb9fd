//! Schemes for which no vendor's vector is at hand: signed here, as the vendor's document says.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::manifest::Digest;

const BODY: &str = r#"[{"event":"open","email":"ann@example.test"}]"#;

fn signed(secret: &str, text: &str) -> Vec<u8> {
    mac::hmac(Digest::Sha256, secret.as_bytes(), &[text.as_bytes()])
}

#[test]
fn sendgrid_ecdsa() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let signature = pair
        .sign(&SystemRandom::new(), format!("{NOW_S}{BODY}").as_bytes())
        .unwrap();
    let signature = BASE64_STANDARD.encode(signature);
    let der = pair.public_key().as_der().unwrap();
    let text = BASE64_STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
    let toml = r#"
scheme = "ecdsa-p256"
secret = "hook"
signature_header = "x-twilio-email-event-webhook-signature"
timestamp_header = "x-twilio-email-event-webhook-timestamp"
content = "{timestamp}{body}"
tolerance_s = 600"#;
    let sent = Sent::post(BODY)
        .header("x-twilio-email-event-webhook-signature", &signature)
        .header("x-twilio-email-event-webhook-timestamp", &NOW_S.to_string());
    let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let other = BASE64_STANDARD.encode(other.public_key().as_der().unwrap().as_ref());
    for key in [&text, &pem, &format!("{other} {text}")] {
        let verifier = verifier(toml, key);
        let replay_id = sent.is_accepted(&verifier);
        assert_eq!(replay_id.unwrap().len(), 32);
        let mut changed = sent.clone();
        changed.body[0] = b'(';
        changed.is_refused(&verifier, Refusal::BadSignature);
    }
    sent.is_refused(&verifier(toml, &other), Refusal::BadSignature);
    let problems = try_verifier(toml, "bm90IGEga2V5").unwrap_err();
    assert_eq!(problems[0].place, "secrets.hook");
}

#[test]
fn adobe_commerce_rsa_over_base64() {
    let pair = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let signed = BASE64_STANDARD.encode(BODY);
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    let key = BASE64_STANDARD.encode(pair.public_key().as_der().unwrap().as_ref());
    let toml = r#"
scheme = "rsa-sha256"
secret = "hook"
signature_header = "x-adobe-commerce-webhook-signature"
content = "{body_base64}""#;
    let sent = Sent::post(BODY).header(
        "x-adobe-commerce-webhook-signature",
        &BASE64_STANDARD.encode(&signature),
    );
    let verifier = verifier(toml, &key);
    sent.is_accepted(&verifier);
    let mut changed = sent.clone();
    changed.body.pop();
    changed.is_refused(&verifier, Refusal::BadSignature);
}

#[test]
fn hubspot_signs_the_decoded_address() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-hubspot-signature-v3"
encoding = "base64"
content = "{method}{decoded_url}{body}{timestamp}"
timestamp_header = "x-hubspot-request-timestamp"
timestamp_format = "unix-ms""#;
    let now_ms = NOW_S * 1000;
    let text = format!("POSThttps://hooks.example.com/hs?to=a@b,(c)%20d{BODY}{now_ms}");
    let digest = BASE64_STANDARD.encode(signed("client-secret", &text));
    let sent = Sent::post(BODY)
        .header("x-hubspot-signature-v3", &digest)
        .header("x-hubspot-request-timestamp", &now_ms.to_string());
    let url = "https://hooks.example.com/hs?to=a%40b%2c%28c%29%20d";
    sent.url(url).is_accepted(&verifier(toml, "client-secret"));
}

#[test]
fn contentful_signs_listed_headers() {
    let toml = r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-contentful-signature"
signed_headers = "x-contentful-signed-headers"
timestamp_header = "x-contentful-timestamp"
timestamp_format = "unix-ms"
tolerance_s = 30
content = """{method}
{path}
{signed_headers}
{body}""""#;
    let verifier = verifier(toml, "contentful-signing-secret");
    let now_ms = NOW_S * 1000;
    let check = |list: &str, headers: &str| {
        let text = format!("POST\n/hooks/cms\n{headers}\n{BODY}");
        let digest = hex::encode(signed("contentful-signing-secret", &text));
        Sent::post(BODY)
            .header("x-contentful-signature", &digest)
            .header("x-contentful-signed-headers", list)
            .header("x-contentful-timestamp", &now_ms.to_string())
            .header("x-contentful-topic", "ContentManagement.Entry.publish")
            .url("https://hooks.example.com/hooks/cms")
    };
    let list = "x-contentful-topic,x-contentful-timestamp,x-contentful-signed-headers";
    let headers = format!(
        "x-contentful-signed-headers:{list};x-contentful-timestamp:{now_ms};\
         x-contentful-topic:ContentManagement.Entry.publish"
    );
    check(list, &headers).is_accepted(&verifier);
    // A clock that is not covered proves nothing.
    let list = "x-contentful-signed-headers";
    check(list, &format!("{list}:{list}")).is_refused(&verifier, Refusal::Malformed);
}

#[test]
fn rotated_secrets_may_hold_spaces() {
    let toml = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-sig\"";
    let accepts = |secret: &str, key: &str| {
        let sent = Sent::post(BODY).header("x-sig", &hex::encode(signed(key, BODY)));
        matches!(
            sent.verdict(&verifier(toml, secret)),
            Verdict::Accepted { .. }
        )
    };
    let (old, new) = ("an-old-secret-of-mine", "the-new-secret-of-mine");
    for both in [format!("{new}\n{old}\n"), format!("{new} {old}")] {
        assert!(accepts(&both, old) && accepts(&both, new), "{both}");
    }
    // WooCommerce makes secrets with spaces: the pieces are no keys.
    assert!(accepts(
        "ab cdefghijklmnopqrstuvwxyz",
        "ab cdefghijklmnopqrstuvwxyz"
    ));
    assert!(!accepts("ab cdefghijklmnopqrstuvwxyz", "ab"));
    assert!(!accepts(
        "ab cdefghijklmnopqrstuvwxyz",
        "cdefghijklmnopqrstuvwxyz"
    ));
    assert!(try_verifier(toml, "long-enough\nab").is_err());
}

#[test]
fn shared_values_in_every_place() {
    let check = |toml: &str, secret: &str, right: Sent, wrong: Sent| {
        let text = format!("scheme = \"shared-secret\"\nsecret = \"hook\"\n{toml}");
        let verifier = verifier(&text, secret);
        assert_eq!(right.is_accepted(&verifier), None);
        wrong.is_refused(&verifier, Refusal::BadSignature);
        let none = Sent::post("{}").verdict(&verifier);
        assert_eq!(none, Verdict::Refused(Refusal::MissingSignature));
    };
    let post = || Sent::post("{}");
    let with_path = |path: &str| Sent {
        path: path.to_owned(),
        ..post()
    };
    let with_query = |query: &str| Sent {
        query: query.to_owned(),
        ..post()
    };
    let basic = |pair: &str| {
        post().header(
            "authorization",
            &format!("Basic {}", BASE64_STANDARD.encode(pair)),
        )
    };
    check(
        "place = \"header\"\nname = \"authorization\"\nprefix = \"Bearer \"",
        "s3cr3t-value",
        post().header("authorization", "Bearer s3cr3t-value"),
        post().header("authorization", "Bearer s3cr3t-valu"),
    );
    check(
        "place = \"query\"\nname = \"code\"",
        "s3cr3t/value",
        with_query("a=1&code=s3cr3t%2Fvalue"),
        with_query("code=other"),
    );
    check(
        "place = \"basic\"\nname = \"crosspoint\"",
        "s3cr3t-value",
        basic("crosspoint:s3cr3t-value"),
        basic("other:s3cr3t-value"),
    );
    check(
        "place = \"basic\"",
        "user:s3cr3t",
        basic("user:s3cr3t"),
        basic("user:"),
    );
    check(
        "place = \"path\"",
        "s3cr3t-value",
        with_path("/s3cr3t-value/"),
        with_path("/s3cr3t-value/x"),
    );
    check(
        "place = \"json\"\nname = \"token\"",
        "s3cr3t-value",
        Sent::post(r#"{"token":"s3cr3t-value"}"#),
        Sent::post(r#"{"token":"x"}"#),
    );
}

#[test]
fn a_shared_value_does_not_reach_the_plugin() {
    for toml in [
        "place = \"header\"\nname = \"x-hook\"",
        "place = \"query\"\nname = \"code\"",
        "place = \"path\"",
        "place = \"json\"\nname = \"token\"",
    ] {
        let text = format!("scheme = \"shared-secret\"\nsecret = \"hook\"\n{toml}");
        let verifier = verifier(&text, "canary-value");
        let scrubber = Scrubber::default();
        scrubber.add("canary-value");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let request = WebhookRequest {
            method: "POST".to_owned(),
            path: "/canary-value".to_owned(),
            query: "a=1&code=canary-value&b=2".to_owned(),
            headers: vec![
                header("x-hook", "canary-value"),
                header("cookie", "session"),
                header("authorization", "Basic abc"),
                header("x-event", "open"),
            ],
            body: br#"{"token":"canary-value","id":1}"#.to_vec(),
            received_at: Instant(0),
        };
        let seen = verifier.without_secrets(request, &scrubber);
        let text = format!("{seen:?} {}", String::from_utf8_lossy(&seen.body));
        for gone in ["canary", "session", "Basic"] {
            assert!(!text.contains(gone), "{text}");
        }
        assert!(text.contains("x-event") && text.contains("a=1") && text.contains("\"id\":1"));
    }
}

#[test]
fn none_is_none() {
    let verifier = verifier("scheme = \"none\"", "unused");
    assert_eq!(Sent::post("x").is_accepted(&verifier), None);
    assert_eq!(format!("{verifier:?}"), "Verifier(***)");
}
