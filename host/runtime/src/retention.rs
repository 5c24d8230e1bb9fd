//! Letting go of old ledger files, where the configuration says how long they are kept.

use std::sync::Arc;

use crosspoint_model::Instant;
use crosspoint_store::snapshot;

use crate::admin::AdminError;
use crate::error::coded;
use crate::host::Host;

/// Snapshots kept: the newest, and one to fall back on.
const SNAPSHOTS: usize = 2;

impl Host {
    /// Writes a snapshot and removes the ledger files that it covers and that are older than
    /// `ledger.keep`. Does nothing where everything is kept, or where one file holds it all. Blocks
    /// as long as the store takes to be read; steps wait only where they would commit.
    pub(crate) fn forget_old_entries(&self) -> Result<(), AdminError> {
        let Some(keep_ms) = self.project.ledger.keep_ms else {
            return Ok(());
        };
        if self.ledger.stats().segments < 2 {
            return Ok(());
        }
        let engine = self.handle.ask(|core| {
            core.checkpoint_and_wait()?;
            Ok(Arc::clone(core.state.engine()))
        })?;
        let folder = self.data.snapshots();
        let written = snapshot::write(&*engine, &folder, SNAPSHOTS)?;
        // The older of the kept snapshots must be able to start from what stays.
        let oldest = snapshot::list(&folder)?
            .into_iter()
            .map(|kept| kept.position)
            .min();
        let covered = oldest.unwrap_or(written.position);
        let keep = i64::try_from(keep_ms).unwrap_or(i64::MAX);
        let before: Instant = self.clock.now().plus_ms(-keep);
        let removed = self.ledger.retain(covered, before)?;
        if !removed.is_empty() {
            tracing::info!(files = removed.len(), "removed old ledger files");
        }
        Ok(())
    }

    /// [`Self::forget_old_entries`] from an async task.
    pub(crate) async fn forget_in_background(self: &Arc<Self>) -> Result<(), AdminError> {
        let host = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || host.forget_old_entries());
        done.await
            .map_err(|error| coded("XP-RUN-009", error, None))?
    }
}
