//! `check`, `plugin` and `replay`.

use crosspoint_runtime::admin::{PluginView, ProblemView, ReplayReport};

use super::{number_of, value};
use crate::output::{Sheet, Style, Table, bytes, count, plain, span};

/// Every problem, then how many there are.
pub fn problems(problems: &[ProblemView], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    for problem in problems {
        let place = match (problem.file.as_str(), problem.line) {
            ("", _) => String::new(),
            (file, 0) => format!("{file}: "),
            (file, line) => format!("{file}:{line}:{}: ", problem.column),
        };
        sheet.line(&format!(
            "{}{}: {}",
            style.bold(&plain(&place)),
            style.red(&plain(&problem.code)),
            plain(&problem.message)
        ));
        if let Some(hint) = &problem.hint {
            sheet.line(&format!("  {} {}", style.cyan("hint:"), plain(hint)));
        }
    }
    if let Some(first) = problems.first() {
        sheet.gap();
        sheet.line(&format!(
            "{}. More about each: crosspoint explain {}",
            number_of(problems.len() as u64, "problem", "problems"),
            plain(&first.code)
        ));
    } else {
        sheet.line(&style.green("No problems."));
    }
    sheet.finish()
}

/// A list of plugins.
pub fn plugins(plugins: &[PluginView], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let mut table = Table::new(&["plugin", "version", "roles", ">size", "description"]);
    for plugin in plugins {
        table.row([
            plugin.id.clone(),
            plugin.version.clone(),
            plugin.roles.join(" "),
            bytes(plugin.size_bytes),
            plugin.description.clone(),
        ]);
    }
    sheet.table(&table);
    sheet.finish()
}

/// One plugin with all it asks for.
pub fn plugin(plugin: &PluginView, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.heading(&format!("{} {}", plugin.name, plugin.version));
    if !plugin.description.is_empty() {
        sheet.line(&plain(&plugin.description));
    }
    sheet.gap();
    sheet.field("id", &plugin.id);
    sheet.field("roles", plugin.roles.join(", "));
    sheet.field("contract", &plugin.contract);
    sheet.field_if("vendor", plugin.vendor.as_ref());
    sheet.field("origin", &plugin.origin);
    sheet.field("size", bytes(plugin.size_bytes));
    sheet.field("digest", &plugin.digest);
    sheet.field("asks for", plugin.imports.join(", "));
    for host in &plugin.hosts {
        sheet.field("host", host);
    }
    if !plugin.settings.is_empty() {
        sheet.heading("Settings");
        let mut table = Table::new(&["setting", "type", "default", "description"]);
        for setting in &plugin.settings {
            let default = match &setting.default {
                Some(default) => value(default),
                None if setting.required => "required".to_owned(),
                None => String::new(),
            };
            table.row([
                setting.name.clone(),
                setting.kind.clone(),
                default,
                setting.description.clone(),
            ]);
        }
        sheet.table(&table);
    }
    if !plugin.secrets.is_empty() {
        sheet.heading("Secrets (the host attaches them; the plugin never sees them)");
        let mut table = Table::new(&["secret", "attached as", "needed", "description"]);
        for secret in &plugin.secrets {
            table.row([
                secret.name.clone(),
                secret.attach.clone(),
                if secret.required { "required" } else { "optional" }.to_owned(),
                secret.description.clone(),
            ]);
        }
        sheet.table(&table);
    }
    sheet.finish()
}

/// What a replay gave.
pub fn replay(report: &ReplayReport, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.field(
        "replayed",
        format!(
            "{} entries into {} profiles in {}",
            count(report.entries),
            count(report.profiles),
            span(report.elapsed_ms)
        ),
    );
    sheet.field("replay", &report.digest_replay);
    if let Some(store) = &report.digest_store {
        sheet.field("store", store);
        sheet.gap();
        if report.equal {
            sheet.line(&style.green("The store equals the replay, byte for byte."));
        } else {
            sheet.line(&style.red("The store differs from the replay."));
            sheet.line("Keep a copy of the data folder, and report it: this must not happen.");
        }
    }
    sheet.finish()
}
