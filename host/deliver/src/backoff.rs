//! When to try again.

use crosspoint_model::DeliveryKey;

/// How faults that may pass are retried: after `first_ms`, then after twice as long each time up
/// to `longest_ms`, each shortened by up to half, so that what failed together does not come back
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Wait after the first failure, in milliseconds.
    pub first_ms: u64,
    /// Longest wait, in milliseconds.
    pub longest_ms: u64,
    /// When the waits add up to more than this, the delivery becomes a dead letter.
    pub give_up_after_ms: u64,
}

impl Retry {
    /// Milliseconds to wait after the try number `attempt` (0 for the first) failed, or `None`
    /// where it is time to give up. The jitter follows from the key, so that it needs no
    /// randomness and differs between deliveries and tries.
    pub fn wait_ms(&self, attempt: u32, key: &DeliveryKey) -> Option<u64> {
        let spent: u64 = (0..attempt).map(|earlier| self.full_ms(earlier)).sum();
        if spent > self.give_up_after_ms {
            return None;
        }
        let full = self.full_ms(attempt);
        let salt = key.0.bytes().fold(u64::from(attempt) + 1, |hash, byte| {
            // FNV-1a, 64 bit.
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let half = full / 2;
        Some(full - salt % (half + 1))
    }

    fn full_ms(&self, attempt: u32) -> u64 {
        let doubled = self.first_ms.saturating_mul(1u64 << attempt.min(40));
        doubled.min(self.longest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_within_bounds_and_end() {
        let retry = Retry {
            first_ms: 1_000,
            longest_ms: 8_000,
            give_up_after_ms: 30_000,
        };
        let key = DeliveryKey("0123456789abcdef0123456789abcdef".into());
        let waits: Vec<_> = (0..)
            .map_while(|attempt| retry.wait_ms(attempt, &key))
            .collect();
        assert_eq!(
            waits.len(),
            6,
            "1 + 2 + 4 + 8 + 8 + 8 passes 30 seconds: {waits:?}"
        );
        for (attempt, wait) in waits.into_iter().enumerate() {
            let full = (1_000 << attempt).min(8_000);
            assert!(
                (full / 2..=full).contains(&wait),
                "attempt {attempt}: {wait}"
            );
        }
    }
}
