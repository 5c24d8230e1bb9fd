//! The time that a connector goes by.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime_wasi::HostWallClock;

/// What a connector's rate budget waits by and what its plugin is told. A host goes by the machine's
/// time; whoever checks a plugin gives it one of its own, in which waiting costs nothing and the same
/// call meets the same instant twice. Limits, time-outs and signatures go by the machine in any case.
pub trait Clock: fmt::Debug + Send + Sync {
    /// For spans: never goes back.
    fn instant(&self) -> Instant;

    /// The time of day.
    fn wall(&self) -> SystemTime;

    /// Lets that much time pass.
    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(span))
    }
}

/// A clock as WASI reads it.
pub(crate) struct Wall(pub(crate) Arc<dyn Clock>);

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let since = self.0.wall().duration_since(UNIX_EPOCH);
        since.unwrap_or_default()
    }
}
