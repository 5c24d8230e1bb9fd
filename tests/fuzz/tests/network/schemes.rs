//! Every way in which a vendor's call proves itself, as manifests say it and as vendors do it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::request::Request;

/// Where the vendors think that the host is.
pub const PUBLIC_URL: &str = "https://hooks.example.test";

const SECRET: &str = "shared-secret-of-the-hook";

/// The vendor's clock, and the id of its call.
pub struct Moment {
    pub now_s: u64,
    pub id: String,
}

type Sign = Box<dyn Fn(&mut Request, &Moment) + Send + Sync>;

/// One way.
pub struct Scheme {
    /// Name of the connector.
    pub name: &'static str,
    /// `[webhook]` of the manifest.
    pub manifest: &'static str,
    pub secret: String,
    pub sign: Sign,
}

fn mac(text: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, text).as_ref().to_vec()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn hmac_scheme(
    name: &'static str,
    manifest: &'static str,
    sign: impl Fn(&mut Request, &Moment) + Send + Sync + 'static,
) -> Scheme {
    Scheme {
        name,
        manifest,
        secret: SECRET.to_owned(),
        sign: Box::new(sign),
    }
}

pub fn all() -> Vec<Scheme> {
    let mut all = symmetric();
    all.extend(public());
    all.extend(shared());
    all
}

fn symmetric() -> Vec<Scheme> {
    vec![
        hmac_scheme(
            "shop",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-shop-signature"
prefix = "sha256="
content = "{timestamp}.{id}.{body}"
id_header = "x-shop-id"
timestamp_header = "x-shop-timestamp"
challenge = { kind = "hub", secret = "hook" }"#,
            |request, moment| {
                let head = format!("{}.{}.", moment.now_s, moment.id);
                let digest = mac(&joined(&[head.as_bytes(), &request.body]));
                request.add("x-shop-id", &moment.id);
                request.add("x-shop-timestamp", moment.now_s.to_string());
                request.add(
                    "x-shop-signature",
                    format!("sha256={}", hex::encode(digest)),
                );
            },
        ),
        hmac_scheme(
            "shopify",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-shopify-hmac-sha256"
encoding = "base64"
id_header = "x-shopify-webhook-id"
ignore = ["webhook_id=*"]
challenge = { kind = "echo", parameter = "challenge" }"#,
            |request, moment| {
                let digest = mac(&request.body);
                request.add("x-shopify-webhook-id", &moment.id);
                request.add("x-shopify-hmac-sha256", BASE64_STANDARD.encode(digest));
            },
        ),
        hmac_scheme(
            "stripe",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "stripe-signature"
separator = ","
prefix = "v1="
timestamp_prefix = "t="
content = "{timestamp}.{body}"
challenge = { kind = "probe" }"#,
            |request, moment| {
                let head = format!("{}.", moment.now_s);
                let digest = hex::encode(mac(&joined(&[head.as_bytes(), &request.body])));
                request.add(
                    "stripe-signature",
                    format!("t={}, v0=aa, v1={digest}", moment.now_s),
                );
            },
        ),
        hmac_scheme(
            "slack",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-slack-signature"
prefix = "v0="
timestamp_header = "x-slack-request-timestamp"
content = "v0:{timestamp}:{body}"
challenge = { kind = "url-verification" }"#,
            |request, moment| {
                let head = format!("v0:{}:", moment.now_s);
                let digest = hex::encode(mac(&joined(&[head.as_bytes(), &request.body])));
                request.add("x-slack-request-timestamp", moment.now_s.to_string());
                request.add("x-slack-signature", format!("v0={digest}"));
            },
        ),
        hmac_scheme(
            "hubspot",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-hubspot-signature-v3"
encoding = "base64"
content = "{method}{decoded_url}{body}{timestamp}"
timestamp_header = "x-hubspot-request-timestamp"
timestamp_format = "unix-ms""#,
            |request, moment| {
                let now_ms = format!("{}000", moment.now_s);
                let mut target = request.target.clone();
                for (code, plain) in [("%40", "@"), ("%2C", ","), ("%28", "("), ("%29", ")")] {
                    target = target.replace(code, plain);
                }
                let head = format!("{}{PUBLIC_URL}{target}", request.method);
                let digest = mac(&joined(&[
                    head.as_bytes(),
                    &request.body,
                    now_ms.as_bytes(),
                ]));
                request.add("x-hubspot-request-timestamp", &now_ms);
                request.add("x-hubspot-signature-v3", BASE64_STANDARD.encode(digest));
            },
        ),
        hmac_scheme(
            "twilio",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-twilio-signature"
digest = "sha1"
encoding = "base64"
content = "{url}{params}"
body_digest_parameter = "bodySHA256""#,
            |request, _| {
                // JSON is covered by its digest in the address.
                let digested = hex::encode(digest(&SHA256, &request.body));
                let mark = if request.target.contains('?') {
                    '&'
                } else {
                    '?'
                };
                request
                    .target
                    .push_str(&format!("{mark}bodySHA256={digested}"));
                let key = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
                let signature =
                    hmac::sign(&key, format!("{PUBLIC_URL}{}", request.target).as_bytes());
                request.add("x-twilio-signature", BASE64_STANDARD.encode(signature));
            },
        ),
        hmac_scheme(
            "contentful",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "x-contentful-signature"
signed_headers = "x-contentful-signed-headers"
timestamp_header = "x-contentful-timestamp"
timestamp_format = "unix-ms"
content = "{method}\n{path}\n{signed_headers}\n{body}""#,
            |request, moment| {
                let (now_ms, list) = (
                    format!("{}000", moment.now_s),
                    "x-contentful-timestamp,x-contentful-signed-headers",
                );
                let path = request.target.split('?').next().unwrap_or_default();
                let head = format!(
                    "{}\n{path}\nx-contentful-signed-headers:{list};x-contentful-timestamp:{now_ms}\n",
                    request.method
                );
                let digest = mac(&joined(&[head.as_bytes(), &request.body]));
                request.add("x-contentful-timestamp", &now_ms);
                request.add("x-contentful-signed-headers", list);
                request.add("x-contentful-signature", hex::encode(digest));
            },
        ),
        hmac_scheme(
            "klaviyo",
            r#"
scheme = "hmac"
secret = "hook"
signature_header = "klaviyo-signature"
content = "{body}{timestamp}"
timestamp_header = "klaviyo-timestamp"
timestamp_format = "http-date"
challenge = { kind = "signed", parameter = "crc_token", response_key = "response_token", encoding = "base64" }"#,
            |request, moment| {
                let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(moment.now_s);
                let date = httpdate::fmt_http_date(now);
                let digest = mac(&joined(&[&request.body, date.as_bytes()]));
                request.add("klaviyo-timestamp", &date);
                request.add("klaviyo-signature", hex::encode(digest));
            },
        ),
    ]
}

