//! The next timers, so that finding the earliest one never walks over those that fired since the
//! last checkpoint.

use std::collections::BTreeSet;

use crosspoint_model::{Instant, ProfileId};

type Timer = (Instant, ProfileId);

/// All timers up to a horizon, none behind it.
#[derive(Debug, Default)]
pub(super) struct NearTimers {
    near: BTreeSet<Timer>,
    horizon: Horizon,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Horizon {
    /// Nothing is known yet.
    #[default]
    Start,
    /// All up to this one.
    Upto(Timer),
    /// All there are.
    End,
}

/// Timers read at once.
pub(super) const PAGE: usize = 1024;
/// Above this many the farther half is forgotten.
const MOST: usize = 64 << 10;

impl NearTimers {
    pub(super) fn put(&mut self, timer: Timer) {
        if self.covers(timer) {
            self.near.insert(timer);
            if self.near.len() > MOST
                && let Some(last) = self.near.iter().nth(MOST / 2).copied()
            {
                self.near.split_off(&last);
                let last = self.near.last().copied();
                self.horizon = last.map_or(Horizon::Start, Horizon::Upto);
            }
        }
    }

    pub(super) fn delete(&mut self, timer: Timer) {
        self.near.remove(&timer);
    }

    /// The earliest timer, or where to read on from to learn it.
    pub(super) fn first(&self) -> Result<Option<Timer>, Horizon> {
        match (self.near.first(), self.horizon) {
            (Some(timer), _) => Ok(Some(*timer)),
            (None, Horizon::End) => Ok(None),
            (None, horizon) => Err(horizon),
        }
    }

    /// Takes a page that follows the horizon.
    pub(super) fn extend(&mut self, page: Vec<Timer>) {
        self.horizon = match page.last() {
            Some(last) if page.len() == PAGE => Horizon::Upto(*last),
            _ => Horizon::End,
        };
        self.near.extend(page);
    }

    pub(super) fn bytes(&self) -> usize {
        self.near.len() * 40
    }

    fn covers(&self, timer: Timer) -> bool {
        match self.horizon {
            Horizon::Start => false,
            Horizon::Upto(last) => timer <= last,
            Horizon::End => true,
        }
    }
}
