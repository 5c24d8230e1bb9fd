//! `sync`, `import`, `deliver` and `quarantine`.

use crosspoint_runtime::admin::{Delivered, QuarantineView, Retried, Synced};

use super::{instant, number_of};
use crate::output::{Sheet, Table, count, per_second, plain, span};

/// Longest reason that a list shows; `show` has all of it.
const REASON_LENGTH: usize = 100;

pub fn synced(sheet: &mut Sheet, synced: &Synced) {
    let style = sheet.style();
    let rate = per_second(synced.records, synced.elapsed_ms)
        .map(|rate| format!(" ({rate})"))
        .unwrap_or_default();
    sheet.line(&format!(
        "{}: {} in {}{rate}",
        style.bold(&plain(&synced.connector)),
        number_of(synced.records, "record", "records"),
        span(synced.elapsed_ms),
    ));
    for notice in &synced.notices {
        sheet.field("  note", notice);
    }
    if synced.quarantined > 0 {
        sheet.line(&style.yellow(&format!(
            "{} could not be used: crosspoint quarantine list --connector {}",
            number_of(synced.quarantined, "record", "records"),
            plain(&synced.connector)
        )));
    }
    if let Some(delivered) = &synced.delivered {
        self::delivered(sheet, delivered);
    }
}

pub fn delivered(sheet: &mut Sheet, delivered: &Delivered) {
    let style = sheet.style();
    let rate = per_second(delivered.done, delivered.elapsed_ms)
        .map(|rate| format!(" ({rate})"))
        .unwrap_or_default();
    sheet.line(&format!(
        "{} in {}{rate}",
        number_of(delivered.done, "delivery done", "deliveries done"),
        span(delivered.elapsed_ms),
    ));
    if delivered.retrying > 0 {
        sheet.line(&style.yellow(&format!(
            "{} will be tried again",
            count(delivered.retrying)
        )));
    }
    if delivered.stopped > 0 {
        sheet.line(&style.yellow(&format!(
            "{} stopped and wait for you: crosspoint outbox list --stopped",
            count(delivered.stopped)
        )));
    }
}

pub fn quarantine(sheet: &mut Sheet, items: &[QuarantineView]) {
    if items.is_empty() {
        sheet.line("Nothing is in quarantine.");
        return;
    }
    let mut table = Table::new(&["item", "when", "connector", "stream", "place", "reason"]);
    for item in items {
        table.row([
            item.id.clone(),
            instant(&item.at),
            item.connector.clone(),
            item.stream.clone(),
            item.locator.clone(),
            shorten(&reason(item)),
        ]);
    }
    sheet.table(&table);
}

pub fn quarantined(sheet: &mut Sheet, item: &QuarantineView) {
    sheet.heading(&format!("Quarantined {}", item.id));
    sheet.field("when", instant(&item.at));
    sheet.field("connector", &item.connector);
    sheet.field("stream", &item.stream);
    sheet.field("place", &item.locator);
    sheet.field_if("field", item.field.as_ref());
    sheet.field("reason", &item.reason);
    if let Some(raw) = &item.raw {
        sheet.heading("Input");
        for line in raw.lines() {
            sheet.line(&plain(line));
        }
    }
}

pub fn retried(sheet: &mut Sheet, retried: &Retried) {
    let style = sheet.style();
    sheet.line(&format!(
        "{} tried again: {} accepted",
        number_of(retried.tried, "item", "items"),
        count(retried.accepted)
    ));
    if retried.refused_again > 0 {
        sheet.line(&style.yellow(&format!("{} refused again", count(retried.refused_again))));
    }
}

fn reason(item: &QuarantineView) -> String {
    match &item.field {
        Some(field) => format!("{field}: {}", item.reason),
        None => item.reason.clone(),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= REASON_LENGTH {
        return text.to_owned();
    }
    text.chars().take(REASON_LENGTH - 1).chain(['…']).collect()
}
