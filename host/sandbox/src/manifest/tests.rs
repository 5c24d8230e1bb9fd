use serde_json::json;

use super::*;

const FULL: &str = r#"
id = "shop"
name = "Shop"
version = "1.2.3"
contract = "0.1"
roles = ["source", "destination"]
imports = ["http", "jobs"]
hosts = [
    { host = "*.myshop.com", methods = ["GET", "POST"] },
    { host = "{settings.url}" },
]

[settings.url]
type = "text"
required = true

[settings.mode]
type = "text"
choices = ["single", "batch"]
default = "single"

[settings.size]
type = "integer"
min = 1
max = 100
default = 10

[secrets.token]
attach = { kind = "header", name = "x-shop-token" }
required = true

[secrets.hook]
attach = { kind = "webhook" }

[webhook]
scheme = "hmac"
secret = "hook"
signature_header = "x-shop-hmac-sha256"
encoding = "base64"

[rate_limit]
requests = 2
per = "1s"
burst = 40

[vendor]
name = "Shop Inc."
api_version = "2026-10"
sunset = "2027-10-01"
"#;

fn problems(text: &str) -> Vec<String> {
    Manifest::parse(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn reads_a_full_manifest() {
    let manifest = Manifest::parse(FULL).unwrap();
    assert_eq!(manifest.rate_limit.unwrap().burst, Some(40));
    assert_eq!(manifest.secrets["token"].attach.kind(), "header");
}

#[test]
fn reports_every_problem_at_once() {
    let broken = FULL
        .replace("id = \"shop\"", "id = \"Shop!\"")
        .replace("contract = \"0.1\"", "contract = \"0.9\"")
        .replace("\"POST\"]", "\"FETCH\"]")
        .replace("{settings.url}", "{settings.link}")
        .replace("x-shop-token", "Host")
        .replace("per = \"1s\"", "per = \"soon\"")
        .replace("default = 10", "default = 1000");
    let found = problems(&broken);
    for place in [
        "`id`",
        "`contract`",
        "`hosts[0].methods`",
        "`hosts[1].host`",
        "`secrets.token.attach`",
        "`rate_limit.per`",
        "`settings.size.default`",
    ] {
        assert!(
            found.iter().any(|it| it.starts_with(place)),
            "{place} missing in {found:#?}"
        );
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let found = problems(&FULL.replace("roles =", "role ="));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("plugin.toml:6") && found[0].contains("role"),
        "{found:?}"
    );
}

#[test]
fn hosts_without_a_way_to_reach_them_are_refused() {
    let found = problems(&FULL.replace("imports = [\"http\", \"jobs\"]", "imports = [\"jobs\"]"));
    assert!(found[0].starts_with("`hosts` is of no use"), "{found:?}");
}

#[test]
fn settings_are_filled_and_every_fault_is_told() {
    let manifest = Manifest::parse(FULL).unwrap();
    let given = json!({ "url": "https://a.example" });
    let settings = manifest
        .checked_settings(given.as_object().unwrap())
        .unwrap();
    assert_eq!(settings["mode"], "single");
    assert_eq!(settings["size"], 10);

    let given = json!({ "mode": "singel", "size": 0, "ulr": "x" });
    let problems = manifest
        .checked_settings(given.as_object().unwrap())
        .unwrap_err();
    let found: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found.iter().any(|it| it.contains("did you mean `url`?")),
        "{found:#?}"
    );
    assert!(
        found.iter().any(|it| it.contains("did you mean `single`?")),
        "{found:#?}"
    );
}
