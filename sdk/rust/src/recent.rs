//! What a reader that overlaps has handed over already.
//!
//! Vendors let rows become visible late: a transaction commits behind newer ones, a replica lags,
//! clocks differ. So every sweep begins some minutes before the newest row of the last one, and
//! what it finds again is passed over by a [`Recent`] in the cursor.

use serde::{Deserialize, Serialize};

use crate::Instant;

/// Rows that were handed over lately: instant and a mark of 64 bits, oldest first. Serialize it
/// as part of the cursor, where an entry takes up to 44 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Recent {
    entries: Vec<(Instant, u64)>,
}

/// Most rows that are remembered: with more a cursor could outgrow the contract's 64 KiB.
pub const MAX_RECENT: usize = 1_200;

impl Recent {
    /// The row was handed over in this very version.
    pub fn contains(&self, at: Instant, mark: u64) -> bool {
        self.entries.binary_search(&(at, mark)).is_ok()
    }

    /// Remembers a row; answers whether it was new. Beyond [`MAX_RECENT`] the oldest is forgotten,
    /// and is handed over again should a sweep find it again, which does no harm.
    pub fn insert(&mut self, at: Instant, mark: u64) -> bool {
        let Err(place) = self.entries.binary_search(&(at, mark)) else {
            return false;
        };
        self.entries.insert(place, (at, mark));
        if self.entries.len() > MAX_RECENT {
            self.entries.remove(0);
        }
        true
    }

    /// What is known of a row that only its place knows, such as the number of one that has no
    /// instant of change.
    pub fn look(&self, at: Instant, mark: u64) -> Seen {
        let first = self.entries.partition_point(|(known, _)| *known < at);
        match self.entries.get(first) {
            Some((known, earlier)) if *known == at && *earlier == mark => Seen::Same,
            Some((known, _)) if *known == at => Seen::Changed,
            _ => Seen::New,
        }
    }

    /// Remembers such a row; an earlier mark at its place is forgotten.
    pub fn replace(&mut self, at: Instant, mark: u64) {
        let first = self.entries.partition_point(|(known, _)| *known < at);
        match self.entries.get_mut(first) {
            Some((known, earlier)) if *known == at => *earlier = mark,
            _ => {
                self.insert(at, mark);
            }
        }
    }

    /// Forgets what is older than `since`.
    pub fn forget_before(&mut self, since: Instant) {
        let first = self.entries.partition_point(|(at, _)| *at < since);
        self.entries.drain(..first);
    }

    /// As many rows are remembered as can be: there may be others.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MAX_RECENT
    }

    /// Where the next sweep begins, after one that ended at `newest`: `overlap_ms` before it.
    /// Where more rows are as recent as that than can be remembered, and the vendor's own clock
    /// says that nothing can appear there any more, at `newest` itself.
    pub fn next_sweep(
        &self,
        newest: Instant,
        overlap_ms: i64,
        vendor_now: Option<Instant>,
    ) -> Instant {
        let settled = vendor_now.is_some_and(|now| newest < now.saturating_sub(overlap_ms));
        if self.is_full() && settled {
            newest
        } else {
            newest.saturating_sub(overlap_ms)
        }
    }
}

/// What was known of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    New,
    /// This very content.
    Same,
    /// Other content.
    Changed,
}

/// A mark of 64 bits (FNV-1a) of what makes a row's version, such as its id and its content.
pub fn mark<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        // The length in front keeps ("ab", "c") apart from ("a", "bc").
        for byte in (part.len() as u64).to_be_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        for byte in part.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_passed_over_once_remembered_in_the_same_version() {
        let mut recent = Recent::default();
        assert!(recent.insert(5, mark(["a"])));
        assert!(!recent.insert(5, mark(["a"])));
        assert!(recent.contains(5, mark(["a"])));
        assert!(!recent.contains(6, mark(["a"])), "changed since");
        assert!(!recent.contains(5, mark(["b"])));
        recent.forget_before(6);
        assert!(!recent.contains(5, mark(["a"])));
        assert_ne!(mark(["ab", "c"]), mark(["a", "bc"]));
    }

    #[test]
    fn content_of_a_place_is_told_from_earlier_content() {
        let mut recent = Recent::default();
        assert_eq!(recent.look(7, 1), Seen::New);
        recent.replace(7, 1);
        recent.replace(6, 1);
        assert_eq!(recent.look(7, 1), Seen::Same);
        assert_eq!(recent.look(7, 2), Seen::Changed);
        recent.replace(7, 2);
        assert_eq!(recent.look(7, 2), Seen::Same);
        assert!(
            !recent.contains(7, 1),
            "only the last content is remembered"
        );
    }

    #[test]
    fn a_full_memory_fits_a_cursor_and_goes_on_only_where_nothing_can_appear() {
        let mut recent = Recent::default();
        for at in 0..2 * MAX_RECENT as i64 {
            recent.insert(i64::MAX / 1_000_000 + at, u64::MAX - at as u64);
        }
        assert!(recent.is_full());
        let bytes = crate::settings::encode_cursor(&recent).unwrap();
        let again: Recent = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(again, recent);
        assert_eq!(recent.next_sweep(1_000, 600, Some(1_601)), 1_000);
        assert_eq!(recent.next_sweep(1_000, 600, Some(1_600)), 400);
        assert_eq!(recent.next_sweep(1_000, 600, None), 400);
        assert_eq!(Recent::default().next_sweep(1_000, 600, Some(9_999)), 400);
    }
}
