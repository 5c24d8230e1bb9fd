//! Figures about a ledger.

use std::time::Duration;

/// Figures about a ledger since it was opened, and its extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The oldest entry there is; one more than the last if there is none.
    pub first_seq: u64,
    /// The last durable entry; 0 if there is none.
    pub last_seq: u64,
    /// Segment files.
    pub segments: usize,
    /// Durable bytes in them.
    pub bytes: u64,
    /// Groups made durable since it was opened: as many fdatasync calls.
    pub groups: u64,
    /// Bytes written since it was opened.
    pub written_bytes: u64,
    /// How long the last fdatasync took.
    pub sync_last: Duration,
    /// How long the slowest took.
    pub sync_longest: Duration,
    /// How long all took together.
    pub sync_total: Duration,
    /// How many took less than 2^i microseconds and not less than half of that; the last counts
    /// all longer ones.
    pub sync_histogram: [u64; SYNC_BUCKETS],
}

/// Buckets of [`Stats::sync_histogram`]: the last begins at two seconds.
pub const SYNC_BUCKETS: usize = 23;

/// How long fdatasync took.
#[derive(Clone, Debug, Default)]
pub(crate) struct SyncTimes {
    pub groups: u64,
    pub written_bytes: u64,
    pub last: Duration,
    pub longest: Duration,
    pub total: Duration,
    pub histogram: [u64; SYNC_BUCKETS],
}

impl SyncTimes {
    pub fn add(&mut self, bytes: u64, took: Duration) {
        self.groups += 1;
        self.written_bytes += bytes;
        self.last = took;
        self.longest = self.longest.max(took);
        self.total += took;
        let bits = u128::BITS - took.as_micros().leading_zeros();
        self.histogram[(bits as usize).min(SYNC_BUCKETS - 1)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_counts_by_power_of_two() {
        let mut times = SyncTimes::default();
        for micros in [0, 1, 2, 3, 1_000, 10_000_000] {
            times.add(10, Duration::from_micros(micros));
        }
        let full: Vec<_> = (0..SYNC_BUCKETS)
            .filter(|i| times.histogram[*i] > 0)
            .collect();
        assert_eq!(full, [0, 1, 2, 10, SYNC_BUCKETS - 1]);
        assert_eq!(times.histogram[2], 2);
        assert_eq!(times.longest, Duration::from_secs(10));
        assert_eq!(times.written_bytes, 60);
    }
}
