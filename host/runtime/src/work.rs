//! Reading sources and draining outboxes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as MachineInstant};

use crosspoint_deliver::{Error as DeliverError, Outbox, Retry, Worker, WorkerOptions};
use crosspoint_ingest::{Budget, ReadSummary, SourceFault, StreamContext, read_stream};
use crosspoint_model::ConnectorId;
use crosspoint_model::delivery::{Delivery, DeliveryId};
use crosspoint_model::entry::What;
use crosspoint_model::state::State;
use crosspoint_sandbox::manifest::Role;
use crosspoint_step::PAUSED_BY_HAND;
use serde_json::{Map, Value};
use tracing::Instrument as _;

use crate::admin::{AdminError, Delivered, Progress, Synced};
use crate::clock::machine_now;
use crate::connector::{Lane, Override};
use crate::error::{bad_argument, coded, not_found};
use crate::failpoint::reach;
use crate::handle::Handle;
use crate::host::Host;
use crate::live::Trigger;
use crate::open::OnProgress;

/// How long a drain waits for what is retried soon; what is due later stays in the outbox.
const PATIENCE: Duration = Duration::from_secs(10);

impl Host {
    /// Reads a source's streams until they have caught up.
    pub(crate) async fn sync(
        &self,
        id: &str,
        only: Option<&str>,
        progress: OnProgress<'_>,
    ) -> Result<Synced, AdminError> {
        let lane = self.lane(id)?;
        let start = MachineInstant::now();
        let began = machine_now();
        let mut synced = Synced {
            connector: id.to_owned(),
            ..Synced::default()
        };
        let streams = self.streams(&lane).await?;
        if let Some(only) = only
            && !streams.iter().any(|stream| stream == only)
        {
            let hint = format!("connector `{id}` has: {}", streams.join(", "));
            return Err(not_found("stream", only, &hint));
        }
        for stream in streams
            .iter()
            .filter(|stream| only.is_none_or(|only| only == *stream))
        {
            let summary = self.read(&lane, stream, true, progress).await?;
            add(&mut synced, stream, summary);
        }
        if only.is_none() {
            self.usage.read_all(&lane.id, began);
        }
        synced.elapsed_ms = elapsed_ms(start);
        Ok(synced)
    }

    /// Reads one local file with a connector's settings.
    pub(crate) async fn import(
        &self,
        id: &str,
        path: &str,
        progress: OnProgress<'_>,
    ) -> Result<Synced, AdminError> {
        let file = Path::new(path);
        let (Some(folder), Some(name)) = (
            file.parent(),
            file.file_name().and_then(|name| name.to_str()),
        ) else {
            return Err(bad_argument(
                format!("`{path}` names no file"),
                "give the path of a file",
            ));
        };
        if !file.is_file() {
            return Err(not_found("file", path, "check the path"));
        }
        let settings = Map::from_iter([("path".to_owned(), Value::from(name))]);
        let instead = Override {
            settings,
            files: Some(PathBuf::from(folder)),
        };
        let lane = self.build_lane(id, instead)?;
        let start = MachineInstant::now();
        let mut synced = Synced {
            connector: id.to_owned(),
            ..Synced::default()
        };
        for stream in self.streams(&lane).await? {
            let summary = self.read(&lane, &stream, false, progress).await?;
            add(&mut synced, &stream, summary);
        }
        lane.count_requests(&self.usage, machine_now());
        synced.elapsed_ms = elapsed_ms(start);
        Ok(synced)
    }

    async fn streams(&self, lane: &Lane) -> Result<Vec<String>, AdminError> {
        if !lane.has_role(Role::Source) {
            return Err(bad_argument(
                format!("connector `{}` is no source", lane.id),
                "only a source can be read; `crosspoint plugin list` shows the roles",
            ));
        }
        lane.check_source_once().await?;
        let input = lane
            .input()
            .await
            .map_err(|error| coded("XP-RUN-009", error, None))?;
        let output = lane.connector.streams(input).await?;
        Ok(output
            .value
            .into_iter()
            .map(|stream| stream.name.to_string())
            .collect())
    }

