//! What a person can ask of a host, and what it answers.

pub(crate) mod find;
mod outbox;
pub(crate) mod profile;
mod quarantine;
mod reply;
mod request;
pub(crate) mod segment;
mod status;
mod usage;
mod why;

pub use reply::*;
pub use request::*;

use crate::Host;
use crate::open::OnProgress;

impl Host {
    /// Answers a request. Blocks; may be called from several threads, but not from within an async
    /// task.
    ///
    /// # Errors
    /// An error with a code and what to do.
    pub fn ask(&self, request: Request, progress: OnProgress<'_>) -> Result<Reply, AdminError> {
        match request {
            Request::Status => self.status().map(Reply::Status),
            Request::Sync {
                connector,
                stream,
                deliver,
            } => {
                let synced = self.tokio.block_on(async {
                    let mut synced = self.sync(&connector, stream.as_deref(), progress).await?;
                    if deliver {
                        synced.delivered = Some(self.deliver(None).await?);
                    }
                    Ok::<_, AdminError>(synced)
                })?;
                Ok(Reply::Synced(synced))
            }
            Request::Import {
                connector,
                path,
                deliver,
            } => {
                let synced = self.tokio.block_on(async {
                    let mut synced = self.import(&connector, &path, progress).await?;
                    if deliver {
                        synced.delivered = Some(self.deliver(None).await?);
                    }
                    Ok::<_, AdminError>(synced)
                })?;
                Ok(Reply::Synced(synced))
            }
            Request::Deliver { connector } => {
                let delivered = self.tokio.block_on(self.deliver(connector.as_deref()))?;
                Ok(Reply::Delivered(delivered))
            }
            Request::ProfileFind { query, limit } => self
                .find_profiles(&query, limit, progress)
                .map(Reply::Profiles),
            Request::ProfileShow { profile, facts } => self
                .show_profile(&profile, facts)
                .map(|view| Reply::Profile(Box::new(view))),
            Request::ProfileWhy { profile, segment } => self
                .why(&profile, segment)
                .map(|why| Reply::Why(Box::new(why))),
            Request::ProfileUnmerge { profile, fragments } => {
                self.unmerge(&profile, fragments).map(Reply::Unmerged)
            }
            Request::SegmentList => self.segments().map(Reply::Segments),
            Request::SegmentPreview { rule, samples } => {
                self.preview(rule, samples, progress).map(Reply::Preview)
            }
            Request::SegmentMembers {
                segment,
                after,
                limit,
            } => self
                .members(&segment, after.as_deref(), limit)
                .map(Reply::Members),
            Request::SegmentExplain { segment, profile } => {
                self.explain(&segment, &profile).map(Reply::Explained)
            }
            Request::SegmentVerify { segment } => self
                .verify(segment.as_deref(), progress)
                .map(Reply::Verified),
            Request::OutboxList {
                connector,
                which,
                after,
                limit,
            } => self
                .deliveries(connector, which, after, limit)
                .map(Reply::Deliveries),
            Request::OutboxShow { delivery } => self
                .delivery(&delivery)
                .map(|view| Reply::Delivery(Box::new(view))),
            Request::OutboxRetry {
                deliveries,
                connector,
            } => self.retry(deliveries, connector).map(Reply::Changed),
            Request::OutboxEdit { delivery, set } => self.edit(&delivery, &set).map(Reply::Changed),
            Request::OutboxDrop {
                deliveries,
                connector,
            } => self
                .drop_deliveries(deliveries, connector)
                .map(Reply::Changed),
            Request::QuarantineList {
                connector,
                after,
                limit,
            } => self
                .quarantine(connector, after, limit)
                .map(Reply::Quarantine),
            Request::QuarantineShow { item } => self
                .quarantined(&item)
                .map(|view| Reply::QuarantineItem(Box::new(view))),
            Request::QuarantineRetry { items, connector } => {
                self.retry_quarantined(items, connector).map(Reply::Retried)
            }
            Request::ConnectorResume { connector } => self.resume(&connector).map(Reply::Changed),
            Request::ConnectorPause { connector } => {
                self.pause_by_hand(&connector).map(Reply::Changed)
            }
        }
    }
}
