//! Calls that were taken, so that one that comes again is answered without the plugin.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crosspoint_model::Instant;
use crosspoint_model::time::DAY_MS;

/// Most ids that are remembered: what a busy vendor sends within its window, in a few megabytes.
/// Beyond it the oldest go; a call that comes again then is read again, and changes nothing.
const MOST: usize = 20_000;

/// Ids of calls whose records are durable. A call that failed is not among them: the vendor's next
/// try must not be taken for a replay.
#[derive(Default)]
pub(super) struct Replays {
    known: BTreeSet<Arc<str>>,
    by_age: VecDeque<(Instant, Arc<str>)>,
}

impl Replays {
    /// Whether the id was remembered within the window, in milliseconds; a day where there is none.
    pub fn holds(&mut self, id: &str, now: Instant, window_ms: Option<i64>) -> bool {
        let oldest = now.plus_ms(-window_ms.unwrap_or(DAY_MS));
        while self.by_age.front().is_some_and(|(at, _)| *at < oldest) {
            self.forget_oldest();
        }
        self.known.contains(id)
    }

    /// Remembers an id from `now` on.
    pub fn remember(&mut self, id: &str, now: Instant) {
        let id: Arc<str> = id.into();
        if !self.known.insert(Arc::clone(&id)) {
            return;
        }
        self.by_age.push_back((now, id));
        if self.by_age.len() > MOST {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.by_age.pop_front() {
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_for_its_window() {
        let mut replays = Replays::default();
        assert!(!replays.holds("a", Instant(0), Some(100)));
        replays.remember("a", Instant(0));
        assert!(replays.holds("a", Instant(100), Some(100)));
        assert!(!replays.holds("a", Instant(101), Some(100)));
        replays.remember("a", Instant(101));
        assert!(replays.holds("a", Instant(DAY_MS), None));
    }

    #[test]
    fn the_oldest_ids_go_first() {
        let mut replays = Replays::default();
        for id in 0..=MOST {
            replays.remember(&id.to_string(), Instant(0));
        }
        assert_eq!(replays.known.len(), MOST);
        assert!(!replays.holds("0", Instant(0), None));
        assert!(replays.holds("1", Instant(0), None));
        assert!(replays.holds(&MOST.to_string(), Instant(0), None));
    }
}