    /// Reads one stream. Refused credentials, and whatever else needs a person, pause the connector.
    async fn read(
        &self,
        lane: &Lane,
        stream: &str,
        keeps_cursor: bool,
        progress: OnProgress<'_>,
    ) -> Result<ReadSummary, AdminError> {
        let began = machine_now();
        let cursor = match keeps_cursor {
            true => self.cursor(&lane.id, stream).await?,
            false => None,
        };
        let label = format!("{}/{stream}", lane.id);
        let trigger = match keeps_cursor {
            true => Trigger::Poll,
            false => Trigger::File,
        };
        let counted = Mutex::new((0, 0));
        let tell = |records: u64, rejects: u64| {
            reach("after-append");
            let now = (records, rejects);
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *counted, now);
            let metrics = &self.handle.metrics;
            metrics.came(&lane.id, trigger, now.0 - before.0, now.1 - before.1);
            progress(Progress {
                label: label.clone(),
                done: records,
                total: None,
            });
        };
        let ctx = StreamContext {
            ledger: &self.ledger,
            connector: &lane.id,
            stream,
            keeps_cursor,
            stamp: &|records| {
                self.usage.came(&lane.id, stream, records);
                self.clock.stamp(records)
            },
            progress: &tell,
            budget: Budget::default(),
        };
        lane.forget_moves();
        let span = tracing::debug_span!("read", connector = lane.id.0.as_str(), stream);
        let read = read_stream(lane, &ctx, cursor).instrument(span).await;
        if let Err(crosspoint_ingest::Error::Source { fault, .. }) = &read
            && let SourceFault::Auth(reason) | SourceFault::Stopped(reason) = fault
        {
            self.pause(&lane.id, Some(reason)).await?;
        }
        let mut summary = read?;
        reach("before-files-move");
        for fault in lane.move_files().await {
            tracing::warn!(connector = %lane.id, stream, fault, "a file stays where it is");
            summary.notices.push(fault);
        }
        if keeps_cursor {
            self.usage.read(&lane.id, stream, began);
        }
        self.let_go_on(&lane.id).await?;
        reach("after-fsync");
        if let Some(seq) = summary.last_seq {
            self.handle.applied(seq).await?;
        }
        Ok(summary)
    }

    /// What was read proves that whatever the host paused the connector for has passed.
    async fn let_go_on(&self, connector: &ConnectorId) -> Result<(), AdminError> {
        match self.handle.paused(connector).await? {
            Some(reason) if reason != PAUSED_BY_HAND => self.pause(connector, None).await,
            _ => Ok(()),
        }
    }

    async fn cursor(
        &self,
        connector: &ConnectorId,
        stream: &str,
    ) -> Result<Option<Vec<u8>>, AdminError> {
        let (connector, stream) = (connector.0.clone(), stream.to_owned());
        let cursor = self.handle.ask_async(move |core| {
            match (core.state.symbol(&connector), core.state.symbol(&stream)) {
                (Some(connector), Some(stream)) => Ok(core.state.cursor(connector, stream)?),
                _ => Ok(None),
            }
        });
        cursor.await
    }

    /// Pauses a connector, or lets it go on.
    pub(crate) async fn pause(
        &self,
        connector: &ConnectorId,
        reason: Option<&str>,
    ) -> Result<(), AdminError> {
        let what = What::ConnectorState {
            connector: connector.clone(),
            paused: reason.map(Into::into),
        };
        let appended = self.ledger.append_when_room(self.clock.now(), &what);
        self.handle.applied(appended.await?.seq).await?;
        if let Some(lane) = self.loaded(&connector.0) {
            lane.pokes.wake();
        }
        Ok(())
    }

    /// Delivers what is due at one destination, or at all. A host that runs delivers by itself.
    pub(crate) async fn deliver(&self, only: Option<&str>) -> Result<Delivered, AdminError> {
        let start = MachineInstant::now();
        let mut delivered = Delivered::default();
        if self.delivers_by_itself() {
            return Ok(delivered);
        }
        let ids: Vec<_> = match only {
            Some(id) => vec![self.lane(id)?.id.clone()],
            None => self.project.connectors.keys().cloned().collect(),
        };
        let mut drains = tokio::task::JoinSet::new();
        for id in ids {
            if !self.has_deliveries(&id).await? {
                continue;
            }
            let worker = self.worker(self.lane(&id.0)?);
            drains.spawn(worker.drain(PATIENCE));
        }
        while let Some(drained) = drains.join_next().await {
            let drained = drained.map_err(|error| coded("XP-RUN-009", error, None))??;
            delivered.done += drained.done;
            delivered.retrying += drained.retrying;
            delivered.stopped += drained.stopped;
        }
        delivered.elapsed_ms = elapsed_ms(start);
        Ok(delivered)
    }

    async fn has_deliveries(&self, id: &ConnectorId) -> Result<bool, AdminError> {
        let name = id.0.clone();
        let some = self.handle.ask_async(move |core| {
            Ok(match core.state.symbol(&name) {
                Some(connector) => !core.state.deliveries(Some(connector), None, 1)?.is_empty(),
                None => false,
            })
        });
        some.await
    }

    /// The worker for a destination.
    pub(crate) fn worker(&self, lane: Arc<Lane>) -> Worker<Lane, StateOutbox> {
        let configured = &self.project.connectors[&lane.id];
        let clock = Arc::clone(&self.clock);
        Worker::new(WorkerOptions {
            connector: lane.id.clone(),
            destination: lane,
            outbox: Arc::new(StateOutbox(Arc::clone(&self.handle))),
            ledger: Arc::clone(&self.ledger),
            retry: Retry {
                first_ms: configured.retry.first_ms,
                longest_ms: configured.retry.longest_ms,
                give_up_after_ms: configured.retry.give_up_after_ms,
            },
            in_flight: configured.in_flight as usize,
            now: Arc::new(machine_now),
            stamp: Arc::new(move || clock.now()),
        })
    }
}

