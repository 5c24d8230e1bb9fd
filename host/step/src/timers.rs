//! What time alone changes.

use crosspoint_model::state::State;
use crosspoint_model::touched::Touched;
use crosspoint_model::{Instant, ProfileId};

use crate::stepper::Context;
use crate::{Error, Stepper};

impl Stepper {
    /// Fires all timers up to `until` in their order, each at the instant for which it was set.
    pub(crate) fn fire_timers(
        &mut self,
        state: &mut impl State,
        until: Instant,
        ctx: &mut Context,
    ) -> Result<(), Error> {
        while let Some((at, id)) = state.next_timer()? {
            if at > until {
                break;
            }
            ctx.now = at;
            let Some(mut profile) = state.take_profile(id)? else {
                state.delete_timer(at, id)?;
                continue;
            };
            let before = first_expiry(&profile);
            self.evaluate(state, &mut profile, &Touched::default(), ctx)?;
            if first_expiry(&profile) == before {
                // Nothing claims the timer: leaving it would fire it for ever.
                state.delete_timer(at, id)?;
            }
            reschedule(state, id, before, &profile)?;
            state.put_profile(profile)?;
        }
        Ok(())
    }
}

/// When the profile's timer is set for.
pub(crate) fn first_expiry(profile: &crosspoint_model::profile::Profile) -> Option<Instant> {
    profile.expiries.first().map(|expiry| expiry.at)
}

/// Moves the profile's timer from `before` to where its expiries say.
pub(crate) fn reschedule(
    state: &mut impl State,
    id: ProfileId,
    before: Option<Instant>,
    profile: &crosspoint_model::profile::Profile,
) -> Result<(), Error> {
    let after = first_expiry(profile);
    if before != after {
        if let Some(at) = before {
            state.delete_timer(at, id)?;
        }
        if let Some(at) = after {
            state.put_timer(at, profile.id)?;
        }
    }
    Ok(())
}
