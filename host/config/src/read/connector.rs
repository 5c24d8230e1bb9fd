//! `[connectors.NAME]`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use smol_str::SmolStr;
use toml::de::DeValue;

use super::{description, settings};
use crate::error::Code;
use crate::host::parse_host;
use crate::name::{bad_name, is_name};
use crate::project::{
    Connector, DEFAULT_IN_FLIGHT, Grant, HostName, Limits, Plugin, Rate, Retry, SecretRef,
};
use crate::schedule::{Cron, Schedule, nearest_time_zone, time_zone};
use crate::table::{Table, Text};

/// Most batches on their way at once for one connector.
const MAX_IN_FLIGHT: u32 = 64;

/// Most requests in a rate's span; more is no limit any more.
const MAX_REQUESTS: u32 = 1_000_000;
/// Most log lines of one call: they are held until it ends.
const MAX_LOG_LINES: u32 = 100_000;

pub(super) fn read(table: &Table<'_>) -> Connector {
    Connector {
        plugin: plugin(table),
        description: description(table),
        every: schedule(table),
        settings: settings::read(table),
        secrets: secrets(table),
        grant: table.table("grant").map(grant).unwrap_or_default(),
        limits: table.table("limits").map(limits).unwrap_or_default(),
        rate: table.table("rate").map(rate),
        in_flight: table
            .integer("in_flight", 1..=MAX_IN_FLIGHT)
            .unwrap_or(DEFAULT_IN_FLIGHT),
        retry: table.table("retry").map(retry).unwrap_or_default(),
    }
}

/// A span, or a cron line in its time zone.
fn schedule(table: &Table<'_>) -> Option<Schedule> {
    let zone = zone(table);
    let is_line = |value: &DeValue<'_>| match value {
        DeValue::String(text) => text.trim().contains(char::is_whitespace),
        _ => false,
    };
    let value = table.value("every");
    if !value.is_some_and(|value| is_line(value.get_ref())) {
        if zone.is_some() {
            let message = format!("`time_zone` of {} goes with a cron line", table.place());
            let hint = "write `every = \"0 3 * * *\"`, or leave `time_zone` out".to_owned();
            let at = table.key_at("time_zone");
            table.report(Code::Contradiction, at, message, Some(hint));
        }
        return table.span_ms("every").map(|ms| Schedule::Every { ms });
    }
    let line = table.text("every")?;
    let zone = zone.unwrap_or_else(|| (SmolStr::new_static("UTC"), TimeZone::UTC));
    match Cron::parse(line.text, zone) {
        Ok(cron) => Some(Schedule::Cron(cron)),
        Err(reason) => {
            let message = format!("`{}` is no cron line: {reason}", line.text);
            let hint = "write minute, hour, day of month, month and day of week: `0 3 * * *` is \
                        every night at three; or a span such as `15m`";
            table.report(Code::BadForm, line.at, message, Some(hint.to_owned()));
            None
        }
    }
}

fn zone(table: &Table<'_>) -> Option<(SmolStr, TimeZone)> {
    let name = table.text("time_zone")?;
    match time_zone(name.text) {
        Some(zone) => Some((SmolStr::new(name.text), zone)),
        None => {
            let message = format!("`{}` is no time zone", name.text);
            let hint = match nearest_time_zone(name.text) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write a name of the IANA database, such as `Europe/Amsterdam`".to_owned(),
            };
            table.report(Code::UnknownWord, name.at, message, Some(hint));
            None
        }
    }
}

fn plugin(table: &Table<'_>) -> Plugin {
    let bundled = table.text("plugin");
    let file = table.text("path");
    if table.has("plugin") && table.has("path") {
        let message = format!("{} has both `plugin` and `path`", table.place());
        let hint = "keep `plugin` for a bundled plugin, `path` for a component file".to_owned();
        table.report(
            Code::Contradiction,
            table.key_at("path"),
            message,
            Some(hint),
        );
    } else if !table.has("path") {
        table.require(
            "plugin",
            "write `plugin = \"tabular\"`, or `path = \"./my.wasm\"`",
        );
    }
    match (bundled, file) {
        (Some(id), _) => {
            if id.text.contains(['/', '\\']) || id.text.ends_with(".wasm") {
                let message = format!("`{}` is a file, and `plugin` takes an id", id.text);
                let hint = format!("write `path = \"{}\"`", id.text);
                table.report(Code::BadForm, id.at, message, Some(hint));
            } else if !is_name(id.text) {
                bad_name("a plugin", &id, table);
            }
            Plugin::Bundled(SmolStr::new(id.text))
        }
        (None, path) => Plugin::File(
            path.and_then(|path| path_text(table, &path))
                .unwrap_or_default(),
        ),
    }
}

/// A path that is not empty.
pub(super) fn path_text(table: &Table<'_>, path: &Text<'_>) -> Option<String> {
    if path.text.trim().is_empty() || path.text.contains('\0') {
        let message = format!("{:?} is not a path", path.text);
        table.report(Code::BadForm, path.at, message, None);
        return None;
    }
    Some(path.text.to_owned())
}