fn add(synced: &mut Synced, stream: &str, summary: ReadSummary) {
    synced.streams.push(stream.to_owned());
    synced.records += summary.records;
    synced.quarantined += summary.rejects;
    synced.pages += summary.pages;
    synced.notices.extend(summary.notices);
}

fn elapsed_ms(start: MachineInstant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The state's outbox, asked through the core thread.
pub(crate) struct StateOutbox(pub Arc<Handle>);

impl Outbox for StateOutbox {
    async fn page(
        &self,
        connector: &ConnectorId,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, DeliverError> {
        let name = connector.0.clone();
        let page = self.0.ask_async(move |core| {
            Ok(match core.state.symbol(&name) {
                Some(connector) => core.state.deliveries(Some(connector), after, limit)?,
                None => Vec::new(),
            })
        });
        page.await
            .map_err(|error| DeliverError::Outbox(error.to_string()))
    }

    async fn renewed(&self, mut deliveries: Vec<Delivery>) -> Result<Vec<Delivery>, DeliverError> {
        if !deliveries.iter().any(|it| self.0.may_be_outdated(it)) {
            return Ok(deliveries);
        }
        let renewed = self.0.ask_async(move |core| {
            for delivery in &mut deliveries {
                core.renew(delivery)?;
            }
            Ok(deliveries)
        });
        renewed
            .await
            .map_err(|error| DeliverError::Outbox(error.to_string()))
    }

    async fn applied(&self, seq: u64) -> Result<(), DeliverError> {
        self.0
            .applied(seq)
            .await
            .map_err(|error| DeliverError::Outbox(error.to_string()))
    }

    async fn paused(&self, connector: &ConnectorId) -> Result<Option<String>, DeliverError> {
        self.0
            .paused(connector)
            .await
            .map_err(|error| DeliverError::Outbox(error.to_string()))
    }
}
