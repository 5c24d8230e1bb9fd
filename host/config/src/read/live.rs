//! `[server]`, `[tracking.NAME]`, `[lookups]`, `[telemetry]`.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use smol_str::SmolStr;
use toml::de::DeValue;

use super::connector::{path_text, secret};
use super::description;
use crate::draft::{Draft, Noun};
use crate::error::Code;
use crate::live::{Lookups, Server, Telemetry, Tls, Tracking, WriteKey};
use crate::project::SecretRef;
use crate::table::{Table, Text};

/// Bytes of a write key.
const WRITE_KEY_BYTES: std::ops::RangeInclusive<usize> = 4..=128;

/// The tables that stand once.
pub(super) fn whole(root: &Table<'_>, draft: &mut Draft<'_>) {
    draft.project.server = root.table("server").and_then(server);
    draft.project.lookups = root.table("lookups").map(|table| lookups(table, draft));
    if let Some(table) = root.table("telemetry") {
        draft.project.telemetry = telemetry(table);
    }
}

fn server(table: Table<'_>) -> Option<Server> {
    table.require("listen", "write `listen = \"127.0.0.1:8080\"`");
    let listen = table.text("listen").and_then(|text| {
        let address = text.text.parse::<SocketAddr>().ok();
        if address.is_none() {
            let message = format!("`{}` is not an address with a port", text.text);
            let hint = "write `127.0.0.1:8080`, or `0.0.0.0:8080` for all interfaces".to_owned();
            table.report(Code::BadForm, text.at, message, Some(hint));
        }
        address
    });
    let public_url = table
        .text("public_url")
        .and_then(|text| base_url(&table, &text));
    let trusted_proxies = networks(&table, "trusted_proxies");
    let tls = table.table("tls").and_then(tls);
    table.finish();
    Some(Server {
        listen: listen?,
        public_url,
        trusted_proxies,
        tls,
    })
}

fn tls(table: Table<'_>) -> Option<Tls> {
    table.require(
        "certificate",
        "name the PEM file with the certificate chain",
    );
    table.require(
        "key",
        "write where the private key is, as in `key = \"file:tls/key.pem\"`",
    );
    let certificate = table.text("certificate");
    let certificate = certificate.and_then(|text| path_text(&table, &text));
    let key = table.text("key");
    let key = key.and_then(|text| secret(&table, "key", text.text, text.at));
    table.finish();
    Some(Tls {
        certificate: certificate?,
        key: key?,
    })
}

fn networks(table: &Table<'_>, key: &'static str) -> Vec<IpNet> {
    let texts = table.texts(key);
    let mut networks: Vec<_> = texts
        .iter()
        .filter_map(|text| network(table, text))
        .collect();
    networks.sort();
    networks.dedup();
    networks
}

fn network(table: &Table<'_>, text: &Text<'_>) -> Option<IpNet> {
    let network = text.text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.text.parse::<IpAddr>().ok().map(IpNet::from));
    if network.is_none() {
        let message = format!("`{}` is not an address or network", text.text);
        let hint = "write `127.0.0.1` or `10.0.0.0/8`".to_owned();
        table.report(Code::BadForm, text.at, message, Some(hint));
    }
    network.map(|network| network.trunc())
}

/// An `http` or `https` address without query, its slash at the end cut off.
fn base_url(table: &Table<'_>, text: &Text<'_>) -> Option<SmolStr> {
    let rest = text
        .text
        .strip_prefix("https://")
        .or_else(|| text.text.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty() && !rest.contains(['?', '#', ' ', '@'])
    });
    if !fits {
        let message = format!("`{}` is not the address of a server", text.text);
        let hint = "write it with scheme and host, as in `https://cdp.example.com`".to_owned();
        table.report(Code::BadForm, text.at, message, Some(hint));
        return None;
    }
    Some(SmolStr::new(text.text.trim_end_matches('/')))
}

