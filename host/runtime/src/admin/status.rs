//! How the host and its connectors are.

use std::collections::BTreeMap;

use crosspoint_config::project::Plugin;
use crosspoint_model::ConnectorId;
use crosspoint_model::state::{Counter, State};
use crosspoint_step::{PAUSED_BY_HAND, Stepper};
use smol_str::SmolStr;

use super::usage::Cursors;
use super::{AdminError, Changed, ConnectorStatus, SegmentSummary, Status};
use crate::Host;
use crate::core::Core;

impl Host {
    pub(super) fn status(&self) -> Result<Status, AdminError> {
        let connectors: Vec<(ConnectorId, String, String, Vec<String>)> = self
            .project
            .connectors
            .iter()
            .map(|(id, configured)| {
                let name = match &configured.plugin {
                    Plugin::Bundled(id) => id.to_string(),
                    Plugin::File(path) => path.clone(),
                };
                let path = match &configured.plugin {
                    Plugin::Bundled(id) => id.to_string(),
                    Plugin::File(path) => self.folder.join(path).display().to_string(),
                };
                let manifest = crate::inspect(&path).ok().map(|summary| summary.manifest);
                let version = manifest
                    .as_ref()
                    .map_or_else(String::new, |it| it.version.clone());
                let roles = manifest.map_or_else(Vec::new, |it| {
                    it.roles
                        .iter()
                        .map(|role| format!("{role:?}").to_lowercase())
                        .collect()
                });
                (id.clone(), name, version, roles)
            })
            .collect();
        self.count_requests();
        let streams = self.project.connectors.keys().map(|id| {
            let (usage, _) = self.usage.of(id);
            (id.clone(), usage.streams.into_keys().collect())
        });
        let streams: Vec<(ConnectorId, Vec<SmolStr>)> = streams.collect();
        let cursors = self.handle.ask(move |core| cursors(core, streams))?;
        let mut status = self.handle.ask(move |core| {
            let mut status = Status {
                now: core.now().to_string(),
                applied_position: core.applied,
                profiles: core.state.counter(Counter::Profiles)?,
                fragments: core.state.counter(Counter::Fragments)?,
                kept_apart: core.state.counter(Counter::KeptApart)?,
                segments: segments(core)?,
                ..Status::default()
            };
            for (id, plugin, plugin_version, roles) in connectors {
                let mut of_connector = connector_status(core, &id)?;
                of_connector.plugin = plugin;
                of_connector.plugin_version = plugin_version;
                of_connector.roles = roles;
                status.connectors.push(of_connector);
            }
            Ok(status)
        })?;
        for connector in &mut status.connectors {
            let id = ConnectorId::from(connector.id.as_str());
            self.add_usage(connector, &id, cursors.get(&id));
        }
        status.project = self.project.name.to_string();
        status.running = self.delivers_by_itself();
        status.version = env!("CARGO_PKG_VERSION").to_owned();
        status.ledger_position = self.ledger.durable_position();
        status.ledger_bytes = self.ledger.stats().bytes;
        status.rebuilt.clone_from(&self.rebuilt);
        Ok(status)
    }

    pub(super) fn segments(&self) -> Result<Vec<SegmentSummary>, AdminError> {
        self.handle.ask(segments)
    }

    pub(super) fn resume(&self, id: &str) -> Result<Changed, AdminError> {
        let (id, _) = self.configured(id)?;
        if let Ok(lane) = self.lane(&id.0) {
            lane.connector.release();
        }
        self.tokio.block_on(self.pause(id, None))?;
        Ok(Changed {
            changed: 1,
            message: format!("connector `{id}` goes on"),
        })
    }

    pub(super) fn pause_by_hand(&self, id: &str) -> Result<Changed, AdminError> {
        let (id, _) = self.configured(id)?;
        self.tokio.block_on(self.pause(id, Some(PAUSED_BY_HAND)))?;
        Ok(Changed {
            changed: 1,
            message: format!("connector `{id}` is paused"),
        })
    }
}

fn connector_status(core: &mut Core, id: &ConnectorId) -> Result<ConnectorStatus, AdminError> {
    let mut status = ConnectorStatus {
        id: id.to_string(),
        ..ConnectorStatus::default()
    };
    status.paused = Stepper::paused(&mut core.state, &id.0)?;
    if let Some(symbol) = core.state.symbol(&id.0) {
        let mut count = |counter| core.state.counter(counter);
        status.received = count(Counter::Received(symbol))?;
        status.duplicates = count(Counter::Duplicates(symbol))?;
        status.quarantined = count(Counter::Quarantined(symbol))?;
        status.caused = count(Counter::Caused(symbol))?;
        status.delivered = count(Counter::Done(symbol))?;
        status.waiting = count(Counter::Waiting(symbol))?;
        status.stopped = count(Counter::Stopped(symbol))?;
    }
    Ok(status)
}

/// The cursors of the streams.
fn cursors(
    core: &mut Core,
    streams: Vec<(ConnectorId, Vec<SmolStr>)>,
) -> Result<BTreeMap<ConnectorId, Cursors>, AdminError> {
    let mut found = BTreeMap::new();
    for (id, streams) in streams {
        let Some(connector) = core.state.symbol(&id.0) else {
            continue;
        };
        let mut cursors = Cursors::new();
        for stream in streams {
            if let Some(symbol) = core.state.symbol(&stream)
                && let Some(cursor) = core.state.cursor(connector, symbol)?
            {
                cursors.insert(stream, cursor);
            }
        }
        found.insert(id, cursors);
    }
    Ok(found)
}

fn segments(core: &mut Core) -> Result<Vec<SegmentSummary>, AdminError> {
    let profiles = core.state.counter(Counter::Profiles)?;
    let Some(compiled) = core.stepper.compiled() else {
        return Ok(Vec::new());
    };
    let mut summaries = Vec::new();
    for (name, segment) in &compiled.project.segments {
        let members = match core.state.symbol(name) {
            Some(symbol) => core.state.counter(Counter::Members(symbol))?,
            None => 0,
        };
        summaries.push(SegmentSummary {
            name: name.to_string(),
            description: segment.description.as_ref().map(ToString::to_string),
            rule: segment.when.to_string(),
            members,
            share: if profiles > 0 {
                members as f64 / profiles as f64
            } else {
                0.0
            },
        });
    }
    Ok(summaries)
}
