//! What follows when fragments join or part.

use std::collections::BTreeSet;

use crosspoint_identity::Settled;
use crosspoint_model::entry::IdentityDecision;
use crosspoint_model::profile::{HandedOver, Membership, Profile};
use crosspoint_model::state::{Counter, State};
use crosspoint_model::touched::Touched;
use crosspoint_model::{FragmentId, ProfileId, Symbol};

use crate::stepper::{ChangeCause, Context};
use crate::timers::{first_expiry, reschedule};
use crate::{Error, Stepper};

impl Stepper {
    pub(crate) fn apply_decision(
        &mut self,
        state: &mut impl State,
        decision: &IdentityDecision,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let settled = crosspoint_identity::apply_decision(state, self.guards(), decision)?;
        self.follow(state, settled, ctx)
    }

    /// Carries what was derived for the retired profiles over to the formed ones, then evaluates
    /// them.
    ///
    /// A formed profile keeps each membership that a retired profile sharing a fragment had, so
    /// that joining or parting alone sends nobody anything twice; what no longer holds is left in
    /// the evaluation that follows, with its exits. What was handed over about segments goes
    /// along; what was handed over field by field goes only to the profile that kept its id, so
    /// that the vendor gets the others' fields under their own ids.
    pub(crate) fn follow(
        &mut self,
        state: &mut impl State,
        settled: Settled,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let refused = i64::try_from(settled.refused.len()).unwrap_or(i64::MAX);
        if refused > 0 {
            state.add_to_counter(Counter::KeptApart, refused)?;
        }
        if settled.formed.is_empty() {
            return Ok(());
        }
        ctx.effects.regrouped |= !settled.retired.is_empty();
        for retired in &settled.retired {
            if let Some(at) = first_expiry(retired) {
                state.delete_timer(at, retired.id)?;
            }
            for membership in &retired.memberships {
                state.add_to_counter(Counter::Members(membership.segment), -1)?;
            }
        }
        let mut ended = memberships_of(&settled.retired);
        let change = settled.formed.len() as i64 - settled.retired.len() as i64;
        state.add_to_counter(Counter::Profiles, change)?;
        let mut formed_ids = settled.formed;
        formed_ids.sort();
        for id in formed_ids {
            let Some(mut profile) = state.take_profile(id)? else {
                continue;
            };
            self.inherit(&mut profile, &settled.retired);
            for membership in &profile.memberships {
                state.add_to_counter(Counter::Members(membership.segment), 1)?;
                if !ended.remove(&(id, membership.segment)) {
                    ctx.changed(id, membership.segment, true, ChangeCause::Identity);
                }
            }
            self.evaluate(state, &mut profile, &Touched::everything(), ctx)?;
            reschedule(state, id, None, &profile)?;
            state.put_profile(profile)?;
        }
        for (id, segment) in ended {
            ctx.changed(id, segment, false, ChangeCause::Identity);
        }
        Ok(())
    }

    fn inherit(&self, profile: &mut Profile, retired: &[Profile]) {
        let own: BTreeSet<FragmentId> = profile.fragments.iter().map(|part| part.id).collect();
        let field_syncs = self.compiled.as_ref().map(|compiled| &compiled.field_syncs);
        for other in retired {
            if !other
                .fragments
                .iter()
                .any(|fragment| own.contains(&fragment.id))
            {
                continue;
            }
            // Profiles of an older configuration keep that mark until they are evaluated anew.
            for membership in &other.memberships {
                add_membership(&mut profile.memberships, *membership);
            }
            for handed_over in &other.handed_over {
                let by_field = field_syncs.is_some_and(|syncs| syncs.contains(&handed_over.sync));
                if !by_field || other.id == profile.id {
                    add_handed_over(&mut profile.handed_over, *handed_over);
                }
            }
        }
    }
}

fn memberships_of(profiles: &[Profile]) -> BTreeSet<(ProfileId, Symbol)> {
    let each = profiles.iter().flat_map(|profile| {
        let memberships = profile.memberships.iter();
        memberships.map(|membership| (profile.id, membership.segment))
    });
    each.collect()
}

fn add_membership(memberships: &mut Vec<Membership>, membership: Membership) {
    let key = |candidate: &Membership| candidate.segment;
    match memberships.binary_search_by_key(&membership.segment, key) {
        Ok(at) => memberships[at].since = memberships[at].since.min(membership.since),
        Err(at) => memberships.insert(at, membership),
    }
}

/// Replaces or inserts what a sync handed over.
pub(crate) fn add_handed_over(all: &mut Vec<HandedOver>, handed_over: HandedOver) {
    match all.binary_search_by_key(&handed_over.sync, |candidate| candidate.sync) {
        Ok(at) => all[at] = handed_over,
        Err(at) => all.insert(at, handed_over),
    }
}

/// Removes what a sync handed over, if anything.
pub(crate) fn remove_handed_over(all: &mut Vec<HandedOver>, sync: Symbol) -> bool {
    let found = all.binary_search_by_key(&sync, |candidate| candidate.sync);
    found.map(|at| all.remove(at)).is_ok()
}
