//! What `[webhook]` must satisfy.

use crate::manifest::Manifest;

fn problems(toml: &str) -> Vec<String> {
    let head = "id = \"shop\"\nname = \"Shop\"\nversion = \"1.0.0\"\ncontract = \"0.1\"\n\
                roles = [\"source\"]\n[secrets.hook]\nattach = { kind = \"webhook\" }\n[webhook]\n";
    Manifest::parse(&format!("{head}{toml}"))
        .unwrap_err()
        .iter()
        .map(|problem| problem.place.clone())
        .collect()
}

#[track_caller]
fn check(toml: &str, places: &[&str]) {
    assert_eq!(problems(toml), places, "{toml}");
}

#[test]
fn every_contradiction_is_told() {
    check(
        "scheme = \"hmac\"\nsecret = \"hok\"\ncontent = \"{timestamp}{id}{bdy}\"\nplace = \"path\"",
        &[
            "secrets.hook.attach",
            "webhook.place",
            "webhook.secret",
            "webhook.signature_header",
            "webhook.content",
            "webhook.content",
            "webhook.timestamp_header",
            "webhook.id_header",
        ],
    );
    check(
        "scheme = \"shared-secret\"\nsecret = \"hook\"\ncontent = \"{body}\"",
        &["webhook.content", "webhook.place"],
    );
    check(
        "scheme = \"shared-secret\"\nsecret = \"hook\"\nplace = \"header\"",
        &["webhook.name"],
    );
    check("scheme = \"none\"\nsecret = \"hook\"", &["webhook.secret"]);
    check(
        "scheme = \"standard-webhooks\"",
        &["secrets.hook.attach", "webhook.secret"],
    );
}

#[test]
fn nothing_unsigned_is_relied_upon() {
    let signed = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-sig\"\n";
    check(
        &format!("{signed}timestamp_header = \"x-time\""),
        &["webhook.content"],
    );
    check(
        &format!("{signed}content = \"{{url}}\""),
        &["webhook.content"],
    );
    check(
        &format!("{signed}signed_headers = \"x-list\""),
        &["webhook.signed_headers"],
    );
    check(
        &format!("{signed}timestamp_prefix = \"t=\"\ncontent = \"{{timestamp}}{{body}}\""),
        &["webhook.separator"],
    );
}

#[test]
fn challenges_are_complete() {
    let signed = "scheme = \"hmac\"\nsecret = \"hook\"\nsignature_header = \"x-sig\"\n";
    let with = |challenge: &str| format!("{signed}[webhook.challenge]\n{challenge}");
    check(&with("kind = \"hub\""), &["webhook.challenge.secret"]);
    check(
        &with("kind = \"signed\""),
        &[
            "webhook.challenge.parameter",
            "webhook.challenge.response_key",
        ],
    );
    check(
        &with("kind = \"probe\"\nparameter = \"x\""),
        &["webhook.challenge.parameter"],
    );
}

#[test]
fn a_scheme_must_be_named() {
    assert_eq!(problems("secret = \"hook\"").len(), 1);
}
