//! When the value of a condition turned last, and when it turns next if nothing arrives.
//!
//! With the facts as they are known, a condition is a function of time that is constant between the
//! instants which evaluation itself names. So both answers are found by going from one such instant
//! to the next.

use crosspoint_model::profile::Profile;
use crosspoint_model::time::HOUR_MS;
use crosspoint_model::{Instant, Symbol};

use crate::eval::Evaluator;
use crate::node::Node;
use crate::view::View;

/// Evaluations that one answer may cost; a condition that turns every minute is not followed for
/// years.
const MOST_EVALUATIONS: usize = 2_000;

/// A condition and what it is asked of.
pub(super) struct Course<'a> {
    pub node: &'a Node,
    pub profile: &'a Profile,
    pub view: &'a dyn View,
}

impl Course<'_> {
    /// The value at an instant, and the first later one at which it may be another.
    fn at(&self, instant: Instant) -> (bool, Instant) {
        let mut evaluator = Evaluator::new(self.profile, instant, self.view);
        let value = evaluator.truth(self.node);
        (value, evaluator.next)
    }

    /// The first instant after `now` at which the value is another.
    pub fn next_turn(&self, now: Instant) -> Option<Instant> {
        let (value, mut next) = self.at(now);
        for _ in 0..MOST_EVALUATIONS {
            if next == Instant::MAX {
                return None;
            }
            let (then, after) = self.at(next);
            if then != value {
                return Some(next);
            }
            next = after;
        }
        None
    }

    /// The first instant from which on the value was the one that it is at `now`; `None` where it was
    /// no other since `floor`, or where that takes too long to find.
    pub fn last_turn(&self, now: Instant, floor: Instant) -> Option<Instant> {
        let (value, _) = self.at(now);
        let mut evaluations = 0;
        // The value stood from `end` to `now`.
        let (mut end, mut back_ms) = (now, HOUR_MS);
        while end > floor {
            let start = Instant(now.0.saturating_sub(back_ms)).max(floor);
            let (mut before, mut next) = self.at(start);
            let mut turned = None;
            while next <= end {
                evaluations += 1;
                if evaluations > MOST_EVALUATIONS {
                    return None;
                }
                let (then, after) = self.at(next);
                if then == value && before != value {
                    turned = Some(next);
                }
                (before, next) = (then, after);
            }
            if turned.is_some() {
                return turned;
            }
            end = start;
            back_ms = back_ms.saturating_mul(4);
        }
        None
    }
}

/// An instant before everything that the profile knows, and before all of `others`.
pub(super) fn floor(profile: &Profile, others: impl Iterator<Item = Instant>) -> Instant {
    let facts = profile.facts().map(|fact| fact.at);
    let seen = profile.fragments.iter().map(|part| part.first_seen);
    let earliest = facts.chain(seen).chain(others).min();
    earliest.unwrap_or(Instant::MAX).plus_ms(-1)
}

/// Since when the profile is in the segment.
pub(super) fn member_since(profile: &Profile, segment: Symbol) -> Option<Instant> {
    let mut memberships = profile.memberships.iter();
    let found = memberships.find(|membership| membership.segment == segment);
    found.map(|membership| membership.since)
}
