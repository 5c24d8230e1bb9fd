//! `check`, `plugin` and `replay`.

use crosspoint_runtime::{Finding, PluginSummary, ReplayReport};
use serde::Serialize;
use serde_json::Value as Json;

use super::{number_of, value};
use crate::output::{Sheet, Style, Table, bytes, count, plain};

/// Every finding, then how many there are.
pub fn findings(findings: &[Finding], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    for finding in findings {
        let kind = if finding.is_error {
            style.red("error")
        } else {
            style.yellow("warning")
        };
        sheet.line(&format!(
            "{}{kind}: {}: {}",
            style.bold(&plain(&place(finding))),
            plain(&finding.code),
            plain(&finding.message)
        ));
        if let Some(hint) = &finding.hint {
            sheet.line(&format!("  {} {}", style.cyan("hint:"), plain(hint)));
        }
    }
    let errors = findings.iter().filter(|finding| finding.is_error).count();
    let warnings = findings.len() - errors;
    if let Some(first) = findings.first() {
        sheet.gap();
        sheet.line(&style.dim(&format!(
            "More about each code: crosspoint explain {}",
            plain(&first.code)
        )));
    }
    let verdict = format!(
        "{}, {}",
        number_of(errors as u64, "error", "errors"),
        number_of(warnings as u64, "warning", "warnings")
    );
    sheet.line(&match (errors, warnings) {
        (0, 0) => style.green("No problems."),
        (0, _) => style.yellow(&verdict),
        _ => style.red(&verdict),
    });
    sheet.finish()
}

/// `FILE:LINE:COLUMN: `, as far as it is known.
fn place(finding: &Finding) -> String {
    let parts = [
        finding.file.clone(),
        finding.line.map(|line| line.to_string()),
        finding.column.map(|column| column.to_string()),
    ];
    let known: Vec<String> = parts.into_iter().map_while(|part| part).collect();
    if known.is_empty() {
        String::new()
    } else {
        format!("{}: ", known.join(":"))
    }
}

/// A list of plugins.
pub fn plugins(plugins: &[PluginSummary], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let mut table = Table::new(&["plugin", "version", "roles", ">size", "description"]);
    for plugin in plugins {
        let manifest = &plugin.manifest;
        table.row([
            manifest.id.clone(),
            manifest.version.clone(),
            words(&manifest.roles),
            bytes(plugin.bytes),
            manifest.description.clone(),
        ]);
    }
    sheet.table(&table);
    sheet.finish()
}

/// One plugin with all it asks for.
pub fn plugin(plugin: &PluginSummary, style: Style) -> String {
    let manifest = &plugin.manifest;
    let mut sheet = Sheet::new(style);
    sheet.heading(&format!("{} {}", manifest.name, manifest.version));
    if !manifest.description.is_empty() {
        sheet.line(&plain(&manifest.description));
    }
    sheet.gap();
    sheet.field("id", &manifest.id);
    sheet.field("roles", words(&manifest.roles));
    sheet.field("contract", &manifest.contract);
    if let Some(vendor) = &manifest.vendor {
        let parts = [Some(&vendor.name), vendor.api_version.as_ref()];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        sheet.field("vendor", parts.join(" "));
        sheet.field_if("sunset", vendor.sunset.as_ref());
    }
    sheet.field("origin", &plugin.origin);
    sheet.field("size", bytes(plugin.bytes));
    sheet.field("asks for", words(&manifest.imports));
    for host in &manifest.hosts {
        let methods = match host.methods.as_slice() {
            [] => "any method".to_owned(),
            methods => methods.join(" "),
        };
        let scheme = word(&host.scheme);
        sheet.field("reaches", format!("{} by {scheme}, {methods}", host.host));
    }
    if !manifest.settings.is_empty() {
        sheet.heading("Settings");
        let mut table = Table::new(&["setting", "type", "default", "description"]);
        for (name, setting) in &manifest.settings {
            let default = match &setting.default {
                Some(default) => value(default),
                None if setting.required => "required".to_owned(),
                None => String::new(),
            };
            table.row([
                name.clone(),
                word(&setting.kind),
                default,
                setting.description.clone(),
            ]);
        }
        sheet.table(&table);
    }
    if !manifest.secrets.is_empty() {
        sheet.heading("Secrets (the host attaches them; the plugin never sees them)");
        let mut table = Table::new(&["secret", "attached as", "needed", "description"]);
        for (name, secret) in &manifest.secrets {
            let needed = if secret.required {
                "required"
            } else {
                "optional"
            };
            table.row([
                name.clone(),
                word(&secret.attach),
                needed.to_owned(),
                secret.description.clone(),
            ]);
        }
        sheet.table(&table);
    }
    sheet.finish()
}

/// The word by which a manifest calls something: its own, or its `kind`.
fn word(item: &impl Serialize) -> String {
    match serde_json::to_value(item) {
        Ok(Json::String(word)) => word,
        Ok(other) => other
            .get("kind")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned(),
        Err(_) => String::new(),
    }
}

fn words(items: &[impl Serialize]) -> String {
    let words: Vec<String> = items.iter().map(word).collect();
    words.join(", ")
}

/// What a replay gave.
pub fn replay(report: &ReplayReport, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.field(
        "replayed",
        format!(
            "{} entries into {} profiles",
            count(report.entries),
            count(report.profiles)
        ),
    );
    sheet.field("replay", &report.digest_replay);
    sheet.field_if("store", report.digest_store.as_ref());
    match report.equal {
        None => {}
        Some(true) => {
            sheet.gap();
            sheet.line(&style.green("The store equals the replay, byte for byte."));
        }
        Some(false) => {
            sheet.gap();
            sheet.line(&style.red("The store differs from the replay."));
            sheet.line("Keep a copy of the data folder and report it: this must not happen.");
        }
    }
    sheet.finish()
}
