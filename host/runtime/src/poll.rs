//! Reading a source when its schedule says so, and the streams that its vendor's calls point at.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crosspoint_config::project::Schedule;
use smol_str::SmolStr;
use tokio::sync::{Notify, watch};

use crate::admin::{AdminError, Synced};
use crate::clock::machine_now;
use crate::connector::Lane;
use crate::host::Host;

/// First pause of a source after a failed read.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause of a source after a failed read.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Longest sleep: a schedule follows the machine's clock, which may be set, and sleeping does not.
const SLICE: Duration = Duration::from_secs(60);
/// From the first call that points at a stream to reading it: vendors send calls in bursts.
const GATHER: Duration = Duration::from_secs(2);

/// Streams that are to be read soon.
#[derive(Default)]
pub(crate) struct Pokes {
    streams: Mutex<BTreeSet<SmolStr>>,
    notify: Notify,
}

impl Pokes {
    /// Asks for streams to be read soon.
    pub fn poke(&self, streams: impl IntoIterator<Item = SmolStr>) {
        let mut waiting = self.waiting();
        let before = waiting.len();
        waiting.extend(streams);
        if waiting.len() > before {
            self.notify.notify_one();
        }
    }

    /// Lets the poller look again whether something is due.
    pub fn wake(&self) {
        self.notify.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<SmolStr>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a failing source is retried.
struct Backoff {
    pause: Duration,
    longest: Duration,
    until: Option<tokio::time::Instant>,
}

impl Backoff {
    fn new(every: Option<&Schedule>) -> Self {
        let longest = match every {
            Some(Schedule::Every { ms }) => {
                LONGEST_PAUSE.min(Duration::from_millis(*ms).max(FIRST_PAUSE))
            }
            _ => LONGEST_PAUSE,
        };
        Self {
            pause: FIRST_PAUSE,
            longest,
            until: None,
        }
    }

    fn failed(&mut self) {
        self.until = Some(tokio::time::Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(self.longest);
    }

    fn succeeded(&mut self) {
        self.pause = FIRST_PAUSE;
        self.until = None;
    }

    fn remaining(&self) -> Duration {
        let now = tokio::time::Instant::now();
        self.until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }
}

/// Reads a source until the host stops.
pub(crate) async fn poll(
    host: Arc<Host>,
    lane: Arc<Lane>,
    every: Option<Schedule>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), AdminError> {
    let mut backoff = Backoff::new(every.as_ref());
    loop {
        let paused = host.handle.paused(&lane.id).await?.is_some();
        let poked = !lane.pokes.waiting().is_empty();
        let due = until_due(&host, &lane, every.as_ref());
        let wait = match paused {
            true => SLICE,
            false if poked => backoff.remaining(),
            false => due.max(backoff.remaining()).min(SLICE),
        };
        if !wait.is_zero() {
            let woken = tokio::select! {
                () = tokio::time::sleep(wait) => false,
                () = lane.pokes.notify.notified() => true,
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            };
            if woken && backoff.until.is_none() && rests(GATHER, &mut stop).await {
                return Ok(());
            }
            continue;
        }
        let streams = std::mem::take(&mut *lane.pokes.waiting());
        let all = due.is_zero();
        let read = tokio::select! {
            read = read(&host, &lane, all, &streams) => read,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        match read {
            Ok(()) => backoff.succeeded(),
            Err(error) => {
                tracing::warn!(connector = %lane.id, error = %error, "could not read");
                backoff.failed();
                lane.pokes.waiting().extend(streams);
            }
        }
    }
}

/// How long until all streams are due.
fn until_due(host: &Host, lane: &Lane, every: Option<&Schedule>) -> Duration {
    let Some(every) = every else { return SLICE };
    let now = machine_now();
    let next = every.next_after(host.usage.read_at(&lane.id), now);
    Duration::from_millis(u64::try_from(next.since_ms(now)).unwrap_or(0))
}

async fn read(
    host: &Host,
    lane: &Lane,
    all: bool,
    streams: &BTreeSet<SmolStr>,
) -> Result<(), AdminError> {
    if all {
        tell(lane, host.sync(&lane.id.0, None, &|_| {}).await?);
        return Ok(());
    }
    for stream in streams {
        tell(lane, host.sync(&lane.id.0, Some(stream), &|_| {}).await?);
    }
    Ok(())
}

fn tell(lane: &Lane, synced: Synced) {
    if synced.records + synced.quarantined > 0 {
        tracing::info!(
            connector = %lane.id, records = synced.records,
            quarantined = synced.quarantined, "read"
        );
    }
    for notice in synced.notices {
        tracing::warn!(connector = %lane.id, notice);
    }
}

/// Waits; true where the host stops meanwhile.
pub(crate) async fn rests(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        _ = stop.wait_for(|stop| *stop) => true,
    }
}
