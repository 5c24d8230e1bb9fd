//! `status`.

use crosspoint_runtime::admin::{ConnectorStatus, HookView, Status};

use super::{instant, number_of, positive, segment};
use crate::output::{Sheet, Table, bytes, count, span};

pub fn status(sheet: &mut Sheet, status: &Status) {
    let style = sheet.style();
    sheet.heading(&status.project);
    let host = if status.running {
        format!("running, crosspoint {}", status.version)
    } else {
        format!(
            "not running (looked into the data folder with crosspoint {})",
            status.version
        )
    };
    sheet.field("host", host);
    sheet.field("now", instant(&status.now));
    let apart = match status.kept_apart {
        0 => String::new(),
        kept_apart => format!(
            ", {} kept apart by a guard",
            number_of(positive(kept_apart), "merge", "merges")
        ),
    };
    sheet.field(
        "profiles",
        format!(
            "{} from {}{apart}",
            count(status.profiles),
            number_of(positive(status.fragments), "fragment", "fragments")
        ),
    );
    let behind = status
        .ledger_position
        .saturating_sub(status.applied_position);
    let applied = match behind {
        0 => "all applied".to_owned(),
        _ => format!("{} not yet applied", count(behind)),
    };
    sheet.field(
        "ledger",
        format!(
            "{} entries, {}, {applied}",
            count(status.ledger_position),
            bytes(status.ledger_bytes)
        ),
    );
    if let Some(reason) = &status.rebuilt {
        sheet.field("rebuilt", reason);
        sheet.line(&style.yellow("the store was rebuilt from the ledger when it was opened"));
    }
    if !status.connectors.is_empty() {
        sheet.heading("Connectors");
        sheet.table(&connectors(&status.connectors));
    }
    if status.connectors.iter().any(is_used) {
        sheet.heading("Freshness");
        sheet.table(&freshness(&status.connectors));
        sheet.heading("Vendors");
        sheet.table(&vendors(&status.connectors));
    }
    if !status.segments.is_empty() {
        sheet.heading("Segments");
        sheet.table(&segment::table(&status.segments));
    }
}

fn connectors(connectors: &[ConnectorStatus]) -> Table {
    let mut table = Table::new(&[
        "connector",
        "plugin",
        ">received",
        ">known",
        ">quarantined",
        ">caused",
        ">delivered",
        ">waiting",
        ">stopped",
        "state",
    ]);
    for connector in connectors {
        let destination = connector.roles.iter().any(|role| role == "destination");
        let source = connector.roles.iter().any(|role| role == "source");
        let of = |applies: bool, number: i64| {
            if applies || number != 0 {
                count(number)
            } else {
                "–".to_owned()
            }
        };
        table.row([
            connector.id.clone(),
            format!("{} {}", connector.plugin, connector.plugin_version),
            of(source, connector.received),
            of(source, connector.duplicates),
            of(source, connector.quarantined),
            of(destination, connector.caused),
            of(destination, connector.delivered),
            of(destination, connector.waiting),
            of(destination, connector.stopped),
            match &connector.paused {
                Some(reason) => format!("paused: {reason}"),
                None => "ok".to_owned(),
            },
        ]);
    }
    table
}

/// Whether there is anything to say of how fresh it is and what it uses.
fn is_used(connector: &ConnectorStatus) -> bool {
    let usage = &connector.usage;
    !usage.streams.is_empty() || usage.requests_30_days > 0 || connector.schedule.is_some()
}

fn freshness(connectors: &[ConnectorStatus]) -> Table {
    let mut table = Table::new(&[
        "connector",
        "stream",
        "last read",
        "last call",
        "newest record",
        "cursor",
    ]);
    let at = |at: &Option<String>| at.as_deref().map_or_else(|| "–".to_owned(), instant);
    for connector in connectors {
        for stream in &connector.usage.streams {
            table.row([
                connector.id.clone(),
                stream.stream.clone(),
                at(&stream.last_read_at),
                at(&stream.last_call_at),
                at(&stream.newest_record_at),
                stream.cursor.clone().unwrap_or_else(|| "–".to_owned()),
            ]);
        }
    }
    table
}

fn vendors(connectors: &[ConnectorStatus]) -> Table {
    let mut table = Table::new(&[
        "connector",
        "read",
        "next read",
        ">lag",
        ">requests today",
        ">in 30 days",
        "vendor's quota",
        "calls from the vendor",
    ]);
    let none = || "–".to_owned();
    for connector in connectors.iter().filter(|connector| is_used(connector)) {
        let usage = &connector.usage;
        let quota = usage.quota.as_ref().map(|quota| match quota.limit {
            Some(limit) => {
                let used = limit.saturating_sub(quota.remaining);
                format!("{} of {} used", count(used), count(limit))
            }
            None => format!("{} left", count(quota.remaining)),
        });
        let lag = usage.lag_ms.and_then(|ms| u64::try_from(ms).ok());
        table.row([
            connector.id.clone(),
            connector
                .schedule
                .clone()
                .unwrap_or_else(|| "by hand".to_owned()),
            connector.next_read_at.as_deref().map_or_else(none, instant),
            lag.map_or_else(none, span),
            count(usage.requests_today),
            count(usage.requests_30_days),
            quota.unwrap_or_else(none),
            usage.hook.as_ref().map_or_else(none, calls),
        ]);
    }
    table
}

/// What became of the vendor's calls, in a line.
fn calls(hook: &HookView) -> String {
    let refused: u64 = hook.refused.values().sum();
    let mut line = format!("{} taken", count(hook.taken));
    for (number, what) in [
        (hook.repeated, "repeated"),
        (hook.failed, "failed"),
        (refused, "refused"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {} {what}", count(number)));
        }
    }
    line
}
