use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use reqwest::Url;

use super::make::Maker;
use super::oauth1::base;
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

#[test]
fn hmac_sha1_vector() {
    // RFC 2202, test case 2.
    let digest = mac::hmac(
        Digest::Sha1,
        b"Jefe",
        &[b"what do ya want ", b"for nothing?"],
    );
    assert_eq!(
        mac::encoded(&digest, Encoding::Hex),
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    );
}

fn request(method: Method, url: &str) -> Outgoing {
    Outgoing {
        method,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

fn signer(consumer: &str, secret: &str, token: Option<(&str, &str)>, digest: Digest) -> OAuth1 {
    OAuth1 {
        consumer_key: consumer.to_owned(),
        consumer_secret: Secret::new(secret),
        token: token.map(|(token, secret)| (Secret::new(token), Secret::new(secret))),
        digest,
        in_query: false,
    }
}

/// RFC 5849 §3.4.1.1.
#[test]
fn oauth1_base_string_of_the_rfc() {
    let url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b";
    let mut outgoing = request(Method::POST, url);
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    outgoing.headers.insert(header::CONTENT_TYPE, form);
    outgoing.body = Bytes::from_static(b"c2&a3=2+q");
    let own = [
        ("oauth_consumer_key", "9djdj82h48djs9d2".to_owned()),
        ("oauth_token", "kkk9d7dh3k39sjv7".to_owned()),
        ("oauth_signature_method", "HMAC-SHA1".to_owned()),
        ("oauth_timestamp", "137131201".to_owned()),
        ("oauth_nonce", "7d8f3e4a".to_owned()),
    ];
    assert_eq!(
        base(&outgoing, &own),
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D\
         %253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce\
         %3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26\
         oauth_token%3Dkkk9d7dh3k39sjv7"
    );
    // A body that is no form is not signed.
    outgoing.headers.clear();
    assert!(!base(&outgoing, &own).contains("c2"));
}

/// RFC 5849 §1.2, and the two-legged WooCommerce call of its vendor sheet.
#[test]
fn oauth1_signatures() {
    let own = |consumer: &str, nonce: &str, method: &str, timestamp: &str| {
        vec![
            ("oauth_consumer_key", consumer.to_owned()),
            ("oauth_nonce", nonce.to_owned()),
            ("oauth_signature_method", method.to_owned()),
            ("oauth_timestamp", timestamp.to_owned()),
        ]
    };
    let token = Some(("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"));
    let photos = signer("dpf43f3p2l4k3l03", "kd94hf93k423kf44", token, Digest::Sha1);
    let url = "http://photos.example.net/photos?file=vacation.jpg&size=original";
    let mut given = own("dpf43f3p2l4k3l03", "chapoH", "HMAC-SHA1", "137131202");
    given.push(("oauth_token", "nnch734d00sl2jdk".to_owned()));
    assert_eq!(
        photos.signature(&request(Method::GET, url), &given),
        "MdpQcU8iPSUjWoN/UDMsK2sui9I="
    );

    let shop = signer("ck_test", "cs_test", None, Digest::Sha256);
    let url = "http://shop.test/wp-json/wc/v3/orders?per_page=2\
               &modified_after=2026-01-02T03:04:05&dates_are_gmt=true";
    let given = own("ck_test", "abc123", "HMAC-SHA256", "1767323045");
    assert_eq!(
        shop.signature(&request(Method::GET, url), &given),
        "vptRiiOcHpCgo9AhwAz/sbXVAEYUaBDrF3HxB+zEhPI="
    );
}

/// The vendor sheet `magento`: brackets are encoded twice, and the header is complete.
#[test]
fn oauth1_header_and_query() {
    let mut signer = signer("ck", "cs", Some(("at", "ats")), Digest::Sha256);
    let url = "https://shop.test/rest/V1/orders?searchCriteria[pageSize]=2";
    let mut outgoing = request(Method::GET, url);
    signer
        .sign_with(&mut outgoing, 1_767_323_045, "abc123")
        .unwrap();
    let value = &outgoing.headers[header::AUTHORIZATION];
    assert!(value.is_sensitive());
    assert_eq!(
        value.to_str().unwrap(),
        "OAuth oauth_consumer_key=\"ck\", oauth_nonce=\"abc123\", \
         oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"1767323045\", \
         oauth_version=\"1.0\", oauth_token=\"at\", \
         oauth_signature=\"71KNyXH%2FzLZZ7m7l40MQeJwJuShN8CrwFC86eCh4r9Q%3D\""
    );
    signer.in_query = true;
    let mut outgoing = request(Method::GET, url);
    signer
        .sign_with(&mut outgoing, 1_767_323_045, "abc123")
        .unwrap();
    let query = outgoing.url.query().unwrap();
    assert!(query.starts_with("searchCriteria[pageSize]=2&oauth_consumer_key=ck&"));
    assert!(query.ends_with("&oauth_signature=71KNyXH%2FzLZZ7m7l40MQeJwJuShN8CrwFC86eCh4r9Q%3D"));
    assert!(outgoing.headers.is_empty());
}

#[test]
fn short_secrets_are_refused() {
    let check = |attach: &Attach, text: &str| {
        long_enough(attach, &Secret::new(text), &Scrubber::default()).is_ok()
    };
    let basic = Attach::Basic { username: None };
    assert!(check(&Attach::Bearer, "abcdef"));
    assert!(!check(&Attach::Bearer, "abcde"));
    assert!(check(&basic, "me:abcdef") && check(&basic, "abcdef:"));
    assert!(!check(&basic, "somebody:abc") && !check(&basic, "abc:"));
}

#[test]
fn a_token_goes_into_the_header_that_the_vendor_reads() {
    for (key, expected) in [
        ("", "authorization"),
        ("header = \"x-shop-token\", ", "x-shop-token"),
    ] {
        let manifest = Manifest::parse(&format!(
            r#"
            id = "shop"
            name = "Shop"
            version = "1.0.0"
            contract = "0.1"
            roles = ["source"]
            imports = ["http"]
            hosts = [{{ host = "example.com" }}]
            [secrets.app]
            attach = {{ kind = "oauth2-client-credentials", {key}token_url = "https://example.com/token", client_id = "c" }}
            "#
        ))
        .unwrap();
        let secrets = BTreeMap::from([("app".to_owned(), Secret::new("app-secret"))]);
        let owner = Owner {
            connector: "shop",
            tokens: None,
        };
        let scrubber = Arc::new(Scrubber::default());
        let made = Credentials::new(&manifest, &Map::new(), &secrets, &scrubber, owner);
        let names = made.map(|made| made.headers()).unwrap_or_default();
        assert_eq!(names, [expected]);
    }
}

#[test]
fn a_proof_is_the_digest_of_the_token_keyed_by_the_app_secret() {
    let manifest = Manifest::parse(
        r#"
        id = "ads"
        name = "Ads"
        version = "1.0.0"
        contract = "0.1"
        roles = ["source"]
        imports = ["http"]
        hosts = [{ host = "example.com" }]
        [secrets.token]
        attach = { kind = "bearer" }
        [secrets.app]
        attach = { kind = "query-proof", name = "appsecret_proof", of = "token" }
        "#,
    )
    .unwrap();
    let secret = |name: &str, text: &str| (name.to_owned(), Secret::new(text));
    let (token, app) = (
        secret("token", "EAAB-token-1"),
        secret("app", "meta-app-secret\nmeta-app-secret-before"),
    );
    let proof = |secrets: &[(String, Secret)]| {
        let maker = Maker {
            settings: &Map::new(),
            secrets: &secrets.iter().cloned().collect(),
            scrubber: &Arc::new(Scrubber::default()),
            owner: Owner {
                connector: "ads",
                tokens: None,
            },
        };
        let made = maker.credential("app", &manifest.secrets["app"], &app.1)?;
        Ok::<_, String>(made.map(|made| made.how))
    };
    let Ok(Some(How::Query(name, value))) = proof(&[token, app.clone()]) else {
        panic!("is put into the query");
    };
    assert_eq!(name, "appsecret_proof");
    // As `openssl dgst -sha256 -hmac meta-app-secret` gives it.
    let digest = "37786282e7ed1b35246c80dfd9d1edd2c62db82a5cc9f04a3591981ed9ac6dd2";
    assert_eq!(value.expose(), digest);
    assert!(
        proof(std::slice::from_ref(&app)).is_err(),
        "nothing to prove"
    );
}
