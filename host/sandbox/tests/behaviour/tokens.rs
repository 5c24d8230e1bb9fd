//! Tokens that the host renews, against vendors that forgive nothing.

use std::os::unix::fs::PermissionsExt as _;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crosspoint_sandbox::{Budget, CallInput, Connector};
use tempfile::tempdir;

use crate::rig::{Rig, commit};
use crate::server::{Server, header};
use crate::vendor::Vendor;

const SEED: &str = "canary-seed-of-the-operator";

async fn told(connector: &Connector, url: &str) -> String {
    let output = commit(connector, "fetch", url).await.unwrap();
    output.value.notices.concat()
}

#[track_caller]
fn assert_taken(told: &str) {
    assert!(told.starts_with("200 "), "{told}");
}

#[tokio::test]
async fn concurrent_calls_renew_once() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let connector = vendor.rig(SEED, folder.path()).connector();
    let url = vendor.server.url("/orders");
    vendor.close_gate();
    let calls = async { tokio::join!(told(&connector, &url), told(&connector, &url)) };
    let release = async {
        vendor.was_asked().await;
        vendor.open_gate();
    };
    let ((first, second), ()) = tokio::join!(calls, release);
    assert_taken(&first);
    assert_taken(&second);
    assert_eq!(vendor.counts(), (1, 0));
    assert!(!first.contains("canary"), "{first}");
}

#[tokio::test]
async fn a_renewed_token_outlives_the_process() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let url = vendor.server.url("/orders");
    for renewals in 1..=3 {
        let connector = vendor.rig(SEED, folder.path()).connector();
        assert_taken(&told(&connector, &url).await);
        assert_eq!(vendor.counts(), (renewals, 0));
    }
    let file = folder.path().join("shop.refresh.json");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("canary-refresh-3"), "{text}");
    assert!(!text.contains(SEED) && !text.contains("access"), "{text}");
    let names = std::fs::read_dir(folder.path()).unwrap();
    for entry in names {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

/// Two connectors of one name, as a running host and a check beside it.
#[tokio::test]
async fn connectors_of_one_name_share_their_token() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let url = vendor.server.url("/orders");
    let one = vendor.rig(SEED, folder.path()).connector();
    let other = vendor.rig(SEED, folder.path()).connector();
    for connector in [&one, &other, &one, &other] {
        assert_taken(&told(connector, &url).await);
    }
    assert_eq!(vendor.counts().1, 0);
}

#[tokio::test]
async fn a_call_that_ends_early_loses_no_token() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let connector = vendor.rig(SEED, folder.path()).connector();
    let url = vendor.server.url("/orders");
    vendor.close_gate();
    let budget = Budget {
        records: 100,
        bytes: 1 << 20,
    };
    let input = CallInput {
        wall_ms: Some(200),
        ..CallInput::default()
    };
    let cut = connector
        .read("fetch", Some(url.as_bytes()), budget, input)
        .await;
    // The plugin had time left to say so.
    let notices = cut.unwrap().value.notices;
    assert_eq!(notices, [r#"Error::Connect("no credential in time")"#]);
    vendor.was_asked().await;
    vendor.open_gate();
    assert_taken(&told(&connector, &url).await);
    assert_eq!(vendor.counts(), (1, 0));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let connector = vendor.rig(SEED, folder.path()).connector();
    let url = vendor.server.url("/orders");
    assert_taken(&told(&connector, &url).await);
    vendor.end_access();
    assert_taken(&told(&connector, &url).await);
    assert_eq!(vendor.counts(), (2, 0));
    // Where new tokens are refused too, the token is not at fault, and no more are spent on it.
    vendor.refuse_all();
    for _ in 0..3 {
        let told = told(&connector, &url).await;
        assert!(told.starts_with("401 "), "{told}");
    }
    assert_eq!(vendor.counts(), (3, 0));
}

#[tokio::test]
async fn a_new_seed_takes_the_place_of_what_was_kept() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let url = vendor.server.url("/orders");
    let connector = vendor.rig(SEED, folder.path()).connector();
    assert_taken(&told(&connector, &url).await);
    vendor.consent("canary-seed-after-consent");
    let connector = vendor
        .rig("canary-seed-after-consent", folder.path())
        .connector();
    assert_taken(&told(&connector, &url).await);
    assert_eq!(vendor.counts(), (2, 0));
}

#[tokio::test]
async fn a_spent_token_is_told_with_its_fix() {
    let vendor = Vendor::start("canary-something-else").await;
    let folder = tempdir().unwrap();
    let connector = vendor.rig(SEED, folder.path()).connector();
    let told = told(&connector, &vendor.server.url("/orders")).await;
    for part in [
        "secret `refresh` of connector `shop`",
        "invalid_grant",
        "consent again",
    ] {
        assert!(told.contains(part), "`{part}` missing in {told}");
    }
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test]
async fn nothing_is_spent_that_could_not_be_kept() {
    let vendor = Vendor::start(SEED).await;
    let folder = tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "a file").unwrap();
    let url = vendor.server.url("/orders");
    let mut without = vendor.rig(SEED, folder.path());
    without.tokens = None;
    for rig in [vendor.rig(SEED, &taken), without] {
        let told = told(&rig.connector(), &url).await;
        assert!(
            told.contains("could not") || told.contains("data folder"),
            "{told}"
        );
    }
    assert_eq!(vendor.counts(), (0, 0));
}

#[tokio::test]
async fn an_assertion_buys_a_token() {
    let server = Server::start().await;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = BASE64_STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let connector = Rig::open_to(&server).secret("service", &pem).connector();
    assert_taken(&told(&connector, &server.url("/echo")).await);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=ey";
    assert!(requests[0].contains(grant), "{}", requests[0]);
    assert_eq!(
        header(&requests[1], "authorization"),
        Some("Bearer canary-token-1")
    );
}

#[tokio::test]
async fn every_attempt_has_a_nonce_of_its_own() {
    let server = Server::start().await;
    let connector = Rig::open_to(&server)
        .secret("consumer", "canary-consumer-secret")
        .connector();
    let mut seen = Vec::new();
    for _ in 0..2 {
        assert_taken(&told(&connector, &server.url("/echo?a=1")).await);
    }
    for request in server.requests() {
        let value = header(&request, "authorization").unwrap().to_owned();
        assert!(value.starts_with("OAuth oauth_consumer_key=\"ck_test\", "));
        assert!(value.contains("oauth_signature_method=\"HMAC-SHA256\""));
        assert!(!value.contains("oauth_token") && !value.contains("canary"));
        seen.push(value);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_short_secret_is_refused() {
    let error = Rig::closed().secret("token", "abcde").try_connector();
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("`secrets.token` has 5 characters; a secret has at least 6"),
        "{error}"
    );
}
