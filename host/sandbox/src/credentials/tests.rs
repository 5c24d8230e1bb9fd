use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;

use super::signing::{Hmac, StandardWebhooks};
use super::*;
use crate::mac;
use crate::manifest::{Digest, Encoding, KeyForm};

/// The worked example of the vendor sheet `generic-webhook`.
const BODY: &str = r#"{"type":"profile.updated","timestamp":"2026-11-03T09:15:27.104Z","data":{"profile_id":"p_0001","email":"jane@example.com"}}"#;
const NOW_S: u64 = 1_793_697_327;
const FIRST: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECOND: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn outgoing(body: &'static str) -> Outgoing {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static("msg_0001crosspoint"));
    Outgoing {
        method: Method::POST,
        url: Url::parse("https://example.com/hook").unwrap(),
        headers,
        body: Bytes::from_static(body.as_bytes()),
    }
}

fn signature(secret: &str, body: &'static str) -> String {
    let mut outgoing = outgoing(body);
    StandardWebhooks::new(&Secret::new(secret))
        .unwrap()
        .sign(&mut outgoing, NOW_S)
        .unwrap();
    assert_eq!(outgoing.headers["webhook-timestamp"], "1793697327");
    outgoing.headers["webhook-signature"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn standard_webhooks_vectors() {
    assert_eq!(BODY.len(), 123);
    let first = "v1,ExS/PhLpZTNwe34YejYyh2rm5uB8aHjfIBE4Lf9D53Y=";
    let second = "v1,Zj1gM2CrR5+yDUUg3nBjBLMj7L2qvLP0yq1fH05zQEE=";
    assert_eq!(signature(FIRST, BODY), first);
    assert_eq!(
        signature(FIRST, ""),
        "v1,5RiQnDQNCk5KXfcme6rDVHWToXil5aDmsGapF/zecjM="
    );
    assert_eq!(
        signature(&format!("{SECOND} {FIRST}"), BODY),
        format!("{second} {first}")
    );
}

#[test]
fn standard_webhooks_needs_an_id_and_a_whole_key() {
    let mut without = outgoing(BODY);
    without.headers.clear();
    let signer = StandardWebhooks::new(&Secret::new(FIRST)).unwrap();
    assert!(signer.sign(&mut without, NOW_S).is_err());
    for bad in [
        "",
        "topsecret",
        "whsec_",
        "whsec_AAAA",
        "v1,whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    ] {
        assert!(StandardWebhooks::new(&Secret::new(bad)).is_err(), "{bad}");
    }
}

#[test]
fn hmac_vectors() {
    let check = |content: &str, prefix: &str, encoding, wanted: &str| {
        let signer = Hmac {
            header: HeaderName::from_static("x-signature"),
            prefix: prefix.to_owned(),
            content: content.to_owned(),
            digest: Digest::Sha256,
            encoding,
            key: mac::key("topsecret", KeyForm::Utf8).unwrap(),
            timestamp_header: None,
        };
        let mut outgoing = outgoing(BODY);
        signer.sign(&mut outgoing, NOW_S).unwrap();
        assert_eq!(outgoing.headers["x-signature"], wanted, "{content}");
    };
    check(
        "{body}",
        "sha256=",
        Encoding::Hex,
        "sha256=c1151f0ec7fae25fd4377e39c40bc69f526b910001608154ace9462e89577b8f",
    );
    check(
        "{timestamp}.{body}",
        "",
        Encoding::Hex,
        "7ca47c9a22142cba2f9dbc69e0872a9a9bec3eb2c6eaceca27608e3e52bef4af",
    );
    check(
        "v0:{timestamp}:{body}",
        "v0=",
        Encoding::Hex,
        "v0=5ed2b2dde9d445d375e6c8a1b6cf216b9e50aa141745d1c4e70497a595cd6078",
    );
    check(
        "{body}",
        "",
        Encoding::Base64,
        "wRUfDsf64l/UN345xAvGn1JrkQABYIFUrOlGLolXe48=",
    );
}
