//! What the ledger and the state hold of each source, once the host is closed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crosspoint_ledger::Ledger;
use crosspoint_model::entry::What;
use crosspoint_model::state::{Counter, State as _};
use crosspoint_store::{Settings, SledEngine, SledSettings, WorkingSet};

/// Of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Records in the ledger.
    pub records: i64,
    /// Rejects in the ledger.
    pub rejects: i64,
    /// Tracking calls in the ledger: each is an event, or a reject in place of one.
    pub calls: usize,
}

/// What the ledger holds, by connector.
pub fn of_ledger(data: &Path) -> BTreeMap<String, Account> {
    let ledger = Ledger::open_read_only(&data.join("ledger")).unwrap();
    let mut reader = ledger.reader(1);
    let mut accounts = BTreeMap::<String, Account>::new();
    while let Some((_, entry)) = reader.next().unwrap() {
        let What::Records(page) = entry.what else {
            continue;
        };
        let account = accounts.entry(page.connector.to_string()).or_default();
        account.records += page.records.len() as i64;
        account.rejects += page.rejects.len() as i64;
        if ["events", "tracking"].contains(&page.stream.as_str()) {
            account.calls += page.records.len() + page.rejects.len();
        }
    }
    accounts
}

/// Received, duplicates and quarantined, by connector.
pub fn of_state(data: &Path, connectors: &[String]) -> BTreeMap<String, [i64; 3]> {
    let opened = SledEngine::open_or_set_aside(&data.join("store"), SledSettings::default());
    let mut state =
        WorkingSet::open(Arc::new(opened.unwrap().engine), Settings::default()).unwrap();
    let mut of = |connector: &String| {
        let symbol = state.symbol(connector)?;
        let counters = [
            Counter::Received(symbol),
            Counter::Duplicates(symbol),
            Counter::Quarantined(symbol),
        ];
        Some(counters.map(|counter| state.counter(counter).unwrap()))
    };
    connectors
        .iter()
        .filter_map(|connector| Some((connector.clone(), of(connector)?)))
        .collect()
}
