//! Reading a stream until it has caught up.

use std::future::Future;
use std::time::Duration;

use crosspoint_ledger::Ledger;
use crosspoint_model::entry::{Records, Reject, RejectedInput, What};
use crosspoint_model::record::Record;
use crosspoint_model::{ConnectorId, Instant};
use smol_str::{SmolStr, format_smolstr};

use crate::{Error, SourceFault, check};

/// How long a read waits for a vendor that asks for patience, from one page to the next. Beyond it the
/// read ends and says so, and a later one goes on behind what was read.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The wait where the vendor does not say how long.
const UNTOLD_REST: Duration = Duration::from_secs(5);

/// The shortest wait, for vendors that say `Retry-After: 0` and mean otherwise.
const SHORTEST_REST: Duration = Duration::from_millis(200);

/// How much one page may hold.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Most records.
    pub records: u32,
    /// Most bytes, as the plugin counts them.
    pub bytes: u64,
}

impl Default for Budget {
    /// A page is one ledger entry and one step: large enough to make the sandbox's cost per call
    /// vanish, small enough to keep a step short.
    fn default() -> Self {
        Self {
            records: 1_000,
            bytes: 4 << 20,
        }
    }
}

/// A page as a source yields it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What could become records.
    pub records: Vec<Record>,
    /// What could not.
    pub rejects: Vec<Reject>,
    /// Where the next page starts.
    pub next_cursor: Vec<u8>,
    /// Whether more is waiting.
    pub more: bool,
    /// For the operator.
    pub notices: Vec<String>,
    /// The plugin's notes that changed; `None` deletes.
    pub jobs: Vec<(SmolStr, Option<Vec<u8>>)>,
}

/// Whatever yields pages: a plugin in its sandbox, or a test.
pub trait Source: Sync {
    /// Called with the cursor of the page before, or `None` at the very start.
    fn read(
        &self,
        stream: &str,
        cursor: Option<&[u8]>,
        budget: Budget,
    ) -> impl Future<Output = Result<Page, SourceFault>> + Send;
}

/// What reading one stream needs.
pub struct StreamContext<'a> {
    /// Where records go.
    pub ledger: &'a Ledger,
    /// Through which connector.
    pub connector: &'a ConnectorId,
    /// The stream's name at the plugin.
    pub stream: &'a str,
    /// Whether the pages' cursors are the stream's; not so for a webhook call, a re-drive, or a
    /// file that is read besides.
    pub keeps_cursor: bool,
    /// The instant for an entry with these records.
    pub stamp: &'a (dyn Fn(&[Record]) -> Instant + Sync),
    /// Told of every page: records and rejects so far.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// How much a page may hold.
    pub budget: Budget,
}

/// What a read brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSummary {
    /// Records appended.
    pub records: u64,
    /// Inputs put in quarantine.
    pub rejects: u64,
    /// Pages.
    pub pages: u64,
    /// Number of the last ledger entry, durable on return.
    pub last_seq: Option<u64>,
    /// For the operator, each once.
    pub notices: Vec<String>,
}

/// Reads pages from `cursor` on until the source has caught up, appending each as one ledger entry
/// with its cursor; returns when all of it is durable. Where the source no longer understands the
/// cursor it starts from the beginning, once. A vendor that asks for patience is asked again after
/// as long as it said, so that throttling and work of its own end no history.
///
/// # Errors
/// What the source or the ledger came to; pages before it are in the ledger.
pub async fn read_stream(
    source: &impl Source,
    ctx: &StreamContext<'_>,
    mut cursor: Option<Vec<u8>>,
) -> Result<ReadSummary, Error> {
    let mut summary = ReadSummary::default();
    let mut restarted = false;
    let mut rested = Duration::ZERO;
    loop {
        let page = match source.read(ctx.stream, cursor.as_deref(), ctx.budget).await {
            Ok(page) => page,
            Err(SourceFault::CursorExpired(reason)) if cursor.is_some() && !restarted => {
                tracing::warn!(
                    connector = %ctx.connector, stream = ctx.stream, reason,
                    "the cursor is no longer understood; reading the stream from its beginning"
                );
                restarted = true;
                cursor = None;
                continue;
            }
            Err(fault) => {
                if let Some(rest) = rest(&fault, rested) {
                    tokio::time::sleep(rest).await;
                    rested += rest;
                    continue;
                }
                return Err(Error::Source {
                    connector: ctx.connector.0.clone(),
                    stream: ctx.stream.into(),
                    fault,
                });
            }
        };
        rested = Duration::ZERO;
        let more = page.more;
        let moved = cursor.as_deref() != Some(page.next_cursor.as_slice());
        if more && !moved {
            return Err(Error::StandsStill {
                connector: ctx.connector.0.clone(),
                stream: ctx.stream.into(),
            });
        }
        for notice in &page.notices {
            if !summary.notices.contains(notice) {
                summary.notices.push(notice.clone());
            }
        }
        let next = page.next_cursor.clone();
        let nothing_new = page.records.is_empty() && page.rejects.is_empty();
        if moved || !nothing_new || !page.jobs.is_empty() {
            let (seq, records, rejects) = append_page(ctx, page).await?;
            summary.last_seq = Some(seq);
            summary.records += records;
            summary.rejects += rejects;
            summary.pages += 1;
            (ctx.progress)(summary.records, summary.rejects);
        }
        cursor = Some(next);
        if !more {
            break;
        }
    }
    if let Some(seq) = summary.last_seq {
        ctx.ledger.durable(seq).await?;
    }
    Ok(summary)
}

/// How long to wait before the vendor is asked again, if it asked for patience and `rested` leaves
/// some.
fn rest(fault: &SourceFault, rested: Duration) -> Option<Duration> {
    let SourceFault::RateLimited(ms) = fault else {
        return None;
    };
    let rest = ms.map_or(UNTOLD_REST, Duration::from_millis);
    let rest = rest.max(SHORTEST_REST);
    (rested.saturating_add(rest) <= LONGEST_REST).then_some(rest)
}

/// Checks a page's records and appends it. Answers with the entry's number and how many records and
/// rejects it holds. The entry is not yet durable.
///
/// # Errors
/// When the ledger fails.
pub async fn append_page(ctx: &StreamContext<'_>, page: Page) -> Result<(u64, u64, u64), Error> {
    let records = checked_page(ctx.connector, ctx.stream, ctx.keeps_cursor, page);
    let counts = (records.records.len() as u64, records.rejects.len() as u64);
    let at = (ctx.stamp)(&records.records);
    let appended = ctx
        .ledger
        .append_when_room(at, &What::Records(records))
        .await?;
    Ok((appended.seq, counts.0, counts.1))
}

/// A page as the ledger takes it: what [`check`] refuses is among the rejects.
pub fn checked_page(
    connector: &ConnectorId,
    stream: &str,
    keeps_cursor: bool,
    page: Page,
) -> Records {
    let mut rejects = page.rejects;
    let mut records = page.records;
    records.retain(|record| match check(record) {
        Ok(()) => true,
        Err((field, reason)) => {
            rejects.push(Reject {
                locator: format_smolstr!("id {}", record.id),
                field: Some(field.into()),
                reason,
                raw: RejectedInput::Record(Box::new(record.clone())),
            });
            false
        }
    });
    Records {
        connector: connector.clone(),
        stream: stream.into(),
        records,
        rejects,
        cursor: keeps_cursor.then_some(page.next_cursor),
        jobs: page.jobs,
    }
}
