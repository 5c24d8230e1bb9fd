//! One rate budget per connector: a token bucket that the plugin's requests and the drain of the
//! outbox share.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crosspoint_model::time::parse_span_ms;

use crate::clock::{Clock, MachineClock};
use crate::manifest::RateLimit;

/// How many requests a connector may still send.
#[derive(Debug)]
pub struct RateBudget {
    /// Requests per second; `None` is no limit.
    per_second: Option<f64>,
    burst: f64,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    at: Instant,
    /// The vendor said so.
    closed_until: Option<Instant>,
}

impl RateBudget {
    /// The budget that a manifest declares; none means no limit.
    pub fn new(limit: Option<&RateLimit>) -> Self {
        Self::on(Arc::new(MachineClock), limit)
    }

    /// The same by another clock than the machine's.
    pub fn on(clock: Arc<dyn Clock>, limit: Option<&RateLimit>) -> Self {
        let per_second = limit.and_then(|limit| {
            let ms = parse_span_ms(&limit.per).ok().filter(|ms| *ms > 0)?;
            Some(f64::from(limit.requests) * 1000.0 / ms as f64)
        });
        let burst = limit.map_or(1.0, |limit| {
            limit.burst.unwrap_or(limit.requests).max(1).into()
        });
        let state = State {
            tokens: burst,
            at: clock.instant(),
            closed_until: None,
        };
        Self {
            per_second,
            burst,
            clock,
            state: Mutex::new(state),
        }
    }

    /// Takes one request out of the budget.
    ///
    /// # Errors
    /// How long to wait before trying again; nothing was taken.
    pub fn take(&self) -> Result<(), Duration> {
        self.take_at(self.clock.instant())
    }

    /// How long until the next request may go; zero if it may go now. Takes nothing.
    pub fn wait(&self) -> Duration {
        self.wait_at(self.clock.instant())
    }

    /// Waits by the budget's clock, as [`take`](Self::take) asks.
    pub(crate) async fn pass(&self, span: Duration) {
        self.clock.wait(span).await;
    }

    /// Closes the budget for that long, as a vendor's `Retry-After` asks.
    pub fn close_for(&self, pause: Duration) {
        let until = self.clock.instant() + pause;
        let mut state = self.lock();
        state.closed_until = Some(state.closed_until.map_or(until, |old| old.max(until)));
    }

    fn take_at(&self, now: Instant) -> Result<(), Duration> {
        let wait = self.wait_at(now);
        if wait > Duration::ZERO {
            return Err(wait);
        }
        if self.per_second.is_some() {
            self.lock().tokens -= 1.0;
        }
        Ok(())
    }

    fn wait_at(&self, now: Instant) -> Duration {
        let mut state = self.lock();
        let closed = state
            .closed_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let Some(per_second) = self.per_second else {
            return closed;
        };
        let passed = now.saturating_duration_since(state.at).as_secs_f64();
        state.tokens = (state.tokens + passed * per_second).min(self.burst);
        state.at = state.at.max(now);
        let missing = (1.0 - state.tokens).max(0.0);
        closed.max(Duration::from_secs_f64(missing / per_second))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;

    fn limit(requests: u32, per: &str, burst: Option<u32>) -> RateLimit {
        RateLimit {
            requests,
            per: per.to_owned(),
            burst,
        }
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate(
            requests in 1u32..50, burst in 1u32..50,
            pauses in prop::collection::vec(0u64..500, 1..200),
        ) {
            let budget = RateBudget::new(Some(&limit(requests, "1s", Some(burst))));
            let start = budget.lock().at;
            let (mut now, mut taken) = (start, 0u32);
            for pause in pauses {
                now += Duration::from_millis(pause);
                taken += u32::from(budget.take_at(now).is_ok());
                let most = f64::from(burst) + (now - start).as_secs_f64() * f64::from(requests);
                prop_assert!(f64::from(taken) <= most + 1e-6);
            }
        }

        #[test]
        fn after_the_wait_it_is_free(requests in 1u32..50, burst in 1u32..5) {
            let budget = RateBudget::new(Some(&limit(requests, "1m", Some(burst))));
            let now = budget.lock().at;
            while budget.take_at(now).is_ok() {}
            let wait = budget.take_at(now).unwrap_err();
            let later = now + wait + Duration::from_micros(1);
            prop_assert!(budget.take_at(later).is_ok());
        }
    }

    /// A clock that stands where it is put.
    #[derive(Debug)]
    struct Set(Mutex<Instant>);

    impl Clock for Set {
        fn instant(&self) -> Instant {
            *self.0.lock().unwrap()
        }

        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            *self.0.lock().unwrap() += span;
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn whoever_waits_as_told_uses_all_of_it() {
        let start = Instant::now();
        let clock = Arc::new(Set(Mutex::new(start)));
        let budget = RateBudget::on(clock.clone(), Some(&limit(7, "1s", Some(3))));
        for _ in 0..700 {
            while let Err(wait) = budget.take() {
                budget.pass(wait).await;
            }
        }
        let passed = clock.instant() - start;
        let least = Duration::from_secs_f64((700.0 - 3.0 - 1.0) / 7.0);
        assert!(passed >= least, "{passed:?}: more than was allowed");
        assert!(passed < least.mul_f64(1.01), "{passed:?}: time was left");
    }

    #[test]
    fn a_vendor_can_close_it() {
        let budget = RateBudget::new(None);
        assert_eq!(budget.take(), Ok(()));
        budget.close_for(Duration::from_secs(60));
        assert!(budget.take().unwrap_err() > Duration::from_secs(50));
    }
}
