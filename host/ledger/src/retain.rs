//! Removing what is old and covered by a snapshot.

use std::path::PathBuf;

use crosspoint_model::Instant;

use crate::shared::{Shared, lock};
use crate::{Result, shared};

/// Removes whole segment files, oldest first: those whose entries are all at most `covered_seq`
/// and older than `before`. The last file stays. Each removal is durable before the next, so that
/// a power cut leaves no hole.
pub(crate) fn retain(shared: &Shared, covered_seq: u64, before: Instant) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    loop {
        let mut segments = lock(&shared.segments);
        let old = match &segments[..] {
            [first, second, ..] => second.first_seq - 1 <= covered_seq && first.last_at < before,
            _ => false,
        };
        if !old {
            return Ok(removed);
        }
        let segment = segments.remove(0);
        drop(segments);
        let path = segment.path.clone();
        if let Err(error) = shared.disk.remove(&path) {
            lock(&shared.segments).insert(0, segment);
            return Err(shared::io_error("remove", &path)(error));
        }
        shared
            .disk
            .sync_folder(&shared.folder)
            .map_err(shared::io_error("sync", &shared.folder))?;
        removed.push(path);
    }
}
