//! Counts the processor time of one call: what its thread spends while the call's future is being
//! polled. Waiting costs nothing, and neither does a machine that is busy with other things.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds spent in finished polls, and the thread's clock at the start of the running one.
#[derive(Default)]
pub(crate) struct Meter {
    spent_ns: AtomicU64,
    poll_started_ns: AtomicU64,
}

impl Meter {
    /// Spent so far. Called within a poll or after the last one; `running` says which.
    pub(crate) fn spent(&self, running: bool) -> Duration {
        let mut spent = self.spent_ns.load(Ordering::Relaxed);
        if running {
            let started = self.poll_started_ns.load(Ordering::Relaxed);
            spent += thread_ns().saturating_sub(started);
        }
        Duration::from_nanos(spent)
    }
}

/// A future whose polls are counted.
pub(crate) struct Metered<F> {
    call: Pin<Box<F>>,
    meter: Arc<Meter>,
}

impl<F> Metered<F> {
    pub(crate) fn new(call: F, meter: Arc<Meter>) -> Self {
        Self {
            call: Box::pin(call),
            meter,
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let started = thread_ns();
        self.meter.poll_started_ns.store(started, Ordering::Relaxed);
        let polled = self.call.as_mut().poll(cx);
        let spent = thread_ns().saturating_sub(started);
        self.meter.spent_ns.fetch_add(spent, Ordering::Relaxed);
        polled
    }
}

fn thread_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
