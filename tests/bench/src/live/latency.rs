//! Exact percentiles.

use std::time::Duration;

/// How long each of many took.
#[derive(Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The least duration that at least `share` of them did not exceed; zero where there is none.
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let index = rank.saturating_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }

    pub fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

/// `1.23 ms`.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let all = Latencies::new((1..=1_000).rev().map(Duration::from_millis).collect());
        let cases = [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1_000)];
        for (share, expected) in cases {
            assert_eq!(all.percentile(share), Duration::from_millis(expected));
        }
        assert_eq!(all.longest(), Duration::from_secs(1));
        assert_eq!(Latencies::default().percentile(0.99), Duration::ZERO);
    }
}
