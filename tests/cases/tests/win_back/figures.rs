//! What it cost.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::project::Host;
use crate::vendors::Vendors;

/// What `/metrics` counts since the host was started: by series.
type Counts = BTreeMap<String, f64>;

/// What was measured, as lines.
#[derive(Default)]
pub struct Figures {
    lines: Vec<String>,
}

fn counts(host: &Host) -> Counts {
    let text = host.metrics();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.rsplit_once(' '));
    pairs
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

fn sum(counts: &Counts, metric: &str) -> f64 {
    let of_metric = |name: &str| {
        let rest = name.strip_prefix(metric);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
    };
    let all = counts.iter().filter(|(name, _)| of_metric(name));
    all.map(|(_, value)| value).sum()
}

/// Where a part of the work begins.
pub struct Begin(Instant, Counts);

impl Begin {
    /// A host is about to be started, whose counts begin at nothing.
    pub fn start() -> Self {
        Self(Instant::now(), Counts::new())
    }

    pub fn now(host: &Host) -> Self {
        Self(Instant::now(), counts(host))
    }
}

impl Figures {
    /// Notes what a part of the work took, now that it is done.
    pub fn note(&mut self, what: &str, Begin(begun, before): &Begin, host: &Host) {
        let (wall, after) = (begun.elapsed().as_secs_f64(), counts(host));
        let grown = |metric: &str| sum(&after, metric) - sum(before, metric);
        let records = grown("crosspoint_records_received_total");
        let deliveries = grown("crosspoint_deliveries_total");
        let requests = grown("crosspoint_vendor_requests_total");
        let cpu = grown("process_cpu_seconds_total");
        let plugins = grown("crosspoint_plugin_cpu_seconds_total");
        let share = 100.0 * plugins / cpu.max(1e-9);
        let peak = host.process.peak_bytes().unwrap_or(0) >> 20;
        self.lines.push(format!(
            "{what}: {wall:.2} s, processor {cpu:.2} s, of which plugins {plugins:.2} s ({share:.0} %), \
             {requests} requests, at most {peak} MiB"
        ));
        for (count, what) in [(records, "records"), (deliveries, "deliveries")] {
            if count > 0.0 {
                let (rate, each) = (count / wall, 1e6 * cpu / count);
                let line =
                    format!("  {count} {what}: {rate:.0} a second, {each:.0} µs of processor each");
                self.lines.push(line);
            }
        }
    }

    /// Prints everything, and the calls that the vendors counted.
    pub fn tell(&self, vendors: &Vendors) {
        for line in &self.lines {
            println!("{line}");
        }
        let systems = [
            ("shop", &vendors.shop),
            ("crm", &vendors.crm),
            ("leads", &vendors.leads),
            ("newsletter", &vendors.newsletter),
            ("ads", &vendors.ads),
        ];
        for (name, system) in systems {
            let calls = system.journal();
            let refused = calls.iter().filter(|it| it.status == 429).count();
            let seconds = calls.iter().map(|it| it.at_ms / 1000);
            let mut busiest: BTreeMap<i64, usize> = BTreeMap::new();
            seconds.for_each(|second| *busiest.entry(second).or_default() += 1);
            let busiest = busiest.values().max().copied().unwrap_or(0);
            let calls = calls.len();
            println!(
                "{name}: {calls} calls, at most {busiest} in a second, {refused} refused for their number"
            );
        }
    }
}
