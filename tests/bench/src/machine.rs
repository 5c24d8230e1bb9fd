//! What is measured on, and the clocks that are measured with.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time that this thread spent on a processor.
pub fn thread_cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// Time that all threads of this process spent on processors.
pub fn process_cpu() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A line of `/proc/self/status` in bytes: `VmRSS`, `VmHWM`.
pub fn own_memory_bytes(name: &str) -> Option<u64> {
    memory_bytes(Path::new("/proc/self/status"), name)
}

/// The same of any process, by its `status` file.
pub fn memory_bytes(status: &Path, name: &str) -> Option<u64> {
    kilobytes(&std::fs::read_to_string(status).ok()?, name)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// How busy the machine is: average numbers of runnable tasks over 1, 5 and 15 minutes.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<_> = text.split(' ').take(3).collect();
    averages.join(", ")
}

/// A machine at the start of a run.
pub struct Machine {
    pub date: String,
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
    pub filesystem: String,
    pub load: String,
}

impl Machine {
    /// This one; what cannot be found out is empty.
    pub fn describe() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let processor = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, name)| name);
        Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            processor: processor.to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: kilobytes(&read("/proc/meminfo"), "MemTotal").unwrap_or(0),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            filesystem: filesystem(&read("/proc/mounts")),
            load: load(),
        }
    }

    /// Name and value of each property.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            ("date", self.date.clone()),
            ("processor", self.processor.clone()),
            ("cores", self.cores.to_string()),
            (
                "memory",
                format!("{:.1} GiB", self.memory_bytes as f64 / f64::from(1 << 30)),
            ),
            ("kernel", self.kernel.clone()),
            ("file system", self.filesystem.clone()),
            ("load at the start (1, 5, 15 min)", self.load.clone()),
        ]
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.properties() {
            writeln!(f, "{name}: {value}")?;
        }
        Ok(())
    }
}

/// The type of the file system that temporary folders are on.
fn filesystem(mounts: &str) -> String {
    let folder = std::env::temp_dir();
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let below = mounted.filter(|(point, _)| folder.starts_with(point));
    below
        .max_by_key(|(point, _)| point.len())
        .map_or_else(String::new, |(_, kind)| kind.to_owned())
}
