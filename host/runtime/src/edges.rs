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
use crate::poll::{poll, rests};

/// How often old ledger files are looked for: files go whole, so hours do not matter.
const RETENTION_PAUSE: Duration = Duration::from_secs(3_600);

/// How often the figures of connectors are written: what a crash loses of them.
const USAGE_PAUSE: Duration = Duration::from_secs(60);

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
            if lane.has_role(Role::Source) {
                warn_of_unknown_url(host, &lane);
                let every = host.project.connectors[id].every.clone();
                if every.is_some() || lane.connector.webhook().is_some() {
                    let poll = poll(Arc::clone(host), lane, every, stop.subscribe());
                    tasks.spawn_on(poll, host.tokio.handle());
                }
            }
        }
        tasks.spawn_on(
            note_usage(Arc::clone(host), stop.subscribe()),
            host.tokio.handle(),
        );
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

/// A signature over the address cannot be verified by who does not know it.
fn warn_of_unknown_url(host: &Host, lane: &Lane) {
    let Some(server) = &host.project.server else {
        return;
    };
    let needed = lane.connector.webhook().is_some_and(|it| it.needs_url());
    if needed && server.public_url.is_none() {
        tracing::warn!(
            connector = %lane.id,
            "calls to the hook address will be refused: the vendor signs the address; set \
             `public_url` in `[server]`"
        );
    }
}

/// Writes down from time to time what connectors use.
async fn note_usage(host: Arc<Host>, mut stop: watch::Receiver<bool>) -> Result<(), AdminError> {
    while !rests(USAGE_PAUSE, &mut stop).await {
        let noting = Arc::clone(&host);
        let noted = tokio::task::spawn_blocking(move || noting.note_usage());
        noted
            .await
            .map_err(|error| coded("XP-RUN-009", error, None))?;
    }
    Ok(())
}

/// Lets go of old ledger files from time to time.
async fn forget(host: Arc<Host>, mut stop: watch::Receiver<bool>) -> Result<(), AdminError> {
    while !rests(RETENTION_PAUSE, &mut stop).await {
        host.forget_in_background().await?;
    }
    Ok(())
}
