//! Every metric that there is. Names follow <https://prometheus.io/docs/practices/naming/>: base
//! units, and counters end in `_total`.

/// What a metric's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows, from zero at the start of the host or, where it is kept in the state, for ever.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many observations were at most so large.
    Histogram,
}

/// A metric.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Without unit and suffix.
    pub stem: &'static str,
    pub kind: Kind,
    /// Empty where there is none.
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    /// One sentence without its period.
    pub help: &'static str,
}

impl Definition {
    /// As OpenMetrics calls the family: without `_total`.
    pub fn family(&self) -> String {
        match self.unit {
            "" => self.stem.to_owned(),
            unit => format!("{}_{unit}", self.stem),
        }
    }

    /// As queries call it.
    pub fn name(&self) -> String {
        let family = self.family();
        match self.kind {
            Kind::Counter => family + "_total",
            Kind::Gauge | Kind::Histogram => family,
        }
    }
}

macro_rules! catalogue {
    ($($name:ident: $kind:ident $stem:literal $unit:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $name: &Definition = &Definition {
            stem: $stem,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// All of them, in the order in which they are shown.
        pub(crate) const ALL: &[&Definition] = &[$($name),*];
    };
}

catalogue! {
    BUILD_INFO: Gauge "crosspoint_build_info" "" ["version"]
        "Always 1; the version is its label";
    STEP_RUNNING: Gauge "crosspoint_step_running" "" []
        "Whether the step loop runs: 0 after a failure that a restart mends";

    RECEIVED: Counter "crosspoint_records_received" "" ["connector", "trigger"]
        "Records taken in, duplicates included: by poll, webhook, file (import) or track";
    QUARANTINED: Counter "crosspoint_records_quarantined" "" ["connector", "trigger"]
        "Inputs that could not be used and went to quarantine";
    DUPLICATES: Counter "crosspoint_records_duplicate" "" ["connector"]
        "Records that changed nothing because they, or newer ones, were there; kept across restarts";
    IN_QUARANTINE: Gauge "crosspoint_quarantine_items" "" ["connector"]
        "Inputs in quarantine now";
    TRACKED: Counter "crosspoint_tracking_calls" "" ["source", "verdict"]
        "Tracking calls that became records (accepted) or went to quarantine (rejected)";
    HOOKS: Counter "crosspoint_webhook_calls" "" ["connector", "verdict"]
        "Calls to hook addresses: taken, repeated, answered, failed, or why they were refused";

    STEP_ENTRIES: Counter "crosspoint_step_entries" "" []
        "Ledger entries that the step loop applied";
    STEP_BUSY: Counter "crosspoint_step_busy" "seconds" []
        "Time that the step loop spent applying entries";
    STEP_APPLIED: Gauge "crosspoint_step_applied_entry" "" []
        "Number of the newest ledger entry in the state";
    STEP_BEHIND: Gauge "crosspoint_step_behind_entries" "" []
        "Durable ledger entries that the state lacks";
    STEP_LAG: Gauge "crosspoint_step_lag" "seconds" []
        "How far the state is behind: age of the newest entry in it, 0 where it lacks none";
    CHECKPOINTS: Histogram "crosspoint_checkpoint_duration" "seconds" []
        "How long it took to commit a checkpoint to the store";
    WORKING_SET: Gauge "crosspoint_working_set" "bytes" []
        "Estimated memory of the state outside the store's cache";

    PROFILES: Gauge "crosspoint_profiles" "" []
        "Profiles";
    FRAGMENTS: Gauge "crosspoint_fragments" "" []
        "Fragments that profiles consist of";
    KEPT_APART: Gauge "crosspoint_merges_refused" "" []
        "Merges that a guard refused";
    SEGMENT_PROFILES: Gauge "crosspoint_segment_profiles" "" ["segment"]
        "Profiles in a segment";

    OUTBOX: Gauge "crosspoint_outbox_deliveries" "" ["connector"]
        "Deliveries that wait or are retried";
    OUTBOX_STOPPED: Gauge "crosspoint_outbox_stopped_deliveries" "" ["connector"]
        "Deliveries that wait for a person";
    OUTBOX_AGE: Gauge "crosspoint_outbox_oldest_age" "seconds" ["connector"]
        "Age of the oldest delivery that waits or is retried, 0 where there is none";
    PAUSED: Gauge "crosspoint_connector_paused" "" ["connector"]
        "Whether a connector is paused, by a person or by refused credentials";
    DELIVERIES: Counter "crosspoint_deliveries" "" ["connector", "outcome"]
        "Tries that were answered, by outcome";
    RETRIES: Counter "crosspoint_delivery_retries" "" ["connector"]
        "Tries that failed and will be repeated";

    PLUGIN_CALLS: Counter "crosspoint_plugin_calls" "" ["connector", "call", "end"]
        "Calls of plugins, by function and how they ended: ok, error, trap or refused";
    PLUGIN_TRAPS: Counter "crosspoint_plugin_traps" "" ["connector"]
        "Calls that broke off or came upon a limit";
    PLUGIN_CPU: Counter "crosspoint_plugin_cpu" "seconds" ["connector"]
        "Processor time of a plugin";
    PLUGIN_MEMORY: Gauge "crosspoint_plugin_peak_memory" "bytes" ["connector"]
        "Largest memory of one call of a plugin since the start";
    VENDOR_REQUESTS: Counter "crosspoint_vendor_requests" "" ["connector"]
        "HTTP requests to the vendor";
    VENDOR_QUOTA: Gauge "crosspoint_vendor_quota_remaining" "" ["connector"]
        "What the vendor says is left of its quota, in its own unit";

    REQUESTS: Counter "crosspoint_http_requests" "" ["route", "status"]
        "HTTP requests answered, by route template and class of status";
    REQUEST_TIME: Histogram "crosspoint_http_request_duration" "seconds" ["route"]
        "Time from a request's headers to its answer's headers";

    LEDGER_SYNC: Histogram "crosspoint_ledger_fsync_duration" "seconds" []
        "How long fdatasync of a group of entries took";
    LEDGER_WRITTEN: Counter "crosspoint_ledger_written" "bytes" []
        "Bytes that were written to the ledger";
    LEDGER_SIZE: Gauge "crosspoint_ledger_size" "bytes" []
        "Bytes that the ledger takes on disk";
    LEDGER_FILES: Gauge "crosspoint_ledger_files" "" []
        "Files of the ledger";
    LEDGER_LAST: Gauge "crosspoint_ledger_last_entry" "" []
        "Number of the newest durable ledger entry";

    PROCESS_CPU: Counter "process_cpu" "seconds" []
        "User and system CPU time of the process (Linux)";
    PROCESS_RESIDENT: Gauge "process_resident_memory" "bytes" []
        "Resident memory of the process (Linux)";
    PROCESS_VIRTUAL: Gauge "process_virtual_memory" "bytes" []
        "Virtual memory of the process (Linux)";
    PROCESS_FDS: Gauge "process_open_fds" "" []
        "Open file descriptors (Linux)";
    PROCESS_MAX_FDS: Gauge "process_max_fds" "" []
        "Most file descriptors that may be open (Linux)";
    PROCESS_START: Gauge "process_start_time" "seconds" []
        "Start of the process, in seconds since the epoch (Linux)";
}

/// The table of `docs/reference/metrics.md`.
#[cfg(test)]
pub(crate) fn reference() -> String {
    use std::fmt::Write as _;

    let mut table = "| metric | type | labels | |\n|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        writeln!(
            table,
            "| `{}` | {} | {} | {}. |",
            metric.name(),
            format!("{:?}", metric.kind).to_lowercase(),
            labels.join(", "),
            metric.help
        )
        .expect("a text takes everything");
    }
    table
}
