//! Keeps a profile's memberships and expiries up to date, at the cost of the rules that a change
//! can reach.

use crosspoint_model::profile::{Expiry, Membership, Profile};
use crosspoint_model::{Instant, Symbol, Touched};

use crate::depends::RuleBits;
use crate::ruleset::RuleSet;
use crate::view::View;

/// A profile entered or left a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The segment's name.
    pub segment: Symbol,
    /// Whether it entered.
    pub entered: bool,
    /// When.
    pub at: Instant,
}

impl RuleSet {
    /// Brings memberships and expiries of a profile up to `now` after a change of its data:
    /// evaluates the rules that read what was touched, those that were due by `now`, and those
    /// that follow from a segment entered or left. Transitions come in the order of the rules.
    ///
    /// The profile must have been up to date before the change, under these rules; otherwise
    /// `touched` must say `everything`, as it must for a new profile. To be exact, expiries are
    /// fired at their own instants before anything later happens.
    pub fn reevaluate(
        &self,
        profile: &mut Profile,
        touched: &Touched,
        now: Instant,
        view: &dyn View,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let mut due = RuleBits::none_of(self.rules.len());
        if touched.everything {
            self.forget_unknown(profile, now, &mut transitions);
            profile.expiries.clear();
            // The others give what they give for a profile that holds nothing: they do not hold,
            // and nothing but data changes that.
            self.index.affected_by_contents(profile, &mut due);
            due.insert_all(&self.true_of_nothing);
            for membership in &profile.memberships {
                if let Some(rule) = self.rule_of(membership.segment) {
                    due.insert(rule);
                }
            }
        } else {
            self.index.affected(touched, &mut due);
            let past = profile.expiries.partition_point(|expiry| expiry.at <= now);
            for expiry in profile.expiries.drain(..past) {
                if let Some(rule) = self.rule_of(expiry.of) {
                    due.insert(rule);
                }
            }
        }
        let mut start = 0;
        while let Some(number) = due.next(start) {
            start = number + 1;
            let rule = &self.rules[number];
            let timed = rule.evaluate(profile, now, view);
            let was = profile.is_member(rule.segment);
            if timed.value != was {
                if timed.value {
                    join(profile, rule.segment, now);
                } else {
                    leave(profile, rule.segment);
                }
                let transition = Transition {
                    segment: rule.segment,
                    entered: timed.value,
                    at: now,
                };
                transitions.push(transition);
            }
            let unexpected = touched.everything && rule.default != Some(timed.value);
            if timed.value != was || unexpected {
                due.insert_all(&self.dependents[number]);
            }
            expire(profile, rule.segment, timed.next_change, touched.everything);
        }
        transitions
    }

    /// [`Self::reevaluate`] with everything touched: for a new profile, a profile made of others,
    /// and after a change of configuration, where segments that are no more are left.
    pub fn reevaluate_all(
        &self,
        profile: &mut Profile,
        now: Instant,
        view: &dyn View,
    ) -> Vec<Transition> {
        self.reevaluate(profile, &Touched::everything(), now, view)
    }

    /// Leaves segments that are no more.
    fn forget_unknown(
        &self,
        profile: &mut Profile,
        now: Instant,
        transitions: &mut Vec<Transition>,
    ) {
        profile.memberships.retain(|membership| {
            let known = self.rule_of(membership.segment).is_some();
            if !known {
                let segment = membership.segment;
                transitions.push(Transition {
                    segment,
                    entered: false,
                    at: now,
                });
            }
            known
        });
    }
}

pub(crate) fn join(profile: &mut Profile, segment: Symbol, since: Instant) {
    let place = profile
        .memberships
        .binary_search_by_key(&segment, |found| found.segment);
    if let Err(at) = place {
        profile
            .memberships
            .insert(at, Membership { segment, since });
    }
}

fn leave(profile: &mut Profile, segment: Symbol) {
    if let Ok(at) = profile
        .memberships
        .binary_search_by_key(&segment, |found| found.segment)
    {
        profile.memberships.remove(at);
    }
}

/// Sets, moves or removes the instant at which what `of` names can next change by itself, as in
/// [`Profile::expiries`]. Expiries of what is no rule are kept until they are due or everything is
/// evaluated anew.
pub fn set_expiry(profile: &mut Profile, of: Symbol, at: Option<Instant>) {
    expire(profile, of, at, false);
}

/// Replaces the segment's expiry. `none_yet` spares the search for an old one.
fn expire(profile: &mut Profile, segment: Symbol, at: Option<Instant>, none_yet: bool) {
    let expiries = &mut profile.expiries;
    if !none_yet && let Some(old) = expiries.iter().position(|expiry| expiry.of == segment) {
        if Some(expiries[old].at) == at {
            return;
        }
        expiries.remove(old);
    }
    if let Some(at) = at {
        let expiry = Expiry { at, of: segment };
        let place = expiries.partition_point(|found| *found < expiry);
        expiries.insert(place, expiry);
    }
}
