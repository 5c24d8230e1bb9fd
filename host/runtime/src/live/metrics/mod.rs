//! What Prometheus is told of a running host. Start reading at `catalogue.rs`, which holds every
//! metric; then [`Host::scrape`], which puts values beside them.
//!
//! No label holds anything of a profile, and each has as many values as the configuration, the
//! contract or the router has names. What is in the state is read with one question, by counters
//! that the step keeps: the number of profiles does not matter.

mod catalogue;
mod counters;
mod process;
mod seen;
mod sheet;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crosspoint_ledger::Stats;
use crosspoint_sandbox::CallEnd;
use crosspoint_sandbox::manifest::Role;

use crate::Host;
use crate::admin::AdminError;
use crate::connector::Lane;
use crate::error::coded;

pub use counters::Metrics;
pub(crate) use counters::Trigger;

use catalogue::{
    BUILD_INFO, HOOKS, LEDGER_FILES, LEDGER_LAST, LEDGER_SIZE, LEDGER_SYNC, LEDGER_WRITTEN,
    PLUGIN_CALLS, PLUGIN_CPU, PLUGIN_MEMORY, PLUGIN_TRAPS, STEP_APPLIED, STEP_BEHIND, STEP_RUNNING,
    VENDOR_QUOTA, VENDOR_REQUESTS,
};
use seen::Seen;
use sheet::{Counted, Sheet, prometheus_text};

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus text 0.0.4, which everything reads.
    Prometheus,
    /// OpenMetrics text 1.0.
    OpenMetrics,
}

impl MetricsFormat {
    /// The content type of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Host {
    /// What is counted as it happens.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.handle.metrics
    }

    /// All metrics as text. Of a host whose step loop has ended, those that do without it.
    ///
    /// # Errors
    /// When the text cannot be written, which is a defect.
    pub async fn scrape(&self, format: MetricsFormat) -> Result<String, AdminError> {
        let mut sheet = Sheet::default();
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        sheet.add(BUILD_INFO, version, 1_u64);
        sheet.set(STEP_RUNNING, u64::from(self.handle.runs()));
        self.handle.metrics.add_to(&mut sheet);
        self.count_requests();
        let mut destinations = Vec::new();
        for lane in self.loaded_lanes() {
            self.add_lane(&mut sheet, &lane);
            if lane.has_role(Role::Destination) {
                destinations.push(lane.id.clone());
            }
        }
        let project = &self.project;
        let sources = project.connectors.keys().chain(project.tracking.keys());
        let sources = sources.cloned().collect();
        let question = move |core: &mut _| seen::look(core, sources, destinations);
        if let Ok(seen) = self.handle.ask_async(question).await {
            Seen::add_to(seen, &mut sheet);
        }
        let health = self.health();
        sheet.set(STEP_BEHIND, health.entries_behind);
        sheet.set(STEP_APPLIED, self.handle.applied_position());
        add_ledger(&mut sheet, &self.ledger.stats());
        process::add(&mut sheet);
        let text = sheet.open_metrics().map_err(|error| {
            let message = format!("could not write the metrics: {error}");
            coded("XP-RUN-009", message, None)
        })?;
        Ok(match format {
            MetricsFormat::OpenMetrics => text,
            MetricsFormat::Prometheus => prometheus_text(&text),
        })
    }

    fn add_lane(&self, sheet: &mut Sheet, lane: &Lane) {
        let id = || ("connector", lane.id.to_string());
        let figures = lane.connector.figures();
        let mut traps = 0;
        for ((call, end), calls) in &figures.calls {
            let labels = vec![
                id(),
                ("call", (*call).to_owned()),
                ("end", end.as_str().to_owned()),
            ];
            sheet.add(PLUGIN_CALLS, labels, *calls);
            if *end == CallEnd::Trap {
                traps += calls;
            }
        }
        sheet.add(PLUGIN_TRAPS, vec![id()], traps);
        sheet.add(PLUGIN_CPU, vec![id()], figures.cpu.as_secs_f64());
        sheet.add(PLUGIN_MEMORY, vec![id()], figures.peak_memory_bytes);
        let (usage, since_start) = self.usage.of(&lane.id);
        sheet.add(VENDOR_REQUESTS, vec![id()], since_start);
        if let Some(quota) = usage.quota {
            sheet.add(VENDOR_QUOTA, vec![id()], quota.remaining);
        }
        if lane.connector.webhook().is_some() {
            let counts = lane.hook.counts();
            let verdicts = [
                ("taken", counts.taken),
                ("repeated", counts.repeated),
                ("answered", counts.answered),
                ("failed", counts.failed),
            ];
            for (verdict, calls) in verdicts.into_iter().chain(counts.refused) {
                sheet.add(HOOKS, vec![id(), ("verdict", verdict.to_owned())], calls);
            }
        }
    }
}

fn add_ledger(sheet: &mut Sheet, stats: &Stats) {
    let counted = by_powers_of_two(&stats.sync_histogram, 1e-6, stats.sync_total);
    sheet.histogram(LEDGER_SYNC, counted);
    sheet.set(LEDGER_WRITTEN, stats.written_bytes);
    sheet.set(LEDGER_SIZE, stats.bytes);
    sheet.set(LEDGER_FILES, stats.segments as u64);
    sheet.set(LEDGER_LAST, stats.last_seq);
}

/// A histogram whose bucket `i` counted what took less than 2^i of `unit_s` seconds, the last
/// everything longer.
fn by_powers_of_two(histogram: &[u64], unit_s: f64, total: Duration) -> Counted {
    let last = histogram.len().saturating_sub(1);
    let bound = |at: usize| match at {
        at if at == last => f64::INFINITY,
        at => (1_u64 << at) as f64 * unit_s,
    };
    let buckets = histogram.iter().enumerate();
    Counted {
        sum: total.as_secs_f64(),
        count: histogram.iter().sum(),
        buckets: buckets.map(|(at, count)| (bound(at), *count)).collect(),
    }
}