/// Origins as browsers send them (RFC 6454): scheme, host and port, nothing behind.
fn origins(table: &Table<'_>) -> Vec<SmolStr> {
    let texts = table.texts("origins");
    let mut origins = Vec::new();
    for text in &texts {
        if text.text == "*" {
            if texts.len() > 1 {
                let message = "`*` allows every page, so it stands alone".to_owned();
                table.report(Code::Contradiction, text.at, message, None);
            }
        } else if base_url(table, text).is_none() {
            continue;
        } else if text.text.contains('*') {
            let message = format!("`{}` is a pattern, which no origin matches", text.text);
            let hint = "name each origin, or `*` alone for any page".to_owned();
            table.report(Code::BadForm, text.at, message, Some(hint));
        } else if text.text.matches('/').count() != 2 {
            let message = format!("`{}` is more than an origin", text.text);
            let hint = "write scheme and host only, as in `https://www.example.com`".to_owned();
            table.report(Code::BadForm, text.at, message, Some(hint));
        }
        origins.push(SmolStr::new(text.text.to_ascii_lowercase()));
    }
    origins.sort();
    origins.dedup();
    origins
}

pub(super) fn tracking(table: &Table<'_>) -> Tracking {
    table.require(
        "write_keys",
        "write the keys that clients send, as in `write_keys = [\"website-1\"]`",
    );
    let texts = table.texts("write_keys");
    let empty = table
        .value("write_keys")
        .is_some_and(|value| matches!(value.get_ref(), DeValue::Array(keys) if keys.is_empty()));
    if empty {
        let message = format!("`write_keys` of {} is empty", table.place());
        let hint = "without a key nobody can call".to_owned();
        table.report(
            Code::BadForm,
            table.key_at("write_keys"),
            message,
            Some(hint),
        );
    }
    Tracking {
        description: description(table),
        write_keys: texts
            .iter()
            .filter_map(|text| write_key(table, text))
            .collect(),
        origins: origins(table),
        orders: table.flag("orders").unwrap_or(true),
    }
}

fn write_key(table: &Table<'_>, text: &Text<'_>) -> Option<WriteKey> {
    if text.text.starts_with("env:") || text.text.starts_with("file:") {
        return secret(table, "write_keys", text.text, text.at).map(WriteKey::Reference);
    }
    let fits = WRITE_KEY_BYTES.contains(&text.text.len())
        && text
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !fits {
        let message = format!("a key of {} has not the form of a write key", table.place());
        let hint = "use 4 to 128 letters, digits, `_`, `-` and `.`, or a reference `env:NAME`";
        table.report(Code::BadForm, text.at, message, Some(hint.to_owned()));
        return None;
    }
    Some(WriteKey::Plain(SmolStr::new(text.text)))
}

fn lookups(table: Table<'_>, draft: &mut Draft<'_>) -> Lookups {
    let tokens: Vec<SecretRef> = table
        .texts("tokens")
        .iter()
        .filter_map(|text| secret(&table, "tokens", text.text, text.at))
        .collect();
    let mut names = |key, noun| {
        let texts = table.texts(key);
        let mut names: Vec<SmolStr> = Vec::new();
        for text in &texts {
            draft.refer(noun, text, table.place());
            names.push(SmolStr::new(text.text));
        }
        names.sort();
        names.dedup();
        names
    };
    let public_traits = names("public_traits", Noun::Trait);
    let public_segments = names("public_segments", Noun::Segment);
    let origins = origins(&table);
    let offers = table.has("tokens") || table.has("public_traits") || table.has("public_segments");
    if !offers {
        let message = "`lookups` lets nobody read anything".to_owned();
        let hint = "write `tokens = [\"env:LOOKUP_TOKEN\"]`, or name `public_traits`".to_owned();
        table.report(Code::MissingKey, table.at(), message, Some(hint));
    }
    table.finish();
    Lookups {
        tokens,
        origins,
        public_traits,
        public_segments,
    }
}

fn telemetry(table: Table<'_>) -> Telemetry {
    let otlp = table.text("otlp").and_then(|text| base_url(&table, &text));
    let scrape = match table.has("scrape") {
        true => networks(&table, "scrape"),
        false => Telemetry::default().scrape,
    };
    table.finish();
    Telemetry { otlp, scrape }
}
