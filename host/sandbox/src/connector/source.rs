//! Calls of a source plugin.

use crosspoint_model::Instant;
use crosspoint_model::entry::{Reject, RejectedInput};
use crosspoint_model::record::{Record, RecordKind};
use smol_str::SmolStr;

use super::{CallInput, CallOutput, Connector};
use crate::bindings::crosspoint::connector::model as wit_model;
use crate::bindings::exports::crosspoint::connector::source as wit;
use crate::convert;
use crate::error::{Error, GuestError, Result};

/// Longest cursor, in bytes; see the contract's `page`.
const MAX_CURSOR_BYTES: usize = 64 * 1024;

/// What a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// `[a-z][a-z0-9-]*`.
    pub name: SmolStr,
    /// What its records are, tombstones aside.
    pub kind: RecordKind,
    /// One sentence.
    pub description: String,
    /// Reads only what changed since the cursor.
    pub incremental: bool,
    /// Also fed by calls to the hook address.
    pub webhook: bool,
    /// Deletions surface as tombstones.
    pub tells_deletions: bool,
}

/// How much one read may yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Records and rejects.
    pub records: u32,
    /// Of input.
    pub bytes: u64,
}

/// One page of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Converted and normalized.
    pub records: Vec<Record>,
    /// The plugin's, then those that the host's checks add.
    pub rejects: Vec<Reject>,
    /// Where the next read continues.
    pub next_cursor: Vec<u8>,
    /// Call again at once.
    pub more: bool,
    /// For the operator.
    pub notices: Vec<String>,
}

/// A verified call to the connector's hook address.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// As in `POST`.
    pub method: String,
    /// Below the hook address.
    pub path: String,
    /// Without `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Unparsed.
    pub body: Vec<u8>,
    /// The host's clock.
    pub received_at: Instant,
}

/// What a call to the hook address yields of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which stream, as the plugin says.
    pub stream: SmolStr,
    /// Converted and normalized.
    pub records: Vec<Record>,
    /// The plugin's, then those that the host's checks add.
    pub rejects: Vec<Reject>,
}

/// What a call to the hook address yields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// By stream, in the plugin's order.
    pub parts: Vec<Part>,
    /// Streams to read soon.
    pub poke: Vec<SmolStr>,
}

