//! The state as bytes to compare: same ledger, same digest, whatever the engine and wherever the
//! checkpoints fell.

use sha2::{Digest, Sha256};

use crate::Result;
use crate::engine::{Engine, KeyRange, Pair};

const PAGE: usize = 1024;

/// All pairs in key order, the engine's own left out. Commits meanwhile show in part; who needs one
/// state takes [`Engine::hold`] first.
pub fn dump<E: Engine + ?Sized>(engine: &E) -> impl Iterator<Item = Result<Pair>> {
    dump_range(engine, KeyRange::all())
}

/// The pairs of one range, see [`dump`].
pub(crate) fn dump_range<E: Engine + ?Sized>(
    engine: &E,
    range: KeyRange,
) -> impl Iterator<Item = Result<Pair>> {
    let mut range = Some(range);
    let mut page = Vec::new().into_iter();
    std::iter::from_fn(move || {
        if let Some(pair) = page.next() {
            return Some(Ok(pair));
        }
        let from = range.take()?;
        match engine.scan(&from, PAGE) {
            Ok(pairs) => {
                if let (Some((last, _)), PAGE) = (pairs.last(), pairs.len()) {
                    range = Some(from.after(last));
                }
                page = pairs.into_iter();
                page.next().map(Ok)
            }
            Err(error) => Some(Err(error)),
        }
    })
}

/// SHA-256 over position, instant, and every key and value with their lengths.
///
/// # Errors
/// What reading the engine yields.
pub fn digest<E: Engine + ?Sized>(engine: &E) -> Result<[u8; 32]> {
    let _hold = engine.hold();
    let mut hash = Sha256::new();
    if let Some(reached) = engine.reached() {
        hash.update(reached.position.to_be_bytes());
        hash.update(reached.at.0.to_be_bytes());
    }
    for pair in dump(engine) {
        let (key, value) = pair?;
        for part in [key, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Ok(hash.finalize().into())
}
