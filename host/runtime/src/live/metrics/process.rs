//! What the process takes of its machine, as the kernel tells it.

use super::catalogue::{
    PROCESS_CPU, PROCESS_FDS, PROCESS_MAX_FDS, PROCESS_RESIDENT, PROCESS_START, PROCESS_VIRTUAL,
};
use super::sheet::Sheet;

/// Adds the process's figures; none where the system is not Linux.
pub(super) fn add(sheet: &mut Sheet) {
    let Some(stat) = Stat::read() else { return };
    sheet.set(PROCESS_CPU, stat.cpu_s);
    sheet.set(PROCESS_VIRTUAL, stat.virtual_bytes);
    sheet.set(PROCESS_RESIDENT, stat.resident_bytes);
    if let Some(booted_s) = booted_s() {
        sheet.set(PROCESS_START, booted_s + stat.started_s);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // The one that reads them is among them.
        sheet.set(PROCESS_FDS, open.count().saturating_sub(1) as u64);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if let Some(most) = limit.current {
        sheet.set(PROCESS_MAX_FDS, most);
    }
}

struct Stat {
    cpu_s: f64,
    /// Since the machine was booted.
    started_s: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// See proc_pid_stat(5). Fields are counted from 1; the second, which may hold anything, ends at
    /// the last parenthesis.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        Some(Self {
            cpu_s: (number(14)? + number(15)?) as f64 / ticks,
            started_s: number(22)? as f64 / ticks,
            virtual_bytes: number(23)?,
            resident_bytes: number(24)? * rustix::param::page_size() as u64,
        })
    }
}

/// When the machine was booted, in seconds since the epoch.
fn booted_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 200 50 0 0 20 0 4 0 1000 4096 3 9";
        let stat = Stat::parse(text).unwrap();
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(stat.cpu_s, 250.0 / ticks);
        assert_eq!(stat.started_s, 1_000.0 / ticks);
        assert_eq!(stat.virtual_bytes, 4_096);
        assert_eq!(stat.resident_bytes, 3 * rustix::param::page_size() as u64);
    }
}
