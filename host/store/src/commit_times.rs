//! Figures about commits.

use std::time::Duration;

/// Buckets of [`CommitTimes::histogram`]: the last begins at 32 seconds.
pub const COMMIT_BUCKETS: usize = 17;

/// How long commits took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitTimes {
    /// Commits that are durable.
    pub commits: u64,
    /// How long all of them took together.
    pub total: Duration,
    /// How many took less than 2^i milliseconds and not less than half of that; the last counts
    /// all longer ones.
    pub histogram: [u64; COMMIT_BUCKETS],
}

impl CommitTimes {
    pub(crate) fn add(&mut self, took: Duration) {
        self.commits += 1;
        self.total += took;
        let bits = u128::BITS - took.as_millis().leading_zeros();
        self.histogram[(bits as usize).min(COMMIT_BUCKETS - 1)] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_counts_by_power_of_two() {
        let mut times = CommitTimes::default();
        for ms in [0, 1, 2, 3, 40_000] {
            times.add(Duration::from_millis(ms));
        }
        assert_eq!(times.histogram[..3], [1, 1, 2]);
        assert_eq!(times.histogram[COMMIT_BUCKETS - 1], 1);
        assert_eq!((times.commits, times.total.as_secs()), (5, 40));
    }
}
