//! `profile` and `segment explain`.

use std::collections::BTreeMap;

use crosspoint_runtime::admin::{
    ClauseView, Explained, FactView, ProfileSummary, ProfileView, Unmerged, Why,
};
use serde_json::Value as Json;

use super::{delivery, instant, number_of, value};
use crate::output::{Sheet, Style, Table, count, plain};

pub fn list(sheet: &mut Sheet, profiles: &[ProfileSummary]) {
    if profiles.is_empty() {
        sheet.line("No profile matches.");
        return;
    }
    sheet.table(&table(profiles));
}

pub fn table(profiles: &[ProfileSummary]) -> Table {
    let mut table = Table::new(&["profile", "last seen", "name", "identifiers", "segments"]);
    for profile in profiles {
        table.row([
            profile.id.clone(),
            profile
                .last_seen
                .as_deref()
                .map(instant)
                .unwrap_or_default(),
            profile.name.clone().unwrap_or_default(),
            profile.identifiers.join(" "),
            profile.segments.join(" "),
        ]);
    }
    table
}

pub fn show(sheet: &mut Sheet, profile: &ProfileView) {
    sheet.heading(&format!("Profile {}", profile.id));
    sheet.field("identifiers", profile.identifiers.join(" "));
    for (segment, since) in &profile.segments {
        sheet.field("in segment", format!("{segment} since {}", instant(since)));
    }
    for (topic, state) in &profile.consents {
        sheet.field("consent", format!("{topic}: {state}"));
    }
    if profile.waiting_deliveries > 0 {
        sheet.field("outbox", count(profile.waiting_deliveries));
    }
    values(sheet, "Traits", &profile.traits);
    values(sheet, "Computed", &profile.computed);
    if !profile.facts.is_empty() {
        sheet.heading(&format!(
            "What happened ({} of {}, newest first)",
            profile.facts.len(),
            count(profile.facts_total)
        ));
        sheet.table(&facts(&profile.facts));
    }
    if profile.fragments.len() > 1 {
        sheet.heading("Fragments");
        let mut table = Table::new(&["fragment", "connector", "key", ">facts", "last seen"]);
        for fragment in &profile.fragments {
            table.row([
                fragment.id.clone(),
                fragment.connector.clone(),
                fragment.key.clone(),
                count(fragment.facts),
                fragment
                    .last_seen
                    .as_deref()
                    .map(instant)
                    .unwrap_or_default(),
            ]);
        }
        sheet.table(&table);
    }
}

fn values(sheet: &mut Sheet, heading: &str, values: &BTreeMap<String, Json>) {
    if values.is_empty() {
        return;
    }
    sheet.heading(heading);
    let width = values.keys().map(|name| name.chars().count()).max();
    for (name, json) in values {
        sheet.field(&format!("{name:<0$}", width.unwrap_or(0)), value(json));
    }
}

fn facts(facts: &[FactView]) -> Table {
    let mut table = Table::new(&["when", "what", ">total", "id", "details"]);
    for fact in facts {
        let total = fact.total.as_deref().map(|total| {
            let currency = fact.currency.as_deref().unwrap_or_default();
            format!("{total} {currency}")
        });
        let what = if fact.name.is_empty() || fact.name == fact.kind {
            fact.kind.clone()
        } else {
            format!("{} {}", fact.kind, fact.name)
        };
        table.row([
            instant(&fact.at),
            if fact.counts {
                what
            } else {
                format!("{what} (does not count)")
            },
            total.unwrap_or_default(),
            fact.id.clone(),
            details(fact),
        ]);
    }
    table
}

fn details(fact: &FactView) -> String {
    let mut parts: Vec<String> = fact
        .properties
        .iter()
        .map(|(name, json)| format!("{name}={}", value(json)))
        .collect();
    match fact.lines.len() {
        0 => {}
        lines => parts.push(number_of(lines as u64, "line", "lines")),
    }
    parts.join(", ")
}

