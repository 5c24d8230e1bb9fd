//! The tables of a running host's endpoints have the right type and default.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use crosspoint_config::project::{SecretRef, Tls, WriteKey};
use crosspoint_config::{Project, open, parse};
use crosspoint_model::ConnectorId;

fn live() -> Project {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/valid-live")).unwrap()
}

fn smallest() -> Project {
    open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/valid-smallest")).unwrap()
}

#[test]
fn the_server_knows_its_address_its_proxies_and_its_certificate() {
    let server = live().server.unwrap();
    assert_eq!(server.listen, "[::1]:8443".parse().unwrap());
    assert_eq!(
        server.public_url.as_deref(),
        Some("https://cdp.example.com")
    );
    let proxies = server.trusted_proxies.iter().map(ToString::to_string);
    let proxies: Vec<_> = proxies.collect();
    assert_eq!(proxies, ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]);
    let tls = Tls {
        certificate: "tls/cert.pem".to_owned(),
        key: SecretRef::File("tls/key.pem".into()),
    };
    assert_eq!(server.tls, Some(tls));
}

#[test]
fn tracking_sources_have_keys_and_origins() {
    let tracking = live().tracking;
    let website = &tracking[&ConnectorId::from("website")];
    assert_eq!(website.description.as_deref(), Some("The shop's pages"));
    let keys = [
        WriteKey::Plain("website-1".into()),
        WriteKey::Reference(SecretRef::Env("SECOND_KEY".into())),
    ];
    assert_eq!(website.write_keys, keys);
    assert_eq!(
        website.origins,
        ["http://localhost:3000", "https://www.example.com"]
    );
    assert!(!website.orders);
    let app = &tracking[&ConnectorId::from("app")];
    assert_eq!(app.origins, ["*"]);
    assert!(app.orders, "unless it is switched off");
}

#[test]
fn lookups_and_telemetry_are_what_is_written() {
    let project = live();
    let lookups = project.lookups.unwrap();
    let tokens = [
        SecretRef::Env("LOOKUP_TOKEN".into()),
        SecretRef::File("secrets/lookup".into()),
    ];
    assert_eq!(lookups.tokens, tokens);
    assert_eq!(lookups.origins, ["https://www.example.com"]);
    assert_eq!(lookups.public_traits, ["first_name", "last_name"]);
    assert_eq!(lookups.public_segments, ["big-spenders"]);
    let telemetry = project.telemetry;
    assert_eq!(telemetry.otlp.unwrap(), "http://127.0.0.1:4318");
    let networks = telemetry.scrape.iter().map(ToString::to_string);
    assert_eq!(
        networks.collect::<Vec<_>>(),
        ["10.1.0.0/16", "127.0.0.1/32"]
    );
}

#[test]
fn nothing_is_offered_unless_it_is_written() {
    let project = smallest();
    assert_eq!(project.server, None);
    assert!(project.tracking.is_empty());
    assert_eq!(project.lookups, None);
    let telemetry = project.telemetry;
    assert_eq!(telemetry.otlp, None);
    let networks = telemetry.scrape.iter().map(ToString::to_string);
    assert_eq!(networks.collect::<Vec<_>>(), ["127.0.0.0/8", "::1/128"]);
}

#[test]
fn a_server_with_an_error_is_reported_once() {
    let text = "[project]\nname = \"shop\"\n[server]\nlisten = \"8080\"\n\
                [tracking.app]\nwrite_keys = [\"app-1\"]\n";
    let files = [("crosspoint.toml".to_owned(), text.to_owned())];
    let problems = parse(&files).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("`8080`"), "{problems:?}");
}
