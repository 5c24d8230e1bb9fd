//! Input that could not be used, and its second chance.

use std::collections::BTreeMap;

use crosspoint_ingest::{Budget, Page, StreamContext, append_page};
use crosspoint_model::ConnectorId;
use crosspoint_model::entry::{RejectedInput, What};
use crosspoint_model::state::{Quarantined, State};

use super::find::PAGE;
use super::{AdminError, QuarantineView, Retried};
use crate::Host;
use crate::connector::page;
use crate::core::Core;
use crate::error::{bad_argument, coded, not_found};

const SHAPE: &str = "give `SEQ/ORDINAL`; `crosspoint quarantine list` shows it";

impl Host {
    pub(super) fn quarantine(
        &self,
        connector: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<QuarantineView>, AdminError> {
        if let Some(connector) = &connector
            && !self.tracks(connector)
        {
            self.configured(connector)?;
        }
        let after = after.as_deref().map(place).transpose()?;
        self.handle.ask(move |core| {
            let items = items(core, connector.as_deref(), after, limit as usize)?;
            Ok(items.iter().map(|item| view(core, item, false)).collect())
        })
    }

    pub(super) fn quarantined(&self, item: &str) -> Result<QuarantineView, AdminError> {
        let (seq, ordinal) = place(item)?;
        let name = item.to_owned();
        self.handle.ask(move |core| {
            let item = core.state.quarantined(seq, ordinal)?;
            let item = item.ok_or_else(|| not_found("quarantined item", &name, SHAPE))?;
            Ok(view(core, &item, true))
        })
    }

    /// Gives items to their plugin again, or to the host's own checks. What is refused again comes
    /// back as a new item; the old one goes in any case.
    pub(super) fn retry_quarantined(
        &self,
        named: Vec<String>,
        connector: Option<String>,
    ) -> Result<Retried, AdminError> {
        let places = named
            .iter()
            .map(|item| place(item))
            .collect::<Result<Vec<_>, _>>()?;
        let all = self.handle.ask(move |core| {
            if places.is_empty() {
                return items(core, connector.as_deref(), None, usize::MAX)
                    .map(|items| by_stream(core, items));
            }
            let mut found = Vec::new();
            for (seq, ordinal) in places {
                let item = core.state.quarantined(seq, ordinal)?;
                found.push(item.ok_or_else(|| {
                    not_found("quarantined item", &format!("{seq}/{ordinal}"), SHAPE)
                })?);
            }
            Ok(by_stream(core, found))
        })?;
        let mut retried = Retried::default();
        for ((connector, stream), items) in all {
            self.tokio
                .block_on(self.retry_stream(&connector, &stream, items, &mut retried))?;
        }
        Ok(retried)
    }

    async fn retry_stream(
        &self,
        connector: &str,
        stream: &str,
        items: Vec<Quarantined>,
        retried: &mut Retried,
    ) -> Result<(), AdminError> {
        if self.tracks(connector) {
            return self.retry_tracked(connector, stream, items, retried).await;
        }
        let lane = self.lane(connector)?;
        let mut whole = Page::default();
        let (mut raw, mut yielded) = (Vec::new(), Vec::new());
        let mut cleared = Vec::new();
        for item in items {
            cleared.push((item.seq, item.ordinal));
            match item.reject.raw {
                RejectedInput::Raw(bytes) => raw.push(bytes),
                RejectedInput::Record(record) => whole.records.push(*record),
                RejectedInput::Yielded(json) => yielded.push(json),
            }
        }
        retried.tried += cleared.len() as u64;
        whole
            .records
            .extend(lane.connector.convert_again(&yielded, &mut whole.rejects));
        if !raw.is_empty() {
            let input = lane
                .input()
                .await
                .map_err(|error| coded("XP-RUN-009", error, None))?;
            let output = lane.connector.retry(stream, raw, input).await;
            let again = page(output).map_err(|fault| coded("XP-RUN-008", fault, None))?;
            whole.records.extend(again.records);
            whole.rejects.extend(again.rejects);
            whole.jobs.extend(again.jobs);
        }
        let ctx = StreamContext {
            ledger: &self.ledger,
            connector: &lane.id,
            stream,
            keeps_cursor: false,
            stamp: &|records| self.clock.stamp(records),
            progress: &|_, _| {},
            budget: Budget::default(),
        };
        let (_, records, rejects) = append_page(&ctx, whole).await?;
        let what = What::QuarantineCleared { items: cleared };
        let seq = self
            .ledger
            .append_when_room(self.clock.now(), &what)
            .await?
            .seq;
        self.handle.applied(seq).await?;
        retried.accepted += records;
        retried.refused_again += rejects;
        Ok(())
    }

    /// Whether it is a tracking source, which has no plugin.
    fn tracks(&self, connector: &str) -> bool {
        self.project
            .tracking
            .contains_key(&ConnectorId::from(connector))
    }

    async fn retry_tracked(
        &self,
        source: &str,
        stream: &str,
        items: Vec<Quarantined>,
        retried: &mut Retried,
    ) -> Result<(), AdminError> {
        let (mut calls, mut records) = (Vec::new(), Vec::new());
        let mut cleared = Vec::new();
        for item in items {
            cleared.push((item.seq, item.ordinal));
            match item.reject.raw {
                RejectedInput::Raw(bytes) | RejectedInput::Yielded(bytes) => calls.push(bytes),
                RejectedInput::Record(record) => records.push(*record),
            }
        }
        retried.tried += cleared.len() as u64;
        let source = ConnectorId::from(source);
        let tracked = self
            .track_again(&source, stream, &calls, records)
            .map_err(|error| coded("XP-RUN-009", error, None))?;
        let what = What::QuarantineCleared { items: cleared };
        let seq = self
            .ledger
            .append_when_room(self.clock.now(), &what)
            .await?
            .seq;
        self.handle.applied(seq).await?;
        retried.accepted += tracked.accepted as u64;
        retried.refused_again += tracked.rejected as u64;
        Ok(())
    }
}

fn place(text: &str) -> Result<(u64, u32), AdminError> {
    let parsed = text
        .split_once('/')
        .and_then(|(seq, ordinal)| Some((seq.parse().ok()?, ordinal.parse().ok()?)));
    parsed.ok_or_else(|| bad_argument(format!("`{text}` is no quarantined item"), SHAPE))
}

fn items(
    core: &Core,
    connector: Option<&str>,
    mut after: Option<(u64, u32)>,
    limit: usize,
) -> Result<Vec<Quarantined>, AdminError> {
    let wanted = connector.map(|name| core.state.symbol(name));
    let mut found = Vec::new();
    while found.len() < limit {
        let page = core.state.quarantined_after(after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some((last.seq, last.ordinal));
        found.extend(
            page.into_iter()
                .filter(|item| wanted.is_none_or(|name| name == Some(item.connector))),
        );
    }
    found.truncate(limit);
    Ok(found)
}

type ByStream = BTreeMap<(String, String), Vec<Quarantined>>;

fn by_stream(core: &Core, items: Vec<Quarantined>) -> ByStream {
    let mut streams = ByStream::new();
    for item in items {
        let connector = core.state.name(item.connector).to_string();
        let stream = core.state.name(item.stream).to_string();
        streams.entry((connector, stream)).or_default().push(item);
    }
    streams
}

fn view(core: &Core, item: &Quarantined, with_raw: bool) -> QuarantineView {
    let raw = match &item.reject.raw {
        RejectedInput::Raw(bytes) | RejectedInput::Yielded(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        RejectedInput::Record(record) => {
            serde_json::to_string_pretty(record).unwrap_or_else(|error| error.to_string())
        }
    };
    QuarantineView {
        id: format!("{}/{}", item.seq, item.ordinal),
        at: item.at.to_string(),
        connector: core.state.name(item.connector).to_string(),
        stream: core.state.name(item.stream).to_string(),
        locator: item.reject.locator.to_string(),
        field: item.reject.field.as_ref().map(ToString::to_string),
        reason: item.reject.reason.clone(),
        raw: with_raw.then_some(raw),
    }
}
