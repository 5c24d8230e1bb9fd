use serde_json::json;

use super::*;

fn request(host: &str, methods: &[&str]) -> HostRequest {
    HostRequest {
        host: host.to_owned(),
        methods: methods.iter().map(ToString::to_string).collect(),
        scheme: Scheme::Https,
    }
}

fn granter(asked: &[HostRequest], allowed: Vec<HostGrant>) -> Granter {
    let settings = json!({ "url": "http://127.0.0.1:8080/hook" });
    Granter::new(asked, settings.as_object().unwrap(), allowed)
}

fn grant(host: &str) -> HostGrant {
    HostGrant::of(HostPattern::parse(host).unwrap())
}

fn check(granter: &Granter, method: &str, url: &str) -> Result<(), String> {
    granter.decide(method, &Url::parse(url).unwrap()).map(drop)
}

#[test]
fn nothing_is_granted_by_default() {
    let nothing = granter(&[], vec![]);
    assert!(check(&nothing, "GET", "https://example.com/").is_err());
}

#[test]
fn granted_is_asked_for_and_allowed() {
    let asked = [request("*.example.com", &["GET"])];
    let both = granter(&asked, vec![grant("api.example.com")]);
    assert_eq!(check(&both, "GET", "https://api.example.com/x"), Ok(()));
    let only_asked = granter(&asked, vec![]);
    let fault = check(&only_asked, "GET", "https://api.example.com/").unwrap_err();
    assert_eq!(fault, "the operator did not grant host `api.example.com`");
    let only_allowed = granter(&[], vec![grant("*")]);
    let fault = check(&only_allowed, "GET", "https://api.example.com/").unwrap_err();
    assert_eq!(
        fault,
        "the manifest does not ask for host `api.example.com`"
    );
}

#[test]
fn name_port_scheme_and_method_all_count() {
    let granter = granter(&[request("*.example.com", &["GET"])], vec![grant("*")]);
    for (method, url) in [
        ("POST", "https://a.example.com/"),
        ("GET", "http://a.example.com/"),
        ("GET", "https://a.example.com:8443/"),
        ("GET", "https://example.com/"),
        ("GET", "https://evilexample.com/"),
        ("GET", "https://a.example.com.evil.org/"),
        ("GET", "https://a.example.com@evil.org/"),
        ("GET", "ftp://a.example.com/"),
    ] {
        assert!(check(&granter, method, url).is_err(), "{method} {url}");
    }
    assert_eq!(check(&granter, "GET", "https://A.EXAMPLE.com:443/"), Ok(()));
}

#[test]
fn a_setting_asks_for_its_own_host_and_port() {
    let asked = [request("{settings.url}", &[])];
    let open = HostGrant::named("127.0.0.1", Some(8080), true).unwrap();
    let it = granter(&asked, vec![open]);
    assert_eq!(check(&it, "POST", "http://127.0.0.1:8080/any"), Ok(()));
    assert!(check(&it, "POST", "http://127.0.0.1:8081/").is_err());
    assert!(check(&it, "POST", "http://localhost:8080/").is_err());
    let closed = granter(
        &asked,
        vec![HostGrant {
            port: Some(8080),
            ..grant("127.0.0.1")
        }],
    );
    let fault = check(&closed, "POST", "http://127.0.0.1:8080/").unwrap_err();
    assert_eq!(fault, "the operator granted `127.0.0.1` by `https` only");
}

#[test]
fn inside_addresses_need_a_grant_of_their_own() {
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    let metadata: IpAddr = "169.254.169.254".parse().unwrap();
    let closed = granter(&[], vec![grant("a.example.com")]);
    assert!(closed.admits("a.example.com", loopback).is_err());
    assert!(
        closed
            .admits("a.example.com", "1.1.1.1".parse().unwrap())
            .is_ok()
    );
    let inside = HostGrant {
        inside_addresses: true,
        ..grant("a.example.com")
    };
    let open = granter(&[], vec![inside]);
    assert!(open.admits("a.example.com", loopback).is_ok());
    assert!(open.admits("a.example.com", metadata).is_err());
    assert!(open.admits("b.example.com", loopback).is_err());
    let named = HostGrant {
        inside_addresses: true,
        ..grant("169.254.169.254")
    };
    assert!(
        granter(&[], vec![named])
            .admits("169.254.169.254", metadata)
            .is_ok()
    );
}

#[test]
fn only_names_that_mean_nothing_else_lead_inside() {
    let inside = |host| {
        HostGrant::named(host, None, false)
            .unwrap()
            .inside_addresses
    };
    for host in [
        "10.0.0.5",
        "::1",
        "localhost",
        "db",
        "crm.internal",
        "printer.local",
    ] {
        assert!(inside(host), "{host}");
    }
    for host in [
        "api.example.com",
        "*.internal",
        "*",
        "localhost.example.com",
    ] {
        assert!(!inside(host), "{host}");
    }
}

#[test]
fn manifests_cannot_ask_for_everything() {
    for text in [
        "*",
        "*.com",
        "",
        "a b",
        "*.*.com",
        "https://x.com",
        "x.com/path",
    ] {
        assert!(HostPattern::parse_asked(text).is_err(), "{text}");
    }
    let (pattern, port) = HostPattern::parse_asked("[::1]:8080").unwrap();
    assert_eq!(
        (pattern, port),
        (HostPattern::Exact("::1".to_owned()), Some(8080))
    );
    assert_eq!(HostPattern::parse_asked("::1").unwrap().1, None);
}
