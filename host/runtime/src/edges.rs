//! What a running host does by itself: reads sources on their schedule and drains outboxes.

use std::sync::Arc;
use std::time::Duration;

use crosspoint_deliver::Wake;
use crosspoint_sandbox::manifest::Role;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::AdminError;
use crate::connector::Lane;
use crate::error::coded;
use crate::host::Host;

/// Longest pause of a source after a failed read.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// First pause of a source after a failed read.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// How often old ledger files are looked for: files go whole, so hours do not matter.
const RETENTION_PAUSE: Duration = Duration::from_secs(3_600);

/// The tasks around the core thread.
pub(crate) struct Edges {
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<(), AdminError>>,
}

impl Edges {
    /// Loads every connector and starts its tasks. One that does not load is told and left out:
    /// the others work.
    pub fn start(host: &Arc<Host>) -> Result<Self, AdminError> {
        let (stop, _) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for id in host.project.connectors.keys() {
            let lane = match host.lane(&id.0) {
                Ok(lane) => lane,
                Err(error) => {
                    tracing::error!(connector = %id, error = %error, "the connector did not load");
                    continue;
                }
            };
            if lane.has_role(Role::Destination) {
                start_worker(host, Arc::clone(&lane), &stop, &mut tasks)?;
            }
            if lane.has_role(Role::Source)
                && let Some(every_ms) = host.project.connectors[id].every_ms
            {
                let every = Duration::from_millis(every_ms);
                let poll = poll(Arc::clone(host), lane, every, stop.subscribe());
                tasks.spawn_on(poll, host.tokio.handle());
            }
        }
        tasks.spawn_on(
            forget(Arc::clone(host), stop.subscribe()),
            host.tokio.handle(),
        );
        Ok(Self { stop, tasks })
    }

    /// Asks all tasks to end and waits for what is on its way.
    pub async fn stop(mut self) -> Result<(), AdminError> {
        self.stop.send_replace(true);
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended
                .map_err(|error| coded("XP-RUN-009", error, None))
                .flatten();
            first = first.and(ended);
        }
        first
    }
}

fn start_worker(
    host: &Arc<Host>,
    lane: Arc<Lane>,
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<Result<(), AdminError>>,
) -> Result<(), AdminError> {
    let (wake, woken) = watch::channel(Wake::default());
    let name = lane.id.0.clone();
    host.handle.ask(move |core| {
        core.wakes.insert(name, wake);
        Ok(())
    })?;
    let worker = host.worker(lane);
    let mut stop = stop.subscribe();
    let stopped = async move {
        // A sender that is gone also means the end.
        _ = stop.wait_for(|stop| *stop).await;
    };
    let run = async move { Ok(worker.run(woken, stopped).await.map(|_| ())?) };
    tasks.spawn_on(run, host.tokio.handle());
    Ok(())
}

/// Lets go of old ledger files from time to time.
async fn forget(host: Arc<Host>, mut stop: watch::Receiver<bool>) -> Result<(), AdminError> {
    while !rests(RETENTION_PAUSE, &mut stop).await {
        host.forget_in_background().await?;
    }
    Ok(())
}

/// Waits; true where the host stops meanwhile.
async fn rests(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        _ = stop.wait_for(|stop| *stop) => true,
    }
}

/// Reads a source at once and then on its schedule, more slowly while it fails.
async fn poll(
    host: Arc<Host>,
    lane: Arc<Lane>,
    every: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<(), AdminError> {
    let mut pause = FIRST_PAUSE;
    loop {
        let paused = host.is_paused(&lane.id).await?;
        let mut wait = every;
        if !paused {
            let read = async { host.sync(&lane.id.0, None, &|_| {}).await };
            let read = tokio::select! {
                read = read => read,
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            };
            match read {
                Ok(synced) => {
                    pause = FIRST_PAUSE;
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
                Err(error) => {
                    tracing::warn!(connector = %lane.id, error = %error, "could not read");
                    wait = pause.min(every.max(FIRST_PAUSE));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        if rests(wait, &mut stop).await {
            return Ok(());
        }
    }
}
