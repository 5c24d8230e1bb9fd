//! `outbox`.

use crosspoint_runtime::admin::DeliveryView;

use super::{instant, value};
use crate::output::{Sheet, Table, count};

pub fn list(sheet: &mut Sheet, deliveries: &[DeliveryView]) {
    if deliveries.is_empty() {
        sheet.line("Nothing waits and nothing has stopped.");
        return;
    }
    sheet.table(&table(deliveries));
}

pub fn table(deliveries: &[DeliveryView]) -> Table {
    let mut table = Table::new(&[
        "delivery", "sync", "action", "profile", "status", ">tries", "next", "reason",
    ]);
    for delivery in deliveries {
        table.row([
            delivery.id.clone(),
            delivery.sync.clone(),
            action(delivery),
            delivery.profile.clone(),
            delivery.status.clone(),
            count(delivery.attempts),
            delivery
                .not_before
                .as_deref()
                .map(instant)
                .unwrap_or_default(),
            delivery.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}

pub fn show(sheet: &mut Sheet, delivery: &DeliveryView) {
    sheet.heading(&format!("Delivery {}", delivery.id));
    sheet.field("status", &delivery.status);
    sheet.field_if("reason", delivery.reason.as_ref());
    sheet.field("tries", count(delivery.attempts));
    sheet.field_if("not before", delivery.not_before.as_deref().map(instant));
    sheet.field("connector", &delivery.connector);
    sheet.field("sync", &delivery.sync);
    sheet.field("action", action(delivery));
    sheet.field("profile", &delivery.profile);
    sheet.field("occurred", instant(&delivery.occurred_at));
    sheet.field("key", &delivery.key);
    if !delivery.fields.is_empty() {
        sheet.heading("Fields");
        for (name, field) in &delivery.fields {
            sheet.field(name, value(field));
        }
    }
}

fn action(delivery: &DeliveryView) -> String {
    match &delivery.list {
        Some(list) => format!("{} “{list}”", delivery.action),
        None => delivery.action.clone(),
    }
}
