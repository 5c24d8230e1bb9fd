//! `status`.

use crosspoint_runtime::admin::{ConnectorStatus, Status};

use super::{instant, number_of, positive, segment};
use crate::output::{Sheet, Table, bytes, count};

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