pub fn why(sheet: &mut Sheet, why: &Why) {
    sheet.heading(&format!("Why profile {} is as it is", why.id));
    sheet.field("as of", instant(&why.now));
    if !why.joins.is_empty() {
        sheet.heading("Joined by");
        for join in &why.joins {
            let fragments = number_of(join.fragments.len() as u64, "fragment", "fragments");
            sheet.field(
                &join.identifier,
                format!("carried by {fragments}: {}", join.fragments.join(" ")),
            );
        }
    }
    if !why.traits.is_empty() {
        sheet.heading("Traits");
        let mut table = Table::new(&["trait", "value", "rule", "from", "when", "passed over"]);
        for item in &why.traits {
            let chosen = item.candidates.first();
            let others: Vec<String> = item
                .candidates
                .iter()
                .skip(1)
                .map(|other| format!("{} ({})", value(&other.value), other.connector))
                .collect();
            table.row([
                item.name.clone(),
                value(&item.value),
                item.rule.clone(),
                chosen.map(|c| c.connector.clone()).unwrap_or_default(),
                chosen.map(|c| instant(&c.at)).unwrap_or_default(),
                others.join(", "),
            ]);
        }
        sheet.table(&table);
    }
    for segment in &why.segments {
        sheet.gap();
        explained(sheet, segment);
    }
    if !why.deliveries.is_empty() {
        sheet.heading("Deliveries");
        sheet.table(&delivery::table(&why.deliveries));
    }
}

pub fn explained(sheet: &mut Sheet, explained: &Explained) {
    let style = sheet.style();
    let since = explained
        .since
        .as_deref()
        .map(|since| format!(" since {}", instant(since)))
        .unwrap_or_default();
    let verdict = if explained.member {
        style.green(&format!("in{since}"))
    } else {
        style.dim("not in")
    };
    sheet.line(&format!(
        "{}: {verdict}",
        style.bold(&plain(&explained.segment))
    ));
    for line in clauses(&explained.clauses, style) {
        sheet.line(&line);
    }
    if explained.clauses.is_empty() {
        sheet.field("  rule", &explained.rule);
    }
    if let Some(at) = &explained.changes_at {
        sheet.line(&format!("  can next change by itself at {}", instant(at)));
    }
}

/// A line for each clause: whether it holds, its text, and the values and instants behind it.
pub fn clauses(clauses: &[ClauseView], style: Style) -> Vec<String> {
    clauses
        .iter()
        .map(|clause| {
            let mark = if clause.value {
                style.green("✓")
            } else {
                style.red("✗")
            };
            let indent = "  ".repeat(clause.depth as usize + 1);
            let detail = match background(clause) {
                detail if detail.is_empty() => detail,
                detail => style.dim(&format!("   {}", plain(&detail))),
            };
            format!("{indent}{mark} {}{detail}", plain(&clause.text))
        })
        .collect()
}

/// `orders.count() = 0; false since 1998-03-02 (last order 1997-11-02)`.
fn background(clause: &ClauseView) -> String {
    let mut turns = Vec::new();
    if let Some(since) = &clause.since {
        turns.push(format!("since {}", instant(since)));
    }
    if let Some(until) = &clause.changes_at {
        turns.push(format!("until {}", instant(until)));
    }
    let mut parts = Vec::new();
    if !clause.detail.is_empty() {
        parts.push(clause.detail.clone());
    }
    if !turns.is_empty() {
        parts.push(format!("{} {}", clause.value, turns.join(" ")));
    }
    let mut text = parts.join("; ");
    if !clause.evidence.is_empty() {
        let shown = clause.evidence.iter().map(|evidence| match &evidence.at {
            Some(at) => format!("{} {}", evidence.what, instant(at)),
            None => evidence.what.clone(),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        text += &format!(" ({shown})");
    }
    text.trim_start().to_owned()
}

pub fn unmerged(sheet: &mut Sheet, unmerged: &Unmerged) {
    sheet.line(&format!(
        "Profile {} is now {}:",
        plain(&unmerged.from),
        number_of(unmerged.profiles.len() as u64, "profile", "profiles")
    ));
    for id in &unmerged.profiles {
        sheet.line(&plain(id));
    }
}
