//! Credentials go out and never in.

use std::io;
use std::sync::{Arc, Mutex};

use crosspoint_sandbox::Error;
use tracing_subscriber::fmt::MakeWriter;

use crate::rig::{Rig, commit};
use crate::server::{Server, header};

const WHSEC: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Collects what is traced.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<u8>>>);

impl io::Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Trace {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_secret_is_seen_nowhere() {
    let trace = Trace::default();
    let collector = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(trace.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(collector);

    let server = Server::start().await;
    let connector = Rig::open_to(&server)
        .secret("token", "canary/secret+1")
        .secret("key", "canary&secret 2")
        .connector();
    let output = commit(&connector, "dump", &server.url("/echo"))
        .await
        .unwrap();

    // Both credentials did go out, on both doors.
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(
            header(request, "authorization"),
            Some("Bearer canary/secret+1")
        );
        assert!(request.contains("api_key=canary%26secret%202"), "{request}");
    }
    // The server sent all of it back, in body and headers, and the plugin logged what it saw.
    let seen = format!("{output:?}");
    assert!(
        seen.contains("seen by the plugin") && seen.contains("x-seen: "),
        "{seen}"
    );
    let traced = String::from_utf8(trace.0.lock().unwrap().clone()).unwrap();
    assert!(traced.contains("seen by the plugin"));
    for text in [&seen, &traced] {
        for canary in ["canary", "Y2FuYXJ5"] {
            assert!(!text.contains(canary), "`{canary}` in {text}");
        }
        assert!(!text.contains("set-cookie"), "{text}");
    }
    let error = commit(&connector, "panic", "canary/secret+1")
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Panic { stderr, .. } if stderr.contains("deliberate")));
    let error = format!("{error} {error:?}");
    assert!(!error.contains("canary"), "{error}");
    let error = commit(&connector, "transient", "canary&secret 2")
        .await
        .unwrap_err();
    let error = format!("{error} {error:?}");
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn a_header_that_a_credential_sets_cannot_be_replaced() {
    let server = Server::start().await;
    let rig = Rig::open_to(&server).secret("token", "canary-secret");
    let argument = format!("Authorization {}", server.url("/echo"));
    let told = rig.told("fetch-as", &argument).await;
    assert!(told.contains("set by a credential"), "{told}");
    let rig = Rig::open_to(&server).secret("token", "canary-secret");
    let told = rig.told("wasi-fetch-as", &argument).await;
    assert!(told.contains("Forbidden"), "{told}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn webhooks_are_signed_by_the_host() {
    let server = Server::start().await;
    let rig = Rig::open_to(&server).secret("signing", WHSEC);
    rig.commit("post", &server.url("/hook")).await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(header(request, "webhook-id"), Some("m1"));
    assert!(
        header(request, "webhook-timestamp")
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
    let signature = header(request, "webhook-signature").unwrap();
    assert!(
        signature.starts_with("v1,") && signature.len() == 47,
        "{signature}"
    );
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_refused() {
    let server = Server::start().await;
    let connector = Rig::open_to(&server)
        .secret("client", "canary-client-secret")
        .connector();
    let told = |output: crosspoint_sandbox::CallOutput<crosspoint_sandbox::Page>| {
        output.value.notices.concat()
    };
    let first = told(
        commit(&connector, "fetch", &server.url("/echo"))
            .await
            .unwrap(),
    );
    assert!(
        first.starts_with("200 ") && !first.contains("canary"),
        "{first}"
    );
    let second = told(
        commit(&connector, "fetch", &server.url("/echo"))
            .await
            .unwrap(),
    );
    assert!(second.starts_with("200 "), "{second}");
    let requests = server.requests();
    let paths: Vec<_> = requests
        .iter()
        .filter_map(|it| it.split_whitespace().nth(1))
        .collect();
    assert_eq!(paths, ["/token", "/echo", "/echo"]);
    assert!(requests[0].contains("grant_type=client_credentials"));
    assert_eq!(
        header(&requests[2], "authorization"),
        Some("Bearer canary-token-1")
    );

    let third = told(
        commit(&connector, "fetch", &server.url("/revoked"))
            .await
            .unwrap(),
    );
    assert!(third.starts_with("200 "), "{third}");
    let requests = server.requests();
    assert_eq!(requests.len(), 6);
    assert_eq!(
        header(&requests[5], "authorization"),
        Some("Bearer canary-token-5")
    );
}

#[tokio::test]
async fn secrets_that_do_not_fit_are_all_told() {
    let rig = Rig::closed()
        .secret("signing", "not-a-key")
        .secret("unheard-of", "x");
    let Err(Error::Setup { problems, .. }) = rig.try_connector() else {
        panic!("accepted")
    };
    let places: Vec<_> = problems.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(places, ["secrets.unheard-of", "secrets.signing"]);
}