impl Connector {
    /// The plugin's streams under the current settings.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn streams(&self, input: CallInput) -> Result<CallOutput<Vec<Stream>>> {
        let indices = self.source_indices("streams")?;
        let output = self
            .call("streams", input, move |store, instance| {
                Box::pin(async move {
                    indices
                        .load(&mut *store, &instance)?
                        .call_streams(store)
                        .await
                })
            })
            .await?;
        Ok(output.map(|streams| streams.into_iter().map(stream).collect()))
    }

    /// One page of `stream` from `cursor`.
    ///
    /// # Errors
    /// Any but those of loading and setup; [`Error::Contract`] where the page is far over `budget`.
    pub async fn read(
        &self,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
        input: CallInput,
    ) -> Result<CallOutput<Page>> {
        let indices = self.source_indices("read")?;
        let (stream, cursor) = (stream.to_owned(), cursor.map(<[u8]>::to_vec));
        let output = self
            .call("read", input, move |store, instance| {
                Box::pin(async move {
                    let source = indices.load(&mut *store, &instance)?;
                    let Budget { records, bytes } = budget;
                    let given = wit::Budget { records, bytes };
                    source
                        .call_read(store, &stream, cursor.as_deref(), given)
                        .await
                })
            })
            .await?;
        if output.value.next_cursor.len() > MAX_CURSOR_BYTES {
            let reason = format!(
                "a cursor of {} bytes; at most 64 KiB",
                output.value.next_cursor.len()
            );
            return Err(Error::Contract {
                at: self.at("read"),
                reason,
            });
        }
        let peak = output.stats.peak_memory_bytes;
        if let Some(reason) = super::budget::fault(&output.value, budget, peak) {
            let at = self.at("read");
            return Err(Error::Contract { at, reason });
        }
        Ok(output.map(|page| self.page(page)))
    }

    /// What a webhook call means that [`webhook`](Self::webhook) accepted. The plugin gets it
    /// without what proved it.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn receive(
        &self,
        request: WebhookRequest,
        input: CallInput,
    ) -> Result<CallOutput<Received>> {
        let indices = self.source_indices("receive")?;
        let request = match self.webhook() {
            Some(verifier) => verifier.without_secrets(request, &self.shared.scrubber),
            None => request,
        };
        let header = |(name, value)| wit::WebhookHeader { name, value };
        let request = wit::WebhookRequest {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers.into_iter().map(header).collect(),
            body: request.body,
            received_at: request.received_at.0,
        };
        let output = self
            .call("receive", input, move |store, instance| {
                Box::pin(async move {
                    let source = indices.load(&mut *store, &instance)?;
                    source.call_receive(store, &request).await
                })
            })
            .await?;
        Ok(output.map(|received| {
            let parts = received.parts.into_iter().map(|part| self.part(part));
            Received {
                parts: parts.collect(),
                poke: received.poke.into_iter().map(Into::into).collect(),
            }
        }))
    }

    /// Tries quarantined input of `stream` again.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn retry(
        &self,
        stream: &str,
        raw: Vec<Vec<u8>>,
        input: CallInput,
    ) -> Result<CallOutput<Page>> {
        let indices = self.source_indices("retry")?;
        let stream = stream.to_owned();
        let output = self
            .call("retry", input, move |store, instance| {
                Box::pin(async move {
                    let source = indices.load(&mut *store, &instance)?;
                    source.call_retry(store, &stream, &raw).await
                })
            })
            .await?;
        Ok(output.map(|page| self.page(page)))
    }

    /// Whether the source's credentials and settings work.
    ///
    /// # Errors
    /// Any but those of loading and setup.
    pub async fn check_source(&self, input: CallInput) -> Result<CallOutput<()>> {
        let indices = self.source_indices("check")?;
        self.call("check", input, move |store, instance| {
            Box::pin(async move {
                indices
                    .load(&mut *store, &instance)?
                    .call_check(store)
                    .await
            })
        })
        .await
    }

    fn source_indices(&self, call: &'static str) -> Result<wit::GuestIndices> {
        self.plugin.source().cloned().ok_or_else(|| Error::Guest {
            at: self.at(call),
            error: GuestError::Unsupported("the plugin is no source".to_owned()),
        })
    }

    fn part(&self, part: wit::Part) -> Part {
        let mut rejects: Vec<_> = part.rejects.into_iter().map(reject).collect();
        let records = self.records(part.records, &mut rejects);
        Part {
            stream: part.stream.into(),
            records,
            rejects,
        }
    }

    fn page(&self, page: wit::Page) -> Page {
        let mut rejects: Vec<_> = page.rejects.into_iter().map(reject).collect();
        let records = self.records(page.records, &mut rejects);
        let clean = |text: String| self.shared.scrubber.text(&text);
        Page {
            records,
            rejects,
            next_cursor: page.next_cursor,
            more: page.more,
            notices: page.notices.into_iter().map(clean).collect(),
        }
    }

    /// Converts records again that an earlier page yielded and that could not be converted then:
    /// what is now possible becomes a record, the rest comes back.
    pub fn convert_again(&self, yielded: &[Vec<u8>], rejects: &mut Vec<Reject>) -> Vec<Record> {
        let mut given = Vec::new();
        for json in yielded {
            match convert::yielded(json) {
                Ok(record) => given.push(record),
                Err(error) => rejects.push(Reject {
                    locator: SmolStr::new_static("a yielded record"),
                    field: None,
                    reason: format!("is not of this contract: {error}"),
                    raw: RejectedInput::Yielded(json.clone()),
                }),
            }
        }
        self.records(given, rejects)
    }

    fn records(&self, given: Vec<wit_model::Record>, rejects: &mut Vec<Reject>) -> Vec<Record> {
        let mut records = Vec::with_capacity(given.len());
        // Borrowed: a record as it comes is a kilobyte, too much to move for nothing.
        for record in &given {
            match convert::record(&self.shared.connector, record) {
                Ok(converted) => records.push(converted),
                Err(fault) => rejects.push(Reject {
                    locator: SmolStr::new(&record.id),
                    field: Some(fault.field.into()),
                    reason: fault.reason,
                    raw: convert::rejected_input(record),
                }),
            }
        }
        records
    }
}

fn stream(given: wit::Stream) -> Stream {
    Stream {
        name: given.name.into(),
        kind: convert::kind(given.kind),
        description: given.description,
        incremental: given.incremental,
        webhook: given.webhook,
        tells_deletions: given.deletes == wit::Deletes::Tombstones,
    }
}

fn reject(given: wit::Reject) -> Reject {
    Reject {
        locator: given.locator.into(),
        field: given.field.map(Into::into),
        reason: given.reason,
        raw: RejectedInput::Raw(given.raw),
    }
}
