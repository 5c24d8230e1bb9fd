//! What time and the applied configuration will make of a profile, before the step gets to it.

use crosspoint_model::profile::Profile;
use crosspoint_model::touched::Touched;
use crosspoint_model::{Instant, Symbol};
use crosspoint_segment::ProfileView;
use smol_str::SmolStr;

use crate::Compiled;
use crate::timers::first_expiry;

impl Compiled {
    /// The profile with the memberships that the step will give it at `now` if nothing arrives
    /// until then; `None` where it has them already. Nothing follows from it: the state learns it
    /// when the timer fires or the sweep comes by.
    pub fn look_ahead(
        &self,
        profile: &Profile,
        now: Instant,
        names: impl Fn(Symbol) -> SmolStr,
    ) -> Option<Profile> {
        let outdated = profile.epoch != self.epoch;
        let due = |profile: &Profile| first_expiry(profile).filter(|at| *at <= now);
        if !outdated && due(profile).is_none() {
            return None;
        }
        let view = ProfileView {
            survivorship: &self.survivorship,
            names,
        };
        let mut ahead = profile.clone();
        if outdated {
            self.drop_unknown(&mut ahead);
            self.rules.reevaluate_all(&mut ahead, now, &view);
            ahead.epoch = self.epoch;
        }
        while let Some(at) = due(&ahead) {
            self.rules
                .reevaluate(&mut ahead, &Touched::default(), at, &view);
            if due(&ahead) == Some(at) {
                break;
            }
        }
        Some(ahead)
    }
}