/// The content of Standard Webhooks.
fn standard(request: &mut Request, moment: &Moment) -> Vec<u8> {
    request.add("webhook-id", &moment.id);
    request.add("webhook-timestamp", moment.now_s.to_string());
    let head = format!("{}.{}.", moment.id, moment.now_s);
    joined(&[head.as_bytes(), &request.body])
}

fn public() -> Vec<Scheme> {
    let random = SystemRandom::new();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let whsec = format!("whsec_{}", BASE64_STANDARD.encode([7; 32]));
    vec![
        Scheme {
            name: "standard",
            manifest: "scheme = \"standard-webhooks\"\nsecret = \"hook\"",
            secret: format!(
                "{whsec} whpk_{}",
                BASE64_STANDARD.encode(ed25519.public_key())
            ),
            sign: Box::new(move |request, moment| {
                let content = standard(request, moment);
                let key = hmac::Key::new(HMAC_SHA256, &[7; 32]);
                let signature = match moment.now_s % 2 {
                    0 => format!(
                        "v2,xx v1,{}",
                        BASE64_STANDARD.encode(hmac::sign(&key, &content))
                    ),
                    _ => format!("v1a,{}", BASE64_STANDARD.encode(ed25519.sign(&content))),
                };
                request.add("webhook-signature", signature);
            }),
        },
        Scheme {
            name: "sendgrid",
            manifest: r#"
scheme = "ecdsa-p256"
secret = "hook"
signature_header = "x-twilio-email-event-webhook-signature"
timestamp_header = "x-twilio-email-event-webhook-timestamp"
content = "{timestamp}{body}""#,
            secret: BASE64_STANDARD.encode(ecdsa.public_key().as_der().unwrap().as_ref()),
            sign: Box::new(move |request, moment| {
                let now_s = moment.now_s.to_string();
                let content = joined(&[now_s.as_bytes(), &request.body]);
                let signature = ecdsa.sign(&random, &content).unwrap();
                request.add("x-twilio-email-event-webhook-timestamp", &now_s);
                request.add(
                    "x-twilio-email-event-webhook-signature",
                    BASE64_STANDARD.encode(signature),
                );
            }),
        },
        Scheme {
            name: "adobe",
            manifest: r#"
scheme = "rsa-sha256"
secret = "hook"
signature_header = "x-adobe-commerce-webhook-signature"
content = "{body_base64}""#,
            secret: BASE64_STANDARD.encode(rsa.public_key().as_der().unwrap().as_ref()),
            sign: Box::new(move |request, _| {
                let content = BASE64_STANDARD.encode(&request.body);
                let mut signature = vec![0; rsa.public_modulus_len()];
                let signed = rsa.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    content.as_bytes(),
                    &mut signature,
                );
                signed.unwrap();
                request.add(
                    "x-adobe-commerce-webhook-signature",
                    BASE64_STANDARD.encode(signature),
                );
            }),
        },
    ]
}

fn shared() -> Vec<Scheme> {
    vec![
        hmac_scheme(
            "in-query",
            "scheme = \"shared-secret\"\nsecret = \"hook\"\nplace = \"query\"\nname = \"code\"",
            |request, _| {
                let mark = if request.target.contains('?') {
                    '&'
                } else {
                    '?'
                };
                request.target.push_str(&format!("{mark}code={SECRET}"));
            },
        ),
        hmac_scheme(
            "in-basic",
            "scheme = \"shared-secret\"\nsecret = \"hook\"\nplace = \"basic\"\nname = \"vendor\"",
            |request, _| {
                let pair = BASE64_STANDARD.encode(format!("vendor:{SECRET}"));
                request.add("authorization", format!("Basic {pair}"));
            },
        ),
        hmac_scheme(
            "in-path",
            "scheme = \"shared-secret\"\nsecret = \"hook\"\nplace = \"path\"",
            |request, _| request.target = format!("/hooks/in-path/{SECRET}"),
        ),
        hmac_scheme("open", "scheme = \"none\"", |_, _| {}),
    ]
}