fn secrets(table: &Table<'_>) -> BTreeMap<SmolStr, SecretRef> {
    let Some((secrets, entries)) = table.free_entries("secrets") else {
        return BTreeMap::new();
    };
    let mut references = BTreeMap::new();
    for (name, value) in entries {
        let at = Table::start(value);
        match value.get_ref() {
            DeValue::String(text) => {
                if let Some(reference) = secret(&secrets, name.text, text, at) {
                    references.insert(SmolStr::new(name.text), reference);
                }
            }
            _ => secrets.wrong_type(name.text, value, "text such as `\"env:NAME\"`"),
        }
    }
    references
}

/// Never repeats `text`: it may be the secret.
pub(super) fn secret(table: &Table<'_>, name: &str, text: &str, at: usize) -> Option<SecretRef> {
    const HINT: &str = "secrets are references: write `env:NAME` or `file:PATH`";
    let place = table.place();
    if let Some(variable) = text.strip_prefix("env:") {
        let fits = variable.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && variable
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fits {
            return Some(SecretRef::Env(SmolStr::new(variable)));
        }
        let message = format!("`{name}` in {place} has no variable's name after `env:`");
        table.report(Code::BadForm, at, message, Some(HINT.to_owned()));
        return None;
    }
    if let Some(path) = text.strip_prefix("file:") {
        if !path.trim().is_empty() {
            return Some(SecretRef::File(path.to_owned()));
        }
        let message = format!("`{name}` in {place} has no path after `file:`");
        table.report(Code::BadForm, at, message, Some(HINT.to_owned()));
        return None;
    }
    let message = format!("`{name}` in {place} holds the secret itself");
    table.report(Code::InlineSecret, at, message, Some(HINT.to_owned()));
    None
}

fn grant(table: Table<'_>) -> Grant {
    let hosts = hosts(&table, "hosts");
    let plain = hosts_with_places(&table, "plain_http");
    for (host, text) in &plain {
        if !hosts.contains(host) {
            let message = format!(
                "`plain_http` names `{}`, which `hosts` does not grant",
                text.text
            );
            let hint = format!("add `{}` to `hosts`", text.text);
            table.report(Code::Contradiction, text.at, message, Some(hint));
        }
    }
    let files = super::files::read(&table);
    let files_write = table.flag("files_write").unwrap_or(false);
    table.finish();
    Grant {
        hosts,
        plain_http: sorted(plain.into_iter().map(|(host, _)| host).collect()),
        files,
        files_write,
    }
}

fn hosts(table: &Table<'_>, key: &'static str) -> Vec<HostName> {
    sorted(
        hosts_with_places(table, key)
            .into_iter()
            .map(|(host, _)| host)
            .collect(),
    )
}

fn hosts_with_places<'a>(table: &Table<'a>, key: &'static str) -> Vec<(HostName, Text<'a>)> {
    let mut hosts = Vec::new();
    for text in table.texts(key) {
        match parse_host(text.text) {
            Ok(host) => hosts.push((host, text)),
            Err(why) => {
                let message = format!("`{}` in `{key}` is not a host", text.text);
                table.report(Code::BadForm, text.at, message, Some(why.hint().to_owned()));
            }
        }
    }
    hosts
}

fn sorted(mut hosts: Vec<HostName>) -> Vec<HostName> {
    hosts.sort();
    hosts.dedup();
    hosts
}

fn limits(table: Table<'_>) -> Limits {
    let limits = Limits {
        memory_bytes: table.size_bytes("memory"),
        cpu_ms: table.span_ms("cpu"),
        wall_ms: table.span_ms("wall"),
        transfer_bytes: table.size_bytes("transfer"),
        response_bytes: table.size_bytes("response"),
        request_bytes: table.size_bytes("request"),
        log_lines: table.integer("log_lines", 0..=MAX_LOG_LINES),
        log_line_bytes: table.size_bytes("log_line"),
        stderr_bytes: table.size_bytes("stderr"),
        hook_bytes: table.size_bytes("hook"),
    };
    table.finish();
    limits
}

fn rate(table: Table<'_>) -> Rate {
    table.require("requests", "write how many requests may leave in `per`");
    let requests = table.integer("requests", 1..=MAX_REQUESTS).unwrap_or(1);
    let per_ms = table.span_ms("per").unwrap_or(1_000);
    let burst = table.integer("burst", 1..=MAX_REQUESTS).unwrap_or(requests);
    table.finish();
    Rate {
        requests,
        per_ms,
        burst,
    }
}

fn retry(table: Table<'_>) -> Retry {
    let default = Retry::default();
    let retry = Retry {
        first_ms: table.span_ms("first").unwrap_or(default.first_ms),
        longest_ms: table.span_ms("longest").unwrap_or(default.longest_ms),
        give_up_after_ms: table
            .span_ms("give_up_after")
            .unwrap_or(default.give_up_after_ms),
    };
    if retry.first_ms > retry.longest_ms || retry.longest_ms > retry.give_up_after_ms {
        let message = format!("{} is out of order", table.place());
        let hint = "`first` (1s) must not exceed `longest` (1h), nor that `give_up_after` (3d)";
        table.report(
            Code::Contradiction,
            table.at(),
            message,
            Some(hint.to_owned()),
        );
    }
    table.finish();
    retry
}
