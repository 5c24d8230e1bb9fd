//! What follows for one profile from a change, from time, or from another configuration.

use crosspoint_model::Symbol;
use crosspoint_model::profile::Profile;
use crosspoint_model::state::{Counter, State};
use crosspoint_model::touched::Touched;
use crosspoint_segment::ProfileView;

use crate::stepper::{ChangeCause, Context};
use crate::syncs::Changes;
use crate::{Error, Stepper};

impl Stepper {
    /// Brings memberships, expiries and syncs of a profile that was taken out of the state up to
    /// `ctx.now`. The caller reschedules the timer and puts the profile back.
    pub(crate) fn evaluate(
        &mut self,
        state: &mut impl State,
        profile: &mut Profile,
        touched: &Touched,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        let Some(compiled) = self.compiled.as_ref() else {
            return Ok(());
        };
        let outdated = profile.epoch != compiled.epoch;
        if outdated {
            for removed in compiled.drop_unknown(profile) {
                state.add_to_counter(Counter::Members(removed), -1)?;
                ctx.changed(profile.id, removed, false, ChangeCause::Rule);
            }
        }
        // The rules take those that are due away.
        let due: Vec<Symbol> = profile
            .expiries
            .iter()
            .take_while(|expiry| expiry.at <= ctx.now)
            .map(|expiry| expiry.of)
            .collect();
        let names = |symbol| state.name(symbol);
        let view = ProfileView {
            survivorship: &compiled.survivorship,
            names,
        };
        let transitions = if outdated || touched.everything {
            compiled.rules.reevaluate_all(profile, ctx.now, &view)
        } else {
            compiled.rules.reevaluate(profile, touched, ctx.now, &view)
        };
        profile.epoch = compiled.epoch;
        for transition in &transitions {
            let change = if transition.entered { 1 } else { -1 };
            state.add_to_counter(Counter::Members(transition.segment), change)?;
            let (segment, entered) = (transition.segment, transition.entered);
            ctx.changed(profile.id, segment, entered, ChangeCause::Rule);
        }
        let everything = outdated || touched.everything;
        let changes = Changes {
            touched,
            transitions: &transitions,
            due: &due,
            everything,
        };
        compiled.run_syncs(state, profile, &changes, ctx)
    }
}
