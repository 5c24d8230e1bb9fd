//! The time of a connector at a simulator whose clock stands still: it moves when somebody waits, and
//! by as much.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crosspoint_sandbox::Clock;

use crate::simulator::Simulator;

/// A simulator's clock, as a host that keeps the same time has it.
#[derive(Debug)]
pub(crate) struct SimClock {
    sim: Simulator,
    /// Where both began.
    start: Instant,
    start_ms: u64,
    /// What the simulator was advanced by until then.
    before_ms: u64,
}

impl SimClock {
    /// Of a simulator whose clock stands at `now_ms`.
    pub fn new(sim: &Simulator, now_ms: i64) -> Self {
        Self {
            sim: sim.clone(),
            start: Instant::now(),
            start_ms: u64::try_from(now_ms).unwrap_or_default(),
            before_ms: sim.advanced_ms(),
        }
    }

    /// How much time has passed.
    pub fn passed(&self) -> Duration {
        Duration::from_millis(self.sim.advanced_ms() - self.before_ms)
    }
}

impl Clock for SimClock {
    fn instant(&self) -> Instant {
        self.start + self.passed()
    }

    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.start_ms) + self.passed()
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let ms = u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Box::pin(async move {
            // A simulator that cannot be reached fails the call that waits.
            let _ = self.sim.advance(ms).await;
        })
    }
}
