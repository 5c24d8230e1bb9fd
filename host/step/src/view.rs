//! How rules read a profile: through survivorship, and with the state's names.

use std::borrow::Cow;

use crosspoint_model::profile::Profile;
use crosspoint_model::record::{ConsentState, ConsentTopic};
use crosspoint_model::state::State;
use crosspoint_model::{Symbol, Value};
use crosspoint_profile::{SurvivorshipRules, consent, trait_value};
use crosspoint_segment::View;
use smol_str::SmolStr;

/// Reads profiles as the applied configuration says.
pub struct StateView<'a, S> {
    /// Where names are.
    pub state: &'a S,
    /// Which of several values counts.
    pub survivorship: &'a SurvivorshipRules,
}

impl<S: State> View for StateView<'_, S> {
    fn trait_value<'p>(&self, profile: &'p Profile, name: Symbol) -> Option<Cow<'p, Value>> {
        trait_value(profile, name, self.survivorship)
    }

    fn consent(&self, profile: &Profile, topic: &ConsentTopic) -> Option<ConsentState> {
        consent(profile, topic).map(|decision| decision.state)
    }

    fn name(&self, symbol: Symbol) -> SmolStr {
        self.state.name(symbol)
    }
}
